// DLRM as a list of ops, as lib/model/heads/dlrm.ts makes it.
#pragma once

#include <string>
#include <vector>

#include "core/dense/op.h"

namespace collide {

// Widths of all layers; `bottom` is empty without dense inputs.
inline std::vector<HeadOp> dlrm(std::size_t dense, std::size_t dim, const std::vector<std::size_t>& bottom,
                                const std::vector<std::size_t>& top) {
  std::vector<HeadOp> ops;
  const auto layers = [&](const std::string& name, std::string from, const std::vector<std::size_t>& widths,
                          std::size_t relus) {
    for (std::size_t l = 0; l < widths.size(); ++l) {
      const std::string layer = name + "." + std::to_string(l);
      ops.push_back({"linear", layer, {from}, {{"outputs", widths[l]}}});
      if (l < relus) ops.push_back({"relu", layer + ".relu", {layer}, {}});
      from = ops.back().name;
    }
    return from;
  };
  std::string x0 = "constant";
  if (dense > 0) {
    x0 = layers("bottom", "dense", bottom, bottom.size());
  } else {
    ops.push_back({"constant", x0, {}, {{"outputs", dim}}});
  }
  ops.push_back({"dots", "dots", {x0, "vectors"}, {}});
  ops.push_back({"concat", "z", {x0, "dots"}, {}});
  const std::string logit = layers("top", "z", top, top.size() - 1);
  ops.push_back({"loss", "loss", {logit}, {}});
  return ops;
}

}  // namespace collide
