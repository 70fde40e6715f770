// Is there a CUDA device this build can use? Answered without guessing: the reason says what is missing.
#pragma once

#include <string>

namespace collide {

struct CudaProbe {
  bool available;
  std::string reason;  // when available: the device's name and memory; otherwise why not
};

}  // namespace collide
