// Words of enumerators: there and back, and an unknown word with those that there are.
#include "core/support/names.h"

#include "checks.h"
#include "core/embedding/precision.h"

namespace {

using namespace collide;
using namespace collide::checks;

enum class Bag { kSum, kMean, kNone };
constexpr Names<Bag> kBags({{"sum", Bag::kSum}, {"mean", Bag::kMean}, {"none", Bag::kNone}});
static_assert(Names<Bag>::kCount == 3 && Names<Precision>::kCount == 5);

enum class One : unsigned char { kOnly };
constexpr Names<One> kOnes({{"only", One::kOnly}});

}  // namespace

int main() {
  for (const Bag bag : {Bag::kSum, Bag::kMean, Bag::kNone}) {
    check(kBags.value(kBags.word(bag), "pooling") == bag, kBags.word(bag));
  }
  check(kPrecisions.value("bfloat16", "precision") == Precision::kBfloat16, "bfloat16");
  rejects("Expected \"sum\", \"mean\" or \"none\" for pooling, received \"Sum\"",
          [] { kBags.value("Sum", "pooling"); });
  rejects("Expected \"sum\", \"mean\" or \"none\" for pooling, received \"\"", [] { kBags.value("", "pooling"); });
  rejects("Expected \"only\" for x, received \"none\"", [] { kOnes.value("none", "x"); });
  return summary();
}
