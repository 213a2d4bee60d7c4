/*
 * IPMI BMC with many channels: power meter
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns: minimum, maximum and average of the first sensor that has watts.
 * Called by DCMI's Get Power Reading. Life: ipmi_meter_init() when the sensors
 * are there, which it listens to.
 */

#ifndef IPMI_MULTI_METER_H
#define IPMI_MULTI_METER_H

#include "sensor.h"

typedef struct IPMIMeter {
    IPMISensors *sensors;
    uint32_t min, max;          /* watts */
    uint64_t sum;               /* watts times milliseconds */
    int64_t since, last;        /* ms of virtual time */
} IPMIMeter;

/* In watts; the period in milliseconds */
typedef struct IPMIPowerReading {
    uint16_t now, min, max, average;
    uint32_t period;
    bool active;                /* is there such a sensor? */
} IPMIPowerReading;

void ipmi_meter_init(IPMIMeter *m, IPMISensors *sensors);
void ipmi_meter_read(IPMIMeter *m, IPMIPowerReading *r);

extern const VMStateDescription vmstate_ipmi_meter;

#endif
