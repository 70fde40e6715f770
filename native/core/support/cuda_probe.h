// Is there a CUDA device this build can use? Answered without guessing: the reason says what is missing.
#pragma once

#include <string>

namespace collide {

struct CudaProbe {
  bool available = false;
  std::string reason;  // when available: the device's name and memory; otherwise why not, and the remedy
  // CUDA versions as 1000 * major + 10 * minor: of the toolkit that the build was made with (0: a build without
  // kernels), and the newest that the driver supports (0: no driver).
  int runtime = 0, driver = 0;
  std::string architectures;  // what the build holds kernels for: sm_90 is machine code, compute_90 PTX
  std::string needs;          // the driver that the build needs; empty for a build without kernels
  std::string launch;         // what came of the test kernel: "right", "not made" or what went wrong
};

}  // namespace collide
