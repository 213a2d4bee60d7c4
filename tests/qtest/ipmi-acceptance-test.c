/*
 * Is ipmi-bmc-multi what management software takes for a good BMC?
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1; FRU Information Storage Definition v1.0.
 * What a tool's maintainer tries on a new board: every setting can be changed
 * and changed back without touching another; what the BMC says at one place
 * agrees with what it says at the others.
 */
#include "qemu/osdep.h"
#include "libqos/ipmi-host.h"
#include "qemu/bswap.h"

#define DEVICES \
    QIPMI_BMC \
    "-device ipmi-channel,bmc=bmc0,number=0,medium=ipmb " \
    "-device ipmi-channel,bmc=bmc0,number=1,medium=lan " \
    "-device ipmi-channel,bmc=bmc0,number=3,medium=lan " \
    "-device ipmi-channel,bmc=bmc0,number=4,medium=serial " QIPMI_BT

#define USERS           15

/* SDR: offsets in full and compact records (tables 43-1, 43-2) */
#define SDR_TYPE        3
#define SDR_LENGTH      4
#define SDR_OWNER       5
#define SDR_LUN         6
#define SDR_NUMBER      7
#define SDR_ENTITY      8
#define SDR_SENSOR_TYPE 12
#define SDR_READING_TYPE 13
#define SDR_ASSERT      14
#define SDR_DEASSERT    16
#define SDR_MASK        18
#define SDR_UNR         36

static QTestState *qts;
static QIPMI bt;

static void boot(void)
{
    qts = qipmi_boot(DEVICES);
    qipmi_open(&bt, qts, QIPMI_BT_SLOT);
}

/* Both are printf formats with the same arguments */
#define ask(want, fmt, ...) do { \
        g_autofree char *req_ = g_strdup_printf(fmt, ## __VA_ARGS__); \
        qipmi_expect(&bt, req_, want); \
    } while (0)

/*
 * Settings
 */

/* Something that can be set, read, and has several good values */
typedef struct Setting {
    const char *name, *set, *get;   /* without the value */
    const char *before;             /* what the answer has in front of it */
    const char *values[4];
} Setting;

#define S15 "42 43 44 45 46 47 48 49 4a 4b 4c 4d 4e 4f 50 "
#define Z15 "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 "

static const Setting lan[] = {
    { "IP address source", "0c 01 01 04", "0c 02 01 04 00 00", "11",
      { "01", "02", "01" } },
    { "IP address", "0c 01 01 03", "0c 02 01 03 00 00", "11",
      { "0a 00 02 0f", "c0 a8 01 02", "0a 00 02 0f" } },
    { "subnet mask", "0c 01 01 06", "0c 02 01 06 00 00", "11",
      { "ff ff ff 00", "ff ff 00 00", "ff ff ff 00" } },
    { "gateway", "0c 01 01 0c", "0c 02 01 0c 00 00", "11",
      { "0a 00 02 02", "0a 00 02 03" } },
    { "gateway MAC", "0c 01 01 0d", "0c 02 01 0d 00 00", "11",
      { "52 54 00 12 34 56", "52 54 00 12 34 57" } },
    { "backup gateway", "0c 01 01 0e", "0c 02 01 0e 00 00", "11",
      { "0a 00 02 04", "0a 00 02 05" } },
    { "backup gateway MAC", "0c 01 01 0f", "0c 02 01 0f 00 00", "11",
      { "52 54 00 12 34 58", "52 54 00 12 34 59" } },
    { "authentication types", "0c 01 01 02", "0c 02 01 02 00 00", "11",
      { "01 02 04 10 20", "17 17 17 17 17", "00 00 00 00 00" } },
    { "ARP control", "0c 01 01 0a", "0c 02 01 0a 00 00", "11",
      { "00", "01", "02", "03" } },
    { "ARP interval", "0c 01 01 0b", "0c 02 01 0b 00 00", "11",
      { "05", "06" } },
    { "community", "0c 01 01 10", "0c 02 01 10 00 00", "11",
      { "41 " S15 "51 52", "70 75 " Z15 "00" } },
    { "VLAN", "0c 01 01 14", "0c 02 01 14 00 00", "11",
      { "64 80", "00 00" } },
    { "cipher suite privileges", "0c 01 01 18", "0c 02 01 18 00 00", "11",
      { "00 42 00 00 00 00 00 00 00", "00 33 04 00 00 00 00 00 00",
        "00 44 00 00 00 00 00 00 00" } },
    { "bad password threshold", "0c 01 01 1a", "0c 02 01 1a 00 00", "11",
      { "01 03 10 00 20 00", "00 00 00 00 00 00" } },
    { "destination 1", "0c 01 01 13 01", "0c 02 01 13 01 00", "11 01",
      { "00 00 0a 00 02 02 52 54 00 12 34 56",
        "00 00 0a 00 02 03 52 54 00 12 34 57" } },
    { "destination 4", "0c 01 01 13 04", "0c 02 01 13 04 00", "11 04",
      { "00 00 0a 00 02 08 52 54 00 12 34 56",
        "00 00 0a 00 02 09 52 54 00 12 34 57" } },
};

static const Setting sol[] = {
    { "enable", "0c 21 01 01", "0c 22 01 01 00 00", "11", { "01", "00" } },
    { "authentication", "0c 21 01 02", "0c 22 01 02 00 00", "11",
      { "02", "83", "44", "c4" } },
    { "accumulation", "0c 21 01 03", "0c 22 01 03 00 00", "11",
      { "05 05", "06 06" } },
    { "retry", "0c 21 01 04", "0c 22 01 04 00 00", "11",
      { "05 05", "06 06" } },
    { "NV bit rate", "0c 21 01 05", "0c 22 01 05 00 00", "11",
      { "09", "0a" } },
    { "bit rate", "0c 21 01 06", "0c 22 01 06 00 00", "11",
      { "09", "0a" } },
};

static const Setting others[] = {
    { "system name", "06 58 02 00", "06 59 00 02 00 00", "11 00",
      { "00 05 71 65 6d 75 31 00 00 00 00 00 00 00 00 00",
        "00 05 71 65 6d 75 32 00 00 00 00 00 00 00 00 00" } },
    { "UTC offset", "0a 5d", "0a 5c", "", { "3c 00", "c4 ff", "ff 07" } },
    { "event receiver", "04 00", "04 01", "", { "20 00", "ff 00", "20 00" } },
    { "serial bit rate", "0c 10 04 07", "0c 11 04 07 00 00", "11",
      { "60 0a", "00 06" } },
};

static void take_value(const Setting *s, const char *value)
{
    ask("00 *", "%s %s", s->set, value);
}

static char *values_of(const Setting *all, unsigned n, int except)
{
    GString *sum = g_string_new(NULL);
    unsigned i;

    for (i = 0; i < n; i++) {
        if (i != except) {
            g_autofree char *got = qipmi_get(&bt, all[i].get);

            g_string_append_printf(sum, "%s;", got);
        }
    }
    return g_string_free(sum, false);
}

/* Each to each of its values, and nothing else with it */
static void check_settings(const Setting *all, unsigned n)
{
    unsigned i, j;

    for (i = 0; i < n; i++) {
        g_autofree char *first = qipmi_get(&bt, all[i].get);
        g_autofree char *rest = values_of(all, n, i);
        g_autofree char *back = NULL;
        unsigned skip = 0;
        const char *c;

        for (c = all[i].before; *c; c++) {
            skip += *c != ' ';
        }
        for (j = 0; j < ARRAY_SIZE(all[i].values) && all[i].values[j]; j++) {
            g_autofree char *want = g_strdup_printf(
                "00 %s %s", all[i].before, all[i].values[j]);
            g_autofree char *now = NULL;

            take_value(&all[i], all[i].values[j]);
            qipmi_expect(&bt, all[i].get, want);
            now = values_of(all, n, i);
            g_assert_cmpstr(now, ==, rest);
        }
        /* and back to what it was in the beginning */
        take_value(&all[i], first + skip);
        back = qipmi_get(&bt, all[i].get);
        g_assert_cmpstr(back, ==, first);
    }
}

static void test_settings(void)
{
    boot();
    check_settings(lan, ARRAY_SIZE(lan));
    check_settings(sol, ARRAY_SIZE(sol));
    check_settings(others, ARRAY_SIZE(others));
    qtest_quit(qts);
}

/* What one LAN channel is told, the other does not hear */
static void test_two_lans(void)
{
    unsigned i;

    boot();
    for (i = 0; i < ARRAY_SIZE(lan); i++) {
        g_autofree char *get = g_strdup(lan[i].get);
        g_autofree char *other = NULL, *now = NULL;

        get[7] = '3';
        other = qipmi_get(&bt, get);
        take_value(&lan[i], lan[i].values[1]);
        now = qipmi_get(&bt, get);
        g_assert_cmpstr(now, ==, other);
    }
    /* The MAC address is the maker's, and each has its own */
    {
        g_autofree char *one = qipmi_get(&bt, "0c 02 01 05 00 00");
        g_autofree char *two = qipmi_get(&bt, "0c 02 03 05 00 00");

        g_assert_cmpstr(one, !=, two);
        ask("82", "0c 01 01 05 52 54 00 11 22 33");
    }
    qtest_quit(qts);
}

/* sec 22.22: non-volatile becomes volatile with the BMC's reset, only then */
static void test_volatile(void)
{
    static const struct {
        const char *nv, *vol, *want_nv, *want_vol;
    } rows[] = {
        { "40 42", "82 84", "00 00 02", "00 02 04" },
        { "62 43", "80 82", "00 22 03", "00 00 02" },
        { "52 44", "9a 81", "00 12 04", "00 1a 01" },
        { "42 44", "a2 84", "00 02 04", "00 22 04" },
    };
    int i;

    boot();
    for (i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *nv = rows[i].want_nv, *vol = rows[i].want_vol;

        ask("00", "06 40 01 %s", rows[i].nv);
        ask("00", "06 40 01 %s", rows[i].vol);
        qipmi_expect(&bt, "06 41 01 40", nv);
        qipmi_expect(&bt, "06 41 01 80", vol);
        /* What is not to be changed is not */
        ask("00", "06 40 01 02 04");
        qipmi_expect(&bt, "06 41 01 40", nv);
        qipmi_expect(&bt, "06 41 01 80", vol);
        ask("00", "06 03");
        qipmi_expect(&bt, "06 41 01 80", vol);
        ask("00", "06 02");
        qipmi_expect(&bt, "06 41 01 80", nv);
        qipmi_expect(&bt, "06 41 01 40", nv);
        qipmi_expect(&bt, "06 41 03 80", "00 02 04");
    }
    /* One of each: the mode here, the limit there */
    ask("00", "06 40 01 52 83");
    qipmi_expect(&bt, "06 41 01 40", "00 12 04");
    qipmi_expect(&bt, "06 41 01 80", "00 02 03");
    ask("00", "06 40 01 9a 42");
    qipmi_expect(&bt, "06 41 01 40", "00 12 02");
    qipmi_expect(&bt, "06 41 01 80", "00 1a 03");
    /* A LAN knows no "pre-boot only", and only a modem is shared */
    ask("83", "06 40 01 41 00");
    ask("83", "06 40 01 83 00");
    qtest_quit(qts);
}

/*
 * Users
 */

static void expect_user(unsigned user, unsigned chan, unsigned enabled,
                        const char *rest)
{
    g_autofree char *want = g_strdup_printf("00 0f .. 01 %s", rest);
    g_autofree char *req = g_strdup_printf("06 44 %02x %02x", chan, user);
    g_autofree char *got = NULL;

    qipmi_expect(&bt, req, want);
    got = qipmi_get(&bt, req);
    /* sec 22.27: enabled or not, and how many are */
    g_assert_cmphex(g_ascii_strtoull(got + 2, NULL, 16) >> 22 & 3, ==, enabled);
}

/* Each of them, each of its settings, to the other value and back */
static void test_users(void)
{
    static const char *const levels[] = { "02", "03", "04", "0f", "04" };
    unsigned user, i;

    boot();
    for (user = 2; user <= USERS; user++) {
        /* A name of 16 bytes; it is the same on all channels */
        ask("00", "06 45 %02x %02x " S15, user, 0x60 + user);
        {
            g_autofree char *want = g_strdup_printf("00 %02x " S15,
                                                    0x60 + user);

            ask(want, "06 46 %02x", user);
        }
        for (i = 0; i < ARRAY_SIZE(levels); i++) {
            g_autofree char *want = g_strdup_printf("%x%c", i & 1 ? 1 : 3,
                                                    levels[i][1]);

            ask("00", "06 43 %x1 %02x %s", i & 1 ? 0x9 : 0xb, user,
                levels[i]);
            expect_user(user, 1, 2, want);
            /* On the other channel as from the maker: 2 may do all */
            expect_user(user, 3, 2, user == 2 ? "14" : "0f");
        }
        /* Without bit 7, only the level */
        ask("00", "06 43 01 %02x 03", user);
        expect_user(user, 1, 2, "33");
        ask("00", "06 47 %02x 01", user);
        expect_user(user, 1, 1, "33");
        ask("00", "06 47 %02x 00", user);
        expect_user(user, 1, 2, "33");
    }
    /* User 1 has no name, and keeps it */
    ask("cc", "06 45 01 41 " Z15);
    /* sec 24.6: Serial over LAN */
    ask("00", "06 4c 01 02 02 00 00 00");
    ask("00 02 00 00 00", "06 4d 01 02");
    ask("00", "06 4c 01 42 02 00 00 00");
    ask("00 00 00 00 00", "06 4d 01 02");
    qtest_quit(qts);
}

/* Empty, of 16 and of 20 bytes; only the right one is right */
static void test_passwords(void)
{
    boot();
    ask("00", "06 45 02 61 " Z15);
    ask("00", "06 47 02 02 00 " Z15);
    ask("00", "06 47 02 03 00 " Z15);
    ask("80", "06 47 02 03 01 " Z15);
    ask("00", "06 47 02 02 41 " S15);
    ask("00", "06 47 02 03 41 " S15);
    ask("80", "06 47 02 03 41 42 43 44 45 46 47 48 49 4a 4b 4c 4d 4e 4f 51");
    ask("80", "06 47 02 03 00 " Z15);
    ask("81", "06 47 82 03 41 " S15 "00 00 00 00");
    ask("00", "06 47 82 02 41 " S15 "51 52 53 54");
    ask("00", "06 47 82 03 41 " S15 "51 52 53 54");
    ask("80", "06 47 82 03 41 " S15 "51 52 53 55");
    ask("81", "06 47 02 03 41 " S15);
    /* Another user's is another */
    ask("00", "06 45 03 62 " Z15);
    ask("00", "06 47 03 02 5a " Z15);
    ask("00", "06 47 82 03 41 " S15 "51 52 53 54");
    qtest_quit(qts);
}

/*
 * What it says of itself
 */

/* GUIDs and IDs are the same whenever they are asked for */
static void test_identity(void)
{
    g_autofree char *guid = NULL, *id = NULL, *again = NULL, *later = NULL;
    unsigned i;

    boot();
    guid = qipmi_get(&bt, "06 37");
    id = qipmi_get(&bt, "06 01");
    g_assert_cmpuint(strspn(guid, "0"), <, 32);
    qipmi_expect(&bt, "06 02", "00");
    again = qipmi_get(&bt, "06 37");
    g_assert_cmpstr(again, ==, guid);
    qtest_quit(qts);
    boot();
    g_free(again);
    again = qipmi_get(&bt, "06 37");
    g_assert_cmpstr(again, ==, guid);
    later = qipmi_get(&bt, "06 01");
    g_assert_cmpstr(later, ==, id);
    /* Every channel is of the forum's (7154), and says its own number */
    for (i = 0; i < 16; i++) {
        static const char *const medium[16] = {
            [0] = "01", [1] = "04", [3] = "04", [4] = "05", [15] = "0c",
        };
        g_autofree char *want = medium[i] ?
            g_strdup_printf("00 %02x %s .. .. f2 1b 00 .. ..", i, medium[i]) :
            NULL;

        if (i != 14) {
            ask(want ?: "cc", "06 42 %02x", i);
        }
    }
    qtest_quit(qts);
}

/*
 * Sensors
 */

static unsigned get_sdr(uint16_t *id, uint8_t *rec)
{
    uint8_t req[6] = { [5] = 0xff };
    QIPMIRsp rsp;

    stw_le_p(req + 2, *id);
    g_assert_cmphex(qipmi_cmd(&bt, 0x0a, 0x23, req, 6, &rsp), ==, 0);
    *id = lduw_le_p(rsp.data);
    memcpy(rec, rsp.data + 2, rsp.len - 2);
    g_assert_cmpuint(rsp.len - 2, ==, 5 + rec[SDR_LENGTH]);
    return rsp.len - 2;
}

/* sec 35.9: thresholds, readable ones as in the record, others 0 */
static void check_thresholds(const uint8_t *rec)
{
    static const uint8_t order[6] = { 5, 4, 3, 2, 1, 0 };
    uint8_t number = rec[SDR_NUMBER], mask = rec[SDR_MASK];
    QIPMIRsp rsp;
    unsigned i;

    g_assert_cmphex(qipmi_cmd(&bt, 0x04, 0x27, &number, 1, &rsp), ==, 0);
    g_assert_cmpuint(rsp.len, ==, 7);
    g_assert_cmphex(rsp.data[0], ==, mask);
    for (i = 0; i < 6; i++) {
        g_assert_cmphex(rsp.data[1 + order[i]], ==,
                        mask & (1 << order[i]) ? rec[SDR_UNR + i] : 0);
    }
}

static void check_sensor(const uint8_t *rec)
{
    bool threshold = rec[SDR_READING_TYPE] == 0x01;
    uint8_t number = rec[SDR_NUMBER];
    QIPMIRsp rsp;

    g_assert_cmphex(rec[SDR_OWNER], ==, 0x20);
    g_assert_cmphex(rec[SDR_LUN] & 3, ==, 0);
    /* sec 43.14: entities of the specification */
    g_assert_true(rec[SDR_ENTITY] && rec[SDR_ENTITY] < 0x43);
    g_assert_cmphex(qipmi_cmd(&bt, 0x04, 0x2d, &number, 1, &rsp), ==, 0);
    /* Events and scanning are on, the reading is there, nothing is wrong */
    g_assert_cmphex(rsp.data[1], ==, 0xc0);
    g_assert_cmpuint(rsp.len, ==, threshold ? 3 : 4);
    g_assert_true(!threshold || rsp.data[2] == 0xc0);
    g_assert_cmphex(qipmi_cmd(&bt, 0x04, 0x2f, &number, 1, &rsp), ==, 0);
    g_assert_cmphex(rsp.data[0], ==, rec[SDR_SENSOR_TYPE]);
    g_assert_cmphex(rsp.data[1], ==, rec[SDR_READING_TYPE]);
    g_assert_cmphex(qipmi_cmd(&bt, 0x04, 0x29, &number, 1, &rsp), ==, 0);
    g_assert_cmpmem(rsp.data + 1, 4, rec + SDR_ASSERT, 4);
    if (threshold) {
        check_thresholds(rec);
    } else {
        g_assert_cmphex(qipmi_cmd(&bt, 0x04, 0x27, &number, 1, NULL), ==,
                        0xcd);
    }
}

/* Every record's sensor can be read, and says what its record says */
static void test_sensors(void)
{
    g_autofree bool *seen = g_new0(bool, 256);
    unsigned n = 0, i;
    uint8_t rec[256];
    uint16_t id = 0;

    boot();
    do {
        get_sdr(&id, rec);
        if (rec[SDR_TYPE] == 0x01 || rec[SDR_TYPE] == 0x02) {
            g_assert_false(seen[rec[SDR_NUMBER]]);
            seen[rec[SDR_NUMBER]] = true;
            check_sensor(rec);
            n++;
        }
    } while (id != 0xffff);
    g_assert_cmpuint(n, ==, 17);
    ask("00 11 01", "04 20");
    /* and there are no others */
    for (i = 0; i < 256; i++) {
        if (!seen[i]) {
            ask("cb", "04 2d %02x", i);
        }
    }
    qtest_quit(qts);
}

/* A power supply fails, is pulled, and comes back: sec 42.2, type 08h */
static void test_power_supply(void)
{
    boot();
    ask("00 00 c0 01 80", "04 2d 50");
    qipmi_sensor_states(qts, 0x50, 0x03);
    ask("00 00 c0 03 80", "04 2d 50");
    qipmi_sensor_states(qts, 0x50, 0x08);
    ask("00 00 c0 08 80", "04 2d 50");
    qipmi_sensor_states(qts, 0x50, 0x01);
    ask("00 00 c0 01 80", "04 2d 50");
    qipmi_expect_sel(qts, 0,
                     "20 00 04 08 50 6f 01 ff ff|20 00 04 08 50 ef 01 ff ff|"
                     "20 00 04 08 50 6f 03 ff ff|20 00 04 08 50 ef 03 ff ff");
    /* The other one has not been touched */
    ask("00 00 c0 01 80", "04 2d 51");
    qtest_quit(qts);
}

/*
 * FRU data
 */

static void read_fru(uint8_t fru, unsigned size, unsigned chunk, uint8_t *buf)
{
    unsigned at;

    for (at = 0; at < size; at += chunk) {
        uint8_t req[4] = { fru, at, at >> 8, MIN(chunk, size - at) };
        QIPMIRsp rsp;

        g_assert_cmphex(qipmi_cmd(&bt, 0x0a, 0x11, req, 4, &rsp), ==, 0);
        g_assert_cmpuint(rsp.data[0], ==, req[3]);
        g_assert_cmpuint(rsp.len, ==, req[3] + 1);
        memcpy(buf + at, rsp.data + 1, req[3]);
    }
}

static uint8_t sum(const uint8_t *p, unsigned n)
{
    uint8_t total = 0;

    while (n--) {
        total += *p++;
    }
    return total;
}

/* Fields up to C1h within the area; how many */
static unsigned check_fields(const uint8_t *p, unsigned at, unsigned len)
{
    unsigned n = 0;

    while (p[at] != 0xc1) {
        at += 1 + (p[at] & 0x3f);
        g_assert_cmpuint(at, <, len);
        n++;
    }
    return n;
}

static void check_fru(const uint8_t *p, unsigned size)
{
    /* Where the fields of an area begin: chassis, board, product */
    static const struct {
        unsigned header, fields, least;
    } areas[] = { { 2, 3, 2 }, { 3, 6, 5 }, { 4, 3, 7 } };
    unsigned i, found = 0;

    g_assert_cmphex(p[0], ==, 0x01);
    g_assert_cmphex(sum(p, 8), ==, 0);
    for (i = 0; i < ARRAY_SIZE(areas); i++) {
        unsigned at = p[areas[i].header] * 8, len;

        if (!at) {
            continue;
        }
        g_assert_cmpuint(at + 8, <=, size);
        len = p[at + 1] * 8;
        g_assert_cmpuint(at + len, <=, size);
        g_assert_cmphex(p[at] & 0x0f, ==, 0x01);
        g_assert_cmphex(sum(p + at, len), ==, 0);
        g_assert_cmpuint(check_fields(p + at, areas[i].fields, len), >=,
                         areas[i].least);
        found++;
    }
    g_assert_cmpuint(found, >, 0);
}

/* Every FRU that a locator names has areas whose checksums are right */
static void test_fru(void)
{
    uint8_t rec[256], one[4096], two[4096];
    bool frus[256] = { true };      /* 0 needs no locator */
    uint16_t id = 0;
    unsigned i, n = 0;

    boot();
    do {
        get_sdr(&id, rec);
        if (rec[SDR_TYPE] == 0x11) {
            g_assert_cmphex(rec[5], ==, 0x20);
            frus[rec[6]] = true;
        }
    } while (id != 0xffff);
    for (i = 0; i < 256; i++) {
        uint8_t fru = i;
        QIPMIRsp rsp;
        unsigned size;

        if (!frus[i]) {
            ask("cb", "0a 10 %02x", i);
            continue;
        }
        g_assert_cmphex(qipmi_cmd(&bt, 0x0a, 0x10, &fru, 1, &rsp), ==, 0);
        size = lduw_le_p(rsp.data);
        g_assert_cmpuint(size, <=, sizeof(one));
        g_assert_cmphex(rsp.data[2], ==, 0);
        read_fru(i, size, 200, one);
        read_fru(i, size, 63, two);
        g_assert_cmpmem(one, size, two, size);
        check_fru(one, size);
        n++;
    }
    g_assert_cmpuint(n, ==, 4);
    /* sec 34.3: up to the last byte */
    ask("00 01", "0a 12 03 ff 07 5a");
    ask("00 01 5a", "0a 11 03 ff 07 01");
    ask("c9", "0a 12 03 ff 07 00 00");
    ask("c9", "0a 12 03 00 08 00");
    ask("00 01 5a", "0a 11 03 ff 07 01");
    qtest_quit(qts);
}

/*
 * SEL
 */

/* What made an entry can be found in the SDRs; deleted is deleted */
static void test_sel(void)
{
    uint8_t rec[256];
    uint16_t id = 0;
    QIPMIRsp rsp;

    boot();
    qipmi_sensor_raw(qts, 0x02, 90);
    qipmi_sensor_raw(qts, 0x10, 5);
    qipmi_sensor_states(qts, 0x64, 1);
    do {
        uint8_t req[6] = { [5] = 0xff };
        uint16_t sdr = 0;

        stw_le_p(req + 2, id);
        g_assert_cmphex(qipmi_cmd(&bt, 0x0a, 0x43, req, 6, &rsp), ==, 0);
        id = lduw_le_p(rsp.data);
        do {
            get_sdr(&sdr, rec);
            if ((rec[SDR_TYPE] == 0x01 || rec[SDR_TYPE] == 0x02) &&
                rec[SDR_NUMBER] == rsp.data[2 + 11]) {
                break;
            }
            g_assert_cmphex(sdr, !=, 0xffff);
        } while (true);
        g_assert_cmphex(rsp.data[2 + 7], ==, rec[SDR_OWNER]);
        g_assert_cmphex(rsp.data[2 + 10], ==, rec[SDR_SENSOR_TYPE]);
        g_assert_cmphex(rsp.data[2 + 12], ==, rec[SDR_READING_TYPE]);
    } while (id != 0xffff);
    g_assert_cmpuint(qipmi_sel_count(qts), ==, 5);
    {
        g_autofree char *res = qipmi_get(&bt, "0a 42");

        ask("00 01", "0a 47 %s 43 4c 52 aa", res);
    }
    ask("cb", "0a 43 00 00 00 00 00 ff");
    g_assert_cmpuint(qipmi_sel_count(qts), ==, 0);
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/ipmi/acceptance/settings", test_settings);
    qtest_add_func("/ipmi/acceptance/two-lans", test_two_lans);
    qtest_add_func("/ipmi/acceptance/volatile-access", test_volatile);
    qtest_add_func("/ipmi/acceptance/users", test_users);
    qtest_add_func("/ipmi/acceptance/passwords", test_passwords);
    qtest_add_func("/ipmi/acceptance/identity", test_identity);
    qtest_add_func("/ipmi/acceptance/sensors", test_sensors);
    qtest_add_func("/ipmi/acceptance/power-supply", test_power_supply);
    qtest_add_func("/ipmi/acceptance/fru-checksums", test_fru);
    qtest_add_func("/ipmi/acceptance/sel-names", test_sel);
    return g_test_run();
}
