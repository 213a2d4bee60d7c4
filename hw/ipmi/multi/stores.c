/*
 * IPMI BMC with many channels: the stores together
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1.
 *
 * Modelled: time stamps, reservations, partial access, which SEL and SDR
 * repository share; properties, realize, reset and state of all the stores.
 */

#include "qemu/osdep.h"
#include "priv.h"
#include "hw/qdev-properties.h"
#include "hw/qdev-properties-system.h"
#include "qapi/error.h"
#include "qemu/bswap.h"
#include "qemu/cutils.h"
#include "system/rtc.h"

/* sec 37: seconds since 1970-01-01 */
void ipmi_clock_set(IPMIClock *clock, uint32_t now)
{
    clock->base = now - qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) /
                        NANOSECONDS_PER_SECOND;
}

uint32_t ipmi_clock_get(const IPMIClock *clock)
{
    return clock->base + qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) /
                         NANOSECONDS_PER_SECOND;
}

/* The machine's clock is read once; from then on it is virtual time. */
static void clocks_init(IPMIBmcStores *st)
{
    uint32_t now = st->sel_time;

    if (!now) {
        struct tm tm;

        qemu_get_timedate(&tm, 0);
        now = mktimegm(&tm);
    }
    ipmi_clock_set(&st->sel_clock, now);
    ipmi_clock_set(&st->sdr_clock, now);
}

uint16_t ipmi_reserve(IPMIReservation *r)
{
    r->last = r->last == UINT16_MAX ? 1 : r->last + 1;
    r->valid = true;
    return r->last;
}

bool ipmi_reserved(const IPMIReservation *r, uint16_t id)
{
    return r->valid && r->last == id;
}

void ipmi_unreserve(IPMIReservation *r, IPMIPartial *p)
{
    r->valid = false;
    p->active = false;
}

uint16_t ipmi_next_id(uint16_t id)
{
    return id >= IPMI_RECORD_LAST - 1 ? 1 : id + 1;
}

/* sec 31.9, 33.14: reservation, "CLR", AAh to begin or 00h to ask */
uint8_t ipmi_erase_check(const IPMIReservation *r, const IPMIReq *req,
                         bool *erase)
{
    if (memcmp(req->data + 2, "CLR", 3) ||
        (req->data[5] != 0xaa && req->data[5] != 0x00)) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    if (!ipmi_reserved(r, lduw_le_p(req->data))) {
        return IPMI_CC_INVALID_RESERVATION;
    }
    *erase = req->data[5] == 0xaa;
    return IPMI_CC_OK;
}

/*
 * A reservation of 0000h is good for reading from the start of a record;
 * any other has to be valid.
 */
uint8_t ipmi_record_part(const IPMIReservation *r, uint16_t reservation,
                         uint32_t len, uint8_t offset, unsigned *count,
                         unsigned room)
{
    if ((offset || reservation) && !ipmi_reserved(r, reservation)) {
        return IPMI_CC_INVALID_RESERVATION;
    }
    if (offset >= len) {
        return IPMI_CC_PARM_OUT_OF_RANGE;
    }
    if (*count == 0xff) {
        *count = len - offset;
    }
    if (offset + *count > len || *count > room) {
        return IPMI_CC_CANNOT_RETURN_REQ_NUM_BYTES;
    }
    return IPMI_CC_OK;
}

/*
 * sec 31.7, 33.10: the first piece names record 0000h and begins at offset 0;
 * the others name what was returned, and follow without a gap.
 */
uint8_t ipmi_partial_put(IPMIPartial *p, const IPMIReservation *r,
                         const IPMIReq *req, uint16_t id, bool *last)
{
    const uint8_t *data = req->data + 6;
    uint32_t len = req->len - 6;
    uint16_t record = lduw_le_p(req->data + 2);
    uint8_t offset = req->data[4];
    uint8_t progress = req->data[5];
    bool first = record == 0;

    if (!ipmi_reserved(r, lduw_le_p(req->data))) {
        return IPMI_CC_INVALID_RESERVATION;
    }
    if (progress > 1) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    if (!first && (!p->active || record != p->id)) {
        return IPMI_CC_REQ_ENTRY_NOT_PRESENT;
    }
    if (offset != (first ? 0 : p->len)) {
        return IPMI_CC_PARM_OUT_OF_RANGE;
    }
    if (offset + len > IPMI_PARTIAL_MAX) {
        return IPMI_CC_RECORD;
    }
    if (first) {
        *p = (IPMIPartial) { .active = true, .id = id };
    }
    memcpy(p->data + offset, data, len);
    p->len = offset + len;
    *last = progress == 1;
    return IPMI_CC_OK;
}

static bool misc_load(IPMIBmcMulti *s, uint32_t key, const uint8_t *data,
                      uint32_t len)
{
    IPMIBmcStores *st = &s->stores;

    switch (key) {
    case IPMI_MISC_UTC_OFFSET:
        if (len != 2) {
            return false;
        }
        st->utc_offset = lduw_le_p(data);
        return true;
    case IPMI_MISC_ASSET_TAG:
        if (len >= sizeof(st->asset_tag)) {
            return false;
        }
        memset(st->asset_tag, 0, sizeof(st->asset_tag));
        memcpy(st->asset_tag, data, len);
        st->asset_tag_len = len;
        return true;
    case IPMI_MISC_MC_ID:
        if (len != sizeof(st->mc_id)) {
            return false;
        }
        memcpy(st->mc_id, data, len);
        return true;
    default:
        return false;
    }
}

static void misc_dump(IPMIBmcMulti *s)
{
    IPMIBmcStores *st = &s->stores;
    uint8_t offset[2];

    stw_le_p(offset, st->utc_offset);
    ipmi_store_emit(s, IPMI_STORE_MISC, IPMI_MISC_UTC_OFFSET, offset,
                    sizeof(offset));
    ipmi_store_emit(s, IPMI_STORE_MISC, IPMI_MISC_ASSET_TAG, st->asset_tag,
                    st->asset_tag_len);
    ipmi_store_emit(s, IPMI_STORE_MISC, IPMI_MISC_MC_ID, st->mc_id,
                    sizeof(st->mc_id));
}

const IPMIStoreKind ipmi_store_misc = { "misc", misc_load, misc_dump };

bool ipmi_stores_realize(IPMIBmcMulti *s, Error **errp)
{
    IPMIBmcStores *st = &s->stores;

    clocks_init(st);
    st->utc_offset = 0x7ff;
    st->receiver = s->parent_obj.slave_addr;
    if (!ipmi_sel_realize(s, errp)) {
        return false;
    }
    if (!ipmi_sdr_realize(s, errp)) {
        goto err_sel;
    }
    if (!ipmi_fru_realize(s, errp)) {
        goto err_sdr;
    }
    ipmi_chassis_realize(s);
    ipmi_watchdog_realize(s);
    ipmi_lan_init(s);
    ipmi_dcmi_init(s);
    if (!ipmi_store_open(s, errp)) {
        goto err_store;
    }
    if (!ipmi_sensors_realize(s, errp)) {
        goto err_store;
    }
    return true;

err_store:
    ipmi_store_close(s);
    ipmi_watchdog_unrealize(s);
    ipmi_chassis_unrealize(s);
    ipmi_fru_unrealize(s);
err_sdr:
    ipmi_sdr_unrealize(s);
err_sel:
    ipmi_sel_unrealize(s);
    return false;
}

void ipmi_stores_unrealize(IPMIBmcMulti *s)
{
    ipmi_store_close(s);
    ipmi_sensors_unrealize(s);
    ipmi_watchdog_unrealize(s);
    ipmi_chassis_unrealize(s);
    ipmi_fru_unrealize(s);
    ipmi_sdr_unrealize(s);
    ipmi_sel_unrealize(s);
}

/* sec 31.4, 33.11, 27: what does not outlive a reset of the system */
void ipmi_stores_system_reset(IPMIBmcMulti *s, bool snapshot)
{
    IPMIBmcStores *st = &s->stores;

    /* All of the state is about to be loaded. */
    if (snapshot) {
        return;
    }
    ipmi_unreserve(&st->sel.reservation, &st->sel.partial);
    ipmi_unreserve(&st->sdr.reservation, &st->sdr.partial);
    ipmi_unreserve(&st->dev.reservation, &st->dev.partial);
    ipmi_watchdog_stop(s);
    ipmi_chassis_system_reset(s);
}

/*
 * sec 20.2, 20.3: a Cold Reset brings all that is volatile to its defaults and
 * runs the initialisation agent; a Warm Reset ends what is under way.
 */
void ipmi_stores_bmc_reset(IPMIBmcMulti *s, bool cold)
{
    IPMIBmcStores *st = &s->stores;

    ipmi_unreserve(&st->sel.reservation, &st->sel.partial);
    ipmi_unreserve(&st->sdr.reservation, &st->sdr.partial);
    ipmi_unreserve(&st->dev.reservation, &st->dev.partial);
    st->sdr.update = false;
    for (int i = 0; i < IPMI_PARAM_CHANNELS; i++) {
        ipmi_params_end_progress(&ipmi_params_lan, &st->lan[i].lan);
        ipmi_params_end_progress(&ipmi_params_serial, &st->lan[i].serial);
        ipmi_params_end_progress(&ipmi_params_sol, &st->lan[i].sol);
    }
    ipmi_params_end_progress(&ipmi_params_info, &st->info);
    ipmi_params_end_progress(&ipmi_params_boot, &st->chassis.boot);
    if (cold) {
        ipmi_watchdog_reset(s);
        st->receiver = s->parent_obj.slave_addr;
        st->receiver_lun = 0;
        ipmi_sensor_init_all(s);
    }
}

const VMStateDescription vmstate_ipmi_clock = {
    .name = "ipmi-bmc-multi/clock",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_INT64(base, IPMIClock),
        VMSTATE_END_OF_LIST()
    }
};

const VMStateDescription vmstate_ipmi_reservation = {
    .name = "ipmi-bmc-multi/reservation",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT16(last, IPMIReservation),
        VMSTATE_BOOL(valid, IPMIReservation),
        VMSTATE_END_OF_LIST()
    }
};

static bool partial_valid(void *opaque, int version_id)
{
    IPMIPartial *p = opaque;

    return p->len <= IPMI_PARTIAL_MAX;
}

const VMStateDescription vmstate_ipmi_partial = {
    .name = "ipmi-bmc-multi/partial",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_BOOL(active, IPMIPartial),
        VMSTATE_UINT16(id, IPMIPartial),
        VMSTATE_UINT32(len, IPMIPartial),
        VMSTATE_VALIDATE("partial record", partial_valid),
        VMSTATE_UINT8_ARRAY(data, IPMIPartial, IPMI_PARTIAL_MAX),
        VMSTATE_END_OF_LIST()
    }
};

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

static bool stores_valid(void *opaque, int version_id)
{
    IPMIBmcStores *st = opaque;

    return st->asset_tag_len < sizeof(st->asset_tag);
}

/* VMSTATE_STRUCT is found by its member: see vmstate_ipmi_bmc_stores. */
static int stores_post_load(void *opaque, int version_id)
{
    IPMIBmcStores *st = opaque;

    ipmi_store_stale(container_of(st, IPMIBmcMulti, stores));
    return 0;
}

const VMStateDescription vmstate_ipmi_bmc_stores = {
    .name = "ipmi-bmc-multi/stores",
    .version_id = 1,
    .minimum_version_id = 1,
    .post_load = stores_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_STRUCT(sel_clock, IPMIBmcStores, 1, vmstate_ipmi_clock,
                       IPMIClock),
        VMSTATE_STRUCT(sdr_clock, IPMIBmcStores, 1, vmstate_ipmi_clock,
                       IPMIClock),
        VMSTATE_INT16(utc_offset, IPMIBmcStores),
        VMSTATE_STRUCT(sel, IPMIBmcStores, 1, vmstate_ipmi_sel, IPMISel),
        VMSTATE_STRUCT(sdr, IPMIBmcStores, 1, vmstate_ipmi_sdr, IPMISdr),
        VMSTATE_STRUCT(dev.reservation, IPMIBmcStores, 1,
                       vmstate_ipmi_reservation, IPMIReservation),
        VMSTATE_STRUCT_ARRAY(fru, IPMIBmcStores, IPMI_FRUS, 1,
                             vmstate_ipmi_fru, IPMIFru),
        VMSTATE_UINT32_EQUAL(n_sensors, IPMIBmcStores,
                             "the BMCs have different sensors"),
        VMSTATE_STRUCT_VARRAY_POINTER_UINT32(sensors, IPMIBmcStores, n_sensors,
                                             vmstate_ipmi_sensor, IPMISensor),
        VMSTATE_UINT8(receiver, IPMIBmcStores),
        VMSTATE_UINT8(receiver_lun, IPMIBmcStores),
        VMSTATE_STRUCT(watchdog, IPMIBmcStores, 1, vmstate_ipmi_watchdog,
                       IPMIWatchdog),
        VMSTATE_STRUCT(chassis, IPMIBmcStores, 1, vmstate_ipmi_chassis,
                       IPMIChassis),
        VMSTATE_STRUCT_ARRAY(lan, IPMIBmcStores, IPMI_PARAM_CHANNELS, 1,
                             vmstate_lan_params, IPMILanParams),
        VMSTATE_STRUCT(info, IPMIBmcStores, 1, vmstate_ipmi_params,
                       IPMIParams),
        VMSTATE_UINT8_ARRAY(asset_tag, IPMIBmcStores, 64),
        VMSTATE_UINT8(asset_tag_len, IPMIBmcStores),
        VMSTATE_VALIDATE("asset tag", stores_valid),
        VMSTATE_UINT8_ARRAY(mc_id, IPMIBmcStores, 64),
        VMSTATE_UINT32(power_min, IPMIBmcStores),
        VMSTATE_UINT32(power_max, IPMIBmcStores),
        VMSTATE_UINT64(power_sum, IPMIBmcStores),
        VMSTATE_INT64(power_since, IPMIBmcStores),
        VMSTATE_INT64(power_last, IPMIBmcStores),
        VMSTATE_END_OF_LIST()
    }
};

static const Property stores_props[] = {
    DEFINE_PROP_DRIVE("drive", IPMIBmcMulti, stores.store.blk),
    DEFINE_PROP_UINT32("sel-entries", IPMIBmcMulti, stores.sel.capacity, 512),
    DEFINE_PROP_UINT32("sel-time", IPMIBmcMulti, stores.sel_time, 0),
    DEFINE_PROP_UINT32("sdr-size", IPMIBmcMulti, stores.sdr.size, 16384),
    DEFINE_PROP_STRING("sdr-file", IPMIBmcMulti, stores.sdr_file),
    DEFINE_PROP_UINT32("fru-size", IPMIBmcMulti, stores.fru_size, 2048),
    DEFINE_PROP_ARRAY("fru-files", IPMIBmcMulti, stores.n_fru_files,
                      stores.fru_files, qdev_prop_string, char *),
    DEFINE_PROP_STRING("manufacturer", IPMIBmcMulti, stores.manufacturer),
    DEFINE_PROP_STRING("product", IPMIBmcMulti, stores.product),
    DEFINE_PROP_STRING("serial", IPMIBmcMulti, stores.serial),
};

static const struct {
    const char *name, *text;
} stores_prop_texts[] = {
    { "drive", "keep SEL, SDRs, FRU data, users and settings there" },
    { "sel-entries", "capacity of the System Event Log, 16 to 4096 records" },
    { "sel-time", "seconds since 1970 at the start; 0: the machine's clock" },
    { "sdr-size", "capacity of the SDR repository, 2048 to 65528 bytes" },
    { "sdr-file", "SDRs to begin with, and to make the sensors from" },
    { "fru-size", "bytes of data of each FRU, 1024 to 8192" },
    { "fru-files", "data of the FRUs from 0 on; an empty name: built in" },
    { "manufacturer", "manufacturer in the built-in FRU data" },
    { "product", "product name in the built-in FRU data" },
    { "serial", "serial number in the built-in FRU data" },
};

void ipmi_stores_class_props(ObjectClass *klass)
{
    device_class_set_props(DEVICE_CLASS(klass), stores_props);
    for (unsigned i = 0; i < ARRAY_SIZE(stores_prop_texts); i++) {
        object_class_property_set_description(klass, stores_prop_texts[i].name,
                                              stores_prop_texts[i].text);
    }
}
