#include "core/dense/ops/index.h"

#include "core/dense/ops/columns.h"
#include "core/dense/ops/concat.h"
#include "core/dense/ops/constant.h"
#include "core/dense/ops/dots.h"
#include "core/dense/ops/fm.h"
#include "core/dense/ops/linear.h"
#include "core/dense/ops/loss.h"
#include "core/dense/ops/relu.h"
#include "core/dense/ops/sum.h"

namespace collide {

const OpKind& op_kind(const std::string& name, const std::string& where) {
  std::string names;
  for (const OpKind* kind :
       {&linear_op, &relu_op, &constant_op, &columns_op, &concat_op, &dots_op, &fm_op, &sum_op, &loss_op}) {
    if (kind->name == name) return *kind;
    names += (names.empty() ? "\"" : ", \"") + std::string(kind->name) + "\"";
  }
  fail("INVALID_ARGUMENT", "Expected one of ", names, " for op of ", where, ", received \"", name, "\"");
}

}  // namespace collide
