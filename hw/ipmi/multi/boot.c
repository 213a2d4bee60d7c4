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
#include "boot.h"
#include "numbers.h"
#include "trace.h"

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

static const IPMIParamSet boot_set = {
    IPMI_PARAM_BOOT, boot_params, ARRAY_SIZE(boot_params)
};

static uint8_t *boot_value(IPMIBoot *b, uint8_t param)
{
    return ipmi_params_value(&b->params, param);
}

/* The flags without their valid bit; a failure to store that is harmless. */
static void boot_flags_end(IPMIBoot *b)
{
    uint8_t flags[5];

    memcpy(flags, boot_value(b, BOOT_FLAGS), sizeof(flags));
    flags[0] &= ~FLAGS_VALID;
    trace_ipmi_boot_flags_end(b->params.dir->store->name);
    ipmi_params_set(&b->params, BOOT_FLAGS, flags, sizeof(flags));
    b->seen = false;
}

static void boot_timeout(void *opaque)
{
    boot_flags_end(opaque);
}

/* sec 28.14: without Chassis Control in 60 s nobody wants them any more. */
static void boot_flags_set(IPMIBoot *b)
{
    uint8_t first = boot_value(b, BOOT_FLAGS)[0];

    b->seen = false;
    if ((first & FLAGS_VALID) && !(first & FLAGS_PERSISTENT) &&
        !(*boot_value(b, BOOT_VALID_CLEARING) & KEEP_TIMEOUT)) {
        timer_mod(&b->timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
                             BOOT_TIMEOUT_NS);
    } else {
        timer_del(&b->timer);
    }
}

void ipmi_boot_control(IPMIBoot *b)
{
    timer_del(&b->timer);
}

/* Does the valid bit outlive a restart for this cause? */
static bool boot_flags_kept(IPMIBoot *b, uint8_t cause)
{
    uint8_t keep = *boot_value(b, BOOT_VALID_CLEARING);

    switch (cause) {
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
void ipmi_boot_restart(IPMIBoot *b, uint8_t cause)
{
    uint8_t first = boot_value(b, BOOT_FLAGS)[0];

    ipmi_boot_control(b);
    ipmi_params_end_progress(&b->params);
    if (!(first & FLAGS_VALID) || (first & FLAGS_PERSISTENT)) {
        return;
    }
    if (b->seen || !boot_flags_kept(b, cause)) {
        boot_flags_end(b);
    } else {
        b->seen = true;
    }
}

/* In parameter 4 the first byte says which bits of the second count. */
uint8_t ipmi_boot_set(IPMIBoot *b, uint8_t param, bool invalid,
                      const uint8_t *data, unsigned len)
{
    uint8_t ack[2] = { };
    uint8_t cc;

    if (!boot_value(b, param)) {
        return IPMI_CC_PARAM;
    }
    if (param == BOOT_INFO_ACK && len == sizeof(ack)) {
        ack[1] = (boot_value(b, param)[1] & ~data[0]) | (data[1] & data[0]);
        data = ack;
    }
    if (len) {
        cc = ipmi_params_set(&b->params, param, data, len);
        if (cc) {
            return cc;
        }
    }
    b->invalid &= ~(1 << param);
    b->invalid |= invalid ? 1 << param : 0;
    if (param == BOOT_FLAGS && len) {
        boot_flags_set(b);
    }
    return IPMI_CC_OK;
}

bool ipmi_boot_is_invalid(const IPMIBoot *b, uint8_t param)
{
    return b->invalid & (1 << param);
}

void ipmi_boot_init(IPMIBoot *b, IPMIParamsDir *dir)
{
    ipmi_params_init(&b->params, dir, &boot_set, 0);
    timer_init_ns(&b->timer, QEMU_CLOCK_VIRTUAL, boot_timeout, b);
}

void ipmi_boot_exit(IPMIBoot *b)
{
    timer_del(&b->timer);
}

const VMStateDescription vmstate_ipmi_boot = {
    .name = "ipmi-bmc-multi/boot",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_TIMER(timer, IPMIBoot),
        VMSTATE_BOOL(seen, IPMIBoot),
        VMSTATE_STRUCT(params, IPMIBoot, 1, vmstate_ipmi_params, IPMIParams),
        VMSTATE_UINT16(invalid, IPMIBoot),
        VMSTATE_END_OF_LIST()
    }
};
