/* What compilers call differently: hints, with a fallback where there is none. */
#ifndef FROZEN_PLATFORM_COMPILER_H
#define FROZEN_PLATFORM_COMPILER_H

#if defined(__GNUC__) || defined(__clang__)
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define PREFETCH_READ(address) __builtin_prefetch(address)
#define PREFETCH_WRITE(address) __builtin_prefetch(address, 1)
#define FORCE_INLINE static inline __attribute__((always_inline))
#define NO_INLINE __attribute__((noinline))
#define MAYBE_UNUSED __attribute__((unused))
#define COMPILER_PRAGMA(text) _Pragma(#text)
#ifdef __clang__
#define UNROLL(n) COMPILER_PRAGMA(clang loop unroll_count(n)) /* before a loop: n rounds at a time */
#else
#define UNROLL(n) COMPILER_PRAGMA(GCC unroll n)
#endif
#else
#define LIKELY(x) (x)
#define UNLIKELY(x) (x)
#define PREFETCH_READ(address) ((void)0)
#define PREFETCH_WRITE(address) ((void)0)
#define FORCE_INLINE static __forceinline
#define NO_INLINE
#define MAYBE_UNUSED
#define UNROLL(n)
#endif

#endif
