/*
 * IPMI BMC with many channels: chassis and power
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 28.
 *
 * Modelled: all of Chassis Control; a system that is off while the BMC goes on
 * (-action shutdown=pause) can be powered on again. Identify, restart cause,
 * power restore policy, POH counter.
 * Not modelled: time that a power cycle takes; an effect of the power restore
 * policy and of the front panel enables. While the system is off, virtual time
 * stands still, and so do the timers of the BMC.
 */

#include "qemu/osdep.h"
#include "chassis.h"
#include "hw/nmi.h"
#include "kinds.h"
#include "numbers.h"
#include "qapi/error.h"
#include "qapi/qapi-events-ipmi-bmc-multi.h"
#include "qemu/bswap.h"
#include "qemu/main-loop.h"
#include "system/runstate.h"
#include "trace.h"

/* sec 28.2: last power event */
#define EVENT_ON_BY_IPMI        0x10

#define MINUTE_NS               (60 * NANOSECONDS_PER_SECOND)
#define HOUR_NS                 (60 * MINUTE_NS)

/* Keys in the store */
#define CHASSIS_POLICY          1
#define CHASSIS_CYCLE           2
#define CHASSIS_POH             3

bool ipmi_power_is_on(void)
{
    return !runstate_check(RUN_STATE_SHUTDOWN);
}

bool ipmi_nmi(void)
{
    Error *err = NULL;

    nmi_monitor_handle(0, &err);
    if (err) {
        error_free(err);
        return false;
    }
    return true;
}

static int is_nmi(Object *obj, void *opaque)
{
    return object_dynamic_cast(obj, TYPE_NMI) != NULL;
}

bool ipmi_nmi_exists(void)
{
    return object_child_foreach_recursive(object_get_root(), is_nmi, NULL);
}

static void set_power_unit(IPMIChassis *c, uint16_t states)
{
    IPMISensor *sensor = ipmi_sensor_find_discrete(c->sensors,
                                                   SENSOR_TYPE_POWER_UNIT);

    if (sensor) {
        ipmi_sensor_set_states(c->sensors, sensor, states);
    }
}

static bool power_possible(IPMIPowerOp op)
{
    bool on = ipmi_power_is_on();

    switch (op) {
    case IPMI_POWER_DOWN:
    case IPMI_POWER_UP:
        return true;
    default:
        return on;
    }
}

/* Down when it is off, or up when it is on: nothing to do. */
static bool power_is_so(IPMIPowerOp op)
{
    return op == (ipmi_power_is_on() ? IPMI_POWER_UP : IPMI_POWER_DOWN);
}

static void power_restart(IPMIChassis *c, IPMIPowerOp op, uint8_t cause,
                          uint8_t chan)
{
    c->next_cause = cause;
    c->next_chan = chan;
    c->power_on = op == IPMI_POWER_UP;
    if (op != IPMI_POWER_RESET) {
        c->last_event = EVENT_ON_BY_IPMI;
    }
    if (op == IPMI_POWER_CYCLE) {
        set_power_unit(c, POWER_UNIT_CYCLE);
    }
    qemu_system_reset_request(SHUTDOWN_CAUSE_GUEST_RESET);
}

uint8_t ipmi_power(IPMIChassis *c, IPMIPowerOp op, uint8_t cause,
                   uint8_t chan)
{
    if (!power_possible(op) || (op == IPMI_POWER_DIAG && !ipmi_nmi())) {
        return IPMI_CC_COMMAND_NOT_SUPPORTED;
    }
    if (power_is_so(op)) {
        return IPMI_CC_OK;
    }
    trace_ipmi_power(c->store->name, op, cause, chan);
    if (ipmi_rate_allows(c->rate)) {
        qapi_event_send_ipmi_power(c->store->name, (IpmiPowerOperation)op,
                                   cause == IPMI_CAUSE_WATCHDOG ?
                                   IPMI_POWER_CAUSE_WATCHDOG :
                                   IPMI_POWER_CAUSE_CHASSIS_CONTROL);
    }
    switch (op) {
    case IPMI_POWER_DOWN:
        set_power_unit(c, POWER_UNIT_OFF);
        qemu_system_shutdown_request(SHUTDOWN_CAUSE_GUEST_SHUTDOWN);
        break;
    case IPMI_POWER_SOFT:
        qemu_system_powerdown_request();
        break;
    case IPMI_POWER_UP:
    case IPMI_POWER_CYCLE:
    case IPMI_POWER_RESET:
        power_restart(c, op, cause, chan);
        break;
    default:
        break;
    }
    return IPMI_CC_OK;
}

/* A machine that was off, and has been reset, can run. */
static void chassis_start(void *opaque)
{
    IPMIChassis *c = opaque;

    if (!c->power_on) {
        return;
    }
    if (runstate_check(RUN_STATE_SHUTDOWN)) {
        /* The main loop has not finished the reset yet. */
        qemu_bh_schedule(c->start_bh);
        return;
    }
    c->power_on = false;
    if (!runstate_is_running()) {
        vm_start();
    }
}

static uint8_t start_cause(uint8_t policy)
{
    return policy == IPMI_POLICY_ON ? IPMI_CAUSE_ALWAYS_ON :
           policy == IPMI_POLICY_PREVIOUS ? IPMI_CAUSE_PREVIOUS :
                                            IPMI_CAUSE_BUTTON;
}

/*
 * sec 28.11: the first reset is the power-up; one that the BMC did not ask for
 * is that of the operating system, or of QEMU's monitor.
 */
void ipmi_chassis_restart(IPMIChassis *c)
{
    c->cause = !c->started ? start_cause(c->policy) : c->next_cause;
    c->cause_chan = c->started ? c->next_chan : 0;
    c->started = true;
    c->next_cause = IPMI_CAUSE_SOFT;
    c->next_chan = 0;
    ipmi_boot_restart(&c->boot, c->cause);
    set_power_unit(c, 0);
    if (c->power_on) {
        qemu_bh_schedule(c->start_bh);
    }
}

static void identify_over(void *opaque)
{
    IPMIChassis *c = opaque;

    c->identify = IPMI_IDENTIFY_OFF;
}

void ipmi_chassis_identify(IPMIChassis *c, int seconds)
{
    timer_del(&c->identify_timer);
    if (seconds < 0) {
        c->identify = IPMI_IDENTIFY_FORCED;
    } else if (!seconds) {
        c->identify = IPMI_IDENTIFY_OFF;
    } else {
        c->identify = IPMI_IDENTIFY_TIMED;
        timer_mod(&c->identify_timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
                                      seconds * NANOSECONDS_PER_SECOND);
    }
}

bool ipmi_chassis_set_policy(IPMIChassis *c, uint8_t policy)
{
    if (!ipmi_store_put(c->store, IPMI_STORE_CHASSIS, CHASSIS_POLICY, &policy,
                        1)) {
        return false;
    }
    c->policy = policy;
    return true;
}

bool ipmi_chassis_set_cycle(IPMIChassis *c, uint8_t seconds)
{
    if (!ipmi_store_put(c->store, IPMI_STORE_CHASSIS, CHASSIS_CYCLE, &seconds,
                        1)) {
        return false;
    }
    c->cycle_interval = seconds;
    return true;
}

uint32_t ipmi_chassis_poh(const IPMIChassis *c)
{
    return c->poh_base + qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) / MINUTE_NS;
}

/* A QEMU that is killed loses no more than an hour of the counter. */
static void hour_timer(void *opaque)
{
    IPMIChassis *c = opaque;
    uint8_t poh[4];

    stl_le_p(poh, ipmi_chassis_poh(c));
    ipmi_store_put(c->store, IPMI_STORE_CHASSIS, CHASSIS_POH, poh,
                   sizeof(poh));
    timer_mod(&c->hour_timer,
              qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + HOUR_NS);
}

static bool chassis_load(void *opaque, uint32_t key, const uint8_t *data,
                         uint32_t len)
{
    IPMIChassis *c = opaque;

    switch (key) {
    case CHASSIS_POLICY:
        if (len != 1 || data[0] >= IPMI_POLICY_NO_CHANGE) {
            return false;
        }
        c->policy = data[0];
        return true;
    case CHASSIS_CYCLE:
        if (len != 1) {
            return false;
        }
        c->cycle_interval = data[0];
        return true;
    case CHASSIS_POH:
        if (len != 4) {
            return false;
        }
        c->poh_base = ldl_le_p(data);
        return true;
    default:
        return false;
    }
}

static void chassis_dump(void *opaque, IPMIStore *st)
{
    IPMIChassis *c = opaque;
    uint8_t poh[4];

    stl_le_p(poh, ipmi_chassis_poh(c));
    ipmi_store_emit(st, IPMI_STORE_CHASSIS, CHASSIS_POLICY, &c->policy, 1);
    ipmi_store_emit(st, IPMI_STORE_CHASSIS, CHASSIS_CYCLE, &c->cycle_interval,
                    1);
    ipmi_store_emit(st, IPMI_STORE_CHASSIS, CHASSIS_POH, poh, sizeof(poh));
}

static const IPMIStoreKind chassis_kind = {
    "chassis", chassis_load, chassis_dump
};

void ipmi_chassis_init(IPMIChassis *c, IPMIStore *store, IPMIParamsDir *dir,
                       IPMISensors *sensors, IPMIRate *rate)
{
    c->store = store;
    c->rate = rate;
    c->sensors = sensors;
    timer_init_ns(&c->identify_timer, QEMU_CLOCK_VIRTUAL, identify_over, c);
    timer_init_ns(&c->hour_timer, QEMU_CLOCK_VIRTUAL, hour_timer, c);
    c->start_bh = qemu_bh_new(chassis_start, c);
    c->next_cause = IPMI_CAUSE_SOFT;
    c->policy = IPMI_POLICY_PREVIOUS;
    ipmi_boot_init(&c->boot, dir);
    ipmi_store_register(store, IPMI_STORE_CHASSIS, &chassis_kind, c);
    if (store->blk) {
        timer_mod(&c->hour_timer,
                  qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + HOUR_NS);
    }
}

void ipmi_chassis_exit(IPMIChassis *c)
{
    ipmi_boot_exit(&c->boot);
    timer_del(&c->identify_timer);
    timer_del(&c->hour_timer);
    g_clear_pointer(&c->start_bh, qemu_bh_delete);
}

static bool chassis_valid(void *opaque, int version_id)
{
    IPMIChassis *c = opaque;

    return c->identify <= IPMI_IDENTIFY_FORCED &&
           c->policy < IPMI_POLICY_NO_CHANGE;
}

const VMStateDescription vmstate_ipmi_chassis = {
    .name = "ipmi-bmc-multi/chassis",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_TIMER(identify_timer, IPMIChassis),
        VMSTATE_UINT8(identify, IPMIChassis),
        VMSTATE_UINT8(policy, IPMIChassis),
        VMSTATE_VALIDATE("chassis", chassis_valid),
        VMSTATE_UINT8(last_event, IPMIChassis),
        VMSTATE_UINT8(cause, IPMIChassis),
        VMSTATE_UINT8(cause_chan, IPMIChassis),
        VMSTATE_UINT8(next_cause, IPMIChassis),
        VMSTATE_UINT8(next_chan, IPMIChassis),
        VMSTATE_UINT8(panel_disable, IPMIChassis),
        VMSTATE_UINT8(cycle_interval, IPMIChassis),
        VMSTATE_BOOL(started, IPMIChassis),
        VMSTATE_UINT32(poh_base, IPMIChassis),
        VMSTATE_STRUCT(boot, IPMIChassis, 1, vmstate_ipmi_boot, IPMIBoot),
        VMSTATE_END_OF_LIST()
    }
};
