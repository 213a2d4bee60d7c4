/*
 * Sensors of ipmi-bmc-multi: from a value of the hardware to an event
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 29.5, 29.7, 35, 41, 42. The built-in
 * sensors are those of docs/specs/ipmi-bmc-store.rst.
 */
#include "qemu/osdep.h"
#include "libqos/ipmi-host.h"

#define DEVICES \
    QIPMI_BMC "-device ipmi-channel,bmc=bmc0,number=0,medium=ipmb " \
    "-device ipmi-channel,bmc=bmc0,number=6,medium=ipmb " QIPMI_BT

/* Event messages from the generator on: all but number, direction and data */
#define TEMP        "20 00 04 01 "
#define VOLT        "20 00 04 02 "
#define FAN         "20 00 04 04 "
#define UP          "01 "
#define DOWN        "81 "

static QTestState *qts;
static QIPMI bt;
static unsigned seen;           /* SEL entries that have been looked at */

static void boot(const char *devices)
{
    qts = qipmi_boot(devices);
    qipmi_open(&bt, qts, QIPMI_BT_SLOT);
    seen = 0;
}

#define expect_events(want) expect_events_at(want, __LINE__)

/* Those since the last time; "" is none */
static void expect_events_at(const char *want, int line)
{
    qipmi_expect_sel_at(qts, seen, want, __FILE__, line);
    seen = qipmi_sel_count(qts);
}

static void expect_reading(unsigned sensor, unsigned raw, unsigned states)
{
    g_autofree char *req = g_strdup_printf("04 2d %02x", sensor);
    g_autofree char *want = g_strdup_printf("00 %02x c0 %02x", raw, states);

    qipmi_expect(&bt, req, want);
}

/* One sensor, value after value */
typedef struct Step {
    unsigned raw, states;
    const char *events;
} Step;

/* Unsigned: UNC 85, UC 95, UNR 105, hysteresis 2 */
static const Step cpu_temp[] = {
    { 84, 0xc0, "" },
    { 85, 0xc8, TEMP "02" UP "57 55 55" },
    { 94, 0xc8, "" },
    { 95, 0xd8, TEMP "02" UP "59 5f 5f" },
    { 104, 0xd8, "" },
    { 105, 0xf8, TEMP "02" UP "5b 69 69" },
    { 255, 0xf8, "" },
    { 103, 0xf8, "" },
    { 102, 0xd8, TEMP "02" DOWN "5b 66 69" },
    { 103, 0xd8, "" },
    { 93, 0xd8, "" },
    { 92, 0xc8, TEMP "02" DOWN "59 5c 5f" },
    { 83, 0xc8, "" },
    { 84, 0xc8, "" },
    { 82, 0xc0, TEMP "02" DOWN "57 52 55" },
    { 84, 0xc0, "" },
    /* all at once, the lowest offset first */
    { 200, 0xf8, TEMP "02" UP "57 c8 55|" TEMP "02" UP "59 c8 5f|"
                 TEMP "02" UP "5b c8 69" },
    { 0, 0xc0, TEMP "02" DOWN "57 00 55|" TEMP "02" DOWN "59 00 5f|"
               TEMP "02" DOWN "5b 00 69" },
    { }
};

/* Two's complement: LNC 5, LC 0, LNR -10; UNC 40, UC 45, UNR 50; 2 */
static const Step inlet_temp[] = {
    { 6, 0xc0, "" },
    { 5, 0xc1, TEMP "01" UP "50 05 05" },
    { 1, 0xc1, "" },
    { 0, 0xc3, TEMP "01" UP "52 00 00" },
    { 0xf7, 0xc3, "" },
    { 0xf6, 0xc7, TEMP "01" UP "54 f6 f6" },
    { 0x80, 0xc7, "" },
    { 0xf8, 0xc7, "" },
    { 0xf9, 0xc3, TEMP "01" DOWN "54 f9 f6" },
    { 2, 0xc3, "" },
    { 3, 0xc1, TEMP "01" DOWN "52 03 00" },
    { 7, 0xc1, "" },
    { 8, 0xc0, TEMP "01" DOWN "50 08 05" },
    { 127, 0xf8, TEMP "01" UP "57 7f 28|" TEMP "01" UP "59 7f 2d|"
                 TEMP "01" UP "5b 7f 32" },
    /* from one end to the other */
    { 0x80, 0xc7, TEMP "01" UP "50 80 05|" TEMP "01" UP "52 80 00|"
                  TEMP "01" UP "54 80 f6|" TEMP "01" DOWN "57 80 28|"
                  TEMP "01" DOWN "59 80 2d|" TEMP "01" DOWN "5b 80 32" },
    { }
};

/* Only lower thresholds: 24, 16, 10; hysteresis 2 */
static const Step fan[] = {
    { 25, 0xc0, "" },
    { 16, 0xc3, FAN "10" UP "50 10 18|" FAN "10" UP "52 10 10" },
    { 18, 0xc3, "" },
    { 19, 0xc1, FAN "10" DOWN "52 13 10" },
    { 255, 0xc0, FAN "10" DOWN "50 ff 18" },
    { 0, 0xc7, FAN "10" UP "50 00 18|" FAN "10" UP "52 00 10|"
               FAN "10" UP "54 00 0a" },
    { }
};

/* No threshold of the third kind: LNC 180, LC 174; UNC 220, UC 226; 1 */
static const Step p12v[] = {
    { 0, 0xc3, VOLT "20" UP "50 00 b4|" VOLT "20" UP "52 00 ae" },
    { 175, 0xc3, "" },
    { 176, 0xc1, VOLT "20" DOWN "52 b0 ae" },
    { 255, 0xd8, VOLT "20" DOWN "50 ff b4|" VOLT "20" UP "57 ff dc|"
                 VOLT "20" UP "59 ff e2" },
    { 225, 0xd8, "" },
    { 224, 0xc8, VOLT "20" DOWN "59 e0 e2" },
    { 219, 0xc8, "" },
    { 218, 0xc0, VOLT "20" DOWN "57 da dc" },
    { }
};

static const struct {
    const char *name;
    unsigned sensor;
    const Step *steps;
} rows[] = {
    { "upper", 0x02, cpu_temp }, { "signed", 0x01, inlet_temp },
    { "lower", 0x10, fan }, { "both", 0x20, p12v },
};

static void test_thresholds(const void *opaque)
{
    int row = GPOINTER_TO_INT(opaque);
    const Step *s;

    boot(DEVICES);
    for (s = rows[row].steps; s->events; s++) {
        qipmi_sensor_raw(qts, rows[row].sensor, s->raw);
        expect_reading(rows[row].sensor, s->raw, s->states);
        expect_events(s->events);
        /* The same once more is no news */
        qipmi_sensor_raw(qts, rows[row].sensor, s->raw);
        expect_events("");
    }
    qtest_quit(qts);
}

/* What is so from the start makes no event; nor does a reset of the machine */
static void test_start(void)
{
    boot(DEVICES);
    expect_events("");
    g_assert_false(qipmi_attention(&bt));
    qipmi_sensor_raw(qts, 2, 90);
    expect_events(TEMP "02" UP "57 5a 55");
    qtest_system_reset(qts);
    qipmi_enable(&bt);
    expect_events("");
    expect_reading(2, 90, 0xc8);
    /* sec 20.2: sensors begin anew, and what is wrong is told again */
    qipmi_expect(&bt, "04 26 02 08 00 00 00 50 00 00", "00");
    qipmi_expect(&bt, "06 03", "00");
    expect_events("");
    qipmi_expect(&bt, "04 27 02", "00 38 00 00 00 50 5f 69");
    qipmi_expect(&bt, "06 02", "00");
    qipmi_expect(&bt, "04 27 02", "00 38 00 00 00 55 5f 69");
    expect_events(TEMP "02" UP "57 5a 55");
    qtest_quit(qts);
}

/* sec 22.1: SEL, buffer and attention, as the global enables have it */
static void test_sinks(void)
{
    unsigned enables;

    boot(DEVICES);
    for (enables = 0; enables < 16; enables += 4) {
        g_autofree char *set = g_strdup_printf("06 2e %02x", enables);
        bool logs = enables & 8, buffers = enables & 4;

        qipmi_expect(&bt, set, "00");
        qipmi_sensor_raw(qts, 2, 85);
        expect_events(logs ? TEMP "02" UP "57 55 55" : "");
        g_assert_true(qipmi_attention(&bt) == buffers);
        qipmi_expect(&bt, "06 35",
                     buffers ? "00 .. .. 02 .. .. .. .. "
                     "20 00 04 01 02 01 57 55 55" : "80");
        qipmi_sensor_raw(qts, 2, 45);
        expect_events(logs ? TEMP "02" DOWN "57 2d 55" : "");
        qipmi_expect(&bt, "06 30 02", "00");
    }
    /* sec 29.1: no receiver, no events of its own; those of others are taken */
    qipmi_expect(&bt, "04 00 ff 00", "00");
    qipmi_sensor_raw(qts, 2, 85);
    expect_events("");
    expect_reading(2, 85, 0xc8);
    qipmi_expect(&bt, "04 02 41 04 01 01 59 00 00 00", "00");
    expect_events("41 00 04 01 01 59 00 00 00");
    qipmi_expect(&bt, "04 00 20 00", "00");
    qipmi_sensor_raw(qts, 2, 45);
    expect_events(TEMP "02" DOWN "57 2d 55");
    qtest_quit(qts);
}

/* sec 35.10: event messages of a sensor, and single ones */
static void test_enable(void)
{
    boot(DEVICES);
    /* None at all: status is kept nevertheless */
    qipmi_expect(&bt, "04 28 02 40", "00");
    qipmi_sensor_raw(qts, 2, 85);
    expect_events("");
    qipmi_expect(&bt, "04 2d 02", "00 55 40 c8");
    qipmi_expect(&bt, "04 2b 02", "00 40 80 00 *");
    qipmi_expect(&bt, "04 28 02 c0", "00");
    expect_events("");
    qipmi_sensor_raw(qts, 2, 45);
    expect_events(TEMP "02" DOWN "57 2d 55");
    /* UNC's assertion only */
    qipmi_expect(&bt, "04 29 02", "00 c0 80 0a 80 0a");
    qipmi_expect(&bt, "04 28 02 e0 80 00 00 00", "00");
    qipmi_expect(&bt, "04 29 02", "00 c0 00 0a 80 0a");
    qipmi_sensor_raw(qts, 2, 95);
    expect_events(TEMP "02" UP "59 5f 5f");
    qipmi_sensor_raw(qts, 2, 45);
    expect_events(TEMP "02" DOWN "57 2d 55|" TEMP "02" DOWN "59 2d 5f");
    /* UC's deassertion, too */
    qipmi_expect(&bt, "04 28 02 e0 00 00 00 02", "00");
    qipmi_expect(&bt, "04 29 02", "00 c0 00 0a 80 08");
    qipmi_sensor_raw(qts, 2, 95);
    expect_events(TEMP "02" UP "59 5f 5f");
    qipmi_sensor_raw(qts, 2, 45);
    expect_events(TEMP "02" DOWN "57 2d 55");
    /* and back; what the sensor has no event for stays off */
    qipmi_expect(&bt, "04 28 02 d0 ff ff ff ff", "00");
    qipmi_expect(&bt, "04 29 02", "00 c0 80 0a 80 0a");
    qipmi_sensor_raw(qts, 2, 85);
    expect_events(TEMP "02" UP "57 55 55");
    qipmi_expect(&bt, "04 28 02 f0 00 00", "cc");
    qtest_quit(qts);
}

/* Not scanned: the reading stays what it was */
static void test_scanning(void)
{
    boot(DEVICES);
    qipmi_expect(&bt, "04 28 02 80", "00");
    qipmi_sensor_raw(qts, 2, 95);
    qipmi_expect(&bt, "04 2d 02", "00 2d 80 c0");
    expect_events("");
    qipmi_expect(&bt, "04 28 02 c0", "00");
    expect_reading(2, 95, 0xd8);
    expect_events(TEMP "02" UP "57 5f 55|" TEMP "02" UP "59 5f 5f");
    qtest_quit(qts);
}

/* sec 35.6, 35.8: the thresholds come to the reading */
static void test_set(void)
{
    boot(DEVICES);
    /* UNC to 45; only what the mask says */
    qipmi_expect(&bt, "04 26 02 08 11 22 33 2d 55 66", "00");
    qipmi_expect(&bt, "04 27 02", "00 38 00 00 00 2d 5f 69");
    expect_events(TEMP "02" UP "57 2d 2d");
    expect_reading(2, 45, 0xc8);
    /* A greater hysteresis holds it, a smaller lets it go */
    qipmi_expect(&bt, "04 24 02 ff 0a 0a", "00");
    qipmi_expect(&bt, "04 25 02 ff", "00 0a 0a");
    qipmi_sensor_raw(qts, 2, 35);
    expect_events("");
    qipmi_expect(&bt, "04 24 02 ff 01 00", "00");
    expect_events(TEMP "02" DOWN "57 23 2d");
    /* Not one that it does not have */
    qipmi_expect(&bt, "04 26 02 01 00 00 00 00 00 00", "cc");
    /* sec 41.2: the negative hysteresis is that of lower thresholds */
    qipmi_expect(&bt, "04 24 10 ff 09 01", "00");
    qipmi_sensor_raw(qts, 0x10, 24);
    expect_events(FAN "10" UP "50 18 18");
    qipmi_sensor_raw(qts, 0x10, 25);
    expect_events("");
    qipmi_sensor_raw(qts, 0x10, 26);
    expect_events(FAN "10" DOWN "50 1a 18");
    qtest_quit(qts);
}

/* sec 29.3: whose event it is: software says so itself, others are known */
static void test_platform_event(void)
{
    static const struct {
        unsigned chan, address, lun;
        const char *want;
    } rows[] = {
        { 0, 0x82, 0, "82 00 04 07 33 6f 01 02 03" },
        { 6, 0x84, 2, "84 62 04 07 33 6f 01 02 03" },
    };
    int i;

    boot(DEVICES);
    for (i = 0; i < ARRAY_SIZE(rows); i++) {
        qipmi_do(qts, "ipmi-request", "'channel': %u, 'netfn': 4, 'cmd': 2, "
                 "'lun': 0, 'address': %u, 'requester-lun': %u, "
                 "'data': '0407336f010203'", rows[i].chan, rows[i].address,
                 rows[i].lun);
        expect_events(rows[i].want);
    }
    qipmi_expect(&bt, "04 02 41 03 07 33 6f 01 02 03", "00");
    expect_events("41 00 03 07 33 6f 01 02 03");
    /* An older or newer format is none */
    qipmi_expect(&bt, "04 02 41 02 07 33 6f 01 02 03", "cc");
    qipmi_expect(&bt, "04 02 41 05 07 33 6f 01 02 03", "cc");
    qipmi_expect(&bt, "04 02 04 07 33 6f 01 02 03", "c7");
    expect_events("");
    qtest_quit(qts);
}

/* sec 35.12, 35.13: what was told is told again */
static void test_rearm(void)
{
    boot(DEVICES);
    qipmi_sensor_raw(qts, 2, 95);
    expect_events(TEMP "02" UP "57 5f 55|" TEMP "02" UP "59 5f 5f");
    qipmi_expect(&bt, "04 2b 02", "00 c0 80 02 *");
    qipmi_expect(&bt, "04 2a 02 80 00 02 00 00", "00");
    expect_events(TEMP "02" UP "59 5f 5f");
    qipmi_expect(&bt, "04 2a 02 80 00 08 ff ff", "00");
    expect_events("");
    qipmi_expect(&bt, "04 2a 02 00", "00");
    expect_events(TEMP "02" UP "57 5f 55|" TEMP "02" UP "59 5f 5f");
    qipmi_sensor_raw(qts, 2, 45);
    expect_events(TEMP "02" DOWN "57 2d 55|" TEMP "02" DOWN "59 2d 5f");
    qipmi_expect(&bt, "04 2b 02", "00 c0 00 00 80 02");
    /* What is not so any more is not told */
    qipmi_expect(&bt, "04 2a 02 00", "00");
    expect_events("");
    qipmi_expect(&bt, "04 2b 02", "00 c0 00 00 00 00");
    qtest_quit(qts);
}

/* sec 35.17: software sets the reading, with event data of its own */
static void test_set_reading(void)
{
    boot(DEVICES);
    qipmi_expect(&bt, "04 30 02 01 5a", "00");
    expect_reading(2, 90, 0xc8);
    expect_events(TEMP "02" UP "57 5a 55");
    qipmi_expect(&bt, "04 30 02 00", "00");
    expect_events("");
    qipmi_expect(&bt, "04 30 02 41 2d 00 00 00 00 a0 12 34", "00");
    expect_events(TEMP "02" DOWN "a7 12 34");
    /* Each operation needs its bytes */
    qipmi_expect(&bt, "04 30 02 01", "c7");
    qipmi_expect(&bt, "04 30 02 41 2d 00 00 00 00 a0 12", "c7");
    qipmi_expect(&bt, "04 30 02 02 2d", "cc");
    qipmi_expect(&bt, "04 30 60 01 2d", "cd");
    expect_reading(2, 45, 0xc0);
    /* Discrete: given, set, cleared */
    qipmi_expect(&bt, "04 30 30 10 00 01 00", "00");
    expect_events("20 00 04 07 30 6f 00 ff ff");
    qipmi_expect(&bt, "04 30 30 20 00 02 00", "00");
    expect_events("20 00 04 07 30 6f 01 ff ff");
    qipmi_expect(&bt, "04 30 30 30 00 01 00", "00");
    expect_events("20 00 04 07 30 ef 01 ff ff");
    qipmi_expect(&bt, "04 2d 30", "00 00 c0 01 80");
    qtest_quit(qts);
}

/* sec 35.17: assertion bits of a threshold sensor: written, set, cleared */
static void test_assert(void)
{
    boot(DEVICES);
    qipmi_expect(&bt, "04 30 02 10 00 00 02", "00");
    expect_events(TEMP "02" UP "59 2d 5f");
    qipmi_expect(&bt, "04 2b 02", "00 c0 00 02 00 00");
    /* it is set: nothing is new */
    qipmi_expect(&bt, "04 30 02 20 00 80 02", "00");
    expect_events(TEMP "02" UP "57 2d 55");
    qipmi_expect(&bt, "04 2b 02", "00 c0 80 02 00 00");
    qipmi_expect(&bt, "04 30 02 30 00 80 00", "00");
    expect_events("");
    qipmi_expect(&bt, "04 2b 02", "00 c0 80 00 00 00");
    /* events that it cannot make; and data that comes with it */
    qipmi_expect(&bt, "04 30 02 10 00 01 00", "00");
    expect_events("");
    qipmi_expect(&bt, "04 2b 02", "00 c0 00 00 00 00");
    qipmi_expect(&bt, "04 30 02 50 00 00 08 00 00 a0 12 34", "00");
    expect_events(TEMP "02" UP "ab 12 34");
    qipmi_expect(&bt, "04 2d 02", "00 2d c0 c0");
    qtest_quit(qts);
}

/*
 * sec 29.1: events of the BMC's sensors go to the receiver: on the primary
 * IPMB, and not into the BMC's own log; FFh is nobody
 */
static void test_receiver(void)
{
    boot(DEVICES);
    qipmi_expect(&bt, "04 00 90 02", "00");
    qipmi_sensor_raw(qts, 2, 96);
    expect_events("");
    qipmi_expect_sent(qts, 0, "90 12 .. 20 00 02 04 01 02 01 57 60 55 ..|"
                              "90 12 .. 20 04 02 04 01 02 01 59 60 5f ..");
    qipmi_expect(&bt, "04 00 ff 00", "00");
    qipmi_sensor_raw(qts, 2, 45);
    expect_events("");
    qipmi_expect_sent(qts, 0, "");
    qipmi_expect(&bt, "04 00 20 00", "00");
    qipmi_sensor_raw(qts, 2, 86);
    expect_events(TEMP "02" UP "57 56 55");
    qipmi_expect_sent(qts, 0, "");
    /* sec 20.2: a Cold Reset forgets it */
    qipmi_expect(&bt, "04 00 90 00", "00");
    qipmi_expect(&bt, "06 02", "00");
    qipmi_expect(&bt, "04 01", "00 20 00");
    qtest_quit(qts);
}

/* States that are true; several may change at once */
static void test_discrete(void)
{
    static const struct {
        unsigned sensor, states;
        const char *reading, *events;
    } steps[] = {
        { 0x30, 0x81, "81 80", "20 00 04 07 30 6f 00 ff ff" },
        { 0x30, 0xa2, "a2 80", "20 00 04 07 30 ef 00 ff ff|"
                               "20 00 04 07 30 6f 01 ff ff|"
                               "20 00 04 07 30 6f 05 ff ff" },
        /* no event for presence */
        { 0x30, 0x00, "00 80", "20 00 04 07 30 ef 01 ff ff|"
                               "20 00 04 07 30 ef 05 ff ff" },
        { 0x50, 0x03, "03 80", "20 00 04 08 50 6f 01 ff ff" },
        { 0x50, 0x01, "01 80", "20 00 04 08 50 ef 01 ff ff" },
        { 0x51, 0x0f, "0f 80", "20 00 04 08 51 6f 01 ff ff|"
                               "20 00 04 08 51 6f 02 ff ff|"
                               "20 00 04 08 51 6f 03 ff ff" },
        { 0x64, 0x01, "01 80", "20 00 04 05 64 6f 00 ff ff" },
        { 0x64, 0x00, "00 80", "20 00 04 05 64 ef 00 ff ff" },
    };
    int i;

    boot(DEVICES);
    for (i = 0; i < ARRAY_SIZE(steps); i++) {
        g_autofree char *req = g_strdup_printf("04 2d %02x", steps[i].sensor);
        g_autofree char *want = g_strdup_printf("00 00 c0 %s",
                                                steps[i].reading);

        qipmi_sensor_states(qts, steps[i].sensor, steps[i].states);
        qipmi_expect(&bt, req, want);
        expect_events(steps[i].events);
    }
    /* sec 28.2: the chassis knows of it */
    qipmi_sensor_states(qts, 0x64, 1);
    qipmi_expect(&bt, "00 01", "00 .. .. 41 *");
    qipmi_sensor_states(qts, 0x64, 0);
    qipmi_expect(&bt, "00 01", "00 .. .. 40 *");
    qtest_quit(qts);
}

static void test_refused(void)
{
    boot(DEVICES);
    g_free(qipmi_refused(qts, "ipmi-sensor-set", "'sensor': 4, 'raw': 1"));
    g_free(qipmi_refused(qts, "ipmi-sensor-set", "'sensor': 2, 'states': 1"));
    g_free(qipmi_refused(qts, "ipmi-sensor-set", "'sensor': 48, 'raw': 1"));
    g_free(qipmi_refused(qts, "ipmi-sensor-set",
                         "'sensor': 2, 'raw': 200, 'states': 1"));
    g_free(qipmi_refused(qts, "ipmi-sensor-set", "'sensor': 2"));
    g_free(qipmi_refused(qts, "ipmi-sensor-set", "'sensor': 2, 'raw': 256"));
    expect_reading(2, 45, 0xc0);
    expect_events("");
    qtest_quit(qts);
}

/*
 * Sensor 05 of one's complement, which does not re-arm itself: LNC -3; UNC 10,
 * no hysteresis
 */
static const uint8_t manual_sdr[] = {
    0, 0, 0x51, 0x01, 48, 0x20, 0x00, 0x05, 0x03, 0x01, 0xff, 0x28, 0x01, 0x01,
    0x81, 0x00, 0x81, 0x00, 0x09, 0x09, 0x40, 0x01, 0x00, 0x00, 0x01, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x7f, 0x80,
    0x00, 0x00, 0x0a, 0x00, 0x00, 0xfc, 0x00, 0x00, 0x00, 0x00, 0x00, 0xc5,
    'O', 'n', 'e', '\'', 's',
};

/* sec 29.5: latched until it is re-armed */
static void test_manual(void)
{
    g_autofree char *name = NULL, *devices = NULL;
    int fd = g_file_open_tmp("qemu-rig-XXXXXX", &name, NULL);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(write(fd, manual_sdr, sizeof(manual_sdr)), ==,
                    sizeof(manual_sdr));
    close(fd);
    devices = g_strdup_printf(
        "-device ipmi-bmc-multi,id=bmc0,sdr-file=%s " QIPMI_BT, name);
    boot(devices);
    unlink(name);
    expect_reading(5, 0, 0xc0);
    qipmi_sensor_raw(qts, 5, 10);
    expect_reading(5, 10, 0xc8);
    expect_events(TEMP "05" UP "57 0a 0a");
    qipmi_sensor_raw(qts, 5, 0);
    expect_events(TEMP "05" DOWN "57 00 0a");
    qipmi_sensor_raw(qts, 5, 10);
    expect_events("");
    qipmi_sensor_raw(qts, 5, 9);
    expect_reading(5, 9, 0xc0);
    expect_events("");
    qipmi_expect(&bt, "04 2b 05", "00 c0 80 00 80 00");
    qipmi_expect(&bt, "04 2a 05 00", "00");
    expect_events("");
    qipmi_sensor_raw(qts, 5, 10);
    expect_events(TEMP "05" UP "57 0a 0a");
    /* FFh is -0, FCh -3 */
    qipmi_sensor_raw(qts, 5, 0xff);
    expect_reading(5, 0xff, 0xc0);
    expect_events(TEMP "05" DOWN "57 ff 0a");
    qipmi_sensor_raw(qts, 5, 0xfd);
    expect_events("");
    qipmi_sensor_raw(qts, 5, 0xfc);
    expect_reading(5, 0xfc, 0xc1);
    expect_events(TEMP "05" UP "50 fc fc");
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    int i;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autofree char *path = g_strdup_printf("/ipmi/sensor/thresholds/%s",
                                                rows[i].name);

        qtest_add_data_func(path, GINT_TO_POINTER(i), test_thresholds);
    }
    qtest_add_func("/ipmi/sensor/start", test_start);
    qtest_add_func("/ipmi/sensor/assert", test_assert);
    qtest_add_func("/ipmi/sensor/receiver", test_receiver);
    qtest_add_func("/ipmi/sensor/sinks", test_sinks);
    qtest_add_func("/ipmi/sensor/event-enable", test_enable);
    qtest_add_func("/ipmi/sensor/scanning", test_scanning);
    qtest_add_func("/ipmi/sensor/set-thresholds", test_set);
    qtest_add_func("/ipmi/sensor/platform-event", test_platform_event);
    qtest_add_func("/ipmi/sensor/re-arm", test_rearm);
    qtest_add_func("/ipmi/sensor/set-reading", test_set_reading);
    qtest_add_func("/ipmi/sensor/discrete", test_discrete);
    qtest_add_func("/ipmi/sensor/refused", test_refused);
    qtest_add_func("/ipmi/sensor/manual-re-arm", test_manual);
    return g_test_run();
}
