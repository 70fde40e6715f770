// What ran and what was found. With TEST_DEVICE_REPORT=file.json in the environment (%p in the name: the process id) a
// report is written when the process ends, and after every finding.
#pragma once

#include <string>

#include "block.h"
#include "finding.h"

namespace test_device {

bool report_wanted();
void report_launch(const Launch& launch);
void report_finding(const std::string& kind, const std::string& what);

}  // namespace test_device
