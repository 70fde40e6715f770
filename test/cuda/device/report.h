// What ran and what was found. With TEST_DEVICE_REPORT=file.json in the environment (%p in the name: the process id) a
// report is written when the process ends, and after every finding.
#pragma once

#include <cstdint>
#include <string>

#include "block.h"
#include "finding.h"

namespace test_device {

bool report_wanted();
void report_launch(const Launch& launch);
// A copy in a stream, to or from the host or neither; `free`: the host goes on meanwhile, its memory being pinned.
void report_copy(bool up, bool down, std::uint64_t bytes, bool free);
void report_finding(const std::string& kind, const std::string& what);

}  // namespace test_device
