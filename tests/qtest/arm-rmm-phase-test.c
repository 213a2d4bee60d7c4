/*
 * QTest of arm-rmm: every stateful command, every phase, every OP_*
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: RMM 2.0-bet0, sec B4.3.2; bet1 is TF-RMM. Commands and worlds are those
 * of the test of failure conditions. An operation is brought into a phase, gets
 * one call, fitting or not, and goes on to its end; the oracle in libqos says
 * what each answer has to be. It fails in the end, so the world stays as it is
 * and the next operation finds it so.
 */
#include "qemu/osdep.h"
#include "arm-rmm-order.h"
#include "libqos/arm-rmm-op.h"

#define DONATE_FROM D(NEW, 110)     /* delegated */
#define HOST_FROM   HOST(32)        /* Non-secure */

static const char *const abis[] = { "bet0", "bet1", "bet3" };
static const unsigned ops[] = { R_CONTINUE, R_DONATE, R_RECLAIM, R_CANCEL };

static const struct {
    const char *name;
    unsigned num;
} commands[] = {
    { "RTT_DATA_MAP_INIT", R_DATA_MAP_INIT },
    { "REALM_CREATE", R_REALM_CREATE }, { "REALM_DESTROY", R_REALM_DESTROY },
    { "REC_CREATE", R_REC_CREATE }, { "REC_DESTROY", R_REC_DESTROY },
    { "RTT_CREATE", R_RTT_CREATE }, { "RTT_DESTROY", R_RTT_DESTROY },
    { "RTT_FOLD", R_RTT_FOLD }, { "RTT_INIT_RIPAS", R_INIT_RIPAS },
    { "RTT_SET_RIPAS", R_SET_RIPAS },
    { "GRANULE_TRACKING_SET", R_TRACKING_SET },
    { "GRANULE_RANGE_DELEGATE", R_DELEGATE },
    { "GRANULE_RANGE_UNDELEGATE", R_UNDELEGATE },
    { "RTT_DATA_MAP", R_DATA_MAP }, { "RTT_DATA_UNMAP", R_DATA_UNMAP },
    { "RTT_UNPROT_MAP", R_UNPROT_MAP },
    { "RTT_UNPROT_UNMAP", R_UNPROT_UNMAP },
    { "REALM_TERMINATE", R_REALM_TERMINATE },
};

/* How to get into a phase: the course, and the calls */
static const struct {
    const char *name;
    unsigned rounds;
    unsigned request[RMM_OP_REQS];
    unsigned calls[4];
    bool cancels;               /* one of the calls is OP_CANCEL */
} phases[] = {
    { "continue", 3 },
    { "last-continue", 1 },
    { "continue-held", 1, { 2 }, { R_DONATE, R_DONATE } },
    { "donate", 1, { 3 } },
    { "donate-held", 1, { 3 }, { R_DONATE, R_DONATE } },
    { "donate-again", 1, { 1, 2 }, { R_DONATE } },
    { "reclaim", 0, { 2 }, { R_DONATE, R_DONATE, R_CONTINUE } },
    { "reclaim-part", 0, { 2 },
      { R_DONATE, R_DONATE, R_CONTINUE, R_RECLAIM } },
    { "failed", 0, { 1 }, { R_DONATE, R_CONTINUE, R_RECLAIM } },
    { "cancelled", 2, { 0 }, { R_CANCEL }, true },
    { "cancelled-held", 2, { 3 }, { R_DONATE, R_DONATE, R_CANCEL }, true },
    { "cancelled-part", 2, { 2 },
      { R_DONATE, R_DONATE, R_CANCEL, R_RECLAIM }, true },
};

static RmmHost host;
static bool started;

static void stop(void)
{
    if (started) {
        rmm_stop(&host);
    }
    started = false;
}

static RmmHost *machine(const char *abi)
{
    if (!started || !g_str_equal(host.abi, abi)) {
        stop();
        started = true;
        rmm_start_args(&host, abi, ",rec-granules=0", "-m 3G");
        order_world(&host, false);
    }
    return &host;
}

static const Table *table_of(unsigned num)
{
    for (unsigned i = 0; i < order_num_tables; i++) {
        if (order_tables[i].num == num) {
            return &order_tables[i];
        }
    }
    g_assert_not_reached();
}

static void one(RmmHost *h, const RmmCourse *course, const uint64_t *in,
                const unsigned *calls, unsigned op_num)
{
    RmmOp op;

    rmm_op_begin(&op, h, course, in);
    for (unsigned i = 0; i < 4 && calls[i]; i++) {
        rmm_op_call(&op, calls[i]);
    }
    rmm_op_call(&op, op_num);
    if (!op.ended) {
        rmm_op_end(&op);
    }
    /* sec B4.3.2.1: the handle is dead; sec A2.1: and maybe the RMM. */
    g_assert_cmphex(R(h, op_num, op.handle, LIST, 1, 0), ==,
                    course->num == R_ACTIVATE ? EGLOBAL : EINPUT);
}

static void all_phases(RmmHost *h, const char *name, unsigned num,
                       const uint64_t *in, bool undelegated, uint64_t pages)
{
    for (unsigned p = 0; p < ARRAY_SIZE(phases); p++) {
        for (unsigned cancel = phases[p].cancels; cancel < 2; cancel++) {
            RmmCourse course = {
                .command = name, .num = num, .rounds = phases[p].rounds,
                .cancel = cancel, .fails = !phases[p].cancels,
                .undelegated = undelegated, .pages = pages, .list = LIST,
            };

            memcpy(course.request, phases[p].request, sizeof(course.request));
            rmm_op_script(h, &course);
            g_test_message("%s %s%s", name, phases[p].name,
                           cancel ? ", can be cancelled" : "");
            /* Without the bit only OP_CANCEL has another answer. */
            for (unsigned i = cancel ? 0 : 3; i < ARRAY_SIZE(ops); i++) {
                one(h, &course, in, phases[p].calls, ops[i]);
            }
        }
    }
}

/*
 * Rounds, and then the command is done: its outputs come from OP_CONTINUE. What
 * it was given and has no use for comes back before.
 */
static void succeeds(RmmHost *h, const Table *t, const char *name)
{
    bool keeps = t->num == R_REC_CREATE || t->num == R_REALM_CREATE;
    RmmCourse course = {
        .command = name, .num = t->num, .rounds = 2, .list = LIST,
        .pages = DONATE_FROM, .request = { keeps ? 0 : 2 }, .cancel = true,
    };
    RmmOp op;

    rmm_op_script(h, &course);
    rmm_op_begin(&op, h, &course, t->good);
    g_assert_cmphex(rmm_op_end(&op), ==, OK);
    if (t->num == R_REALM_CREATE) {
        g_assert_cmphex(R(h, R_REALM_TERMINATE, t->good[0]), ==, OK);
        rmm_script(h, "{ \"rules\": [] }");
        g_assert_cmphex(R(h, R_REALM_DESTROY, t->good[0]), ==, OK);
    } else if (t->undo) {
        uint64_t x1 = h->x[1];

        rmm_script(h, "{ \"rules\": [] }");
        h->x[1] = x1;
        t->undo(h);
    }
}

static void command(gconstpointer data)
{
    unsigned i = GPOINTER_TO_UINT(data) / ARRAY_SIZE(abis);
    RmmHost *h = machine(abis[GPOINTER_TO_UINT(data) % ARRAY_SIZE(abis)]);
    const Table *t = table_of(commands[i].num);

    all_phases(h, commands[i].name, t->num, t->good, false, DONATE_FROM);
    if (t->num == R_REC_CREATE) {
        all_phases(h, commands[i].name, t->num, t->good, true, HOST_FROM);
    }
    succeeds(h, t, commands[i].name);
    /* That the pages are what they were, each donation after them shows. */
    g_assert_cmpuint(rmm_count(h, "internal"), ==, 0);
}

/* Two that work where there is no realm, and nothing delegated */
static void activation(gconstpointer data)
{
    const uint64_t in[6] = { 0 };
    RmmHost h;

    rmm_start(&h, data, "");
    qtest_memset(h.qts, CONFIG, 0, PAGE);
    g_assert_cmphex(R(&h, R_CONFIG_SET, CONFIG), ==, OK);
    all_phases(&h, "RMM_ACTIVATE", R_ACTIVATE, in, true, NS(32));
    rmm_script(&h, "{ \"rules\": [] }");
    g_assert_cmphex(R(&h, R_ACTIVATE), ==, OK);
    if (g_str_equal(data, "bet3")) {
        all_phases(&h, "RMM_DEACTIVATE", R_DEACTIVATE, in, true, NS(32));
        g_assert_cmphex(R(&h, R_STATE_GET), ==, OK);
        g_assert_cmphex(h.x[1], ==, 2);
        rmm_script(&h, "{ \"rules\": [] }");
        g_assert_cmphex(R(&h, R_DEACTIVATE), ==, OK);
    }
    g_assert_cmpuint(rmm_count(&h, "undelegated"), ==, RAM_SIZE / PAGE);
    rmm_stop(&h);
}

static void gpt(gconstpointer data)
{
    const uint64_t in[6] = { RAM };
    RmmHost h;

    rmm_start(&h, data, ",gpt=host");
    rmm_active(&h);
    all_phases(&h, "GPT_L1_CREATE", R_GPT_CREATE, in, true, NS(32));
    rmm_script(&h, "{ \"rules\": [] }");
    g_assert_cmphex(R(&h, R_GPT_CREATE, RAM) & 0x3ff, ==, WANT_DONATE);
    qtest_writeq(h.qts, LIST, rmm_desc(&h, 0x46000000, 0, 32, 1));
    g_assert_cmphex(R(&h, R_DONATE, h.x[1], LIST, 1, 0) & 0x3ff, ==,
                    INCOMPLETE);
    g_assert_cmphex(R(&h, R_CONTINUE, 0, 0), ==, OK);
    rmm_delegate(&h, P(0), 1);
    rmm_undelegate(&h, P(0), 1);
    rmm_stop(&h);
}

/*
 * Handles of others: two operations, each in any phase. A call that only the
 * other one wants is refused, and both come to their ends.
 */
static void foreign(gconstpointer data)
{
    static const unsigned wanted_by[] = { R_CONTINUE, R_DONATE, R_RECLAIM };
    static const unsigned calls[3][4] = {
        { R_DONATE, R_DONATE }, { R_DONATE },
        { R_DONATE, R_DONATE, R_CONTINUE },
    };
    RmmHost *h = machine(data);
    RmmCourse a = { .command = "RTT_CREATE", .num = R_RTT_CREATE,
                    .request = { 2 }, .pages = DONATE_FROM, .list = LIST,
                    .fails = true };
    RmmCourse b = { .command = "GRANULE_RANGE_DELEGATE", .num = R_DELEGATE,
                    .request = { 2 }, .pages = D(NEW, 130), .list = NS(40),
                    .fails = true };

    rmm_op_list(h, &a);
    rmm_op_list(h, &b);
    rmm_script(h, "{ \"rules\": [ { \"command\": \"*\", \"times\": 0, \"sro\":"
               " { \"cancel\": false, \"donate\": [ { \"count\": 2 } ],"
               " \"reclaim\": { \"max-granules\": 1 },"
               " \"fail\": \"error-global\" } } ] }");
    for (unsigned i = 0; i < 9; i++) {
        RmmOp x, y;

        rmm_op_begin(&x, h, &a, table_of(a.num)->good);
        rmm_op_begin(&y, h, &b, table_of(b.num)->good);
        g_assert_cmphex(x.handle, !=, y.handle);
        for (unsigned k = 0; k < 4; k++) {
            if (calls[i / 3][k]) {
                rmm_op_call(&x, calls[i / 3][k]);
            }
            if (calls[i % 3][k]) {
                rmm_op_call(&y, calls[i % 3][k]);
            }
        }
        if (x.wants != y.wants) {
            rmm_op_call(&x, wanted_by[y.wants] == R_CONTINUE ? R_CANCEL :
                        wanted_by[y.wants]);
            rmm_op_call(&y, wanted_by[x.wants] == R_CONTINUE ? R_CANCEL :
                        wanted_by[x.wants]);
        }
        for (unsigned k = 0; k < ARRAY_SIZE(ops); k++) {
            uint64_t wrong[] = { 2, x.handle + (1ull << 32), UINT64_MAX };

            for (unsigned n = 0; n < ARRAY_SIZE(wrong); n++) {
                g_assert_cmphex(R(h, ops[k], wrong[n], LIST, 1, 0), ==,
                                EINPUT);
            }
        }
        if (i & 1) {
            rmm_op_end(&x);
            rmm_op_end(&y);
        } else {
            rmm_op_end(&y);
            rmm_op_end(&x);
        }
    }
}

/* sec B4.3.2.4: after each step of a long course */
static void cancel_at(gconstpointer data)
{
    RmmHost *h = machine(data);
    unsigned steps = 99;

    for (unsigned c = 0; c < ARRAY_SIZE(commands); c++) {
        RmmCourse course = {
            .command = commands[c].name, .num = commands[c].num, .rounds = 2,
            .request = { 2, 1, 3 }, .pages = DONATE_FROM, .list = LIST,
            .cancel = true, .fails = true,
        };

        if (course.num == R_TRACKING_SET && g_str_equal(data, "bet1")) {
            continue;
        }
        steps = 99;
        rmm_op_script(h, &course);
        for (unsigned k = 0; k < steps; k++) {
            unsigned done = 0;
            RmmOp op;

            rmm_op_begin(&op, h, &course, table_of(course.num)->good);
            while (done < k && !op.ended) {
                rmm_op_forward(&op);
                done++;
            }
            if (op.ended) {
                steps = k;
                break;
            }
            rmm_op_call(&op, R_CANCEL);
            rmm_op_end(&op);
        }
        /* 6 granules, 3 CONTINUE, 6 entries, the last CONTINUE */
        g_assert_cmpuint(steps, ==, 16);
    }
    g_assert_cmpuint(rmm_count(h, "internal"), ==, 0);
}

/*
 * What takes an object apart can turn round as long as nothing was handed back;
 * then it goes on, and cannot be cancelled any more.
 */
static void turn_round(gconstpointer data)
{
    uint64_t rd = P(0), rtt = P(2), rec = P(16);
    RmmHost h;

    rmm_start(&h, data, "");
    rmm_active(&h);
    rmm_realm(&h, rd, rtt);
    rmm_rec(&h, rd, rec, 0);
    rmm_script(&h, "{ \"rules\": [ { \"command\": \"REC_DESTROY\","
               " \"times\": 0, \"sro\": { \"cancel\": true } } ] }");
    for (unsigned handed_back = 0; handed_back < 2; handed_back++) {
        g_assert_cmphex(R(&h, R_REC_DESTROY, rec), ==,
                        WANT_RECLAIM | CANCELLABLE);
        if (!handed_back) {
            g_assert_cmphex(R(&h, R_CANCEL, 0), ==, INCOMPLETE);
            g_assert_cmphex(R(&h, R_CONTINUE, 0, 0), ==, EINPUT);
            rmm_granule_is(&h, rec, "rec", "realm");
            g_assert_cmpuint(rmm_count(&h, "internal"), ==, 16);
            rmm_script(&h, "{ \"rules\": [ { \"command\": \"REC_DESTROY\","
                       " \"sro\": { \"cancel\": true, \"reclaim\": {"
                       " \"max-granules\": 1 } } } ] }");
            continue;
        }
        g_assert_cmphex(R(&h, R_RECLAIM, 0, LIST, 1), ==,
                        WANT_RECLAIM | CANCELLABLE);
        g_assert_cmphex(R(&h, R_CANCEL, 0), ==, WANT_RECLAIM);
        g_assert_cmphex(R(&h, R_CANCEL, 0), ==, EINPUT);
        g_assert_cmphex(R(&h, R_RECLAIM, 0, LIST, 16), ==, INCOMPLETE);
        g_assert_cmpuint(h.x[1], ==, 15);
        g_assert_cmphex(R(&h, R_CONTINUE, 0, 0), ==, OK);
        rmm_granule_is(&h, rec, "delegated", "realm");
        g_assert_cmpuint(rmm_count(&h, "internal"), ==, 0);
    }
    rmm_stop(&h);
}

static void add(const char *abi, const char *name, gconstpointer data,
                void (*test)(gconstpointer))
{
    g_autofree char *path = g_strdup_printf("/arm-rmm/phase/%s/%s", abi, name);

    qtest_add_data_func(path, data, test);
}

int main(int argc, char **argv)
{
    int result;

    g_test_init(&argc, &argv, NULL);
    for (unsigned k = 0; k < ARRAY_SIZE(abis); k++) {
        add(abis[k], "cancel-at-each-step", abis[k], cancel_at);
        add(abis[k], "foreign-handles", abis[k], foreign);
        for (unsigned i = 0; i < ARRAY_SIZE(commands); i++) {
            unsigned mask = table_of(commands[i].num)->abis;

            if (!mask || (mask & 1 << k)) {
                add(abis[k], commands[i].name,
                    GUINT_TO_POINTER(i * ARRAY_SIZE(abis) + k), command);
            }
        }
        add(abis[k], "activation", abis[k], activation);
        add(abis[k], "gpt", abis[k], gpt);
        add(abis[k], "turn-round", abis[k], turn_round);
    }
    result = g_test_run();
    stop();
    return result;
}
