#include "core/dense/plan.h"

#include <algorithm>

#include "core/dense/ops/columns.h"
#include "core/dense/ops/dots.h"
#include "core/dense/ops/linear.h"
#include "core/dense/ops/loss.h"
#include "core/dense/ops/relu.h"

namespace collide {

namespace {

constexpr std::size_t kNone = ~std::size_t{0};
using List = std::vector<std::size_t>;

// A value that some op makes (or a copy of one), and its neighbours in memory.
struct Leaf {
  std::size_t size;
  bool trained, in_batch;
  bool masked = false;  // a ReLU's output, in place of what goes into it
  std::size_t before = kNone, after = kNone;
  std::size_t region = kNone, first = 0;
  std::size_t readings = 0;  // by ops that write gradients, as far as they are not yet done
  bool written = false;      // its gradient, by one of them
  Place gradient;
};

// An op reads an input, which consists of leaves.
struct Reading {
  std::size_t node, input;
  List leaves;
};

class Planner {
 public:
  Planner(const Head& head, Inputs inputs) : nodes_(head.nodes()), inputs_(inputs), made_(nodes_.size()) {
    plan_.nodes.resize(nodes_.size());
  }

  Plan run() {
    for (std::size_t n = 0; n < nodes_.size(); ++n) place(n);
    make_regions();
    for (Leaf& leaf : leaves_) leaf.readings = 0;
    for (const Reading& reading : readings_) {
      for (const std::size_t l : reading.leaves) ++leaves_[l].readings;
    }
    place_gradients();
    for (std::size_t r = readings_.size(); r-- > 0;) {
      // The inputs of an op in their order, ops from the last to the first.
      std::size_t from = r;
      while (from > 0 && readings_[from - 1].node == readings_[r].node) --from;
      for (std::size_t k = from; k <= r; ++k) write(readings_[k]);
      r = from;
    }
    for (std::size_t n = 0; n < nodes_.size(); ++n) {
      if (made_[n].empty()) continue;
      plan_.nodes[n].value = value_of(made_[n]);
      plan_.nodes[n].gradient = gradient_of(made_[n]);
    }
    return std::move(plan_);
  }

 private:
  std::size_t add_leaf(std::size_t node, bool in_batch) {
    Leaf leaf{};
    leaf.size = nodes_[node].shape.size();
    leaf.trained = nodes_[node].trained;
    leaf.in_batch = in_batch;
    leaves_.push_back(leaf);
    return leaves_.size() - 1;
  }

  // Decides which leaves a node's value and its inputs consist of.
  void place(std::size_t n) {
    const Node& node = nodes_[n];
    NodePlan& plan = plan_.nodes[n];
    plan.copied.assign(node.inputs.size(), false);
    plan.gradients.resize(node.inputs.size());
    plan.inputs.resize(node.inputs.size());
    if (n == Head::kDense || n == Head::kVectors) {
      const bool used = !node.readers.empty() && nodes_[node.readers[0]].kind != &columns_op;
      plan.runs = used && inputs_ == Inputs::kLoaded;
      if (used) made_[n] = {add_leaf(n, inputs_ == Inputs::kInBatch)};
      return;
    }
    if (folds(n)) {
      made_[n] = made_[node.inputs[0]];
      leaves_[made_[n][0]].masked = true;
      plan_.nodes[node.inputs[0]].relu = true;
      plan.runs = false;
      return;
    }
    std::vector<List> inputs;
    for (const std::size_t input : node.inputs) inputs.push_back(made_[input]);
    if (node.kind->joins) {
      inputs = side_by_side(n, inputs);
      for (const List& leaves : inputs) made_[n].insert(made_[n].end(), leaves.begin(), leaves.end());
    } else if (node.kind == &dots_op && inputs_ == Inputs::kLoaded) {
      // The first vector last, so that it also can stand in front of the dots.
      std::reverse(inputs.begin(), inputs.end());
      std::vector<bool>& copied = plan.copied;
      inputs = side_by_side(n, inputs);
      std::reverse(inputs.begin(), inputs.end());
      std::reverse(copied.begin(), copied.end());
    }
    finds_.resize(nodes_.size());
    finds_[n] = inputs;
    plan.runs = !node.kind->joins || std::find(plan.copied.begin(), plan.copied.end(), true) != plan.copied.end();
    if (node.kind != &loss_op && !node.kind->joins) made_[n] = {add_leaf(n, false)};
    if (node.kind == &columns_op) return;  // reads from the batch
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (!node.kind->joins || plan.copied[i]) readings_.push_back({n, i, made_[node.inputs[i]]});
    }
  }

  // A ReLU behind a linear op that nothing else reads.
  bool folds(std::size_t n) const {
    const Node& node = nodes_[n];
    if (node.kind != &relu_op) return false;
    const Node& input = nodes_[node.inputs[0]];
    return input.kind == &linear_op && input.readers.size() == 1;
  }

  // Puts the leaves of a node's inputs side by side, with copies of those that are in a batch, or of all where one has
  // another neighbour already.
  std::vector<List> side_by_side(std::size_t n, std::vector<List> inputs) {
    std::vector<bool>& copied = plan_.nodes[n].copied;
    const bool reversed = !nodes_[n].kind->joins;  // see place()
    const auto copy = [&](std::size_t i) {
      const std::size_t input = nodes_[n].inputs[reversed ? inputs.size() - 1 - i : i];
      copied[i] = true;
      inputs[i] = {add_leaf(input, false)};
    };
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (leaves_[inputs[i][0]].in_batch) copy(i);
    }
    if (!link(inputs)) {
      for (std::size_t i = 0; i < inputs.size(); ++i) {
        if (!copied[i]) copy(i);
      }
      link(inputs);
    }
    return inputs;
  }

  // False, and has then changed nothing, if it cannot be.
  bool link(const std::vector<List>& inputs) {
    List linked;
    for (std::size_t i = 1; i < inputs.size(); ++i) {
      const std::size_t left = inputs[i - 1].back(), right = inputs[i].front();
      if (leaves_[left].after == right) continue;
      std::size_t last = right;
      while (leaves_[last].after != kNone) last = leaves_[last].after;
      if (leaves_[left].after != kNone || leaves_[right].before != kNone || last == left) {
        for (const std::size_t l : linked) leaves_[leaves_[l].after].before = kNone, leaves_[l].after = kNone;
        return false;
      }
      leaves_[left].after = right, leaves_[right].before = left;
      linked.push_back(left);
    }
    return true;
  }

  void make_regions() {
    for (std::size_t l = 0; l < leaves_.size(); ++l) {
      if (leaves_[l].before != kNone || leaves_[l].in_batch) continue;
      std::size_t size = 0;
      for (std::size_t at = l; at != kNone; at = leaves_[at].after) {
        leaves_[at].region = plan_.regions.size(), leaves_[at].first = size;
        size += leaves_[at].size;
      }
      plan_.regions.push_back(size);
    }
    for (std::size_t n = 0; n < finds_.size(); ++n) {
      for (std::size_t i = 0; i < finds_[n].size(); ++i) {
        if (!finds_[n][i].empty()) plan_.nodes[n].inputs[i] = value_of(finds_[n][i]);
      }
    }
  }

  // Whether the gradients of a region take the place of its values: one op alone reads all of it, and has then no use
  // for it. A mask has to be applied by that op, which can only do so to all it writes.
  bool overwritten(std::size_t region) const {
    const Reading* only = nullptr;
    std::size_t count = 0, masked = 0;
    for (const Leaf& leaf : leaves_) {
      if (leaf.region != region) continue;
      if (leaf.readings != 1) return false;
      ++count, masked += leaf.masked;
    }
    for (const Reading& reading : readings_) {
      if (leaves_[reading.leaves[0]].region != region) continue;
      if (only != nullptr) return false;
      only = &reading;
    }
    return only != nullptr && nodes_[only->node].kind->overwrites && wanted(*only) &&
           (masked == 0 || (count == 1 && nodes_[only->node].kind == &linear_op));
  }

  bool wanted(const Reading& reading) const {
    return std::any_of(reading.leaves.begin(), reading.leaves.end(), [&](std::size_t l) { return leaves_[l].trained; });
  }

  void place_gradients() {
    // Dots that alone read the vectors write their gradient to the batch, but not that of a first vector.
    if (!made_[Head::kVectors].empty()) {
      Leaf& vectors = leaves_[made_[Head::kVectors][0]];
      const auto reads = [&](const Reading& r) { return r.leaves[0] == made_[Head::kVectors][0]; };
      const auto reading = std::find_if(readings_.begin(), readings_.end(), reads);
      const bool by_dots = vectors.readings == 1 && reading != readings_.end() && reading->leaves.size() == 1 &&
                           nodes_[reading->node].kind == &dots_op &&
                           reading->input + 1 == nodes_[reading->node].inputs.size();
      if (vectors.in_batch || by_dots) vectors.gradient = {Place::In::kBatch, 0, 0, vectors.size};
    }
    const std::size_t regions = plan_.regions.size();
    for (std::size_t region = 0; region < regions; ++region) {
      if (overwritten(region)) {
        for (Leaf& leaf : leaves_) {
          if (leaf.region == region) leaf.gradient = {Place::In::kRegion, region, leaf.first, leaf.size};
        }
        continue;
      }
      // As much of a second region as gradients are written to, laid out as the values.
      std::size_t first = kNone, end = 0;
      for (const Reading& reading : readings_) {
        if (!wanted(reading)) continue;
        for (const std::size_t l : reading.leaves) {
          const Leaf& leaf = leaves_[l];
          if (leaf.region != region || leaf.gradient) continue;
          first = std::min(first, leaf.first), end = std::max(end, leaf.first + leaf.size);
        }
      }
      if (first == kNone) continue;
      for (Leaf& leaf : leaves_) {
        if (leaf.region != region || leaf.gradient || leaf.first < first || leaf.first >= end) continue;
        leaf.gradient = {Place::In::kRegion, plan_.regions.size(), leaf.first - first, leaf.size};
      }
      plan_.regions.push_back(end - first);
    }
  }

  // Plans the gradient that an op writes of an input.
  void write(const Reading& reading) {
    if (!wanted(reading)) return;
    NodePlan& plan = plan_.nodes[reading.node];
    GradientPlan& gradient = plan.gradients[reading.input];
    const OpKind* kind = nodes_[reading.node].kind;
    gradient.place = gradient_of(reading.leaves);
    for (const std::size_t l : reading.leaves) gradient.add = gradient.add || leaves_[l].written;
    for (const std::size_t l : reading.leaves) {
      Leaf& leaf = leaves_[l];
      if (gradient.add && !leaf.written) plan.clear.push_back(leaf.gradient);
      leaf.written = true;
      if (--leaf.readings > 0 || !leaf.masked) continue;
      const bool own = reading.leaves.size() == 1;
      const bool in_place = leaf.gradient.in == Place::In::kRegion && leaf.gradient.region == leaf.region;
      if (own && (in_place || (kind == &dots_op && reading.input == 0))) {
        gradient.mask = true;
      } else {
        plan.masking.emplace_back(value_of({l}), leaf.gradient);
      }
    }
  }

  Place value_of(const List& leaves) const {
    const Leaf& first = leaves_[leaves[0]];
    std::size_t size = 0;
    for (const std::size_t l : leaves) size += leaves_[l].size;
    if (first.in_batch) return {Place::In::kBatch, 0, 0, size};
    return {Place::In::kRegion, first.region, first.first, size};
  }

  Place gradient_of(const List& leaves) const {
    Place place = leaves_[leaves[0]].gradient;
    if (!place) return place;
    place.size = 0;
    for (const std::size_t l : leaves) place.size += leaves_[l].size;
    return place;
  }

  const std::vector<Node>& nodes_;
  Inputs inputs_;
  Plan plan_;
  std::vector<Leaf> leaves_;
  std::vector<List> made_;                // of each node
  std::vector<std::vector<List>> finds_;  // of each node's inputs, where it finds them
  std::vector<Reading> readings_;
};

}  // namespace

Plan plan_of(const Head& head, Inputs inputs) {
  return Planner(head, inputs).run();
}

}  // namespace collide
