#include "lexer.h"

#include <cctype>
#include <string>

namespace test_device {

namespace {

bool in_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '$' || c == '%';
}

}  // namespace

std::vector<Token> tokens(std::string_view ptx) {
  std::vector<Token> found;
  std::uint32_t line = 1;
  std::size_t i = 0;
  const auto skip_to = [&](std::string_view end) {
    for (const std::size_t stop = std::min(ptx.find(end, i), ptx.size()); i < stop; ++i) line += ptx[i] == '\n';
  };
  while (i < ptx.size()) {
    const char c = ptx[i];
    if (c == '\n') ++line;
    if (std::isspace(static_cast<unsigned char>(c))) {
      ++i;
    } else if (ptx.substr(i, 2) == "//") {
      skip_to("\n");
    } else if (ptx.substr(i, 2) == "/*") {
      skip_to("*/");
      i += 2;
    } else if (c == '"') {
      const std::size_t end = ptx.find('"', i + 1);
      found.push_back({ptx.substr(i, end + 1 - i), line});
      i = end + 1;
    } else if (in_word(c) || c == '.') {
      std::size_t end = i + 1;
      while (end < ptx.size() && (in_word(ptx[end]) || ptx[end] == '.' || ptx.substr(end, 2) == "::")) {
        end += ptx[end] == ':' ? 2 : 1;
      }
      const std::string_view word = ptx.substr(i, end - i);
      if (word == ".loc" || word == ".file") {
        skip_to("\n");
      } else {
        found.push_back({word, line});
        i = end;
      }
    } else {
      found.push_back({ptx.substr(i, 1), line});
      ++i;
    }
  }
  return found;
}

bool is_number(std::string_view word) {
  return !word.empty() && std::isdigit(static_cast<unsigned char>(word[0]));
}

std::uint64_t number_bits(std::string_view word) {
  std::string digits(word);
  if (digits.size() > 1 && digits.back() == 'U') digits.pop_back();
  if (digits.size() > 2 && digits[0] == '0' && std::tolower(digits[1]) != 'x' && std::isalpha(digits[1])) {
    return std::stoull(digits.substr(2), nullptr, 16);  // 0f, 0d
  }
  return std::stoull(digits, nullptr, 0);
}

}  // namespace test_device
