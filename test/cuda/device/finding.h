// What the test device throws. A Finding is a mistake of the kernel that runs; Unsupported is a limit of the test
// device, met before the kernel runs.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace test_device {

class Finding : public std::runtime_error {
 public:
  Finding(std::string kind, const std::string& what) : std::runtime_error(what), kind(std::move(kind)) {}
  std::string kind;  // "out of bounds", "data race", ...: the key in reports and tests
};

class Unsupported : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

template <typename... Parts>
std::string text(const Parts&... parts) {
  std::ostringstream stream;
  (stream << ... << parts);
  return stream.str();
}

}  // namespace test_device
