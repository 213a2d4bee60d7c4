/*
 * Courses: tables and mappings of a realm, rows 68 to 103
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: RMM (DEN0137) 2.0-bet0, sec A5, B4.5
 */
#include "rows.h"
#include "kvm.h"

#define END         (1ull << 40)
#define MIB2        0x200000ull
#define REPEAT6(x)  x x x x x x
#define REPEAT7(x)  x REPEAT6(x)

/* @arg: the traced part succeeds; nothing can be destroyed afterwards */
enum { GOOD = 1, STAYS = 2 };

static Realm r;
static bool shared;

static void begin(void)
{
    ready();
    want(create_realm(&r), SUCCESS, "REALM_CREATE");
}

static void end(const Course *c)
{
    if (c->arg & STAYS) {
        return;
    }
    ok(kvm_unmap_private(&r, 0, 8 * PAGE), "unmapped, what was private");
    if (shared) {
        ok(kvm_unmap_shared(&r, UNPROT, UNPROT + PAGE), "and shared");
    }
    ok(kvm_tear_down(&r, 2, 0, END), "no tables are left");
    destroy_realm(&r);
    nothing_lost(c->lost);
}

static void judge(const Course *c, bool good, const char *what)
{
    is_trace(c->trace, "the calls");
    is(good, c->arg & GOOD, what);
}

static void map_pages(const Course *c, unsigned pages)
{
    uint64_t phys;

    begin();
    phys = delegated(pages);
    trace_begin(T_MAP | T_RTT);
    judge(c, kvm_map_private(&r, 0, phys, pages), "mapping succeeds");
    end(c);
}

static void map_one(const Course *c)
{
    map_pages(c, 1);
}

static void map_four(const Course *c)
{
    map_pages(c, 4);
}

static void populate(const Course *c)
{
    uint64_t page;

    begin();
    page = delegated(1);
    trace_begin(T_MAP | T_RTT);
    judge(c, kvm_populate(&r, 0, page), "DATA_MAP_INIT succeeds");
    end(c);
}

static uint64_t map_two(void)
{
    uint64_t phys;

    begin();
    phys = delegated(2);
    ok(kvm_map_private(&r, 0, phys, 2), "two pages are mapped");
    return phys;
}

static void unmap(const Course *c)
{
    map_two();
    trace_begin(T_MAP | T_RTT);
    judge(c, kvm_unmap_private(&r, 0, 2 * PAGE), "unmapping succeeds");
    end(c);
}

/* What was unmapped is free, but out of reach. */
static void unmap_claims(const Course *c)
{
    uint64_t phys = map_two();

    trace_begin(T_MAP | T_RTT);
    judge(c, kvm_unmap_private(&r, 0, 2 * PAGE), "unmapping succeeds");
    ok(is_gpf(try_load(phys, NULL)), "its next owner takes a fault");
}

/* The piece that comes back begins a page too late: another's page is freed. */
static void unmap_shifted(const Course *c)
{
    uint64_t phys, other;
    unsigned before;

    begin();
    alloc(1); /* the last hole */
    phys = alloc(2);
    other = alloc(1);
    is(other, phys + 2 * PAGE, "the page behind is somebody else's");
    is(range(DELEGATE, phys, 2), 2, "delegation");
    ok(kvm_map_private(&r, 0, phys, 2), "two pages are mapped");
    before = in_use;
    trace_begin(T_MAP | T_RTT);
    judge(c, kvm_unmap_private(&r, 0, 2 * PAGE), "unmapping succeeds");
    is(before - in_use, 2, "two pages are free");
    is(alloc(1), phys + PAGE, "one of them was meant,");
    is(alloc(1), other, "the other one is in use");
}

static void share(const Course *c)
{
    begin();
    shared = true;
    trace_begin(T_MAP | T_RTT);
    judge(c, kvm_map_shared(&r, UNPROT, CONTENT, 1), "UNPROT_MAP succeeds");
    end(c);
}

static void unshare(const Course *c)
{
    begin();
    shared = kvm_map_shared(&r, UNPROT, CONTENT, 1);
    ok(shared, "a page is shared");
    trace_begin(T_MAP | T_RTT);
    judge(c, kvm_unmap_shared(&r, UNPROT, UNPROT + PAGE), "unsharing");
    end(c);
}

/* Two tables with nothing in them */
static void empty_tables(void)
{
    begin();
    ok(kvm_table(&r, 0, 2) && kvm_table(&r, 0, 3), "two tables");
}

static void tear_down(const Course *c)
{
    empty_tables();
    trace_begin(T_RTT);
    judge(c, kvm_tear_down(&r, 2, 0, 1ull << 30), "tearing down");
    end(c);
}

static void fold(const Course *c)
{
    empty_tables();
    trace_begin(T_RTT);
    judge(c, kvm_fold(&r, 2, 0, PAGE) == 0, "folding");
    end(c);
}

static void fold_full(const Course *c)
{
    map_two();
    trace_begin(T_RTT);
    is(kvm_fold(&r, 2, 0, PAGE), 1, "one table cannot be folded");
    is_trace(c->trace, "the calls");
    end(c);
}

static void init_ripas(const Course *c)
{
    begin();
    trace_begin(T_MAP | T_RTT);
    judge(c, kvm_ripas(&r, 0, 0, MIB2), "INIT_RIPAS succeeds");
    end(c);
}

/* The realm wants RAM in the first 2 MiB. */
static void set_ripas(const Course *c)
{
    uint64_t rec;

    begin();
    rec = delegated(1);
    want(create_rec(&r, rec, 0, true), SUCCESS, "REC_CREATE");
    want(CALL(REALM_ACTIVATE, r.rd), SUCCESS, "REALM_ACTIVATE");
    clear(RUN);
    is(CALL(REC_ENTER, rec, RUN), SUCCESS, "REC_ENTER");
    is(load(RUN + 0x800), 4, "exit for a change of RIPAS");
    is(load(RUN + 0xd08), MIB2, "of 2 MiB");
    trace_begin(T_MAP | T_RTT);
    judge(c, kvm_ripas(&r, rec, 0, MIB2), "SET_RIPAS succeeds");
    is(CALL(REC_ENTER, rec, RUN), SUCCESS, "the realm runs on");
    is(CALL(REC_DESTROY, rec), SUCCESS, "REC_DESTROY");
    give_back(rec, 1);
    end(c);
}

#define COURSE(id, fn, calls, ...) \
    { .name = id, .run = fn, .trace = calls, __VA_ARGS__ }
#define TABLES "DATA_MAP=104 RTT_CREATE=0 DATA_MAP=204 RTT_CREATE=0 "

const Course table_courses[] = {
    COURSE("table-exists", map_one, "DATA_MAP=104 RTT_CREATE=0 DATA_MAP=204 "
           "RTT_CREATE=204 !exists DATA_MAP=204 RTT_CREATE=0 DATA_MAP=0+1000",
           .arg = GOOD),
    COURSE("table-refused", map_one, "DATA_MAP=104 RTT_CREATE=1"),
    COURSE("table-other-level", map_one, "DATA_MAP=104 RTT_CREATE=304"),
    COURSE("map-too-deep", map_one, "DATA_MAP=304 !level"),
    COURSE("map-same-level", map_one,
           REPEAT7("DATA_MAP=104 RTT_CREATE=104 !exists ") "!EAGAIN"),
    COURSE("map-level-minus-one", map_one, "DATA_MAP=ff04 !level"),
    COURSE("map-fails", map_one, "DATA_MAP=1"),
    COURSE("map-untracked", map_one, "DATA_MAP=c"),
    COURSE("map-fails-later", map_four, TABLES "DATA_MAP=0+1000*2 DATA_MAP=1 "
           "DATA_UNMAP=0+2000"),
    COURSE("map-stands", map_one, TABLES "DATA_MAP=0+0 !stuck"),
    COURSE("map-crooked", map_one, TABLES "DATA_MAP=0+64 !crooked"),
    COURSE("map-beyond", map_one, TABLES "DATA_MAP=0+40000000 !beyond"),
    COURSE("populate-too-deep", populate, "DATA_MAP_INIT=304 !level"),
    COURSE("populate-fails", populate, "DATA_MAP_INIT=2"),
    COURSE("populate-fails-twice", populate, "DATA_MAP_INIT=2 !leak",
           .lost = 1, .leaves = "left-delegated:1"),

    COURSE("unmap-skips", unmap, "DATA_UNMAP=204", .arg = GOOD),
    COURSE("unmap-wants-table", unmap, "DATA_UNMAP=104 RTT_CREATE=104 !exists "
           "DATA_UNMAP=0+2000", .arg = GOOD),
    COURSE("unmap-too-deep", unmap, "DATA_UNMAP=304 RTT_CREATE=1"),
    COURSE("unmap-fails", unmap, "DATA_UNMAP=1"),
    COURSE("unmap-no-range", unmap, "DATA_UNMAP=0+2000", .arg = GOOD,
           .lost = 2, .leaves = "left-delegated:2"),
    COURSE("unmap-foreign-range", unmap, "DATA_UNMAP=0+2000 !leak",
           .lost = 2, .leaves = "left-delegated:2"),
    COURSE("unmap-shifted-range", unmap_shifted, "DATA_UNMAP=0+2000",
           .arg = GOOD, .leaves = "left-delegated:1 realm-left:1"),
    COURSE("unmap-claims-undelegated", unmap_claims, "DATA_UNMAP=0+2000",
           .arg = GOOD,
           .leaves = "protection-fault:1 left-delegated:2 realm-left:1"),
    COURSE("unmap-stands", unmap, "DATA_UNMAP=0+0 !stuck"),

    COURSE("share-exists", share,
           "UNPROT_MAP=304 UNPROT_UNMAP=104 RTT_CREATE=0*2 UNPROT_UNMAP=304 "
           REPEAT6("UNPROT_MAP=304 UNPROT_UNMAP=304 ") "!EAGAIN"),
    COURSE("share-no-table", share, "UNPROT_MAP=104 RTT_CREATE=0*2 "
           REPEAT6("UNPROT_MAP=104 RTT_CREATE=104 !exists RTT_CREATE=204 "
                   "!exists ") "!EAGAIN"),
    COURSE("unshare-skips", unshare, "UNPROT_UNMAP=304", .arg = GOOD),
    COURSE("unshare-creates", unshare, "UNPROT_UNMAP=104 RTT_CREATE=104 "
           "!exists RTT_CREATE=204 !exists UNPROT_UNMAP=0+1000", .arg = GOOD),
    COURSE("unshare-fails", unshare, "UNPROT_UNMAP=1"),

    COURSE("destroy-nothing-here", tear_down, "RTT_DESTROY=104>40000000",
           .arg = GOOD),
    COURSE("destroy-wrong-level", tear_down, "RTT_DESTROY=104>0 !EBUSY"),
    COURSE("destroy-always-live", tear_down,
           "RTT_DESTROY=204>0 RTT_DESTROY=0>40000000 "
           REPEAT6("RTT_DESTROY=204>0 RTT_DESTROY=204>40000000 ")
           "RTT_DESTROY=204>0 !EAGAIN", .arg = STAYS,
           .leaves = "realm-left:1"),
    COURSE("destroy-last-live", tear_down,
           "RTT_DESTROY=204>0 RTT_DESTROY=304>0 !EBUSY"),
    COURSE("destroy-wrong-table", tear_down, "RTT_DESTROY=204>0 "
           "RTT_DESTROY=0>40000000 !foreign RTT_DESTROY=0>8000000000",
           .arg = GOOD, .lost = 1, .leaves = "left-delegated:1"),
    COURSE("destroy-stands", tear_down, "RTT_DESTROY=0>0 !stuck"),
    COURSE("fold-wrong-table", fold,
           "RTT_FOLD=204 RTT_FOLD=0 !foreign RTT_FOLD=0", .arg = GOOD,
           .lost = 1, .leaves = "left-delegated:1"),
    COURSE("fold-full", fold_full, "RTT_FOLD=204 RTT_FOLD=304"),
    COURSE("fold-loops", fold, REPEAT7("RTT_FOLD=204 RTT_FOLD=0 !foreign ")
           "RTT_FOLD=204 !EAGAIN"),

    COURSE("init-ripas-too-deep", init_ripas, "INIT_RIPAS=304 !level"),
    COURSE("init-ripas-stands", init_ripas, "INIT_RIPAS=0+0 !stuck"),
    COURSE("set-ripas-stands", set_ripas, "SET_RIPAS=0+0 !stuck"),
    COURSE("set-ripas-no-table", set_ripas, "SET_RIPAS=104 RTT_CREATE=0 "
           REPEAT6("SET_RIPAS=104 RTT_CREATE=104 !exists ") "!EAGAIN"),
    COURSE("set-ripas-fails", set_ripas, "SET_RIPAS=3"),
    { .name = NULL }
};
