/*
 * Courses: stateful operations that need more than one command
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: RMM (DEN0137) 2.0-bet0, sec B4.3.2, B4.3.3
 */
#include "rows.h"

/* An operation that is taken step by step, on any CPU */
typedef struct Op {
    uint64_t x0, answer[5];
    uint64_t handle, list, pages;
    unsigned n;
} Op;

#define OPS             4
#define OP_PAGES        16

static Op op[OPS];
static Realm realm[OPS];
static uint64_t rec[OPS];

static void prepare(unsigned i, unsigned index)
{
    op[i].list = LIST + (1 + i) * PAGE;
    op[i].pages = delegated(OP_PAGES);
    rec[i] = delegated(1);
    clear(SCRATCH + (8 + i) * PAGE);
    store(SCRATCH + (8 + i) * PAGE, 1);
    store(SCRATCH + (8 + i) * PAGE + 0x100, index);
}

static void keep(Op *o, uint64_t x0)
{
    o->x0 = x0;
}

static void begin(unsigned i, uint64_t rd)
{
    Op *o = &op[i];

    keep(o, once(REC_CREATE, IN(rd, rec[i], SCRATCH + (8 + i) * PAGE),
                 o->answer));
    o->handle = o->answer[1];
}

static void begin_destroy(unsigned i)
{
    Op *o = &op[i];

    keep(o, once(REC_DESTROY, IN(rec[i]), o->answer));
    o->handle = o->answer[1];
}

static bool is_open(const Op *o)
{
    return STATUS(o->x0) == INCOMPLETE;
}

/* One call; the whole of a donation, or of what comes back */
static void advance(Op *o)
{
    switch (MEM(o->x0)) {
    case DONATE:
        o->n = o->answer[2] >> 2 & 0x3fff;
        store(o->list, o->pages | (uint64_t)o->n << 2);
        keep(o, once(OP_DONATE, IN(o->handle, o->list, 1), o->answer));
        break;
    case RECLAIM:
        keep(o, once(OP_RECLAIM, IN(o->handle, o->list, 256), o->answer));
        break;
    default:
        keep(o, once(OP_CONTINUE, IN(o->handle), o->answer));
        break;
    }
}

static void finish(Op *o)
{
    for (unsigned i = 0; is_open(o) && i < host.patience; i++) {
        advance(o);
    }
}

static void destroy(unsigned i)
{
    begin_destroy(i);
    finish(&op[i]);
    is(op[i].x0, SUCCESS, "REC_DESTROY");
    give_back(rec[i], 1);
    give_back(op[i].pages, OP_PAGES);
}

static void two_realms(void)
{
    ready();
    for (unsigned i = 0; i < 2; i++) {
        want(create_realm(&realm[i]), SUCCESS, "REALM_CREATE");
        prepare(i, 0);
    }
}

static void end_of_two(unsigned kept)
{
    for (unsigned i = 0; i < 2; i++) {
        destroy(i);
        destroy_realm(&realm[i]);
    }
    nothing_lost(kept);
}

/* Step by step in turn; the second one is ready first. */
static void in_turn(const Course *c)
{
    two_realms();
    begin(0, realm[0].rd);
    begin(1, realm[1].rd);
    ok(is_open(&op[0]) && is_open(&op[1]), "two operations are open");
    ok(op[0].handle != op[1].handle, "each has a handle of its own");
    advance(&op[0]);
    finish(&op[1]);
    ok(is_open(&op[0]), "the first is still open");
    finish(&op[0]);
    is(op[0].x0, SUCCESS, "the first REC_CREATE");
    is(op[1].x0, SUCCESS, "the second REC_CREATE");
    end_of_two(c->lost);
}

/* Four CPUs, four realms, at the same time */
#define ROUNDS 50
static volatile unsigned failures;

static void create_and_destroy(unsigned cpu)
{
    for (unsigned n = 0; n < ROUNDS; n++) {
        /* Indexes are not used again, sec B4.5.47. */
        store(SCRATCH + (8 + cpu) * PAGE + 0x100, (n & 15) | (n >> 4) << 8);
        begin(cpu, realm[cpu].rd);
        finish(&op[cpu]);
        failures += op[cpu].x0 != SUCCESS;
        begin_destroy(cpu);
        finish(&op[cpu]);
        failures += op[cpu].x0 != SUCCESS;
    }
}

static void all_cpus(const Course *c)
{
    ready();
    for (unsigned i = 0; i < OPS; i++) {
        want(create_realm(&realm[i]), SUCCESS, "REALM_CREATE");
        prepare(i, 0);
    }
    start_cpus();
    is(cpus, MAX_CPUS, "CPUs");
    on_all_cpus(create_and_destroy);
    is(failures, 0, "RECs come and go on every CPU");
    for (unsigned i = 0; i < OPS; i++) {
        give_back(rec[i], 1);
        give_back(op[i].pages, OP_PAGES);
        destroy_realm(&realm[i]);
    }
    nothing_lost(c->lost);
}

/* The next call of an operation comes from the next CPU. */
static volatile unsigned turn, calls_of[MAX_CPUS];

static void relay(unsigned cpu)
{
    while (is_open(&op[0])) {
        if (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) % cpus == cpu) {
            if (is_open(&op[0])) {
                advance(&op[0]);
                calls_of[cpu]++;
            }
            asm volatile("dsb sy" : : : "memory");
            __atomic_fetch_add(&turn, 1, __ATOMIC_RELEASE);
        }
        asm volatile("yield" : : : "memory");
    }
}

static void other_cpu(const Course *c)
{
    bool all = true;

    ready();
    want(create_realm(&realm[0]), SUCCESS, "REALM_CREATE");
    prepare(0, 0);
    start_cpus();
    is(cpus, MAX_CPUS, "CPUs");
    begin(0, realm[0].rd);
    turn = 1;
    on_all_cpus(relay);
    is(op[0].x0, SUCCESS, "REC_CREATE, each call on another CPU");
    for (unsigned i = 0; i < cpus; i++) {
        all &= calls_of[i] > 0;
    }
    ok(all, "every CPU had its turn");
    destroy(0);
    destroy_realm(&realm[0]);
    nothing_lost(c->lost);
}

/* There is one context. */
static void pool(const Course *c)
{
    two_realms();
    begin(0, realm[0].rd);
    begin(1, realm[1].rd);
    is(STATUS(op[1].x0), BLOCKED, "no context is left");
    finish(&op[0]);
    is(op[0].x0, SUCCESS, "the first REC_CREATE");
    begin(1, realm[1].rd);
    finish(&op[1]);
    is(op[1].x0, SUCCESS, "the second REC_CREATE, when the first is over");
    end_of_two(c->lost);
}

/* What an operation works on is not to be had: BLOCKED, or what @arg says. */
static void object(const Course *c)
{
    ready();
    want(create_realm(&realm[0]), SUCCESS, "REALM_CREATE");
    prepare(0, 0);
    begin(0, realm[0].rd);
    is(STATUS(ONCE(UNDELEGATE, rec[0], rec[0] + PAGE)), c->arg, "UNDELEGATE");
    is(STATUS(ONCE(REC_CREATE, realm[0].rd, rec[0], SCRATCH + 8 * PAGE)),
       c->arg, "REC_CREATE with the same granule");
    is(STATUS(ONCE(REC_DESTROY, rec[0])), c->arg, "REC_DESTROY");
    is(STATUS(ONCE(RTT_CREATE, realm[0].rd, rec[0], 0, 2)), c->arg,
       "RTT_CREATE with the same granule");
    finish(&op[0]);
    is(op[0].x0, SUCCESS, "REC_CREATE");
    destroy(0);
    destroy_realm(&realm[0]);
    nothing_lost(c->lost);
}

/* Pages come back that claim to be Non-secure already. */
static void lies_undelegated(const Course *c)
{
    Realm r;
    uint64_t page;

    ready();
    want(create_realm(&r), SUCCESS, "REALM_CREATE");
    page = delegated(1);
    want(create_rec(&r, page, 0, true), SUCCESS, "REC_CREATE");
    trace_begin(T_SRO);
    is(CALL(REC_DESTROY, page), SUCCESS, "REC_DESTROY");
    is_trace(c->trace, "the calls of REC_DESTROY");
    is(in_use, 4, "the host has them all back");
    ok(is_gpf(try_load(page + PAGE, NULL)),
       "and runs into a fault when it uses one");
    give_back(page, 1);
    destroy_realm(&r);
}

/* A status with data bits is no SUCCESS, though all was done. */
static void with_data(const Course *c)
{
    Realm r;

    ready();
    want(create_realm(&r), SUCCESS, "REALM_CREATE");
    trace_begin(T_SRO);
    ok(CALL(REALM_ACTIVATE, r.rd) != SUCCESS, "REALM_ACTIVATE fails");
    is_trace(c->trace, "REALM_ACTIVATE");
    is(CALL(REALM_ACTIVATE, r.rd), REALM, "though the realm is ACTIVE");
    destroy_realm(&r);
    nothing_lost(0);
}

#define HARD(id, fn, ...) { .name = id, .run = fn, __VA_ARGS__ }

const Course sro_hard_courses[] = {
    HARD("reclaim-lies-undelegated", lies_undelegated,
         .trace = "REC_DESTROY=60d RECLAIM=40d/1 CONTINUE=0",
         .leaves = "protection-fault:1 left-delegated:16"),
    HARD("success-with-data", with_data, .trace = "REALM_ACTIVATE=100"),
    HARD("two-in-turn", in_turn),
    HARD("two-at-once", all_cpus),
    HARD("one-context", pool),
    HARD("another-cpu", other_cpu),
    HARD("object-blocked", object, .arg = BLOCKED),
    HARD("object-refused", object, .arg = INPUT),
    { .name = NULL }
};
