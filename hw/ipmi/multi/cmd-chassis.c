/*
 * IPMI BMC with many channels: chassis commands
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 28.
 */

#include "qemu/osdep.h"
#include "bmc.h"
#include "cmd-param.h"

/* sec 28.1: an intrusion sensor; a diagnostic interrupt, on some machines */
#define CAPS_INTRUSION          0x01
#define CAPS_DIAG               0x04

/* sec 28.2: current power state, misc, front panel */
#define STATUS_ON               0x01
#define STATUS_POLICY(p)        ((p) << 5)
#define MISC_INTRUSION          0x01
#define MISC_IDENTIFY(state)    ((state) << 4)
#define MISC_IDENTIFY_SUPPORTED 0x40
#define PANEL_DISABLE_ALLOWED   0xf0

/* sec 28.8: those that there are */
#define POLICIES                0x07

#define IDENTIFY_DEFAULT        15      /* seconds */
#define IDENTIFY_FORCE          0x01

/* sec 28.12, 28.13 */
#define PARAM_VERSION           0x01
#define PARAM_INVALID           0x80
#define PARAM(byte)             ((byte) & 0x7f)

static uint8_t get_caps(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    uint8_t addr = s->parent_obj.slave_addr;

    ipmi_rsp_u8(rsp, CAPS_INTRUSION | (ipmi_nmi_exists() ? CAPS_DIAG : 0));
    for (int i = 0; i < 5; i++) {
        ipmi_rsp_u8(rsp, addr); /* FRU, SDR, SEL, SM, bridge: all are here */
    }
    return IPMI_CC_OK;
}

static uint8_t get_status(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    IPMIChassis *c = &s->records.chassis;
    IPMISensor *sensor = ipmi_sensor_find_discrete(c->sensors,
                                                   SENSOR_TYPE_INTRUSION);
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
    IPMIChassis *c = &s->records.chassis;

    if (req->data[0] >= IPMI_POWER__MAX) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    ipmi_boot_control(&c->boot);
    return ipmi_power(c, req->data[0], IPMI_CAUSE_CONTROL, req->chan);
}

/* sec 28.5: [seconds, 0 is off], [bit 0: until told otherwise] */
static uint8_t identify(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    bool force = req->len == 2 && (req->data[1] & IDENTIFY_FORCE);

    ipmi_chassis_identify(&s->records.chassis,
                          force ? -1 :
                          req->len ? req->data[0] : IDENTIFY_DEFAULT);
    return IPMI_CC_OK;
}

static uint8_t set_policy(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    uint8_t policy = req->data[0];

    if (policy != IPMI_POLICY_NO_CHANGE &&
        !ipmi_chassis_set_policy(&s->records.chassis, policy)) {
        return IPMI_CC_UNSPECIFIED;
    }
    ipmi_rsp_u8(rsp, POLICIES);
    return IPMI_CC_OK;
}

static uint8_t get_cause(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    ipmi_rsp_u8(rsp, s->records.chassis.cause);
    ipmi_rsp_u8(rsp, s->records.chassis.cause_chan);
    return IPMI_CC_OK;
}

static uint8_t set_panel(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    s->records.chassis.panel_disable = req->data[0];
    return IPMI_CC_OK;
}

static uint8_t set_cycle(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    return ipmi_chassis_set_cycle(&s->records.chassis, req->data[0]) ?
           IPMI_CC_OK : IPMI_CC_UNSPECIFIED;
}

/*
 * sec 28.12: mark invalid and parameter, data. Without data only the mark
 * changes.
 */
static uint8_t set_boot(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    return ipmi_boot_set(&s->records.chassis.boot, PARAM(req->data[0]),
                         req->data[0] & PARAM_INVALID, req->data + 1,
                         req->len - 1);
}

/* sec 28.13: parameter, set selector, block selector */
static uint8_t get_boot(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    IPMIBoot *b = &s->records.chassis.boot;
    uint8_t param = req->data[0];

    if (!ipmi_params_value(&b->params, param)) {
        return IPMI_CC_PARAM;
    }
    ipmi_rsp_u8(rsp, PARAM_VERSION);
    ipmi_rsp_u8(rsp, param | (ipmi_boot_is_invalid(b, param) ? PARAM_INVALID :
                                                               0));
    return ipmi_rsp_param(rsp, &b->params, param, req->data[1], req->data[2]);
}

/* sec 28.15: one minute a count */
static uint8_t get_poh(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    ipmi_rsp_u8(rsp, 1);
    ipmi_rsp_u32(rsp, ipmi_chassis_poh(&s->records.chassis));
    return IPMI_CC_OK;
}

static const IPMICommand chassis_commands[] = {
    { 0x00, "Get Chassis Capabilities", 0, 0, USER, 0, get_caps },
    { 0x01, "Get Chassis Status", 0, 0, USER, 0, get_status },
    { 0x02, "Chassis Control", 1, 1, OPER, 0, control, { { 0, 0xf0 } } },
    { 0x04, "Chassis Identify", 0, 2, OPER, 0, identify, { { 1, 0xfe } } },
    { 0x06, "Set Power Restore Policy", 1, 1, OPER, 0, set_policy,
      { { 0, 0xfc } } },
    { 0x07, "Get System Restart Cause", 0, 0, USER, 0, get_cause },
    { 0x08, "Set System Boot Options", 1, 18, OPER, 0, set_boot },
    { 0x09, "Get System Boot Options", 3, 3, OPER, 0, get_boot,
      { { 0, 0x80 } } },
    { 0x0a, "Set Front Panel Button Enables", 1, 1, ADMIN, 0, set_panel,
      { { 0, 0xf0 } } },
    { 0x0b, "Set Power Cycle Interval", 1, 1, ADMIN, 0, set_cycle },
    { 0x0f, "Get POH Counter", 0, 0, USER, 0, get_poh },
};

const IPMICommandTable ipmi_cmds_chassis =
    IPMI_COMMAND_TABLE(IPMI_MULTI_NETFN_CHASSIS, chassis_commands);
