/*
 * IPMI BMC with many channels: settings that are kept, and read back
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: sec 22.14a, 23, 25, 26, 31.11a; DCMI v1.5.
 *
 * Owns: LAN, serial and SOL parameters of each channel, System Info, the UTC
 * offset, DCMI's asset tag and controller ID. Nothing in the BMC follows them.
 * Called by their commands.
 *
 * Life: ipmi_settings_init() before the store loads.
 */

#ifndef IPMI_MULTI_SETTINGS_H
#define IPMI_MULTI_SETTINGS_H

#include "params.h"

/* sec 31.11a: not specified */
#define IPMI_UTC_OFFSET_NONE    0x7ff

#define IPMI_ASSET_TAG_MAX      63
#define IPMI_MC_ID_LEN          64

/* LAN parameter that a command needs (sec 23.1) */
#define IPMI_LAN_ARP_CONTROL    10

typedef struct IPMILanParams {
    IPMIParams lan, serial, sol;
    uint8_t arp_suspend;        /* sec 23.3 */
} IPMILanParams;

typedef struct IPMISettings {
    IPMIStore *store;
    IPMILanParams lan[IPMI_PARAM_CHANNELS];
    IPMIParams info;            /* System Info (sec 22.14a) */
    int16_t utc_offset;         /* minutes */
    uint8_t asset_tag[IPMI_ASSET_TAG_MAX + 1];
    uint8_t asset_tag_len;
    uint8_t mc_id[IPMI_MC_ID_LEN];
} IPMISettings;

void ipmi_settings_init(IPMISettings *st, IPMIStore *store,
                        IPMIParamsDir *dir);
/* The BMC was reset */
void ipmi_settings_end_progress(IPMISettings *st);

/*
 * Setters: 00h, or FFh if it could not be stored; then nothing has changed.
 * @tag: @len bytes, at most IPMI_ASSET_TAG_MAX; @id: IPMI_MC_ID_LEN bytes
 */
uint8_t ipmi_settings_set_utc(IPMISettings *st, int16_t minutes);
uint8_t ipmi_settings_set_asset_tag(IPMISettings *st, const uint8_t *tag,
                                    uint8_t len);
uint8_t ipmi_settings_set_mc_id(IPMISettings *st, const uint8_t *id);

/* Of each channel, and of the BMC */
extern const IPMIParamSet ipmi_params_lan, ipmi_params_serial;
extern const IPMIParamSet ipmi_params_sol, ipmi_params_info;

extern const VMStateDescription vmstate_ipmi_settings;

#endif
