// The test device's report: sectors, bytes and bank conflicts of kernels whose numbers are known, and the refusal of
// what it cannot run. Each case is a process of its own, since the report is written when one ends.
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <iterator>

#include "check.h"

namespace {

using namespace collide::testing;

constexpr int kThreads = 256;

__global__ void gather(const float* in, float* out, int stride, int from) {
  out[threadIdx.x] = in[from + threadIdx.x * stride];
}

__global__ void gather_twice(const float* in, float* out) {
  const float once = in[threadIdx.x];
  __syncthreads();
  out[threadIdx.x] = once + static_cast<const volatile float*>(in)[threadIdx.x / 2];
}

__global__ void gather_wide(const float4* in, float4* out) {
  out[threadIdx.x] = in[threadIdx.x];
}

__global__ void columns(float* out, int stride) {
  __shared__ float held[32 * 33];
  for (int k = static_cast<int>(threadIdx.x); k < 32 * 33; k += 32) held[k] = 0;
  __syncwarp();
  out[threadIdx.x] = held[threadIdx.x * stride];
}

__global__ void read_clock(unsigned* out) {
  unsigned now;
  asm volatile("mov.u32 %0, %%clock;" : "=r"(now));
  *out = now;
}

struct Ended {
  bool aborted;
  std::string report, errors;
};

std::string contents(const std::string& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

Ended in_child(const std::function<void()>& body) {
  char folder[] = "/tmp/report_test_XXXXXX";
  if (mkdtemp(folder) == nullptr) std::abort();
  const std::string report = std::string(folder) + "/report.json", errors = std::string(folder) + "/errors";
  const pid_t child = fork();
  if (child == 0) {
    setenv("TEST_DEVICE_REPORT", report.c_str(), 1);
    if (std::freopen(errors.c_str(), "w", stderr) == nullptr) std::abort();
    body();
    std::exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  const Ended ended{WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, contents(report), contents(errors)};
  for (const std::string& file : {report, errors}) std::remove(file.c_str());
  rmdir(folder);
  return ended;
}

// The number after "name": in the first access of an instruction that starts like this.
long number(const std::string& report, const std::string& instruction, const std::string& name) {
  std::size_t at = report.find("{\"instruction\": \"" + instruction);
  if (at != std::string::npos) at = report.find("\"" + name + "\": ", at);
  return at == std::string::npos ? -1 : std::atol(report.c_str() + at + name.size() + 4);
}

void expect_sectors(const char* what, long bytes, long sectors, const std::function<void()>& launch) {
  const std::string report = in_child([&] {
                               launch();
                               need(cudaDeviceSynchronize(), what);
                             }).report;
  check(number(report, "ld.global", "requests") == kThreads / 32 && number(report, "ld.global", "bytes") == bytes &&
            number(report, "ld.global", "sectors") == sectors,
        std::string(what) + ": " + report);
}

}  // namespace

int main() {
  const std::vector<float> numbers(kThreads * 8 + 8, 1.0f);
  const auto run = [&](int stride, int from) {
    return [&numbers, stride, from] {
      OnDevice<float> in(numbers), out(kThreads);
      gather<<<1, kThreads>>>(in.data(), out.data(), stride, from);
    };
  };
  expect_sectors("neighbours", 4 * kThreads, kThreads / 8, run(1, 0));
  expect_sectors("neighbours across sectors", 4 * kThreads, kThreads / 8 + kThreads / 32, run(1, 1));
  expect_sectors("every second", 4 * kThreads, kThreads / 4, run(2, 0));
  expect_sectors("a sector each", 4 * kThreads, kThreads, run(8, 0));
  expect_sectors("the same for all", 4 * kThreads, kThreads / 32, run(0, 3));
  expect_sectors("16 bytes each", 16 * kThreads, kThreads / 2, [&] {
    OnDevice<float> in(numbers), out(kThreads * 4);
    gather_wide<<<1, kThreads>>>(reinterpret_cast<const float4*>(in.data()), reinterpret_cast<float4*>(out.data()));
  });
  const std::string twice = in_child([&] {
                              OnDevice<float> in(numbers), out(kThreads);
                              gather_twice<<<3, kThreads>>>(in.data(), out.data());
                            }).report;
  check(number(twice, "ld.volatile.global", "sectors") == 3 * kThreads / 16 &&
            number(twice, "ld.volatile.global", "blockSectors") == 0 &&
            number(twice, "ld.global.f32", "blockSectors") == 3 * kThreads / 8,
        "sectors that are new to a block: " + twice);
  for (const int stride : {1, 32, 33}) {
    const Ended ended = in_child([&] {
      OnDevice<float> out(32);
      columns<<<1, 32>>>(out.data(), stride);
    });
    check(number(ended.report, "ld.shared", "sharedPasses") == (stride == 32 ? 32 : 1),
          "bank conflicts of stride " + std::to_string(stride) + ": " + ended.report);
  }

  const Ended finding = in_child([&] {
    OnDevice<float> in(8), out(8);
    gather<<<1, 32>>>(in.data(), out.data(), 1, 0);
  });
  check(finding.report.find("\"kind\": \"out of bounds\"") != std::string::npos, "a finding in the report");
  check(!finding.aborted && finding.errors.find("32 bytes into allocation 1 of 32 bytes") != std::string::npos,
        "a finding says where: " + finding.errors);

  const Ended refused = in_child([] {
    OnDevice<unsigned> out(1);
    read_clock<<<1, 1>>>(out.data());
  });
  check(refused.aborted && refused.errors.find("%clock") != std::string::npos, "%clock is refused by name");
  return summary();
}
