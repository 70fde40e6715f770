// How a clustering that runs for a while is watched and stopped, on any device.
#pragma once

#include <functional>

namespace collide {

struct LearnerControl {
  std::function<bool()> aborted;                          // may be empty; once true, what is returned has no meaning
  std::function<void(double done, double all)> progress;  // may be empty
  unsigned threads = 0;                                   // 0: all available
};

}  // namespace collide
