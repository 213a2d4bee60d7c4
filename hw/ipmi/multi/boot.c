/*
 * IPMI BMC with many channels: boot options
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 28.12 to 28.14.
 *
 * Modelled: the parameters, and when the boot flags lose their valid bit.
 * Not modelled: firmware that follows them.
 */

#include "qemu/osdep.h"
#include "priv.h"
#include "trace.h"

#define PARAM_VERSION           0x01
#define PARAM_INVALID           0x80
#define PARAM(byte)             ((byte) & 0x7f)

/* Parameters with a meaning to the BMC */
#define BOOT_VALID_CLEARING     3
#define BOOT_INFO_ACK           4
#define BOOT_FLAGS              5

/* Boot flags, byte 1 */
#define FLAGS_VALID             0x80
#define FLAGS_PERSISTENT        0x40

/* Parameter 3: what does not clear the valid bit */
#define KEEP_BUTTON             0x01
#define KEEP_SOFT               0x02
#define KEEP_WATCHDOG           0x04
#define KEEP_TIMEOUT            0x08

#define BOOT_TIMEOUT_NS         (60 * NANOSECONDS_PER_SECOND)

#define BYTES(...) ((const uint8_t[]) { __VA_ARGS__ })

/* sec 28.14, table 28-14 */
static const IPMIParamDesc boot_params[] = {
    { 0, 1, 0, IPMI_PARAM_PROGRESS, "Set In Progress" },
    { 1, 1, 0, 0, "Service Partition Selector" },
    { 2, 1, 0, 0, "Service Partition Scan", NULL, BYTES(0xfc) },
    { BOOT_VALID_CLEARING, 1, 0, 0, "BMC Boot Flag Valid Bit Clearing",
      BYTES(KEEP_BUTTON | KEEP_SOFT | KEEP_WATCHDOG), BYTES(0xe0) },
    { BOOT_INFO_ACK, 2, 0, IPMI_PARAM_VOLATILE, "Boot Info Acknowledge" },
    { BOOT_FLAGS, 5, 0, 0, "Boot Flags", NULL,
      BYTES(0x1f, 0x00, 0x00, 0xe0, 0xe0) },
    { 6, 9, 0, 0, "Boot Initiator Info", NULL,
      BYTES(0xf0, 0, 0, 0, 0, 0, 0, 0, 0) },
    { 7, 16, 5, IPMI_PARAM_SHORT, "Boot Initiator Mailbox" },
};

const IPMIParamSet ipmi_params_boot = {
    IPMI_PARAM_BOOT, boot_params, ARRAY_SIZE(boot_params)
};

static uint8_t *boot_value(IPMIBmcMulti *s, uint8_t param)
{
    unsigned at;

    ipmi_params_find(&ipmi_params_boot, param, &at);
    return s->stores.chassis.boot.data + at;
}

/* The flags without their valid bit; a failure to store that is harmless. */
static void boot_flags_end(IPMIBmcMulti *s)
{
    uint8_t flags[5];

    memcpy(flags, boot_value(s, BOOT_FLAGS), sizeof(flags));
    flags[0] &= ~FLAGS_VALID;
    trace_ipmi_boot_flags_end(ipmi_bmc_name(s));
    ipmi_params_set(s, &ipmi_params_boot, &s->stores.chassis.boot, 0,
                    BOOT_FLAGS, flags, sizeof(flags));
    s->stores.chassis.boot_seen = false;
}

static void boot_timeout(void *opaque)
{
    boot_flags_end(opaque);
}

/* sec 28.14: without Chassis Control in 60 s nobody wants them any more. */
static void boot_flags_set(IPMIBmcMulti *s)
{
    uint8_t first = boot_value(s, BOOT_FLAGS)[0];

    s->stores.chassis.boot_seen = false;
    if ((first & FLAGS_VALID) && !(first & FLAGS_PERSISTENT) &&
        !(*boot_value(s, BOOT_VALID_CLEARING) & KEEP_TIMEOUT)) {
        timer_mod(&s->stores.chassis.boot_timer,
                  qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + BOOT_TIMEOUT_NS);
    } else {
        timer_del(&s->stores.chassis.boot_timer);
    }
}

void ipmi_boot_control(IPMIBmcMulti *s)
{
    timer_del(&s->stores.chassis.boot_timer);
}

/* Does the valid bit outlive a restart for this cause? */
static bool boot_flags_kept(IPMIBmcMulti *s)
{
    uint8_t keep = *boot_value(s, BOOT_VALID_CLEARING);

    switch (s->stores.chassis.cause) {
    case IPMI_CAUSE_BUTTON:
    case IPMI_CAUSE_ALWAYS_ON:
    case IPMI_CAUSE_PREVIOUS:
        return keep & KEEP_BUTTON;
    case IPMI_CAUSE_SOFT:
        return keep & KEEP_SOFT;
    case IPMI_CAUSE_WATCHDOG:
        return keep & KEEP_WATCHDOG;
    default:
        return true;
    }
}

/* The flags are for one boot: this one, or it was the one before. */
void ipmi_boot_restart(IPMIBmcMulti *s)
{
    uint8_t first = boot_value(s, BOOT_FLAGS)[0];

    ipmi_boot_control(s);
    ipmi_params_end_progress(&ipmi_params_boot, &s->stores.chassis.boot);
    if (!(first & FLAGS_VALID) || (first & FLAGS_PERSISTENT)) {
        return;
    }
    if (s->stores.chassis.boot_seen || !boot_flags_kept(s)) {
        boot_flags_end(s);
    } else {
        s->stores.chassis.boot_seen = true;
    }
}

/*
 * sec 28.12: mark invalid and parameter, data. Without data only the mark
 * changes. In parameter 4 the first byte says which bits of the second count.
 */
uint8_t ipmi_boot_set(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    IPMIChassis *c = &s->stores.chassis;
    uint8_t param = PARAM(req->data[0]);
    const uint8_t *data = req->data + 1;
    uint8_t ack[2] = { };
    unsigned len = req->len - 1;
    unsigned at;
    uint8_t cc;

    if (!ipmi_params_find(&ipmi_params_boot, param, &at)) {
        return IPMI_CC_PARAM;
    }
    if (param == BOOT_INFO_ACK && len == sizeof(ack)) {
        ack[1] = (boot_value(s, param)[1] & ~data[0]) | (data[1] & data[0]);
        data = ack;
    }
    if (len) {
        cc = ipmi_params_set(s, &ipmi_params_boot, &c->boot, 0, param, data,
                             len);
        if (cc) {
            return cc;
        }
    }
    c->boot_invalid &= ~(1 << param);
    c->boot_invalid |= req->data[0] & PARAM_INVALID ? 1 << param : 0;
    if (param == BOOT_FLAGS && len) {
        boot_flags_set(s);
    }
    return IPMI_CC_OK;
}

/* sec 28.13: parameter, set selector, block selector */
uint8_t ipmi_boot_get(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    IPMIChassis *c = &s->stores.chassis;
    uint8_t param = req->data[0];
    unsigned at;

    if (!ipmi_params_find(&ipmi_params_boot, param, &at)) {
        return IPMI_CC_PARAM;
    }
    ipmi_rsp_u8(rsp, PARAM_VERSION);
    ipmi_rsp_u8(rsp, param | (c->boot_invalid & (1 << param) ?
                              PARAM_INVALID : 0));
    return ipmi_params_get(&ipmi_params_boot, &c->boot, param, req->data[1],
                           req->data[2], rsp);
}

void ipmi_boot_init(IPMIBmcMulti *s)
{
    ipmi_params_init(&ipmi_params_boot, &s->stores.chassis.boot);
    timer_init_ns(&s->stores.chassis.boot_timer, QEMU_CLOCK_VIRTUAL,
                  boot_timeout, s);
}
