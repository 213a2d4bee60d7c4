/*
 * IPMI BMC with many channels: the tables of commands
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * For the device, which adds them to the dispatcher. A table is in the cmd-*.c
 * file that its name says.
 */

#ifndef IPMI_MULTI_CMDS_H
#define IPMI_MULTI_CMDS_H

#include "command.h"

extern const IPMICommandTable ipmi_cmds_app;
extern const IPMICommandTable ipmi_cmds_channel;
extern const IPMICommandTable ipmi_cmds_chassis;
extern const IPMICommandTable ipmi_cmds_dcmi;
extern const IPMICommandTable ipmi_cmds_fru;
extern const IPMICommandTable ipmi_cmds_sdr, ipmi_cmds_sdr_dev;
extern const IPMICommandTable ipmi_cmds_sel;
extern const IPMICommandTable ipmi_cmds_sensor;
extern const IPMICommandTable ipmi_cmds_sysinfo;
extern const IPMICommandTable ipmi_cmds_transport;      /* cmd-lan.c */
extern const IPMICommandTable ipmi_cmds_users;
extern const IPMICommandTable ipmi_cmds_watchdog;

#endif
