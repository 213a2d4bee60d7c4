/*
 * IPMI BMC with many channels: settings that are kept, and read back
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 22.14a, 23, 25, 26, 31.11a; DCMI v1.5.
 */

#include "qemu/osdep.h"
#include "kinds.h"
#include "numbers.h"
#include "qemu/bswap.h"
#include "qemu/cutils.h"
#include "settings.h"

/* Keys of IPMI_STORE_MISC */
#define MISC_UTC_OFFSET     1
#define MISC_ASSET_TAG      2
#define MISC_MC_ID          3

/* Parameters that differ from channel to channel */
#define LAN_MAC             5
#define SOL_CHANNEL         7

static uint8_t put(IPMISettings *st, uint32_t key, const void *data,
                   uint32_t len)
{
    return ipmi_store_put(st->store, IPMI_STORE_MISC, key, data, len) ?
           IPMI_CC_OK : IPMI_CC_UNSPECIFIED;
}

uint8_t ipmi_settings_set_utc(IPMISettings *st, int16_t minutes)
{
    uint8_t raw[2];
    uint8_t cc;

    stw_le_p(raw, minutes);
    cc = put(st, MISC_UTC_OFFSET, raw, sizeof(raw));
    if (!cc) {
        st->utc_offset = minutes;
    }
    return cc;
}

uint8_t ipmi_settings_set_asset_tag(IPMISettings *st, const uint8_t *tag,
                                    uint8_t len)
{
    uint8_t cc;

    assert(len <= IPMI_ASSET_TAG_MAX);
    cc = put(st, MISC_ASSET_TAG, tag, len);
    if (!cc) {
        memset(st->asset_tag, 0, sizeof(st->asset_tag));
        memcpy(st->asset_tag, tag, len);
        st->asset_tag_len = len;
    }
    return cc;
}

uint8_t ipmi_settings_set_mc_id(IPMISettings *st, const uint8_t *id)
{
    uint8_t cc = put(st, MISC_MC_ID, id, IPMI_MC_ID_LEN);

    if (!cc) {
        memcpy(st->mc_id, id, IPMI_MC_ID_LEN);
    }
    return cc;
}

static bool misc_load(void *opaque, uint32_t key, const uint8_t *data,
                      uint32_t len)
{
    IPMISettings *st = opaque;

    switch (key) {
    case MISC_UTC_OFFSET:
        if (len != 2) {
            return false;
        }
        st->utc_offset = lduw_le_p(data);
        return true;
    case MISC_ASSET_TAG:
        if (len >= sizeof(st->asset_tag)) {
            return false;
        }
        memset(st->asset_tag, 0, sizeof(st->asset_tag));
        memcpy(st->asset_tag, data, len);
        st->asset_tag_len = len;
        return true;
    case MISC_MC_ID:
        if (len != sizeof(st->mc_id)) {
            return false;
        }
        memcpy(st->mc_id, data, len);
        return true;
    default:
        return false;
    }
}

static void misc_dump(void *opaque, IPMIStore *store)
{
    IPMISettings *st = opaque;
    uint8_t offset[2];

    stw_le_p(offset, st->utc_offset);
    ipmi_store_emit(store, IPMI_STORE_MISC, MISC_UTC_OFFSET, offset,
                    sizeof(offset));
    ipmi_store_emit(store, IPMI_STORE_MISC, MISC_ASSET_TAG, st->asset_tag,
                    st->asset_tag_len);
    ipmi_store_emit(store, IPMI_STORE_MISC, MISC_MC_ID, st->mc_id,
                    sizeof(st->mc_id));
}

static const IPMIStoreKind misc_kind = { "misc", misc_load, misc_dump };

/* A locally administered MAC address for each channel, and its own number */
static void init_channel(IPMILanParams *p, IPMIParamsDir *dir, uint8_t chan)
{
    const uint8_t mac[6] = { 0x52, 0x54, 0x00, 0x62, 0x6d, chan };

    ipmi_params_init(&p->lan, dir, &ipmi_params_lan, chan);
    ipmi_params_init(&p->serial, dir, &ipmi_params_serial, chan);
    ipmi_params_init(&p->sol, dir, &ipmi_params_sol, chan);
    memcpy(ipmi_params_value(&p->lan, LAN_MAC), mac, sizeof(mac));
    *ipmi_params_value(&p->sol, SOL_CHANNEL) = chan;
}

void ipmi_settings_init(IPMISettings *st, IPMIStore *store, IPMIParamsDir *dir)
{
    st->store = store;
    st->utc_offset = IPMI_UTC_OFFSET_NONE;
    for (int i = 0; i < IPMI_PARAM_CHANNELS; i++) {
        init_channel(&st->lan[i], dir, i);
    }
    ipmi_params_init(&st->info, dir, &ipmi_params_info, 0);
    pstrcpy((char *)st->mc_id, sizeof(st->mc_id), "DCMI525400626d00");
    ipmi_store_register(store, IPMI_STORE_MISC, &misc_kind, st);
}

void ipmi_settings_end_progress(IPMISettings *st)
{
    for (int i = 0; i < IPMI_PARAM_CHANNELS; i++) {
        ipmi_params_end_progress(&st->lan[i].lan);
        ipmi_params_end_progress(&st->lan[i].serial);
        ipmi_params_end_progress(&st->lan[i].sol);
    }
    ipmi_params_end_progress(&st->info);
}

static const VMStateDescription vmstate_lan_params = {
    .name = "ipmi-bmc-multi/lan",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_STRUCT(lan, IPMILanParams, 1, vmstate_ipmi_params, IPMIParams),
        VMSTATE_STRUCT(serial, IPMILanParams, 1, vmstate_ipmi_params,
                       IPMIParams),
        VMSTATE_STRUCT(sol, IPMILanParams, 1, vmstate_ipmi_params, IPMIParams),
        VMSTATE_UINT8(arp_suspend, IPMILanParams),
        VMSTATE_END_OF_LIST()
    }
};

static bool settings_valid(void *opaque, int version_id)
{
    IPMISettings *st = opaque;

    return st->asset_tag_len <= IPMI_ASSET_TAG_MAX;
}

const VMStateDescription vmstate_ipmi_settings = {
    .name = "ipmi-bmc-multi/settings",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_STRUCT_ARRAY(lan, IPMISettings, IPMI_PARAM_CHANNELS, 1,
                             vmstate_lan_params, IPMILanParams),
        VMSTATE_STRUCT(info, IPMISettings, 1, vmstate_ipmi_params, IPMIParams),
        VMSTATE_INT16(utc_offset, IPMISettings),
        VMSTATE_UINT8_ARRAY(asset_tag, IPMISettings, IPMI_ASSET_TAG_MAX + 1),
        VMSTATE_UINT8(asset_tag_len, IPMISettings),
        VMSTATE_VALIDATE("asset tag", settings_valid),
        VMSTATE_UINT8_ARRAY(mc_id, IPMISettings, IPMI_MC_ID_LEN),
        VMSTATE_END_OF_LIST()
    }
};
