/*
 * IPMI BMC with many channels: defects of QEMU's system interfaces
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 9 (KCS), 11 (BT).
 *
 * QEMU 10.0's interfaces have defects that a guest can meet; they are worked
 * around here and in port.c, for interfaces of our BMC only:
 *  - nothing resets them with the machine
 *  - BT: a frame that is too short, or whose length byte is wrong, leaves
 *    B_BUSY set for good; H2B_ATN is taken while a request is under way; a
 *    response of more than 254 bytes wraps its length; unread bytes of the last
 *    response are read before those of the next; attention that the guest has
 *    cleared itself is not asserted again
 *  - KCS: a write to a register that does not exist steps the state machine
 *  - the memory region of the registers belongs to nobody, and so stays behind,
 *    freed, when the device is unplugged
 *
 * The method of the interface's class that handles a written register is
 * replaced by one that looks first, and calls the old one.
 */

#include "qemu/osdep.h"
#include "port.h"
#include "qemu/log.h"

typedef void IPMIEvent(IPMIInterface *ii);

/* The method of each class of interface that was put aside */
static GHashTable *events;

/* To tell a port from other BMCs with each access to a register */
static ObjectClass *port_object_class;

static IPMIBmcPort *port_of(void *backend)
{
    /* In both kinds of interface the BMC comes first. */
    IPMIBmc **bmc = backend;

    return *bmc && object_get_class(OBJECT(*bmc)) == port_object_class ?
           (IPMIBmcPort *)*bmc : NULL;
}

IPMIBmcPort *ipmi_port_of(IPMIInterface *ii)
{
    return port_of(IPMI_INTERFACE_GET_CLASS(ii)->get_backend_data(ii));
}

static bool bt_frame_is_bad(IPMIBT *bt)
{
    return bt->inlen < 4 || bt->inlen > sizeof(bt->inmsg) ||
           bt->inmsg[0] != bt->inlen - 1;
}

static void bt_event(IPMIInterface *ii)
{
    IPMIInterfaceClass *iic = IPMI_INTERFACE_GET_CLASS(ii);
    IPMIBT *bt = iic->get_backend_data(ii);
    IPMIBmcPort *p = port_of(bt);

    if (p && p->busy) {
        qemu_log_mask(LOG_GUEST_ERROR, "%s: BT: request while one is under "
                      "way\n", ipmi_bmc_name(p->bmc));
        return;
    }
    if (p && bt_frame_is_bad(bt)) {
        qemu_log_mask(LOG_GUEST_ERROR, "%s: BT: frame of %u bytes with length "
                      "%u\n", ipmi_bmc_name(p->bmc), bt->inlen, bt->inmsg[0]);
        bt->inlen = 0;
        bt->control_reg &= ~BT_CTRL_B_BUSY;
        return;
    }
    if (p) {
        bt->outpos = 0;
    }
    ((IPMIEvent *)g_hash_table_lookup(events, iic))(ii);
}

static void kcs_event(IPMIInterface *ii)
{
    IPMIInterfaceClass *iic = IPMI_INTERFACE_GET_CLASS(ii);
    IPMIKCS *kcs = iic->get_backend_data(ii);

    if (port_of(kcs) && kcs->cmd_reg == -1 && kcs->data_in_reg == -1) {
        /* Nothing was written, to a register that is none. */
        kcs->status_reg &= ~KCS_STATUS_IBF;
        return;
    }
    ((IPMIEvent *)g_hash_table_lookup(events, iic))(ii);
}

static void hook_events(IPMIInterfaceClass *iic, IPMIEvent *event)
{
    if (!events) {
        events = g_hash_table_new(NULL, NULL);
        port_object_class = object_class_by_name(TYPE_IPMI_BMC_PORT);
    }
    if (iic->handle_if_event != event) {
        g_hash_table_insert(events, iic, iic->handle_if_event);
        iic->handle_if_event = event;
    }
}

static void reset_kcs(IPMIKCS *kcs)
{
    kcs->status_reg = 0;
    kcs->data_out_reg = 0;
    kcs->data_in_reg = -1;
    kcs->cmd_reg = -1;
    kcs->write_end = false;
    kcs->inlen = 0;
    kcs->outlen = 0;
    kcs->outpos = 0;
    kcs->waiting_rsp++;
    kcs->obf_irq_set = false;
    kcs->atn_irq_set = false;
    kcs->irqs_enabled = false;
    if (kcs->lower_irq) {
        kcs->lower_irq(kcs);
    }
}

static void reset_bt(IPMIBT *bt)
{
    bt->control_reg = 0;
    bt->mask_reg = 0;
    bt->inlen = 0;
    bt->outlen = 0;
    bt->outpos = 0;
    bt->waiting_rsp++;
    bt->obf_irq_set = false;
    bt->atn_irq_set = false;
    bt->irqs_enabled = false;
    if (bt->lower_irq) {
        bt->lower_irq(bt);
    }
}

void ipmi_port_reset_registers(IPMIBmcPort *p)
{
    if (p->kind == IPMI_PORT_BT) {
        reset_bt(ipmi_port_bt(p));
    } else {
        reset_kcs(ipmi_port_kcs(p));
    }
}

/*
 * Registers of a PCI device are not mapped yet, so no reference to their owner
 * has been taken. Those that are mapped at once cannot be unplugged.
 */
static void own_registers(IPMIInterface *ii, MemoryRegion *io)
{
    if (io->owner || io->container) {
        return;
    }
    object_ref(OBJECT(io));
    object_unparent(OBJECT(io));
    object_property_add_child(OBJECT(ii), "registers", OBJECT(io));
    object_unref(OBJECT(io));
    io->owner = OBJECT(ii);
}

void ipmi_port_mend(IPMIBmcPort *p)
{
    IPMIInterface *ii = p->parent_obj.intf;

    if (p->kind == IPMI_PORT_BT) {
        hook_events(ipmi_port_class(p), bt_event);
        own_registers(ii, &ipmi_port_bt(p)->io);
    } else {
        hook_events(ipmi_port_class(p), kcs_event);
        own_registers(ii, &ipmi_port_kcs(p)->io);
    }
}
