#include "report.h"

#include <cxxabi.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <vector>

namespace test_device {

namespace {

struct KernelCounts {
  const Program* program;
  std::string name;
  std::uint64_t launches = 0, blocks = 0, threads = 0;
  std::vector<Site> sites;
};

// Copies between host and device in streams.
struct Bus {
  std::uint64_t copies = 0, bytes = 0, unpinned = 0;
};

struct Report {
  Bus up, down;
  std::map<const Program*, KernelCounts> kernels;
  std::vector<std::pair<std::string, std::string>> findings;
};

Report& report() {
  static auto* all = new Report;
  return *all;
}

std::string quoted(const std::string& value) {
  std::string result = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') result += '\\';
    result += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  }
  return result + '"';
}

std::string plain_name(const std::string& mangled) {
  char* plain = abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, nullptr);
  std::string result = plain != nullptr ? plain : mangled;
  std::free(plain);
  return result;
}

void write_counts(std::ostream& out, const Site& site) {
  out << "\"threads\": " << site.threads << ", \"requests\": " << site.requests << ", \"bytes\": " << site.bytes
      << ", \"sectors\": " << site.sectors << ", \"blockSectors\": " << site.block_sectors
      << ", \"sharedRequests\": " << site.shared_requests << ", \"sharedPasses\": " << site.shared_passes;
}

void write_kernel(std::ostream& out, const KernelCounts& kernel) {
  Site total;
  for (const Site& site : kernel.sites) {
    total.threads += site.threads;
    total.requests += site.requests;
    total.bytes += site.bytes;
    total.sectors += site.sectors;
    total.block_sectors += site.block_sectors;
    total.shared_requests += site.shared_requests;
    total.shared_passes += site.shared_passes;
  }
  out << "{\"kernel\": " << quoted(kernel.name) << ", \"launches\": " << kernel.launches
      << ", \"blocks\": " << kernel.blocks << ", \"launchedThreads\": " << kernel.threads
      << ", \"instructions\": " << total.threads << ", \"requests\": " << total.requests
      << ", \"bytes\": " << total.bytes << ", \"sectors\": " << total.sectors
      << ", \"blockSectors\": " << total.block_sectors << ", \"sharedRequests\": " << total.shared_requests
      << ", \"sharedPasses\": " << total.shared_passes << ",\n  \"accesses\": [";
  const char* separator = "";
  for (std::size_t k = 0; k < kernel.sites.size(); ++k) {
    const Site& site = kernel.sites[k];
    if (site.requests + site.shared_requests == 0) continue;
    out << separator << "\n    {\"instruction\": " << quoted(kernel.program->text_of(kernel.program->code[k])) << ", ";
    write_counts(out, site);
    out << "}";
    separator = ",";
  }
  out << "]}";
}

void write() {
  const char* wanted = std::getenv("TEST_DEVICE_REPORT");
  if (wanted == nullptr) return;
  std::string file = wanted;
  if (const std::size_t at = file.find("%p"); at != std::string::npos) file.replace(at, 2, std::to_string(getpid()));
  std::ofstream out(file);
  out << "{\"findings\": [";
  const char* separator = "";
  for (const auto& [kind, what] : report().findings) {
    out << separator << "\n  {\"kind\": " << quoted(kind) << ", \"what\": " << quoted(what) << "}";
    separator = ",";
  }
  out << "],\n";
  for (const auto& [name, bus] : {std::pair{"toDevice", report().up}, std::pair{"toHost", report().down}}) {
    out << quoted(name) << ": {\"copies\": " << bus.copies << ", \"bytes\": " << bus.bytes
        << ", \"unpinned\": " << bus.unpinned << "},\n";
  }
  out << "\"kernels\": [";
  separator = "";
  for (const auto& [program, kernel] : report().kernels) {
    out << separator << "\n  ";
    write_kernel(out, kernel);
    separator = ",";
  }
  out << "]}\n";
}

}  // namespace

bool report_wanted() {
  static const bool wanted = std::getenv("TEST_DEVICE_REPORT") != nullptr;
  return wanted;
}

void report_launch(const Launch& launch) {
  if (!report_wanted()) return;
  static const int registered = std::atexit(write);
  static_cast<void>(registered);
  KernelCounts& kernel = report().kernels[&launch.program];
  if (kernel.launches++ == 0) {
    kernel.program = &launch.program;
    kernel.name = plain_name(launch.program.kernel->name);
    kernel.sites.resize(launch.sites.size());
  }
  kernel.blocks += launch.last_fence.size();
  kernel.threads += launch.last_fence.size() * launch.thread_count();
  for (std::size_t k = 0; k < kernel.sites.size(); ++k) {
    Site& site = kernel.sites[k];
    const Site& more = launch.sites[k];
    site.threads += more.threads;
    site.requests += more.requests;
    site.bytes += more.bytes;
    site.sectors += more.sectors;
    site.block_sectors += more.block_sectors;
    site.shared_requests += more.shared_requests;
    site.shared_passes += more.shared_passes;
  }
}

void report_copy(bool up, bool down, std::uint64_t bytes, bool free) {
  if (!up && !down) return;
  Bus& bus = up ? report().up : report().down;
  ++bus.copies;
  bus.bytes += bytes;
  bus.unpinned += free ? 0 : 1;
}

void report_finding(const std::string& kind, const std::string& what) {
  std::fprintf(stderr, "test device: %s\n", what.c_str());
  report().findings.emplace_back(kind, what);
  write();
}

}  // namespace test_device
