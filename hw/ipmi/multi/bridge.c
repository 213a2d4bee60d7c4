/*
 * IPMI BMC with many channels: messages between channels
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 6.12 and 6.13 (bridging), 22.3 to 22.8
 * (commands).
 */

#include "qemu/osdep.h"
#include "bridge.h"
#include "migration/vmstate.h"
#include "qemu/log.h"
#include "trace.h"

/* sec 22.7: first byte of Send Message */
#define SEND_CHANNEL(b)     ((b) & 0x0f)
#define SEND_TRACKING(b)    ((b) >> 6)
#define TRACK_NONE          0
#define TRACK_REQUEST       1
#define TRACK_RAW           2

/* sec 22.6, 22.8: nothing to be had */
#define CC_EMPTY            0x80

/* sec 22.5: operations of Enable Message Channel Receive */
enum { RECEIVE_DISABLE, RECEIVE_ENABLE, RECEIVE_GET, RECEIVE__MAX };

uint8_t ipmi_channel_resolve(const IPMIReq *req, uint8_t number)
{
    return number == IPMI_MULTI_CHAN_SELF ? req->chan : number;
}

IPMIChannel *ipmi_channel(IPMIBmcMulti *s, const IPMIReq *req, uint8_t number)
{
    number = ipmi_channel_resolve(req, number);
    return number < IPMI_MULTI_CHANNELS ? s->channels[number] : NULL;
}

bool ipmi_channel_is_system(IPMIBmcMulti *s, uint8_t number)
{
    return number == IPMI_MULTI_CHAN_SYS ||
           (s->ports[1] && s->ports[1]->chan == number);
}

uint8_t ipmi_channel_medium(IPMIBmcMulti *s, uint8_t number)
{
    if (ipmi_channel_is_system(s, number)) {
        return IPMI_MEDIUM_TYPE_SYSTEM;
    }
    return number < IPMI_MULTI_CHANNELS && s->channels[number] ?
           ipmi_channel_medium_type(s->channels[number]) : 0;
}

/*
 * Flags and what they stand for
 */

static uint8_t clear_flags(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    uint8_t bits = req->data[0];

    if (bits & IPMI_FLAG_RECEIVE) {
        s->queue.n = 0;
    }
    if (bits & IPMI_FLAG_EVENT_BUFFER) {
        s->event_valid = false;
    }
    ipmi_flags_clear(s, bits & (IPMI_FLAG_PRE_TIMEOUT | IPMI_FLAG_OEM));
    return IPMI_CC_OK;
}

static uint8_t get_flags(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    ipmi_rsp_u8(rsp, ipmi_flags(s));
    return IPMI_CC_OK;
}

static uint8_t enable_receive(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    uint8_t number = ipmi_channel_resolve(req, req->data[0] & 0x0f);
    IPMIChannel *c = ipmi_channel(s, req, number);
    uint8_t op = req->data[1] & 3;

    if (op >= RECEIVE__MAX || (!c && !ipmi_channel_is_system(s, number))) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    if (!c && op == RECEIVE_DISABLE) {
        /* sec 22.5: system software always hears itself */
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    if (c && op != RECEIVE_GET) {
        c->receive = op == RECEIVE_ENABLE;
    }
    ipmi_rsp_u8(rsp, number);
    ipmi_rsp_u8(rsp, c ? c->receive : 1);
    return IPMI_CC_OK;
}

static uint8_t get_message(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    IPMIQueue *q = &s->queue;
    IPMIQueueEntry *e = &q->entry[q->head];

    if (!q->n) {
        return CC_EMPTY;
    }
    ipmi_rsp_u8(rsp, e->priv << 4 | e->chan);
    ipmi_rsp_bytes(rsp, e->data, e->len);
    /* What the interface cannot carry would stay at the head for ever. */
    q->head = (q->head + 1) % IPMI_QUEUE_DEPTH;
    q->n--;
    trace_ipmi_queue(ipmi_bmc_name(s), e->chan, e->len, q->n, "get");
    ipmi_attention_update(s);
    return IPMI_CC_OK;
}

static uint8_t read_event_buffer(IPMIBmcMulti *s, const IPMIReq *req,
                                 IPMIRsp *rsp)
{
    if (!s->event_valid) {
        return CC_EMPTY;
    }
    ipmi_rsp_bytes(rsp, s->event, sizeof(s->event));
    s->event_valid = false;
    ipmi_attention_update(s);
    return IPMI_CC_OK;
}

/*
 * Tracked requests
 */

/* A response that is to be sent after the one to its Send Message */
typedef struct IPMIHeld {
    IPMIChannel *origin;
    uint8_t from;
    unsigned len;               /* 0: there is none */
    uint8_t data[IPMI_QUEUE_MESSAGE];
} IPMIHeld;

static int64_t now_ms(void)
{
    return qemu_clock_get_ms(QEMU_CLOCK_VIRTUAL);
}

/* The timer is for whichever has waited longest. */
static void arm_tracked(IPMIBmcMulti *s)
{
    int64_t first = INT64_MAX;
    int i;

    for (i = 0; i < IPMI_TRACKED; i++) {
        if (s->tracked[i].used) {
            first = MIN(first, s->tracked[i].deadline_ms);
        }
    }
    if (first == INT64_MAX) {
        timer_del(&s->tracked_timer);
    } else {
        timer_mod(&s->tracked_timer, first);
    }
}

/* Any response to the Send Message that @t was; @data begins with its code. */
static void answer_tracked(IPMIBmcMulti *s, const IPMITracked *t,
                           const uint8_t *data, unsigned len)
{
    static const uint8_t too_long = IPMI_CC_CANNOT_RETURN_REQ_NUM_BYTES;
    IPMIChannel *origin = s->channels[t->origin];
    uint8_t buf[IPMI_QUEUE_MESSAGE];
    IPMIMessage out = {
        .is_response = true, .netfn = IPMI_MULTI_NETFN_APP, .cmd = 0x34,
        .rs_addr = s->parent_obj.slave_addr, .rq_addr = t->addr,
        .rq_lun = t->lun, .seq = t->seq, .handle = t->handle,
        .data = data, .len = len,
    };
    unsigned n = origin ? ipmi_message_build(origin, &out, buf) : 0;

    if (origin && !n) {
        out.data = &too_long;
        out.len = 1;
        n = ipmi_message_build(origin, &out, buf);
    }
    if (n && s->held) {
        s->held->origin = origin;
        s->held->from = t->target;
        s->held->len = n;
        memcpy(s->held->data, buf, n);
    } else if (n) {
        ipmi_channel_send(origin, t->target, buf, n);
    }
}

/* sec 6.13: the session is not left to wonder. */
static void tracked_timeout(void *opaque)
{
    static const uint8_t code = IPMI_CC_TIMEOUT;
    IPMIBmcMulti *s = opaque;
    int i;

    for (i = 0; i < IPMI_TRACKED; i++) {
        IPMITracked *t = &s->tracked[i];

        if (t->used && t->deadline_ms <= now_ms()) {
            t->used = false;
            answer_tracked(s, t, &code, 1);
        }
    }
    arm_tracked(s);
}

void ipmi_bridge_init(IPMIBmcMulti *s)
{
    timer_init_ms(&s->tracked_timer, QEMU_CLOCK_VIRTUAL, tracked_timeout, s);
}

void ipmi_bridge_reset(IPMIBmcMulti *s)
{
    memset(s->tracked, 0, sizeof(s->tracked));
    timer_del(&s->tracked_timer);
}

void ipmi_bridge_loaded(IPMIBmcMulti *s)
{
    arm_tracked(s);
}

/* The index is the sequence number on the target's bus. */
static int new_tracked(IPMIBmcMulti *s)
{
    int i;

    for (i = 0; i < IPMI_TRACKED; i++) {
        if (!s->tracked[i].used) {
            return i;
        }
    }
    return -1;
}

bool ipmi_bridge_response(IPMIChannel *c, const IPMIMessage *msg,
                          const uint8_t *data, unsigned len)
{
    IPMIBmcMulti *s = c->bmc;
    IPMITracked *t = &s->tracked[msg->seq];
    uint8_t payload[1 + IPMI_QUEUE_MESSAGE];

    if (!t->used || t->target != c->number || t->cmd != msg->cmd ||
        t->netfn != msg->netfn || msg->rq_lun) {
        return false;
    }
    t->used = false;
    arm_tracked(s);
    /* The whole response, as the response to its Send Message */
    payload[0] = IPMI_CC_OK;
    memcpy(payload + 1, data, len);
    answer_tracked(s, t, payload, 1 + len);
    return true;
}

/* A session's request goes out with a sequence number of ours. */
static uint8_t send_tracked(IPMIBmcMulti *s, const IPMIReq *req, IPMIChannel *c,
                            const uint8_t *data, unsigned len)
{
    uint8_t buf[IPMI_QUEUE_MESSAGE];
    int i = new_tracked(s);
    IPMIMessage msg;
    unsigned n;
    uint8_t cc;

    if (!ipmi_message_parse(c, data, len, &msg)) {
        return IPMI_CC_REQUEST_DATA_LENGTH_INVALID;
    }
    if (msg.is_response || !msg.checksum_ok) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    if (i < 0) {
        return IPMI_CC_NODE_BUSY;
    }
    msg.rq_addr = s->parent_obj.slave_addr;
    msg.rq_lun = 0;
    msg.seq = i;
    n = ipmi_message_build(c, &msg, buf);
    /* A satellite answers before this returns. */
    s->tracked[i] = (IPMITracked) {
        .used = true, .deadline_ms = now_ms() + IPMI_TRACKED_LIFE_MS,
        .target = c->number, .origin = req->chan, .netfn = msg.netfn,
        .cmd = msg.cmd, .addr = req->src_addr, .lun = req->src_lun,
        .seq = req->src_seq, .handle = req->src_handle,
    };
    cc = ipmi_channel_send(c, req->chan, buf, n);
    if (cc != IPMI_CC_OK) {
        s->tracked[i].used = false;
    }
    arm_tracked(s);
    return cc;
}

/*
 * Send Message
 */

/* To system software, as if it had been sent to LUN 10b */
static uint8_t send_to_system(IPMIBmcMulti *s, const IPMIReq *req,
                              const uint8_t *data, unsigned len)
{
    IPMIChannel *c;

    if (req->port) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    c = s->channels[req->chan];
    /* sec 22.5: by way of the BMC neither */
    if (!c->receive) {
        c->n_dropped++;
        return IPMI_CC_UNAVAILABLE;
    }
    if (!ipmi_queue_put(s, req->chan, req->priv, data, len)) {
        c->n_dropped++;
        return IPMI_CC_NODE_BUSY;
    }
    c->n_queued++;
    return IPMI_CC_OK;
}

/*
 * From a system interface software matches requests and responses itself, and
 * Linux lets bits of its own stray into the tracking field of responses.
 */
static uint8_t check_tracking(const IPMIReq *req, IPMIChannel *c,
                              uint8_t tracking)
{
    IPMIMessage msg;

    if (tracking > TRACK_RAW) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    if (!req->port || tracking == TRACK_NONE) {
        return IPMI_CC_OK;
    }
    return ipmi_message_parse(c, req->data + 1, req->len - 1, &msg) &&
           msg.is_response ? IPMI_CC_OK : IPMI_CC_INVALID_DATA_FIELD;
}

static uint8_t send_to_channel(IPMIBmcMulti *s, const IPMIReq *req,
                               IPMIChannel *c, IPMIRsp *rsp)
{
    uint8_t tracking = SEND_TRACKING(req->data[0]);
    uint8_t cc = check_tracking(req, c, tracking);
    uint32_t resets = s->resets;

    if (cc != IPMI_CC_OK) {
        return cc;
    }
    if (tracking == TRACK_REQUEST && !req->port) {
        cc = send_tracked(s, req, c, req->data + 1, req->len - 1);
    } else {
        cc = ipmi_channel_send(c, req->chan, req->data + 1, req->len - 1);
    }
    /* A fault in the middle of it: nobody is left to answer. */
    rsp->none = s->resets != resets;
    return cc;
}

static uint8_t send_message(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    uint8_t number = ipmi_channel_resolve(req, SEND_CHANNEL(req->data[0]));
    IPMIChannel *c = ipmi_channel(s, req, number);

    if (ipmi_channel_is_system(s, number)) {
        return send_to_system(s, req, req->data + 1, req->len - 1);
    }
    return c ? send_to_channel(s, req, c, rsp) : IPMI_CC_INVALID_DATA_FIELD;
}

/*
 * Requests to the BMC that come by a channel
 */

void ipmi_bmc_request(IPMIChannel *c, const IPMIMessage *msg, uint8_t priv)
{
    IPMIBmcMulti *s = c->bmc;
    /* One byte of the message is the completion code. */
    IPMIRsp rsp = { .max = IPMI_QUEUE_MESSAGE - IPMI_MESSAGE_OVERHEAD };
    uint8_t data[IPMI_QUEUE_MESSAGE], buf[IPMI_QUEUE_MESSAGE];
    IPMIMessage out = *msg;
    IPMIReq req = {
        .netfn = msg->netfn, .lun = msg->rs_lun, .cmd = msg->cmd,
        .chan = c->number, .priv = priv, .src_addr = msg->rq_addr,
        .src_lun = msg->rq_lun, .src_seq = msg->seq, .src_handle = msg->handle,
        .data = msg->data, .len = msg->len,
    };
    IPMIHeld held = { }, *outer = s->held;
    unsigned n;

    s->held = &held;
    data[0] = ipmi_dispatch(s, &req, &rsp);
    s->held = outer;
    if (rsp.none) {
        return;
    }
    memcpy(data + 1, rsp.data, rsp.len);
    out.is_response = true;
    out.rs_addr = ipmi_channel_is_ipmb(c) ? s->parent_obj.slave_addr :
                                            msg->rs_addr;
    out.data = data;
    out.len = rsp.len + 1;
    n = ipmi_message_build(c, &out, buf);
    ipmi_channel_send(c, c->number, buf, n);
    /* sec 6.13: and then what the satellite said to what was bridged */
    if (held.len) {
        ipmi_channel_send(held.origin, held.from, held.data, held.len);
    }
}

static const IPMICommand commands[] = {
    { 0x30, "Clear Message Flags", 1, 1, IPMI_MULTI_PRIV_USER,
      IPMI_CMD_SYS_ONLY, clear_flags, { { 0, 0x14 } } },
    { 0x31, "Get Message Flags", 0, 0, IPMI_MULTI_PRIV_USER,
      IPMI_CMD_SYS_ONLY, get_flags },
    { 0x32, "Enable Message Channel Receive", 2, 2, IPMI_MULTI_PRIV_USER,
      IPMI_CMD_SYS_ONLY, enable_receive, { { 0, 0xf0 }, { 1, 0xfc } } },
    { 0x33, "Get Message", 0, 0, IPMI_MULTI_PRIV_USER,
      IPMI_CMD_SYS_ONLY, get_message },
    { 0x34, "Send Message", 2, IPMI_QUEUE_MESSAGE + 1, IPMI_MULTI_PRIV_USER,
      0, send_message },
    { 0x35, "Read Event Message Buffer", 0, 0, IPMI_MULTI_PRIV_USER,
      IPMI_CMD_SYS_ONLY, read_event_buffer },
};

const IPMICommandTable ipmi_cmds_bridge =
    IPMI_COMMAND_TABLE(IPMI_MULTI_NETFN_APP, commands);

const VMStateDescription vmstate_ipmi_tracked = {
    .name = "ipmi-tracked",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_BOOL(used, IPMITracked),
        VMSTATE_INT64(deadline_ms, IPMITracked),
        VMSTATE_UINT8(target, IPMITracked),
        VMSTATE_UINT8(origin, IPMITracked),
        VMSTATE_UINT8(netfn, IPMITracked),
        VMSTATE_UINT8(cmd, IPMITracked),
        VMSTATE_UINT8(addr, IPMITracked),
        VMSTATE_UINT8(lun, IPMITracked),
        VMSTATE_UINT8(seq, IPMITracked),
        VMSTATE_UINT8(handle, IPMITracked),
        VMSTATE_END_OF_LIST()
    }
};
