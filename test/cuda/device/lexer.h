// PTX as tokens: words (names, opcodes, directives, numbers) and single punctuation marks. Comments and .loc, .file
// and .section lines do not come out.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace test_device {

struct Token {
  std::string_view text;
  std::uint32_t line;
};

std::vector<Token> tokens(std::string_view ptx);

bool is_number(std::string_view word);
// The bits of a literal: decimal, 0x..., 0f... (float32) or 0d... (float64); integers in two's complement.
std::uint64_t number_bits(std::string_view word);

}  // namespace test_device
