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
#include "priv.h"
#include "hw/nmi.h"
#include "qapi/error.h"
#include "qapi/qapi-events-ipmi-bmc-multi.h"
#include "qemu/bswap.h"
#include "qemu/main-loop.h"
#include "system/runstate.h"
#include "trace.h"

/* sec 28.1: an intrusion sensor; a diagnostic interrupt, on some machines */
#define CAPS_INTRUSION          0x01
#define CAPS_DIAG               0x04

/* sec 28.2: current power state, last power event, misc, front panel */
#define STATUS_ON               0x01
#define STATUS_POLICY(p)        ((p) << 5)
#define EVENT_ON_BY_IPMI        0x10
#define MISC_INTRUSION          0x01
#define MISC_IDENTIFY(state)    ((state) << 4)
#define MISC_IDENTIFY_SUPPORTED 0x40
#define PANEL_DISABLE_ALLOWED   0xf0

/* sec 28.8 */
#define POLICY_OFF              0
#define POLICY_PREVIOUS         1
#define POLICY_ON               2
#define POLICY_NO_CHANGE        3
#define POLICIES                0x07

#define IDENTIFY_OFF            0
#define IDENTIFY_TIMED          1
#define IDENTIFY_FORCED         2
#define IDENTIFY_DEFAULT        15      /* seconds */

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

/* The interrupt that nobody can ignore; false if the machine has none. */
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

static IPMISensor *find_sensor(IPMIBmcMulti *s, uint8_t type)
{
    for (uint32_t i = 0; i < s->stores.n_sensors; i++) {
        if (s->stores.sensors[i].type == type &&
            !ipmi_sensor_is_threshold(&s->stores.sensors[i])) {
            return &s->stores.sensors[i];
        }
    }
    return NULL;
}

static void set_power_unit(IPMIBmcMulti *s, uint16_t states)
{
    IPMISensor *sensor = find_sensor(s, SENSOR_TYPE_POWER_UNIT);

    if (sensor) {
        ipmi_sensor_set_states(s, sensor, states);
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

static void power_restart(IPMIBmcMulti *s, IPMIPowerOp op, uint8_t cause,
                          uint8_t chan)
{
    IPMIChassis *c = &s->stores.chassis;

    c->next_cause = cause;
    c->next_chan = chan;
    c->power_on = op == IPMI_POWER_UP;
    if (op != IPMI_POWER_RESET) {
        c->last_event = EVENT_ON_BY_IPMI;
    }
    if (op == IPMI_POWER_CYCLE) {
        set_power_unit(s, POWER_UNIT_CYCLE);
    }
    qemu_system_reset_request(SHUTDOWN_CAUSE_GUEST_RESET);
}

/*
 * What is asked for here happens in the main loop, so the response to the
 * command is on its way before.
 */
uint8_t ipmi_power(IPMIBmcMulti *s, IPMIPowerOp op, uint8_t cause,
                   uint8_t chan)
{
    if (!power_possible(op) || (op == IPMI_POWER_DIAG && !ipmi_nmi())) {
        return IPMI_CC_COMMAND_NOT_SUPPORTED;
    }
    if (power_is_so(op)) {
        return IPMI_CC_OK;
    }
    trace_ipmi_power(ipmi_bmc_name(s), op, cause, chan);
    if (ipmi_event_allowed(s)) {
        qapi_event_send_ipmi_power(ipmi_bmc_name(s), (IpmiPowerOperation)op,
                                   cause == IPMI_CAUSE_WATCHDOG ?
                                   "watchdog" : "chassis-control");
    }
    switch (op) {
    case IPMI_POWER_DOWN:
        set_power_unit(s, POWER_UNIT_OFF);
        qemu_system_shutdown_request(SHUTDOWN_CAUSE_GUEST_SHUTDOWN);
        break;
    case IPMI_POWER_SOFT:
        qemu_system_powerdown_request();
        break;
    case IPMI_POWER_UP:
    case IPMI_POWER_CYCLE:
    case IPMI_POWER_RESET:
        power_restart(s, op, cause, chan);
        break;
    default:
        break;
    }
    return IPMI_CC_OK;
}

/* A machine that was off, and has been reset, can run. */
static void chassis_start(void *opaque)
{
    IPMIBmcMulti *s = opaque;
    IPMIChassis *c = &s->stores.chassis;

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
    return policy == POLICY_ON ? IPMI_CAUSE_ALWAYS_ON :
           policy == POLICY_PREVIOUS ? IPMI_CAUSE_PREVIOUS : IPMI_CAUSE_BUTTON;
}

/*
 * sec 28.11: the first reset is the power-up; one that the BMC did not ask for
 * is that of the operating system, or of QEMU's monitor.
 */
void ipmi_chassis_system_reset(IPMIBmcMulti *s)
{
    IPMIChassis *c = &s->stores.chassis;

    c->cause = !c->started ? start_cause(c->policy) : c->next_cause;
    c->cause_chan = c->started ? c->next_chan : 0;
    c->started = true;
    c->next_cause = IPMI_CAUSE_SOFT;
    c->next_chan = 0;
    ipmi_boot_restart(s);
    set_power_unit(s, 0);
    if (c->power_on) {
        qemu_bh_schedule(c->start_bh);
    }
}

static int is_nmi(Object *obj, void *opaque)
{
    return object_dynamic_cast(obj, TYPE_NMI) != NULL;
}

static uint8_t get_caps(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    bool diag = object_child_foreach_recursive(object_get_root(), is_nmi,
                                               NULL);
    uint8_t addr = s->parent_obj.slave_addr;

    ipmi_rsp_u8(rsp, CAPS_INTRUSION | (diag ? CAPS_DIAG : 0));
    for (int i = 0; i < 5; i++) {
        ipmi_rsp_u8(rsp, addr); /* FRU, SDR, SEL, SM, bridge: all are here */
    }
    return IPMI_CC_OK;
}

static uint8_t get_status(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    IPMIChassis *c = &s->stores.chassis;
    IPMISensor *sensor = find_sensor(s, SENSOR_TYPE_INTRUSION);
    bool intrusion = sensor && (sensor->present & 1);

    ipmi_rsp_u8(rsp, (ipmi_power_is_on() ? STATUS_ON : 0) |
                     STATUS_POLICY(c->policy));
    ipmi_rsp_u8(rsp, c->last_event);
    ipmi_rsp_u8(rsp, MISC_IDENTIFY_SUPPORTED | MISC_IDENTIFY(c->identify) |
                     (intrusion ? MISC_INTRUSION : 0));
    ipmi_rsp_u8(rsp, PANEL_DISABLE_ALLOWED | c->panel_disable);
    return IPMI_CC_OK;
}

static uint8_t control(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    if (req->data[0] >= IPMI_POWER__MAX) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    ipmi_boot_control(s);
    return ipmi_power(s, req->data[0], IPMI_CAUSE_CONTROL, req->chan);
}

static void identify_timer(void *opaque)
{
    IPMIBmcMulti *s = opaque;

    s->stores.chassis.identify = IDENTIFY_OFF;
}

/* sec 28.5: [seconds, 0 is off], [bit 0: until told otherwise] */
static uint8_t identify(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    IPMIChassis *c = &s->stores.chassis;
    unsigned seconds = req->len ? req->data[0] : IDENTIFY_DEFAULT;

    timer_del(&c->identify_timer);
    if (req->len == 2 && (req->data[1] & 1)) {
        c->identify = IDENTIFY_FORCED;
    } else if (!seconds) {
        c->identify = IDENTIFY_OFF;
    } else {
        c->identify = IDENTIFY_TIMED;
        timer_mod(&c->identify_timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
                                      seconds * NANOSECONDS_PER_SECOND);
    }
    return IPMI_CC_OK;
}

static uint8_t set_policy(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    uint8_t policy = req->data[0];

    if (policy != POLICY_NO_CHANGE) {
        if (!ipmi_store_put(s, IPMI_STORE_CHASSIS, CHASSIS_POLICY, &policy,
                            1)) {
            return IPMI_CC_UNSPECIFIED;
        }
        s->stores.chassis.policy = policy;
    }
    ipmi_rsp_u8(rsp, POLICIES);
    return IPMI_CC_OK;
}

static uint8_t get_cause(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    ipmi_rsp_u8(rsp, s->stores.chassis.cause);
    ipmi_rsp_u8(rsp, s->stores.chassis.cause_chan);
    return IPMI_CC_OK;
}

static uint8_t set_panel(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    s->stores.chassis.panel_disable = req->data[0];
    return IPMI_CC_OK;
}

static uint8_t set_cycle(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    if (!ipmi_store_put(s, IPMI_STORE_CHASSIS, CHASSIS_CYCLE, req->data, 1)) {
        return IPMI_CC_UNSPECIFIED;
    }
    s->stores.chassis.cycle_interval = req->data[0];
    return IPMI_CC_OK;
}

/* Minutes that the system has been on: virtual time stops when it is off. */
uint32_t ipmi_chassis_poh(IPMIBmcMulti *s)
{
    return s->stores.chassis.poh_base +
           qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) / MINUTE_NS;
}

/* sec 28.15: one minute a count */
static uint8_t get_poh(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    ipmi_rsp_u8(rsp, 1);
    ipmi_rsp_u32(rsp, ipmi_chassis_poh(s));
    return IPMI_CC_OK;
}

/* A QEMU that is killed loses no more than an hour of the counter. */
static void hour_timer(void *opaque)
{
    IPMIBmcMulti *s = opaque;
    uint8_t poh[4];

    stl_le_p(poh, ipmi_chassis_poh(s));
    ipmi_store_put(s, IPMI_STORE_CHASSIS, CHASSIS_POH, poh, sizeof(poh));
    timer_mod(&s->stores.chassis.hour_timer,
              qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + HOUR_NS);
}

static const IPMICommand chassis_commands[] = {
    { 0x00, "Get Chassis Capabilities", 0, 0, USER, 0, get_caps },
    { 0x01, "Get Chassis Status", 0, 0, USER, 0, get_status },
    { 0x02, "Chassis Control", 1, 1, OPER, 0, control, { { 0, 0xf0 } } },
    { 0x04, "Chassis Identify", 0, 2, OPER, 0, identify, { { 1, 0xfe } } },
    { 0x06, "Set Power Restore Policy", 1, 1, OPER, 0, set_policy,
      { { 0, 0xfc } } },
    { 0x07, "Get System Restart Cause", 0, 0, USER, 0, get_cause },
    { 0x08, "Set System Boot Options", 1, 18, OPER, 0, ipmi_boot_set },
    { 0x09, "Get System Boot Options", 3, 3, OPER, 0, ipmi_boot_get,
      { { 0, 0x80 } } },
    { 0x0a, "Set Front Panel Button Enables", 1, 1, ADMIN, 0, set_panel,
      { { 0, 0xf0 } } },
    { 0x0b, "Set Power Cycle Interval", 1, 1, ADMIN, 0, set_cycle },
    { 0x0f, "Get POH Counter", 0, 0, USER, 0, get_poh },
};

const IPMICommandTable ipmi_cmds_chassis =
    IPMI_COMMAND_TABLE(IPMI_MULTI_NETFN_CHASSIS, chassis_commands);

static bool chassis_load(IPMIBmcMulti *s, uint32_t key, const uint8_t *data,
                         uint32_t len)
{
    IPMIChassis *c = &s->stores.chassis;

    switch (key) {
    case CHASSIS_POLICY:
        if (len != 1 || data[0] >= POLICY_NO_CHANGE) {
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

static void chassis_dump(IPMIBmcMulti *s)
{
    IPMIChassis *c = &s->stores.chassis;
    uint8_t poh[4];

    stl_le_p(poh, ipmi_chassis_poh(s));
    ipmi_store_emit(s, IPMI_STORE_CHASSIS, CHASSIS_POLICY, &c->policy, 1);
    ipmi_store_emit(s, IPMI_STORE_CHASSIS, CHASSIS_CYCLE, &c->cycle_interval,
                    1);
    ipmi_store_emit(s, IPMI_STORE_CHASSIS, CHASSIS_POH, poh, sizeof(poh));
}

const IPMIStoreKind ipmi_store_chassis = {
    "chassis", chassis_load, chassis_dump
};

void ipmi_chassis_realize(IPMIBmcMulti *s)
{
    IPMIChassis *c = &s->stores.chassis;

    timer_init_ns(&c->identify_timer, QEMU_CLOCK_VIRTUAL, identify_timer, s);
    timer_init_ns(&c->hour_timer, QEMU_CLOCK_VIRTUAL, hour_timer, s);
    c->start_bh = qemu_bh_new(chassis_start, s);
    c->next_cause = IPMI_CAUSE_SOFT;
    c->policy = POLICY_PREVIOUS;
    ipmi_boot_init(s);
    if (s->stores.store.blk) {
        timer_mod(&c->hour_timer,
                  qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + HOUR_NS);
    }
}

void ipmi_chassis_unrealize(IPMIBmcMulti *s)
{
    IPMIChassis *c = &s->stores.chassis;

    timer_del(&c->identify_timer);
    timer_del(&c->boot_timer);
    timer_del(&c->hour_timer);
    g_clear_pointer(&c->start_bh, qemu_bh_delete);
}

static bool chassis_valid(void *opaque, int version_id)
{
    IPMIChassis *c = opaque;

    return c->identify <= IDENTIFY_FORCED && c->policy < POLICY_NO_CHANGE;
}

const VMStateDescription vmstate_ipmi_chassis = {
    .name = "ipmi-bmc-multi/chassis",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_TIMER(identify_timer, IPMIChassis),
        VMSTATE_TIMER(boot_timer, IPMIChassis),
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
        VMSTATE_BOOL(boot_seen, IPMIChassis),
        VMSTATE_UINT32(poh_base, IPMIChassis),
        VMSTATE_STRUCT(boot, IPMIChassis, 1, vmstate_ipmi_params, IPMIParams),
        VMSTATE_UINT16(boot_invalid, IPMIChassis),
        VMSTATE_END_OF_LIST()
    }
};
