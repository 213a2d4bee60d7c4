/*
 * Read the kernel's log from a guest program.
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The log also has what the program itself prints (run-test.c puts it there);
 * those lines are left out here.
 */
#ifndef RIG_KMSG_H
#define RIG_KMSG_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define KMSG_LINE 1024

typedef struct Kmsg {
    int fd;
    double seconds;             /* of the line that was read last */
    char line[KMSG_LINE];
} Kmsg;

/* From the next message on, or from the oldest one that the kernel has. */
static inline bool kmsg_open(Kmsg *log, bool from_start)
{
    log->fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
    log->line[0] = '\0';
    return log->fd >= 0 &&
           lseek(log->fd, 0, from_start ? SEEK_SET : SEEK_END) >= 0;
}

/* "level,number,microseconds,flags;text", more lines if there are details. */
static inline bool kmsg_parse(Kmsg *log, const char *record)
{
    const char *text = strchr(record, ';');
    unsigned long long microseconds = 0;

    if (!text || !strncmp(text + 1, "rig: ", 5)) {
        return false;
    }
    sscanf(record, "%*u,%*u,%llu", &microseconds);
    log->seconds = microseconds / 1e6;
    snprintf(log->line, sizeof(log->line), "%s", text + 1);
    log->line[strcspn(log->line, "\n")] = '\0';
    return true;
}

/* The kernel's next line, if there is one by now. */
static inline bool kmsg_next(Kmsg *log)
{
    char record[8192];
    ssize_t n;

    for (;;) {
        n = read(log->fd, record, sizeof(record) - 1);
        if (n < 0 && errno != EPIPE && errno != EINTR) {
            return false;
        }
        /* EPIPE: messages were lost, the next ones are still there. */
        if (n > 0) {
            record[n] = '\0';
            if (kmsg_parse(log, record)) {
                return true;
            }
        }
    }
}

static inline double kmsg_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + now.tv_nsec / 1e9;
}

/* Wait for the next line until this time; false: there was none. */
static inline bool kmsg_wait(Kmsg *log, double deadline)
{
    struct pollfd wait = { .fd = log->fd, .events = POLLIN };

    while (!kmsg_next(log)) {
        double left = deadline - kmsg_now();

        if (left <= 0) {
            return false;
        }
        poll(&wait, 1, (int)(left * 1000) + 1);
    }
    return true;
}

#endif
