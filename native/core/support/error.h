// The one exception type of the native code. `code` is one of the stable codes of lib/errors.ts.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace collide {

class Error : public std::runtime_error {
 public:
  Error(std::string code, const std::string& message) : std::runtime_error(message), code(std::move(code)) {}
  const std::string code;
};

// fail("INVALID_ARGUMENT", "Expected rows >= 1, received ", rows)
template <typename... Parts>
[[noreturn]] void fail(const char* code, const Parts&... parts) {
  std::ostringstream message;
  (message << ... << parts);
  throw Error(code, message.str());
}

}  // namespace collide
