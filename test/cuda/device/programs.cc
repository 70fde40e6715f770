#include "programs.h"

#include <cstring>
#include <map>
#include <memory>
#include <string>

#include "fat_binary.h"
#include "finding.h"
#include "memory.h"

namespace test_device {

namespace {

struct Loaded {
  const void* fat_binary;
  std::unique_ptr<Module> module;
  std::map<std::string, std::unique_ptr<Program>> programs;
};

struct Name {
  Loaded* loaded;
  std::string name;
};

std::map<const void*, Name>& kernels() {
  static auto* map = new std::map<const void*, Name>;
  return *map;
}

std::map<const void*, Name>& variables() {
  static auto* map = new std::map<const void*, Name>;
  return *map;
}

void place(Variable& variable) {
  GlobalMemory& memory = GlobalMemory::instance();
  variable.address = memory.allocate(variable.bytes, "variable " + variable.name);
  if (variable.address == 0) throw Unsupported("no memory for the variables of a module");
  Region& region = *memory.find(variable.address);
  std::memset(region.data, 0, variable.bytes);
  std::memset(region.state, kDefined, variable.bytes);
  std::memcpy(region.data, variable.initial.data(), std::min<std::size_t>(variable.initial.size(), variable.bytes));
  region.writable = !variable.constant;
}

Module& module_of(Loaded& loaded) {
  if (loaded.module == nullptr) {
    loaded.module = std::make_unique<Module>(parse(ptx_texts(loaded.fat_binary).front()));
    for (Variable& variable : loaded.module->variables) {
      if (variable.space == Space::kGlobal && variable.bytes > 0) place(variable);
    }
  }
  return *loaded.module;
}

}  // namespace

void** register_module(const void* fat_binary) {
  auto* loaded = new Loaded{fat_binary, nullptr, {}};
  return reinterpret_cast<void**>(loaded);
}

void register_kernel(void** module, const void* host_function, const char* name) {
  kernels()[host_function] = {reinterpret_cast<Loaded*>(module), name};
}

void register_variable(void** module, const void* host_variable, const char* name) {
  variables()[host_variable] = {reinterpret_cast<Loaded*>(module), name};
}

const Program* program_of(const void* host_function) {
  const auto found = kernels().find(host_function);
  if (found == kernels().end()) return nullptr;
  Loaded& loaded = *found->second.loaded;
  std::unique_ptr<Program>& program = loaded.programs[found->second.name];
  if (program == nullptr) {
    const Module& module = module_of(loaded);
    const auto kernel = module.kernels.find(found->second.name);
    if (kernel == module.kernels.end()) return nullptr;
    try {
      program = std::make_unique<Program>(decode(module, kernel->second));
    } catch (const Unsupported& problem) {
      throw Unsupported(text(problem.what(), " in kernel ", kernel->first));
    }
  }
  return program.get();
}

std::uint64_t address_of(const void* host_variable) {
  const auto found = variables().find(host_variable);
  if (found == variables().end()) return 0;
  for (const Variable& variable : module_of(*found->second.loaded).variables) {
    if (variable.name == found->second.name) return variable.address;
  }
  return 0;
}

}  // namespace test_device
