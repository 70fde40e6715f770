// The PTX texts inside the fat binary that nvcc embeds in a program.
#pragma once

#include <string_view>
#include <vector>

namespace test_device {

// wrapper: what the program passes to __cudaRegisterFatBinary. The views stay valid as long as the program.
// Throws Unsupported when there is no PTX, or it is compressed.
std::vector<std::string_view> ptx_texts(const void* wrapper);

}  // namespace test_device
