/*
 * SEL and SDR repository of ipmi-bmc-multi: parts, reservations, limits
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * By BT, which is the quicker to drive.
 *
 * Specification: IPMI v2.0 rev 1.1, sec 31 (SEL), 33 (SDR repository), 35.2 to
 * 35.4 (device SDRs). What is on a drive: ipmi-store-soak-test.c.
 */
#include "qemu/osdep.h"
#include "libqos/ipmi-host.h"
#include "qemu/bswap.h"

#define SEL_ENTRIES     16
#define SDR_SIZE        2048

#define DEVICES \
    "-device ipmi-bmc-multi,id=bmc0,sel-entries=16,sdr-size=2048," \
    "sel-time=1000000 " \
    "-device ipmi-channel,bmc=bmc0,number=0,medium=ipmb " \
    QIPMI_BT

#define FIRST           0x0000
#define LAST            0xffff
#define ALL             0xff

#define CC_SPACE        0xc4
#define CC_RESERVATION  0xc5
#define CC_LENGTH       0xc7
#define CC_RANGE        0xc9
#define CC_TOO_MUCH     0xca
#define CC_ABSENT       0xcb

/* Three stores of records; the commands that read them */
typedef struct Store {
    const char *name;
    uint8_t netfn, reserve, get;
    uint8_t add, partial, delete, clear, info;      /* 0: cannot change */
} Store;

static const Store stores[] = {
    { "sdr", 0x0a, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x20 },
    { "sel", 0x0a, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x40 },
    { "device-sdr", 0x04, 0x22, 0x21 },
};

#define SDR     (&stores[0])
#define SEL     (&stores[1])

static QTestState *qts;
static QIPMI bt;

static void boot(void)
{
    qts = qipmi_boot(DEVICES);
    qipmi_open(&bt, qts, QIPMI_BT_SLOT);
}

static uint16_t reserve(const Store *st)
{
    QIPMIRsp rsp;

    g_assert_cmphex(qipmi_cmd(&bt, st->netfn, st->reserve, "", 0, &rsp), ==,
                    0);
    g_assert_cmpuint(rsp.len, ==, 2);
    g_assert_cmphex(lduw_le_p(rsp.data), !=, 0);
    return lduw_le_p(rsp.data);
}

/* Completion code; the response's data in rsp */
static uint8_t get(const Store *st, uint16_t res, uint16_t id, uint8_t offset,
                   uint8_t count, QIPMIRsp *rsp)
{
    uint8_t req[6] = { [4] = offset, count };

    stw_le_p(req, res);
    stw_le_p(req + 2, id);
    return qipmi_cmd(&bt, st->netfn, st->get, req, sizeof(req), rsp);
}

static void expect_get(const Store *st, uint16_t res, uint16_t id,
                       uint8_t offset, uint8_t count, uint8_t cc)
{
    g_assert_cmphex(get(st, res, id, offset, count, NULL), ==, cc);
}

static uint8_t with_id(const Store *st, uint8_t cmd, uint16_t res, uint16_t id)
{
    uint8_t req[4];

    stw_le_p(req, res);
    stw_le_p(req + 2, id);
    return qipmi_cmd(&bt, st->netfn, cmd, req, sizeof(req), NULL);
}

static uint8_t clear(const Store *st, uint16_t res, uint8_t op, QIPMIRsp *rsp)
{
    uint8_t req[6] = { [2] = 'C', 'L', 'R', op };

    stw_le_p(req, res);
    return qipmi_cmd(&bt, st->netfn, st->clear, req, sizeof(req), rsp);
}

/* A record that the store takes; @tag is in it. Its length */
static unsigned make(const Store *st, uint8_t tag, uint8_t *rec)
{
    memset(rec, 0, 64);
    if (st == SEL) {
        rec[2] = 0x02;
        rec[7] = 0x41;
        rec[9] = 0x04;
        rec[15] = tag;
        return 16;
    }
    rec[2] = 0x51;
    rec[3] = 0xc0;
    rec[4] = 11;
    rec[15] = tag;
    return 16;
}

static uint8_t add(const Store *st, uint8_t tag, uint16_t *id)
{
    uint8_t rec[64], cc;
    QIPMIRsp rsp;

    cc = qipmi_cmd(&bt, st->netfn, st->add, rec, make(st, tag, rec), &rsp);
    if (id && !cc) {
        g_assert_cmpuint(rsp.len, ==, 2);
        *id = lduw_le_p(rsp.data);
        g_assert_true(*id != FIRST && *id != LAST);
    }
    return cc;
}

/* Count, bytes that are free, overflow */
static unsigned info(const Store *st, unsigned *free, bool *overflow)
{
    QIPMIRsp rsp;

    g_assert_cmphex(qipmi_cmd(&bt, st->netfn, st->info, "", 0, &rsp), ==, 0);
    g_assert_cmpuint(rsp.len, ==, 14);
    g_assert_cmphex(rsp.data[0], ==, 0x51);
    if (free) {
        *free = lduw_le_p(rsp.data + 3);
    }
    if (overflow) {
        *overflow = rsp.data[13] & 0x80;
    }
    return lduw_le_p(rsp.data + 1);
}

static void fill_sel(unsigned n)
{
    while (n--) {
        g_assert_cmphex(add(SEL, n, NULL), ==, 0);
    }
}

/* A record, read in pieces of @chunk, is what it is as a whole */
static void check_chunks(const Store *st, uint16_t id, const QIPMIRsp *whole,
                         unsigned chunk)
{
    unsigned at, len = whole->len - 2;
    uint16_t res = reserve(st);
    QIPMIRsp part;

    for (at = 0; at < len; at += chunk) {
        unsigned n = MIN(chunk, len - at);

        g_assert_cmphex(get(st, res, id, at, n, &part), ==, 0);
        g_assert_cmpuint(part.len, ==, n + 2);
        /* The next record's ID comes with each piece */
        g_assert_cmpmem(part.data, 2, whole->data, 2);
        g_assert_cmpmem(part.data + 2, n, whole->data + 2 + at, n);
    }
}

static void test_chunks(const void *opaque)
{
    static const unsigned chunks[] = { 1, 2, 3, 5, 8, 15, 16, 22, 63 };
    const Store *st = opaque;
    uint16_t id = FIRST;
    unsigned n = 0, i;
    QIPMIRsp whole;

    boot();
    fill_sel(3);
    do {
        g_assert_cmphex(get(st, 0, id, 0, ALL, &whole), ==, 0);
        g_assert_true(id == FIRST || lduw_le_p(whole.data + 2) == id);
        g_assert_cmpuint(whole.len - 2, ==,
                         st == SEL ? 16 : 5 + whole.data[2 + 4]);
        /* All sizes for some, the usual one for all */
        for (i = 0; i < ARRAY_SIZE(chunks); i++) {
            if (n < 2 || chunks[i] == 22) {
                check_chunks(st, lduw_le_p(whole.data + 2), &whole, chunks[i]);
            }
        }
        n++;
        id = lduw_le_p(whole.data);
    } while (id != LAST);
    /* The last has a name of its own, and so has the first */
    {
        QIPMIRsp last;

        g_assert_cmphex(get(st, 0, LAST, 0, ALL, &last), ==, 0);
        g_assert_cmpmem(last.data, last.len, whole.data, whole.len);
    }
    g_assert_cmpuint(n, ==, st == SEL ? 3 : 21);
    qtest_quit(qts);
}

/* sec 31.5, 33.12: at the end of a record, and behind it */
static void test_edges(const void *opaque)
{
    const Store *st = opaque;
    QIPMIRsp whole, part;
    uint16_t res, id;
    unsigned i, len;

    boot();
    fill_sel(2);
    g_assert_cmphex(get(st, 0, FIRST, 0, ALL, &whole), ==, 0);
    id = lduw_le_p(whole.data + 2);
    len = whole.len - 2;
    res = reserve(st);
    for (i = 0; i < len; i++) {
        g_assert_cmphex(get(st, res, id, i, ALL, &part), ==, 0);
        g_assert_cmpmem(part.data + 2, part.len - 2, whole.data + 2 + i,
                        len - i);
        expect_get(st, res, id, i, len - i, 0);
        expect_get(st, res, id, i, len - i + 1, CC_TOO_MUCH);
        expect_get(st, res, id, i, 0xfe, CC_TOO_MUCH);
    }
    for (i = len; i < 256; i += 1 + i / 8) {
        expect_get(st, res, id, i, 1, CC_RANGE);
        expect_get(st, res, id, i, ALL, CC_RANGE);
    }
    g_assert_cmphex(get(st, res, id, 0, 0, &part), ==, 0);
    g_assert_cmpuint(part.len, ==, 2);
    expect_get(st, res, 0xfffe, 0, ALL, CC_ABSENT);
    qtest_quit(qts);
}

/* What changes the store between two pieces, or does not */
typedef struct Change {
    const char *name;
    void (*make)(const Store *st, uint16_t res);
    bool cancels;
    unsigned stores;            /* bit n: stores[n] */
} Change;

#define BOTH    3
#define THREE   7

static void change_add(const Store *st, uint16_t res)
{
    g_assert_cmphex(add(st, 9, NULL), ==, 0);
}

static void change_delete(const Store *st, uint16_t res)
{
    g_assert_cmphex(with_id(st, st->delete, res, LAST), ==, 0);
}

static void change_clear(const Store *st, uint16_t res)
{
    g_assert_cmphex(clear(st, res, 0xaa, NULL), ==, 0);
    if (st == SEL) {
        fill_sel(2);
    } else {
        change_add(st, res);
    }
}

static void change_reserve(const Store *st, uint16_t res)
{
    reserve(st);
}

static void change_system_reset(const Store *st, uint16_t res)
{
    qtest_system_reset(qts);
    qipmi_enable(&bt);
}

static void change_cold_reset(const Store *st, uint16_t res)
{
    qipmi_expect(&bt, "06 02", "00");
}

static void change_warm_reset(const Store *st, uint16_t res)
{
    qipmi_expect(&bt, "06 03", "00");
}

static void change_event(const Store *st, uint16_t res)
{
    qipmi_expect(&bt, "04 02 41 04 01 01 59 00 00 00", "00");
}

static void change_qmp(const Store *st, uint16_t res)
{
    qipmi_do(qts, "ipmi-sel-add",
             "'record': '00000200000000200004010159000000'");
}

static void change_sensor(const Store *st, uint16_t res)
{
    qipmi_sensor_raw(qts, 2, 86);
}

static void change_other(const Store *st, uint16_t res)
{
    change_add(st == SEL ? SDR : SEL, res);
}

static void change_read(const Store *st, uint16_t res)
{
    expect_get(st, 0, FIRST, 0, ALL, 0);
    if (st->info) {
        info(st, NULL, NULL);
    }
}

static void change_fail(const Store *st, uint16_t res)
{
    g_assert_cmphex(with_id(st, st->delete, 0x7777, LAST), ==,
                    CC_RESERVATION);
    g_assert_cmphex(clear(st, 0x7777, 0xaa, NULL), ==, CC_RESERVATION);
}

static const Change changes[] = {
    { "add", change_add, true, BOTH },
    { "delete", change_delete, true, BOTH },
    { "clear", change_clear, true, BOTH },
    { "reserve", change_reserve, true, THREE },
    { "system-reset", change_system_reset, true, THREE },
    { "cold-reset", change_cold_reset, true, THREE },
    { "warm-reset", change_warm_reset, true, THREE },
    { "event", change_event, true, 1 << 1 },
    { "qmp", change_qmp, true, 1 << 1 },
    { "sensor", change_sensor, true, 1 << 1 },
    { "other", change_other, false, THREE },
    { "read", change_read, false, THREE },
    { "failure", change_fail, false, BOTH },
};

static void test_reservation(const void *opaque)
{
    const Store *st = opaque;
    uint16_t res, last;
    int i;

    boot();
    fill_sel(3);
    /* Without one, and with one that never was */
    expect_get(st, 0, FIRST, 1, 1, CC_RESERVATION);
    expect_get(st, 0x4444, FIRST, 0, 1, CC_RESERVATION);
    for (i = 0, last = 0; i < ARRAY_SIZE(changes); i++) {
        if (!(changes[i].stores & (1 << (st - stores)))) {
            continue;
        }
        g_test_message("%s", changes[i].name);
        res = reserve(st);
        g_assert_cmphex(res, !=, last);
        last = res;
        expect_get(st, res, FIRST, 0, 5, 0);
        expect_get(st, res, FIRST, 5, 5, 0);
        changes[i].make(st, res);
        expect_get(st, res, FIRST, 5, 5,
                   changes[i].cancels ? CC_RESERVATION : 0);
        expect_get(st, res, FIRST, 0, 5,
                   changes[i].cancels ? CC_RESERVATION : 0);
        /* A whole record can always be had */
        expect_get(st, 0, FIRST, 0, ALL, 0);
        if (changes[i].cancels && st->delete) {
            unsigned n = info(st, NULL, NULL);

            g_assert_cmphex(with_id(st, st->delete, res, LAST), ==,
                            CC_RESERVATION);
            g_assert_cmphex(clear(st, res, 0xaa, NULL), ==, CC_RESERVATION);
            g_assert_cmpuint(info(st, NULL, NULL), ==, n);
        }
    }
    qtest_quit(qts);
}

static uint8_t partial(const Store *st, uint16_t res, uint16_t *id,
                       uint8_t offset, uint8_t progress, const uint8_t *data,
                       unsigned n)
{
    uint8_t req[6 + 64], cc;
    QIPMIRsp rsp;

    stw_le_p(req, res);
    stw_le_p(req + 2, *id);
    req[4] = offset;
    req[5] = progress;
    memcpy(req + 6, data, n);
    cc = qipmi_cmd(&bt, st->netfn, st->partial, req, 6 + n, &rsp);
    if (!cc) {
        g_assert_cmpuint(rsp.len, ==, 2);
        *id = lduw_le_p(rsp.data);
    }
    return cc;
}

/* sec 31.7, 33.10: a record in pieces of every size */
static void test_partial(const void *opaque)
{
    const Store *st = opaque;
    unsigned n, at, len, before;
    uint16_t res, id, got;
    uint8_t rec[64];
    QIPMIRsp rsp;

    boot();
    for (n = 1; n <= 16; n += n < 8 ? 1 : 4) {
        len = make(st, 0x80 + n, rec);
        before = info(st, NULL, NULL);
        res = reserve(st);
        for (at = 0, id = 0; at < len; at += n) {
            unsigned now = MIN(n, len - at);

            g_assert_cmpuint(info(st, NULL, NULL), ==, before);
            got = id;
            g_assert_cmphex(partial(st, res, &id, at, at + now == len, rec + at,
                                    now), ==, 0);
            g_assert_true(!got || got == id);
        }
        g_assert_cmpuint(info(st, NULL, NULL), ==, before + 1);
        g_assert_cmphex(get(st, 0, id, 0, ALL, &rsp), ==, 0);
        g_assert_cmphex(rsp.data[2 + 15], ==, 0x80 + n);
        /* The record has cancelled it */
        id = 0;
        g_assert_cmphex(partial(st, res, &id, 0, 0, rec, 3), ==,
                        CC_RESERVATION);
    }
    qtest_quit(qts);
}

/* A gap, an overlap, another ID, a change in between, too little, too much */
static void test_partial_wrong(const void *opaque)
{
    const Store *st = opaque;
    uint16_t res, id = 0, zero = 0, other;
    unsigned before;
    uint8_t rec[64];

    boot();
    make(st, 1, rec);
    before = info(st, NULL, NULL);
    res = reserve(st);
    g_assert_cmphex(partial(st, res, &zero, 1, 0, rec, 4), ==, CC_RANGE);
    other = 3;
    g_assert_cmphex(partial(st, res, &other, 0, 0, rec, 4), ==, CC_ABSENT);
    g_assert_cmphex(partial(st, res, &id, 0, 0, rec, 4), ==, 0);
    g_assert_cmphex(partial(st, res, &id, 5, 0, rec + 5, 4), ==, CC_RANGE);
    g_assert_cmphex(partial(st, res, &id, 3, 0, rec + 3, 4), ==, CC_RANGE);
    other = id ^ 0x0100;
    g_assert_cmphex(partial(st, res, &other, 4, 0, rec + 4, 4), ==,
                    CC_ABSENT);
    g_assert_cmphex(partial(st, res, &id, 4, 2, rec + 4, 4), ==, 0xcc);
    g_assert_cmphex(partial(st, res ^ 1, &id, 4, 0, rec + 4, 4), ==,
                    CC_RESERVATION);
    /* None of that has done anything: it goes on, and ends too early */
    g_assert_cmphex(partial(st, res, &id, 4, 1, rec + 4, 11), ==, 0x80);
    g_assert_cmpuint(info(st, NULL, NULL), ==, before);
    g_assert_cmphex(partial(st, res, &id, 15, 1, rec + 15, 1), ==, CC_ABSENT);
    /* One byte too many */
    id = 0;
    g_assert_cmphex(partial(st, res, &id, 0, 1, rec, 17), ==,
                    st == SEL ? CC_LENGTH : 0x80);
    /* Somebody else adds one in between */
    id = 0;
    g_assert_cmphex(partial(st, res, &id, 0, 0, rec, 4), ==, 0);
    g_assert_cmphex(add(st, 2, NULL), ==, 0);
    g_assert_cmphex(partial(st, res, &id, 4, 1, rec + 4, 12), ==,
                    CC_RESERVATION);
    res = reserve(st);
    g_assert_cmphex(partial(st, res, &id, 4, 1, rec + 4, 12), ==, CC_ABSENT);
    g_assert_cmpuint(info(st, NULL, NULL), ==, before + 1);
    qtest_quit(qts);
}

/* A record such that what is then left is so many times 16 bytes */
static void pad(const Store *st)
{
    uint8_t rec[64];
    unsigned left;

    info(st, &left, NULL);
    if (left % 16) {
        make(st, 0, rec);
        rec[4] += left % 16;
        g_assert_cmphex(qipmi_cmd(&bt, st->netfn, st->add, rec, 16 + left % 16,
                                  NULL), ==, 0);
    }
}

/* To the last byte, and one record more */
static void test_overflow(const void *opaque)
{
    const Store *st = opaque;
    unsigned n = 0, left, was;
    uint16_t id, res;
    bool overflow;

    boot();
    pad(st);
    info(st, &was, &overflow);
    g_assert_false(overflow);
    while (was >= 16) {
        n = info(st, NULL, NULL);
        g_assert_cmphex(add(st, n, &id), ==, 0);
        g_assert_cmpuint(info(st, &left, &overflow), ==, n + 1);
        g_assert_cmpuint(left, ==, was - 16);
        g_assert_false(overflow);
        was = left;
    }
    g_assert_cmpuint(was, ==, 0);
    res = reserve(st);
    g_assert_cmphex(add(st, 0, NULL), ==, CC_SPACE);
    g_assert_cmpuint(info(st, &left, &overflow), ==, n + 1);
    g_assert_cmpuint(left, ==, was);
    g_assert_true(overflow);
    /* What was not added has cancelled nothing; a place is free again */
    g_assert_cmphex(with_id(st, st->delete, res, id), ==, 0);
    expect_get(st, 0, id, 0, ALL, CC_ABSENT);
    info(st, &left, &overflow);
    g_assert_cmpuint(left, ==, was + 16);
    g_assert_false(overflow);
    g_assert_cmphex(add(st, 0, &id), ==, 0);
    expect_get(st, 0, id, 0, ALL, 0);
    g_assert_cmphex(add(st, 0, NULL), ==, CC_SPACE);
    /* and all of them */
    g_assert_cmphex(clear(st, reserve(st), 0xaa, NULL), ==, 0);
    g_assert_cmpuint(info(st, &left, &overflow), ==, 0);
    g_assert_cmpuint(left, ==, st == SEL ? 16 * SEL_ENTRIES : SDR_SIZE);
    g_assert_false(overflow);
    expect_get(st, 0, FIRST, 0, ALL, CC_ABSENT);
    expect_get(st, 0, LAST, 0, ALL, CC_ABSENT);
    g_assert_cmphex(with_id(st, st->delete, reserve(st), FIRST), ==,
                    CC_ABSENT);
    qtest_quit(qts);
}

/* sec 31.9, 33.14: to ask whether an erasure is complete erases nothing */
static void test_clear(const void *opaque)
{
    const Store *st = opaque;
    QIPMIRsp rsp;
    uint16_t res;
    unsigned n;

    boot();
    fill_sel(2);
    n = info(st, NULL, NULL);
    res = reserve(st);
    g_assert_cmphex(clear(st, res, 0x00, &rsp), ==, 0);
    g_assert_cmphex(rsp.data[0], ==, 0x01);
    g_assert_cmpuint(info(st, NULL, NULL), ==, n);
    g_assert_cmphex(clear(st, res, 0x01, NULL), ==, 0xcc);
    g_assert_cmpuint(info(st, NULL, NULL), ==, n);
    g_assert_cmphex(clear(st, res, 0xaa, &rsp), ==, 0);
    g_assert_cmphex(rsp.data[0] & 0x0f, ==, 0x01);
    g_assert_cmpuint(info(st, NULL, NULL), ==, 0);
    g_assert_cmphex(clear(st, res, 0x00, NULL), ==, CC_RESERVATION);
    qtest_quit(qts);
}

/* A SEL that is full: events still reach system software */
static void test_full_event(void)
{
    bool overflow;

    boot();
    fill_sel(SEL_ENTRIES);
    qipmi_expect(&bt, "06 2e 0c", "00");
    qipmi_expect(&bt, "04 02 41 04 01 01 59 07 00 00", "c4");
    qipmi_expect(&bt, "06 35",
                 ".. .. .. 02 .. .. .. .. 41 00 04 01 01 59 07 00 00");
    info(SEL, NULL, &overflow);
    g_assert_true(overflow);
    /* A sensor cannot be told */
    qipmi_sensor_raw(qts, 2, 86);
    qipmi_expect(&bt, "06 35",
                 "00 .. .. 02 .. .. .. .. 20 00 04 01 02 01 57 56 55");
    g_assert_cmpuint(qipmi_sel_count(qts), ==, SEL_ENTRIES);
    g_free(qipmi_refused(qts, "ipmi-sel-add",
                         "'record': '00000200000000200004010159000000'"));
    qtest_quit(qts);
}

/* sec 32: who makes the time; sec 31.10, 31.11: the clock */
static void test_times(void)
{
    static const struct {
        uint8_t type;
        uint8_t cc;
        bool stamped;
    } rows[] = {
        { 0x00, 0x80 }, { 0x01, 0x80 }, { 0x02, 0, true }, { 0x03, 0x80 },
        { 0xbf, 0x80 }, { 0xc0, 0, true }, { 0xdf, 0, true }, { 0xe0, 0 },
        { 0xff, 0 },
    };
    uint8_t rec[64];
    QIPMIRsp rsp;
    int i;

    boot();
    /* sec 31.2: there was no addition, and no erasure */
    qipmi_expect(&bt, "0a 40", "00 51 00 00 00 01 ff ff ff ff ff ff ff ff 0f");
    qipmi_expect(&bt, "0a 48", "00 40 42 0f 00");
    qipmi_expect(&bt, "0a 49 00 00 00 60", "00");
    qipmi_wait(qts, 0x10000 * 1000LL);
    qipmi_expect(&bt, "0a 48", "00 00 00 01 60");
    /* The SDR repository has a clock of its own */
    qipmi_expect(&bt, "0a 28", "00 40 42 10 00");
    for (i = 0; i < ARRAY_SIZE(rows); i++) {
        make(SEL, i, rec);
        rec[2] = rows[i].type;
        memset(rec + 3, 0x11, 4);
        g_assert_cmphex(qipmi_cmd(&bt, 0x0a, 0x44, rec, 16, &rsp), ==,
                        rows[i].cc);
        if (!rows[i].cc) {
            g_assert_cmphex(get(SEL, 0, LAST, 0, ALL, &rsp), ==, 0);
            g_assert_cmphex(ldl_le_p(rsp.data + 2 + 3), ==,
                            rows[i].stamped ? 0x60010000 : 0x11111111);
            g_assert_cmphex(rsp.data[2 + 15], ==, i);
        }
    }
    /* sec 31.2: of the last addition and erasure */
    qipmi_expect(&bt, "0a 40", "00 51 05 00 b0 00 00 00 01 60 * ");
    qipmi_wait(qts, 1000);
    g_assert_cmphex(with_id(SEL, 0x46, reserve(SEL), FIRST), ==, 0);
    qipmi_expect(&bt, "0a 40",
                 "00 51 04 00 c0 00 00 00 01 60 01 00 01 60 0f");
    /* sec 33.9: the same of the repository, by its own clock */
    qipmi_expect(&bt, "0a 20", "00 51 15 00 .. .. 00 00 00 00 00 00 00 00 6f");
    g_assert_cmphex(add(SDR, 1, NULL), ==, 0);
    qipmi_wait(qts, 1000);
    g_assert_cmphex(with_id(SDR, 0x26, reserve(SDR), LAST), ==, 0);
    qipmi_expect(&bt, "0a 20",
                 "00 51 15 00 .. .. 41 42 10 00 42 42 10 00 6f");
    qtest_quit(qts);
}

/* sec 33.7: in update mode nobody reads; additions work, and it ends */
static void test_update_mode(void)
{
    uint16_t id;

    boot();
    qipmi_expect(&bt, "0a 2a", "00");
    expect_get(SDR, 0, FIRST, 0, ALL, 0xd0);
    expect_get(&stores[2], 0, FIRST, 0, ALL, 0);
    g_assert_cmphex(add(SDR, 1, &id), ==, 0);
    qipmi_expect(&bt, "0a 2b", "00");
    expect_get(SDR, 0, id, 0, ALL, 0);
    qipmi_expect(&bt, "0a 2a", "00");
    qipmi_expect(&bt, "06 03", "00");
    expect_get(SDR, 0, id, 0, ALL, 0);
    qtest_quit(qts);
}

/* Whatever is added and deleted: the chain is what a model says */
static void test_model(const void *opaque)
{
    const Store *st = opaque;
    uint16_t ids[SEL_ENTRIES], id, next;
    uint8_t tags[SEL_ENTRIES];
    unsigned step, i, n = 0;
    QIPMIRsp rsp;

    boot();
    g_assert_cmphex(clear(st, reserve(st), 0xaa, NULL), ==, 0);
    for (step = 0; step < 60; step++) {
        if (n < SEL_ENTRIES && (!n || g_test_rand_int_range(0, 3))) {
            tags[n] = step;
            g_assert_cmphex(add(st, step, &ids[n]), ==, 0);
            for (i = 0; i < n; i++) {
                g_assert_cmphex(ids[i], !=, ids[n]);
            }
            n++;
        } else {
            i = g_test_rand_int_range(0, n);
            id = i == 0 ? FIRST : i == n - 1 ? LAST : ids[i];
            g_assert_cmphex(with_id(st, st->delete, reserve(st), id), ==, 0);
            expect_get(st, 0, ids[i], 0, ALL, CC_ABSENT);
            n--;
            memmove(ids + i, ids + i + 1, (n - i) * sizeof(ids[0]));
            memmove(tags + i, tags + i + 1, n - i);
        }
        g_assert_cmpuint(info(st, NULL, NULL), ==, n);
        for (i = 0, id = FIRST; i < n; i++, id = next) {
            g_assert_cmphex(get(st, 0, id, 0, ALL, &rsp), ==, 0);
            g_assert_cmphex(lduw_le_p(rsp.data + 2), ==, ids[i]);
            g_assert_cmphex(rsp.data[2 + 15], ==, tags[i]);
            next = lduw_le_p(rsp.data);
            g_assert_cmphex(next, ==, i + 1 < n ? ids[i + 1] : LAST);
        }
    }
    qtest_quit(qts);
}

static const struct {
    const char *name;
    GTestDataFunc func;
    unsigned stores;
} tests[] = {
    { "chunks", test_chunks, THREE },
    { "edges", test_edges, THREE },
    { "reservation", test_reservation, THREE },
    { "partial-add", test_partial, BOTH },
    { "partial-add-wrong", test_partial_wrong, BOTH },
    { "overflow", test_overflow, BOTH },
    { "clear", test_clear, BOTH },
    { "model", test_model, BOTH },
};

int main(int argc, char **argv)
{
    int i, j;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < ARRAY_SIZE(stores); i++) {
        for (j = 0; j < ARRAY_SIZE(tests); j++) {
            g_autofree char *path = g_strdup_printf(
                "/ipmi/records/%s/%s", stores[i].name, tests[j].name);

            if (tests[j].stores & (1 << i)) {
                qtest_add_data_func(path, &stores[i], tests[j].func);
            }
        }
    }
    qtest_add_func("/ipmi/records/sel/full-event", test_full_event);
    qtest_add_func("/ipmi/records/sel/times", test_times);
    qtest_add_func("/ipmi/records/sdr/update-mode", test_update_mode);
    return g_test_run();
}
