/*
 * A channel of an IPMI BMC
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
#include "qapi/error.h"
#include "qapi/qapi-events-ipmi-bmc-multi.h"
#include "bridge.h"
#include "channel.h"
#include "hw/qdev-properties.h"
#include "hw/qdev-properties-system.h"
#include "migration/vmstate.h"
#include "qemu/log.h"
#include "qemu/module.h"
#include "trace.h"

/* Numbers of tables 6-3 and 6-2, and the sessions that a medium usually has */
static const struct {
    uint8_t type, protocol;
    IpmiSessionSupport sessions;
} media[IPMI_MEDIUM__MAX] = {
    [IPMI_MEDIUM_IPMB] = { 0x01, IPMI_PROTOCOL_IPMB },
    [IPMI_MEDIUM_ICMB] = { 0x02, IPMI_PROTOCOL_ICMB },
    [IPMI_MEDIUM_ICMB_V09] = { 0x03, IPMI_PROTOCOL_ICMB },
    [IPMI_MEDIUM_LAN] = { 0x04, IPMI_PROTOCOL_IPMB,
                          IPMI_SESSION_SUPPORT_MULTI },
    [IPMI_MEDIUM_SERIAL] = { 0x05, IPMI_PROTOCOL_IPMB,
                             IPMI_SESSION_SUPPORT_SINGLE },
    [IPMI_MEDIUM_OTHER_LAN] = { 0x06, IPMI_PROTOCOL_IPMB,
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

bool ipmi_channel_has_sessions(const IPMIChannel *c)
{
    return c->medium == IPMI_MEDIUM_LAN || c->medium == IPMI_MEDIUM_SERIAL;
}

bool ipmi_channel_is_ipmb(const IPMIChannel *c)
{
    return c->medium == IPMI_MEDIUM_IPMB;
}

uint8_t ipmi_channel_medium_type(const IPMIChannel *c)
{
    return media[c->medium].type;
}

uint8_t ipmi_channel_protocol(const IPMIChannel *c)
{
    return c->protocol ?: media[c->medium].protocol;
}

static const char *bmc_name(IPMIChannel *c)
{
    return ipmi_bmc_name(c->bmc);
}

/*
 * To the medium
 */

void ipmi_channel_end_sessions(IPMIChannel *c)
{
    memset(c->handles, 0, sizeof(c->handles));
}

static void set_handle(IPMIChannel *c, uint8_t handle)
{
    c->handles[handle / 64] |= 1ull << (handle % 64);
}

static bool handle_is_alive(IPMIChannel *c, uint8_t handle)
{
    return handle && (c->handles[handle / 64] & (1ull << (handle % 64)));
}

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

static void put_on_medium(IPMIChannel *c, uint8_t from, const uint8_t *data,
                          unsigned len)
{
    g_autofree char *hex = ipmi_hex(data, len);

    trace_ipmi_channel_sent(bmc_name(c), c->number, from, len);
    c->n_sent++;
    log_sent(c, from, data, len);
    ipmi_channel_chardev_send(c, from, data, len);
    if (ipmi_event_allowed(c->bmc)) {
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
    IPMIRsp rsp = { .max = IPMI_QUEUE_MESSAGE - IPMI_MESSAGE_OVERHEAD };
    uint8_t data[IPMI_QUEUE_MESSAGE], buf[IPMI_QUEUE_MESSAGE];
    IPMIMessage msg = *req;
    unsigned len;

    data[0] = sat->handle(sat->opaque, req, &rsp);
    memcpy(data + 1, rsp.data, rsp.len);
    msg.is_response = true;
    msg.rs_addr = sat->address;
    msg.data = data;
    msg.len = 1 + rsp.len;
    len = ipmi_message_build(c, &msg, buf);
    if (len) {
        ipmi_channel_receive(c, IPMI_MULTI_PRIV_NONE, buf, len);
    }
}

/*
 * sec 22.7: what Send Message says of a message; @msg is NULL if the medium's
 * messages are none of ours to read.
 */
static uint8_t check_send(IPMIChannel *c, const IPMIMessage *msg)
{
    if (!msg || msg->is_response) {
        return IPMI_CC_OK;
    }
    if (ipmi_channel_has_sessions(c)) {
        return handle_is_alive(c, msg->handle) ? IPMI_CC_OK :
               IPMI_CC_SEND_INVALID_HANDLE;
    }
    if (msg->broadcast || c->any_address ||
        find_satellite(c, msg->rs_addr) || ipmi_channel_chardev_is_open(c)) {
        return IPMI_CC_OK;
    }
    return IPMI_CC_SEND_NAK;
}

static void send_and_answer(IPMIChannel *c, const IPMIPassing *p)
{
    IPMISatellite *sat;
    IPMIMessage msg;

    put_on_medium(c, p->who, p->data, p->len);
    if (p->raw || !ipmi_message_parse(c, p->data, p->len, &msg) ||
        msg.is_response) {
        return;
    }
    sat = find_satellite(c, msg.rs_addr);
    if (sat) {
        satellite_answers(c, sat, &msg);
    }
}

uint8_t ipmi_channel_send(IPMIChannel *c, uint8_t from, const uint8_t *data,
                          unsigned len)
{
    bool raw = !ipmi_channel_is_ipmb(c) && !ipmi_channel_has_sessions(c);
    IPMIPassing p = { .out = true, .raw = raw, .who = from, .len = len };
    IPMIMessage msg;
    uint8_t cc;

    if (!len || len > IPMI_QUEUE_MESSAGE ||
        (!raw && !ipmi_message_parse(c, data, len, &msg))) {
        return IPMI_CC_REQUEST_DATA_LENGTH_INVALID;
    }
    if (!raw && !msg.checksum_ok) {
        /* Nobody on a bus would take it for a message. */
        qemu_log_mask(LOG_GUEST_ERROR, "%s: channel 0x%x: message with a wrong "
                      "checksum is lost\n", bmc_name(c), c->number);
        c->n_dropped++;
        return IPMI_CC_OK;
    }
    cc = check_send(c, raw ? NULL : &msg);
    if (cc != IPMI_CC_OK && cc != IPMI_CC_SEND_NAK) {
        return cc;
    }
    memcpy(p.data, data, len);
    ipmi_channel_count(c, &p, ipmi_channel_pass_by_rules(c, &p, &cc));
    return cc;
}

/*
 * From the medium
 */

void ipmi_channel_count(IPMIChannel *c, const IPMIPassing *p,
                        IPMIReceived what)
{
    if (what == IPMI_RECEIVED_OK) {
        c->n_queued += !p->out;
    } else if (what != IPMI_RECEIVED_LATE) {
        c->n_dropped++;
    }
}

/* A message has come, and this is what became of it. */
static IPMIReceived received(IPMIChannel *c, const IPMIPassing *p,
                             IPMIReceived what)
{
    static const char *const name[] = {
        [IPMI_RECEIVED_OK] = "taken",
        [IPMI_RECEIVED_MALFORMED] = "malformed",
        [IPMI_RECEIVED_DISABLED] = "the channel or its reception is disabled",
        [IPMI_RECEIVED_FULL] = "queue is full",
        [IPMI_RECEIVED_DISCARDED] = "discarded",
        [IPMI_RECEIVED_LATE] = "delayed",
    };

    trace_ipmi_channel_received(bmc_name(c), c->number, p->len, name[what]);
    c->n_received++;
    ipmi_channel_count(c, p, what);
    return what;
}

/* sec 22.6: what Get Message shows leaves the IPMB's address byte out. */
static IPMIReceived queue_message(IPMIChannel *c, const IPMIPassing *p)
{
    unsigned skip = !p->raw && ipmi_channel_is_ipmb(c) ? 1 : 0;

    if (!c->receive) {
        return IPMI_RECEIVED_DISABLED;
    }
    return ipmi_queue_put(c->bmc, c->number, p->who, p->data + skip,
                          p->len - skip) ? IPMI_RECEIVED_OK :
                                           IPMI_RECEIVED_FULL;
}

void ipmi_channel_answer(IPMIChannel *c, const IPMIMessage *req, uint8_t cc)
{
    uint8_t buf[IPMI_QUEUE_MESSAGE];
    IPMIMessage msg = *req;
    unsigned len;

    msg.is_response = true;
    msg.data = &cc;
    msg.len = 1;
    len = ipmi_message_build(c, &msg, buf);
    put_on_medium(c, c->number, buf, len);
}

/* Tell a console what became of its request; on an IPMB nobody would. */
static void refuse_request(IPMIChannel *c, const IPMIMessage *req, uint8_t cc)
{
    if (!req->is_response && ipmi_channel_has_sessions(c)) {
        ipmi_channel_answer(c, req, cc);
    }
}

static IPMIReceived take(IPMIChannel *c, const IPMIPassing *p,
                         const IPMIMessage *msg)
{
    IPMIReceived what;

    if (msg->is_response && ipmi_bridge_response(c, msg, p->data, p->len)) {
        return IPMI_RECEIVED_OK;
    }
    /* The BMC's own, which it does not wait for (any more) */
    if (msg->is_response && msg->rq_lun != 2) {
        return IPMI_RECEIVED_DISCARDED;
    }
    if (msg->is_response || msg->rs_lun == 2) {
        what = queue_message(c, p);
        if (what == IPMI_RECEIVED_DISABLED) {
            refuse_request(c, msg, IPMI_CC_UNAVAILABLE);
        } else if (what == IPMI_RECEIVED_FULL) {
            refuse_request(c, msg, IPMI_CC_NODE_BUSY);
        }
        return what;
    }
    if (msg->rs_lun == 0) {
        /* A session always has a level; an IPMB has none. */
        ipmi_bmc_request(c, msg, !p->who && ipmi_channel_has_sessions(c) ?
                                 c->vol.limit : p->who);
        return IPMI_RECEIVED_OK;
    }
    return IPMI_RECEIVED_DISCARDED;
}

IPMIReceived ipmi_channel_pass(IPMIChannel *c, const IPMIPassing *p)
{
    IPMIMessage msg;

    if (p->out) {
        send_and_answer(c, p);
        return IPMI_RECEIVED_OK;
    }
    if (p->raw) {
        return queue_message(c, p);
    }
    return ipmi_message_parse(c, p->data, p->len, &msg) ?
           take(c, p, &msg) : IPMI_RECEIVED_MALFORMED;
}

/* sec 6.6: a disabled channel has no sessions, and takes nothing. */
static bool is_disabled(const IPMIChannel *c)
{
    return c->sessions != IPMI_SESSION_SUPPORT_NONE && !(c->vol.access & 7);
}

static IPMIReceived come_in(IPMIChannel *c, IPMIPassing *p)
{
    uint8_t cc;

    return received(c, p, is_disabled(c) ? IPMI_RECEIVED_DISABLED :
                          ipmi_channel_pass_by_rules(c, p, &cc));
}

IPMIReceived ipmi_channel_receive_raw(IPMIChannel *c, uint8_t priv,
                                      const uint8_t *data, unsigned len)
{
    IPMIPassing p = { .raw = true, .who = priv, .len = len };

    if (len > IPMI_QUEUE_MESSAGE) {
        p.len = IPMI_QUEUE_MESSAGE;
        return received(c, &p, IPMI_RECEIVED_MALFORMED);
    }
    memcpy(p.data, data, len);
    return come_in(c, &p);
}

IPMIReceived ipmi_channel_receive(IPMIChannel *c, uint8_t priv,
                                  const uint8_t *data, unsigned len)
{
    IPMIPassing p = { .who = priv, .len = len };
    IPMIMessage msg;

    if (!ipmi_channel_is_ipmb(c) && !ipmi_channel_has_sessions(c)) {
        return ipmi_channel_receive_raw(c, priv, data, len);
    }
    if (len > IPMI_QUEUE_MESSAGE ||
        !ipmi_message_parse(c, data, len, &msg) || !msg.checksum_ok) {
        return received(c, &p, IPMI_RECEIVED_MALFORMED);
    }
    memcpy(p.data, data, len);
    if (ipmi_channel_has_sessions(c) && !is_disabled(c)) {
        set_handle(c, msg.handle);
        /* sec 6.8: no session may do more than its channel */
        p.who = MIN(priv, c->vol.limit);
    }
    return come_in(c, &p);
}

/*
 * Life
 */

void ipmi_channel_reset(IPMIChannel *c)
{
    c->receive = true;
    c->vol = c->nv;
    ipmi_channel_end_sessions(c);
    ipmi_channel_late_reset(c);
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
    if (c->bmc->ports[1] && c->bmc->ports[1]->chan == c->number) {
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
    return true;
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
    c->nv.access = c->access_mode;
    c->nv.limit = c->privilege_limit;
    c->satellites = g_ptr_array_new();
    ipmi_channel_late_init(c);
    c->bmc->channels[c->number] = c;
    ipmi_channel_reset(c);
    ipmi_channels_load(c->bmc, c->number);
    ipmi_channel_chardev_init(c);
}

static void channel_unrealize(DeviceState *dev)
{
    IPMIChannel *c = IPMI_CHANNEL(dev);

    ipmi_channel_chardev_exit(c);
    c->bmc->channels[c->number] = NULL;
    ipmi_channel_late_reset(c);
    g_ptr_array_unref(c->satellites);
}

static int channel_post_load(void *opaque, int version_id)
{
    IPMIChannel *c = opaque;
    unsigned i;

    if (c->sent_n > IPMI_SENT_DEPTH || c->sent_head >= IPMI_SENT_DEPTH) {
        return -EINVAL;
    }
    for (i = 0; i < IPMI_SENT_DEPTH; i++) {
        if (c->sent[i].len > IPMI_QUEUE_MESSAGE) {
            return -EINVAL;
        }
    }
    ipmi_channel_late_arm(c);
    return 0;
}

static bool late_is_sane(void *opaque, int version_id)
{
    IPMIChannel *c = opaque;

    return c->late_n <= IPMI_QUEUE_DEPTH;
}

static const VMStateDescription vmstate_sent = {
    .name = "ipmi-sent",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_INT64(time_ns, IPMISent),
        VMSTATE_UINT8(from, IPMISent),
        VMSTATE_UINT16(len, IPMISent),
        VMSTATE_UINT8_ARRAY(data, IPMISent, IPMI_QUEUE_MESSAGE),
        VMSTATE_END_OF_LIST()
    }
};

static const VMStateDescription vmstate_channel = {
    .name = TYPE_IPMI_CHANNEL,
    .version_id = 1,
    .minimum_version_id = 1,
    .post_load = channel_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_BOOL(receive, IPMIChannel),
        VMSTATE_UINT8(nv.access, IPMIChannel),
        VMSTATE_UINT8(nv.limit, IPMIChannel),
        VMSTATE_UINT8(vol.access, IPMIChannel),
        VMSTATE_UINT8(vol.limit, IPMIChannel),
        VMSTATE_UINT64_ARRAY(handles, IPMIChannel, 4),
        VMSTATE_STRUCT_ARRAY(sent, IPMIChannel, IPMI_SENT_DEPTH, 1,
                             vmstate_sent, IPMISent),
        VMSTATE_UINT32(sent_head, IPMIChannel),
        VMSTATE_UINT32(sent_n, IPMIChannel),
        VMSTATE_UINT64(n_received, IPMIChannel),
        VMSTATE_UINT64(n_sent, IPMIChannel),
        VMSTATE_UINT64(n_queued, IPMIChannel),
        VMSTATE_UINT64(n_dropped, IPMIChannel),
        VMSTATE_UINT32(late_n, IPMIChannel),
        VMSTATE_VALIDATE("number of delayed messages", late_is_sane),
        VMSTATE_STRUCT_VARRAY_UINT32(late, IPMIChannel, late_n, 1,
                                     vmstate_ipmi_late, IPMILate),
        VMSTATE_END_OF_LIST()
    }
};

/* QEMU's own accessors of enumerations are only to be had by way of one. */
static void enum_get(Object *obj, Visitor *v, const char *name, void *opaque,
                     Error **errp)
{
    qdev_prop_on_off_auto.get(obj, v, name, opaque, errp);
}

static void enum_set(Object *obj, Visitor *v, const char *name, void *opaque,
                     Error **errp)
{
    qdev_prop_on_off_auto.set(obj, v, name, opaque, errp);
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
