/*
 * A random guest and random peers of an ipmi-bmc-multi: the guest
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 9 (KCS), 11 (BT).
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "ipmi-fuzz.h"

#define COLD_RESET(req)         ((req)[0] >> 2 == 0x06 && (req)[1] == 0x02)
#define CHASSIS_CONTROL(req)    ((req)[0] >> 2 == 0x00 && (req)[1] == 0x02)

/* Bits of BT_CTRL that are only cleared by writing 1 */
#define BT_CLEAR        (QBT_CLR_WR | QBT_CLR_RD | QBT_B2H)

/*
 * sec 9.12, figure 9-8: Get Status/Abort, until the error exit is through
 */
static bool recover_kcs(QIPMI *p)
{
    int tries;

    for (tries = 0; tries < 3; tries++) {
        if (qipmi_in(p, QKCS_STATUS) & QKCS_IBF) {
            return false;
        }
        qipmi_out(p, QKCS_STATUS, QKCS_ABORT);
        if (qipmi_in(p, QKCS_STATUS) & QKCS_OBF) {
            qipmi_in(p, QKCS_DATA);
        }
        qipmi_out(p, QKCS_DATA, 0);
        if (QKCS_STATE(qipmi_in(p, QKCS_STATUS)) != QKCS_READ) {
            continue;
        }
        qipmi_in(p, QKCS_DATA);
        qipmi_out(p, QKCS_DATA, QKCS_NEXT);
        if (QKCS_STATE(qipmi_in(p, QKCS_STATUS)) == QKCS_IDLE) {
            qipmi_in(p, QKCS_DATA);
            return true;
        }
    }
    return false;
}

/* As a driver does that has just found the interface: both buffers are empty */
static bool recover_bt(QIPMI *p)
{
    uint8_t ctrl = qipmi_in(p, QBT_CTRL);

    if (ctrl & QBT_B_BUSY) {
        return false;
    }
    qipmi_out(p, QBT_CTRL, BT_CLEAR | (ctrl & QBT_H_BUSY));
    return !(qipmi_in(p, QBT_CTRL) & (QBT_B_BUSY | QBT_H_BUSY | QBT_B2H));
}

bool fuzz_recover(QIPMI *p)
{
    return p->bt ? recover_bt(p) : recover_kcs(p);
}

static uint8_t any_value(Fuzz *f, QIPMI *p)
{
    static const uint8_t kcs[] = {
        QKCS_ABORT, QKCS_START, QKCS_END, QKCS_NEXT, 0x00, 0x18, 0x01,
    };
    static const uint8_t bt[] = {
        QBT_CLR_WR, QBT_CLR_RD, QBT_H2B, QBT_B2H, QBT_SMS_ATN, QBT_H_BUSY,
        QBT_B_BUSY, 0x03, 0x18,
    };

    if (!fuzz_pick(f, 4)) {
        return fuzz_byte(f);
    }
    return p->bt ? bt[fuzz_pick(f, ARRAY_SIZE(bt))] :
                   kcs[fuzz_pick(f, ARRAY_SIZE(kcs))];
}

static unsigned any_register(Fuzz *f)
{
    return fuzz_pick(f, fuzz_pick(f, 16) ? 3 : 8);
}

static void wide_access(Fuzz *f, QIPMI *p)
{
    uint8_t buf[8];

    stq_le_p(buf, (uint64_t)g_rand_int(f->rand) << 32 | g_rand_int(f->rand));
    if (fuzz_pick(f, 2)) {
        qtest_memwrite(f->qts, p->io + fuzz_pick(f, 8), buf,
                       1 + fuzz_pick(f, 8));
    } else {
        qtest_memread(f->qts, p->io + fuzz_pick(f, 8), buf,
                      1 + fuzz_pick(f, 8));
    }
}

/* Registers of both interfaces in any order */
void fuzz_registers(Fuzz *f)
{
    unsigned i, n = 1 + fuzz_pick(f, 60);

    fuzz_log("%u register accesses", n);
    for (i = 0; i < n; i++) {
        QIPMI *p = &f->port[fuzz_pick(f, FUZZ_PORTS)];

        if (!fuzz_pick(f, 50)) {
            wide_access(f, p);
        } else if (fuzz_pick(f, 3)) {
            qipmi_out(p, any_register(f), any_value(f, p));
        } else {
            qipmi_in(p, any_register(f));
        }
    }
}

/* A BT frame whose length byte may be anything */
static void half_frame(Fuzz *f, QIPMI *p, const uint8_t *req, unsigned n)
{
    unsigned i, len = fuzz_pick(f, 3) ? n + 1 : fuzz_byte(f);

    qipmi_out(p, QBT_CTRL, QBT_CLR_WR);
    qipmi_out(p, QBT_DATA, len);
    for (i = 0; i < n; i++) {
        qipmi_out(p, QBT_DATA, i == 1 ? p->seq : req[i]);
    }
    if (fuzz_pick(f, 2)) {
        qipmi_out(p, QBT_CTRL, QBT_H2B);
    }
}

/* Begun, sent without being fetched, or fetched without having been sent */
void fuzz_half_request(Fuzz *f)
{
    QIPMI *p = &f->port[fuzz_pick(f, FUZZ_PORTS)];
    uint8_t req[QIPMI_MAX];
    unsigned n = fuzz_request(f, req), part = 1 + fuzz_pick(f, n);
    QIPMIRsp rsp;

    fuzz_log("%s: %u of %u bytes of %02x %02x", p->name, part, n, req[0] >> 2,
             req[1]);
    switch (fuzz_pick(f, 4)) {
    case 0:
        if (p->bt) {
            half_frame(f, p, req, part);
        } else {
            qkcs_write_some(p, req, part);
        }
        break;
    case 1:
        qipmi_fetch(p, &rsp);
        break;
    default:
        qipmi_send(p, req, n);
        break;
    }
}

/* A request without a response that belongs to it is a defect. */
static void check_response(QIPMI *p, const uint8_t *req, const QIPMIRsp *rsp)
{
    g_assert_cmphex(rsp->netfn, ==, req[0] >> 2 | 1);
    g_assert_cmphex(rsp->lun, ==, req[0] & 3);
    g_assert_cmphex(rsp->cmd, ==, req[1]);
    if (p->bt) {
        g_assert_cmpuint(rsp->seq, ==, p->seq);
    }
}

/* False: there is no response, and there may be none */
static bool exchange(Fuzz *f, unsigned i, const uint8_t *req, unsigned n,
                     QIPMIRsp *rsp)
{
    QIPMI *p = &f->port[i];
    bool strict = !f->rules && f->plugged[i] && fuzz_is_running(f);

    fuzz_log("%s: %02x %02x, %u bytes%s", p->name, req[0] >> 2, req[1], n,
             strict ? ", strictly" : "");
    if (p->bt) {
        n = MIN(n, 254);    /* what its length byte can say */
    }
    if (strict) {
        qipmi_enable(p);
    }
    if (!fuzz_recover(p)) {
        g_assert_true(!strict || fuzz_is_busy(f, i));
        return false;
    }
    if (!qipmi_send(p, req, n) || !qipmi_fetch(p, rsp)) {
        g_assert_true(!strict || COLD_RESET(req) || CHASSIS_CONTROL(req));
        return false;
    }
    if (strict && !CHASSIS_CONTROL(req)) {
        check_response(p, req, rsp);
    }
    return true;
}

static void reserve(Fuzz *f, unsigned i)
{
    static const uint8_t reservations[FUZZ_RESERVATIONS][2] = {
        [FUZZ_SEL] = { 0x28, 0x42 },
        [FUZZ_SDR] = { 0x28, 0x22 },
        [FUZZ_DEVICE_SDR] = { 0x10, 0x22 },
    };
    unsigned what = fuzz_pick(f, FUZZ_RESERVATIONS);
    QIPMIRsp rsp;

    if (exchange(f, i, reservations[what], 2, &rsp) && rsp.len == 2) {
        f->reservation[what] = lduw_le_p(rsp.data);
    }
}

void fuzz_exchanges(Fuzz *f)
{
    unsigned i = fuzz_pick(f, FUZZ_PORTS), n = 1 + fuzz_pick(f, 8);
    uint8_t req[QIPMI_MAX];
    QIPMIRsp rsp;

    while (n--) {
        if (!fuzz_pick(f, 3)) {
            reserve(f, i);
        }
        exchange(f, i, req, fuzz_request(f, req), &rsp);
    }
}
