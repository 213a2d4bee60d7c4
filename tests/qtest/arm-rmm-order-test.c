/*
 * QTest of arm-rmm: failure conditions, alone and two at a time
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: RMM 2.0-bet0, sec B4.5. A table has the conditions of a command in
 * their order. Each is brought about alone, and together with each later one
 * that needs other registers: then the earlier one has to be reported. Where two
 * conditions have the same answer this shows no order, only that nothing breaks.
 */
#include "qemu/osdep.h"
#include "arm-rmm-order.h"

static const char *const abis[] = { "bet0", "bet1", "bet3" };

/*
 * The machine, one for all tables of a profile
 */
static RmmHost host;

static void must(uint64_t x0)
{
    g_assert_cmphex(x0, ==, OK);
}

static void make_realm(RmmHost *h, unsigned k)
{
    rmm_delegate(h, REALM(k), 256);
    rmm_params(h, ROOTS(k));
    must(R(h, R_REALM_CREATE, RD(k), PARAMS));
}

static void make_rec(RmmHost *h, unsigned k, uint64_t rec, unsigned index,
                     bool runnable)
{
    qtest_writeq(h->qts, REC_PARAMS, runnable);
    qtest_writeq(h->qts, REC_PARAMS + 0x100, (index & 15) |
                 (uint64_t)(index >> 4) << 8);
    must(R(h, R_REC_CREATE, RD(k), rec, REC_PARAMS));
}

/* Tables at 0, 6 MiB and the unprotected half; a page and a block in each */
static void populate(RmmHost *h, unsigned k)
{
    rmm_delegate(h, BLOCK(k), 512);
    must(R(h, R_RTT_CREATE, RD(k), TABLE(k, 0), 0, 2));
    must(R(h, R_RTT_CREATE, RD(k), TABLE(k, 1), 0, 3));
    must(R(h, R_RTT_CREATE, RD(k), TABLE(k, 2), UNPROT, 2));
    must(R(h, R_RTT_CREATE, RD(k), TABLE(k, 3), UNPROT, 3));
    must(R(h, R_RTT_CREATE, RD(k), TABLE(k, 4), 3 * MIB2, 3));
    must(R(h, R_DATA_MAP, RD(k), PAGE, 2 * PAGE, 1, D(k, 100) | 4));
    must(R(h, R_DATA_MAP, RD(k), 2 * MIB2, 3 * MIB2, 1, BLOCK(k) | 1 | 4));
    must(R(h, R_UNPROT_MAP, RD(k), UNPROT + PAGE, UNPROT + 2 * PAGE, 0x1e0001,
           HOST(9) | 4));
    must(R(h, R_UNPROT_MAP, RD(k), UNPROT + 2 * MIB2, UNPROT + 3 * MIB2,
           0x1e0001, (HOST(0) & ~(MIB2 - 1)) | 1 | 4));
    for (unsigned i = 0; i < RECS; i++) {
        make_rec(h, k, REC(k, i), i, i != STOPPED && i != TARGET);
    }
}

/* The RECs of ACTIVE have left it in different ways. */
static void leave(RmmHost *h, unsigned k, unsigned rec, const char *exit)
{
    g_autofree char *script = g_strdup_printf(
        "{ \"rules\": [ { \"command\": \"REC_ENTER\", \"exit\": { %s } } ] }",
        exit);

    rmm_script(h, script);
    must(R(h, R_REC_ENTER, REC(k, rec), RUN));
}

static void leave_all(RmmHost *h)
{
    leave(h, OFF, RUNS, "\"reason\": 3, \"gprs\": [ 2214592520 ]");
    leave(h, ACTIVE, PENDING, "\"reason\": 3, \"gprs\": [ 3288334339, 3, 0 ]");
    leave(h, ACTIVE, ASKS, "\"reason\": 4, \"ripas-base\": 8192,"
          " \"ripas-top\": 8388608, \"ripas-value\": 1");
    leave(h, ACTIVE, ASKS_INSIDE, "\"reason\": 4, \"ripas-base\": 2101248,"
          " \"ripas-top\": 8388608, \"ripas-value\": 1");
    leave(h, ACTIVE, ASKS_BLOCK, "\"reason\": 4, \"ripas-base\": 2097152,"
          " \"ripas-top\": 8388608, \"ripas-value\": 1");
    rmm_script(h, "{ \"rules\": [ { \"command\": \"REC_ENTER\", \"times\": 0,"
               " \"exit\": { \"reason\": 1 } } ] }");
}

static void prepare_pages(RmmHost *h)
{
    qtest_writeq(h->qts, RUN_EMUL, 1);
    qtest_writeq(h->qts, REC_NEXT + 0x100, RECS);
    qtest_writeq(h->qts, REC_LATER + 0x100, RECS + 1);
    for (unsigned i = 0; i < order_num_wrong_params; i++) {
        const WrongField *f = &order_wrong_params[i];
        uint8_t page[PAGE];

        rmm_params(h, D(NEW, 4));
        qtest_writeq(h->qts, PARAMS + f->offset, f->value);
        qtest_bufread(h->qts, PARAMS, page, PAGE);
        qtest_bufwrite(h->qts, REALM_PARAMS(i), page, PAGE);
    }
}

static void build(RmmHost *h)
{
    rmm_active(h);
    prepare_pages(h);
    if (!g_str_equal(h->abi, "bet1")) {
        must(R(h, R_TRACKING_SET, UNTRACKED, 0, 1));
        must(R(h, R_TRACKING_SET, COARSE, 0, 3));
    }
    for (unsigned k = 0; k < REALMS; k++) {
        make_realm(h, k);
        if (k <= ZOMBIE) {
            populate(h, k);
        }
    }
    rmm_delegate(h, MANY_RECS, MAX_RECS);
    for (unsigned i = 0; i < MAX_RECS; i++) {
        make_rec(h, FULL, MANY_RECS + i * PAGE, i, false);
    }
    must(R(h, R_REALM_ACTIVATE, RD(ACTIVE)));
    must(R(h, R_REALM_ACTIVATE, RD(OFF)));
    leave_all(h);
    must(R(h, R_REALM_TERMINATE, RD(ZOMBIE)));
    must(R(h, R_REALM_TERMINATE, RD(EMPTY_ZOMBIE)));
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
        build(&host);
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
            { "unchanged", unchanged },
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

            qtest_add_data_func(path, abis[k], more[i].test);
        }
    }
    result = g_test_run();
    stop();
    return result;
}
