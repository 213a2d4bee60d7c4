/*
 * IPMI BMC with many channels: commands about the device itself
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 20 (IPM device), 22.9, 22.10 and 22.14
 * (interfaces, system GUID).
 */

#include "qemu/osdep.h"
#include "bmc.h"

/* sec 20.1: byte 3: the controller provides Device SDRs */
#define DEVICE_SDRS         0x80

/* sec 20.4: Self Test Results, "no error" */
#define SELF_TEST_OK        0x55

/* sec 20.6: power states; bit 7 of the request says that one is to be set */
#define ACPI_SET            0x80
#define ACPI_NO_CHANGE      0x7f

/* sec 22.9: System Interface Types */
#define SYSTEM_IF_SSIF      0
#define SYSTEM_IF_KCS       1

static uint8_t get_device_id(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    ipmi_rsp_u8(rsp, s->id.device_id);
    ipmi_rsp_u8(rsp, (s->id.device_rev & 0x0f) |
                     (s->records.dev.count ? DEVICE_SDRS : 0));
    ipmi_rsp_u8(rsp, s->id.fwrev1 & 0x7f);
    ipmi_rsp_u8(rsp, s->id.fwrev2);
    ipmi_rsp_u8(rsp, s->id.ipmi_version);
    ipmi_rsp_u8(rsp, s->id.support);
    ipmi_rsp_u24(rsp, s->id.mfg_id);
    ipmi_rsp_u16(rsp, s->id.product_id);
    /* sec 20.1: a controller may leave the auxiliary revision out */
    if (s->id.aux_fwrev) {
        ipmi_rsp_u32(rsp, s->id.aux_fwrev);
    }
    return IPMI_CC_OK;
}

static uint8_t cold_reset(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    ipmi_bmc_reset(s, true);
    return IPMI_CC_OK;
}

static uint8_t warm_reset(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    ipmi_bmc_reset(s, false);
    return IPMI_CC_OK;
}

static uint8_t get_self_test(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    ipmi_rsp_u8(rsp, SELF_TEST_OK);
    ipmi_rsp_u8(rsp, 0);
    return IPMI_CC_OK;
}

/* S0 to S5, S4/S5, G3, sleeping, G1 sleeping, override, legacy on and off */
static bool is_system_state(uint8_t state)
{
    return state <= 0x0a || state == 0x20 || state == 0x21 || state == 0x2a ||
           state == ACPI_NO_CHANGE;
}

static bool is_device_state(uint8_t state)
{
    return state <= 0x03 || state == 0x2a || state == ACPI_NO_CHANGE;
}

static uint8_t set_acpi(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    uint8_t sys = req->data[0], dev = req->data[1];

    if (((sys & ACPI_SET) && !is_system_state(sys & 0x7f)) ||
        ((dev & ACPI_SET) && !is_device_state(dev & 0x7f))) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    if ((sys & ACPI_SET) && (sys & 0x7f) != ACPI_NO_CHANGE) {
        s->acpi_sys = sys & 0x7f;
    }
    if ((dev & ACPI_SET) && (dev & 0x7f) != ACPI_NO_CHANGE) {
        s->acpi_dev = dev & 0x7f;
    }
    return IPMI_CC_OK;
}

static uint8_t get_acpi(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    ipmi_rsp_u8(rsp, s->acpi_sys);
    ipmi_rsp_u8(rsp, s->acpi_dev);
    return IPMI_CC_OK;
}

/* sec 20.8, 22.14: least significant byte first, that is UUID's last one */
static uint8_t get_guid(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    int i;

    for (i = sizeof(s->id.guid.data) - 1; i >= 0; i--) {
        ipmi_rsp_u8(rsp, s->id.guid.data[i]);
    }
    return IPMI_CC_OK;
}

/* Is a system interface of that kind plugged in? */
static bool has_interface(IPMIBmcMulti *s, uint8_t protocol)
{
    for (int i = 0; i < IPMI_MULTI_CHAN_NUMBERS; i++) {
        const IPMIChan *c = &s->records.chans.chan[i];

        if (c->kind == IPMI_CHAN_SYSTEM && c->plugged &&
            c->protocol == protocol) {
            return true;
        }
    }
    return false;
}

/* sec 22.10: BT answers it by itself; by another way it tells the same. */
static uint8_t get_bt_caps(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    static const uint8_t caps[] = { 1, 0xff, 0xff, 10, 0 };

    if (!has_interface(s, IPMI_PROTOCOL_BT15)) {
        return IPMI_CC_INVALID_CMD;
    }
    ipmi_rsp_bytes(rsp, caps, sizeof(caps));
    return IPMI_CC_OK;
}

static uint8_t get_system_if_caps(IPMIBmcMulti *s, const IPMIReq *req,
                                  IPMIRsp *rsp)
{
    if (req->data[0] != SYSTEM_IF_KCS || !has_interface(s, IPMI_PROTOCOL_KCS)) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    ipmi_rsp_u8(rsp, 0);
    ipmi_rsp_u8(rsp, 0);        /* version 1 */
    ipmi_rsp_u8(rsp, 0xff);     /* longest request */
    return IPMI_CC_OK;
}

static const IPMICommand commands[] = {
    { 0x01, "Get Device ID", 0, 0, IPMI_MULTI_PRIV_USER, 0, get_device_id },
    { 0x02, "Cold Reset", 0, 0, IPMI_MULTI_PRIV_ADMIN, 0, cold_reset },
    { 0x03, "Warm Reset", 0, 0, IPMI_MULTI_PRIV_ADMIN, 0, warm_reset },
    { 0x04, "Get Self Test Results", 0, 0, IPMI_MULTI_PRIV_USER, 0,
      get_self_test },
    { 0x06, "Set ACPI Power State", 2, 2, IPMI_MULTI_PRIV_ADMIN, 0, set_acpi },
    { 0x07, "Get ACPI Power State", 0, 0, IPMI_MULTI_PRIV_USER, 0, get_acpi },
    { 0x08, "Get Device GUID", 0, 0, IPMI_MULTI_PRIV_USER, 0, get_guid },
    { 0x36, "Get BT Interface Capabilities", 0, 0, IPMI_MULTI_PRIV_USER, 0,
      get_bt_caps },
    { 0x37, "Get System GUID", 0, 0, IPMI_MULTI_PRIV_NONE, 0, get_guid },
    { 0x57, "Get System Interface Capabilities", 1, 1, IPMI_MULTI_PRIV_USER, 0,
      get_system_if_caps, { { 0, 0xf0 } } },
};

const IPMICommandTable ipmi_cmds_app =
    IPMI_COMMAND_TABLE(IPMI_MULTI_NETFN_APP, commands);
