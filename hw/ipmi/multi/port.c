/*
 * IPMI BMC with many channels: its system interfaces
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 9 (KCS), 11 (BT).
 *
 * QEMU's interface devices link to one BMC object, and a BMC has one interface.
 * Here a device listener sees each interface that links to a BMC of ours, and
 * puts a port in between: an IPMIBmc of its own, by which the BMC knows where a
 * request came from. Then the BMC is free for the next one.
 */

#include "qemu/osdep.h"
#include "fault.h"
#include "migration/vmstate.h"
#include "port.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "qemu/log.h"
#include "qemu/module.h"
#include "trace.h"

/* netFn/LUN, command, completion code */
#define RSP_HEADER      3
/* sec 11.2: the length byte of BT counts sequence number, header and data */
#define BT_MAX_DATA     (254 - RSP_HEADER)

/*
 * Attention and interrupts
 */

static void show_attention(void *opaque, bool atn, bool irq)
{
    IPMIBmcPort *p = opaque;
    bool lost = p->kind == IPMI_PORT_BT && atn && p->parent_obj.intf &&
                !(ipmi_port_bt(p)->control_reg & BT_CTRL_SMS_ATN);

    if (!p->parent_obj.intf ||
        (atn == p->atn && !(atn && irq && !p->irq) && !lost)) {
        p->irq = irq;
        return;
    }
    p->atn = atn;
    p->irq = irq;
    trace_ipmi_port_attention(ipmi_bmc_name(p->bmc), p->chan, atn, irq);
    ipmi_port_class(p)->set_atn(p->parent_obj.intf, atn, irq);
}

static void enable_irq(void *opaque, bool enable)
{
    IPMIBmcPort *p = opaque;

    if (!p->parent_obj.intf) {
        return;
    }
    if (p->kind == IPMI_PORT_KCS && enable && !ipmi_port_kcs(p)->irqs_enabled) {
        /* Attention that is there already has not interrupted yet. */
        ipmi_port_kcs(p)->atn_irq_set = false;
        p->irq = false;
    }
    /* sec 11.6: what interrupts on BT is the business of its mask register */
    ipmi_port_class(p)->set_irq_enable(p->parent_obj.intf,
                                       enable || p->kind == IPMI_PORT_BT);
}

/* Each attention of a storm lasts until the next; the last one, as long. */
static void storm(void *opaque)
{
    IPMIBmcPort *p = opaque;
    IPMIInterfaceClass *iic;

    if (!p->parent_obj.intf) {
        return;
    }
    if (!p->storm_left) {
        ipmi_sms_update(p->bmc->sms);
        return;
    }
    iic = ipmi_port_class(p);
    iic->set_atn(p->parent_obj.intf, 0, 0);
    iic->set_atn(p->parent_obj.intf, 1, 1);
    p->atn = true;
    p->irq = true;
    p->storm_left--;
    timer_mod(&p->storm, qemu_clock_get_ms(QEMU_CLOCK_VIRTUAL) + p->storm_ms);
}

static void start_storm(IPMIBmcPort *p, const IpmiFault *f)
{
    p->storm_left = ipmi_fault_times(f);
    p->storm_ms = MAX(ipmi_fault_delay_ms(f), 1);
    timer_mod(&p->storm, qemu_clock_get_ms(QEMU_CLOCK_VIRTUAL) + p->storm_ms);
}

/*
 * Responses
 */

static void deliver(IPMIBmcPort *p)
{
    p->busy = false;
    timer_del(&p->delay);
    if (!p->parent_obj.intf) {
        return;
    }
    if (p->kind == IPMI_PORT_BT) {
        ipmi_port_bt(p)->outpos = 0;
    }
    ipmi_port_class(p)->handle_rsp(p->parent_obj.intf, p->msg_id, p->pending,
                              p->pending_len);
}

static void delay_over(void *opaque)
{
    IPMIBmcPort *p = opaque;

    if (p->busy) {
        deliver(p);
        ipmi_sms_update(p->bmc->sms);
    }
}

static void deliver_silently(IPMIBmcPort *p)
{
    if (p->kind == IPMI_PORT_BT) {
        uint8_t enabled = ipmi_port_bt(p)->mask_reg & BT_MASK_IRQ_EN;

        ipmi_port_bt(p)->mask_reg &= ~BT_MASK_IRQ_EN;
        deliver(p);
        ipmi_port_bt(p)->mask_reg |= enabled;
    } else {
        bool enabled = ipmi_port_kcs(p)->irqs_enabled;

        ipmi_port_kcs(p)->irqs_enabled = false;
        deliver(p);
        ipmi_port_kcs(p)->irqs_enabled = enabled;
    }
}

/*
 * There will be no response, but the interface has taken the request: software
 * that gives up can abort, and try again.
 */
static void forget(IPMIBmcPort *p)
{
    p->busy = false;
    if (p->kind == IPMI_PORT_BT) {
        ipmi_port_bt(p)->waiting_rsp++;
        ipmi_port_bt(p)->inlen = 0;
        ipmi_port_bt(p)->control_reg &= ~BT_CTRL_B_BUSY;
    } else {
        ipmi_port_kcs(p)->waiting_rsp++;
        ipmi_port_kcs(p)->cmd_reg = -1;
        ipmi_port_kcs(p)->data_in_reg = -1;
        ipmi_port_kcs(p)->status_reg &= ~KCS_STATUS_IBF;
    }
}

static void deliver_later(IPMIBmcPort *p, uint32_t ms)
{
    timer_mod(&p->delay, qemu_clock_get_ms(QEMU_CLOCK_VIRTUAL) + ms);
}

static void shorten(IPMIBmcPort *p, uint32_t bytes)
{
    /* Less than netFn and command is no message. */
    p->pending_len -= MIN(bytes, p->pending_len - 2);
}

static void lengthen(IPMIBmcPort *p, uint32_t bytes)
{
    uint32_t room = RSP_HEADER + p->max_rsp - p->pending_len;

    bytes = MIN(bytes, room);
    memset(p->pending + p->pending_len, 0xff, bytes);
    p->pending_len += bytes;
}

static void deliver_with_fault(IPMIBmcPort *p, const IpmiFault *f)
{
    switch (f->action) {
    case IPMI_FAULT_ACTION_DROP:
    case IPMI_FAULT_ACTION_IGNORE:
        forget(p);
        return;
    case IPMI_FAULT_ACTION_STUCK:
        if (ipmi_fault_delay_ms(f)) {
            deliver_later(p, ipmi_fault_delay_ms(f));
        }
        return;
    case IPMI_FAULT_ACTION_DELAY:
        deliver_later(p, ipmi_fault_delay_ms(f));
        return;
    case IPMI_FAULT_ACTION_LOST_INTERRUPT:
        deliver_silently(p);
        return;
    case IPMI_FAULT_ACTION_WRONG_SEQUENCE:
        if (p->kind == IPMI_PORT_BT) {
            ipmi_port_bt(p)->waiting_seq++;
        }
        break;
    case IPMI_FAULT_ACTION_WRONG_NETFN:
        p->pending[0] ^= 0x08;
        break;
    case IPMI_FAULT_ACTION_WRONG_COMMAND:
        p->pending[1] ^= 0x80;
        break;
    case IPMI_FAULT_ACTION_TRUNCATE:
        shorten(p, ipmi_fault_bytes(f));
        break;
    case IPMI_FAULT_ACTION_EXTEND:
        lengthen(p, ipmi_fault_bytes(f));
        break;
    case IPMI_FAULT_ACTION_ATTENTION_STORM:
        start_storm(p, f);
        break;
    default:
        break;
    }
    deliver(p);
}

static void build(IPMIBmcPort *p, uint8_t netfn_lun, uint8_t cmd, uint8_t cc,
                  const IPMIRsp *rsp)
{
    p->pending[0] = netfn_lun | 0x04;
    p->pending[1] = cmd;
    p->pending[2] = cc;
    memcpy(p->pending + RSP_HEADER, rsp->data, rsp->len);
    p->pending_len = RSP_HEADER + rsp->len;
}

/*
 * Requests
 */

/* Faults that take the place of the request. */
static bool fault_instead(IPMIBmcPort *p, const IpmiFault *f, uint8_t *cc)
{
    if (!f) {
        return false;
    }
    switch (f->action) {
    case IPMI_FAULT_ACTION_COMPLETION:
        *cc = ipmi_fault_code(f);
        return true;
    case IPMI_FAULT_ACTION_IGNORE:
        *cc = IPMI_CC_NO_RESPONSE;
        return true;
    default:
        return false;
    }
}

static void handle(IPMIBmcPort *p, const IPMIReq *req, uint8_t netfn_lun)
{
    const IPMIFaultSubject subject = {
        .where = IPMI_FAULT_PORT, .direction = IPMI_FAULT_DIRECTION_IN,
        .chan = p->chan, .netfn = req->netfn, .cmd = req->cmd,
    };
    const IpmiFault *f = ipmi_faults_match(p->bmc->faults,
                                           ipmi_bmc_name(p->bmc), &subject);
    IPMIRsp rsp = { .max = p->max_rsp };
    uint8_t cc;

    if (f && f->action == IPMI_FAULT_ACTION_BMC_RESET) {
        ipmi_bmc_reset(p->bmc, true);
        ipmi_port_reset(p);
        return;
    }
    if (!fault_instead(p, f, &cc)) {
        cc = ipmi_dispatch(p->bmc, req, &rsp);
    }
    build(p, netfn_lun, req->cmd, cc, &rsp);
    if (f) {
        deliver_with_fault(p, f);
    } else if (!rsp.none) {
        deliver(p);
    } else {
        forget(p);
    }
    ipmi_sms_update(p->bmc->sms);
}

static void refuse(IPMIBmcPort *p, uint8_t netfn_lun, uint8_t cmd, uint8_t cc)
{
    IPMIRsp rsp = { 0 };

    build(p, netfn_lun, cmd, cc, &rsp);
    deliver(p);
}

static void port_handle_command(IPMIBmc *b, uint8_t *msg, unsigned len,
                                unsigned max_len, uint8_t msg_id)
{
    IPMIBmcPort *p = IPMI_BMC_PORT(b);
    IPMIReq req = {
        .chan = p->chan, .system = true, .priv = IPMI_MULTI_PRIV_ADMIN,
    };

    p->requests++;
    p->busy = true;
    p->msg_id = msg_id;
    if (len < 2) {
        refuse(p, len ? msg[0] : 0, 0, IPMI_CC_REQUEST_DATA_LENGTH_INVALID);
    } else if (len > max_len) {
        refuse(p, msg[0], msg[1], IPMI_CC_REQUEST_DATA_TRUNCATED);
    } else if (msg[0] & 0x04) {
        /* A response, of all things */
        refuse(p, msg[0], msg[1], IPMI_CC_INVALID_CMD);
    } else {
        req.netfn = msg[0] >> 2;
        req.lun = msg[0] & 3;
        req.cmd = msg[1];
        req.data = msg + 2;
        req.len = len - 2;
        handle(p, &req, msg[0]);
    }
}

void ipmi_port_reset(IPMIBmcPort *p)
{
    p->busy = false;
    p->atn = false;
    p->irq = false;
    p->storm_left = 0;
    timer_del(&p->delay);
    timer_del(&p->storm);
    if (!p->parent_obj.intf) {
        return;
    }
    ipmi_port_reset_registers(p);
    enable_irq(p, ipmi_sms_interrupts(p->bmc->sms));
}

/*
 * Attaching
 */

/* QEMU's interfaces do not tell their kind, other than by their types. */
static IPMIPortKind kind_of(Object *dev)
{
    static const struct {
        const char *type;
        IPMIPortKind kind;
    } types[] = {
        { "isa-ipmi-kcs", IPMI_PORT_KCS }, { "pci-ipmi-kcs", IPMI_PORT_KCS },
        { "isa-ipmi-bt", IPMI_PORT_BT }, { "pci-ipmi-bt", IPMI_PORT_BT },
    };

    for (int i = 0; i < ARRAY_SIZE(types); i++) {
        if (object_dynamic_cast(dev, types[i].type)) {
            return types[i].kind;
        }
    }
    return IPMI_PORT_NONE;
}

/* Index of a port that is free; IPMI_PORTS if there is none */
static int free_port(const IPMIBmcMulti *s)
{
    int i = 0;

    while (i < IPMI_PORTS && s->ports[i]) {
        i++;
    }
    return i;
}

static bool number_is_free(const IPMIBmcMulti *s, int number)
{
    return s->records.chans.chan[number].kind == IPMI_CHAN_NONE;
}

/*
 * The first system interface is Fh. Another gets the number of the property; if
 * a channel has that, the highest that is free.
 */
static uint8_t port_number(IPMIBmcMulti *s, int i)
{
    int number = s->port2_channel;

    if (i == 0) {
        return IPMI_MULTI_CHAN_SYS;
    }
    if (number_is_free(s, number)) {
        return number;
    }
    for (number = IPMI_MULTI_CHANNELS - 1; number > 0; number--) {
        if (number_is_free(s, number)) {
            return number;
        }
    }
    warn_report("%s: no channel number is free for a second system interface",
                ipmi_bmc_name(s));
    return IPMI_MULTI_CHAN_SYS;
}

static void enter(IPMIBmcPort *p)
{
    const IPMIChan as = {
        .kind = IPMI_CHAN_SYSTEM,
        .medium = IPMI_MEDIUM_TYPE_SYSTEM,
        .protocol = p->kind == IPMI_PORT_BT ? IPMI_PROTOCOL_BT15 :
                                              IPMI_PROTOCOL_KCS,
    };

    ipmi_chan_add(&p->bmc->records.chans, p->chan, &as);
    p->listener = (IPMISmsListener) {
        .attention = show_attention, .interrupts = enable_irq, .opaque = p,
    };
    ipmi_sms_listen(p->bmc->sms, &p->listener);
}

static IPMIBmcPort *new_port(IPMIBmcMulti *s, int i, IPMIInterface *ii)
{
    g_autofree char *name = g_strdup_printf("interface%d", i);
    Object *obj = object_new(TYPE_IPMI_BMC_PORT);
    IPMIBmcPort *p = IPMI_BMC_PORT(obj);

    p->bmc = s;
    p->chan = port_number(s, i);
    p->kind = kind_of(OBJECT(ii));
    p->max_rsp = p->kind == IPMI_PORT_BT ? BT_MAX_DATA : IPMI_MULTI_MAX_DATA;
    p->parent_obj.intf = ii;
    object_property_add_child(OBJECT(s), name, obj);
    qdev_realize(DEVICE(obj), NULL, &error_abort);
    object_unref(obj);
    s->ports[i] = p;
    return p;
}

static void attach(IPMIBmcMulti *s, IPMIInterface *ii)
{
    IPMIInterfaceClass *iic = IPMI_INTERFACE_GET_CLASS(ii);
    IPMIBmc **bmc = iic->get_backend_data(ii);
    int i = free_port(s);
    IPMIBmcPort *p;

    /* QEMU refuses a third one; should it not, it has no port, as SSIF. */
    if (i == IPMI_PORTS) {
        warn_report("%s: has its %d system interfaces already",
                    ipmi_bmc_name(s), IPMI_PORTS);
        return;
    }
    p = new_port(s, i, ii);
    ipmi_port_mend(p);
    enter(p);
    /* The link of the interface holds a reference: now to the port. */
    object_ref(OBJECT(p));
    *bmc = IPMI_BMC(p);
    object_unref(OBJECT(s));
    /* NULL: another interface may link to it. */
    s->parent_obj.intf = free_port(s) == IPMI_PORTS ? ii : NULL;
    trace_ipmi_port_attach(ipmi_bmc_name(s), object_get_typename(OBJECT(ii)),
                           p->chan);
    ipmi_port_reset(p);
    /* What waits for system software was there before it. */
    ipmi_sms_update(s->sms);
}

/* SSIF has no events, and its own way to wait for a response. */
static IPMIInterface *as_interface(DeviceState *dev)
{
    return kind_of(OBJECT(dev)) == IPMI_PORT_NONE ? NULL :
           (IPMIInterface *)object_dynamic_cast(OBJECT(dev),
                                                TYPE_IPMI_INTERFACE);
}

static void interface_realized(DeviceListener *listener, DeviceState *dev)
{
    IPMIInterface *ii = as_interface(dev);
    Object *bmc = ii ? object_property_get_link(OBJECT(dev), "bmc", NULL) :
                       NULL;

    bmc = bmc ? object_dynamic_cast(bmc, TYPE_IPMI_BMC_MULTI) : NULL;
    if (bmc) {
        attach(IPMI_BMC_MULTI(bmc), ii);
    }
}

static void detach(IPMIBmcPort *p, int i)
{
    IPMIBmcMulti *s = p->bmc;

    p->parent_obj.intf = NULL;
    ipmi_sms_ignore(s->sms, &p->listener);
    ipmi_chan_remove(&s->records.chans, p->chan);
    s->ports[i] = NULL;
    s->parent_obj.intf = NULL;
    qdev_unrealize(DEVICE(p));
    object_unparent(OBJECT(p));
}

static void interface_unrealized(DeviceListener *listener, DeviceState *dev)
{
    IPMIInterface *ii = as_interface(dev);
    IPMIBmcPort *p;
    int i;

    p = ii ? ipmi_port_of(ii) : NULL;
    if (!p) {
        return;
    }
    for (i = 0; i < IPMI_PORTS; i++) {
        if (p->bmc->ports[i] == p) {
            detach(p, i);
            return;
        }
    }
}

static DeviceListener listener = {
    .realize = interface_realized,
    .unrealize = interface_unrealized,
};

void ipmi_ports_attach_init(void)
{
    static bool done;

    if (!done) {
        done = true;
        device_listener_register(&listener);
    }
}

/*
 * Life
 */

static int port_post_load(void *opaque, int version_id)
{
    IPMIBmcPort *p = opaque;

    return p->pending_len <= RSP_HEADER + p->max_rsp &&
           (!p->busy || p->pending_len >= 2) &&
           p->storm_left <= 1000 ? 0 : -EINVAL;
}

static const VMStateDescription vmstate_port = {
    .name = TYPE_IPMI_BMC_PORT,
    .version_id = 1,
    .minimum_version_id = 1,
    .post_load = port_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_BOOL(busy, IPMIBmcPort),
        VMSTATE_UINT8(msg_id, IPMIBmcPort),
        VMSTATE_UINT8_ARRAY(pending, IPMIBmcPort, MAX_IPMI_MSG_SIZE),
        VMSTATE_UINT32(pending_len, IPMIBmcPort),
        VMSTATE_TIMER(delay, IPMIBmcPort),
        VMSTATE_BOOL(atn, IPMIBmcPort),
        VMSTATE_BOOL(irq, IPMIBmcPort),
        VMSTATE_UINT32(storm_left, IPMIBmcPort),
        VMSTATE_UINT32(storm_ms, IPMIBmcPort),
        VMSTATE_TIMER(storm, IPMIBmcPort),
        VMSTATE_UINT64(requests, IPMIBmcPort),
        VMSTATE_END_OF_LIST()
    }
};

/*
 * A number that is counted would be another one after the interface has been
 * unplugged and plugged in again.
 */
static char *port_get_id(VMStateIf *obj)
{
    IPMIBmcPort *p = IPMI_BMC_PORT(obj);

    return g_strdup_printf("ipmi%u.%x", p->bmc->index, p->chan);
}

static void port_init(Object *obj)
{
    IPMIBmcPort *p = IPMI_BMC_PORT(obj);

    timer_init_ms(&p->delay, QEMU_CLOCK_VIRTUAL, delay_over, p);
    timer_init_ms(&p->storm, QEMU_CLOCK_VIRTUAL, storm, p);
}

static void port_unrealize(DeviceState *dev)
{
    IPMIBmcPort *p = IPMI_BMC_PORT(dev);

    timer_del(&p->delay);
    timer_del(&p->storm);
}

static void port_class_init(ObjectClass *oc, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(oc);
    IPMIBmcClass *bk = IPMI_BMC_CLASS(oc);

    dc->desc = "A system interface's view of an ipmi-bmc-multi";
    dc->user_creatable = false;
    dc->unrealize = port_unrealize;
    dc->vmsd = &vmstate_port;
    VMSTATE_IF_CLASS(oc)->get_id = port_get_id;
    bk->handle_command = port_handle_command;
}

static const TypeInfo port_info = {
    .name = TYPE_IPMI_BMC_PORT,
    .parent = TYPE_IPMI_BMC,
    .instance_size = sizeof(IPMIBmcPort),
    .instance_init = port_init,
    .class_init = port_class_init,
};

static void port_register_types(void)
{
    type_register_static(&port_info);
}

type_init(port_register_types)
