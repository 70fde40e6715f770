// The named pieces of work that are timed, each once per batch: lookup.K, forward.K, backward.K and step.K (forward and
// backward) of the engine with hash kind K, the limits gather.K and update.K on the same tables, and stream.copy and
// stream.read. Of a kind K-counted, which counts accesses as no other kind does, the step alone is timed: on
// the rows of K, because where rows happen to lie, and in what pages, makes more of a difference than counting. Its own
// are only optimizer state and counts.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine.h"

namespace collide::bench {

struct Seconds {
  double wall = 0, cpu = 0;  // cpu: of all threads of this process
};

class Cases {
 public:
  // Builds engines of these kinds, checks them against a float64 loop, and chooses each limit's fastest prefetch.
  Cases(Shape shape, const std::vector<std::string>& kinds, unsigned threads);

  // Mean per batch, over `count` batches from number `first`. Throws Error INVALID_ARGUMENT naming an unknown case.
  Seconds run(const std::string& name, std::size_t first, std::size_t count);

  const Workload& workload() const { return workload_; }
  const std::map<std::string, std::string>& notes() const { return notes_; }  // what was chosen, and the checksum
  std::vector<std::string> names() const;

 private:
  // Returns the time of the part that counts.
  using Case = std::function<Seconds(std::size_t batch)>;
  struct Tables {
    std::string kind;
    Engine engine;
    std::vector<TableMemory> memory;
    std::vector<RowList> rows, distinct;  // of each batch
  };

  void add(const std::string& kind);
  Case step_of(Engine& engine);
  void add_counted(const std::string& kind, const std::string& plain);
  void add_streams();
  void check(const std::string& kind, Tables& tables);
  // The fastest prefetch for case `name`, which `make` builds.
  void add_limit(const std::string& name, const std::function<Case(Prefetch)>& make);
  Seconds run(const Case& one, std::size_t first, std::size_t count) const;

  Workload workload_;
  unsigned threads_;
  Memory out_, gradient_, stream_;
  std::vector<std::unique_ptr<Tables>> tables_;
  std::vector<std::unique_ptr<Engine>> counted_;
  std::map<std::string, Case> cases_;
  std::map<std::string, std::string> notes_;
  double sink_ = 0;  // sums end here, so that nothing is optimised away
};

}  // namespace collide::bench
