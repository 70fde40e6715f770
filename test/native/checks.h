// What the plain test programs share: counted checks, and errors that must come.
#pragma once

#include <cstdio>
#include <functional>
#include <string>

#include "core/support/error.h"

namespace collide::checks {

inline int passed = 0, failed = 0;

inline void check(bool ok, const std::string& what) {
  ok ? ++passed : ++failed;
  if (!ok) std::printf("FAILED: %s\n", what.c_str());
}

// body() must throw INVALID_ARGUMENT with `text` in its message.
inline void rejects(const std::string& text, const std::function<void()>& body) {
  try {
    body();
    check(false, "accepted: " + text);
  } catch (const Error& error) {
    check(error.code == "INVALID_ARGUMENT" && std::string(error.what()).find(text) != std::string::npos,
          text + ", said: " + error.what());
  }
}

// The last line of a program, and its exit status.
inline int summary() {
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}

}  // namespace collide::checks
