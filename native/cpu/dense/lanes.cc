#include "cpu/dense/lanes.h"

#include <algorithm>

#include "cpu/dense/simd.h"

namespace collide {

namespace {

struct LoadRows {
  template <int kBytes>
  static COLLIDE_INLINE void run(const float* from, std::size_t rows, const Columns& columns, const Lanes& to) {
    const std::size_t row = columns.row();
    std::size_t g = 0;
    for (; (g + 1) * kLanes <= rows; ++g) {
      for (std::size_t v = 0; v < columns.vectors; ++v) {
        rows_to_lanes<kBytes>(from + g * kLanes * row + v * columns.dim + columns.first, row, columns.count,
                              to.data + g * to.group + v * columns.count * kLanes, kLanes);
      }
    }
    const std::size_t left = rows - g * kLanes;
    if (left == 0) return;
    float* out = to.data + g * to.group;
    for (std::size_t v = 0; v < columns.vectors; ++v) {
      for (std::size_t c = 0; c < columns.count; ++c, out += kLanes) {
        const float* const in = from + g * kLanes * row + v * columns.dim + columns.first + c;
        for (std::size_t r = 0; r < kLanes; ++r) out[r] = r < left ? in[r * row] : 0.0f;
      }
    }
  }
};

struct StoreRows {
  template <int kBytes>
  static COLLIDE_INLINE void run(const Lanes& from, std::size_t rows, const Columns& columns, float* to) {
    const std::size_t row = columns.row();
    for (std::size_t g = 0; g * kLanes < rows; ++g) {
      const std::size_t here = std::min(kLanes, rows - g * kLanes);
      for (std::size_t v = 0; v < columns.vectors; ++v) {
        const float* const in = from.data + g * from.group + v * columns.count * kLanes;
        float* const out = to + g * kLanes * row + v * columns.dim + columns.first;
        if (here == kLanes) {
          lanes_to_rows<kBytes>(in, kLanes, columns.count, out, row);
          continue;
        }
        for (std::size_t r = 0; r < here; ++r) {
          for (std::size_t c = 0; c < columns.count; ++c) out[r * row + c] = in[c * kLanes + r];
        }
      }
    }
  }
};

// each(from, to) for all 16 lanes of all features and groups, vector by vector.
template <typename Each>
struct ForEach {
  template <int kBytes>
  static COLLIDE_INLINE void run(const Lanes& from, const Lanes& to, std::size_t features, std::size_t groups,
                                 std::size_t step) {
    using S = Simd<kBytes>;
    for (std::size_t g = 0; g < groups; ++g) {
      const float* in = from.data + g * from.group;
      float* out = to.data + g * to.group;
      for (std::size_t f = 0; f < features; ++f, in += step, out += kLanes) {
        for (std::size_t lane = 0; lane < kLanes; lane += S::kWidth) {
          S::store(out + lane, Each::template of<S>(S::load(in + lane), S::load(out + lane)));
        }
      }
    }
  }
};

struct Copy {
  template <typename S>
  static COLLIDE_INLINE typename S::Vec of(const typename S::Vec& in, const typename S::Vec&) {
    return in;
  }
};
struct Add {
  template <typename S>
  static COLLIDE_INLINE typename S::Vec of(const typename S::Vec& in, const typename S::Vec& out) {
    return out + in;
  }
};
struct Mask {
  template <typename S>
  static COLLIDE_INLINE typename S::Vec of(const typename S::Vec& in, const typename S::Vec& out) {
    return in > typename S::Vec{} ? out : typename S::Vec{};
  }
};

void copy_or_add(const Lanes& from, const Lanes& to, std::size_t features, std::size_t groups, bool add,
                 std::size_t step) {
  if (add) {
    dispatch<ForEach<Add>>(from, to, features, groups, step);
  } else {
    dispatch<ForEach<Copy>>(from, to, features, groups, step);
  }
}

}  // namespace

void load_rows(const float* from, std::size_t rows, const Columns& columns, Lanes to) {
  dispatch<LoadRows>(from, rows, columns, to);
}

void store_rows(Lanes from, std::size_t rows, const Columns& columns, float* to) {
  dispatch<StoreRows>(from, rows, columns, to);
}

void fill_rows(const float* values, std::size_t features, std::size_t groups, Lanes to) {
  for (std::size_t g = 0; g < groups; ++g) {
    for (std::size_t f = 0; f < features; ++f) std::fill_n(to.data + g * to.group + f * kLanes, kLanes, values[f]);
  }
}

void copy_lanes(Lanes from, Lanes to, std::size_t features, std::size_t groups, bool add) {
  copy_or_add(from, to, features, groups, add, kLanes);
}

void clear_lanes(Lanes values, std::size_t features, std::size_t groups) {
  for (std::size_t g = 0; g < groups; ++g) std::fill_n(values.data + g * values.group, features * kLanes, 0.0f);
}

void mask_lanes(Lanes values, Lanes gradient, std::size_t features, std::size_t groups) {
  dispatch<ForEach<Mask>>(values, gradient, features, groups, kLanes);
}

void spread_lanes(Lanes from, Lanes to, std::size_t features, std::size_t groups, bool add) {
  copy_or_add(from, to, features, groups, add, 0);
}

}  // namespace collide
