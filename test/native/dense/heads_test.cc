// Heads of all ops on the CPU under the sanitizers, also such as can stand nowhere side by side: logits as the ops' own
// definitions have them, in float64, and the same bits for any number of threads. test/model has the gradients.
#include <cmath>
#include <string>
#include <vector>

#include "checks.h"
#include "core/support/error.h"
#include "core/support/random.h"
#include "cpu/dense/net.h"

namespace collide {
int& vector_bytes();  // cpu/dense/simd.h, which changes how the file that includes it is compiled
}

namespace {

using namespace collide;
using checks::check;

struct Case {
  std::size_t dense, vectors, dim;
  std::vector<HeadOp> ops;
};

HeadOp linear(const std::string& name, const std::string& from, std::size_t outputs) {
  return {"linear", name, {from}, {{"outputs", outputs}}};
}
HeadOp op(const std::string& kind, const std::string& name, const std::vector<std::string>& from) {
  return {kind, name, from, {}};
}

const HeadOp factors{"columns", "e", {"vectors"}, {{"first", 0}, {"count", 4}}};
const HeadOp weights{"columns", "w", {"vectors"}, {{"first", 4}, {"count", 1}}};
const HeadOp constant{"constant", "c", {}, {{"outputs", 4}}};

const std::vector<Case> cases = {
    // DeepFM
    {3,
     5,
     5,
     {factors, weights, op("fm", "fm", {"e"}), op("concat", "u", {"e", "dense"}), linear("a", "u", 9),
      op("relu", "h", {"a"}), op("concat", "last", {"dense", "h"}), linear("top", "last", 1),
      op("sum", "z", {"w", "fm", "top"}), op("loss", "loss", {"z"})}},
    // dots alone
    {0, 7, 3, {op("dots", "d", {"vectors"}), linear("top", "d", 1), op("loss", "loss", {"top"})}},
    {0, 2, 3, {op("dots", "d", {"vectors"}), op("loss", "loss", {"d"})}},
    // the constant beside two others; a ReLU of what no linear op makes
    {2,
     3,
     4,
     {constant, op("dots", "d", {"c", "vectors"}), op("concat", "one", {"c", "d"}), op("concat", "two", {"d", "c"}),
      op("relu", "r", {"one"}), linear("a", "r", 6), linear("b", "two", 6), op("concat", "three", {"a", "dense", "b"}),
      linear("top", "three", 1), op("loss", "loss", {"top"})}},
    // the same twice, a concat of concats, and vectors that three ops read
    {1,
     4,
     4,
     {op("concat", "v", {"vectors", "dense"}), op("concat", "vv", {"v", "v"}), linear("a", "vv", 4),
      op("relu", "x", {"a"}), op("dots", "d", {"x", "vectors"}), op("fm", "fm", {"vectors"}),
      op("concat", "z", {"x", "d", "fm"}), linear("top", "z", 1), op("sum", "s", {"top", "x", "z", "fm"}),
      op("loss", "loss", {"s"})}},
};

void run(const Case& c, std::size_t rows, const std::string& name) {
  std::vector<float> dense(rows * c.dense), vectors(rows * c.vectors * c.dim), labels(rows), gradient(vectors.size());
  std::uint64_t n = 0;
  for (float& x : dense) x = 2 * uniform01(1, n++) - 1;
  for (float& x : vectors) x = 2 * uniform01(1, n++) - 1;
  for (float& y : labels) y = uniform01(1, n++) < 0.4f ? 1.0f : 0.0f;
  std::vector<float> first;
  for (const unsigned threads : {1, 3}) {
    DenseNetConfig config;
    config.dense = c.dense, config.vectors = c.vectors, config.dim = c.dim, config.head = c.ops;
    config.threads = threads;
    CpuDenseNet net(config);
    std::vector<float> parameters(net.parameter_count()), logits(rows);
    net.read_parameters(parameters.data());
    net.predict({dense.data(), dense.size()}, {vectors.data(), vectors.size()}, {logits.data(), rows});
    double error = 0, size = 0;
    for (std::size_t r = 0; r < rows; ++r) {
      std::vector<std::vector<double>> made;
      for (const Node& node : net.head().nodes()) {
        std::vector<double> value(node.shape.size());
        std::vector<const double*> inputs;
        for (const std::size_t input : node.inputs) inputs.push_back(made[input].data());
        for (std::size_t i = 0; i < value.size() && made.size() < 2; ++i) {
          value[i] = (made.empty() ? dense : vectors)[r * value.size() + i];
        }
        if (made.size() >= 2) node.kind->evaluate(node, inputs, parameters.data(), value.data());
        made.push_back(value);
      }
      const double exact = made[net.head().logit()][0];
      error += (logits[r] - exact) * (logits[r] - exact), size += exact * exact;
    }
    check(error <= 1e-10 * size, name + ": logits of the definition");
    for (int step = 0; step < 2; ++step) {
      const double loss = net.step({dense.data(), dense.size()}, {vectors.data(), vectors.size()},
                                   {labels.data(), rows}, {gradient.data(), gradient.size()});
      check(std::isfinite(loss), name + ": a finite loss");
    }
    net.read_parameters(parameters.data());
    parameters.insert(parameters.end(), gradient.begin(), gradient.end());
    if (threads == 1) first = parameters;
    check(parameters == first, name + ": bits for any number of threads");
  }
}

void refused(const std::string& text, std::vector<HeadOp> ops, std::size_t dense = 2) {
  std::string found;
  try {
    const Head head(dense, 3, 5, ops);
  } catch (const Error& error) {
    found = error.what();
  }
  check(found.find(text) != std::string::npos, "expected \"" + text + "\", found \"" + found + "\"");
}

void bad_heads() {
  const HeadOp all = op("concat", "all", {"dense", "vectors"}), top = linear("top", "all", 1);
  const HeadOp loss = op("loss", "loss", {"top"});
  check(Head(2, 3, 5, {all, top, loss}).parameter_count() == 18, "a good head");
  refused("from 1 to 1024 ops", {});
  refused("a loss as the last op for op \"top\"", {all, top});
  refused("a name of its own for op \"all\"", {all, all, top, loss});
  refused("a name of its own for op \"dense\"", {op("concat", "dense", {"vectors"})});
  refused("Expected one of \"linear\"", {op("liner", "a", {"dense"})});
  refused("names of earlier ops, \"dense\" or \"vectors\" in from for op \"all\"", {op("concat", "all", {"x"})});
  refused("another op that reads it for op \"unread\"", {all, op("relu", "unread", {"dense"}), top, loss});
  refused("reads \"dense\"", {op("concat", "all", {"vectors"}), top, loss});
  refused("reads \"vectors\"", {op("concat", "all", {"dense"}), top, loss});
  refused("an input that is not empty for op \"all\"", {all, top, loss}, 0);
  refused("a number for outputs for op \"top\"", {all, op("linear", "top", {"all"}), loss});
  refused("options that the op has for op \"all\"", {{"concat", "all", {"dense"}, {{"outputs", 3}}}});
  refused("outputs from 1 to 65536 for op \"top\" (linear), received 0", {all, linear("top", "all", 0)});
  refused("1 names in from for op \"r\"", {op("relu", "r", {"dense", "vectors"})});
  refused("an input 1 wide for op \"loss\" (loss), received 2", {all, linear("top", "all", 2), loss});
  refused("in from for op \"loss\" (loss), received \"r\"",
          {all, top, op("relu", "r", {"top"}), op("loss", "loss", {"r"})});
  refused("a first vector as wide as the others (5) for op \"d\"", {op("dots", "d", {"dense", "vectors"})});
  refused("at least 2 vectors for op \"d\"", {op("dots", "d", {"dense"})});
  refused("one loss, the last op",
          {all, top, loss, op("concat", "b", {"dense"}), linear("c", "b", 1), op("loss", "l", {"c"})});
  refused("no loss in from", {all, top, loss, op("relu", "r", {"loss"})});
  refused("at most 268435456 parameters", {all, linear("a", "all", 65536), linear("b", "a", 65536)});
  refused("at least one of the 5 columns", {{"columns", "w", {"vectors"}, {{"first", 3}, {"count", 3}}}});
  refused("\"vectors\" in from for op \"w\"", {{"columns", "w", {"dense"}, {{"first", 0}, {"count", 1}}}});
  const HeadOp all2 = op("concat", "all", {"dense", "e"});
  refused("received none for column 4", {factors, all2, top, loss});
  refused("columns that no other op takes for op \"w\"", {factors,
                                                          {"columns", "w", {"vectors"}, {{"first", 3}, {"count", 2}}},
                                                          op("concat", "all", {"dense", "e", "w"}),
                                                          top,
                                                          loss});
  refused("no \"vectors\" in from, whose columns",
          {factors, weights, op("concat", "all", {"dense", "e", "w", "vectors"}), top, loss});
}

}  // namespace

int main() {
  const int widest = vector_bytes();
  for (int bytes = 16; bytes <= widest; bytes *= 2) {
    vector_bytes() = bytes;
    for (std::size_t c = 0; c < cases.size(); ++c) {
      for (const std::size_t rows : {1, 16, 130, 300}) {
        run(cases[c], rows, "head " + std::to_string(c) + ", " + std::to_string(rows) + " rows");
      }
    }
  }
  bad_heads();
  return checks::summary();
}
