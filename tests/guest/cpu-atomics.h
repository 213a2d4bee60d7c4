/*
 * The CPU's side of a contest for a memory cell: the same operations with LSE
 * atomics (Armv8.1) and with exclusives.
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Each function returns the original value. Between load-exclusive and
 * store-exclusive there is a YIELD: where QEMU has one thread for all CPUs, it
 * goes on to the next CPU there, so that the cell may change in between.
 */
#ifndef RIG_CPU_ATOMICS_H
#define RIG_CPU_ATOMICS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct Wide {
    uint64_t low, high;
} Wide;

#define DEFINE_CPU_ATOMICS(type, bits, r) \
static inline type lse_add##bits(type *cell, type value) \
{ \
    type old; \
    asm volatile(".arch_extension lse\n\t" \
                 "ldaddal %" r "[value], %" r "[old], %[cell]" \
                 : [old] "=r" (old), [cell] "+Q" (*cell) \
                 : [value] "r" (value) : "memory"); \
    return old; \
} \
static inline type lse_swap##bits(type *cell, type value) \
{ \
    type old; \
    asm volatile(".arch_extension lse\n\t" \
                 "swpal %" r "[value], %" r "[old], %[cell]" \
                 : [old] "=r" (old), [cell] "+Q" (*cell) \
                 : [value] "r" (value) : "memory"); \
    return old; \
} \
static inline type lse_cas##bits(type *cell, type compare, type value) \
{ \
    asm volatile(".arch_extension lse\n\t" \
                 "casal %" r "[old], %" r "[value], %[cell]" \
                 : [old] "+r" (compare), [cell] "+Q" (*cell) \
                 : [value] "r" (value) : "memory"); \
    return compare; \
} \
static inline type excl_add##bits(type *cell, type value) \
{ \
    type old, sum; \
    uint32_t busy; \
    asm volatile("1:\tldaxr %" r "[old], %[cell]\n\t" \
                 "yield\n\t" \
                 "add %" r "[sum], %" r "[old], %" r "[value]\n\t" \
                 "stlxr %w[busy], %" r "[sum], %[cell]\n\t" \
                 "cbnz %w[busy], 1b" \
                 : [old] "=&r" (old), [sum] "=&r" (sum), \
                   [busy] "=&r" (busy), [cell] "+Q" (*cell) \
                 : [value] "r" (value) : "memory"); \
    return old; \
} \
static inline type excl_swap##bits(type *cell, type value) \
{ \
    type old; \
    uint32_t busy; \
    asm volatile("1:\tldaxr %" r "[old], %[cell]\n\t" \
                 "yield\n\t" \
                 "stlxr %w[busy], %" r "[value], %[cell]\n\t" \
                 "cbnz %w[busy], 1b" \
                 : [old] "=&r" (old), [busy] "=&r" (busy), \
                   [cell] "+Q" (*cell) \
                 : [value] "r" (value) : "memory"); \
    return old; \
} \
static inline type excl_cas##bits(type *cell, type compare, type value) \
{ \
    type old; \
    uint32_t busy; \
    asm volatile("1:\tldaxr %" r "[old], %[cell]\n\t" \
                 "cmp %" r "[old], %" r "[compare]\n\t" \
                 "b.ne 2f\n\t" \
                 "yield\n\t" \
                 "stlxr %w[busy], %" r "[value], %[cell]\n\t" \
                 "cbnz %w[busy], 1b\n" \
                 "2:" \
                 : [old] "=&r" (old), [busy] "=&r" (busy), \
                   [cell] "+Q" (*cell) \
                 : [compare] "r" (compare), [value] "r" (value) \
                 : "memory", "cc"); \
    return old; \
}

DEFINE_CPU_ATOMICS(uint32_t, 32, "w")
DEFINE_CPU_ATOMICS(uint64_t, 64, "x")

/* CASP wants its operands in pairs of registers. */
static inline Wide lse_cas128(Wide *cell, Wide compare, Wide value)
{
    register uint64_t c0 asm("x0") = compare.low;
    register uint64_t c1 asm("x1") = compare.high;
    register uint64_t v0 asm("x2") = value.low;
    register uint64_t v1 asm("x3") = value.high;

    asm volatile(".arch_extension lse\n\t"
                 "caspal %[c0], %[c1], %[v0], %[v1], %[cell]"
                 : [c0] "+r" (c0), [c1] "+r" (c1), [cell] "+Q" (*cell)
                 : [v0] "r" (v0), [v1] "r" (v1) : "memory");
    return (Wide) { c0, c1 };
}

/* What was loaded is one value only if the store, of the same, succeeds. */
static inline Wide excl_cas128(Wide *cell, Wide compare, Wide value)
{
    uint64_t low, high, store_low, store_high;
    uint32_t busy;

    asm volatile("1:\tldaxp %[low], %[high], %[cell]\n\t"
                 "cmp %[low], %[clow]\n\t"
                 "ccmp %[high], %[chigh], #0, eq\n\t"
                 "csel %[slow], %[vlow], %[low], eq\n\t"
                 "csel %[shigh], %[vhigh], %[high], eq\n\t"
                 "yield\n\t"
                 "stlxp %w[busy], %[slow], %[shigh], %[cell]\n\t"
                 "cbnz %w[busy], 1b"
                 : [low] "=&r" (low), [high] "=&r" (high),
                   [slow] "=&r" (store_low), [shigh] "=&r" (store_high),
                   [busy] "=&r" (busy), [cell] "+Q" (*cell)
                 : [clow] "r" (compare.low), [chigh] "r" (compare.high),
                   [vlow] "r" (value.low), [vhigh] "r" (value.high)
                 : "memory", "cc");
    return (Wide) { low, high };
}

#endif
