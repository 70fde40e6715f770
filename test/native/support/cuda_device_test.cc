// The host side of CUDA tables (cuda/embedding/engine.cc: buffers, copies, errors) on a stand-in for the CUDA runtime,
// with the kernels of lookups replayed thread by thread. Built with test/cuda/fake on the include path; no device is
// needed.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "../cuda/random_lookups.h"
#include "cpu/embedding/engine.h"
#include "cuda/embedding/engine.cc"
#include "cuda/embedding/train.cc"

namespace collide::cuda {

void launch_check_indices(const CheckArguments& args, BadIndices* bad, cudaStream_t) {
  for (std::uint32_t i = 0; i < args.count; ++i) {
    if (check_index(args, i)) continue;
    bad->first = bad->first < i ? bad->first : i;
    ++bad->count;
  }
}

void launch_count_accesses(const CountArguments& args, cudaStream_t) {
  if (args.halted != nullptr && *args.halted != 0) return;
  for (std::uint32_t i = 0; i < args.count; ++i) {
    ++args.counts[args.first_counts[last_start(args.first_ids, args.features, i)] + args.ids[i]];
  }
}

void launch_initial_rows(float* rows, std::uint64_t count, std::uint64_t seed, float center, float scale,
                         cudaStream_t) {
  for (std::uint64_t i = 0; i < count; ++i) rows[i] = center + scale * (2 * uniform01(seed, i) - 1);
}

// The kernels of backward work in groups of threads: the test device runs them, not this program.
void launch_weight_gradients(const FactorArguments&, float*, cudaStream_t) {}
void launch_factor_gradients(const FactorArguments&, float*, cudaStream_t) {}
void launch_expand(const ExpandArguments&, cudaStream_t) {}
void sort_entries(Scratch&, const std::uint32_t*, std::uint32_t*, const std::uint32_t*, std::uint32_t*, std::uint64_t,
                  int, cudaStream_t) {}
void reserve_sort(Scratch&, std::uint64_t, int) {}
void launch_steps(const StepArguments&, const OptimizerStep&, const BackwardPlan&, cudaStream_t) {}

void launch_lookup(const LookupArguments& args, std::uint32_t blocks, cudaStream_t) {
  for (std::uint32_t block = 0; block < blocks; ++block) {
    for (std::uint32_t thread = 0; thread < kBlockThreads; ++thread) lookup_thread(args, block, thread);
  }
}

}  // namespace collide::cuda

namespace {

using collide::BadIndex;
using collide::CpuEmbedding;
using collide::testing::Batch;
using collide::testing::Random;

int passed = 0, failed = 0;

void check(bool ok, const std::string& what) {
  ok ? ++passed : ++failed;
  if (!ok) std::printf("FAILED: %s\n", what.c_str());
}

// The message of the error that the body throws, after its code.
std::string error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const collide::Error& error) {
    return error.code + " " + error.what();
  }
  return "nothing thrown";
}

// Batches that shrink and grow, through the same buffers.
void compare(std::uint64_t seed) {
  Random random(seed);
  const auto policy = seed % 2 == 0 ? BadIndex::kClamp : BadIndex::kHash;
  Random same = random;
  CpuEmbedding engine(collide::testing::random_layout(random), {}, policy, seed, 1);
  const auto device = collide::cuda::make_embedding(collide::testing::random_layout(same), {}, policy, seed, true);
  for (const std::uint32_t size : {7u, 1u, 40u, 0u, 3u}) {
    const Batch data = collide::testing::random_batch(random, engine.layout(), size);
    const auto batch = data.view(size, random.below(2) == 1);
    std::vector<float> expected(size * engine.layout().output_width, NAN), out = expected;
    engine.forward(batch, expected.data(), true);
    device->forward(batch, out.data(), true);
    check(out.empty() || std::memcmp(expected.data(), out.data(), out.size() * sizeof(float)) == 0,
          "bits of case " + std::to_string(seed) + ", batch " + std::to_string(size));
  }
  check(device->bad_indices() == engine.bad_indices(), "bad indices of case " + std::to_string(seed));
  for (std::size_t f = 0; f < engine.layout().features.size(); ++f) {
    std::vector<std::uint32_t> expected(engine.layout().features[f].cardinality), counts = expected;
    engine.read_counts(f, 0, expected.size(), expected.data());
    device->read_counts(f, 0, counts.size(), counts.data());
    check(counts == expected, "counts of case " + std::to_string(seed));
  }
}

// A backward plans and copies without running past its buffers.
void plan(std::uint64_t seed) {
  Random random(seed);
  const auto device =
      collide::cuda::make_embedding(collide::testing::random_layout(random), {}, BadIndex::kClamp, 1, false);
  const Batch data = collide::testing::random_batch(random, device->layout(), 30);
  std::vector<float> out(30 * device->layout().output_width), weights(data.indices.size());
  device->forward(data.view(30, true), out.data(), true);
  const bool noted = error_of([&] { device->backward(out.data(), weights.data()); }) == "nothing thrown";
  check(noted && device->steps() == 1, "a step of case " + std::to_string(seed));
}

bool same_floats(const std::vector<float>& expected, const float* found) {
  return expected.empty() || std::memcmp(expected.data(), found, expected.size() * sizeof(float)) == 0;
}

// What a step on the device does of it: ids checked on the host, one copy, a lookup that copies nothing back.
void prepare(std::uint64_t seed) {
  Random random(seed);
  const auto policy = seed % 2 == 0 ? BadIndex::kClamp : BadIndex::kHash;
  Random same = random;
  CpuEmbedding engine(collide::testing::random_layout(random), {}, policy, seed, 1);
  collide::cuda::CudaEmbedding device(collide::testing::random_layout(same), {}, policy, seed, true);
  collide::cuda::Staging slots[2];
  std::uint32_t halted = 0;
  for (const std::uint32_t size : {5u, 30u, 0u, 11u}) {
    const Batch data = collide::testing::random_batch(random, engine.layout(), size);
    auto batch = data.view(size, random.below(2) == 1);
    batch.index_type = collide::IntegerType::kU32;  // negative ones are huge
    std::vector<float> expected(size * engine.layout().output_width, NAN);
    const std::size_t replaced = engine.forward(batch, expected.data(), true);
    collide::cuda::Staging& staging = slots[size % 2];
    staging.clear();
    const auto before = staging.add(&seed, 1);
    check(device.prepare(batch, true, staging) == replaced, "ids replaced of case " + std::to_string(seed));
    staging.upload(device.stream(), "copy");
    device.enqueue_lookup(true, &halted);
    check(*staging.device(before) == seed && same_floats(expected, device.output()),
          "bits of the prepared case " + std::to_string(seed) + ", batch " + std::to_string(size));
    device.enqueue_backward(nullptr);
    check(error_of([&] { device.kept_output(); }).find("NO_FORWARD") == 0, "no backward follows");
  }
  check(device.steps() == 4 && device.bad_indices() == engine.bad_indices(), "steps of case " + std::to_string(seed));
  for (std::size_t f = 0; f < engine.layout().features.size(); ++f) {
    std::vector<std::uint32_t> expected(engine.layout().features[f].cardinality), counts = expected;
    engine.read_counts(f, 0, expected.size(), expected.data());
    device.read_counts(f, 0, counts.size(), counts.data());
    check(counts == expected, "counts of the prepared case " + std::to_string(seed));
  }
}

collide::EmbeddingLayout one_feature(std::uint64_t cardinality, std::uint32_t dim) {
  collide::Feature feature;
  feature.name = "movie";
  feature.cardinality = cardinality;
  feature.dim = dim;
  feature.hashes.emplace_back(collide::IdentityHash(cardinality));
  std::vector<collide::Feature> features;
  features.push_back(std::move(feature));
  return collide::EmbeddingLayout(std::move(features));
}

void errors() {
  CpuEmbedding engine(one_feature(10, 4), {}, BadIndex::kError, 1, 1);
  const auto device = collide::cuda::make_embedding(one_feature(10, 4), {}, BadIndex::kError, 1, true);
  Batch data;
  data.indices = {1, 10, -1};
  data.offsets = {0, 1, 3};
  std::vector<float> out(8, 5);
  const auto look_up = [&] { device->forward(data.view(2, false), out.data(), false); };
  const auto on_cpu = [&] { engine.forward(data.view(2, false), out.data(), false); };
  check(error_of(look_up) == error_of(on_cpu) && error_of(look_up).find("received 10 in bag 1") != std::string::npos,
        "a bad index: the message of the CPU engine");
  check(out == std::vector<float>(8, 5) && device->bad_indices() == 0, "a bad index: nothing written or counted");
  data.offsets = {0, 4, 3};
  check(error_of(look_up) == error_of(on_cpu), "bad offsets: the message of the CPU engine");

  data.indices = {1, 2, 3};
  data.offsets = {0, 1, 3};
  fake_cuda::failing = "cudaStreamSynchronize";
  check(error_of(look_up) ==
            "CUDA_FAILED The CUDA runtime could not look up a batch: unspecified launch failure "
            "(cudaErrorLaunchFailure)",
        "a failing device: the operation is named");
  fake_cuda::failing = "cudaMemcpyAsync";
  check(error_of(look_up).find("could not copy a batch to the device") != std::string::npos, "a failing copy");
  check(error_of(look_up) == "nothing thrown", "the next call works");
}

// An application has made another device current: it finds that again, and nothing of ours is there.
void other_device() {
  fake_cuda::current = 1;
  const auto device = collide::cuda::make_embedding(one_feature(10, 4), {}, BadIndex::kError, 1, true);
  Batch data;
  data.indices = {1, 2, 9};
  data.offsets = {0, 1, 3};
  std::vector<float> out(8), rows(40), state(10);
  std::vector<std::uint32_t> counts(10);
  device->forward(data.view(2, false), out.data(), true);
  device->backward(out.data());
  device->read_values(0, 0, 10, rows.data());
  device->write_values(0, 0, 10, rows.data());
  device->read_state(0, 0, 10, state.data());
  device->write_state(0, 0, 10, state.data());
  device->read_counts(0, 0, 10, counts.data());
  device->write_counts(0, 0, 10, counts.data());
  check(fake_cuda::elsewhere == 0, "nothing is done on another device");
  check(fake_cuda::current == 1, "the application's device is current again");
  data.indices = {1, 2, 10};
  check(error_of([&] { device->forward(data.view(2, false), out.data(), true); }).find("INVALID_INDEX") == 0 &&
            fake_cuda::current == 1,
        "also after an error");
  fake_cuda::failing = "cudaSetDevice";
  check(error_of([&] {
          device->forward(data.view(2, false), out.data(), true);
        }).find("CUDA_FAILED The CUDA runtime could not make the device current") == 0,
        "a device that cannot be made current");
  fake_cuda::current = 0;
}

void out_of_memory() {
  const std::size_t before = fake_cuda::total;
  fake_cuda::total = 1000;
  const std::string message =
      error_of([] { collide::cuda::make_embedding(one_feature(100, 4), {}, BadIndex::kError, 1, true); });
  check(message.find("OUT_OF_MEMORY Could not allocate 1600 bytes on the CUDA device for table \"movie\" of 100 rows: "
                     "976 of 1000 bytes are free") == 0,
        "out of memory: " + message);
  fake_cuda::total = before;
}

}  // namespace

int main() {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) compare(seed), plan(seed), prepare(seed);
  errors();
  other_device();
  out_of_memory();
  check(fake_cuda::blocks.empty(), "all device memory is freed");
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
