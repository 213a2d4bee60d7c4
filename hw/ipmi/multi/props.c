/*
 * IPMI BMC with many channels: properties of the device
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Each has a line in docs/system/devices/ipmi-bmc-multi.rst or in
 * docs/specs/ipmi-bmc-store.rst.
 */

#include "qemu/osdep.h"
#include "bmc.h"
#include "fault.h"
#include "hw/qdev-properties.h"
#include "hw/qdev-properties-system.h"
#include "props.h"
#include "qapi/error.h"
#include "qapi/qapi-visit-ipmi-bmc-multi.h"
#include "qapi/visitor.h"

static bool set_guid(IPMIBmcMulti *s, Error **errp)
{
    if (!s->id.guid_str) {
        /* The same command line makes the same BMC. */
        g_autofree char *path = object_get_canonical_path(OBJECT(s));
        g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
        uint8_t digest[32];
        gsize len = sizeof(digest);

        g_checksum_update(sum, (const guchar *)path, -1);
        g_checksum_get_digest(sum, digest, &len);
        memcpy(s->id.guid.data, digest, sizeof(s->id.guid.data));
        return true;
    }
    if (qemu_uuid_parse(s->id.guid_str, &s->id.guid) < 0) {
        error_setg(errp, "guid=%s: must be a UUID such as "
                   "01234567-89ab-cdef-0123-456789abcdef", s->id.guid_str);
        return false;
    }
    return true;
}

static bool check_props(IPMIBmcMulti *s, Error **errp)
{
    if (s->id.ipmi_version != 0x02 && s->id.ipmi_version != 0x51) {
        error_setg(errp, "ipmi_version=0x%02x: must be 0x02 (2.0) or 0x51 "
                   "(1.5)", s->id.ipmi_version);
        return false;
    }
    if (s->port2_channel >= IPMI_MULTI_CHANNELS) {
        error_setg(errp, "second-interface=%u: must be a channel number, 0 to "
                   "11", s->port2_channel);
        return false;
    }
    if (s->parent_obj.slave_addr & 1 || s->parent_obj.slave_addr < 0x10 ||
        s->parent_obj.slave_addr > 0xee) {
        error_setg(errp, "slave_addr=0x%02x: must be an even number, 0x10 to "
                   "0xee", s->parent_obj.slave_addr);
        return false;
    }
    if (s->id.mfg_id >= 1u << 20) {
        error_setg(errp, "mfg_id=%u: must be less than %u", s->id.mfg_id,
                   1u << 20);
        return false;
    }
    return true;
}

bool ipmi_bmc_check_props(IPMIBmcMulti *s, Error **errp)
{
    return check_props(s, errp) && set_guid(s, errp);
}

static void get_faults(Object *obj, Visitor *v, const char *name, void *opaque,
                       Error **errp)
{
    IpmiFaultList *list = ipmi_faults_get(IPMI_BMC_MULTI(obj)->faults);

    visit_type_IpmiFaultList(v, name, &list, errp);
    qapi_free_IpmiFaultList(list);
}

static void set_faults(Object *obj, Visitor *v, const char *name, void *opaque,
                       Error **errp)
{
    IPMIBmcMulti *s = IPMI_BMC_MULTI(obj);
    IpmiFaultList *list = NULL;

    if (visit_type_IpmiFaultList(v, name, &list, errp)) {
        ipmi_faults_set(s->faults, list, &s->records.chans, errp);
    }
    qapi_free_IpmiFaultList(list);
}

static const Property bmc_props[] = {
    DEFINE_PROP_UINT8("device_id", IPMIBmcMulti, id.device_id, 0x20),
    DEFINE_PROP_UINT8("device_rev", IPMIBmcMulti, id.device_rev, 1),
    DEFINE_PROP_UINT8("fwrev1", IPMIBmcMulti, id.fwrev1, 1),
    DEFINE_PROP_UINT8("fwrev2", IPMIBmcMulti, id.fwrev2, 0),
    DEFINE_PROP_UINT32("aux_fwrev", IPMIBmcMulti, id.aux_fwrev, 0),
    DEFINE_PROP_UINT8("ipmi_version", IPMIBmcMulti, id.ipmi_version, 0x02),
    /* sensors, SDR, SEL, FRU, IPMB receiver and generator, chassis */
    DEFINE_PROP_UINT8("support", IPMIBmcMulti, id.support, 0xbf),
    DEFINE_PROP_UINT32("mfg_id", IPMIBmcMulti, id.mfg_id, 0),
    DEFINE_PROP_UINT16("product_id", IPMIBmcMulti, id.product_id, 0),
    DEFINE_PROP_STRING("guid", IPMIBmcMulti, id.guid_str),
    DEFINE_PROP_UINT8("second-interface", IPMIBmcMulti, port2_channel, 7),
    DEFINE_PROP_DRIVE("drive", IPMIBmcMulti, records.store.blk),
    DEFINE_PROP_UINT32("sel-entries", IPMIBmcMulti, records.sel.capacity, 512),
    DEFINE_PROP_UINT32("sel-time", IPMIBmcMulti, records.sel_time, 0),
    DEFINE_PROP_UINT32("sdr-size", IPMIBmcMulti, records.sdr.size, 16384),
    DEFINE_PROP_STRING("sdr-file", IPMIBmcMulti, records.sdr_file),
    DEFINE_PROP_UINT32("fru-size", IPMIBmcMulti, records.frus.size, 2048),
    DEFINE_PROP_ARRAY("fru-files", IPMIBmcMulti, records.frus.n_files,
                      records.frus.files, qdev_prop_string, char *),
    DEFINE_PROP_STRING("manufacturer", IPMIBmcMulti, records.frus.manufacturer),
    DEFINE_PROP_STRING("product", IPMIBmcMulti, records.frus.product),
    DEFINE_PROP_STRING("serial", IPMIBmcMulti, records.frus.serial),
};

static const struct {
    const char *name, *text;
} texts[] = {
    { "device_id", "Device ID" },
    { "device_rev", "Device Revision" },
    { "fwrev1", "firmware revision, major" },
    { "fwrev2", "firmware revision, minor, BCD" },
    { "aux_fwrev", "auxiliary firmware revision; 0: not told" },
    { "ipmi_version", "IPMI Version: 0x02 (2.0) or 0x51 (1.5)" },
    { "support", "Additional Device Support" },
    { "mfg_id", "Manufacturer ID, 20 bits" },
    { "product_id", "Product ID" },
    { "guid", "GUID of the BMC and of the system; made from the device's "
              "path if it is left out" },
    { "second-interface", "channel number of a second system interface" },
    { "faults", "how it misbehaves: a list of IpmiFault (JSON)" },
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

void ipmi_bmc_add_props(ObjectClass *oc)
{
    device_class_set_props(DEVICE_CLASS(oc), bmc_props);
    object_class_property_add(oc, "faults", "IpmiFaultList", get_faults,
                              set_faults, NULL, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(texts); i++) {
        object_class_property_set_description(oc, texts[i].name,
                                              texts[i].text);
    }
}
