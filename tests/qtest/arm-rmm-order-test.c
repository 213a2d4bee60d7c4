/*
 * QTest of arm-rmm: failure conditions, alone and two at a time
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: RMM 2.0-bet0, sec B4.5. A table has the conditions of a command in
 * their order. Each is brought about alone, and together with each later one
 * that needs other registers: then the earlier one has to be reported. Where
 * two conditions have the same answer this shows no order, only that nothing
 * breaks.
 */
#include "qemu/osdep.h"
#include "arm-rmm-order.h"

static const char *const abis[] = { "bet0", "bet1", "bet3" };

/* The machine, one for all tables of a profile */
static RmmHost host;

static void must(uint64_t x0)
{
    g_assert_cmphex(x0, ==, OK);
}

/* What all good calls and all that undoes them leave as it is */
static uint64_t stock(RmmHost *h)
{
    return rmm_count(h, "delegated") + rmm_count(h, "rec");
}

static bool started;
static uint64_t first_stock;

static void stop(void)
{
    if (started) {
        rmm_stop(&host);
    }
}

/* As many VMIDs as there are realms */
static RmmHost *machine(const char *abi)
{
    if (!started || !g_str_equal(host.abi, abi)) {
        stop();
        started = true;
        rmm_start_args(&host, abi, ",rec-granules=0,vmids=7", "-m 3G");
        order_world(&host, true);
        first_stock = stock(&host);
    }
    return &host;
}

/*
 * The check of a table
 */
static bool holds(const RmmHost *h, unsigned mask)
{
    unsigned bit = g_str_equal(h->abi, "bet0") ? BET0 :
                   g_str_equal(h->abi, "bet1") ? BET1 : BET3;

    return !mask || (mask & bit);
}

static void violate(uint64_t *in, const Row *row)
{
    for (unsigned i = 0; i < ARRAY_SIZE(row->set) && row->set[i].reg; i++) {
        in[row->set[i].reg - 1] = row->set[i].value;
    }
}

static bool disjoint(const Row *a, const Row *b)
{
    for (unsigned i = 0; i < ARRAY_SIZE(a->set); i++) {
        for (unsigned k = 0; k < ARRAY_SIZE(b->set); k++) {
            if (a->set[i].reg && a->set[i].reg == b->set[k].reg) {
                return false;
            }
        }
    }
    return true;
}

static void call(RmmHost *h, const Table *t, const Row *a, const Row *b,
                 uint64_t want)
{
    uint64_t in[6];

    memcpy(in, t->good, sizeof(in));
    violate(in, a);
    if (b) {
        violate(in, b);
    }
    rmm_smc(h, 0, t->num, in);
    if (h->x[0] != want) {
        g_test_message("%s: %s%s%s", t->name, a->what, b ? " and " : "",
                       b ? b->what : "");
    }
    g_assert_cmphex(h->x[0], ==, want);
}

static void check_rows(RmmHost *h, const Table *t)
{
    unsigned pairs = 0, told_apart = 0;

    for (const Row *a = t->row; a->what; a++) {
        if (!holds(h, a->abis)) {
            continue;
        }
        call(h, t, a, NULL, a->want);
        for (const Row *b = a + 1; b->what; b++) {
            if (holds(h, b->abis) && disjoint(a, b)) {
                call(h, t, a, b, a->want);
                pairs++;
                told_apart += a->want != b->want;
            }
        }
    }
    g_test_message("%s: %u pairs, %u with different answers", t->name, pairs,
                   told_apart);
}

static void table(gconstpointer data)
{
    const char *abi = abis[GPOINTER_TO_UINT(data) % ARRAY_SIZE(abis)];
    const Table *t = &order_tables[GPOINTER_TO_UINT(data) / ARRAY_SIZE(abis)];
    RmmHost *h = machine(abi);

    check_rows(h, t);
    if (!t->no_good) {
        g_assert_cmphex(rmm_smc(h, 0, t->num, t->good), ==, OK);
        if (t->undo) {
            t->undo(h);
        }
    }
}

/*
 * sec B4.5 REALM_CREATE: that no VMID is left is the last condition. The rows
 * of the table were tried without one; here there is one.
 */
static void vmids(gconstpointer data)
{
    const Table *t = &order_tables[0];
    RmmHost *h = machine(data);

    g_assert_cmpuint(t->num, ==, R_REALM_CREATE);
    g_assert_cmphex(rmm_smc(h, 0, t->num, t->good), ==, EGLOBAL);
    must(R(h, R_REALM_DESTROY, RD(EMPTY_ZOMBIE)));
    check_rows(h, t);
    must(rmm_smc(h, 0, t->num, t->good));
    must(R(h, R_REALM_TERMINATE, t->good[0]));
    must(R(h, R_REALM_DESTROY, t->good[0]));
    rmm_params(h, ROOTS(EMPTY_ZOMBIE));
    must(R(h, R_REALM_CREATE, RD(EMPTY_ZOMBIE), PARAMS));
    must(R(h, R_REALM_TERMINATE, RD(EMPTY_ZOMBIE)));
}

/* sec B4.5.64, 65: what X2 is in the cases in which it tells something */
static void next_live(gconstpointer data)
{
    static const struct {
        uint64_t ipa, level, x0, top;
    } row[] = {
        { 0, 4, EINPUT, 0 }, { PAGE, 3, EINPUT, 0 }, { IPA_END, 3, EINPUT, 0 },
        { GIB, 3, ERTT(1), UNPROT }, { GIB, 2, ERTT(1), UNPROT },
        { MIB2, 3, ERTT(2), 2 * MIB2 }, { 2 * MIB2, 3, ERTT(2), 2 * MIB2 },
        { 4 * MIB2, 3, ERTT(2), GIB }, { 0, 3, ERTT(3), 0 },
        { 0, 2, ERTT(2), 0 }, { UNPROT + GIB, 2, ERTT(1), IPA_END },
        { UNPROT + MIB2, 3, ERTT(2), UNPROT + 2 * MIB2 },
    };
    RmmHost *h = machine(data);

    for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
        g_assert_cmphex(R(h, R_RTT_DESTROY, RD(NEW), row[i].ipa, row[i].level),
                        ==, row[i].x0);
        g_assert_cmphex(h->x[2], ==, row[i].top);
    }
}

/* sec A2.3: granules of a coarse region are delegated with it, no objects. */
static void coarse(gconstpointer data)
{
    RmmHost *h = machine(data);
    uint64_t list = NS(40);

    rmm_delegate(h, COARSE, GIB / PAGE);
    g_assert_cmphex(R(h, R_REALM_CREATE, COARSE, REALM_PARAMS(18)), ==,
                    EINPUT);
    g_assert_cmphex(R(h, R_REC_CREATE, RD(NEW), COARSE, REC_NEXT), ==, EINPUT);
    g_assert_cmphex(R(h, R_RTT_CREATE, RD(NEW), COARSE, MIB2, 3), ==, EINPUT);
    g_assert_cmphex(R(h, R_DATA_MAP_INIT, RD(NEW), COARSE, 2 * PAGE, CONTENT,
                      0), ==, EINPUT);
    g_assert_cmphex(R(h, R_DATA_MAP, RD(NEW), 3 * PAGE, 4 * PAGE, 1,
                      COARSE | 4), ==, ETRACKING);
    rmm_script(h, "{ \"rules\": [ { \"command\": \"RTT_CREATE\", \"sro\": {"
               " \"donate\": [ { \"count\": 1 } ] } } ] }");
    g_assert_cmphex(R(h, R_RTT_CREATE, RD(NEW), D(NEW, 2), MIB2, 3) & 0x3ff,
                    ==, WANT_DONATE);
    qtest_writeq(h->qts, list, COARSE | 4);
    g_assert_cmphex(R(h, R_DONATE, h->x[1], list, 1, 0), ==, EINPUT);
    g_assert_cmphex(R(h, R_CONTINUE, 0, 0), ==, EINPUT);
    g_assert_cmphex(R(h, R_UNDELEGATE, COARSE, COARSE + PAGE), ==, EINPUT);
    rmm_undelegate(h, COARSE, GIB / PAGE);
}

/* Whatever was refused up to here left everything as it was. */
static void unchanged(gconstpointer data)
{
    g_assert_cmpuint(stock(machine(data)), ==, first_stock);
}

/* sec A2.1: before activation the state comes before every argument */
static void before_activation(gconstpointer data)
{
    RmmHost h;

    rmm_start(&h, data, "");
    for (unsigned i = 0; i < order_num_tables; i++) {
        const Table *t = &order_tables[i];

        if (t->anytime || !holds(&h, t->abis)) {
            continue;
        }
        g_assert_cmphex(rmm_smc(&h, 0, t->num, t->good), ==, EGLOBAL);
        for (const Row *row = t->row; row->what; row++) {
            call(&h, t, row, NULL, EGLOBAL);
        }
    }
    rmm_stop(&h);
}

int main(int argc, char **argv)
{
    int result;

    g_test_init(&argc, &argv, NULL);
    for (unsigned k = 0; k < ARRAY_SIZE(abis); k++) {
        static const struct {
            const char *name;
            void (*test)(gconstpointer);
        } more[] = {
            { "vmids", vmids }, { "next-live", next_live },
            { "coarse", coarse }, { "unchanged", unchanged },
            { "before-activation", before_activation },
        };

        for (unsigned i = 0; i < order_num_tables; i++) {
            g_autofree char *path = g_strdup_printf(
                "/arm-rmm/order/%s/%s", abis[k], order_tables[i].name);
            unsigned mask = order_tables[i].abis;

            if (!mask || (mask & 1 << k)) {
                qtest_add_data_func(path, GUINT_TO_POINTER(
                                    i * ARRAY_SIZE(abis) + k), table);
            }
        }
        for (unsigned i = 0; i < ARRAY_SIZE(more); i++) {
            g_autofree char *path = g_strdup_printf("/arm-rmm/order/%s/%s",
                                                    abis[k], more[i].name);

            if (more[i].test == coarse && g_str_equal(abis[k], "bet1")) {
                continue;       /* has no GRANULE_TRACKING_SET */
            }
            qtest_add_data_func(path, abis[k], more[i].test);
        }
    }
    result = g_test_run();
    stop();
    return result;
}
