/*
 * The bare machine at EL2: console, exceptions, calls, other CPUs
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef RIG_RMI_MACHINE_H
#define RIG_RMI_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAX_CPUS 4

/* --- console --- */
void put(const char *text);
void put_hex(uint64_t value);
void put_dec(uint64_t value);
/* A line from the console, without its end; waits for it */
void get_line(char *line, unsigned size);

/* A TAP line; numbers count up by themselves */
void ok(bool good, const char *what);
/* A TAP line with what came and what was wanted */
void is(uint64_t came, uint64_t wanted, const char *what);
void plan(void);

/* --- calls: X0 to X4 of the answer in @out --- */
uint64_t smc(uint64_t fid, const uint64_t *in, unsigned n, uint64_t out[5]);
void power_off(void) __attribute__((noreturn));

/* --- memory --- */
static inline uint64_t load(uint64_t addr)
{
    return *(volatile uint64_t *)addr;
}

static inline void store(uint64_t addr, uint64_t value)
{
    *(volatile uint64_t *)addr = value;
}

/* ESR_EL2 of the exception that a load of @addr takes, 0 if none */
uint64_t try_load(uint64_t addr, uint64_t *value);
/* The same of another access; FETCH wants a RET at @addr */
typedef enum Access {
    LOAD, STORE, ATOMIC, EXCLUSIVE, ZERO, FETCH, ACCESSES,
} Access;
uint64_t try_access(Access how, uint64_t addr);
/* ESR_EL2 when a guest with the stage 2 @table loads @ipa; an HVC if it can */
uint64_t guest_load(uint64_t table, uint64_t ipa);
/* Is it a data abort for a granule protection fault? */
bool is_gpf(uint64_t esr);

/* --- other CPUs --- */
extern unsigned cpus;                   /* that answered CPU_ON, and this one */
void start_cpus(void);
unsigned this_cpu(void);
/* Run @work on every CPU, this one included, and wait for all of them */
void on_all_cpus(void (*work)(unsigned cpu));

#endif /* RIG_RMI_MACHINE_H */
