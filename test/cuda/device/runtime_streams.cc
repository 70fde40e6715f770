// Streams and events: see streams.h.
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <set>
#include <utility>

#include "runtime.h"
#include "streams.h"

namespace test_device {

namespace {

using Clock = std::chrono::steady_clock;

struct Work {
  std::deque<std::function<cudaError_t()>> waiting;
  std::uint64_t put = 0, done = 0;  // since the stream was made

  // Does the first `count` that were ever put.
  void run_until(std::uint64_t count) {
    while (done < count) {
      const auto next = std::move(waiting.front());
      waiting.pop_front();
      ++done;
      failed(next());
    }
  }
};

std::set<Work*>& all() {
  static auto* streams = new std::set<Work*>;
  return *streams;
}

}  // namespace

}  // namespace test_device

// Events outlive their streams: what they mark is shared.
struct CUstream_st {
  std::shared_ptr<test_device::Work> work = std::make_shared<test_device::Work>();
};
struct CUevent_st {
  std::shared_ptr<test_device::Work> of;
  std::uint64_t after = 0;
  std::chrono::steady_clock::time_point when;
};

namespace test_device {

cudaError_t submit(cudaStream_t stream, std::function<cudaError_t()> work) {
  const std::lock_guard lock(runtime().mutex);
  if (stream == nullptr || runtime().sticky != cudaSuccess) return work();
  stream->work->waiting.push_back(std::move(work));
  ++stream->work->put;
  return cudaSuccess;
}

cudaError_t finish(cudaStream_t stream) {
  const std::lock_guard lock(runtime().mutex);
  if (stream != nullptr) stream->work->run_until(stream->work->put);
  return runtime().sticky;
}

cudaError_t finish_all() {
  const std::lock_guard lock(runtime().mutex);
  for (Work* work : all()) work->run_until(work->put);
  return runtime().sticky;
}

}  // namespace test_device

extern "C" {

using namespace test_device;

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  return guarded([&] {
    expect_device_0("a new stream");
    *stream = new CUstream_st;
    all().insert((*stream)->work.get());
    return cudaSuccess;
  });
}
cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  return cudaStreamCreateWithFlags(stream, 0);
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  const std::lock_guard lock(runtime().mutex);
  if (stream == nullptr) return cudaSuccess;
  finish(stream);
  all().erase(stream->work.get());
  delete stream;
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return finish(stream);
}
cudaError_t cudaStreamQuery(cudaStream_t stream) {
  return finish(stream);
}
cudaError_t cudaDeviceSynchronize() {
  return finish_all();
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  if (event->of == nullptr) return cudaSuccess;
  return submit(stream, [of = event->of, after = event->after] {
    of->run_until(after);
    return cudaSuccess;
  });
}
cudaError_t cudaStreamIsCapturing(cudaStream_t, cudaStreamCaptureStatus* status) {
  *status = cudaStreamCaptureStatusNone;
  return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  return guarded([&] {
    expect_device_0("a new event");
    *event = new CUevent_st;
    return cudaSuccess;
  });
}
cudaError_t cudaEventCreate(cudaEvent_t* event) {
  return cudaEventCreateWithFlags(event, 0);
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  const std::lock_guard lock(runtime().mutex);
  event->of = stream == nullptr ? nullptr : stream->work;
  event->after = stream == nullptr ? 0 : stream->work->put;
  event->when = Clock::now();
  return runtime().sticky;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  const std::lock_guard lock(runtime().mutex);
  if (event->of != nullptr) event->of->run_until(event->after);
  return runtime().sticky;
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
  return cudaEventSynchronize(event);
}
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  *milliseconds = std::chrono::duration<float, std::milli>(end->when - start->when).count();
  return cudaSuccess;
}

}  // extern "C"
