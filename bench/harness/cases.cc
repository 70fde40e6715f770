#include "cases.h"

#include <time.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <string_view>

#include "core/support/error.h"
#include "cpu/support/thread_pool.h"

namespace collide::bench {

namespace {

constexpr std::size_t kStream = std::size_t{256} << 20;  // bytes copied or read at once
constexpr std::string_view kCounted = "-counted";        // ends the names of kinds that count
constexpr double kTrial = 0.01;                          // seconds a prefetch is tried for, each time
constexpr int kTrials = 3;                               // one is enough for work of several times that

Seconds clocks() {
  timespec cpu;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now().time_since_epoch();
  return {wall.count(), static_cast<double>(cpu.tv_sec) + static_cast<double>(cpu.tv_nsec) * 1e-9};
}

template <typename Body>
Seconds timed(const Body& body) {
  const Seconds begin = clocks();
  body();
  const Seconds end = clocks();
  return {end.wall - begin.wall, end.cpu - begin.cpu};
}

}  // namespace

Cases::Cases(Shape shape, const std::vector<std::string>& kinds, unsigned threads)
    : workload_(shape), threads_(threads) {
  if (shape.width != 16 && shape.width != 64) {
    fail("INVALID_ARGUMENT", "Expected width 16 or 64, which the limits are written for, received ", shape.width);
  }
  const std::size_t values = shape.batch * shape.tables * shape.width;
  out_ = Memory(values * sizeof(float), "the output");
  gradient_ = Memory(values * sizeof(float), "the gradient");
  for (std::size_t i = 0; i < values; ++i) gradient_.as<float>()[i] = initial_weight(0, i) * 1e-3f;
  notes_["compiler"] = std::to_string(__GNUC__) + "." + std::to_string(__GNUC_MINOR__);
#if defined(__x86_64__)
  notes_["vectors"] = __builtin_cpu_supports("avx512f") ? "AVX-512" : __builtin_cpu_supports("avx2") ? "AVX2" : "SSE2";
#else
  notes_["vectors"] = "baseline";
#endif
  add_streams();
  for (const std::string& kind : kinds) {
    if (!kind.ends_with(kCounted)) {
      add(kind);
      continue;
    }
    add_counted(kind, kind.substr(0, kind.size() - kCounted.size()));
  }
}

void Cases::add_streams() {
  stream_ = Memory(2 * kStream, "the streams");
  std::fill_n(stream_.as<float>(), 2 * kStream / sizeof(float), 1.0f);
  notes_["stream.bytes"] = std::to_string(kStream);
  cases_["stream.copy"] = [this](std::size_t) {
    return timed([&] { stream_copy(stream_.as<char>(), stream_.as<char>() + kStream, kStream, threads_); });
  };
  cases_["stream.read"] = [this](std::size_t) {
    return timed([&] { sink_ += stream_read(stream_.as<float>(), kStream / sizeof(float), threads_); });
  };
}

void Cases::add(const std::string& kind) {
  tables_.push_back(std::make_unique<Tables>(Tables{kind, Engine(workload_, kind, false, threads_), {}, {}, {}}));
  Tables& tables = *tables_.back();
  const std::size_t batches = workload_.shape.batches, width = workload_.shape.width;
  tables.memory = tables.engine.memory();
  tables.rows.resize(batches);
  tables.distinct.resize(batches);
  parallel_for(batches, threads_, [&](std::size_t b) {
    tables.rows[b] = tables.engine.rows(b);
    tables.distinct[b] = tables.engine.distinct_rows(b);
  });
  check(kind, tables);

  auto* out = out_.as<float>();
  const auto* gradient = gradient_.as<float>();
  cases_["lookup." + kind] = [&tables, out](std::size_t b) {
    return timed([&] { tables.engine.forward(b, out, false); });
  };
  cases_["forward." + kind] = [&tables, out](std::size_t b) {
    return timed([&] { tables.engine.forward(b, out, true); });
  };
  // Backward and its limit both find the caches as a forward of the same batch leaves them.
  cases_["backward." + kind] = [&tables, out, gradient](std::size_t b) {
    tables.engine.forward(b, out, true);
    return timed([&] { tables.engine.backward(gradient); });
  };
  cases_["step." + kind] = step_of(tables.engine);
  // What the limits leave out: the output is written once, the gradient read once.
  const std::size_t values = out_.bytes() / sizeof(float);
  cases_["write." + kind] = [this, out, values](std::size_t) {
    return timed([&] { stream_write(out, values, threads_); });
  };
  cases_["read." + kind] = [this, &tables, out, gradient, values](std::size_t b) {
    tables.engine.forward(b, out, true);
    return timed([&] { sink_ += stream_read(gradient, values, threads_); });
  };
  add_limit("gather." + kind, [this, &tables, width](Prefetch prefetch) {
    return [this, &tables, width, prefetch](std::size_t b) {
      return timed([&] { sink_ += gather(tables.memory, width, tables.rows[b], prefetch, threads_); });
    };
  });
  add_limit("update." + kind, [this, &tables, width, out](Prefetch prefetch) {
    return [this, &tables, width, out, prefetch](std::size_t b) {
      tables.engine.forward(b, out, true);
      return timed([&] { update(tables.memory, width, tables.distinct[b], 1e-6f, prefetch, threads_); });
    };
  });
  std::size_t distinct = 0;
  for (const RowList& list : tables.distinct) distinct += list.rows.size();
  notes_["distinct." + kind] = std::to_string(distinct / batches);
}

Cases::Case Cases::step_of(Engine& engine) {
  return [this, &engine](std::size_t b) {
    return timed([&] {
      engine.forward(b, out_.as<float>(), true);
      engine.backward(gradient_.as<float>());
    });
  };
}

void Cases::add_counted(const std::string& kind, const std::string& plain) {
  const auto owner = std::find_if(tables_.begin(), tables_.end(), [&](const auto& one) { return one->kind == plain; });
  if (owner == tables_.end()) {
    fail("INVALID_ARGUMENT", "Expected kind \"", plain, "\" before \"", kind, "\", which steps its rows");
  }
  counted_.push_back(std::make_unique<Engine>(workload_, plain, true, threads_));
  cases_["step." + kind] = [step = step_of(*counted_.back()), &engine = *counted_.back(),
                            &rows = (*owner)->engine](std::size_t b) {
    engine.swap_rows(rows);
    const Seconds seconds = step(b);
    engine.swap_rows(rows);
    return seconds;
  };
}

// Batch 0 against plain float64 sums, and the gather against the sum of the output.
void Cases::check(const std::string& kind, Tables& tables) {
  const Shape& shape = workload_.shape;
  const auto* out = out_.as<float>();
  tables.engine.forward(0, out_.as<float>(), false);
  const std::size_t stride = shape.tables * shape.width;
  double total = 0, size = 0, checksum = 0;
  for (std::size_t i = 0; i < shape.batch * stride; ++i) {
    const std::size_t bag = i / stride, table = i % stride / shape.width, column = i % shape.width;
    double sum = 0, most = 0;
    for (std::size_t id = 0; id < shape.pooling; ++id) {
      const std::size_t row = tables.rows[0].rows[(table * shape.batch + bag) * shape.pooling + id];
      const double value = static_cast<double>(tables.memory[table].weights[row * shape.width + column]);
      sum += value;
      most += std::abs(value);
    }
    if (!(std::abs(static_cast<double>(out[i]) - sum) <= 1e-6 * most)) {
      fail("WRONG_RESULT", "Expected ", sum, " for ", kind, ", bag ", bag, " of table ", table, ", column ", column,
           ", received ", out[i]);
    }
    total += sum;
    size += most;
    checksum += sum * static_cast<double>(1 + i % 13);
  }
  for (const Prefetch& prefetch : prefetches()) {
    const double gathered = gather(tables.memory, shape.width, tables.rows[0], prefetch, threads_);
    if (!(std::abs(gathered - total) <= 1e-5 * size)) {
      fail("WRONG_RESULT", "Expected the gather limit of ", kind, " to sum up to ", total, ", received ", gathered);
    }
  }
  notes_["checksum." + kind] = std::to_string(checksum);
  notes_["size." + kind] = std::to_string(size);
}

void Cases::add_limit(const std::string& name, const std::function<Case(Prefetch)>& make) {
  std::vector<Prefetch> all = prefetches();
  std::vector<double> seconds(all.size(), std::numeric_limits<double>::infinity());
  const double once = run(make(all[0]), 0, 1).wall;
  const auto count =
      static_cast<std::size_t>(std::clamp(kTrial / once, 1.0, static_cast<double>(workload_.shape.batches)));
  for (int trial = 0; trial < (once > 5 * kTrial ? 1 : kTrials); ++trial) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      seconds[i] = std::min(seconds[i], run(make(all[i]), trial * count, count).wall);
    }
  }
  const std::size_t best = std::min_element(seconds.begin(), seconds.end()) - seconds.begin();
  cases_[name] = make(all[best]);
  notes_[name] = all[best].text();
}

Seconds Cases::run(const Case& one, std::size_t first, std::size_t count) const {
  Seconds sum;
  for (std::size_t i = 0; i < count; ++i) {
    const Seconds seconds = one((first + i) % workload_.shape.batches);
    sum.wall += seconds.wall / static_cast<double>(count);
    sum.cpu += seconds.cpu / static_cast<double>(count);
  }
  return sum;
}

Seconds Cases::run(const std::string& name, std::size_t first, std::size_t count) {
  const auto found = cases_.find(name);
  if (found == cases_.end()) fail("INVALID_ARGUMENT", "Expected a case of this workload, received \"", name, "\"");
  return run(found->second, first, count);
}

std::vector<std::string> Cases::names() const {
  std::vector<std::string> all;
  for (const auto& [name, one] : cases_) all.push_back(name);
  return all;
}

}  // namespace collide::bench
