/*
 * IPMI BMC with many channels: messages between channels
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 6.12 and 6.13 (bridging), 22.7 (Send
 * Message).
 */

#include "qemu/osdep.h"
#include "bridge.h"
#include "migration/vmstate.h"
#include "qemu/log.h"
#include "sms.h"
#include "trace.h"

#define CMD_SEND_MESSAGE    0x34

/* sec 29.3 */
#define CMD_PLATFORM_EVENT  0x02

/* sec 6.3 */
#define CHAN_PRIMARY_IPMB   0

/* sec 22.7: tracking */
#define TRACK_NONE          0
#define TRACK_REQUEST       1
#define TRACK_RAW           2

/* LUNs of a BMC: itself, and system software */
#define LUN_BMC             0
#define LUN_SMS             2

/*
 * Requests that the BMC has forwarded for a session, and whose responses it
 * routes back. The index is the sequence number on the target's bus.
 */
#define TRACKED             64
#define TRACKED_LIFE_MS     5000

typedef struct IPMITracked {
    bool used;
    int64_t deadline_ms;
    uint8_t target;             /* channel that the request went to */
    uint8_t origin;             /* channel that it came from */
    uint8_t netfn, cmd;
    uint8_t addr, lun, seq, handle;     /* who asked: of its Send Message */
} IPMITracked;

/* A response that is to be sent after the one to its Send Message */
typedef struct IPMIHeld {
    bool valid;
    uint8_t origin, from;
    IPMIMessage msg;
} IPMIHeld;

struct IPMIBridge {
    IPMIBmcMulti *bmc;
    const IPMIBridgeEnd *end[IPMI_MULTI_CHANNELS];  /* NULL: no such channel */
    IPMITracked tracked[TRACKED];
    QEMUTimer timer;
    uint8_t event_seq;          /* sequence number of the next event */
    IPMIHeld *held;             /* while a request of a channel is handled */
};

static IPMIChan *chan_of(IPMIBridge *b, uint8_t number)
{
    return &b->bmc->records.chans.chan[number];
}

static uint8_t own_address(const IPMIBridge *b)
{
    return b->bmc->parent_obj.slave_addr;
}

/* Through the faults, onto the medium */
static uint8_t send_out(IPMIBridge *b, uint8_t to, uint8_t from,
                        const IPMIMessage *msg)
{
    return b->end[to]->send(b->end[to]->opaque, from, msg);
}

void ipmi_bridge_plug(IPMIBridge *b, uint8_t number, const IPMIBridgeEnd *end)
{
    b->end[number] = end;
}

void ipmi_bridge_unplug(IPMIBridge *b, uint8_t number)
{
    b->end[number] = NULL;
}

/*
 * Tracked requests
 */

static int64_t now_ms(void)
{
    return qemu_clock_get_ms(QEMU_CLOCK_VIRTUAL);
}

/* The timer is for whichever has waited longest. */
static void arm(IPMIBridge *b)
{
    int64_t first = INT64_MAX;

    for (int i = 0; i < TRACKED; i++) {
        if (b->tracked[i].used) {
            first = MIN(first, b->tracked[i].deadline_ms);
        }
    }
    if (first == INT64_MAX) {
        timer_del(&b->timer);
    } else {
        timer_mod(&b->timer, first);
    }
}

/* Any response to the Send Message that @t was; with data behind the code */
static void answer_tracked(IPMIBridge *b, const IPMITracked *t, uint8_t cc,
                           const uint8_t *data, unsigned len)
{
    IPMIMessage msg = {
        .netfn = IPMI_MULTI_NETFN_APP, .cmd = CMD_SEND_MESSAGE,
        .rs_addr = own_address(b), .rq_addr = t->addr, .rq_lun = t->lun,
        .seq = t->seq, .handle = t->handle,
    };

    if (!b->end[t->origin]) {
        return;
    }
    msg.format = b->end[t->origin]->format;
    if (!ipmi_message_fits(msg.format, 1 + len)) {
        cc = IPMI_CC_CANNOT_RETURN_REQ_NUM_BYTES;
        len = 0;
    }
    ipmi_message_respond(&msg, cc, data, len);
    if (b->held) {
        *b->held = (IPMIHeld) {
            .valid = true, .origin = t->origin, .from = t->target, .msg = msg,
        };
    } else {
        send_out(b, t->origin, t->target, &msg);
    }
}

/* sec 6.13: the session is not left to wonder. */
static void tracked_timeout(void *opaque)
{
    IPMIBridge *b = opaque;

    for (int i = 0; i < TRACKED; i++) {
        IPMITracked *t = &b->tracked[i];

        if (t->used && t->deadline_ms <= now_ms()) {
            t->used = false;
            answer_tracked(b, t, IPMI_CC_TIMEOUT, NULL, 0);
        }
    }
    arm(b);
}

static int new_tracked(const IPMIBridge *b)
{
    for (int i = 0; i < TRACKED; i++) {
        if (!b->tracked[i].used) {
            return i;
        }
    }
    return -1;
}

/* Was it one that is tracked? Then it has been routed back. */
static bool route_back(IPMIBridge *b, uint8_t number, const IPMIMessage *msg)
{
    IPMITracked *t = &b->tracked[msg->seq];
    uint8_t buf[IPMI_MESSAGE_MAX];
    unsigned n;

    if (!t->used || t->target != number || t->cmd != msg->cmd ||
        t->netfn != msg->netfn || msg->rq_lun != LUN_BMC) {
        return false;
    }
    t->used = false;
    arm(b);
    /* The whole response, as the response to its Send Message */
    n = ipmi_message_encode(msg, buf);
    answer_tracked(b, t, IPMI_CC_OK, buf, n);
    return true;
}

/* A session's request goes out with a sequence number of ours. */
static uint8_t send_tracked(IPMIBridge *b, const IPMIReq *req, uint8_t number,
                            IPMIMessage *msg)
{
    int i = new_tracked(b);
    uint8_t cc;

    if (i < 0) {
        return IPMI_CC_NODE_BUSY;
    }
    msg->rq_addr = own_address(b);
    msg->rq_lun = LUN_BMC;
    msg->seq = i;
    /* A satellite answers before this returns. */
    b->tracked[i] = (IPMITracked) {
        .used = true, .deadline_ms = now_ms() + TRACKED_LIFE_MS,
        .target = number, .origin = req->chan, .netfn = msg->netfn,
        .cmd = msg->cmd, .addr = req->src_addr, .lun = req->src_lun,
        .seq = req->src_seq, .handle = req->src_handle,
    };
    cc = send_out(b, number, req->chan, msg);
    if (cc != IPMI_CC_OK) {
        b->tracked[i].used = false;
    }
    arm(b);
    return cc;
}

/*
 * Send Message
 */

/* As if it had been sent to LUN 10b */
uint8_t ipmi_bridge_to_system(IPMIBridge *b, const IPMIReq *req,
                              const uint8_t *data, unsigned len)
{
    IPMIChan *c = chan_of(b, req->chan);

    if (req->system) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    /* sec 22.5: nor through the BMC */
    if (!c->receive) {
        c->n_dropped++;
        return IPMI_CC_UNAVAILABLE;
    }
    if (!ipmi_sms_put(b->bmc->sms, req->chan, req->priv, data, len)) {
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
static uint8_t check_tracking(const IPMIReq *req, uint8_t tracking,
                              IPMIParsed parsed, const IPMIMessage *msg)
{
    if (tracking > TRACK_RAW) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    if (tracking == TRACK_NONE) {
        return IPMI_CC_OK;
    }
    if (req->system) {
        return parsed != IPMI_PARSED_LENGTH && msg->is_response ?
               IPMI_CC_OK : IPMI_CC_INVALID_DATA_FIELD;
    }
    if (tracking == TRACK_REQUEST) {
        return parsed == IPMI_PARSED_LENGTH ||
               msg->format == IPMI_FORMAT_RAW ?
               IPMI_CC_REQUEST_DATA_LENGTH_INVALID :
               msg->is_response || parsed == IPMI_PARSED_CHECKSUM ?
               IPMI_CC_INVALID_DATA_FIELD : IPMI_CC_OK;
    }
    return IPMI_CC_OK;
}

uint8_t ipmi_bridge_send(IPMIBridge *b, const IPMIReq *req, uint8_t number,
                         uint8_t tracking, const uint8_t *data, unsigned len)
{
    const IPMIBridgeEnd *end = number < IPMI_MULTI_CHANNELS ?
                               b->end[number] : NULL;
    IPMIParsed parsed;
    IPMIMessage msg;
    uint8_t cc;

    if (!end) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    parsed = ipmi_message_parse(end->format, data, len, &msg);
    cc = check_tracking(req, tracking, parsed, &msg);
    if (cc != IPMI_CC_OK) {
        return cc;
    }
    if (parsed == IPMI_PARSED_LENGTH) {
        return IPMI_CC_REQUEST_DATA_LENGTH_INVALID;
    }
    if (parsed == IPMI_PARSED_CHECKSUM) {
        /* Nobody on a bus would take it for a message. */
        qemu_log_mask(LOG_GUEST_ERROR, "%s: channel 0x%x: message with a wrong "
                      "checksum is lost\n", ipmi_bmc_name(b->bmc), number);
        chan_of(b, number)->n_dropped++;
        return IPMI_CC_OK;
    }
    return tracking == TRACK_REQUEST && !req->system ?
           send_tracked(b, req, number, &msg) :
           send_out(b, number, req->chan, &msg);
}

/*
 * What comes by a channel
 */

/* A request to the BMC itself: carry it out, and send the response. */
static void bmc_request(IPMIBridge *b, uint8_t number, uint8_t priv,
                        const IPMIMessage *msg)
{
    /* One byte of the message is the completion code. */
    IPMIRsp rsp = { .max = IPMI_MESSAGE_MAX - IPMI_MESSAGE_OVERHEAD };
    /* A session always has a level; an IPMB has none. */
    IPMIReq req = {
        .netfn = msg->netfn, .lun = msg->rs_lun, .cmd = msg->cmd,
        .chan = number, .priv = priv || msg->format != IPMI_FORMAT_LAN ?
                                priv : chan_of(b, number)->vol.limit,
        .src_addr = msg->rq_addr, .src_lun = msg->rq_lun,
        .src_seq = msg->seq, .src_handle = msg->handle,
        .data = msg->data, .len = msg->len,
    };
    IPMIHeld held = { }, *outer = b->held;
    IPMIMessage out = *msg;
    uint8_t cc;

    b->held = &held;
    cc = ipmi_dispatch(b->bmc, &req, &rsp);
    b->held = outer;
    if (rsp.none) {
        return;
    }
    ipmi_message_respond(&out, cc, rsp.data, rsp.len);
    if (out.format == IPMI_FORMAT_IPMB) {
        out.rs_addr = own_address(b);
    }
    send_out(b, number, number, &out);
    /* sec 6.13: and then what the satellite said to what was bridged */
    if (held.valid && b->end[held.origin]) {
        send_out(b, held.origin, held.from, &held.msg);
    }
}

/* sec 22.6: what Get Message shows leaves the IPMB's address byte out. */
static IPMIReceived queue(IPMIBridge *b, uint8_t number, uint8_t priv,
                          const IPMIMessage *msg)
{
    uint8_t buf[IPMI_MESSAGE_MAX];
    unsigned skip = msg->format == IPMI_FORMAT_IPMB ? 1 : 0;
    unsigned n;

    if (!chan_of(b, number)->receive) {
        return IPMI_RECEIVED_DISABLED;
    }
    n = ipmi_message_encode(msg, buf);
    return ipmi_sms_put(b->bmc->sms, number, priv, buf + skip, n - skip) ?
           IPMI_RECEIVED_QUEUED : IPMI_RECEIVED_FULL;
}

/* Tell a console what became of its request; on an IPMB nobody would. */
static void refuse(IPMIBridge *b, uint8_t number, const IPMIMessage *req,
                   uint8_t cc)
{
    IPMIMessage msg = *req;

    if (!req->is_response && req->format == IPMI_FORMAT_LAN) {
        ipmi_message_respond(&msg, cc, NULL, 0);
        b->end[number]->put(b->end[number]->opaque, number, &msg);
    }
}

IPMIReceived ipmi_bridge_take(IPMIBridge *b, uint8_t number, uint8_t priv,
                              const IPMIMessage *msg)
{
    IPMIReceived what;

    if (msg->format == IPMI_FORMAT_RAW) {
        return queue(b, number, priv, msg);
    }
    if (msg->is_response && route_back(b, number, msg)) {
        return IPMI_RECEIVED_OK;
    }
    /* The BMC's own, which it does not wait for (any more) */
    if (msg->is_response && msg->rq_lun != LUN_SMS) {
        return IPMI_RECEIVED_DISCARDED;
    }
    if (msg->is_response || msg->rs_lun == LUN_SMS) {
        what = queue(b, number, priv, msg);
        if (what == IPMI_RECEIVED_DISABLED) {
            refuse(b, number, msg, IPMI_CC_UNAVAILABLE);
        } else if (what == IPMI_RECEIVED_FULL) {
            refuse(b, number, msg, IPMI_CC_NODE_BUSY);
        }
        return what;
    }
    if (msg->rs_lun == LUN_BMC) {
        bmc_request(b, number, priv, msg);
        return IPMI_RECEIVED_OK;
    }
    return IPMI_RECEIVED_DISCARDED;
}

/*
 * Events for another receiver than the BMC
 */

/* sec 29.1, 29.3: by the primary IPMB; its answer says nothing of interest. */
static void forward_event(void *opaque, uint8_t receiver, uint8_t lun,
                          const uint8_t data[IPMI_EVENT_MESSAGE])
{
    IPMIBridge *b = opaque;
    IPMIMessage msg = {
        .format = IPMI_FORMAT_IPMB, .netfn = IPMI_MULTI_NETFN_SENSOR,
        .cmd = CMD_PLATFORM_EVENT, .rs_addr = receiver, .rs_lun = lun,
        .rq_addr = own_address(b), .seq = b->event_seq,
        .len = IPMI_EVENT_MESSAGE,
    };

    b->event_seq = (b->event_seq + 1) & 0x3f;
    memcpy(msg.data, data, IPMI_EVENT_MESSAGE);
    if (b->end[CHAN_PRIMARY_IPMB]) {
        send_out(b, CHAN_PRIMARY_IPMB, CHAN_PRIMARY_IPMB, &msg);
    }
}

/*
 * Life
 */

IPMIBridge *ipmi_bridge_new(IPMIBmcMulti *s)
{
    IPMIBridge *b = g_new0(IPMIBridge, 1);

    b->bmc = s;
    s->records.events.forward = forward_event;
    s->records.events.forward_opaque = b;
    timer_init_ms(&b->timer, QEMU_CLOCK_VIRTUAL, tracked_timeout, b);
    return b;
}

void ipmi_bridge_free(IPMIBridge *b)
{
    timer_del(&b->timer);
    g_free(b);
}

void ipmi_bridge_reset(IPMIBridge *b)
{
    memset(b->tracked, 0, sizeof(b->tracked));
    timer_del(&b->timer);
    for (int i = 0; i < IPMI_MULTI_CHANNELS; i++) {
        if (b->end[i]) {
            b->end[i]->reset(b->end[i]->opaque);
        }
    }
}

static int bridge_post_load(void *opaque, int version_id)
{
    IPMIBridge *b = opaque;

    for (int i = 0; i < TRACKED; i++) {
        const IPMITracked *t = &b->tracked[i];

        if (t->used && (t->origin >= IPMI_MULTI_CHANNELS ||
                        t->deadline_ms < 0 ||
                        t->deadline_ms > INT64_MAX / SCALE_MS)) {
            return -EINVAL;
        }
    }
    b->event_seq &= 0x3f;
    arm(b);
    return 0;
}

static const VMStateDescription vmstate_tracked = {
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

const VMStateDescription vmstate_ipmi_bridge = {
    .name = "ipmi-bmc-multi/bridge",
    .version_id = 1,
    .minimum_version_id = 1,
    .post_load = bridge_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_STRUCT_ARRAY(tracked, IPMIBridge, TRACKED, 1, vmstate_tracked,
                             IPMITracked),
        VMSTATE_UINT8(event_seq, IPMIBridge),
        VMSTATE_END_OF_LIST()
    }
};
