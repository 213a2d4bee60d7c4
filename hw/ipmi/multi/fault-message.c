/*
 * A channel of an IPMI BMC: what a fault makes of a message
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One mechanism for both directions: a rule changes, multiplies, delays or
 * swallows a message, and what is left of it goes on where it was going.
 */

#include "qemu/osdep.h"
#include "fault.h"
#include "channel.h"
#include "migration/vmstate.h"
#include "trace.h"

static int64_t now_ms(void)
{
    return qemu_clock_get_ms(QEMU_CLOCK_VIRTUAL);
}

/*
 * Delayed messages, in the order in which they came
 */

/* Whose turn it is first; of several, who came first. -1: nobody's */
static int first_due(const IPMIChannel *c)
{
    int found = -1;
    unsigned i;

    for (i = 0; i < c->late_n; i++) {
        if (found < 0 || c->late[i].due_ms < c->late[found].due_ms) {
            found = i;
        }
    }
    return found;
}

void ipmi_channel_late_arm(IPMIChannel *c)
{
    int i = first_due(c);

    if (i < 0) {
        timer_del(&c->late_timer);
    } else {
        timer_mod(&c->late_timer, c->late[i].due_ms);
    }
}

static void deliver_late(void *opaque)
{
    IPMIChannel *c = opaque;
    int i;

    /* What is delivered may reset the BMC, or have it send more. */
    while ((i = first_due(c)) >= 0 && c->late[i].due_ms <= now_ms()) {
        IPMIPassing p = c->late[i].passing;

        c->late_n--;
        memmove(c->late + i, c->late + i + 1,
                (c->late_n - i) * sizeof(c->late[0]));
        ipmi_channel_count(c, &p, ipmi_channel_pass(c, &p));
    }
    ipmi_channel_late_arm(c);
}

void ipmi_channel_late_init(IPMIChannel *c)
{
    timer_init_ms(&c->late_timer, QEMU_CLOCK_VIRTUAL, deliver_late, c);
}

void ipmi_channel_late_reset(IPMIChannel *c)
{
    c->late_n = 0;
    timer_del(&c->late_timer);
}

/* As many may be on their way as fit into the receive message queue. */
static IPMIReceived pass_later(IPMIChannel *c, const IPMIPassing *p,
                               uint32_t ms)
{
    if (c->late_n == IPMI_QUEUE_DEPTH) {
        return IPMI_RECEIVED_FULL;
    }
    c->late[c->late_n++] = (IPMILate) {
        .due_ms = now_ms() + ms, .passing = *p,
    };
    ipmi_channel_late_arm(c);
    return IPMI_RECEIVED_LATE;
}

/*
 * Changed messages
 */

static void truncate_raw(IPMIPassing *p, uint32_t bytes)
{
    p->len -= MIN(bytes, p->len);
}

static void extend_raw(IPMIPassing *p, uint32_t bytes)
{
    bytes = MIN(bytes, IPMI_QUEUE_MESSAGE - p->len);
    memset(p->data + p->len, 0xff, bytes);
    p->len += bytes;
}

static void extend(IPMIMessage *msg, uint8_t *data, uint32_t bytes)
{
    unsigned room = IPMI_QUEUE_MESSAGE - IPMI_MESSAGE_OVERHEAD;

    bytes = msg->len < room ? MIN(bytes, room - msg->len) : 0;
    memset(data + msg->len, 0xff, bytes);
    msg->len += bytes;
}

/* With checksums that are right: it is still a message, but another one. */
static void spoil(IPMIChannel *c, const IpmiFault *f, IPMIPassing *p)
{
    uint8_t data[IPMI_QUEUE_MESSAGE];
    IPMIMessage msg;

    if (!ipmi_message_parse(c, p->data, p->len, &msg)) {
        return;
    }
    memcpy(data, msg.data, msg.len);
    msg.data = data;
    switch (f->action) {
    case IPMI_FAULT_ACTION_WRONG_SEQUENCE:
        msg.seq = (msg.seq + 1) & 0x3f;
        break;
    case IPMI_FAULT_ACTION_WRONG_NETFN:
        msg.netfn ^= 0x02;
        break;
    case IPMI_FAULT_ACTION_WRONG_COMMAND:
        msg.cmd ^= 0x80;
        break;
    case IPMI_FAULT_ACTION_TRUNCATE:
        msg.len -= MIN(ipmi_fault_bytes(f), msg.len);
        break;
    case IPMI_FAULT_ACTION_EXTEND:
        extend(&msg, data, ipmi_fault_bytes(f));
        break;
    case IPMI_FAULT_ACTION_COMPLETION:
        data[0] = ipmi_fault_code(f);
        msg.len = MAX(msg.len, 1);
        break;
    default:
        return;
    }
    p->len = ipmi_message_build(c, &msg, p->data);
}

static void change(IPMIChannel *c, const IpmiFault *f, IPMIPassing *p)
{
    if (!p->raw) {
        spoil(c, f, p);
    } else if (f->action == IPMI_FAULT_ACTION_TRUNCATE) {
        truncate_raw(p, ipmi_fault_bytes(f));
    } else if (f->action == IPMI_FAULT_ACTION_EXTEND) {
        extend_raw(p, ipmi_fault_bytes(f));
    }
}

/*
 * What becomes of it
 */

/* A request from the medium that is answered, and not carried out */
static bool answer_instead(IPMIChannel *c, const IpmiFault *f,
                           const IPMIPassing *p)
{
    IPMIMessage msg;

    if (f->action != IPMI_FAULT_ACTION_COMPLETION || p->out || p->raw ||
        !ipmi_message_parse(c, p->data, p->len, &msg) || msg.is_response) {
        return false;
    }
    ipmi_channel_answer(c, &msg, ipmi_fault_code(f));
    return true;
}

static IPMIReceived apply(IPMIChannel *c, const IpmiFault *f, IPMIPassing *p)
{
    uint32_t more = 0;
    IPMIReceived what;

    switch (f->action) {
    case IPMI_FAULT_ACTION_DROP:
    case IPMI_FAULT_ACTION_IGNORE:
        return IPMI_RECEIVED_DISCARDED;
    case IPMI_FAULT_ACTION_DELAY:
        return pass_later(c, p, ipmi_fault_delay_ms(f));
    case IPMI_FAULT_ACTION_BMC_RESET:
        ipmi_bmc_reset(c->bmc, true);
        return IPMI_RECEIVED_DISCARDED;
    case IPMI_FAULT_ACTION_REPEAT:
        /* What a repetition causes is not repeated: it would multiply. */
        more = c->bmc->repeating ? 0 : ipmi_fault_times(f);
        break;
    default:
        if (answer_instead(c, f, p)) {
            return IPMI_RECEIVED_OK;
        }
        change(c, f, p);
        break;
    }
    what = ipmi_channel_pass(c, p);
    while (more--) {
        c->bmc->repeating = true;
        ipmi_channel_count(c, p, ipmi_channel_pass(c, p));
        c->bmc->repeating = false;
    }
    return what;
}

static const IpmiFault *match(IPMIChannel *c, const IPMIPassing *p)
{
    IPMIFaultSubject subject = {
        .where = IPMI_FAULT_RAW, .chan = c->number,
        .direction = p->out ? IPMI_FAULT_DIRECTION_OUT :
                              IPMI_FAULT_DIRECTION_IN,
    };
    IPMIMessage msg;

    if (!p->raw && ipmi_message_parse(c, p->data, p->len, &msg)) {
        subject.where = IPMI_FAULT_MESSAGE;
        subject.netfn = msg.netfn;
        subject.cmd = msg.cmd;
    }
    return ipmi_faults_match(c->bmc->faults, ipmi_bmc_name(c->bmc), &subject);
}

/* A request that Send Message sends: its answer is in our hands */
static bool refuses_to_send(IPMIChannel *c, const IpmiFault *f,
                            const IPMIPassing *p)
{
    IPMIMessage msg;

    return f->action == IPMI_FAULT_ACTION_COMPLETION && p->out &&
           ipmi_message_parse(c, p->data, p->len, &msg) && !msg.is_response;
}

IPMIReceived ipmi_channel_pass_by_rules(IPMIChannel *c, IPMIPassing *p,
                                        uint8_t *cc)
{
    const IpmiFault *f = match(c, p);

    if (!f) {
        return ipmi_channel_pass(c, p);
    }
    if (refuses_to_send(c, f, p)) {
        *cc = ipmi_fault_code(f);
        return IPMI_RECEIVED_DISCARDED;
    }
    return apply(c, f, p);
}

/*
 * Migration
 */

static bool late_is_sane(void *opaque, int version_id)
{
    IPMILate *late = opaque;

    return late->due_ms >= 0 && late->due_ms <= INT64_MAX / SCALE_MS &&
           late->passing.len <= IPMI_QUEUE_MESSAGE;
}

const VMStateDescription vmstate_ipmi_late = {
    .name = "ipmi-late",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_INT64(due_ms, IPMILate),
        VMSTATE_BOOL(passing.out, IPMILate),
        VMSTATE_BOOL(passing.raw, IPMILate),
        VMSTATE_UINT8(passing.who, IPMILate),
        VMSTATE_UINT16(passing.len, IPMILate),
        VMSTATE_VALIDATE("time and length", late_is_sane),
        VMSTATE_UINT8_ARRAY(passing.data, IPMILate, IPMI_QUEUE_MESSAGE),
        VMSTATE_END_OF_LIST()
    }
};
