/*
 * QTest of arm-rmm: realms in every state
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "arm-rmm-order.h"

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

void order_world(RmmHost *h, bool many_recs)
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
    for (unsigned i = 0; many_recs && i < MAX_RECS; i++) {
        make_rec(h, FULL, MANY_RECS + i * PAGE, i, false);
    }
    must(R(h, R_REALM_ACTIVATE, RD(ACTIVE)));
    must(R(h, R_REALM_ACTIVATE, RD(OFF)));
    leave_all(h);
    must(R(h, R_REALM_TERMINATE, RD(ZOMBIE)));
    must(R(h, R_REALM_TERMINATE, RD(EMPTY_ZOMBIE)));
}
