/*
 * Courses: life of a realm and its RECs, rows 102 to 108, E1 to E14, C1 to C8
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: RMM (DEN0137) 2.0-bet0, sec A4, B4.5.51, B4.6.62
 */
#include "rows.h"
#include "kvm.h"

#define EXIT_REASON     (RUN + 0x800)
#define EXIT_ESR        (RUN + 0x900)
#define EXIT_HPFAR      (RUN + 0x910)
#define EXIT_GPR(n)     (RUN + 0xa00 + (n) * 8)
#define EXIT_CNTV_CTL   (RUN + 0xc10)
#define EXIT_RIPAS_BASE (RUN + 0xd00)
#define EXIT_RIPAS_TOP  (RUN + 0xd08)
#define EXIT_RIPAS      (RUN + 0xd10)
#define EXIT_IMM        (RUN + 0xe00)
#define ENTER_MMIO      1
#define DENIED          (-3ull)

static Realm r;
static uint64_t rec[2];

static void begin(void)
{
    ready();
    want(create_realm(&r), SUCCESS, "REALM_CREATE");
}

static void end(const Course *c)
{
    for (unsigned i = 0; i < 2 && rec[i]; i++) {
        is(CALL(REC_DESTROY, rec[i]), SUCCESS, "REC_DESTROY");
        give_back(rec[i], 1);
    }
    ok(kvm_unmap_private(&r, 0, 8 * PAGE), "unmapped");
    ok(kvm_tear_down(&r, 2, 0, 1ull << 40), "no tables are left");
    destroy_realm(&r);
    nothing_lost(c->lost);
}

static void run_realm(void)
{
    begin();
    for (unsigned i = 0; i < 2; i++) {
        rec[i] = delegated(1);
        want(create_rec(&r, rec[i], i, !i), SUCCESS, "REC_CREATE");
    }
    want(CALL(REALM_ACTIVATE, r.rd), SUCCESS, "REALM_ACTIVATE");
    clear(RUN);
    trace_begin(T_REC | T_MAP);
}

/* --- rows 102 to 108 --- */

/* The first tables and the RD go back; @lost of them are not undelegated. */
static void realm_fails(const Course *c)
{
    ready();
    trace_begin(T_SRO);
    ok(create_realm(&r) != SUCCESS, "REALM_CREATE fails");
    is_trace(c->trace, "the calls");
    is(2 - range(UNDELEGATE, r.roots, 2), c->lost, "tables that are lost");
    give_back(r.rd, 1);
    if (!c->lost) {
        release(r.roots, 2);
    }
    nothing_lost(c->lost);
}

static void activate_fails(const Course *c)
{
    begin();
    trace_begin(T_SRO);
    ok(CALL(REALM_ACTIVATE, r.rd) != SUCCESS, "REALM_ACTIVATE fails");
    is_trace(c->trace, "the calls");
    end(c);
}

/* Something of the end fails, and the kernel stops there. */
static void end_fails(const Course *c)
{
    begin();
    rec[0] = delegated(1);
    want(create_rec(&r, rec[0], 0, true), SUCCESS, "REC_CREATE");
    trace_begin(T_SRO);
    if (!CALL(REC_DESTROY, rec[0])) {
        give_back(rec[0], 1);
    }
    if (!CALL(REALM_TERMINATE, r.rd)) {
        ok(CALL(REALM_DESTROY, r.rd) != SUCCESS, "REALM_DESTROY fails");
    }
    is_trace(c->trace, "the calls");
    is(in_use, c->lost, "pages are lost");
}

/* --- exits --- */

static uint64_t enter(void)
{
    return CALL(REC_ENTER, rec[0], RUN);
}

static void one_entry(const Course *c)
{
    run_realm();
    enter();
    is_trace(c->trace, "the calls");
    end(c);
}

static void unknown_reason(const Course *c)
{
    run_realm();
    enter();
    is_trace(c->trace, "the calls");
    is(load(EXIT_REASON), c->arg, "exit reason");
    end(c);
}

static void devices(const Course *c)
{
    run_realm();
    for (unsigned reason = 8; reason < 12; reason++) {
        enter();
        is(load(EXIT_REASON), reason, "exit reason of a device");
    }
    is_trace(c->trace, "the calls");
    end(c);
}

/* A synchronous exit; the next entry claims that the access was emulated. */
static void abort_then_mmio(const Course *c)
{
    run_realm();
    enter();
    is(load(EXIT_REASON), 0, "synchronous exit");
    is(load(EXIT_ESR), c->arg, "ESR");
    is(load(EXIT_GPR(0)), 0, "no data with it");
    store(RUN, ENTER_MMIO);
    enter();
    is_trace(c->trace, "the calls");
    end(c);
}

static void abort_at(const Course *c)
{
    run_realm();
    enter();
    is(load(EXIT_HPFAR) << 8, c->arg, "address of the abort");
    is_trace(c->trace, "the calls");
    end(c);
}

/* The host maps the page, and the realm faults on it again. */
static void abort_again(const Course *c)
{
    uint64_t page;

    run_realm();
    enter();
    is(load(EXIT_HPFAR) << 8, 0x1000, "address of the abort");
    page = delegated(1);
    ok(kvm_map_private(&r, 0x1000, page, 1), "mapped");
    for (unsigned i = 0; i < 20; i++) {
        enter();
        want(load(EXIT_HPFAR) << 8, 0x1000, "address of the abort");
    }
    is_trace(c->trace, "the calls");
    end(c);
}

static void ripas(const Course *c)
{
    run_realm();
    enter();
    is(load(EXIT_REASON), 4, "exit for a change of RIPAS");
    is(load(EXIT_RIPAS), c->arg, "RIPAS");
    if (load(EXIT_RIPAS_BASE) == load(EXIT_RIPAS_TOP)) {
        ok(!kvm_ripas(&r, rec[0], load(EXIT_RIPAS_BASE),
                      load(EXIT_RIPAS_TOP) + PAGE), "SET_RIPAS fails");
    } else {
        ok(kvm_ripas(&r, rec[0], load(EXIT_RIPAS_BASE), load(EXIT_RIPAS_TOP)),
           "SET_RIPAS succeeds");
        /* Whatever is not RAM is unmapped. */
        ok(kvm_unmap_private(&r, load(EXIT_RIPAS_BASE), load(EXIT_RIPAS_TOP)),
           "DATA_UNMAP");
    }
    is_trace(c->trace, "the calls");
    end(c);
}

static void psci_not_completed(const Course *c)
{
    run_realm();
    enter();
    is(load(EXIT_REASON), 3, "exit for PSCI");
    is(load(EXIT_GPR(0)), c->arg, "function");
    enter();
    is_trace(c->trace, "the calls");
    end(c);
}

static void psci(const Course *c)
{
    run_realm();
    enter();
    is(load(EXIT_REASON), 3, "exit for PSCI");
    is(load(EXIT_GPR(1)), c->arg, "the CPU that is meant");
    ok(CALL(PSCI_COMPLETE, rec[0], SUCCESS) != SUCCESS, "PSCI_COMPLETE");
    is_trace(c->trace, "the calls");
    end(c);
}

static void host_call(const Course *c)
{
    run_realm();
    enter();
    is(load(EXIT_REASON), 5, "exit for a host call");
    is(load(EXIT_IMM), 1, "its number");
    is(load(EXIT_GPR(0)), c->arg, "a function that KVM does not know");
    enter();
    is_trace(c->trace, "the calls");
    end(c);
}

static void timer(const Course *c)
{
    run_realm();
    for (unsigned i = 0; i < 20; i++) {
        enter();
        want(load(EXIT_CNTV_CTL), c->arg, "CNTV_CTL");
    }
    is_trace(c->trace, "the calls");
    end(c);
}

/* --- what only TF-A-Tests minds: C1 to C8 --- */

static void rec_and_back(const Course *c)
{
    begin();
    rec[0] = delegated(1);
    trace_begin(T_SRO);
    is(create_rec(&r, rec[0], 0, true), SUCCESS, "REC_CREATE");
    is(CALL(REC_DESTROY, rec[0]), SUCCESS, "REC_DESTROY");
    is_trace(c->trace, "the calls");
    give_back(rec[0], 1);
    rec[0] = 0;
    end(c);
}

/* It compares X4 to X7 before and after. */
static void registers(const Course *c)
{
    ready();
    trace_begin(T_BOOT);
    ONCE(FEATURES, 0, 0, 0, PATTERN);
    is(out[4], PATTERN + c->arg, "X4 is another");
    ONCE(FEATURES, 0, 0, 0, PATTERN);
    is(out[4], PATTERN, "X4 is preserved, as it should");
    is_trace(c->trace, "the calls");
}

static void everything_incomplete(const Course *c)
{
    uint64_t page;

    begin();
    page = delegated(2);
    trace_begin(T_MAP | T_SRO);
    ok(kvm_map_private(&r, 0, page, 2), "DATA_MAP");
    ok(kvm_map_shared(&r, UNPROT, CONTENT, 1), "UNPROT_MAP");
    ok(kvm_unmap_shared(&r, UNPROT, UNPROT + PAGE), "UNPROT_UNMAP");
    ok(kvm_unmap_private(&r, 0, 2 * PAGE), "DATA_UNMAP");
    is_trace(c->trace, "the calls");
    end(c);
}

static void shared_in_part(const Course *c)
{
    begin();
    ok(kvm_table(&r, UNPROT, 2) && kvm_table(&r, UNPROT, 3), "tables");
    trace_begin(T_MAP);
    ok(kvm_map_shared(&r, UNPROT, SCRATCH, 2), "UNPROT_MAP");
    ok(kvm_unmap_shared(&r, UNPROT, UNPROT + 2 * PAGE), "UNPROT_UNMAP");
    is_trace(c->trace, "the calls");
    end(c);
}

static void ripas_in_part(const Course *c)
{
    begin();
    ok(kvm_table(&r, 0, 2) && kvm_table(&r, 0, 3), "tables");
    trace_begin(T_MAP);
    ok(kvm_ripas(&r, 0, 0, 3 * PAGE), "INIT_RIPAS");
    is_trace(c->trace, "the calls");
    end(c);
}

static void delegated_twice(const Course *c)
{
    uint64_t page;

    ready();
    page = alloc(1);
    trace_begin(T_RANGE);
    is(range(DELEGATE, page, 1), 1, "DELEGATE");
    is(range(DELEGATE, page, 1), 0, "and again");
    is_trace(c->trace, "the calls");
    give_back(page, 1);
    nothing_lost(0);
}

#define COURSE(id, fn, calls, ...) \
    { .name = id, .run = fn, .trace = calls, __VA_ARGS__ }

const Course exit_courses[] = {
    COURSE("realm-fails", realm_fails, "REALM_CREATE=b"),
    COURSE("realm-fails-and-leaks", realm_fails, "REALM_CREATE=1", .lost = 2,
           .leaves = "left-delegated:2"),
    COURSE("activate-realm-fails", activate_fails, "REALM_ACTIVATE=2"),
    COURSE("rec-destroy-fails", end_fails, "REC_DESTROY=3 REALM_TERMINATE=0 "
           "REALM_DESTROY=2", .lost = 20,
           .leaves = "realm-left:1 memory-held:16"),
    COURSE("terminate-fails", end_fails, "REC_DESTROY=60d RECLAIM=40d/1 "
           "CONTINUE=0 REALM_TERMINATE=2", .lost = 3,
           .leaves = "realm-left:1"),
    COURSE("realm-destroy-fails", end_fails, "REC_DESTROY=60d RECLAIM=40d/1 "
           "CONTINUE=0 REALM_TERMINATE=0 REALM_DESTROY=2", .lost = 3,
           .leaves = "realm-left:1"),
    COURSE("psci-complete-fails", psci, "REC_ENTER=0 PSCI_COMPLETE=1",
           .arg = 1),

    COURSE("enter-fails", one_entry, "REC_ENTER=3"),
    COURSE("exit-unknown", unknown_reason, "REC_ENTER=0", .arg = 31),
    COURSE("exit-device", devices, "REC_ENTER=0*4"),
    COURSE("exit-unknown-class", abort_then_mmio, "REC_ENTER=0 REC_ENTER=3",
           .arg = 0xfc000000),
    COURSE("abort-no-syndrome", abort_then_mmio, "REC_ENTER=0 REC_ENTER=3",
           .arg = 0x92000007),
    COURSE("abort-outside", abort_at, "REC_ENTER=0", .arg = 0xff00000000),
    COURSE("abort-again", abort_again, "REC_ENTER=0 DATA_MAP=104 DATA_MAP=204 "
           "DATA_MAP=0+1000 REC_ENTER=0*20"),
    COURSE("ripas-empty", ripas, "REC_ENTER=0 SET_RIPAS=1", .arg = 1),
    COURSE("ripas-of-a-device", ripas, "REC_ENTER=0 SET_RIPAS=104 "
           "SET_RIPAS=0+1000 DATA_UNMAP=0+1000", .arg = 3),
    COURSE("psci-pending", psci_not_completed, "REC_ENTER=0 REC_ENTER=3",
           .arg = 0xc4000004),
    COURSE("psci-wrong-cpu", psci, "REC_ENTER=0 PSCI_COMPLETE=1",
           .arg = 0x42),
    COURSE("host-call-unknown", host_call, "REC_ENTER=0*2",
           .arg = 0xc5000080),
    COURSE("timer-for-ever", timer, "REC_ENTER=0*20", .arg = 5),
    COURSE("mmio-without-data", abort_then_mmio, "REC_ENTER=0*2",
           .arg = 0x93820047),

    COURSE("rec-at-once", rec_and_back, "REC_CREATE=0 REC_DESTROY=0"),
    COURSE("x4-changes", registers, "FEATURES=0*2", .arg = 1),
    COURSE("takes-less", rec_and_back, "REC_CREATE=50d,40 DONATE=50d,4/15 "
           "DONATE=40d/1 CONTINUE=0 REC_DESTROY=60d RECLAIM=40d/1 CONTINUE=0"),
    COURSE("map-incomplete", everything_incomplete, "DATA_MAP=104 "
           "DATA_MAP=204 DATA_MAP=40d CONTINUE=0 UNPROT_MAP=104 "
           "UNPROT_MAP=40d CONTINUE=0 UNPROT_UNMAP=40d CONTINUE=0 "
           "DATA_UNMAP=40d CONTINUE=0"),
    COURSE("map-busy", everything_incomplete, "DATA_MAP=a DATA_MAP=104 "
           "DATA_MAP=204 DATA_MAP=0+2000 UNPROT_MAP=a UNPROT_MAP=104 "
           "UNPROT_MAP=0+1000 UNPROT_UNMAP=a UNPROT_UNMAP=0+1000 "
           "DATA_UNMAP=a DATA_UNMAP=0+2000"),
    COURSE("share-in-part", shared_in_part, "UNPROT_MAP=0+1000*2 "
           "UNPROT_UNMAP=0+1000*2"),
    COURSE("init-ripas-in-part", ripas_in_part, "INIT_RIPAS=0+1000*3"),
    COURSE("delegate-twice", delegated_twice,
           "DELEGATE=0+1000 DELEGATE=a DELEGATE=1",
           .leaves = "double-delegate:1"),
    { .name = NULL }
};
