/*
 * A guest's view of an IPMI system interface (KCS or BT) on PCI, for qtests
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "hw/pci/pci_regs.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "qemu/bswap.h"
#include "ipmi-port.h"

/* Where the virt machine has what */
#define ECAM            0x4010000000ULL
#define PIO             0x3eff0000ULL

#define BAR(slot)       (0x1000 + 0x100 * (slot))
#define BRIDGE_BAR(bus) (0x4000 + 0x1000 * (bus))
#define CLASS_IPMI      0x0c07
#define PROGIF_KCS      1
#define PROGIF_BT       2

QTestState *qipmi_boot(const char *devices)
{
    return qtest_initf(QIPMI_MACHINE "%s", devices);
}

static uint32_t cfg_get(QIPMI *p, unsigned off, unsigned len)
{
    uint8_t buf[4] = { 0 };

    qtest_memread(p->qts, p->cfg + off, buf, len);
    return ldl_le_p(buf);
}

static void cfg_put(QIPMI *p, unsigned off, uint32_t val, unsigned len)
{
    uint8_t buf[4];

    stl_le_p(buf, val);
    qtest_memwrite(p->qts, p->cfg + off, buf, len);
}

/* A window of I/O ports as wide as it can be narrow: 4 KiB */
static void enable_bridge(QIPMI *p)
{
    unsigned bus = (p->cfg - ECAM) >> 20;
    uint64_t cfg = p->cfg;

    p->cfg = p->bridge;
    cfg_put(p, PCI_PRIMARY_BUS, bus << 16 | bus << 8, 4);
    cfg_put(p, PCI_IO_BASE, p->bar >> 8, 1);
    cfg_put(p, PCI_IO_LIMIT, p->bar >> 8, 1);
    cfg_put(p, PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MASTER, 2);
    p->cfg = cfg;
}

void qipmi_enable(QIPMI *p)
{
    if (p->bridge) {
        enable_bridge(p);
    }
    cfg_put(p, PCI_BASE_ADDRESS_0, p->bar, 4);
    g_assert_cmphex(cfg_get(p, PCI_BASE_ADDRESS_0, 4), ==,
                    p->bar | PCI_BASE_ADDRESS_SPACE_IO);
    cfg_put(p, PCI_COMMAND, PCI_COMMAND_IO, 2);
}

static void slot_control(QIPMI *p, uint16_t clear, uint16_t set)
{
    uint64_t cfg = p->cfg;
    unsigned cap, at;
    uint16_t ctl;

    p->cfg = p->bridge;
    cap = cfg_get(p, PCI_CAPABILITY_LIST, 1);
    while (cfg_get(p, cap, 1) != PCI_CAP_ID_EXP) {
        cap = cfg_get(p, cap + PCI_CAP_LIST_NEXT, 1);
        g_assert_true(cap >= PCI_STD_HEADER_SIZEOF && cap < 0xff);
    }
    at = cap + PCI_EXP_SLTCTL;
    ctl = (cfg_get(p, at, 2) & ~clear) | set;
    cfg_put(p, at, ctl, 2);
    p->cfg = cfg;
}

void qipmi_slot_off(QIPMI *p)
{
    slot_control(p, PCI_EXP_SLTCTL_PIC,
                 PCI_EXP_SLTCTL_PCC | PCI_EXP_SLTCTL_PWR_IND_OFF);
}

static void slot_on(QIPMI *p)
{
    slot_control(p, PCI_EXP_SLTCTL_PIC | PCI_EXP_SLTCTL_PCC,
                 PCI_EXP_SLTCTL_PWR_IND_ON);
}

static void identify(QIPMI *p)
{
    uint32_t class;

    class = cfg_get(p, PCI_CLASS_REVISION, 4) >> 8;
    g_assert_cmphex(class >> 8, ==, CLASS_IPMI);
    p->bt = (class & 0xff) == PROGIF_BT;
    g_assert_true(p->bt || (class & 0xff) == PROGIF_KCS);
    p->name = p->bt ? "BT" : "KCS";
    qipmi_enable(p);
}

void qipmi_open(QIPMI *p, QTestState *qts, unsigned slot)
{
    *p = (QIPMI) {
        .qts = qts, .cfg = ECAM + ((uint64_t)slot << 15), .bar = BAR(slot),
        .io = PIO + BAR(slot),
    };
    identify(p);
}

void qipmi_open_behind(QIPMI *p, QTestState *qts, unsigned slot, unsigned bus)
{
    *p = (QIPMI) {
        .qts = qts, .cfg = ECAM + ((uint64_t)bus << 20),
        .bar = BRIDGE_BAR(bus), .io = PIO + BRIDGE_BAR(bus),
        .bridge = ECAM + ((uint64_t)slot << 15),
    };
    slot_on(p);
    enable_bridge(p);
    identify(p);
}

uint8_t qipmi_in(QIPMI *p, unsigned reg)
{
    return qtest_readb(p->qts, p->io + reg);
}

void qipmi_out(QIPMI *p, unsigned reg, uint8_t val)
{
    qtest_writeb(p->qts, p->io + reg, val);
}

bool qipmi_attention(QIPMI *p)
{
    return p->bt ? qipmi_in(p, QBT_CTRL) & QBT_SMS_ATN :
                   qipmi_in(p, QKCS_STATUS) & QKCS_ATN;
}

/*
 * KCS, as in figures 9-6 and 9-7
 */

static bool kcs_is(QIPMI *p, unsigned state)
{
    uint8_t status = qipmi_in(p, QKCS_STATUS);

    return QKCS_STATE(status) == state && !(status & QKCS_IBF);
}

bool qkcs_write_some(QIPMI *p, const uint8_t *bytes, unsigned n)
{
    unsigned i;

    if (qipmi_in(p, QKCS_STATUS) & (QKCS_IBF | QKCS_OBF)) {
        return false;
    }
    qipmi_out(p, QKCS_STATUS, QKCS_START);
    for (i = 0; i < n; i++) {
        if (!kcs_is(p, QKCS_WRITE)) {
            return false;
        }
        qipmi_out(p, QKCS_DATA, bytes[i]);
    }
    return kcs_is(p, QKCS_WRITE);
}

static bool kcs_send(QIPMI *p, const uint8_t *bytes, unsigned n)
{
    g_assert_cmpuint(n, >, 0);
    if (!qkcs_write_some(p, bytes, n - 1)) {
        return false;
    }
    qipmi_out(p, QKCS_STATUS, QKCS_END);
    if (!kcs_is(p, QKCS_WRITE)) {
        return false;
    }
    qipmi_out(p, QKCS_DATA, bytes[n - 1]);
    return true;
}

/* How many bytes; 0 if there is no response */
static unsigned kcs_fetch(QIPMI *p, uint8_t *buf, unsigned max)
{
    uint8_t status;
    unsigned n = 0;

    for (;;) {
        status = qipmi_in(p, QKCS_STATUS);
        if ((status & QKCS_IBF) || !(status & QKCS_OBF)) {
            return 0;
        }
        if (QKCS_STATE(status) == QKCS_IDLE) {
            qipmi_in(p, QKCS_DATA);
            return n;
        }
        if (QKCS_STATE(status) != QKCS_READ || n == max) {
            return 0;
        }
        buf[n++] = qipmi_in(p, QKCS_DATA);
        qipmi_out(p, QKCS_DATA, QKCS_NEXT);
    }
}

uint8_t qkcs_abort(QIPMI *p)
{
    uint8_t code;

    g_assert_cmphex(qipmi_in(p, QKCS_STATUS) & QKCS_IBF, ==, 0);
    qipmi_out(p, QKCS_STATUS, QKCS_ABORT);
    qipmi_in(p, QKCS_DATA);
    qipmi_out(p, QKCS_DATA, 0);
    g_assert_cmpuint(QKCS_STATE(qipmi_in(p, QKCS_STATUS)), ==, QKCS_READ);
    code = qipmi_in(p, QKCS_DATA);
    qipmi_out(p, QKCS_DATA, QKCS_NEXT);
    g_assert_cmpuint(QKCS_STATE(qipmi_in(p, QKCS_STATUS)), ==, QKCS_IDLE);
    if (qipmi_in(p, QKCS_STATUS) & QKCS_OBF) {
        qipmi_in(p, QKCS_DATA);
    }
    return code;
}

/*
 * BT, as in sec 11.4
 */

static bool bt_send(QIPMI *p, const uint8_t *bytes, unsigned n)
{
    unsigned i;

    if (qipmi_in(p, QBT_CTRL) & (QBT_B_BUSY | QBT_H2B | QBT_B2H)) {
        return false;
    }
    g_assert_cmpuint(n, >=, 2);
    qipmi_out(p, QBT_CTRL, QBT_CLR_WR);
    qipmi_out(p, QBT_DATA, n + 1);
    qipmi_out(p, QBT_DATA, bytes[0]);
    qipmi_out(p, QBT_DATA, ++p->seq);
    for (i = 1; i < n; i++) {
        qipmi_out(p, QBT_DATA, bytes[i]);
    }
    qipmi_out(p, QBT_CTRL, QBT_H2B);
    return true;
}

static unsigned bt_fetch(QIPMI *p, uint8_t *buf, unsigned max)
{
    unsigned i, n;

    if ((qipmi_in(p, QBT_CTRL) & (QBT_B_BUSY | QBT_B2H)) != QBT_B2H) {
        return 0;
    }
    qipmi_out(p, QBT_CTRL, QBT_H_BUSY);
    qipmi_out(p, QBT_CTRL, QBT_B2H);
    qipmi_out(p, QBT_CTRL, QBT_CLR_RD);
    n = qipmi_in(p, QBT_DATA);
    g_assert_cmpuint(n, <, max);
    for (i = 0; i < n; i++) {
        buf[i] = qipmi_in(p, QBT_DATA);
    }
    qipmi_out(p, QBT_CTRL, QBT_H_BUSY);
    return n;
}

/*
 * Messages
 */

bool qipmi_send(QIPMI *p, const uint8_t *bytes, unsigned n)
{
    return p->bt ? bt_send(p, bytes, n) : kcs_send(p, bytes, n);
}

bool qipmi_fetch(QIPMI *p, QIPMIRsp *rsp)
{
    uint8_t buf[QIPMI_MAX];
    unsigned n, at = 1;

    memset(rsp, 0, sizeof(*rsp));
    n = p->bt ? bt_fetch(p, buf, sizeof(buf)) : kcs_fetch(p, buf, sizeof(buf));
    if (n < (p->bt ? 3 : 2)) {
        return false;
    }
    rsp->netfn = buf[0] >> 2;
    rsp->lun = buf[0] & 3;
    if (p->bt) {
        rsp->seq = buf[at++];
    }
    rsp->cmd = buf[at++];
    if (at < n) {
        rsp->cc = buf[at++];
    }
    rsp->len = n - at;
    memcpy(rsp->data, buf + at, rsp->len);
    return true;
}

uint8_t qipmi_cmd(QIPMI *p, uint8_t netfn, uint8_t cmd, const void *data,
                  unsigned len, QIPMIRsp *rsp)
{
    uint8_t buf[2 * QIPMI_MAX];
    QIPMIRsp local;

    rsp = rsp ?: &local;
    g_assert_cmpuint(len, <=, sizeof(buf) - 2);
    buf[0] = netfn << 2;
    buf[1] = cmd;
    memcpy(buf + 2, data, len);
    g_assert_true(qipmi_send(p, buf, len + 2));
    g_assert_true(qipmi_fetch(p, rsp));
    g_assert_cmphex(rsp->netfn, ==, netfn | 1);
    g_assert_cmphex(rsp->cmd, ==, cmd);
    g_assert_cmpuint(rsp->lun, ==, 0);
    if (p->bt) {
        g_assert_cmpuint(rsp->seq, ==, p->seq);
    }
    return rsp->cc;
}

unsigned qipmi_bytes(const char *hex, uint8_t *buf, unsigned max)
{
    unsigned n = 0;

    for (; *hex; hex++) {
        if (*hex == ' ') {
            continue;
        }
        g_assert_true(g_ascii_isxdigit(hex[0]) && g_ascii_isxdigit(hex[1]));
        g_assert_cmpuint(n, <, max);
        buf[n++] = g_ascii_xdigit_value(hex[0]) << 4 |
                   g_ascii_xdigit_value(hex[1]);
        hex++;
    }
    return n;
}

char *qipmi_hex(const void *p, unsigned n)
{
    GString *s = g_string_new(NULL);
    unsigned i;

    for (i = 0; i < n; i++) {
        g_string_append_printf(s, "%02x", ((const uint8_t *)p)[i]);
    }
    return g_string_free(s, false);
}

bool qipmi_matches(const char *pattern, const uint8_t *p, unsigned n)
{
    uint8_t val;

    for (;; pattern++) {
        if (*pattern == ' ') {
            continue;
        }
        if (*pattern == '*') {
            return true;
        }
        if (!*pattern || !n) {
            return !*pattern && !n;
        }
        g_assert_true(pattern[1]);
        if (*pattern != '.') {
            val = g_ascii_xdigit_value(pattern[0]) << 4 |
                  g_ascii_xdigit_value(pattern[1]);
            if (val != *p) {
                return false;
            }
        }
        pattern++;
        p++;
        n--;
    }
}

bool qipmi_expect_at(QIPMI *p, const char *req, const char *rsp,
                     const char *file, int line)
{
    g_autofree char *got = NULL;
    uint8_t buf[QIPMI_MAX], all[QIPMI_MAX + 1];
    unsigned n = qipmi_bytes(req, buf, sizeof(buf));
    QIPMIRsp r;

    g_assert_cmpuint(n, >=, 2);
    all[0] = qipmi_cmd(p, buf[0], buf[1], buf + 2, n - 2, &r);
    memcpy(all + 1, r.data, r.len);
    if (qipmi_matches(rsp, all, r.len + 1)) {
        return true;
    }
    got = qipmi_hex(all, r.len + 1);
    g_test_message("%s:%d: %s: %s: expected %s, got %s", file, line, p->name,
                   req, rsp, got);
    g_test_fail();
    return false;
}

char *qipmi_get(QIPMI *p, const char *req)
{
    uint8_t buf[QIPMI_MAX];
    unsigned n = qipmi_bytes(req, buf, sizeof(buf));
    QIPMIRsp r;

    g_assert_cmphex(qipmi_cmd(p, buf[0], buf[1], buf + 2, n - 2, &r), ==, 0);
    return qipmi_hex(r.data, r.len);
}

uint8_t qipmi_checksum(const uint8_t *p, unsigned n)
{
    uint8_t sum = 0;

    while (n--) {
        sum -= *p++;
    }
    return sum;
}

char *qipmi_message(int handle, uint8_t rs, uint8_t netfn, uint8_t rs_lun,
                    uint8_t rq, uint8_t seq, uint8_t rq_lun, uint8_t cmd,
                    const char *data)
{
    uint8_t buf[QIPMI_MAX];
    unsigned n = 0, head;

    if (handle >= 0) {
        buf[n++] = handle;
    }
    head = n;
    buf[n++] = rs;
    buf[n++] = netfn << 2 | rs_lun;
    buf[n++] = qipmi_checksum(buf + head, 2);
    head = n;
    buf[n++] = rq;
    buf[n++] = seq << 2 | rq_lun;
    buf[n++] = cmd;
    n += qipmi_bytes(data, buf + n, sizeof(buf) - n - 1);
    buf[n] = qipmi_checksum(buf + head, n - head);
    return qipmi_hex(buf, n + 1);
}

QDict *qipmi_query(QTestState *qts, unsigned index)
{
    QDict *rsp = qtest_qmp(qts, "{ 'execute': 'query-ipmi-bmcs' }");
    QList *list = qdict_get_qlist(rsp, "return");
    QDict *bmc = NULL;

    g_assert_nonnull(list);
    while (index-- + 1) {
        qobject_unref(bmc);
        bmc = qobject_to(QDict, qlist_pop(list));
        g_assert_nonnull(bmc);
    }
    qobject_unref(rsp);
    return bmc;
}

int64_t qipmi_query_int(QTestState *qts, const char *member)
{
    QDict *bmc = qipmi_query(qts, 0);
    int64_t val = qdict_get_int(bmc, member);

    qobject_unref(bmc);
    return val;
}
