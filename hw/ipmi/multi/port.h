/*
 * IPMI BMC with many channels: a port and the interface behind it
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * For port.c and quirks.c, which look into QEMU's interfaces.
 */

#ifndef IPMI_MULTI_PORT_H
#define IPMI_MULTI_PORT_H

#include "bmc.h"
#include "hw/ipmi/ipmi_bt.h"
#include "hw/ipmi/ipmi_kcs.h"

/* sec 11.6, 9.5 */
#define BT_CTRL_SMS_ATN 0x10
#define BT_CTRL_B_BUSY  0x80
#define BT_MASK_IRQ_EN  0x01
#define KCS_STATUS_IBF  0x02

/*
 * ipmi_port_class, ipmi_port_bt, ipmi_port_kcs: of the interface of a port,
 * which has to have one, of this kind.
 */
static inline IPMIInterfaceClass *ipmi_port_class(IPMIBmcPort *p)
{
    return IPMI_INTERFACE_GET_CLASS(p->parent_obj.intf);
}

static inline IPMIBT *ipmi_port_bt(IPMIBmcPort *p)
{
    return ipmi_port_class(p)->get_backend_data(p->parent_obj.intf);
}

static inline IPMIKCS *ipmi_port_kcs(IPMIBmcPort *p)
{
    return ipmi_port_class(p)->get_backend_data(p->parent_obj.intf);
}

/*
 * ipmi_port_of: the port that an interface has got; NULL if its BMC is another
 * one.
 */
IPMIBmcPort *ipmi_port_of(IPMIInterface *ii);

/*
 * ipmi_port_mend: work around the defects of the interface of a port, which has
 * just been realized.
 */
void ipmi_port_mend(IPMIBmcPort *p);

/*
 * ipmi_port_reset_registers: the interface as it is after power-up.
 */
void ipmi_port_reset_registers(IPMIBmcPort *p);

#endif
