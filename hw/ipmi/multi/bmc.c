/*
 * IPMI BMC with many channels: the device
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 20.2 and 20.3 (resets), 22.1 to 22.8
 * (flags, enables, event message buffer).
 *
 * Modelled:     two system interfaces, up to twelve channels with gaps,
 *               bridging, users, SEL, SDR, sensors, FRU, watchdog, chassis.
 * Not modelled: sessions over a network (RMCP, RMCP+), Serial over LAN, PEF
 *               actions, firmware firewall, OEM commands.
 */

#include "qemu/osdep.h"
#include "bridge.h"
#include "cmds.h"
#include "fault.h"
#include "hw/qdev-properties.h"
#include "migration/vmstate.h"
#include "port.h"
#include "props.h"
#include "qapi/error.h"
#include "qemu/log.h"
#include "qemu/module.h"
#include "sms.h"
#include "system/reset.h"
#include "trace.h"

/*
 * Commands
 */

static const IPMICommandTable *const tables[] = {
    &ipmi_cmds_app, &ipmi_cmds_channel, &ipmi_cmds_chassis, &ipmi_cmds_dcmi,
    &ipmi_cmds_fru, &ipmi_cmds_message, &ipmi_cmds_sdr, &ipmi_cmds_sdr_dev,
    &ipmi_cmds_sel, &ipmi_cmds_sensor, &ipmi_cmds_sysinfo,
    &ipmi_cmds_transport, &ipmi_cmds_users, &ipmi_cmds_watchdog,
};

/*
 * Resets
 */

/* sec 20.2, 20.3: what a BMC forgets of its own accord */
static void bmc_reset(IPMIBmcMulti *s, bool cold)
{
    trace_ipmi_bmc_reset(ipmi_bmc_name(s), cold ? "cold" : "warm");
    if (cold) {
        s->resets++;
        ipmi_bridge_reset(s->bridge);
        ipmi_sms_bmc_reset(s->sms);
    }
    ipmi_records_bmc_reset(&s->records, cold);
    ipmi_sms_update(s->sms);
}

/*
 * The machine has been reset. A BMC lives on: what it knows stays, what was
 * under way on its system interfaces does not.
 */
static void machine_reset(IPMIBmcMulti *s, bool snapshot)
{
    ipmi_sms_system_reset(s->sms);
    for (int i = 0; i < IPMI_PORTS; i++) {
        if (s->ports[i]) {
            ipmi_port_reset(s->ports[i]);
        }
    }
    ipmi_records_system_reset(&s->records, snapshot);
    ipmi_sms_update(s->sms);
}

/*
 * A BMC sits on no bus that is reset with the machine, so it is registered by
 * itself; as a Resettable, because of what a snapshot that is loaded asks for.
 */
#define TYPE_IPMI_BMC_RESET "ipmi-bmc-multi-reset"
OBJECT_DECLARE_SIMPLE_TYPE(IPMIBmcReset, IPMI_BMC_RESET)

struct IPMIBmcReset {
    Object parent_obj;

    ResettableState state;
    IPMIBmcMulti *bmc;
};

static ResettableState *reset_get_state(Object *obj)
{
    return &IPMI_BMC_RESET(obj)->state;
}

static void reset_hold(Object *obj, ResetType type)
{
    machine_reset(IPMI_BMC_RESET(obj)->bmc, type == RESET_TYPE_SNAPSHOT_LOAD);
}

static void reset_class_init(ObjectClass *oc, void *data)
{
    ResettableClass *rc = RESETTABLE_CLASS(oc);

    rc->get_state = reset_get_state;
    rc->phases.hold = reset_hold;
}

static const TypeInfo reset_info = {
    .name = TYPE_IPMI_BMC_RESET,
    .parent = TYPE_OBJECT,
    .instance_size = sizeof(IPMIBmcReset),
    .class_init = reset_class_init,
    .interfaces = (InterfaceInfo[]) {
        { TYPE_RESETTABLE_INTERFACE },
        { }
    },
};

static void reset_register(IPMIBmcMulti *s)
{
    IPMIBmcReset *r = IPMI_BMC_RESET(object_new(TYPE_IPMI_BMC_RESET));

    r->bmc = s;
    s->reset_obj = OBJECT(r);
    qemu_register_resettable(s->reset_obj);
}

static void reset_unregister(IPMIBmcMulti *s)
{
    qemu_unregister_resettable(s->reset_obj);
    g_clear_pointer(&s->reset_obj, object_unref);
}

/*
 * Life
 */

static void bmc_realize(DeviceState *dev, Error **errp)
{
    static unsigned count;
    IPMIBmcMulti *s = IPMI_BMC_MULTI(dev);

    s->name = g_strdup(dev->id) ?: object_get_canonical_path(OBJECT(dev));
    if (!ipmi_bmc_check_props(s, errp)) {
        return;
    }
    s->sms = ipmi_sms_new(s->name, &s->records.events, &s->records.watchdog);
    if (!ipmi_records_init(&s->records, s->name, s->parent_obj.slave_addr,
                           errp)) {
        g_clear_pointer(&s->sms, ipmi_sms_free);
        return;
    }
    s->bridge = ipmi_bridge_new(s);
    ipmi_ports_attach_init();
    s->index = count++;
    reset_register(s);
}

static void bmc_unrealize(DeviceState *dev)
{
    IPMIBmcMulti *s = IPMI_BMC_MULTI(dev);

    reset_unregister(s);
    g_clear_pointer(&s->bridge, ipmi_bridge_free);
    ipmi_records_exit(&s->records);
    g_clear_pointer(&s->sms, ipmi_sms_free);
}

static void bmc_instance_init(Object *obj)
{
    IPMIBmcMulti *s = IPMI_BMC_MULTI(obj);

    s->faults = ipmi_faults_new();
    s->reset = bmc_reset;
}

static void bmc_finalize(Object *obj)
{
    IPMIBmcMulti *s = IPMI_BMC_MULTI(obj);

    ipmi_faults_free(s->faults);
    g_free(s->name);
}

/*
 * From an interface that has got no port of its own, see port.c: SSIF. Its
 * software is told so, and does not wait.
 */
static void bmc_handle_command(IPMIBmc *b, uint8_t *cmd, unsigned len,
                               unsigned max_len, uint8_t msg_id)
{
    uint8_t rsp[] = { (len ? cmd[0] : 0) | 0x04, len > 1 ? cmd[1] : 0,
                      IPMI_CC_COMMAND_NOT_SUPPORTED };

    qemu_log_mask(LOG_UNIMP, "%s: a system interface that is neither KCS nor "
                  "BT\n", ipmi_bmc_name(IPMI_BMC_MULTI(b)));
    IPMI_INTERFACE_GET_CLASS(b->intf)->handle_rsp(b->intf, msg_id, rsp,
                                                  sizeof(rsp));
}

static const VMStateDescription vmstate_bmc = {
    .name = TYPE_IPMI_BMC_MULTI,
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT8(acpi_sys, IPMIBmcMulti),
        VMSTATE_UINT8(acpi_dev, IPMIBmcMulti),
        VMSTATE_STRUCT(records, IPMIBmcMulti, 1, vmstate_ipmi_records,
                       IPMIRecords),
        VMSTATE_STRUCT_POINTER(sms, IPMIBmcMulti, vmstate_ipmi_sms, IPMISms),
        VMSTATE_STRUCT_POINTER(bridge, IPMIBmcMulti, vmstate_ipmi_bridge,
                               IPMIBridge),
        VMSTATE_STRUCT_POINTER(faults, IPMIBmcMulti, vmstate_ipmi_faults,
                               IPMIBmcFaults),
        VMSTATE_END_OF_LIST()
    }
};

static void bmc_class_init(ObjectClass *oc, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(oc);
    IPMIBmcClass *bk = IPMI_BMC_CLASS(oc);

    dc->desc = "IPMI BMC with many channels";
    dc->hotpluggable = false;
    dc->realize = bmc_realize;
    dc->unrealize = bmc_unrealize;
    dc->vmsd = &vmstate_bmc;
    bk->handle_command = bmc_handle_command;
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
    ipmi_bmc_add_props(oc);
    for (int i = 0; i < ARRAY_SIZE(tables); i++) {
        ipmi_commands_add(tables[i]);
    }
}

static const TypeInfo bmc_info = {
    .name = TYPE_IPMI_BMC_MULTI,
    .parent = TYPE_IPMI_BMC,
    .instance_size = sizeof(IPMIBmcMulti),
    .instance_init = bmc_instance_init,
    .instance_finalize = bmc_finalize,
    .class_init = bmc_class_init,
};

static void bmc_register_types(void)
{
    type_register_static(&bmc_info);
    type_register_static(&reset_info);
}

type_init(bmc_register_types)
