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
#include "hw/ipmi/ipmi-bmc-multi-fault.h"
#include "hw/ipmi/ipmi-bridge.h"
#include "hw/ipmi/ipmi-channel.h"
#include "hw/qdev-properties.h"
#include "hw/qdev-properties-system.h"
#include "migration/vmstate.h"
#include "qemu/log.h"
#include "qemu/module.h"
#include "trace.h"

/* Numbers of tables 6-3 and 6-2, and the sessions that the medium usually has */
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
 * Messages
 */

/* Bytes before, and the least that there are in all */
static bool layout(const IPMIChannel *c, unsigned *handle, unsigned *min)
{
    *handle = ipmi_channel_has_sessions(c) ? 1 : 0;
    *min = *handle + 7;
    return *handle || ipmi_channel_is_ipmb(c);
}

bool ipmi_message_parse(const IPMIChannel *c, const uint8_t *p, unsigned len,
                        IPMIMessage *msg)
{
    unsigned handle, min;
    bool first_ok;

    memset(msg, 0, sizeof(*msg));
    if (!layout(c, &handle, &min)) {
        return false;
    }
    /* IPMB sec 2.11.1: a broadcast has address 00h in front */
    if (!handle && len > min && p[0] == 0) {
        msg->broadcast = true;
        p++;
        len--;
    }
    if (len < min) {
        return false;
    }
    msg->handle = handle ? p[0] : 0;
    /* Linux' automatic replies count the session handle into the checksum. */
    first_ok = !ipmi_checksum(p + handle, 3) ||
               (handle && (p[2] & 0x04) && !ipmi_checksum(p, 4));
    p += handle;
    len -= handle;
    msg->is_response = p[1] & 0x04;
    msg->netfn = (p[1] >> 2) & ~1;
    msg->checksum_ok = first_ok && !ipmi_checksum(p + 3, len - 3);
    msg->seq = p[4] >> 2;
    msg->cmd = p[5];
    msg->data = p + 6;
    msg->len = len - 7;
    if (msg->is_response) {
        msg->rq_addr = p[0];
        msg->rq_lun = p[1] & 3;
        msg->rs_addr = p[3];
        msg->rs_lun = p[4] & 3;
    } else {
        msg->rs_addr = p[0];
        msg->rs_lun = p[1] & 3;
        msg->rq_addr = p[3];
        msg->rq_lun = p[4] & 3;
    }
    return true;
}

unsigned ipmi_message_build(const IPMIChannel *c, const IPMIMessage *msg,
                            uint8_t *buf)
{
    bool rsp = msg->is_response;
    unsigned handle, min;
    uint8_t *p;

    if (!layout(c, &handle, &min) || min + msg->len > IPMI_QUEUE_MESSAGE) {
        return 0;
    }
    if (handle) {
        buf[0] = msg->handle;
    }
    p = buf + handle;
    p[0] = rsp ? msg->rq_addr : msg->rs_addr;
    p[1] = (msg->netfn | rsp) << 2 | (rsp ? msg->rq_lun : msg->rs_lun);
    p[2] = ipmi_checksum(p, 2);
    p[3] = rsp ? msg->rs_addr : msg->rq_addr;
    p[4] = msg->seq << 2 | (rsp ? msg->rs_lun : msg->rq_lun);
    p[5] = msg->cmd;
    memcpy(p + 6, msg->data, msg->len);
    p[6 + msg->len] = ipmi_checksum(p + 3, 3 + msg->len);
    return min + msg->len;
}

/*
 * To the medium
 */

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
    qapi_event_send_ipmi_message(bmc_name(c), c->number, hex);
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
    IPMIRsp rsp = { .max = IPMI_QUEUE_MESSAGE - 16 };
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
        return IPMI_MULTI_CC_OK;
    }
    if (ipmi_channel_has_sessions(c)) {
        return handle_is_alive(c, msg->handle) ? IPMI_MULTI_CC_OK :
               IPMI_CC_SEND_INVALID_HANDLE;
    }
    if (msg->broadcast || c->any_address ||
        find_satellite(c, msg->rs_addr) || ipmi_channel_chardev_is_open(c)) {
        return IPMI_MULTI_CC_OK;
    }
    return IPMI_CC_SEND_NAK;
}

static void send_and_answer(IPMIChannel *c, uint8_t from, const uint8_t *data,
                            unsigned len, const IPMIMessage *msg)
{
    IPMISatellite *sat;

    put_on_medium(c, from, data, len);
    if (!msg || msg->is_response) {
        return;
    }
    sat = find_satellite(c, msg->rs_addr);
    if (sat) {
        satellite_answers(c, sat, msg);
    }
}

uint8_t ipmi_channel_send(IPMIChannel *c, uint8_t from, const uint8_t *data,
                          unsigned len)
{
    bool readable = ipmi_channel_is_ipmb(c) || ipmi_channel_has_sessions(c);
    const IpmiFault *f;
    IPMIMessage msg;
    uint8_t cc;

    if (!len || len > IPMI_QUEUE_MESSAGE ||
        (readable && !ipmi_message_parse(c, data, len, &msg))) {
        return IPMI_MULTI_CC_LENGTH;
    }
    if (readable && !msg.checksum_ok) {
        /* Nobody on a bus would take it for a message. */
        qemu_log_mask(LOG_GUEST_ERROR, "%s: channel 0x%x: message with a wrong "
                      "checksum is lost\n", bmc_name(c), c->number);
        c->n_dropped++;
        return IPMI_MULTI_CC_OK;
    }
    cc = check_send(c, readable ? &msg : NULL);
    if (cc != IPMI_MULTI_CC_OK && cc != IPMI_CC_SEND_NAK) {
        return cc;
    }
    f = ipmi_faults_match(c->bmc->faults, bmc_name(c), c->number,
                          readable ? msg.netfn : 0, readable ? msg.cmd : 0);
    if (f && (f->action == IPMI_FAULT_ACTION_DROP ||
              f->action == IPMI_FAULT_ACTION_IGNORE)) {
        c->n_dropped++;
        return cc;
    }
    if (f && f->action == IPMI_FAULT_ACTION_COMPLETION) {
        return ipmi_fault_code(f);
    }
    send_and_answer(c, from, data, len, readable ? &msg : NULL);
    return cc;
}

/*
 * From the medium
 */

static IPMIReceived received(IPMIChannel *c, unsigned len, IPMIReceived what)
{
    static const char *const name[] = {
        [IPMI_RECEIVED_OK] = "taken",
        [IPMI_RECEIVED_MALFORMED] = "malformed",
        [IPMI_RECEIVED_DISABLED] = "reception is disabled",
        [IPMI_RECEIVED_FULL] = "queue is full",
        [IPMI_RECEIVED_DISCARDED] = "discarded",
    };

    trace_ipmi_channel_received(bmc_name(c), c->number, len, name[what]);
    c->n_received++;
    c->n_queued += what == IPMI_RECEIVED_OK;
    c->n_dropped += what != IPMI_RECEIVED_OK;
    return what;
}

/* sec 22.6: what Get Message shows leaves the IPMB's address byte out. */
static IPMIReceived queue_message(IPMIChannel *c, uint8_t priv,
                                  const uint8_t *data, unsigned len)
{
    unsigned skip = ipmi_channel_is_ipmb(c) ? 1 : 0;

    if (!c->receive) {
        return IPMI_RECEIVED_DISABLED;
    }
    return ipmi_queue_put(c->bmc, c->number, priv, data + skip, len - skip) ?
           IPMI_RECEIVED_OK : IPMI_RECEIVED_FULL;
}

IPMIReceived ipmi_channel_receive_raw(IPMIChannel *c, uint8_t priv,
                                      const uint8_t *data, unsigned len)
{
    if (!c->receive) {
        return received(c, len, IPMI_RECEIVED_DISABLED);
    }
    return received(c, len, ipmi_queue_put(c->bmc, c->number, priv, data, len) ?
                            IPMI_RECEIVED_OK : IPMI_RECEIVED_FULL);
}

/* Tell a console what became of its request; on an IPMB nobody would. */
static void refuse_request(IPMIChannel *c, const IPMIMessage *req, uint8_t cc)
{
    uint8_t buf[IPMI_QUEUE_MESSAGE];
    IPMIMessage msg = *req;
    unsigned len;

    if (req->is_response || !ipmi_channel_has_sessions(c)) {
        return;
    }
    msg.is_response = true;
    msg.data = &cc;
    msg.len = 1;
    len = ipmi_message_build(c, &msg, buf);
    put_on_medium(c, c->number, buf, len);
}

/* One message, after faults have had their turn */
static IPMIReceived take(IPMIChannel *c, uint8_t priv, const uint8_t *data,
                         unsigned len, const IPMIMessage *msg)
{
    IPMIReceived what;

    if (msg->is_response && ipmi_bridge_response(c, msg, data, len)) {
        return IPMI_RECEIVED_OK;
    }
    /* The BMC's own, which it does not wait for (any more) */
    if (msg->is_response && msg->rq_lun != 2) {
        return IPMI_RECEIVED_DISCARDED;
    }
    if (msg->is_response || msg->rs_lun == 2) {
        what = queue_message(c, priv, data, len);
        if (what == IPMI_RECEIVED_DISABLED) {
            refuse_request(c, msg, IPMI_MULTI_CC_UNAVAILABLE);
        } else if (what == IPMI_RECEIVED_FULL) {
            refuse_request(c, msg, IPMI_MULTI_CC_BUSY);
        }
        return what;
    }
    if (msg->rs_lun == 0) {
        ipmi_bmc_request(c, msg, priv);
        return IPMI_RECEIVED_OK;
    }
    return IPMI_RECEIVED_DISCARDED;
}

typedef struct LateMessage {
    IPMIChannel *c;
    QEMUTimer timer;
    uint8_t priv;
    unsigned len;
    uint8_t data[IPMI_QUEUE_MESSAGE];
} LateMessage;

static void late_message(void *opaque)
{
    LateMessage *late = opaque;
    IPMIMessage msg;

    if (ipmi_message_parse(late->c, late->data, late->len, &msg)) {
        received(late->c, late->len,
                 take(late->c, late->priv, late->data, late->len, &msg));
    }
    g_ptr_array_remove_fast(late->c->late, late);
}

static void late_free(void *opaque)
{
    LateMessage *late = opaque;

    timer_del(&late->timer);
    g_free(late);
}

/* A delayed message; as many may be on their way as fit into the queue. */
static IPMIReceived take_later(IPMIChannel *c, uint8_t priv,
                               const uint8_t *data, unsigned len, uint32_t ms)
{
    LateMessage *late;

    if (c->late->len == IPMI_QUEUE_DEPTH) {
        return IPMI_RECEIVED_FULL;
    }
    late = g_new0(LateMessage, 1);
    late->c = c;
    late->priv = priv;
    late->len = len;
    memcpy(late->data, data, len);
    timer_init_ms(&late->timer, QEMU_CLOCK_VIRTUAL, late_message, late);
    timer_mod(&late->timer, qemu_clock_get_ms(QEMU_CLOCK_VIRTUAL) + ms);
    g_ptr_array_add(c->late, late);
    return IPMI_RECEIVED_OK;
}

/* What a fault makes of the bytes; they remain a message. */
static unsigned spoil(IPMIChannel *c, const IpmiFault *f, uint8_t *buf,
                      unsigned len, IPMIMessage *msg)
{
    uint8_t data[IPMI_QUEUE_MESSAGE];
    IPMIMessage changed = *msg;

    memcpy(data, msg->data, msg->len);
    changed.data = data;
    switch (f->action) {
    case IPMI_FAULT_ACTION_WRONG_SEQUENCE:
        changed.seq = (changed.seq + 1) & 0x3f;
        break;
    case IPMI_FAULT_ACTION_WRONG_NETFN:
        changed.netfn ^= 0x02;
        break;
    case IPMI_FAULT_ACTION_WRONG_COMMAND:
        changed.cmd ^= 0x80;
        break;
    case IPMI_FAULT_ACTION_TRUNCATE:
        changed.len -= MIN(ipmi_fault_bytes(f), changed.len);
        break;
    case IPMI_FAULT_ACTION_EXTEND:
        changed.len = MIN(changed.len + ipmi_fault_bytes(f),
                          IPMI_QUEUE_MESSAGE - 16);
        memset(data + MIN(msg->len, changed.len), 0xff,
               changed.len - MIN(msg->len, changed.len));
        break;
    case IPMI_FAULT_ACTION_COMPLETION:
        if (changed.is_response && changed.len) {
            data[0] = ipmi_fault_code(f);
        }
        break;
    default:
        return len;
    }
    len = ipmi_message_build(c, &changed, buf);
    ipmi_message_parse(c, buf, len, msg);
    return len;
}

static IPMIReceived take_with_fault(IPMIChannel *c, const IpmiFault *f,
                                    uint8_t priv, uint8_t *buf, unsigned len,
                                    IPMIMessage *msg)
{
    IPMIReceived what;
    uint32_t i;

    switch (f->action) {
    case IPMI_FAULT_ACTION_DROP:
    case IPMI_FAULT_ACTION_IGNORE:
    case IPMI_FAULT_ACTION_STUCK:
        return IPMI_RECEIVED_DISCARDED;
    case IPMI_FAULT_ACTION_DELAY:
        return take_later(c, priv, buf, len, ipmi_fault_delay_ms(f));
    case IPMI_FAULT_ACTION_BMC_RESET:
        ipmi_bmc_reset(c->bmc, true);
        return IPMI_RECEIVED_DISCARDED;
    default:
        break;
    }
    len = spoil(c, f, buf, len, msg);
    what = take(c, priv, buf, len, msg);
    for (i = 0; f->action == IPMI_FAULT_ACTION_REPEAT &&
                i < ipmi_fault_times(f); i++) {
        take(c, priv, buf, len, msg);
    }
    return what;
}

IPMIReceived ipmi_channel_receive(IPMIChannel *c, uint8_t priv,
                                  const uint8_t *data, unsigned len)
{
    uint8_t buf[IPMI_QUEUE_MESSAGE];
    const IpmiFault *f;
    IPMIMessage msg;

    if (!ipmi_channel_is_ipmb(c) && !ipmi_channel_has_sessions(c)) {
        return ipmi_channel_receive_raw(c, priv, data, len);
    }
    if (len > sizeof(buf)) {
        return received(c, len, IPMI_RECEIVED_MALFORMED);
    }
    memcpy(buf, data, len);
    if (!ipmi_message_parse(c, buf, len, &msg) || !msg.checksum_ok) {
        return received(c, len, IPMI_RECEIVED_MALFORMED);
    }
    if (ipmi_channel_has_sessions(c)) {
        set_handle(c, msg.handle);
    }
    f = ipmi_faults_match(c->bmc->faults, bmc_name(c), c->number, msg.netfn,
                          msg.cmd);
    return received(c, len, f ? take_with_fault(c, f, priv, buf, len, &msg) :
                                take(c, priv, buf, len, &msg));
}

/*
 * Life
 */

void ipmi_channel_reset(IPMIChannel *c)
{
    c->receive = true;
    c->vol = c->nv;
    memset(c->handles, 0, sizeof(c->handles));
    g_ptr_array_set_size(c->late, 0);
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
    if (c->number == c->bmc->port2_channel && c->bmc->ports[1]) {
        error_setg(errp, "number=%u: is that of the second system interface "
                   "(second-interface of the BMC)", c->number);
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
    c->late = g_ptr_array_new_with_free_func(late_free);
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
    g_ptr_array_unref(c->late);
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
