/*
 * IPMI BMC with many channels: a port, for a system interface
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: sec 9 (KCS), 11 (BT).
 *
 * Owns: the BMC as one of QEMU's interface devices sees it (an IPMIBmc of its
 * own), and the request that is under way there. port.c and quirks.c look into
 * QEMU's interfaces; nobody else does. Called by the device and QMP.
 *
 * Life: ipmi_ports_attach_init() once; then a port comes with each interface
 * that names a BMC of ours, and goes with it.
 */

#ifndef IPMI_MULTI_PORT_H
#define IPMI_MULTI_PORT_H

#include "bmc.h"
#include "hw/ipmi/ipmi_bt.h"
#include "hw/ipmi/ipmi_kcs.h"
#include "qemu/timer.h"
#include "sms.h"

#define TYPE_IPMI_BMC_PORT "ipmi-bmc-multi-port"
OBJECT_DECLARE_SIMPLE_TYPE(IPMIBmcPort, IPMI_BMC_PORT)

typedef enum IPMIPortKind {
    IPMI_PORT_NONE,             /* an interface that gets no port: SSIF */
    IPMI_PORT_KCS,
    IPMI_PORT_BT,
} IPMIPortKind;

struct IPMIBmcPort {
    IPMIBmc parent_obj;

    IPMIBmcMulti *bmc;
    IPMISmsListener listener;
    uint8_t chan;               /* Fh; a second interface: property */
    IPMIPortKind kind;
    unsigned max_rsp;           /* data bytes after the completion code */

    /* a request whose answer is late */
    bool busy;
    uint8_t msg_id;
    uint8_t pending[MAX_IPMI_MSG_SIZE];
    uint32_t pending_len;
    QEMUTimer delay;
    bool atn, irq;              /* as last told to the interface */
    uint32_t storm_left;        /* attentions for nothing that are to come */
    uint32_t storm_ms;
    QEMUTimer storm;

    uint64_t requests;          /* for query-ipmi-bmcs */
};

/* sec 11.6, 9.5 */
#define BT_CTRL_SMS_ATN 0x10
#define BT_CTRL_B_BUSY  0x80
#define BT_MASK_IRQ_EN  0x01
#define KCS_STATUS_IBF  0x02

/*
 * ipmi_ports_attach_init: let system interfaces find their BMC.
 */
void ipmi_ports_attach_init(void);

/*
 * ipmi_port_reset: the machine was reset: nothing is under way any more, nor in
 * the interface itself.
 */
void ipmi_port_reset(IPMIBmcPort *port);

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
 * quirks.c:
 * ipmi_port_of: the port that an interface has got; NULL if its BMC is another
 * one.
 * ipmi_port_mend: work around the defects of the interface of a port, which has
 * just been realized.
 * ipmi_port_reset_registers: the interface as it is after power-up.
 */
IPMIBmcPort *ipmi_port_of(IPMIInterface *ii);
void ipmi_port_mend(IPMIBmcPort *p);
void ipmi_port_reset_registers(IPMIBmcPort *p);

#endif
