// The learners: a file beside this one for each, and a line here.
#pragma once

#include <napi.h>

namespace collide::addon {

void register_agglomerative(Napi::Env env, Napi::Object exports);
void register_equal_mass(Napi::Env env, Napi::Object exports);
void register_exact(Napi::Env env, Napi::Object exports);
void register_k_means(Napi::Env env, Napi::Object exports);
void register_kd_tree(Napi::Env env, Napi::Object exports);
void register_lsh(Napi::Env env, Napi::Object exports);

inline constexpr auto kLearners = {register_agglomerative, register_equal_mass, register_exact,
                                   register_k_means,       register_kd_tree,    register_lsh};

}  // namespace collide::addon
