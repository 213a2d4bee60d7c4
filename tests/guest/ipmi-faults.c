/*
 * A BMC that misbehaves: what the kernel makes of it, and whether it recovers.
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Each fault hits one Get Self Test Results, a command that the kernel never
 * sends by itself, on the KCS interface and then on the BT one. Recorded is
 * what the user of /dev/ipmiN is told, and after how long. Then there is no
 * fault any more, and the same command has to succeed. The last test point of
 * each row says whether the host really saw the fault: else the row is void.
 */
#include <stdlib.h>

#include "host.h"
#include "ipmi-dev.h"
#include "tap.h"

#define APP 0x06
#define SELF_TEST 0x04
#define NO_ANSWER (-1)
/* The slowest recovery: three times 5 s, of a KCS that does not answer */
#define FAULT_MS 40000
#define RECOVERY_MS 30000

/* What may come of it: bits of Row.allowed */
enum {
    SUCCESS = 1 << 0,           /* completion code 00h */
    ERROR = 1 << 1,             /* any other */
};

typedef struct Row {
    const char *name;
    const char *rule;           /* members after "action" */
    unsigned allowed;
} Row;

static const Row rows[] = {
    { "delay", ",\"delay-ms\":1500", SUCCESS },
    { "lost-interrupt", "", SUCCESS },
    { "completion", ",\"code\":192", ERROR },
    { "completion", ",\"code\":193", ERROR },
    { "extend", ",\"bytes\":3", SUCCESS | ERROR },
    { "truncate", ",\"bytes\":1", SUCCESS | ERROR },
    { "truncate", ",\"bytes\":3", ERROR },
    { "wrong-netfn", "", ERROR },
    { "wrong-command", "", ERROR },
    { "attention-storm", ",\"times\":50,\"delay-ms\":2", SUCCESS },
    { "stuck", ",\"delay-ms\":2000", SUCCESS | ERROR },
    { "drop", "", SUCCESS | ERROR },
    { "ignore", "", SUCCESS | ERROR },
    { "bmc-reset", "", SUCCESS | ERROR },
};

typedef struct Interface {
    const char *name, *device;
    unsigned channel;           /* see topologies/ipmi-both.txt */
} Interface;

static const Interface interfaces[] = {
    { "KCS", "/dev/ipmi0", 15 },
    { "BT", "/dev/ipmi1", 7 },
};

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

/* The completion code, and how many bytes came with it */
static int self_test(int fd, int ms, unsigned *len)
{
    static long msgid;
    double end = now() + ms / 1e3;
    IpmiMessage m;

    *len = 0;
    if (ipmi_dev_send_bmc(fd, ++msgid, APP, SELF_TEST, NULL, 0)) {
        return NO_ANSWER;
    }
    while (now() < end) {
        if (ipmi_dev_receive(fd, &m, 500) && m.msgid == msgid &&
            m.type == IPMI_RESPONSE_RECV_TYPE && m.len) {
            *len = m.len;
            return m.data[0];
        }
    }
    return NO_ANSWER;
}

static bool fault_was_applied(void)
{
    static HostAnswer answer;

    return host_ask(&answer, "ipmi-applied") && answer.lines == 1 &&
           atoi(answer.line[0]) == 1;
}

/* Give the driver its time; the first success counts. */
static bool recovers(int fd, double *seconds)
{
    double start = now();
    unsigned len;

    while (now() < start + RECOVERY_MS / 1e3) {
        if (self_test(fd, RECOVERY_MS, &len) == 0 && len == 3) {
            *seconds = now() - start;
            return true;
        }
        usleep(200000);
    }
    return false;
}

static void try_row(const Interface *i, int fd, const Row *row)
{
    double start, took, recovery = 0;
    unsigned len, what;
    bool again;
    int cc;

    printf("# step: %s on %s\n", row->name, i->name);
    if (!tap_ok(host_do("ipmi-faults [{\"action\":\"%s\",\"netfn\":%u,"
                        "\"cmd\":%u,\"channel\":%u%s}]", row->name, APP,
                        SELF_TEST, i->channel, row->rule),
                "%s, %s%s: set", i->name, row->name, row->rule)) {
        return;
    }
    start = now();
    cc = self_test(fd, FAULT_MS, &len);
    took = now() - start;
    what = cc == NO_ANSWER ? 0 : cc == 0 ? SUCCESS : ERROR;
    tap_ok(what & row->allowed, "%s, %s: the user is told %s%02Xh, %u bytes, "
           "after %.1f s", i->name, row->name, cc < 0 ? "nothing " : "", cc & 0xff,
           len, took);
    tap_ok(fault_was_applied(), "%s, %s: the fault was applied", i->name,
           row->name);
    host_do("ipmi-faults []");
    again = recovers(fd, &recovery);
    tap_ok(again, "%s, %s: the kernel recovers (%.1f s)", i->name, row->name,
           recovery);
}

static int open_device(const char *path)
{
    int tries, fd;

    for (tries = 0; tries < 100; tries++) {
        fd = open(path, O_RDWR | O_CLOEXEC);
        if (fd >= 0) {
            return fd;
        }
        usleep(100000);
    }
    return -1;
}

int main(void)
{
    const Interface *i;
    const Row *row;
    int fd;

    for (i = interfaces; i < interfaces + 2; i++) {
        fd = open_device(i->device);
        if (!tap_ok(fd >= 0, "%s is there", i->device)) {
            continue;
        }
        for (row = rows; row < rows + sizeof(rows) / sizeof(rows[0]); row++) {
            try_row(i, fd, row);
        }
        close(fd);
    }
    return tap_done();
}
