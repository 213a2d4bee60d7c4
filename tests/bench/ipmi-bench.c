/*
 * How long does Get Device ID take on each /dev/ipmiN, and how fast do queued
 * messages come in?
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The guest's side of ipmi.py, which reads the lines "sample INTERFACE COMMAND
 * COUNT NANOSECONDS P50 P99" and "queue COUNT NANOSECONDS". The interfaces take turns
 * within each round, so that nothing that changes on the host favours one.
 */
#include <stdlib.h>

#include "ipmi-dev.h"
#include "tap.h"

#define INTERFACES 3            /* see ipmi.py */
#define QUEUED_ON 2             /* the BMC that has channels */
#define ROUNDS 31               /* the first one warms up */
#define REQUESTS 200
#define QUEUED 1000
#define APP 0x06
#define X_NETFN 0x30
#define X_CMD 0x41

/* Get Device ID, and Get BMC Global Enables, which is short */
static const uint8_t commands[] = { 0x01, 0x2f };

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC_RAW, &t);
    return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static int open_interface(unsigned n)
{
    char path[32];
    int tries, fd;

    snprintf(path, sizeof(path), "/dev/ipmi%u", n);
    for (tries = 0; tries < 100; tries++) {
        fd = open(path, O_RDWR | O_CLOEXEC);
        if (fd >= 0) {
            return fd;
        }
        usleep(100000);
    }
    return -1;
}

/* REQUESTS of them, one after the other; false if one fails */
static bool sample(int fd, unsigned n, uint8_t cmd, bool counts)
{
    static uint64_t took[REQUESTS];
    uint64_t start = now_ns(), last = start, t;
    unsigned i;

    for (i = 0; i < REQUESTS; i++) {
        if (ipmi_dev_do(fd, APP, cmd, NULL, 0, NULL, NULL)) {
            return false;
        }
        t = now_ns();
        took[i] = t - last;
        last = t;
    }
    qsort(took, REQUESTS, sizeof(took[0]), ascending);
    if (counts) {
        printf("# sample %u %u %u %llu %llu %llu\n", n, cmd, REQUESTS,
               (unsigned long long)(last - start),
               (unsigned long long)took[REQUESTS / 2],
               (unsigned long long)took[REQUESTS * 99 / 100]);
    }
    return true;
}

/* The host puts commands onto channel 0 as fast as the BMC's queue takes them. */
static void queue(int fd)
{
    unsigned n, ordered = 0;
    uint64_t start = 0;
    IpmiMessage m;

    if (ipmi_dev_register(fd, X_NETFN, X_CMD, 1 << 0)) {
        tap_ok(false, "registered for the command");
        return;
    }
    printf("# inject %u\n", QUEUED);
    for (n = 0; n < QUEUED && ipmi_dev_receive(fd, &m, 10000); n++) {
        ordered += m.msgid == (n & 0x3f);
        if (!n) {
            start = now_ns();
        }
    }
    printf("# queue %u %llu\n", QUEUED - 1,
           (unsigned long long)(now_ns() - start));
    tap_ok(n == QUEUED && ordered == QUEUED, "%u of %u queued messages have "
           "come, %u in order", n, QUEUED, ordered);
}

int main(void)
{
    int fd[INTERFACES];
    unsigned i, round, good = 0;

    for (i = 0; i < INTERFACES; i++) {
        fd[i] = open_interface(i);
        if (!tap_ok(fd[i] >= 0, "/dev/ipmi%u is there", i)) {
            return tap_done();
        }
    }
    for (round = 0; round < ROUNDS; round++) {
        /* Each of them is the first one by turns. */
        for (i = 0; i < INTERFACES; i++) {
            unsigned n = (round + i) % INTERFACES;

            good += sample(fd[n], n, commands[0], round > 0) &&
                    sample(fd[n], n, commands[1], round > 0);
        }
    }
    tap_ok(good == ROUNDS * INTERFACES, "every request has its answer");
    queue(fd[QUEUED_ON]);
    return tap_done();
}
