/*
 * What the kernel's SMMUv3 driver says of faults.
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * For each record of the event queue (IHI 0070, sec 7.3) the driver prints
 * "event 0x10 received:" and the record's four double words, a line each. It
 * prints no more than 10 records in 5 seconds.
 */
#ifndef RIG_SMMU_EVENTS_H
#define RIG_SMMU_EVENTS_H

#include "kmsg.h"
#include "tap.h"

#define SMMU_F_TRANSLATION 0x10
#define SMMU_F_PERMISSION 0x13
#define SMMU_EVENTS 64
#define SMMU_RATE_SECONDS 5.5
/* From an access to the driver's lines; only a kernel that is silent needs it. */
#define SMMU_PATIENCE 60.0

typedef struct SmmuEvent {
    unsigned type;
    unsigned stream;            /* the routing ID of the requester */
    bool read;
    uint64_t addr;
    unsigned words;             /* of the record, that were seen so far */
} SmmuEvent;

typedef struct SmmuEvents {
    Kmsg log;
    SmmuEvent event[SMMU_EVENTS];
    unsigned count;
    unsigned silent;            /* requests of which the driver told nothing */
} SmmuEvents;

/* The number at the end of a line, after whatever printk made of the tab. */
static inline bool smmu_word(const char *line, uint64_t *value)
{
    const char *x = strrchr(line, 'x');
    char *end;

    if (!x || x == line || x[-1] != '0') {
        return false;
    }
    *value = strtoull(x + 1, &end, 16);
    return end != x + 1 && *end == '\0';
}

static inline void smmu_record_word(SmmuEvent *event, uint64_t value)
{
    switch (event->words++) {
    case 0:
        event->stream = value >> 32;
        break;
    case 1:
        event->read = value >> 35 & 1;
        break;
    case 2:
        event->addr = value;
        break;
    }
}

static inline void smmu_line(SmmuEvents *events, const char *line)
{
    const char *head = strstr(line, ": event 0x");
    SmmuEvent *last = &events->event[events->count - 1];
    uint64_t value;

    if (!strstr(line, "arm-smmu-v3")) {
        return;
    }
    if (head && strstr(head, " received")) {
        if (events->count < SMMU_EVENTS) {
            events->event[events->count++] = (SmmuEvent) {
                .type = strtoul(head + 8, NULL, 16),
            };
        }
    } else if (events->count && last->words < 4 && smmu_word(line, &value)) {
        smmu_record_word(last, value);
    }
}

/*
 * Start to listen. When the driver said something lately, it is given the time
 * that its rate limit wants, so that it will tell of all that comes now.
 */
static inline bool smmu_listen(SmmuEvents *events)
{
    double last = -SMMU_RATE_SECONDS;

    if (!kmsg_open(&events->log, true)) {
        return false;
    }
    while (kmsg_wait(&events->log, last + SMMU_RATE_SECONDS)) {
        if (strstr(events->log.line, "arm-smmu-v3") &&
            strstr(events->log.line, "event")) {
            last = events->log.seconds;
        }
    }
    events->count = events->silent = 0;
    return true;
}

/* How many complete records of this address there are by now. */
static inline unsigned smmu_count(const SmmuEvents *events, uint64_t addr,
                                  const SmmuEvent **one)
{
    unsigned i, count = 0;

    for (i = 0; i < events->count; i++) {
        if (events->event[i].words == 4 && events->event[i].addr == addr) {
            *one = &events->event[i];
            count++;
        }
    }
    return count;
}

/* Wait for the first record of this address. */
static inline bool smmu_wait(SmmuEvents *events, uint64_t addr)
{
    double deadline = kmsg_now() + SMMU_PATIENCE;
    const SmmuEvent *one;

    while (!smmu_count(events, addr, &one)) {
        if (!kmsg_wait(&events->log, deadline)) {
            return false;
        }
        smmu_line(events, events->log.line);
    }
    return true;
}

/* One test point, of the kernel: its driver says that there was an event. */
static inline void smmu_told(SmmuEvents *events, uint64_t addr,
                             const char *what)
{
    bool told = events->silent < 2 && smmu_wait(events, addr);

    events->silent += !told;
    tap_kernel(told, "%s: the kernel's SMMU driver tells of it => %s "
               "(limit %.0f s)", what, told ? "yes" : "no", SMMU_PATIENCE);
}

/* Whether the log has all that the machine has reported. */
static inline bool smmu_all_told(const SmmuEvents *events)
{
    return !events->silent;
}

#endif
