// Streams of the test device work as late as they may: what a program that forgets to wait then sees. A real device may
// be as late, and mostly is not, so these expectations are the test device's own.
#include <cstdint>

#include "check.h"

namespace {

using namespace collide::testing;

constexpr int kCount = 64;

__global__ void double_all(int* values) {
  values[threadIdx.x] *= 2;
}

struct Pinned {
  int* data = nullptr;
  Pinned() { need(cudaMallocHost(reinterpret_cast<void**>(&data), kCount * sizeof(int)), "cudaMallocHost"); }
  ~Pinned() { cudaFreeHost(data); }
  void fill(int value) const {
    for (int i = 0; i < kCount; ++i) data[i] = value;
  }
  bool all(int value) const {
    for (int i = 0; i < kCount; ++i) {
      if (data[i] != value) return false;
    }
    return true;
  }
};

struct Stream {
  cudaStream_t stream;
  Stream() { need(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "make a stream"); }
  ~Stream() { cudaStreamDestroy(stream); }
  void up(int* device, const int* host) const {
    need(cudaMemcpyAsync(device, host, kCount * sizeof(int), cudaMemcpyHostToDevice, stream), "copy up");
  }
  void down(int* host, const int* device) const {
    need(cudaMemcpyAsync(host, device, kCount * sizeof(int), cudaMemcpyDeviceToHost, stream), "copy down");
  }
  void wait() const { need(cudaStreamSynchronize(stream), "wait for a stream"); }
};

struct Event {
  cudaEvent_t event;
  Event() { need(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "make an event"); }
  ~Event() { cudaEventDestroy(event); }
};

void host_and_stream() {
  const Pinned in, out;
  const OnDevice<int> values(kCount);
  const Stream stream;
  in.fill(3), out.fill(-1);
  stream.up(values.data(), in.data);
  double_all<<<1, kCount, 0, stream.stream>>>(values.data());
  stream.down(out.data, values.data());
  check(out.all(-1), "a result is not there before the host has waited");
  stream.wait();
  check(out.all(6), "and is there when it has");

  stream.up(values.data(), in.data);
  in.fill(5);  // without having waited
  stream.wait();
  stream.down(out.data, values.data());
  stream.wait();
  check(out.all(5), "a pinned buffer used anew too early is copied as it is then");

  std::vector<int> plain(kCount, 7);
  stream.up(values.data(), plain.data());
  plain.assign(kCount, 8);
  stream.down(plain.data(), values.data());
  check(plain == std::vector<int>(kCount, 7), "other host memory is read at once, and written before the call returns");
}

void between_streams(bool waits) {
  const Pinned in, out;
  const OnDevice<int> values(std::vector<int>(kCount, 1));
  const Stream copies, work;
  const Event copied, done;
  in.fill(10), out.fill(-1);
  copies.up(values.data(), in.data);
  need(cudaEventRecord(copied.event, copies.stream), "record");
  copies.up(values.data(), in.data);  // after the event: nobody waits for it
  if (waits) need(cudaStreamWaitEvent(work.stream, copied.event, 0), "wait for an event");
  double_all<<<1, kCount, 0, work.stream>>>(values.data());
  work.down(out.data, values.data());
  need(cudaEventRecord(done.event, work.stream), "record");
  need(cudaEventSynchronize(done.event), "wait for an event");
  check(out.all(waits ? 20 : 2), waits ? "work after what it waits for" : "work before what it should have waited for");
  need(cudaDeviceSynchronize(), "wait for the device");
  work.down(out.data, values.data());
  work.wait();
  check(out.all(10), "the copy after the event comes last");
}

void findings_come_late() {
  const Stream stream;
  int* const nowhere = reinterpret_cast<int*>(std::uintptr_t{64});
  double_all<<<1, kCount, 0, stream.stream>>>(nowhere);
  check(cudaGetLastError() == cudaSuccess, "a launch succeeds");
  check(cudaStreamSynchronize(stream.stream) == cudaErrorIllegalAddress, "who waits is told what its kernel did");
  need(cudaDeviceReset(), "go on");
}

}  // namespace

int main() {
  host_and_stream();
  between_streams(true);
  between_streams(false);
  findings_come_late();
  return summary();
}
