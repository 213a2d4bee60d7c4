/*
 * IPMI BMC with many channels: how many events go to QMP
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/timer.h"
#include "rate.h"
#include "trace.h"

bool ipmi_rate_allows(IPMIRate *r)
{
    int64_t now = qemu_clock_get_ms(QEMU_CLOCK_VIRTUAL);
    int64_t forgiven = (now - r->since_ms) * IPMI_RATE_SECOND / 1000;

    /* A snapshot may have set the clock back. */
    if (forgiven < 0 || forgiven >= r->n) {
        r->n = 0;
        r->since_ms = now;
    } else if (forgiven) {
        r->n -= forgiven;
        r->since_ms += forgiven * 1000 / IPMI_RATE_SECOND;
    }
    if (r->n == IPMI_RATE_BURST) {
        trace_ipmi_event_withheld(r->name);
        return false;
    }
    r->n++;
    return true;
}
