/*
 * IPMI BMC with many channels: a channel
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 6 (channels), 6.13 (bridging), 22.5
 * (Enable Message Channel Receive).
 *
 * Modelled:     media with IPMB messages, media with sessions, media whose
 *               messages Linux does not know; satellite controllers; a peer on
 *               a chardev; messages put and read by QMP.
 * Not modelled: sessions themselves: a session handle is alive from the moment
 *               that a message came with it.
 */

#include "qemu/osdep.h"
#include "channel.h"
#include "chardev.h"
#include "hex.h"
#include "hw/qdev-properties.h"
#include "hw/qdev-properties-system.h"
#include "migration/vmstate.h"
#include "qapi/error.h"
#include "qapi/qapi-events-ipmi-bmc-multi.h"
#include "qemu/module.h"
#include "trace.h"

/* Numbers of tables 6-3 and 6-2, format, and the sessions that there are */
static const struct {
    uint8_t type, protocol;
    IPMIFormat format;
    IpmiSessionSupport sessions;
} media[IPMI_MEDIUM__MAX] = {
    [IPMI_MEDIUM_IPMB] = { 0x01, IPMI_PROTOCOL_IPMB, IPMI_FORMAT_IPMB },
    [IPMI_MEDIUM_ICMB] = { 0x02, IPMI_PROTOCOL_ICMB },
    [IPMI_MEDIUM_ICMB_V09] = { 0x03, IPMI_PROTOCOL_ICMB },
    [IPMI_MEDIUM_LAN] = { 0x04, IPMI_PROTOCOL_IPMB, IPMI_FORMAT_LAN,
                          IPMI_SESSION_SUPPORT_MULTI },
    [IPMI_MEDIUM_SERIAL] = { 0x05, IPMI_PROTOCOL_IPMB, IPMI_FORMAT_LAN,
                             IPMI_SESSION_SUPPORT_SINGLE },
    [IPMI_MEDIUM_OTHER_LAN] = { 0x06, IPMI_PROTOCOL_IPMB, IPMI_FORMAT_RAW,
                                IPMI_SESSION_SUPPORT_MULTI },
    [IPMI_MEDIUM_PCI_SMBUS] = { 0x07, IPMI_PROTOCOL_SMBUS },
    [IPMI_MEDIUM_SMBUS_V1] = { 0x08, IPMI_PROTOCOL_SMBUS },
    [IPMI_MEDIUM_SMBUS] = { 0x09, IPMI_PROTOCOL_SMBUS },
    [IPMI_MEDIUM_USB_V1] = { 0x0a, IPMI_PROTOCOL_IPMB },
    [IPMI_MEDIUM_USB] = { 0x0b, IPMI_PROTOCOL_IPMB },
    [IPMI_MEDIUM_OEM] = { 0x60, IPMI_PROTOCOL_OEM },
};

/* "What the medium usually has", for property sessions */
#define SESSIONS_OF_MEDIUM IPMI_SESSION_SUPPORT__MAX

IPMIFormat ipmi_channel_format(const IPMIChannel *c)
{
    return media[c->medium].format;
}

IPMIChan *ipmi_channel_chan(const IPMIChannel *c)
{
    return &c->bmc->records.chans.chan[c->number];
}

static const char *bmc_name(IPMIChannel *c)
{
    return ipmi_bmc_name(c->bmc);
}

/*
 * To the medium
 */

static void log_sent(IPMIChannel *c, uint8_t from, const uint8_t *data,
                     unsigned len)
{
    IPMISent *sent;

    if (c->sent_n == IPMI_SENT_DEPTH) {
        c->sent_head = (c->sent_head + 1) % IPMI_SENT_DEPTH;
        c->sent_n--;
    }
    sent = &c->sent[(c->sent_head + c->sent_n++) % IPMI_SENT_DEPTH];
    sent->time_ns = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    sent->from = from;
    sent->len = len;
    memcpy(sent->data, data, len);
}

static void put_on_medium(IPMIChannel *c, uint8_t from, const IPMIMessage *msg)
{
    uint8_t buf[IPMI_MESSAGE_MAX];
    unsigned len = ipmi_message_encode(msg, buf);
    g_autofree char *hex = ipmi_hex(buf, len);

    trace_ipmi_channel_sent(bmc_name(c), c->number, from, len);
    ipmi_channel_chan(c)->n_sent++;
    log_sent(c, from, buf, len);
    ipmi_chardev_send(c, from, buf, len);
    if (ipmi_rate_allows(&c->bmc->records.rate)) {
        qapi_event_send_ipmi_message(bmc_name(c), c->number, hex);
    }
}

static IPMISatellite *find_satellite(IPMIChannel *c, uint8_t address)
{
    unsigned i;

    for (i = 0; i < c->satellites->len; i++) {
        IPMISatellite *sat = g_ptr_array_index(c->satellites, i);

        if (sat->address == address) {
            return sat;
        }
    }
    return NULL;
}

bool ipmi_channel_add_satellite(IPMIChannel *c, IPMISatellite *sat)
{
    if (find_satellite(c, sat->address)) {
        return false;
    }
    g_ptr_array_add(c->satellites, sat);
    return true;
}

static void satellite_answers(IPMIChannel *c, IPMISatellite *sat,
                              const IPMIMessage *req)
{
    IPMIRsp rsp = { .max = IPMI_MESSAGE_MAX - IPMI_MESSAGE_OVERHEAD };
    IPMIMessage msg = *req;
    uint8_t cc = sat->handle(sat->opaque, req, &rsp);

    ipmi_message_respond(&msg, cc, rsp.data, rsp.len);
    msg.rs_addr = sat->address;
    ipmi_channel_receive(c, IPMI_MULTI_PRIV_NONE, &msg);
}

/* sec 22.7: what Send Message says of a message */
static uint8_t check_send(IPMIChannel *c, const IPMIMessage *msg)
{
    if (msg->format == IPMI_FORMAT_RAW || msg->is_response) {
        return IPMI_CC_OK;
    }
    if (msg->format == IPMI_FORMAT_LAN) {
        return ipmi_chan_handle_is_alive(ipmi_channel_chan(c), msg->handle) ?
               IPMI_CC_OK : IPMI_CC_SEND_INVALID_HANDLE;
    }
    if (msg->broadcast || c->any_address ||
        find_satellite(c, msg->rs_addr) || ipmi_chardev_is_open(c)) {
        return IPMI_CC_OK;
    }
    return IPMI_CC_SEND_NAK;
}

static void send_and_answer(IPMIChannel *c, const IPMIPassing *p)
{
    IPMISatellite *sat;

    put_on_medium(c, p->who, &p->msg);
    if (p->msg.format != IPMI_FORMAT_IPMB || p->msg.is_response) {
        return;
    }
    sat = find_satellite(c, p->msg.rs_addr);
    if (sat) {
        satellite_answers(c, sat, &p->msg);
    }
}

static void count(void *opaque, const IPMIPassing *p, IPMIReceived what)
{
    IPMIChan *chan = ipmi_channel_chan(opaque);

    switch (what) {
    case IPMI_RECEIVED_QUEUED:
        chan->n_queued++;
        break;
    case IPMI_RECEIVED_OK:
    case IPMI_RECEIVED_LATE:
        break;
    default:
        chan->n_dropped++;
        break;
    }
}

static uint8_t channel_send(void *opaque, uint8_t from, const IPMIMessage *msg)
{
    IPMIChannel *c = opaque;
    IPMIPassing p = { .out = true, .who = from, .msg = *msg };
    uint8_t cc = check_send(c, msg);

    /* A NAK is seen on the bus; a session that is not there has no bus. */
    if (cc == IPMI_CC_OK || cc == IPMI_CC_SEND_NAK) {
        count(c, &p, ipmi_filter_pass(&c->filter, &p, &cc));
    }
    return cc;
}

static void channel_put(void *opaque, uint8_t from, const IPMIMessage *msg)
{
    put_on_medium(opaque, from, msg);
}

static void channel_answer(void *opaque, const IPMIMessage *msg)
{
    IPMIChannel *c = opaque;

    put_on_medium(c, c->number, msg);
}

/*
 * From the medium
 */

static IPMIReceived channel_pass(void *opaque, const IPMIPassing *p)
{
    IPMIChannel *c = opaque;

    if (p->out) {
        send_and_answer(c, p);
        return IPMI_RECEIVED_OK;
    }
    return ipmi_bridge_take(c->bmc->bridge, c->number, p->who, &p->msg);
}

/* A message has come, and this is what became of it. */
static IPMIReceived received(IPMIChannel *c, const IPMIPassing *p,
                             unsigned len, IPMIReceived what)
{
    static const char *const name[] = {
        [IPMI_RECEIVED_QUEUED] = "queued",
        [IPMI_RECEIVED_OK] = "taken",
        [IPMI_RECEIVED_MALFORMED] = "malformed",
        [IPMI_RECEIVED_DISABLED] = "the channel or its reception is disabled",
        [IPMI_RECEIVED_FULL] = "queue is full",
        [IPMI_RECEIVED_DISCARDED] = "discarded",
        [IPMI_RECEIVED_LATE] = "delayed",
    };

    trace_ipmi_channel_received(bmc_name(c), c->number, len, name[what]);
    ipmi_channel_chan(c)->n_received++;
    count(c, p, what);
    return what;
}

IPMIReceived ipmi_channel_malformed(IPMIChannel *c, unsigned len)
{
    IPMIPassing p = { .out = false };

    return received(c, &p, len, IPMI_RECEIVED_MALFORMED);
}

/* sec 6.8: no session may do more than its channel */
IPMIReceived ipmi_channel_receive(IPMIChannel *c, uint8_t priv,
                                  const IPMIMessage *msg)
{
    IPMIPassing p = { .who = priv, .msg = *msg };
    unsigned len = ipmi_message_size(msg);
    IPMIChan *chan = ipmi_channel_chan(c);
    uint8_t cc;

    if (ipmi_chan_is_disabled(chan)) {
        return received(c, &p, len, IPMI_RECEIVED_DISABLED);
    }
    if (msg->format == IPMI_FORMAT_LAN) {
        ipmi_chan_set_handle(chan, msg->handle);
        p.who = MIN(priv, chan->vol.limit);
    }
    return received(c, &p, len, ipmi_filter_pass(&c->filter, &p, &cc));
}

IPMIReceived ipmi_channel_receive_bytes(IPMIChannel *c, uint8_t priv,
                                        const uint8_t *data, unsigned len)
{
    IPMIMessage msg;

    return ipmi_message_parse(ipmi_channel_format(c), data, len, &msg) ==
           IPMI_PARSED ? ipmi_channel_receive(c, priv, &msg) :
                         ipmi_channel_malformed(c, len);
}

/*
 * Life
 */

static void channel_reset(void *opaque)
{
    IPMIChannel *c = opaque;

    ipmi_filter_reset(&c->filter);
}

static bool check_props(IPMIChannel *c, Error **errp)
{
    if (!c->bmc) {
        error_setg(errp, "bmc is missing: the ID of an " TYPE_IPMI_BMC_MULTI);
        return false;
    }
    if (c->number >= IPMI_MULTI_CHANNELS) {
        error_setg(errp, "number=%u: must be 0 to 11", c->number);
        return false;
    }
    if (c->bmc->channels[c->number]) {
        error_setg(errp, "number=%u: the BMC has such a channel already",
                   c->number);
        return false;
    }
    if (c->number == 0 && c->medium != IPMI_MEDIUM_IPMB) {
        error_setg(errp, "number=0: is the primary IPMB, so medium must be "
                   "ipmb");
        return false;
    }
    if (ipmi_channel_chan(c)->kind == IPMI_CHAN_SYSTEM) {
        error_setg(errp, "number=%u: is that of the second system interface, "
                   "which is there already", c->number);
        return false;
    }
    if (c->access_mode > 3) {
        error_setg(errp, "access-mode=%u: must be 0 (disabled) to 3 (shared)",
                   c->access_mode);
        return false;
    }
    if (c->privilege_limit < 1 || c->privilege_limit > 5) {
        error_setg(errp, "privilege-limit=%u: must be 1 (callback) to 5 (OEM)",
                   c->privilege_limit);
        return false;
    }
    if (c->protocol > 0x1f) {
        error_setg(errp, "protocol=0x%x: must be at most 0x1f", c->protocol);
        return false;
    }
    return ipmi_faults_check_channel(c->bmc->faults, c->number, errp);
}

static const IPMIFilterOps filter_ops = {
    .pass = channel_pass,
    .count = count,
    .put = channel_answer,
};

static void add_to_bmc(IPMIChannel *c)
{
    const IPMIChan as = {
        .kind = IPMI_CHAN_MEDIUM,
        .medium = media[c->medium].type,
        .protocol = c->protocol ?: media[c->medium].protocol,
        .sessions = c->sessions,
        .nv = { c->access_mode, c->privilege_limit },
    };

    ipmi_chan_add(&c->bmc->records.chans, c->number, &as);
    c->end = (IPMIBridgeEnd) {
        .format = ipmi_channel_format(c), .send = channel_send,
        .put = channel_put, .reset = channel_reset, .opaque = c,
    };
    ipmi_bridge_plug(c->bmc->bridge, c->number, &c->end);
    c->bmc->channels[c->number] = c;
}

static void channel_realize(DeviceState *dev, Error **errp)
{
    IPMIChannel *c = IPMI_CHANNEL(dev);

    if (!check_props(c, errp)) {
        return;
    }
    if (c->sessions == SESSIONS_OF_MEDIUM) {
        c->sessions = media[c->medium].sessions;
    }
    c->satellites = g_ptr_array_new();
    ipmi_filter_init(&c->filter, c->bmc, c->number, &filter_ops, c);
    add_to_bmc(c);
    ipmi_chardev_init(c);
}

static void channel_unrealize(DeviceState *dev)
{
    IPMIChannel *c = IPMI_CHANNEL(dev);

    ipmi_chardev_exit(c);
    c->bmc->channels[c->number] = NULL;
    ipmi_bridge_unplug(c->bmc->bridge, c->number);
    ipmi_chan_remove(&c->bmc->records.chans, c->number);
    ipmi_filter_reset(&c->filter);
    g_ptr_array_unref(c->satellites);
}

static int channel_post_load(void *opaque, int version_id)
{
    IPMIChannel *c = opaque;

    if (c->sent_n > IPMI_SENT_DEPTH || c->sent_head >= IPMI_SENT_DEPTH) {
        return -EINVAL;
    }
    for (unsigned i = 0; i < IPMI_SENT_DEPTH; i++) {
        if (c->sent[i].len > IPMI_MESSAGE_MAX) {
            return -EINVAL;
        }
    }
    /* Of another medium, they cannot be sent on this one. */
    for (unsigned i = 0; i < c->filter.late_n; i++) {
        IPMIFormat format = c->filter.late[i].passing.msg.format;

        if (format != ipmi_channel_format(c) && format != IPMI_FORMAT_RAW) {
            return -EINVAL;
        }
    }
    return 0;
}

static const VMStateDescription vmstate_sent = {
    .name = "ipmi-sent",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_INT64(time_ns, IPMISent),
        VMSTATE_UINT8(from, IPMISent),
        VMSTATE_UINT16(len, IPMISent),
        VMSTATE_UINT8_ARRAY(data, IPMISent, IPMI_MESSAGE_MAX),
        VMSTATE_END_OF_LIST()
    }
};

static const VMStateDescription vmstate_channel = {
    .name = TYPE_IPMI_CHANNEL,
    .version_id = 1,
    .minimum_version_id = 1,
    .post_load = channel_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_STRUCT_ARRAY(sent, IPMIChannel, IPMI_SENT_DEPTH, 1,
                             vmstate_sent, IPMISent),
        VMSTATE_UINT32(sent_head, IPMIChannel),
        VMSTATE_UINT32(sent_n, IPMIChannel),
        VMSTATE_STRUCT(filter, IPMIChannel, 1, vmstate_ipmi_filter,
                       IPMIFilter),
        VMSTATE_END_OF_LIST()
    }
};

/* QEMU keeps its accessors of enumerations to itself, but for those of one. */
static void enum_get(Object *obj, Visitor *v, const char *name, void *opaque,
                     Error **errp)
{
    qdev_prop_on_off_auto.get(obj, v, name, opaque, errp);
}

/* What is refused is told together with what is allowed. */
static void enum_set(Object *obj, Visitor *v, const char *name, void *opaque,
                     Error **errp)
{
    const Property *prop = opaque;
    Error *err = NULL;

    qdev_prop_on_off_auto.set(obj, v, name, opaque, &err);
    if (err) {
        error_setg(errp, "%s: must be %s", error_get_pretty(err),
                   prop->info->description);
        error_free(err);
    }
}

static void enum_set_default(ObjectProperty *op, const Property *prop)
{
    qdev_prop_on_off_auto.set_default_value(op, prop);
}

static const PropertyInfo prop_medium = {
    .type = "IpmiMedium",
    .description = "ipmb, icmb, icmb-v09, lan, serial, other-lan, pci-smbus, "
                   "smbus-v1, smbus, usb-v1, usb or oem",
    .enum_table = &IpmiMedium_lookup,
    .get = enum_get,
    .set = enum_set,
    .set_default_value = enum_set_default,
};

static const PropertyInfo prop_sessions = {
    .type = "IpmiSessionSupport",
    .description = "none, single, multi or switchable",
    .enum_table = &IpmiSessionSupport_lookup,
    .get = enum_get,
    .set = enum_set,
};

static const Property channel_props[] = {
    DEFINE_PROP_LINK("bmc", IPMIChannel, bmc, TYPE_IPMI_BMC_MULTI,
                     IPMIBmcMulti *),
    DEFINE_PROP_UINT8("number", IPMIChannel, number, 0),
    DEFINE_PROP_UNSIGNED("medium", IPMIChannel, medium, IPMI_MEDIUM_IPMB,
                         prop_medium, IpmiMedium),
    DEFINE_PROP_UINT8("protocol", IPMIChannel, protocol, 0),
    DEFINE_PROP_UNSIGNED_NODEFAULT("sessions", IPMIChannel, sessions,
                                   prop_sessions, IpmiSessionSupport),
    DEFINE_PROP_UINT8("access-mode", IPMIChannel, access_mode, 2),
    DEFINE_PROP_UINT8("privilege-limit", IPMIChannel, privilege_limit, 4),
    DEFINE_PROP_BOOL("any-address", IPMIChannel, any_address, false),
    DEFINE_PROP_CHR("chardev", IPMIChannel, chr),
};

static void channel_instance_init(Object *obj)
{
    IPMI_CHANNEL(obj)->sessions = SESSIONS_OF_MEDIUM;
}

static void channel_class_init(ObjectClass *oc, void *data)
{
    static const char *const text[][2] = {
        { "bmc", "ID of the BMC" },
        { "number", "channel number, 0 to 11; 0 is the primary IPMB" },
        { "protocol", "protocol type; 0: what goes with the medium" },
        { "sessions", "session support; what the medium usually has if it is "
                      "left out" },
        { "access-mode", "access mode as it comes from the maker: 0 disabled, "
                         "1 pre-boot, 2 always, 3 shared" },
        { "privilege-limit", "privilege level limit as it comes from the "
                             "maker, 1 to 5" },
        { "any-address", "take requests to any address of the medium, on "
                         "behalf of peers that QMP plays" },
        { "chardev", "a peer: messages in the framing of "
                     "docs/specs/ipmi-bmc-multi.rst" },
    };
    DeviceClass *dc = DEVICE_CLASS(oc);
    int i;

    dc->desc = "Channel of an ipmi-bmc-multi";
    dc->hotpluggable = false;
    dc->realize = channel_realize;
    dc->unrealize = channel_unrealize;
    dc->vmsd = &vmstate_channel;
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
    device_class_set_props(dc, channel_props);
    for (i = 0; i < ARRAY_SIZE(text); i++) {
        object_class_property_set_description(oc, text[i][0], text[i][1]);
    }
}

static const TypeInfo channel_info = {
    .name = TYPE_IPMI_CHANNEL,
    .parent = TYPE_DEVICE,
    .instance_size = sizeof(IPMIChannel),
    .instance_init = channel_instance_init,
    .class_size = sizeof(IPMIChannelClass),
    .class_init = channel_class_init,
};

static void channel_register_types(void)
{
    type_register_static(&channel_info);
}

type_init(channel_register_types)
