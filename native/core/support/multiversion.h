// COLLIDE_MULTIVERSION before a function definition compiles it for AVX-512, AVX2 and the baseline and picks one at
// load time. Everything it calls that should be vectorised must be COLLIDE_INLINE, so that each version has its own
// copy.
#pragma once

#define COLLIDE_INLINE inline __attribute__((always_inline))
// The same behind the parameters of a lambda.
#define COLLIDE_INLINED __attribute__((always_inline))

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__gnu_linux__) && \
    !defined(COLLIDE_NO_MULTIVERSION)
#define COLLIDE_MULTIVERSION __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define COLLIDE_MULTIVERSION
#endif
