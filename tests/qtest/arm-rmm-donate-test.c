/*
 * QTest of arm-rmm: what can be donated, and how it comes back
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: RMM 2.0-bet0, sec B4.3.2.2, B4.3.2.3, B4.4, B4.5.23, B4.5.24; bet1 is
 * TF-RMM. Each row is a request, a list and what becomes of it.
 */
#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "libqos/arm-rmm.h"

#define RD          P(0)
#define RTT         P(2)
#define REC         P(16)
#define MIB2        0x200000ull
#define HERE        0x46000000ull   /* 6 MiB delegated, aligned to 4 MiB */
#define A(i)        (HERE + (i) * PAGE)
#define HOST(i)     (0x47000000ull + (i) * PAGE)
#define LISTS       NS(16)          /* two pages */
#define GIB         0x40000000ull

enum { BET0 = 1, BET1 = 2, BET3 = 4, ALL = 7, NOT_BET1 = 5 };
enum { DELEGATED, UNDELEGATED, CONDITIONAL };
typedef enum Fate {
    TAKEN,          /* all of it */
    REFUSED,        /* the list: nothing is taken */
    BAD_GRANULE,    /* as many as there are before a bad one */
} Fate;

typedef struct Desc {
    uint64_t base;
    unsigned size, count, state;
} Desc;

typedef struct Donation {
    const char *what;
    unsigned abis;
    struct {
        unsigned size, count, contig, state;
    } request;
    Desc desc[6];               /* ends with a base of 0 */
    Fate fate;
    unsigned taken;             /* X1 */
    uint64_t next;              /* X2: request for the rest, 0 if none */
    unsigned offset;            /* of the list, in entries */
    unsigned entries;           /* X3, if other than those of desc */
} Donation;

#define LEFT(size, count)   ((size) | (count) << 2)
#define EMPTY               { A(0), 0, 0 }

static const Donation donations[] = {
    { "one range", ALL, { 0, 16 }, { { A(0), 0, 16 } }, TAKEN, 16 },
    { "ranges", ALL, { 0, 16 },
      { { A(40), 0, 3 }, { A(9), 0, 1 }, { A(0), 0, 8 }, { A(20), 0, 4 } },
      TAKEN, 16 },
    { "with empty ones", ALL, { 0, 4 },
      { EMPTY, { A(0), 0, 1 }, EMPTY, EMPTY, { A(7), 0, 3 }, EMPTY }, TAKEN,
      4 },
    { "nothing but empty ones", ALL, { 0, 4 }, { EMPTY, EMPTY }, TAKEN, 0,
      LEFT(0, 4) },
    { "one fewer", ALL, { 0, 16 }, { { A(0), 0, 15 } }, TAKEN, 15,
      LEFT(0, 1) },
    { "one", ALL, { 0, 16 }, { { A(0), 0, 1 } }, TAKEN, 1, LEFT(0, 15) },
    { "one more", ALL, { 0, 16 }, { { A(0), 0, 17 } }, REFUSED },
    { "one more, in a second range", ALL, { 0, 16 },
      { { A(0), 0, 16 }, { A(30), 0, 1 } }, REFUSED },
    { "one more behind the count", ALL, { 0, 16 },
      { { A(0), 0, 16 }, { A(30), 0, 1 } }, TAKEN, 16, .entries = 1 },
    { "the most of a request", ALL, { 0, 16383 }, { { A(0), 0, 1023 } },
      TAKEN, 1023, LEFT(0, 16383 - 1023) },

    { "block", ALL, { 1, 1 }, { { A(0), 1, 1 } }, TAKEN, 512 },
    { "block as pages", ALL, { 1, 1 }, { { A(0), 0, 512 } }, TAKEN, 512 },
    { "one of two blocks", ALL, { 1, 2 }, { { A(512), 1, 1 } }, TAKEN, 512,
      LEFT(1, 1) },
    { "two blocks, not in order", ALL, { 1, 2 },
      { { A(1024), 1, 1 }, { A(0), 1, 1 } }, TAKEN, 1024 },
    { "part of a block", ALL, { 1, 1 }, { { A(0), 0, 100 } }, TAKEN, 100,
      LEFT(0, 412) },
    { "block for pages", ALL, { 0, 512 }, { { A(0), 1, 1 } }, TAKEN, 512 },
    { "block too large for pages", ALL, { 0, 511 }, { { A(0), 1, 1 } },
      REFUSED },
    { "block misaligned", ALL, { 1, 1 }, { { A(1), 1, 1 } }, REFUSED },
    { "block misaligned, second", ALL, { 1, 2 },
      { { A(0), 1, 1 }, { A(513), 1, 1 } }, REFUSED },
    { "of level 1, too much", ALL, { 1, 3 }, { { GIB, 2, 1 } }, REFUSED },
    { "of level 0, a little", ALL, { 3, 1 }, { { A(0), 0, 16 } }, TAKEN, 16,
      LEFT(0, 16383) },

    { "contiguous", ALL, { 0, 8, 1 }, { { A(8), 0, 8 } }, TAKEN, 8 },
    { "contiguous, in two", NOT_BET1, { 0, 8, 1 },
      { { A(8), 0, 4 }, { A(12), 0, 4 } }, TAKEN, 8 },
    { "contiguous, in two", BET1, { 0, 8, 1 },
      { { A(8), 0, 4 }, { A(12), 0, 4 } }, REFUSED },
    { "contiguous, one empty", ALL, { 0, 8, 1 }, { EMPTY, { A(8), 0, 8 } },
      TAKEN, 8 },
    { "contiguous, with a gap", ALL, { 0, 8, 1 },
      { { A(8), 0, 4 }, { A(13), 0, 4 } }, REFUSED },
    { "contiguous, backwards", ALL, { 0, 8, 1 },
      { { A(12), 0, 4 }, { A(8), 0, 4 } }, REFUSED },
    { "contiguous, misaligned", ALL, { 0, 8, 1 }, { { A(4), 0, 8 } },
      REFUSED },
    { "contiguous, half", ALL, { 0, 8, 1 }, { { A(8), 0, 4 } }, REFUSED },
    { "contiguous, too much", ALL, { 0, 8, 1 }, { { A(0), 0, 16 } },
      REFUSED },
    { "contiguous block", ALL, { 1, 1, 1 }, { { A(512), 1, 1 } }, TAKEN,
      512 },
    { "contiguous block as pages", ALL, { 1, 1, 1 }, { { A(512), 0, 512 } },
      TAKEN, 512 },
    { "contiguous blocks", ALL, { 1, 2, 1 }, { { A(0), 1, 2 } }, TAKEN, 1024 },
    { "contiguous blocks, misaligned", ALL, { 1, 2, 1 }, { { A(512), 1, 2 } },
      REFUSED },

    { "Non-secure", ALL, { 0, 3, 0, UNDELEGATED },
      { { HOST(0), 0, 2, UNDELEGATED }, { HOST(9), 0, 1, UNDELEGATED } },
      TAKEN, 3 },
    { "contiguous Non-secure", ALL, { 0, 4, 1, UNDELEGATED },
      { { HOST(4), 0, 4, UNDELEGATED } }, TAKEN, 4 },
    { "Non-secure, called delegated", ALL, { 0, 3, 0, UNDELEGATED },
      { { HOST(0), 0, 3, DELEGATED } }, REFUSED },
    { "delegated, called Non-secure", ALL, { 0, 3 },
      { { A(0), 0, 3, UNDELEGATED } }, REFUSED },
    { "second one called Non-secure", ALL, { 0, 3 },
      { { A(0), 0, 2 }, { A(2), 0, 1, UNDELEGATED } }, REFUSED },
    { "either", BET3, { 0, 3, 0, CONDITIONAL },
      { { A(0), 0, 1, CONDITIONAL }, { HOST(0), 0, 2, CONDITIONAL } }, TAKEN,
      3 },
    { "either, called delegated", BET3, { 0, 3, 0, CONDITIONAL },
      { { A(0), 0, 3, DELEGATED } }, REFUSED },

    { "Non-secure one first", ALL, { 0, 5 },
      { { HOST(0), 0, 1 }, { A(0), 0, 2 } }, BAD_GRANULE, 0 },
    { "Non-secure one in the middle", ALL, { 0, 5 },
      { { A(0), 0, 3 }, { HOST(0), 0, 1 }, { A(3), 0, 1 } }, BAD_GRANULE, 3,
      LEFT(0, 2) },
    { "delegated one in the middle", ALL, { 0, 5, 0, UNDELEGATED },
      { { HOST(0), 0, 1, UNDELEGATED }, { A(0), 0, 1, UNDELEGATED } },
      BAD_GRANULE, 1, LEFT(0, 4) },
    { "end of the delegated ones", ALL, { 0, 40 }, { { A(1530), 0, 20 } },
      BAD_GRANULE, 6, LEFT(0, 34) },
    { "one twice", ALL, { 0, 5 }, { { A(0), 0, 1 }, { A(0), 0, 1 } },
      BAD_GRANULE, 1, LEFT(0, 4) },
    { "what the operation is about", ALL, { 0, 5 },
      { { A(5), 0, 2 }, { REC, 0, 1 } }, BAD_GRANULE, 2, LEFT(0, 3) },
    { "a table", ALL, { 0, 5 }, { { RTT, 0, 1 } }, BAD_GRANULE, 0 },
    { "a realm", ALL, { 0, 5 }, { { A(0), 0, 4 }, { RD, 0, 1 } },
      BAD_GRANULE, 4, LEFT(0, 1) },
    { "no memory", ALL, { 0, 5 }, { { 0x9000000, 0, 2 } }, BAD_GRANULE, 0 },
    { "end of memory", ALL, { 0, 5, 0, UNDELEGATED },
      { { RAM + RAM_SIZE - PAGE, 0, 3, UNDELEGATED } }, BAD_GRANULE, 1,
      LEFT(0, 4) },

    { "list in the middle of a page", ALL, { 0, 4 }, { { A(0), 0, 4 } },
      TAKEN, 4, .offset = 10 },
    { "list up to the end of a page", ALL, { 0, 4 },
      { { A(0), 0, 1 }, { A(1), 0, 3 } }, TAKEN, 4, .offset = 510 },
    { "list across the end of a page", ALL, { 0, 4 },
      { { A(0), 0, 1 }, { A(1), 0, 3 } }, TAKEN, 4, .offset = 511 },
    { "entry 512 of a list", ALL, { 0, 4 },
      { { A(1), 0, 3 }, { A(8), 0, 1 } }, TAKEN, 3, LEFT(0, 1), .offset = 511,
      .entries = 513 },
};

static const char *const abis[] = { "bet0", "bet1", "bet3" };

static void begin(RmmHost *h, const char *abi)
{
    rmm_start(h, abi, "");
    rmm_active(h);
    rmm_realm(h, RD, RTT);
    rmm_delegate(h, REC, 64);
    rmm_delegate(h, HERE, 1536);
}

/* Takes everything back; returns how many granules that were. */
static uint64_t take_back(RmmHost *h)
{
    uint64_t granules = 0;

    while ((h->x[0] & 0x3ff) == WANT_RECLAIM) {
        R(h, R_RECLAIM, 0, LIST, 512);
        for (unsigned i = 0, n = h->x[1]; i < n; i++) {
            granules += extract64(qtest_readq(h->qts, LIST + i * 8), 2, 10);
        }
    }
    return granules;
}

/* After whatever answer */
static void finish(RmmHost *h, uint64_t taken)
{
    uint64_t x0 = h->x[0];

    if (x0 == EINPUT && !g_str_equal(h->abi, "bet1")) {
        x0 = R(h, R_CONTINUE, 0, 0);
    } else if ((x0 & 0x3ff) != WANT_RECLAIM) {
        x0 = R(h, R_CANCEL, 0);
    }
    g_assert_cmpuint(take_back(h), ==, taken);
    if (taken || x0 != EINPUT) {
        g_assert_cmphex(R(h, R_CONTINUE, 0, 0), ==, EINPUT);
    }
    g_assert_cmphex(R(h, R_CONTINUE, 0, 0), ==, EINPUT);
}

static uint64_t request_of(const Donation *d)
{
    return d->request.size | d->request.count << 2 | d->request.contig << 16 |
           d->request.state << 17;
}

static void ask(RmmHost *h, const Donation *d)
{
    static const char *const states[] = {
        "delegated", "undelegated", "conditional"
    };
    g_autofree char *script = g_strdup_printf(
        "{ \"rules\": [ { \"command\": \"REC_CREATE\", \"times\": 0,"
        " \"sro\": { \"cancel\": true, \"donate\": [ { \"size\": %u,"
        " \"count\": %u, \"contig\": %s, \"state\": \"%s\" } ] } } ] }",
        d->request.size, d->request.count,
        d->request.contig ? "true" : "false", states[d->request.state]);

    rmm_script(h, script);
    g_assert_cmphex(rmm_rec_begin(h, RD, REC, 0), ==,
                    WANT_DONATE | CANCELLABLE);
    g_assert_cmphex(h->x[2], ==, request_of(d));
}

/* The rest of a request keeps its state, and its form if it is a whole one. */
static uint64_t rest_of(const Donation *d)
{
    return d->next ? d->next | d->request.state << 17 : 0;
}

static void expect(RmmHost *h, const Donation *d)
{
    bool tf = g_str_equal(h->abi, "bet1");
    uint64_t next = rest_of(d);
    uint64_t x0 = next ? WANT_DONATE : INCOMPLETE;

    if (d->fate == REFUSED || (d->fate == BAD_GRANULE && !tf)) {
        x0 = EINPUT;
    } else {
        if (d->fate == BAD_GRANULE && !d->taken) {
            x0 = WANT_RECLAIM;
        }
        x0 |= CANCELLABLE;
    }
    g_assert_cmphex(h->x[0], ==, x0);
    g_assert_cmpuint(h->x[1], ==, d->taken);
    if (x0 != EINPUT) {
        g_assert_cmphex(h->x[2], ==, next);
    }
}

static void donate(RmmHost *h, const Donation *d)
{
    uint64_t list = LISTS + (d->entries > 512 ? 0 : d->offset * 8);
    unsigned n = 0;

    qtest_memset(h->qts, LISTS, 0, 2 * PAGE);
    for (; n < ARRAY_SIZE(d->desc) && d->desc[n].base; n++) {
        const Desc *x = &d->desc[n];

        qtest_writeq(h->qts, LISTS + (d->offset + n) * 8,
                     rmm_desc(h, x->base, x->size, x->count, x->state));
    }
    R(h, R_DONATE, 0, list, d->entries ?: n, 0);
    expect(h, d);
    /* sec B4.3.2.2: what was taken is the RMM's. */
    if (d->taken && d->desc[0].count) {
        rmm_granule_is(h, d->desc[0].base, "internal", "realm");
    }
    if (d->fate == REFUSED && d->desc[0].base < RAM + RAM_SIZE &&
        d->desc[0].base >= HERE) {
        rmm_granule_is(h, d->desc[0].base, d->desc[0].base < HOST(0) ?
                       "delegated" : "undelegated",
                       d->desc[0].base < HOST(0) ? "realm" : "ns");
    }
}

static void lists(gconstpointer data)
{
    unsigned bit = g_str_equal(data, "bet0") ? BET0 :
                   g_str_equal(data, "bet1") ? BET1 : BET3;
    uint64_t delegated;
    RmmHost h;

    begin(&h, data);
    delegated = rmm_count(&h, "delegated");
    for (unsigned i = 0; i < ARRAY_SIZE(donations); i++) {
        const Donation *d = &donations[i];

        if (d->abis & bit) {
            g_test_message("%s", d->what);
            ask(&h, d);
            donate(&h, d);
            finish(&h, d->taken);
        }
    }
    g_assert_cmpuint(rmm_count(&h, "internal"), ==, 0);
    g_assert_cmpuint(rmm_count(&h, "delegated"), ==, delegated);
    rmm_stop(&h);
}

/*
 * sec B4.3.2.2: X1 is what this call took, whatever its status; the second call
 * of an operation does not count what the first one took.
 */
static void refused_later(gconstpointer data)
{
    static const Donation first = {
        "", ALL, { 0, 8 }, { { A(0), 0, 3 } }, TAKEN, 3, LEFT(0, 5)
    };
    static const struct {
        Desc desc[3];
        unsigned taken;
        bool refused;
    } second[] = {
        { { { A(3), 0, 6 } }, 0, true },                    /* too much */
        { { { A(3), 0, 1 }, { A(512) + PAGE, 1, 1 } }, 0, true },
        { { { A(3), 0, 1, 1 } }, 0, true },                 /* state */
        { { { HOST(0), 0, 1 } }, 0, false },                /* bad granule */
        { { { A(3), 0, 2 }, { HOST(0), 0, 1 } }, 2, false },
        { { { A(0), 0, 1 } }, 0, false },                   /* taken before */
    };
    bool tf = g_str_equal(data, "bet1");
    RmmHost h;

    begin(&h, data);
    for (unsigned i = 0; i < ARRAY_SIZE(second); i++) {
        unsigned n = 0;

        ask(&h, &first);
        donate(&h, &first);
        for (; second[i].desc[n].base; n++) {
            const Desc *x = &second[i].desc[n];

            qtest_writeq(h.qts, LISTS + n * 8,
                         rmm_desc(&h, x->base, x->size, x->count, x->state));
        }
        R(&h, R_DONATE, 0, LISTS, n, 0);
        g_assert_cmphex(h.x[0], ==,
                        !tf || second[i].refused ? EINPUT :
                        second[i].taken ? WANT_DONATE | CANCELLABLE :
                        WANT_RECLAIM | CANCELLABLE);
        g_assert_cmpuint(h.x[1], ==, second[i].taken);
        finish(&h, 3 + second[i].taken);
    }
    /* A list that is not there to be read */
    for (unsigned i = 0; i < 4; i++) {
        static const uint64_t where[] = {
            LISTS + 4, 0x9000000, A(0), NS_BASE - 8 + 0x100000000ull
        };

        ask(&h, &first);
        donate(&h, &first);
        g_assert_cmphex(R(&h, R_DONATE, 0, where[i], 1, 0), ==, EINPUT);
        g_assert_cmpuint(h.x[1], ==, 0);
        finish(&h, 3);
    }
    rmm_stop(&h);
}

/* The list goes on in a page that is not the host's: nothing is taken. */
static void list_into_delegated(gconstpointer data)
{
    static const Donation d = {
        "", ALL, { 0, 8 }, { { A(0), 0, 3 } }, TAKEN, 3, LEFT(0, 5)
    };
    uint64_t list = NS(63) + PAGE - 16;
    RmmHost h;

    begin(&h, data);
    rmm_delegate(&h, NS(64), 1);
    ask(&h, &d);
    for (unsigned i = 0; i < 2; i++) {
        qtest_writeq(h.qts, list + i * 8, rmm_desc(&h, A(i), 0, 1, 0));
    }
    g_assert_cmphex(R(&h, R_DONATE, 0, list, 3, 0), ==, EINPUT);
    g_assert_cmpuint(h.x[1], ==, 0);
    finish(&h, 0);

    /* And back: what cannot be told is not handed back. */
    ask(&h, &d);
    qtest_writeq(h.qts, list, rmm_desc(&h, A(0), 0, 1, 0));
    qtest_writeq(h.qts, list + 8, rmm_desc(&h, A(5), 0, 1, 0));
    g_assert_cmphex(R(&h, R_DONATE, 0, list, 2, 0), ==,
                    WANT_DONATE | CANCELLABLE);
    g_assert_cmpuint(h.x[1], ==, 2);
    g_assert_cmphex(R(&h, R_CANCEL, 0), ==, WANT_RECLAIM);
    g_assert_cmphex(R(&h, R_RECLAIM, 0, list, 3), ==, EINPUT);
    g_assert_cmpuint(h.x[1], ==, 0);
    g_assert_cmpuint(rmm_count(&h, "internal"), ==, 2);
    g_assert_cmphex(R(&h, R_RECLAIM, 0, list, 1), ==, WANT_RECLAIM);
    g_assert_cmpuint(h.x[1], ==, 1);
    g_assert_cmphex(qtest_readq(h.qts, list), ==, rmm_desc(&h, A(0), 0, 1, 0));
    g_assert_cmphex(R(&h, R_RECLAIM, 0, list, 2), ==, INCOMPLETE);
    g_assert_cmphex(qtest_readq(h.qts, list), ==, rmm_desc(&h, A(5), 0, 1, 0));
    g_assert_cmphex(R(&h, R_CONTINUE, 0, 0), ==, EINPUT);
    rmm_stop(&h);
}

/* sec B4.3.2.4: nothing is asked for any more after OP_CANCEL or a failure. */
static void no_more_requests(gconstpointer data)
{
    RmmHost h;

    begin(&h, data);
    for (unsigned fails = 0; fails < 2; fails++) {
        g_autofree char *script = g_strdup_printf(
            "{ \"rules\": [ { \"command\": \"REC_CREATE\", \"sro\": {"
            " \"cancel\": true, \"donate\": [ { \"count\": 2 },"
            " { \"count\": 1 } ], \"then-donate\": [ { \"count\": 1 } ]%s"
            " } } ] }", fails ? ", \"fail\": \"error-global\"" : "");

        rmm_script(&h, script);
        rmm_rec_begin(&h, RD, REC, 0);
        rmm_list(&h, 0, A(0), 3);
        g_assert_cmphex(R(&h, R_DONATE, 0, LIST, 2, 0), ==,
                        WANT_DONATE | CANCELLABLE);
        if (fails) {
            R(&h, R_DONATE, 0, LIST + 16, 1, 0);
            g_assert_cmphex(R(&h, R_CONTINUE, 0, 0), ==,
                            WANT_RECLAIM | CANCELLABLE);
        } else {
            g_assert_cmphex(R(&h, R_CANCEL, 0), ==, WANT_RECLAIM);
        }
        g_assert_cmphex(R(&h, R_RECLAIM, 0, LIST, 8) & 0x3ff, ==, INCOMPLETE);
        g_assert_cmphex(R(&h, R_CONTINUE, 0, 0), ==, fails ? EGLOBAL : EINPUT);
    }
    rmm_stop(&h);
}

/* A call that takes less than it is given: the rest keeps its form or not. */
static void consumed(gconstpointer data)
{
    static const struct {
        unsigned size, count, contig, consume;
        uint64_t next;
    } row[] = {
        { 0, 8, 0, 3, LEFT(0, 5) }, { 0, 8, 1, 3, LEFT(0, 5) },
        { 0, 8, 1, 4, LEFT(0, 4) | 1 << 16 },
        { 1, 2, 1, 512, LEFT(1, 1) | 1 << 16 }, { 1, 2, 0, 1, LEFT(0, 1023) },
        { 1, 2, 1, 1, LEFT(0, 1023) },
    };
    RmmHost h;

    begin(&h, data);
    for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
        g_autofree char *script = g_strdup_printf(
            "{ \"rules\": [ { \"command\": \"REC_CREATE\", \"sro\": {"
            " \"cancel\": true, \"consume\": [ %u ], \"donate\": [ {"
            " \"size\": %u, \"count\": %u, \"contig\": %s } ] } } ] }",
            row[i].consume, row[i].size, row[i].count,
            row[i].contig ? "true" : "false");

        rmm_script(&h, script);
        rmm_rec_begin(&h, RD, REC, 0);
        qtest_writeq(h.qts, LISTS, rmm_desc(&h, A(0), row[i].size,
                                            row[i].count, 0));
        g_assert_cmphex(R(&h, R_DONATE, 0, LISTS, 1, 0), ==,
                        WANT_DONATE | CANCELLABLE);
        g_assert_cmpuint(h.x[1], ==, row[i].consume);
        g_assert_cmphex(h.x[2], ==, row[i].next);
        finish(&h, row[i].consume);
    }
    rmm_stop(&h);
}

/* A block of level 1: 1 GiB comes back in entries of at most 1023 pages. */
static void gibibyte(gconstpointer data)
{
    uint64_t block = 2 * GIB, at = block, granules = 0;
    RmmHost h;

    rmm_start_args(&h, data, "", "-m 2G");
    rmm_active(&h);
    rmm_realm(&h, RD, RTT);
    rmm_delegate(&h, REC, 1);
    rmm_delegate(&h, block, GIB / PAGE);
    rmm_script(&h, "{ \"rules\": [ { \"command\": \"REC_CREATE\", \"sro\": {"
               " \"cancel\": true, \"donate\": [ { \"size\": 2, \"count\": 1,"
               " \"contig\": true } ] } } ] }");
    g_assert_cmphex(rmm_rec_begin(&h, RD, REC, 0), ==,
                    WANT_DONATE | CANCELLABLE);
    g_assert_cmphex(h.x[2], ==, 2 | 1 << 2 | 1 << 16);
    qtest_writeq(h.qts, LIST, rmm_desc(&h, block, 2, 1, 0));
    g_assert_cmphex(R(&h, R_DONATE, 0, LIST, 1, 0), ==,
                    INCOMPLETE | CANCELLABLE);
    g_assert_cmpuint(h.x[1], ==, GIB / PAGE);
    g_assert_cmphex(R(&h, R_CANCEL, 0), ==, WANT_RECLAIM);
    while ((h.x[0] & 0x3ff) == WANT_RECLAIM) {
        R(&h, R_RECLAIM, 0, LIST, 100);
        for (unsigned i = 0, n = h.x[1]; i < n; i++) {
            uint64_t desc = qtest_readq(h.qts, LIST + i * 8);

            g_assert_cmphex(desc & ~0xfffull, ==, at);
            g_assert_cmphex(desc & 3, ==, 0);
            granules += extract64(desc, 2, 10);
            at = block + granules * PAGE;
        }
    }
    g_assert_cmpuint(granules, ==, GIB / PAGE);
    g_assert_cmphex(R(&h, R_CONTINUE, 0, 0), ==, EINPUT);
    rmm_granule_is(&h, block + GIB - PAGE, "delegated", "realm");
    rmm_stop(&h);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*test)(gconstpointer);
    } tests[] = {
        { "lists", lists }, { "refused-later", refused_later },
        { "list-into-delegated", list_into_delegated },
        { "consumed", consumed }, { "no-more-requests", no_more_requests },
        { "gibibyte", gibibyte },
    };

    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(abis); i++) {
        for (unsigned k = 0; k < ARRAY_SIZE(tests); k++) {
            g_autofree char *path = g_strdup_printf("/arm-rmm/donate/%s/%s",
                                                    abis[i], tests[k].name);

            qtest_add_data_func(path, abis[i], tests[k].test);
        }
    }
    return g_test_run();
}
