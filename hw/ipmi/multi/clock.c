/*
 * IPMI BMC with many channels: time stamps
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 37.
 */

#include "qemu/osdep.h"
#include "clock.h"
#include "qemu/cutils.h"
#include "qemu/timer.h"
#include "system/rtc.h"

static int64_t virtual_seconds(void)
{
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) / NANOSECONDS_PER_SECOND;
}

void ipmi_clock_set(IPMIClock *clock, uint32_t now)
{
    clock->base = now - virtual_seconds();
}

uint32_t ipmi_clock_get(const IPMIClock *clock)
{
    return clock->base + virtual_seconds();
}

uint32_t ipmi_clock_machine(void)
{
    struct tm tm;

    qemu_get_timedate(&tm, 0);
    return mktimegm(&tm);
}

const VMStateDescription vmstate_ipmi_clock = {
    .name = "ipmi-bmc-multi/clock",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_INT64(base, IPMIClock),
        VMSTATE_END_OF_LIST()
    }
};
