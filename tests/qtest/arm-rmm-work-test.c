/*
 * QTest of arm-rmm: objects that an open operation has in work
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: RMM 2.0-bet0, sec B4.3.3: a command that touches an object in an
 * intermediate state is BLOCKED, unless it goes on with the operation that owns
 * it. TF-RMM (bet1) answers ERROR_INPUT. Every pair of commands that touch
 * entries of translation tables: one of them open, the other called meanwhile.
 */
#include "qemu/osdep.h"
#include "libqos/arm-rmm.h"

#define MIB2        0x200000ull
#define UNPROT      (1ull << 39)
#define BLOCK       0x46000000ull   /* 2 MiB, delegated */
#define RD          P(0)
#define ROOTS       P(2)
#define REC         P(16)
#define F(i)        P(64 + (i))     /* delegated pages */
#define HOST        NS(9)           /* mapped unprotected */
#define NS_RW       0x1e0000ull     /* flags: attributes and S2AP */

/*
 * A call, the addresses whose entries it touches, and its answer alone. Tables
 * of level 3 are at 0 (page 1 is mapped), 2 MiB (empty) and UNPROT (page 0 is
 * mapped); 4 MiB is a VOID entry of level 2.
 */
typedef struct Op {
    const char *what;
    const char *command;
    unsigned num;
    uint64_t in[6];
    uint64_t base, top;
    uint64_t alone;
    bool new;                   /* needs a realm that is NEW, not ACTIVE */
} Op;

static const Op ops[] = {
    { "map page", "RTT_DATA_MAP", R_DATA_MAP,
      { RD, 2 * PAGE, 3 * PAGE, 1, F(10) | 4 }, 2 * PAGE, 3 * PAGE },
    { "map page of empty table", "RTT_DATA_MAP", R_DATA_MAP,
      { RD, MIB2, MIB2 + PAGE, 1, F(11) | 4 }, MIB2, MIB2 + PAGE },
    { "map block", "RTT_DATA_MAP", R_DATA_MAP,
      { RD, 2 * MIB2, 3 * MIB2, 1, BLOCK | 1 | 4 }, 2 * MIB2, 3 * MIB2 },
    { "unmap page", "RTT_DATA_UNMAP", R_DATA_UNMAP,
      { RD, PAGE, 2 * PAGE, 0, 0 }, PAGE, 2 * PAGE },
    { "unmap nothing", "RTT_DATA_UNMAP", R_DATA_UNMAP,
      { RD, MIB2, MIB2 + PAGE, 0, 0 }, MIB2, MIB2 + PAGE },
    { "create", "RTT_CREATE", R_RTT_CREATE,
      { RD, F(12), 2 * MIB2, 3 }, 2 * MIB2, 3 * MIB2 },
    { "create again", "RTT_CREATE", R_RTT_CREATE,
      { RD, F(13), 0, 3 }, 0, MIB2, ERTT(2) },
    { "destroy", "RTT_DESTROY", R_RTT_DESTROY, { RD, MIB2, 3 },
      MIB2, 2 * MIB2 },
    { "destroy live", "RTT_DESTROY", R_RTT_DESTROY, { RD, 0, 3 },
      0, MIB2, ERTT(3) },
    { "fold", "RTT_FOLD", R_RTT_FOLD, { RD, MIB2, 3 }, MIB2, 2 * MIB2 },
    { "fold mixed", "RTT_FOLD", R_RTT_FOLD, { RD, 0, 3 },
      0, MIB2, ERTT(3) },
    { "set ripas", "RTT_SET_RIPAS", R_SET_RIPAS,
      { RD, REC, MIB2, MIB2 + PAGE }, MIB2, MIB2 + PAGE },
    { "init ripas", "RTT_INIT_RIPAS", R_INIT_RIPAS,
      { RD, MIB2, MIB2 + PAGE }, MIB2, MIB2 + PAGE, .new = true },
    { "map init", "RTT_DATA_MAP_INIT", R_DATA_MAP_INIT,
      { RD, F(14), 2 * PAGE, CONTENT, 0 }, 2 * PAGE, 3 * PAGE, .new = true },
    { "map unprotected", "RTT_UNPROT_MAP", R_UNPROT_MAP,
      { RD, UNPROT + PAGE, UNPROT + 2 * PAGE, NS_RW | 1, HOST | 4 },
      UNPROT + PAGE, UNPROT + 2 * PAGE },
    { "unmap unprotected", "RTT_UNPROT_UNMAP", R_UNPROT_UNMAP,
      { RD, UNPROT, UNPROT + PAGE, 0, 0 }, UNPROT, UNPROT + PAGE },
    { "destroy unprotected", "RTT_DESTROY", R_RTT_DESTROY, { RD, UNPROT, 3 },
      UNPROT, UNPROT + MIB2 },
};

static void must(uint64_t x0)
{
    g_assert_cmphex(x0, ==, OK);
}

static void world(RmmHost *h, bool new)
{
    rmm_active(h);
    rmm_script(h, "{ \"rules\": [ { \"command\": \"REC_ENTER\", \"exit\": {"
               " \"reason\": 4, \"ripas-base\": 2097152,"
               " \"ripas-top\": 4194304, \"ripas-value\": 1 } } ] }");
    rmm_realm(h, RD, ROOTS);
    rmm_delegate(h, REC, 1);
    rmm_delegate(h, F(0), 16);
    rmm_delegate(h, BLOCK, 512);
    qtest_writeq(h->qts, REC_PARAMS, 1);
    must(R(h, R_REC_CREATE, RD, REC, REC_PARAMS));
    must(R(h, R_RTT_CREATE, RD, F(0), 0, 2));
    must(R(h, R_RTT_CREATE, RD, F(1), 0, 3));
    must(R(h, R_RTT_CREATE, RD, F(2), MIB2, 3));
    must(R(h, R_RTT_CREATE, RD, F(3), UNPROT, 2));
    must(R(h, R_RTT_CREATE, RD, F(4), UNPROT, 3));
    must(R(h, R_DATA_MAP, RD, PAGE, 2 * PAGE, 1, F(5) | 4));
    must(R(h, R_UNPROT_MAP, RD, UNPROT, UNPROT + PAGE, NS_RW | 1, HOST | 4));
    if (!new) {
        must(R(h, R_REALM_ACTIVATE, RD));
        must(R(h, R_REC_ENTER, REC, RUN));
    }
}

static void begin(RmmHost *h, const Op *op)
{
    g_autofree char *script = g_strdup_printf(
        "{ \"rules\": [ { \"command\": \"%s\", \"sro\": { \"rounds\": 1 } } ] }",
        op->command);

    rmm_script(h, script);
    g_assert_cmphex(rmm_smc(h, 0, op->num, op->in) & 0x3ff, ==, INCOMPLETE);
}

/* Nothing has changed for the one that is open, whatever the other one did. */
static void pair(RmmHost *h, const Op *open, const Op *other)
{
    bool touch = open->base < other->top && other->base < open->top;
    uint64_t want = !touch ? other->alone :
                    g_str_equal(h->abi, "bet1") ? EINPUT : EBLOCKED;
    uint64_t handle, x0;

    qtest_system_reset(h->qts);
    world(h, open->new || other->new);
    begin(h, open);
    handle = h->x[1];
    x0 = rmm_smc(h, 1, other->num, other->in);
    if (x0 != want) {
        g_test_message("open: %s; %s: 0x%" PRIx64 ", not 0x%" PRIx64,
                       open->what, other->what, x0, want);
        g_test_fail();
    }
    if (R(h, R_CONTINUE, handle, 0) != OK) {
        g_test_message("open: %s; after %s it ends with 0x%" PRIx64,
                       open->what, other->what, h->x[0]);
        g_test_fail();
    }
}

static bool together(const Op *a, const Op *b)
{
    return !(a->new && b->num == R_SET_RIPAS) &&
           !(b->new && a->num == R_SET_RIPAS);
}

static void pairs(gconstpointer data)
{
    RmmHost h;

    rmm_start(&h, data, ",rec-granules=0");
    for (unsigned i = 0; i < ARRAY_SIZE(ops); i++) {
        for (unsigned k = 0; k < ARRAY_SIZE(ops); k++) {
            if (ops[i].alone == OK && together(&ops[i], &ops[k])) {
                pair(&h, &ops[i], &ops[k]);
            }
        }
    }
    rmm_stop(&h);
}

/* A range stops in front of what another operation has in work. */
static void range_stops(void)
{
    RmmHost h;
    uint64_t handle;

    rmm_start(&h, "bet3", ",rec-granules=0");
    world(&h, true);
    begin(&h, &ops[3]);
    handle = h.x[1];
    must(R(&h, R_DATA_UNMAP, RD, 0, MIB2, 0, 0));
    g_assert_cmphex(h.x[1], ==, PAGE);
    rmm_granule_is(&h, F(5), "data", "realm");
    g_assert_cmphex(R(&h, R_DATA_UNMAP, RD, PAGE, MIB2, 0, 0), ==, EBLOCKED);
    /* The same of DATA_MAP and INIT_RIPAS, which come from below */
    must(R(&h, R_DATA_MAP, RD, 0, 4 * PAGE, 1, F(6) | 8 << 2));
    g_assert_cmphex(h.x[1], ==, PAGE);
    must(R(&h, R_INIT_RIPAS, RD, 0, MIB2));
    g_assert_cmphex(h.x[1], ==, PAGE);
    g_assert_cmphex(R(&h, R_REALM_TERMINATE, RD), ==, OK);
    g_assert_cmphex(R(&h, R_REALM_DESTROY, RD), ==, EBLOCKED);
    must(R(&h, R_CONTINUE, handle, 0));
    rmm_granule_is(&h, F(5), "delegated", "realm");
    rmm_undelegate(&h, F(5), 1);
    rmm_stop(&h);
}

/* Who ends an operation frees what was its own, and nothing else. */
static void two_owners(void)
{
    RmmHost h;
    uint64_t first, second;

    rmm_start(&h, "bet3", ",rec-granules=0");
    rmm_active(&h);
    rmm_script(&h, "{ \"rules\": [ { \"command\": \"GRANULE_RANGE_DELEGATE\","
               " \"times\": 2, \"sro\": { \"rounds\": 1, \"cancel\": true,"
               " \"chunk\": 16384 } } ] }");
    g_assert_cmphex(R(&h, R_DELEGATE, P(0), P(4)) & 0x3ff, ==, INCOMPLETE);
    first = h.x[1];
    g_assert_cmphex(R(&h, R_DELEGATE, P(4), P(8)) & 0x3ff, ==, INCOMPLETE);
    second = h.x[1];
    R(&h, R_CANCEL, first);
    g_assert_cmphex(R(&h, R_CONTINUE, first, 0), ==, EINPUT);
    g_assert_cmphex(R(&h, R_DELEGATE, P(4), P(5)), ==, EBLOCKED);
    must(R(&h, R_DELEGATE, P(0), P(8)));
    g_assert_cmphex(h.x[1], ==, P(4));
    must(R(&h, R_CONTINUE, second, 0));
    rmm_granule_is(&h, P(7), "delegated", "realm");
    rmm_stop(&h);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_data_func("/arm-rmm/work/pairs/bet3", "bet3", pairs);
    qtest_add_data_func("/arm-rmm/work/pairs/bet1", "bet1", pairs);
    qtest_add_func("/arm-rmm/work/range-stops", range_stops);
    qtest_add_func("/arm-rmm/work/two-owners", two_owners);
    return g_test_run();
}
