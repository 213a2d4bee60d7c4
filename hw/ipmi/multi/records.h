/*
 * IPMI BMC with many channels: all that it keeps, watches and switches
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns: nothing of its own; brings the modules of records up in the order of
 * what they lean on, and down again, and says what a reset does to each.
 *
 * Called by the device; commands reach each module by its member.
 *
 * Life: ipmi_records_init(), ipmi_records_exit(); the hooks of events and
 * watchdog have to be set before.
 */

#ifndef IPMI_MULTI_RECORDS_H
#define IPMI_MULTI_RECORDS_H

#include "chans.h"
#include "fru.h"
#include "meter.h"
#include "rate.h"
#include "settings.h"
#include "users.h"
#include "watchdog.h"

typedef struct IPMIRecords {
    IPMIStore store;
    IPMIRate rate;              /* of events to QMP */
    IPMIParamsDir params;
    IPMISel sel;
    IPMIEvents events;
    IPMISdr sdr;                /* the repository */
    IPMISdr dev;                /* device SDRs; never change */
    IPMIFrus frus;
    IPMISensors sensors;
    IPMIMeter meter;
    IPMISettings settings;
    IPMIChassis chassis;
    IPMIWatchdog watchdog;
    IPMIUsers users;
    IPMIChans chans;

    /* properties */
    char *sdr_file;
    uint32_t sel_time;          /* seconds since 1970; 0: machine's clock */
} IPMIRecords;

/*
 * ipmi_records_init: reads the drive. @name: of the BMC, lives as long as it;
 * @address: its slave address. Returns false with @errp set.
 */
bool ipmi_records_init(IPMIRecords *r, const char *name, uint8_t address,
                       Error **errp);
void ipmi_records_exit(IPMIRecords *r);

/*
 * ipmi_records_system_reset: the machine is reset. @snapshot: to load one.
 * ipmi_records_bmc_reset: Cold Reset, or Warm Reset (sec 20.2, 20.3).
 */
void ipmi_records_system_reset(IPMIRecords *r, bool snapshot);
void ipmi_records_bmc_reset(IPMIRecords *r, bool cold);

extern const VMStateDescription vmstate_ipmi_records;

#endif
