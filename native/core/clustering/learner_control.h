// How a clustering that runs for a while is watched and stopped, on any device.
//
// `aborted` is polled all the time, from any thread. `progress` gets two numbers that the learner defines: (done, all)
// where nothing else is said. Both may be empty.
#pragma once

#include <cmath>
#include <functional>

namespace collide {

struct LearnerControl {
  std::function<bool()> aborted;  // once true, what is returned has no meaning
  std::function<void(double, double)> progress;
  unsigned threads = 0;  // of the CPU; 0: all available. The result is the same for any number
};

// How far a search is whose end is not known: it ends after some 15 steps, mostly.
inline double share_of_search(double steps) {
  return 1 - std::pow(0.8, steps);
}

}  // namespace collide
