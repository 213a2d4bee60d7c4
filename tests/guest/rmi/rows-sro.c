/*
 * Courses: stateful operations, rows 1 to 55
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: RMM (DEN0137) 2.0-bet0, sec B4.3. What is wanted is worked out from the
 * specification and the recipe.
 */
#include "rows.h"

/* REC_CREATE meets the recipe; the next one finds an RMM that behaves. */
static void rec_create(const Course *c)
{
    unsigned kept;
    uint64_t rec, x0;
    Realm r;

    ready();
    kept = in_use;
    want(create_realm(&r), SUCCESS, "REALM_CREATE");
    rec = delegated(1);
    trace_begin(T_SRO);
    x0 = create_rec(&r, rec, 0, true);
    is_trace(c->trace, "the calls of REC_CREATE");
    if (x0) {
        is(create_rec(&r, rec, 0, true), SUCCESS, "REC_CREATE once more");
    }
    is(CALL(REC_DESTROY, rec), SUCCESS, "REC_DESTROY");
    give_back(rec, 1);
    destroy_realm(&r);
    nothing_lost(kept + c->lost);
}

/* The same where no second REC_CREATE can succeed: the realm goes at once */
static void rec_never(const Course *c)
{
    unsigned kept;
    uint64_t rec;
    Realm r;

    ready();
    kept = in_use;
    want(create_realm(&r), SUCCESS, "REALM_CREATE");
    rec = delegated(1);
    trace_begin(T_SRO);
    ok(create_rec(&r, rec, 0, true) != SUCCESS, "REC_CREATE fails");
    is_trace(c->trace, "the calls of REC_CREATE");
    give_back(rec, 1);
    destroy_realm(&r);
    nothing_lost(kept + c->lost);
}

/* The operation stays open: what it works on is nobody's any more. */
static void rec_left(const Course *c)
{
    unsigned kept;
    uint64_t rec;
    Realm r;

    ready();
    kept = in_use;
    want(create_realm(&r), SUCCESS, "REALM_CREATE");
    rec = delegated(1);
    trace_begin(T_SRO);
    ok(create_rec(&r, rec, 0, true) != SUCCESS, "REC_CREATE fails");
    is_trace(c->trace, "the calls of REC_CREATE");
    is(STATUS(ONCE(UNDELEGATE, rec, rec + PAGE)), BLOCKED,
       "the REC's granule belongs to the operation");
    is(in_use, kept + 4 + c->lost, "pages of the RD, tables, REC; and lost");
}

/* REC_DESTROY meets the recipe. It fails, or fails and leaves the REC there. */
enum { ODD = 1, FAILS = 2, AGAIN = 4 };

static void rec_destroy(const Course *c)
{
    unsigned kept;
    uint64_t rec, x0;
    Realm r;

    ready();
    kept = in_use;
    want(create_realm(&r), SUCCESS, "REALM_CREATE");
    if (c->arg & ODD) {
        alloc(1); /* so that what is donated begins at an odd page */
        kept++;
    }
    rec = delegated(1);
    want(create_rec(&r, rec, 0, true), SUCCESS, "REC_CREATE");
    trace_begin(T_SRO);
    x0 = CALL(REC_DESTROY, rec);
    is_trace(c->trace, "the calls of REC_DESTROY");
    is(!x0, !(c->arg & FAILS), "REC_DESTROY as it should");
    if (c->arg & AGAIN) {
        is(CALL(REC_DESTROY, rec), SUCCESS, "REC_DESTROY once more");
    }
    give_back(rec, 1);
    destroy_realm(&r);
    nothing_lost(kept + c->lost);
}

#define STEP(id, calls, ...) \
    { .name = id, .run = rec_create, .trace = calls, __VA_ARGS__ }
#define LEFT(id, calls, finds, ...) \
    { .name = id, .run = rec_left, .trace = calls, .leaves = finds, \
      __VA_ARGS__ }
#define BACK(id, calls, ...) \
    { .name = id, .run = rec_destroy, .trace = calls, __VA_ARGS__ }

#define FIRST "REC_CREATE=50d,40 "
#define REST "DONATE=40d/16 CONTINUE=0"
#define OPEN "sro-abandoned:1 realm-left:1 "

const Course sro_courses[] = {
    /* What is asked for: rows 1 to 6 */
    STEP("count-zero", "REC_CREATE=50d,0 !EINVAL CANCEL=d CONTINUE=1"),
    STEP("count-zero-later", "REC_CREATE=50d,8 DONATE=50d,0/2 !EINVAL "
         "CANCEL=20d RECLAIM=d/1 CONTINUE=1"),
    STEP("no-power-of-two",
         "REC_CREATE=50d,1000c !EINVAL CANCEL=d CONTINUE=1"),
    STEP("no-power-of-two-met",
         "REC_CREATE=50d,1000c DONATE=1/0 CONTINUE=1",
         .leaves = "bad-donation:1", .manners = { .trusting = true }),
    STEP("above-descriptor",
         "REC_CREATE=50d,11000 !EINVAL CANCEL=d CONTINUE=1"),
    STEP("above-max-order",
         "REC_CREATE=50d,10006 !ENOMEM CANCEL=d CONTINUE=1"),
    STEP("contiguous-2m", "REC_CREATE=50d,10005 DONATE=40d/512 CONTINUE=0"),
    STEP("contiguous-2m-refused",
         "REC_CREATE=50d,10005 DONATE=1/0 CONTINUE=1",
         .leaves = "bad-donation:1"),
    STEP("block-2m", "REC_CREATE=50d,5 DONATE=40d/512 CONTINUE=0"),
    STEP("block-1g", "REC_CREATE=50d,6 !ENOMEM CANCEL=d CONTINUE=1"),
    STEP("block-512g", "REC_CREATE=50d,7 !ENOMEM CANCEL=d CONTINUE=1"),
    STEP("count-257",
         "REC_CREATE=50d,404 DONATE=50d,4/256 DONATE=40d/1 CONTINUE=0"),
    STEP("count-1000", "REC_CREATE=50d,fa0 DONATE=50d,ba0/256 "
         "DONATE=50d,7a0/256 DONATE=50d,3a0/256 DONATE=40d/232 CONTINUE=0"),
    STEP("list-fills", "REC_CREATE=50d,3e8 DONATE=50d,10008/0 "
         "DONATE=50d,10010/0 DONATE=50d,10020/0 DONATE=50d,10040/0 "
         "DONATE=50d,10080/0 DONATE=50d,10100/0 DONATE=50d,10200/0 freed "
         "DONATE=50d,10400/0 DONATE=40d/0 CONTINUE=0"),

    /* What is taken: rows 8, 10 to 14 */
    STEP("takes-nothing-once", FIRST "DONATE=50d,40/0 " REST),
    STEP("takes-nothing",
         FIRST "DONATE=50d,40/0*300 !EAGAIN CANCEL=d CONTINUE=1"),
    STEP("contiguous-half",
         "REC_CREATE=50d,10020 DONATE=50d,10010/4 DONATE=40d/4 CONTINUE=0"),
    STEP("contiguous-one",
         "REC_CREATE=50d,10020 DONATE=50d,1c/1 DONATE=40d/7 CONTINUE=0"),
    STEP("partial-list",
         "REC_CREATE=50d,20 DONATE=50d,14/3 DONATE=40d/5 CONTINUE=0"),
    STEP("partial-block", "REC_CREATE=50d,9 DONATE=50d,7f4/515 "
         "DONATE=50d,3f4/256 DONATE=40d/253 CONTINUE=0"),
    STEP("takes-one-too-many", FIRST "DONATE=40d/17 !clamped CONTINUE=0"),
    STEP("takes-all-there-is", FIRST "DONATE=40d/-1 !clamped CONTINUE=0"),
    STEP("takes-too-many-contiguous",
         "REC_CREATE=50d,10020 DONATE=40d/9 !clamped CONTINUE=0"),
    STEP("never-satisfied", "REC_CREATE=50d,100 DONATE=50d,100/64*15 !ENOMEM "
         "CANCEL=20d RECLAIM=d/1 CONTINUE=1", .manners = { .pages = 1020 }),

    /* States and shapes that are not known: rows 15 to 18 */
    STEP("undelegated", "REC_CREATE=50d,20010 DONATE=40d/4 CONTINUE=0"),
    STEP("conditional", "REC_CREATE=50d,40010 !EINVAL CANCEL=d CONTINUE=1"),
    STEP("state-reserved",
         "REC_CREATE=50d,60010 !EINVAL CANCEL=d CONTINUE=1"),
    STEP("reserved-bit",
         "REC_CREATE=50d,10000000010 DONATE=40d/4 CONTINUE=0"),
    STEP("mem-three", "REC_CREATE=70d !ENXIO CANCEL=d CONTINUE=1"),

    /* Rounds: rows 19 and 20 */
    STEP("nothing-first",
         "REC_CREATE=40d CONTINUE=50d,40 DONATE=40d/16 CONTINUE=0"),
    STEP("never-ready", FIRST "DONATE=40d/16 CONTINUE=40d*299 !EAGAIN "
         "CANCEL=20d RECLAIM=d/1 CONTINUE=1"),

    /* The host gives up: rows 22 to 26 */
    LEFT("not-cancellable", "REC_CREATE=10d,7 !ENOMEM abandoned",
         OPEN "left-delegated:1"),
    LEFT("cancel-success", "REC_CREATE=50d,0 !EINVAL CANCEL=0",
         OPEN "left-delegated:1"),
    LEFT("cancel-refused", "REC_CREATE=50d,0 !EINVAL CANCEL=1",
         OPEN "left-delegated:1"),
    LEFT("cancel-error-realm", "REC_CREATE=50d,0 !EINVAL CANCEL=2",
         OPEN "left-delegated:1"),
    STEP("cancelled-asks-again", "REC_CREATE=50d,0 !EINVAL CANCEL=10d,8 "
         "DONATE=20d/2 RECLAIM=d/1 CONTINUE=1"),
    LEFT("cancelled-asks-nonsense", "REC_CREATE=50d,0 !EINVAL CANCEL=10d,0 "
         "!EINVAL abandoned", OPEN "left-delegated:1"),
    STEP("cancelled-success", "REC_CREATE=50d,0 !EINVAL CANCEL=d CONTINUE=0"),
    STEP("cancelled-error-realm",
         "REC_CREATE=50d,0 !EINVAL CANCEL=d CONTINUE=2"),
    STEP("cancel-bit-toggles", FIRST "DONATE=d/16 CONTINUE=40d CONTINUE=d "
         "CONTINUE=40d CONTINUE=0"),

    /* Failures: rows 27, 28, 104 */
    STEP("refused-at-5", FIRST "DONATE=1/4 CONTINUE=60d RECLAIM=40d/1 "
         "CONTINUE=1", .leaves = "bad-donation:1"),
    STEP("refused-at-1", FIRST "DONATE=1/0 CONTINUE=1",
         .leaves = "bad-donation:1"),
    LEFT("refused-and-left", FIRST "DONATE=1/4", "bad-donation:1 " OPEN
         "memory-held:4 left-delegated:1", .lost = 4,
         .manners = { .leaves = true }),
    LEFT("contiguous-2m-half", "REC_CREATE=50d,10005 DONATE=1/256",
         "bad-donation:1 " OPEN "memory-held:256 left-delegated:1",
         .lost = 256, .manners = { .leaves = true }),
    STEP("keeps-memory", FIRST "DONATE=40d/16 CONTINUE=b",
         .leaves = "memory-held:16", .lost = 16),
    STEP("fails-in-the-end", FIRST "DONATE=40d/16 CONTINUE=60d RECLAIM=40d/1 "
         "CONTINUE=3"),

    /* BUSY, BLOCKED, and what nobody knows: rows 41 to 49 */
    STEP("busy", "REC_CREATE=a*5 " FIRST REST),
    STEP("busy-op", FIRST "DONATE=a*2 DONATE=40d/16 CONTINUE=a*2 CONTINUE=0"),
    STEP("busy-cancel", "REC_CREATE=50d,0 !EINVAL CANCEL=a*2 CANCEL=d "
         "CONTINUE=1"),
    { .name = "busy-for-ever", .run = rec_never, .trace = "REC_CREATE=a*300" },
    STEP("blocked", "REC_CREATE=e " FIRST REST),
    STEP("blocked-twice", "REC_CREATE=e*2"),
    STEP("blocked-busy-blocked", "REC_CREATE=e REC_CREATE=a REC_CREATE=e"),
    LEFT("blocked-donate", FIRST "DONATE=e*2", OPEN "left-delegated:1"),
    STEP("blocked-donate-patient", FIRST "DONATE=e*2 " REST,
         .manners = { .blocked = 10 }),
    STEP("status-unknown", "REC_CREATE=20"),
    STEP("minus-one", "REC_CREATE=-1"),
    LEFT("minus-one-op", FIRST "DONATE=40d/16 CONTINUE=-1",
         OPEN "memory-held:16 left-delegated:1", .lost = 16),

    /* Handles: rows 50, 51 */
    STEP("handle-changes", FIRST "DONATE=40d/16 CONTINUE=40d*2 CONTINUE=0"),
    LEFT("handle-changes-followed", FIRST "DONATE=40d/16 CONTINUE=40d "
         "CONTINUE=1", "unknown-handle:1 " OPEN
         "memory-held:16 left-delegated:1", .lost = 16,
         .manners = { .follows = true }),
    STEP("handle-all-ones", FIRST REST),

    /* What comes back: rows 29 to 40 */
    BACK("reclaim-two-too-many", "REC_DESTROY=60d RECLAIM=40d/3 CONTINUE=0"),
    BACK("reclaim-above-capacity",
         "REC_DESTROY=60d RECLAIM=40d/257 !clamped CONTINUE=0"),
    BACK("reclaim-refused",
         "REC_DESTROY=60d RECLAIM=1/0 !ENXIO CANCEL=d CONTINUE=1",
         .arg = FAILS | AGAIN),
    BACK("reclaim-success", "REC_DESTROY=60d RECLAIM=0/3 !ENXIO "
               "CANCEL=d CONTINUE=0", .leaves = "left-delegated:16", .lost = 16, .arg = FAILS),
    BACK("reclaim-nothing", "REC_DESTROY=60d RECLAIM=60d/0*300 !EAGAIN "
         "CANCEL=d CONTINUE=1", .arg = FAILS | AGAIN),
    BACK("reclaim-then-lies", "REC_DESTROY=60d RECLAIM=10d,10/1 "
               "DONATE=1/0 CONTINUE=0", .leaves = "wrong-phase:1"),
    BACK("reclaim-then-donate", "REC_DESTROY=60d RECLAIM=50d,10008/8 "
         "DONATE=40d/2 CONTINUE=60d RECLAIM=40d/1 CONTINUE=0", .arg = ODD),
    BACK("reclaim-600", "REC_DESTROY=60d RECLAIM=60d/256 freed "
         "RECLAIM=60d/256 freed RECLAIM=40d/88 CONTINUE=0"),
    BACK("reclaim-empty-entry", "REC_DESTROY=60d RECLAIM=40d/2 CONTINUE=0"),
    BACK("reclaim-conditional", "REC_DESTROY=60d RECLAIM=40d/1 "
               "CONTINUE=0 !state", .leaves = "left-delegated:16", .lost = 16),
    BACK("reclaim-never-donated", "REC_DESTROY=60d RECLAIM=40d/2 "
               "CONTINUE=0 !foreign"),
    BACK("reclaim-foreign", "REC_DESTROY=20d RECLAIM=d/2 CONTINUE=0 "
               "!leak", .leaves = "undelegate-in-use:1"),
    BACK("busy-reclaim",
         "REC_DESTROY=60d RECLAIM=a*2 RECLAIM=40d/1 CONTINUE=0"),
    BACK("reclaim-lies-delegated", "REC_DESTROY=20d RECLAIM=d/1 CONTINUE=0 "
         "!leak", .leaves = "undelegate-in-use:1", .lost = 4),
    BACK("reclaim-in-pieces", "REC_DESTROY=60d RECLAIM=40d/16 CONTINUE=0"),
    BACK("reclaim-skips", "REC_DESTROY=60d RECLAIM=40d/1 CONTINUE=0",
         .leaves = "memory-held:2", .lost = 2),
    { .name = NULL }
};
