// The kernels of backward at the upper end of 32-bit entries: a batch may have 2^32 - 1 of them. The arrays hold a few
// entries, and pointers to their would-be beginning, so that what is launched sees the highest numbers there are. The
// rows must become what they are at the lowest numbers, bit for bit.
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "check.h"
#include "core/support/random.h"
#include "cuda/embedding/backward.cu"

namespace {

using namespace collide;
using namespace collide::cuda;
using collide::testing::check;

constexpr std::uint32_t kRows = 30, kWidth = 12;

template <typename T>
DeviceArray<T> uploaded(const std::vector<T>& values, const Stream& stream) {
  DeviceArray<T> array(values.size(), "a test");
  array.upload(values.data(), values.size(), stream, "copy");
  stream.wait("copy");
  return array;
}

// Rows and state after a step of `entries` sorted entries, the first of which has the number `first`.
std::vector<float> stepped(std::uint32_t entries, std::uint32_t first) {
  const Stream stream;
  std::vector<std::uint32_t> keys, values;
  for (std::uint32_t i = 0; i < entries; ++i) {
    // Runs of one, runs of some, and one of hundreds at the end; the last entries are pruned in some cases.
    const std::uint32_t row = i < 20 ? i : i < 200 ? 20 : i < 230 ? 21 + (i - 200) / 10 : 25;
    keys.push_back(entries % 2 == 1 && i + 5 > entries ? kRows : row);
    values.push_back(static_cast<std::uint32_t>(mix64(i) % 50) * kWidth);
  }
  std::vector<float> gradient(50 * kWidth);
  for (std::size_t i = 0; i < gradient.size(); ++i) gradient[i] = 2 * uniform01(1, i) - 1;
  const auto device_keys = uploaded(keys, stream), device_values = uploaded(values, stream);
  const auto device_gradient = uploaded(gradient, stream);
  const auto weights = uploaded(std::vector<float>(kRows * kWidth, 0.5f), stream);
  const auto state = uploaded(std::vector<float>(kRows, 0.25f), stream);

  SteppedTable table{};
  table.weights = weights.data(), table.state = state.data(), table.gradient = device_gradient.data();
  table.pruned_key = kRows;
  table.first_entry = first, table.entries = entries;
  table.width = kWidth, table.pack = 4;
  table.aligned_gradient = true;
  BackwardPlan plan;
  plan.entries = std::uint64_t{first} + entries;
  plan.first_block = {0, (entries + kEntriesPerBlock - 1) / kEntriesPerBlock};
  plan.long_runs = entries / (kFloatRun + 1), plan.long_floats = plan.long_runs * kWidth, plan.widest = kWidth;
  plan.tables = {table};
  const auto tables = uploaded(plan.tables, stream);
  const auto first_block = uploaded(plan.first_block, stream);
  const DeviceArray<Listed> listed(1, "a test");
  listed.clear(1, stream, "clear");
  const DeviceArray<LongRun> runs(plan.long_runs + 1, "a test");
  const DeviceArray<Piece> pieces(plan.long_runs + 1, "a test");
  const DeviceArray<double> sums(plan.long_floats + 1, "a test");
  const StepArguments args{tables.data(),
                           first_block.data(),
                           1,
                           device_keys.data() - first,
                           device_values.data() - first,
                           nullptr,
                           nullptr,
                           listed.data(),
                           runs.data(),
                           pieces.data(),
                           sums.data()};
  const OptimizerSettings adagrad{embedding_optimizers::RowwiseAdagrad{1e-8f, 0}, 0.02f};
  launch_steps(args, adagrad.step(1), plan, stream.get());
  std::vector<float> result(kRows * kWidth + kRows);
  weights.download(result.data(), kRows * kWidth, stream, "read");
  state.download(result.data() + kRows * kWidth, kRows, stream, "read");
  stream.wait("step");
  return result;
}

}  // namespace

int main() {
  for (const std::uint32_t entries : {1u, 2u, 31u, 64u, 65u, 255u, 256u, 257u, 511u, 600u, 1000u}) {
    const std::vector<float> low = stepped(entries, 0);
    check(entries < 5 || low[0] != 0.5f, "rows are stepped");
    for (const std::uint32_t behind : {0u, 1u, 100u, 255u, 256u}) {
      const std::vector<float> high = stepped(entries, 0xffffffffu - behind - entries);
      check(std::memcmp(low.data(), high.data(), low.size() * sizeof(float)) == 0,
            std::to_string(entries) + " entries up to number 2^32 - 1 - " + std::to_string(behind));
    }
  }
  return collide::testing::summary();
}
