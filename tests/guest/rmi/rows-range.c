/*
 * Courses: delegation and undelegation, rows 21, 60 to 67
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: RMM (DEN0137) 2.0-bet0, sec A2.3, B4.5.17, B4.5.18
 */
#include "rows.h"
#include "kvm.h"

#define PAGES 8

/* Pages go and come back; @arg of them go. */
static void there_and_back(const Course *c)
{
    unsigned done, back = 0;
    uint64_t page;

    ready();
    page = alloc(PAGES);
    trace_begin(T_RANGE | T_SRO);
    done = range(DELEGATE, page, PAGES);
    if (done) {
        back = range(UNDELEGATE, page, done);
    }
    is_trace(c->trace, "the calls");
    is(done, c->arg, "pages were delegated");
    is(done - back, c->lost, "pages were not undelegated");
    if (!c->lost) {
        release(page, PAGES);
        nothing_lost(0);
    }
}

/* The fault path: zero progress means that another CPU did it. It faults again. */
static void endless_fault(const Course *c)
{
    uint64_t page;

    ready();
    page = alloc(1);
    trace_begin(T_RANGE);
    for (unsigned i = 0; i < 50; i++) {
        want(range(DELEGATE, page, 1), 0, "delegation");
    }
    is_trace(c->trace, "the calls");
    release(page, 1);
    nothing_lost(0);
}

/* Delegation stops in the middle of what is to be donated. */
static void in_donation(const Course *c)
{
    uint64_t rec;
    Realm r;

    ready();
    want(create_realm(&r), SUCCESS, "REALM_CREATE");
    rec = delegated(1);
    trace_begin(T_SRO | T_RANGE);
    is(create_rec(&r, rec, 0, true), CANCELED, "REC_CREATE");
    is_trace(c->trace, "the calls");
    if (host.trusting) {
        /* Linux v14 frees all eight. */
        ok(is_gpf(try_load(POOL + 8 * PAGE, NULL)),
           "a freed page is out of reach");
    }
    give_back(rec, 1);
    destroy_realm(&r);
    is(in_use, 0, "the host has all pages back");
}

/* A granule comes back that a realm still uses. */
static void forced(const Course *c)
{
    uint64_t page, value = 0;
    Realm r;

    ready();
    want(create_realm(&r), SUCCESS, "REALM_CREATE");
    page = delegated(1);
    ok(kvm_map_private(&r, 0, page, 1), "a page is mapped");
    trace_begin(T_RANGE);
    is(range(UNDELEGATE, page, 1), 1, "UNDELEGATE of a page in use");
    is_trace(c->trace, "the calls");
    store(page, PATTERN);
    is(try_load(page, &value), 0, "the host has it");
    is(value, PATTERN, "and can write to it");
    is(CALL(RTT_READ, r.rd, 0, 3), SUCCESS, "RTT_READ_ENTRY");
    is(out[2], 1, "and it is still mapped for the realm");
    is(out[3] & 0xfffffffff000ull, page, "at that address");
}

/* A command that transfers no memory wants some, or hands some back. */
static void wants_memory(const Course *c)
{
    uint64_t page;
    Realm r;

    ready();
    want(create_realm(&r), SUCCESS, "REALM_CREATE");
    page = delegated(1);
    trace_begin(T_SRO | T_MAP | T_RTT);
    ok(!kvm_map_private(&r, 0, page, 1), "mapping a page fails");
    is_trace(c->trace, "the calls");
    page = delegated(1);
    ok(kvm_map_private(&r, 0, page, 1), "and succeeds the next time");
    ok(kvm_unmap_private(&r, 0, PAGE), "unmapped");
    ok(kvm_tear_down(&r, 2, 0, 1ull << 40), "no tables left");
    destroy_realm(&r);
    nothing_lost(0);
}

#define RANGE(id, fn, calls, ...) \
    { .name = id, .run = fn, .trace = calls, __VA_ARGS__ }

const Course range_courses[] = {
    RANGE("delegate-wants-memory", there_and_back,
          "DELEGATE=50d,4 !ENXIO CANCEL=d CONTINUE=1"),
    RANGE("delegate-wants-for-good", there_and_back,
          "DELEGATE=10d,4 !ENXIO abandoned", .leaves = "sro-abandoned:1"),
    RANGE("delegate-hands-back", there_and_back,
          "DELEGATE=60d !ENXIO CANCEL=d CONTINUE=1"),
    RANGE("data-map-wants-memory", wants_memory,
          "DATA_MAP=104 RTT_CREATE=0 DATA_MAP=204 RTT_CREATE=0 "
          "DATA_MAP=50d,4 !ENXIO CANCEL=d CONTINUE=1"),
    RANGE("rtt-create-wants-memory", wants_memory,
          "DATA_MAP=104 RTT_CREATE=50d,4 !ENXIO CANCEL=d CONTINUE=1"),
    RANGE("delegate-page-by-page", there_and_back,
          "DELEGATE=0+1000*8 UNDELEGATE=0+1000*8", .arg = 8),
    RANGE("delegate-stands", there_and_back, "DELEGATE=0+0 !stuck"),
    RANGE("delegate-goes-back", there_and_back, "DELEGATE=0-1000 !stuck"),
    RANGE("delegate-beyond", there_and_back,
          "DELEGATE=0+208000 !beyond UNDELEGATE=0+8000", .arg = 8),
    RANGE("delegate-fails-later", there_and_back,
          "DELEGATE=0+1000*3 DELEGATE=1 UNDELEGATE=0+3000", .arg = 3),
    RANGE("delegate-fails-in-donation", in_donation,
          "REC_CREATE=50d,10020 DELEGATE=0+1000*3 DELEGATE=1 "
          "UNDELEGATE=0+3000 !ENXIO CANCEL=d CONTINUE=1"),
    RANGE("delegate-fails-and-freed", in_donation,
          "REC_CREATE=50d,10020 DELEGATE=0+1000*3 DELEGATE=1 !ENXIO CANCEL=d "
          "CONTINUE=1", .manners = { .trusting = true },
          .leaves = "protection-fault:1 left-delegated:3"),
    RANGE("delegate-never", endless_fault, "DELEGATE=1*50"),
    RANGE("undelegate-fails", there_and_back, "DELEGATE=0+8000 UNDELEGATE=1",
          .arg = 8, .lost = 8, .leaves = "left-delegated:8"),
    RANGE("undelegate-stands", there_and_back,
          "DELEGATE=0+8000 UNDELEGATE=0+0 !stuck", .arg = 8, .lost = 8,
          .leaves = "left-delegated:8"),
    RANGE("undelegate-forced", forced, "UNDELEGATE=0+1000",
          .leaves = "realm-left:1"),
    { .name = NULL }
};
