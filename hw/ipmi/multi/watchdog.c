/*
 * IPMI BMC with many channels: watchdog timer
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 27.
 *
 * Modelled: all timer uses and actions; pre-timeout by message and, on a
 * machine that has one, by NMI.
 * Not modelled: pre-timeout by SMI.
 */

#include "qemu/osdep.h"
#include "numbers.h"
#include "qapi/qapi-events-ipmi-bmc-multi.h"
#include "qemu/bswap.h"
#include "trace.h"
#include "watchdog.h"

/* sec 27.6: byte 1 */
#define USE(byte)               ((byte) & IPMI_WATCHDOG_USE)
#define USE_FIRST               1       /* BIOS FRB2 */
#define USE_LAST                5       /* OEM */

/* Byte 2 */
#define PRE_ACTION(byte)        (((byte) >> 4) & 7)
#define PRE_NONE                0
#define PRE_NMI                 2
#define PRE_MESSAGE             3
#define ACTION(byte)            ((byte) & 7)
#define ACTION_NONE             0
#define ACTION_RESET            1
#define ACTION_DOWN             2
#define ACTION_CYCLE            3

/* sec 42.2, sensor type 23h: offset of the pre-timeout */
#define EVENT_INTERRUPT         8

#define TICK_NS                 (100 * SCALE_MS)

static int64_t watchdog_now(void)
{
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
}

uint16_t ipmi_watchdog_left(const IPMIWatchdog *w)
{
    int64_t ns = w->deadline - watchdog_now();

    if (!w->running) {
        return w->left;
    }
    return ns > 0 ? MIN(DIV_ROUND_UP(ns, TICK_NS), UINT16_MAX) : 0;
}

static bool watchdog_has_pre_timeout(const IPMIWatchdog *w)
{
    return w->pre_timeout && PRE_ACTION(w->action) != PRE_NONE;
}

/* The timer is for whatever comes next. */
static void watchdog_arm(IPMIWatchdog *w)
{
    int64_t at = w->deadline;

    if (watchdog_has_pre_timeout(w) && !w->warned) {
        at -= w->pre_timeout * NANOSECONDS_PER_SECOND;
    }
    timer_mod(&w->timer, at);
}

static void start(IPMIWatchdog *w)
{
    w->running = true;
    w->warned = false;
    w->deadline = watchdog_now() + w->initial * (int64_t)TICK_NS;
    watchdog_arm(w);
}

bool ipmi_watchdog_start(IPMIWatchdog *w)
{
    if (!w->set) {
        return false;
    }
    start(w);
    return true;
}

void ipmi_watchdog_stop(IPMIWatchdog *w)
{
    w->left = ipmi_watchdog_left(w);
    w->running = false;
    timer_del(&w->timer);
}

static const char *bmc_name(const IPMIWatchdog *w)
{
    return w->chassis->store->name;
}

/* The first sensor of that type, threshold or not */
static IPMISensor *watchdog_sensor(IPMISensors *ss)
{
    for (uint32_t i = 0; i < ss->n; i++) {
        if (ss->sensor[i].type == SENSOR_TYPE_WATCHDOG) {
            return &ss->sensor[i];
        }
    }
    return NULL;
}

static void watchdog_log(IPMIWatchdog *w, uint8_t offset)
{
    IPMISensors *ss = w->chassis->sensors;
    IPMISensor *sensor = watchdog_sensor(ss);
    uint8_t data[3] = {
        /* data 2 is the sensor's own */
        0xc0 | offset, PRE_ACTION(w->action) << 4 | USE(w->use), 0xff
    };

    if (w->use & IPMI_WATCHDOG_DONT_LOG) {
        return;
    }
    if (!sensor) {
        ipmi_event_post(ss->events, SENSOR_TYPE_WATCHDOG, SENSOR_NONE,
                        READING_SENSOR_SPECIFIC, data);
    } else if ((sensor->flags & IPMI_SENSOR_EVENTS) &&
               (sensor->assert_enable & (1 << offset))) {
        sensor->asserted |= 1 << offset;
        ipmi_event_post(ss->events, SENSOR_TYPE_WATCHDOG, sensor->number,
                        READING_SENSOR_SPECIFIC, data);
    }
}

static void watchdog_pre_timeout(IPMIWatchdog *w)
{
    trace_ipmi_watchdog(bmc_name(w), "pre-timeout", w->use, w->action);
    qapi_event_send_ipmi_watchdog(bmc_name(w), true, USE(w->use),
                                  PRE_ACTION(w->action));
    w->warned = true;
    watchdog_arm(w);
    watchdog_log(w, EVENT_INTERRUPT);
    if (PRE_ACTION(w->action) == PRE_MESSAGE) {
        w->flag(w->opaque, true);
    } else {
        ipmi_nmi();
    }
}

static void watchdog_expire(IPMIWatchdog *w)
{
    static const IPMIPowerOp ops[] = {
        [ACTION_RESET] = IPMI_POWER_RESET,
        [ACTION_DOWN] = IPMI_POWER_DOWN,
        [ACTION_CYCLE] = IPMI_POWER_CYCLE,
    };
    uint8_t action = ACTION(w->action);

    trace_ipmi_watchdog(bmc_name(w), "timeout", w->use, w->action);
    qapi_event_send_ipmi_watchdog(bmc_name(w), false, USE(w->use),
                                  action);
    w->running = false;
    w->left = 0;
    w->expired |= 1 << USE(w->use);
    watchdog_log(w, action);
    if (action != ACTION_NONE) {
        ipmi_power(w->chassis, ops[action], IPMI_CAUSE_WATCHDOG,
                   IPMI_MULTI_CHAN_SYS);
    }
}

static void watchdog_timer(void *opaque)
{
    IPMIWatchdog *w = opaque;

    if (watchdog_has_pre_timeout(w) && !w->warned) {
        watchdog_pre_timeout(w);
    } else {
        watchdog_expire(w);
    }
}

static bool watchdog_request_valid(const uint8_t *data)
{
    uint8_t pre = PRE_ACTION(data[1]);

    return USE(data[0]) >= USE_FIRST && USE(data[0]) <= USE_LAST &&
           ACTION(data[1]) <= ACTION_CYCLE &&
           (pre == PRE_NONE || pre == PRE_NMI || pre == PRE_MESSAGE) &&
           (pre == PRE_NONE || data[2] * 10 <= lduw_le_p(data + 4));
}

/*
 * sec 27.6: it stops, unless it runs and bit 6 says not to; then it goes on
 * with the new values. The pre-timeout flag goes.
 */
bool ipmi_watchdog_set(IPMIWatchdog *w, const uint8_t *data)
{
    bool go_on = w->running && (data[0] & IPMI_WATCHDOG_DONT_STOP);

    if (!watchdog_request_valid(data)) {
        return false;
    }
    ipmi_watchdog_stop(w);
    w->set = true;
    w->use = data[0] & (IPMI_WATCHDOG_DONT_LOG | IPMI_WATCHDOG_USE);
    w->action = data[1];
    w->pre_timeout = data[2];
    w->expired &= ~data[3];
    w->initial = lduw_le_p(data + 4);
    w->left = w->initial;
    w->flag(w->opaque, false);
    if (go_on) {
        start(w);
    }
    return true;
}

/* sec 27: after a reset of the BMC it has to be set before it counts */
void ipmi_watchdog_reset(IPMIWatchdog *w)
{
    timer_del(&w->timer);
    w->set = false;
    w->running = false;
    w->warned = false;
    w->use = 0;
    w->action = 0;
    w->pre_timeout = 0;
    w->expired = 0;
    w->initial = 0;
    w->left = 0;
    w->deadline = 0;
}

void ipmi_watchdog_init(IPMIWatchdog *w, IPMIChassis *chassis)
{
    w->chassis = chassis;
    timer_init_ns(&w->timer, QEMU_CLOCK_VIRTUAL, watchdog_timer, w);
    ipmi_watchdog_reset(w);
}

void ipmi_watchdog_exit(IPMIWatchdog *w)
{
    timer_del(&w->timer);
    timer_deinit(&w->timer);
}

static int watchdog_post_load(void *opaque, int version_id)
{
    IPMIWatchdog *w = opaque;

    w->use &= IPMI_WATCHDOG_DONT_LOG | IPMI_WATCHDOG_USE;
    w->action &= 0x77;
    if (ACTION(w->action) > ACTION_CYCLE || w->deadline < 0 ||
        w->deadline > INT64_MAX / 2) {
        return -EINVAL;
    }
    if (w->running) {
        watchdog_arm(w);
    } else {
        timer_del(&w->timer);
    }
    return 0;
}

const VMStateDescription vmstate_ipmi_watchdog = {
    .name = "ipmi-bmc-multi/watchdog",
    .version_id = 1,
    .minimum_version_id = 1,
    .post_load = watchdog_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_BOOL(set, IPMIWatchdog),
        VMSTATE_BOOL(running, IPMIWatchdog),
        VMSTATE_BOOL(warned, IPMIWatchdog),
        VMSTATE_UINT8(use, IPMIWatchdog),
        VMSTATE_UINT8(action, IPMIWatchdog),
        VMSTATE_UINT8(pre_timeout, IPMIWatchdog),
        VMSTATE_UINT8(expired, IPMIWatchdog),
        VMSTATE_UINT16(initial, IPMIWatchdog),
        VMSTATE_INT64(deadline, IPMIWatchdog),
        VMSTATE_UINT16(left, IPMIWatchdog),
        VMSTATE_END_OF_LIST()
    }
};
