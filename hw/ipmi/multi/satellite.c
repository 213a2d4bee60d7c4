/*
 * Satellite management controller on an IPMB
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 20 (IPM device), 35.14 (sensor
 * reading); IPMB v1.0.
 *
 * It answers requests that software bridges to it (ipmitool -t ADDRESS).
 *
 * Modelled:     Get Device ID, Get Self Test Results, Get Device GUID, Cold and
 *               Warm Reset, Get Sensor Reading of one temperature.
 * Not modelled: SDRs, a SEL and FRU data of its own, requests that it sends by
 *               itself (put them onto the channel with QMP).
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "channel.h"
#include "hw/qdev-properties.h"
#include "migration/vmstate.h"
#include "qemu/module.h"

OBJECT_DECLARE_SIMPLE_TYPE(IPMIIpmbMc, IPMI_IPMB_MC)

struct IPMIIpmbMc {
    DeviceState parent_obj;

    /* properties */
    IPMIBmcMulti *bmc;
    uint8_t channel;
    uint8_t address;
    uint8_t device_id;
    uint32_t mfg_id;
    uint16_t product_id;
    uint8_t sensor;
    uint8_t reading;

    IPMISatellite satellite;
};

/* sec 35.14: events and scanning on */
#define SENSOR_ON   0xc0

static uint8_t mc_device_id(IPMIIpmbMc *mc, const IPMIMessage *msg,
                            IPMIRsp *rsp)
{
    ipmi_rsp_u8(rsp, mc->device_id);
    ipmi_rsp_u8(rsp, 1);
    ipmi_rsp_u8(rsp, 1);                /* firmware 1.00 */
    ipmi_rsp_u8(rsp, 0);
    ipmi_rsp_u8(rsp, 0x02);
    ipmi_rsp_u8(rsp, 0x21);             /* IPMB events, sensors */
    ipmi_rsp_u24(rsp, mc->mfg_id);
    ipmi_rsp_u16(rsp, mc->product_id);
    return IPMI_CC_OK;
}

static uint8_t mc_self_test(IPMIIpmbMc *mc, const IPMIMessage *msg,
                            IPMIRsp *rsp)
{
    ipmi_rsp_u8(rsp, 0x55);
    ipmi_rsp_u8(rsp, 0);
    return IPMI_CC_OK;
}

/* The BMC's, with address and channel in place of two bytes */
static uint8_t mc_guid(IPMIIpmbMc *mc, const IPMIMessage *msg, IPMIRsp *rsp)
{
    uint8_t guid[sizeof(mc->bmc->id.guid.data)];
    int i;

    memcpy(guid, mc->bmc->id.guid.data, sizeof(guid));
    guid[0] = mc->address;
    guid[1] = mc->channel;
    for (i = sizeof(guid) - 1; i >= 0; i--) {
        ipmi_rsp_u8(rsp, guid[i]);
    }
    return IPMI_CC_OK;
}

static uint8_t mc_reset(IPMIIpmbMc *mc, const IPMIMessage *msg, IPMIRsp *rsp)
{
    return IPMI_CC_OK;
}

static uint8_t mc_reading(IPMIIpmbMc *mc, const IPMIMessage *msg, IPMIRsp *rsp)
{
    if (msg->data[0] != mc->sensor) {
        return IPMI_CC_REQ_ENTRY_NOT_PRESENT;
    }
    ipmi_rsp_u8(rsp, mc->reading);
    ipmi_rsp_u8(rsp, SENSOR_ON);
    ipmi_rsp_u8(rsp, 0xc0);
    return IPMI_CC_OK;
}

static const struct {
    uint8_t netfn, cmd, len;
    uint8_t (*handler)(IPMIIpmbMc *, const IPMIMessage *, IPMIRsp *);
} commands[] = {
    { IPMI_MULTI_NETFN_APP, 0x01, 0, mc_device_id },
    { IPMI_MULTI_NETFN_APP, 0x02, 0, mc_reset },
    { IPMI_MULTI_NETFN_APP, 0x03, 0, mc_reset },
    { IPMI_MULTI_NETFN_APP, 0x04, 0, mc_self_test },
    { IPMI_MULTI_NETFN_APP, 0x08, 0, mc_guid },
    { IPMI_MULTI_NETFN_SENSOR, 0x2d, 1, mc_reading },
};

static uint8_t mc_handle(void *opaque, const IPMIMessage *msg, IPMIRsp *rsp)
{
    int i;

    if (msg->rs_lun) {
        return IPMI_CC_COMMAND_INVALID_FOR_LUN;
    }
    for (i = 0; i < ARRAY_SIZE(commands); i++) {
        if (commands[i].netfn == msg->netfn && commands[i].cmd == msg->cmd) {
            return msg->len == commands[i].len ?
                   commands[i].handler(opaque, msg, rsp) :
                   IPMI_CC_REQUEST_DATA_LENGTH_INVALID;
        }
    }
    return IPMI_CC_INVALID_CMD;
}

static bool mc_check(IPMIIpmbMc *mc, Error **errp)
{
    IPMIChannel *c;

    if (!mc->bmc) {
        error_setg(errp, "bmc is missing: the ID of an " TYPE_IPMI_BMC_MULTI);
        return false;
    }
    c = mc->channel < IPMI_MULTI_CHANNELS ? mc->bmc->channels[mc->channel] :
                                            NULL;
    if (!c || ipmi_channel_format(c) != IPMI_FORMAT_IPMB) {
        error_setg(errp, "channel=%u: must be an ipmi-channel with medium=ipmb "
                   "that comes before it on the command line", mc->channel);
        return false;
    }
    if (mc->address & 1 || mc->address < 0x10 || mc->address > 0xee) {
        error_setg(errp, "address=0x%02x: must be an even number, 0x10 to "
                   "0xee", mc->address);
        return false;
    }
    if (mc->address == mc->bmc->parent_obj.slave_addr) {
        error_setg(errp, "address=0x%02x: is that of the BMC", mc->address);
        return false;
    }
    return true;
}

static void mc_realize(DeviceState *dev, Error **errp)
{
    IPMIIpmbMc *mc = IPMI_IPMB_MC(dev);

    if (!mc_check(mc, errp)) {
        return;
    }
    mc->satellite.address = mc->address;
    mc->satellite.handle = mc_handle;
    mc->satellite.opaque = mc;
    if (!ipmi_channel_add_satellite(mc->bmc->channels[mc->channel],
                                    &mc->satellite)) {
        error_setg(errp, "address=0x%02x: is taken on channel %u", mc->address,
                   mc->channel);
    }
}

/* What it says is in its properties; a request is answered at once. */
static const VMStateDescription vmstate_mc = {
    .name = TYPE_IPMI_IPMB_MC,
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT8(reading, IPMIIpmbMc),
        VMSTATE_END_OF_LIST()
    }
};

static const Property mc_props[] = {
    DEFINE_PROP_LINK("bmc", IPMIIpmbMc, bmc, TYPE_IPMI_BMC_MULTI,
                     IPMIBmcMulti *),
    DEFINE_PROP_UINT8("channel", IPMIIpmbMc, channel, 0),
    DEFINE_PROP_UINT8("address", IPMIIpmbMc, address, 0x82),
    DEFINE_PROP_UINT8("device_id", IPMIIpmbMc, device_id, 0x30),
    DEFINE_PROP_UINT32("mfg_id", IPMIIpmbMc, mfg_id, 0),
    DEFINE_PROP_UINT16("product_id", IPMIIpmbMc, product_id, 0),
    DEFINE_PROP_UINT8("sensor", IPMIIpmbMc, sensor, 1),
    DEFINE_PROP_UINT8("reading", IPMIIpmbMc, reading, 25),
};

static void mc_class_init(ObjectClass *oc, void *data)
{
    static const char *const text[][2] = {
        { "bmc", "ID of the BMC" },
        { "channel", "number of the channel that is its IPMB" },
        { "address", "slave address, an even number" },
        { "device_id", "Device ID" },
        { "mfg_id", "Manufacturer ID" },
        { "product_id", "Product ID" },
        { "sensor", "number of its temperature sensor" },
        { "reading", "raw reading of that" },
    };
    DeviceClass *dc = DEVICE_CLASS(oc);
    int i;

    dc->desc = "Satellite management controller on an IPMB";
    dc->hotpluggable = false;
    dc->realize = mc_realize;
    dc->vmsd = &vmstate_mc;
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
    device_class_set_props(dc, mc_props);
    for (i = 0; i < ARRAY_SIZE(text); i++) {
        object_class_property_set_description(oc, text[i][0], text[i][1]);
    }
}

static const TypeInfo mc_info = {
    .name = TYPE_IPMI_IPMB_MC,
    .parent = TYPE_DEVICE,
    .instance_size = sizeof(IPMIIpmbMc),
    .class_init = mc_class_init,
};

static void mc_register_types(void)
{
    type_register_static(&mc_info);
}

type_init(mc_register_types)
