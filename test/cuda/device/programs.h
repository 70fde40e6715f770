// What programs have registered: their modules, kernels and device variables. Parsed and decoded at first use, and
// kept: a report may name them to the end.
#pragma once

#include <cstdint>

#include "program.h"

namespace test_device {

void** register_module(const void* fat_binary);
void register_kernel(void** module, const void* host_function, const char* name);
void register_variable(void** module, const void* host_variable, const char* name);

// Null: not registered. Throws Unsupported.
const Program* program_of(const void* host_function);
// The device address of a variable; 0 when it is not registered.
std::uint64_t address_of(const void* host_variable);

}  // namespace test_device
