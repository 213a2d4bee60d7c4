/*
 * IPMI BMC with many channels: the object
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * How a request travels, from the bottom of the drawing to the top:
 *
 *   records     store, SEL, SDR, FRU, sensors, chassis, watchdog, users ...
 *      ^
 *   commands    dispatch.c finds the row of a table (cmd-*.c)      <---+
 *      ^                                                               |
 *   bridge      sms.c: flags, queue for software; bridge.c: messages   |
 *      ^                                                               |
 *   faults      filter.c: what a rule makes of a message or request    |
 *      ^                                                               |
 *   channels    channel.c: ipmi-channel; port.c: KCS and BT -----------+
 *      ^
 *   device      bmc.c brings it all together; qmp.c
 *
 * A file includes and calls only what is above it in this drawing; what those
 * have to tell goes by a hook. So this structure has pointers to what is below
 * commands, whose types it does not know.
 *
 * All numbers of more than one byte are little endian on the wire. All times
 * are of QEMU_CLOCK_VIRTUAL. Everything runs under the BQL.
 */

#ifndef IPMI_MULTI_BMC_H
#define IPMI_MULTI_BMC_H

#include "command.h"
#include "qemu/uuid.h"
#include "qom/object.h"
#include "records.h"

OBJECT_DECLARE_SIMPLE_TYPE(IPMIBmcMulti, IPMI_BMC_MULTI)

typedef struct IPMISms IPMISms;             /* sms.h */
typedef struct IPMIBridge IPMIBridge;       /* bridge.h */
typedef struct IPMIBmcFaults IPMIBmcFaults; /* fault.h */
typedef struct IPMIBmcPort IPMIBmcPort;     /* port.h */
typedef struct IPMIChannel IPMIChannel;     /* channel.h */

#define IPMI_PORTS              2

/* What Get Device ID says: properties */
typedef struct IPMIIdentity {
    uint8_t device_id;
    uint8_t device_rev;
    uint8_t fwrev1, fwrev2;
    uint8_t ipmi_version;       /* 02h: 2.0; 51h: 1.5 */
    uint8_t support;            /* Additional Device Support */
    uint32_t mfg_id;
    uint16_t product_id;
    uint32_t aux_fwrev;         /* 0: left out */
    char *guid_str;
    QemuUUID guid;
} IPMIIdentity;

struct IPMIBmcMulti {
    IPMIBmc parent_obj;

    char *name;                 /* ID or QOM path */
    unsigned index;             /* among the BMCs of the machine, from 0 */
    IPMIIdentity id;
    IPMIRecords records;
    uint8_t acpi_sys, acpi_dev;     /* sec 20.6 */
    uint8_t port2_channel;      /* property: of a second system interface */

    uint32_t resets;            /* cold ones; to see whether one was made */
    void (*reset)(IPMIBmcMulti *s, bool cold);  /* hook: the device's */

    IPMISms *sms;
    IPMIBridge *bridge;
    IPMIBmcFaults *faults;
    IPMIBmcPort *ports[IPMI_PORTS];     /* NULL where there is none */
    IPMIChannel *channels[IPMI_MULTI_CHANNELS];

    Object *reset_obj;          /* what the machine's reset calls */
};

/*
 * ipmi_bmc_name: ID, or QOM path; lives as long as the BMC.
 */
static inline const char *ipmi_bmc_name(const IPMIBmcMulti *s)
{
    return s->name ?: TYPE_IPMI_BMC_MULTI;
}

/*
 * ipmi_bmc_reset: the BMC resets itself (sec 20.2, 20.3); what it stores stays.
 */
static inline void ipmi_bmc_reset(IPMIBmcMulti *s, bool cold)
{
    s->reset(s, cold);
}

#endif
