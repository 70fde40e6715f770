// Every group of instructions on random and extreme operands, against the host: arithmetic of integers and floats with
// their roundings, conversions, bit fields, comparisons.
#include <cuda_fp16.h>

#include <algorithm>
#include <cfenv>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <type_traits>

#include "check.h"

namespace {

using namespace collide::testing;

using I16 = std::int16_t;
using U16 = std::uint16_t;
using I32 = std::int32_t;
using U32 = std::uint32_t;
using I64 = long long;
using U64 = unsigned long long;

constexpr int kCases = 4096;

template <typename R, typename T, typename F>
__global__ void apply(const T* a, const T* b, const T* c, R* out, F body) {
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  out[i] = body(a[i], b[i], c[i]);
}

// Random bits, small numbers and extremes.
template <typename T>
std::vector<T> operands(Random& random) {
  std::vector<T> values(kCases);
  for (T& value : values) {
    const unsigned kind = random.below(4);
    if constexpr (std::is_integral_v<T>) {
      const T extremes[] = {0, 1, static_cast<T>(-1), std::numeric_limits<T>::min(), std::numeric_limits<T>::max()};
      value = kind == 0   ? extremes[random.below(5)]
              : kind == 1 ? static_cast<T>(random.below(70))
                          : static_cast<T>(random.bits());
    } else {
      using Limits = std::numeric_limits<T>;
      const T extremes[] = {T{0},
                            -T{0},
                            T{1},
                            T{-1},
                            Limits::max(),
                            -Limits::max(),
                            Limits::min(),
                            Limits::denorm_min(),
                            Limits::infinity(),
                            -Limits::infinity(),
                            Limits::quiet_NaN(),
                            T(2147483647.5)};
      value = kind == 0   ? extremes[random.below(12)]
              : kind == 1 ? static_cast<T>(random.below(1000)) / 8 - 60
                          : static_cast<T>(std::ldexp(static_cast<double>(static_cast<I64>(random.bits())),
                                                      static_cast<int>(random.below(90)) - 100));
    }
  }
  return values;
}

template <typename R>
bool same(R a, R b) {
  if constexpr (std::is_floating_point_v<R>) {
    if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  }
  return std::memcmp(&a, &b, sizeof a) == 0;
}

// device(a, b, c) on the device must be host(a, b, c), bit for bit.
template <typename T, typename Device, typename Host>
void expect(const char* name, Device device, Host host) {
  using R = std::decay_t<decltype(host(T{}, T{}, T{}))>;
  Random random(static_cast<unsigned long long>(name[0]) * 131 + static_cast<unsigned char>(name[1]));
  const std::vector<T> a = operands<T>(random), b = operands<T>(random), c = operands<T>(random);
  OnDevice<T> da(a), db(b), dc(c);
  OnDevice<R> out(kCases);
  apply<R, T><<<kCases / 256, 256>>>(da.data(), db.data(), dc.data(), out.data(), device);
  need(cudaDeviceSynchronize(), name);
  const std::vector<R> found = out.host();
  for (int i = 0; i < kCases; ++i) {
    const auto k = static_cast<std::size_t>(i);
    if (same<R>(found[k], host(a[k], b[k], c[k]))) continue;
    check(false, std::string(name) + " of " + std::to_string(a[k]) + ", " + std::to_string(b[k]) + ", " +
                     std::to_string(c[k]) + ": " + std::to_string(found[k]) + ", not " +
                     std::to_string(host(a[k], b[k], c[k])));
    return;
  }
  check(true, name);
}

// body(operands...) under a rounding mode; nothing of it may move across the change of mode.
template <typename F, typename... T>
auto rounded(int mode, F body, T... operands) {
  std::fesetround(mode);
  (..., [](T& operand) { asm volatile("" : "+m"(operand)); }(operands));
  auto result = body(operands...);
  asm volatile("" : "+m"(result));
  std::fesetround(FE_TONEAREST);
  return result;
}

void test_integers() {
  expect<U32>(
      "add.u32", [] __device__(U32 a, U32 b, U32) { return a + b; }, [](U32 a, U32 b, U32) { return a + b; });
  expect<I64>(
      "sub.s64", [] __device__(I64 a, I64 b, I64) { return static_cast<U64>(a) - static_cast<U64>(b); },
      [](I64 a, I64 b, I64) { return static_cast<U64>(a) - static_cast<U64>(b); });
  expect<U32>(
      "mul.hi.u32", [] __device__(U32 a, U32 b, U32) { return __umulhi(a, b); },
      [](U32 a, U32 b, U32) { return static_cast<U32>(U64{a} * b >> 32); });
  expect<I32>(
      "mul.hi.s32", [] __device__(I32 a, I32 b, I32) { return __mulhi(a, b); },
      [](I32 a, I32 b, I32) { return static_cast<I32>(I64{a} * b >> 32); });
  expect<U64>(
      "mul.hi.u64", [] __device__(U64 a, U64 b, U64) { return __umul64hi(a, b); },
      [](U64 a, U64 b, U64) { return static_cast<U64>(static_cast<unsigned __int128>(a) * b >> 64); });
  expect<I64>(
      "mul.hi.s64", [] __device__(I64 a, I64 b, I64) { return __mul64hi(a, b); },
      [](I64 a, I64 b, I64) { return static_cast<I64>(static_cast<__int128>(a) * b >> 64); });
  expect<I32>(
      "mul.wide.s32", [] __device__(I32 a, I32 b, I32) { return static_cast<I64>(a) * b; },
      [](I32 a, I32 b, I32) { return static_cast<I64>(a) * b; });
  expect<U32>(
      "mad.wide.u32", [] __device__(U32 a, U32 b, U32 c) { return static_cast<U64>(a) * b + c; },
      [](U32 a, U32 b, U32 c) { return static_cast<U64>(a) * b + c; });
  expect<U64>(
      "128-bit sum of squares",
      [] __device__(U64 a, U64 b, U64 c) {
        const auto sum = static_cast<unsigned __int128>(a) * a + static_cast<unsigned __int128>(b) * c;
        return static_cast<U64>(sum >> 64) ^ static_cast<U64>(sum);
      },
      [](U64 a, U64 b, U64 c) {
        const auto sum = static_cast<unsigned __int128>(a) * a + static_cast<unsigned __int128>(b) * c;
        return static_cast<U64>(sum >> 64) ^ static_cast<U64>(sum);
      });
  expect<U64>(
      "sub.cc, subc",
      [] __device__(U64 a, U64 b, U64 c) {
        U64 low, high;
        asm("sub.cc.u64 %0, %2, %3; subc.u64 %1, %4, %2;" : "=&l"(low), "=&l"(high) : "l"(a), "l"(b), "l"(c));
        return low ^ (high << 1);
      },
      [](U64 a, U64 b, U64 c) { return (a - b) ^ ((c - a - (a < b ? 1 : 0)) << 1); });
  expect<U32>(
      "div.u32", [] __device__(U32 a, U32 b, U32) { return b == 0 ? 7 : a / b; },
      [](U32 a, U32 b, U32) { return b == 0 ? 7 : a / b; });
  expect<I64>(
      "rem.s64", [] __device__(I64 a, I64 b, I64) { return b == 0 || b == -1 ? 7 : a % b; },
      [](I64 a, I64 b, I64) { return b == 0 || b == -1 ? 7 : a % b; });
  expect<I32>(
      "min, max.s32", [] __device__(I32 a, I32 b, I32 c) { return min(a, max(b, c)); },
      [](I32 a, I32 b, I32 c) { return std::min(a, std::max(b, c)); });
  expect<U32>(
      "sad.u32",
      [] __device__(U32 a, U32 b, U32 c) {
        U32 r;
        asm("sad.u32 %0, %1, %2, %3;" : "=r"(r) : "r"(a), "r"(b), "r"(c));
        return r;
      },
      [](U32 a, U32 b, U32 c) { return c + (a > b ? a - b : b - a); });
  expect<I16>(
      "16-bit arithmetic", [] __device__(I16 a, I16 b, I16 c) { return static_cast<I16>(a * b - c); },
      [](I16 a, I16 b, I16 c) { return static_cast<I16>(a * b - c); });
}

void test_bits() {
  expect<U32>(
      "popc, clz, brev", [] __device__(U32 a, U32 b, U32 c) { return __popc(a) * 64 + __clz(b) + __brev(c); },
      [](U32 a, U32 b, U32 c) {
        U32 reversed = 0;
        for (int k = 0; k < 32; ++k) reversed = reversed << 1 | (c >> k & 1);
        return static_cast<U32>(__builtin_popcount(a)) * 64 + static_cast<U32>(b == 0 ? 32 : __builtin_clz(b)) +
               reversed;
      });
  expect<U64>(
      "popc, clz, brev of 64 bits",
      [] __device__(U64 a, U64 b, U64 c) { return __popcll(a) * 64ull + __clzll(b) + __brevll(c); },
      [](U64 a, U64 b, U64 c) {
        U64 reversed = 0;
        for (int k = 0; k < 64; ++k) reversed = reversed << 1 | (c >> k & 1);
        return static_cast<U64>(__builtin_popcountll(a)) * 64 + static_cast<U64>(b == 0 ? 64 : __builtin_clzll(b)) +
               reversed;
      });
  expect<I32>(
      "shl, shr beyond the width",
      [] __device__(I32 a, I32 b, I32) {
        I32 left, right;
        asm("shl.b32 %0, %2, %3; shr.s32 %1, %2, %3;" : "=&r"(left), "=&r"(right) : "r"(a), "r"(b));
        return left ^ right;
      },
      [](I32 a, I32 b, I32) {
        const U32 by = static_cast<U32>(b);
        const U32 left = by > 31 ? 0 : static_cast<U32>(a) << by;
        return static_cast<I32>(left) ^ (a >> std::min(by, 31u));
      });
  expect<U64>(
      "shr.u64 beyond the width",
      [] __device__(U64 a, U64 b, U64) {
        U64 r;
        asm("shr.u64 %0, %1, %2;" : "=l"(r) : "l"(a), "r"(static_cast<U32>(b)));
        return r;
      },
      [](U64 a, U64 b, U64) { return static_cast<U32>(b) > 63 ? 0 : a >> static_cast<U32>(b); });
  expect<U32>(
      "shf", [] __device__(U32 a, U32 b, U32 c) { return __funnelshift_l(a, b, c) ^ __funnelshift_rc(a, b, c); },
      [](U32 a, U32 b, U32 c) {
        const U64 both = U64{b} << 32 | a;
        return static_cast<U32>((both << (c & 31)) >> 32) ^ static_cast<U32>(both >> std::min(c, 32u));
      });
  expect<U32>(
      "prmt", [] __device__(U32 a, U32 b, U32 c) { return __byte_perm(a, b, c); },
      [](U32 a, U32 b, U32 c) {
        std::uint8_t bytes[8];
        std::memcpy(bytes, &a, 4);
        std::memcpy(bytes + 4, &b, 4);
        U32 result = 0;
        for (int k = 3; k >= 0; --k) result = result << 8 | bytes[c >> (4 * k) & 7];
        return result;
      });
  expect<I32>(
      "bfe.s32, bfe.u32",
      [] __device__(I32 a, I32 b, I32 c) {
        I32 s;
        U32 u;
        asm("bfe.s32 %0, %2, %3, %4; bfe.u32 %1, %2, %3, %4;" : "=&r"(s), "=&r"(u) : "r"(a), "r"(b & 63), "r"(c & 63));
        return s ^ static_cast<I32>(u * 3);
      },
      [](I32 a, I32 b, I32 c) {
        const int at = b & 63, length = c & 63;
        const auto wide = static_cast<__int128>(a);                             // sign above bit 31
        const auto flat = static_cast<unsigned __int128>(static_cast<U32>(a));  // zeros there
        const int s_top = std::min(at + length - 1, 31);
        I32 s = 0;
        if (length > 0) {
          const bool sign = (static_cast<U32>(a) >> s_top & 1) != 0;
          const auto mask =
              (static_cast<unsigned __int128>(1) << std::min(length, s_top >= at ? s_top - at + 1 : 0)) - 1;
          s = static_cast<I32>(static_cast<U32>((static_cast<unsigned __int128>(wide) >> at) & mask) |
                               (sign ? ~static_cast<U32>(mask) : 0));
        }
        const U32 u = static_cast<U32>((flat >> at) & ((static_cast<unsigned __int128>(1) << length) - 1));
        return s ^ static_cast<I32>(u * 3);
      });
  expect<U32>(
      "bfi",
      [] __device__(U32 a, U32 b, U32 c) {
        U32 r;
        asm("bfi.b32 %0, %1, %2, %3, %4;" : "=r"(r) : "r"(a), "r"(b), "r"(c & 63), "r"(c >> 8 & 63));
        return r;
      },
      [](U32 a, U32 b, U32 c) {
        const U32 at = c & 63, length = c >> 8 & 63;
        const U64 mask = at > 31 ? 0 : ((U64{1} << length) - 1) << at;
        return static_cast<U32>((b & ~mask) | ((at > 31 ? 0 : U64{a} << at) & mask));
      });
  expect<U32>(
      "lop3",
      [] __device__(U32 a, U32 b, U32 c) {
        U32 r;
        asm("lop3.b32 %0, %1, %2, %3, 0xca;" : "=r"(r) : "r"(a), "r"(b), "r"(c));
        return r;
      },
      [](U32 a, U32 b, U32 c) { return (a & b) | (~a & c); });
  expect<I32>(
      "bfind.s32",
      [] __device__(I32 a, I32, I32) {
        U32 r;
        asm("bfind.s32 %0, %1;" : "=r"(r) : "r"(a));
        return r;
      },
      [](I32 a, I32, I32) {
        const U32 bits = static_cast<U32>(a < 0 ? ~a : a);
        return bits == 0 ? ~0u : static_cast<U32>(31 - __builtin_clz(bits));
      });
}

void test_floats() {
  expect<float>(
      "add.rn.f32", [] __device__(float a, float b, float) { return __fadd_rn(a, b); },
      [](float a, float b, float) { return a + b; });
  expect<float>(
      "add.rz.f32", [] __device__(float a, float b, float) { return __fadd_rz(a, b); },
      [](float a, float b, float) { return rounded(FE_TOWARDZERO, std::plus<float>(), a, b); });
  expect<float>(
      "mul.rm.f32", [] __device__(float a, float b, float) { return __fmul_rd(a, b); },
      [](float a, float b, float) { return rounded(FE_DOWNWARD, std::multiplies<float>(), a, b); });
  expect<double>(
      "sub.rp.f64", [] __device__(double a, double b, double) { return __dsub_ru(a, b); },
      [](double a, double b, double) { return rounded(FE_UPWARD, std::minus<double>(), a, b); });
  expect<float>(
      "fma.rn.f32", [] __device__(float a, float b, float c) { return __fmaf_rn(a, b, c); },
      [](float a, float b, float c) { return std::fma(a, b, c); });
  expect<double>(
      "fma.rn.f64", [] __device__(double a, double b, double c) { return __fma_rn(a, b, c); },
      [](double a, double b, double c) { return std::fma(a, b, c); });
  expect<double>(
      "div.rn.f64", [] __device__(double a, double b, double) { return __ddiv_rn(a, b); },
      [](double a, double b, double) { return a / b; });
  expect<float>(
      "sqrt.rn, rcp.rn.f32", [] __device__(float a, float b, float) { return __fsqrt_rn(a) + __frcp_rn(b); },
      [](float a, float b, float) { return std::sqrt(a) + 1 / b; });
  expect<double>(
      "sqrt.rn.f64", [] __device__(double a, double, double) { return __dsqrt_rn(a); },
      [](double a, double, double) { return std::sqrt(a); });
  expect<float>(
      "min, max.f32 and NaN", [] __device__(float a, float b, float c) { return fminf(a, fmaxf(b, c)); },
      [](float a, float b, float c) {
        const auto order = [](float x, float y, bool least) {  // NaN loses, -0 is less than +0
          if (std::isnan(x)) return y;
          if (std::isnan(y)) return x;
          if (x == 0 && y == 0) return std::signbit(x) == least ? x : y;
          return (x < y) == least ? x : y;
        };
        return order(a, order(b, c, false), true);
      });
  expect<float>(
      "abs, neg, copysign", [] __device__(float a, float b, float c) { return copysignf(fabsf(a), -b) * c; },
      [](float a, float b, float c) { return std::copysign(std::fabs(a), -b) * c; });
}

// As the device converts: to the nearest representable number, NaN to 0 or (64 bits) to the top bit.
template <typename R>
R saturated(double whole) {
  if (std::isnan(whole)) return sizeof(R) == 8 ? static_cast<R>(1ull << 63) : R{0};
  if (whole < static_cast<double>(std::numeric_limits<R>::min())) return std::numeric_limits<R>::min();
  if (whole >= std::ldexp(1.0, std::numeric_limits<R>::digits)) return std::numeric_limits<R>::max();
  return static_cast<R>(whole);
}

void test_conversions() {
  expect<float>(
      "cvt.rzi.s32.f32", [] __device__(float a, float, float) { return __float2int_rz(a); },
      [](float a, float, float) { return saturated<I32>(std::trunc(a)); });
  expect<float>(
      "cvt.rni.u32.f32", [] __device__(float a, float, float) { return __float2uint_rn(a); },
      [](float a, float, float) { return saturated<U32>(std::nearbyint(a)); });
  expect<double>(
      "cvt.rmi.s64.f64", [] __device__(double a, double, double) { return __double2ll_rd(a); },
      [](double a, double, double) { return static_cast<I64>(saturated<std::int64_t>(std::floor(a))); });
  expect<double>(
      "cvt.rpi.u64.f64", [] __device__(double a, double, double) { return __double2ull_ru(a); },
      [](double a, double, double) { return static_cast<U64>(saturated<std::uint64_t>(std::ceil(a))); });
  expect<float>(
      "floor, ceil, trunc, rint",
      [] __device__(float a, float b, float c) { return floorf(a) + ceilf(b) * (truncf(c) - rintf(a)); },
      [](float a, float b, float c) { return std::floor(a) + std::ceil(b) * (std::trunc(c) - std::nearbyint(a)); });
  expect<U64>(
      "cvt.rn.f32.u64, rz.f64.s64",
      [] __device__(U64 a, U64 b, U64) { return __ull2float_rn(a) + __ll2double_rz(static_cast<I64>(b)); },
      [](U64 a, U64 b, U64) {
        const double wide = rounded(
            FE_TOWARDZERO, [](I64 x) { return static_cast<double>(x); }, static_cast<I64>(b));
        return static_cast<double>(static_cast<float>(a)) + wide;
      });
  expect<double>(
      "cvt.f32.f64 in four roundings",
      [] __device__(double a, double b, double c) {
        return __double2float_rn(a) + __double2float_rz(b) * (__double2float_ru(c) - __double2float_rd(c));
      },
      [](double a, double b, double c) {
        const auto narrow = [](double x, int mode) {
          return rounded(
              mode, [](double y) { return static_cast<float>(y); }, x);
        };
        const float spread = narrow(c, FE_UPWARD) - narrow(c, FE_DOWNWARD), part = narrow(b, FE_TOWARDZERO) * spread;
        return narrow(a, FE_TONEAREST) + part;
      });
  expect<float>(
      "f16 and back", [] __device__(float a, float, float) { return __half2float(__float2half_rn(a)); },
      [](float a, float, float) { return __half2float(__float2half_rn(a)); });  // the host's own code
  expect<I32>(
      "narrow integers",
      [] __device__(I32 a, I32 b, I32 c) {
        return static_cast<std::int8_t>(a) + static_cast<U16>(b) * 3 - static_cast<I16>(c);
      },
      [](I32 a, I32 b, I32 c) { return static_cast<std::int8_t>(a) + static_cast<U16>(b) * 3 - static_cast<I16>(c); });
  expect<I64>(
      "cvt.sat",
      [] __device__(I64 a, I64, I64) {
        I32 r;
        asm("cvt.sat.s32.s64 %0, %1;" : "=r"(r) : "l"(a));
        return r;
      },
      [](I64 a, I64, I64) {
        return static_cast<I32>(std::clamp<I64>(a, std::numeric_limits<I32>::min(), std::numeric_limits<I32>::max()));
      });
}

void test_comparisons() {
  expect<float>(
      "setp.f32 with NaN",
      [] __device__(float a, float b, float) {
        return (a < b) + 2 * (a <= b) + 4 * (a > b) + 8 * (a >= b) + 16 * (a == b) + 32 * (a != b) + 64 * !(a < b) +
               128 * isnan(a);
      },
      [](float a, float b, float) {
        return (a < b) + 2 * (a <= b) + 4 * (a > b) + 8 * (a >= b) + 16 * (a == b) + 32 * (a != b) + 64 * !(a < b) +
               128 * std::isnan(a);
      });
  expect<I64>(
      "setp.s64, u64",
      [] __device__(I64 a, I64 b, I64) {
        const U64 x = static_cast<U64>(a), y = static_cast<U64>(b);
        return (a < b) + 2 * (a >= b) + 4 * (x < y) + 8 * (x >= y) + 16 * (a == b);
      },
      [](I64 a, I64 b, I64) {
        const U64 x = static_cast<U64>(a), y = static_cast<U64>(b);
        return (a < b) + 2 * (a >= b) + 4 * (x < y) + 8 * (x >= y) + 16 * (a == b);
      });
  expect<I32>(
      "setp with two results and a third operand, selp, slct",
      [] __device__(I32 a, I32 b, I32 c) {
        I32 r;
        asm("{ .reg .pred p, q, s; .reg .b32 x, y;\n"
            "setp.gt.s32 s, %3, 0; setp.lt.and.s32 p|q, %1, %2, s;\n"
            "selp.b32 x, 1, 0, p; selp.b32 y, 2, 0, q; add.s32 x, x, y;\n"
            "slct.s32.s32 y, %1, %2, %3; @!p add.s32 y, y, 5; xor.b32 %0, x, y; }"
            : "=r"(r)
            : "r"(a), "r"(b), "r"(c));
        return r;
      },
      [](I32 a, I32 b, I32 c) {
        const bool p = a < b && c > 0, q = a >= b && c > 0;
        const U32 y = static_cast<U32>(c >= 0 ? a : b) + (p ? 0 : 5);
        return static_cast<I32>(static_cast<U32>((p ? 1 : 0) + (q ? 2 : 0)) ^ y);
      });
}

}  // namespace

int main() {
  test_integers();
  test_bits();
  test_floats();
  test_conversions();
  test_comparisons();
  return summary();
}
