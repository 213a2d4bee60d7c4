/*
 * IPMI BMC with many channels: what a fault makes of a channel's messages
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "filter.h"
#include "migration/vmstate.h"

static int64_t now_ms(void)
{
    return qemu_clock_get_ms(QEMU_CLOCK_VIRTUAL);
}

static IPMIReceived pass(IPMIFilter *f, const IPMIPassing *p)
{
    return f->ops->pass(f->opaque, p);
}

/*
 * Delayed messages
 */

/* Whose turn it is first; of several, who came first. -1: nobody's */
static int first_due(const IPMIFilter *f)
{
    int found = -1;

    for (unsigned i = 0; i < f->late_n; i++) {
        if (found < 0 || f->late[i].due_ms < f->late[found].due_ms) {
            found = i;
        }
    }
    return found;
}

static void arm(IPMIFilter *f)
{
    int i = first_due(f);

    if (i < 0) {
        timer_del(&f->timer);
    } else {
        timer_mod(&f->timer, f->late[i].due_ms);
    }
}

static void deliver_late(void *opaque)
{
    IPMIFilter *f = opaque;
    int i;

    /* What is delivered may reset the BMC, or have it send more. */
    while ((i = first_due(f)) >= 0 && f->late[i].due_ms <= now_ms()) {
        IPMIPassing p = f->late[i].passing;

        f->late_n--;
        memmove(f->late + i, f->late + i + 1,
                (f->late_n - i) * sizeof(f->late[0]));
        f->ops->count(f->opaque, &p, pass(f, &p));
    }
    arm(f);
}

static IPMIReceived pass_later(IPMIFilter *f, const IPMIPassing *p,
                               uint32_t ms)
{
    if (f->late_n == IPMI_LATE_MAX) {
        return IPMI_RECEIVED_FULL;
    }
    f->late[f->late_n++] = (IPMILate) {
        .due_ms = now_ms() + ms, .passing = *p,
    };
    arm(f);
    return IPMI_RECEIVED_LATE;
}

/*
 * Changed messages: still messages, with checksums that are right
 */

static void extend(IPMIMessage *msg, uint32_t bytes)
{
    unsigned room = msg->format == IPMI_FORMAT_RAW ? IPMI_MESSAGE_MAX :
                    IPMI_MESSAGE_MAX - IPMI_MESSAGE_OVERHEAD;

    bytes = msg->len < room ? MIN(bytes, room - msg->len) : 0;
    memset(msg->data + msg->len, 0xff, bytes);
    msg->len += bytes;
}

static void change(const IpmiFault *rule, IPMIMessage *msg)
{
    msg->handle_summed = false;
    switch (rule->action) {
    case IPMI_FAULT_ACTION_WRONG_SEQUENCE:
        msg->seq = (msg->seq + 1) & 0x3f;
        break;
    case IPMI_FAULT_ACTION_WRONG_NETFN:
        msg->netfn ^= 0x02;
        break;
    case IPMI_FAULT_ACTION_WRONG_COMMAND:
        msg->cmd ^= 0x80;
        break;
    case IPMI_FAULT_ACTION_TRUNCATE:
        msg->len -= MIN(ipmi_fault_bytes(rule), msg->len);
        break;
    case IPMI_FAULT_ACTION_EXTEND:
        extend(msg, ipmi_fault_bytes(rule));
        break;
    case IPMI_FAULT_ACTION_COMPLETION:
        msg->data[0] = ipmi_fault_code(rule);
        msg->len = MAX(msg->len, 1);
        break;
    default:
        break;
    }
}

/*
 * What becomes of it
 */

/* A request from the medium that is answered, and not carried out */
static bool answer_instead(IPMIFilter *f, const IpmiFault *rule,
                           const IPMIPassing *p)
{
    IPMIMessage msg;

    if (rule->action != IPMI_FAULT_ACTION_COMPLETION || p->out ||
        p->msg.is_response) {
        return false;
    }
    msg = p->msg;
    ipmi_message_respond(&msg, ipmi_fault_code(rule), NULL, 0);
    f->ops->put(f->opaque, &msg);
    return true;
}

/* What a repetition causes is not repeated: it would multiply. */
static IPMIReceived repeat(IPMIFilter *f, const IPMIPassing *p, uint32_t more)
{
    bool *repeating = ipmi_faults_repeating(f->bmc->faults);
    bool nested = *repeating;
    IPMIReceived what = pass(f, p);

    for (; !nested && more; more--) {
        *repeating = true;
        f->ops->count(f->opaque, p, pass(f, p));
        *repeating = false;
    }
    return what;
}

static IPMIReceived apply(IPMIFilter *f, const IpmiFault *rule,
                          IPMIPassing *p)
{
    switch (rule->action) {
    case IPMI_FAULT_ACTION_DROP:
    case IPMI_FAULT_ACTION_IGNORE:
        return IPMI_RECEIVED_DISCARDED;
    case IPMI_FAULT_ACTION_DELAY:
        return pass_later(f, p, ipmi_fault_delay_ms(rule));
    case IPMI_FAULT_ACTION_BMC_RESET:
        ipmi_bmc_reset(f->bmc, true);
        return IPMI_RECEIVED_DISCARDED;
    case IPMI_FAULT_ACTION_REPEAT:
        return repeat(f, p, ipmi_fault_times(rule));
    default:
        if (answer_instead(f, rule, p)) {
            return IPMI_RECEIVED_OK;
        }
        change(rule, &p->msg);
        return pass(f, p);
    }
}

static const IpmiFault *match(IPMIFilter *f, const IPMIPassing *p)
{
    IPMIFaultSubject subject = {
        .where = p->msg.format == IPMI_FORMAT_RAW ? IPMI_FAULT_RAW :
                                                    IPMI_FAULT_MESSAGE,
        .direction = p->out ? IPMI_FAULT_DIRECTION_OUT :
                              IPMI_FAULT_DIRECTION_IN,
        .chan = f->chan, .netfn = p->msg.netfn, .cmd = p->msg.cmd,
    };

    return ipmi_faults_match(f->bmc->faults, ipmi_bmc_name(f->bmc), &subject);
}

IPMIReceived ipmi_filter_pass(IPMIFilter *f, IPMIPassing *p, uint8_t *cc)
{
    const IpmiFault *rule = match(f, p);

    if (!rule) {
        return pass(f, p);
    }
    /* A request that Send Message sends: its answer is in our hands. */
    if (rule->action == IPMI_FAULT_ACTION_COMPLETION && p->out &&
        !p->msg.is_response) {
        *cc = ipmi_fault_code(rule);
        return IPMI_RECEIVED_DISCARDED;
    }
    return apply(f, rule, p);
}

/*
 * Life
 */

void ipmi_filter_init(IPMIFilter *f, IPMIBmcMulti *bmc, uint8_t chan,
                      const IPMIFilterOps *ops, void *opaque)
{
    f->bmc = bmc;
    f->chan = chan;
    f->ops = ops;
    f->opaque = opaque;
    timer_init_ms(&f->timer, QEMU_CLOCK_VIRTUAL, deliver_late, f);
}

void ipmi_filter_reset(IPMIFilter *f)
{
    f->late_n = 0;
    timer_del(&f->timer);
}

static bool late_is_sane(void *opaque, int version_id)
{
    IPMILate *late = opaque;

    return late->due_ms >= 0 && late->due_ms <= INT64_MAX / SCALE_MS;
}

static const VMStateDescription vmstate_late = {
    .name = "ipmi-late",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_INT64(due_ms, IPMILate),
        VMSTATE_VALIDATE("time", late_is_sane),
        VMSTATE_BOOL(passing.out, IPMILate),
        VMSTATE_UINT8(passing.who, IPMILate),
        VMSTATE_STRUCT(passing.msg, IPMILate, 1, vmstate_ipmi_message,
                       IPMIMessage),
        VMSTATE_END_OF_LIST()
    }
};

static bool late_n_is_sane(void *opaque, int version_id)
{
    IPMIFilter *f = opaque;

    return f->late_n <= IPMI_LATE_MAX;
}

static int filter_post_load(void *opaque, int version_id)
{
    arm(opaque);
    return 0;
}

const VMStateDescription vmstate_ipmi_filter = {
    .name = "ipmi-filter",
    .version_id = 1,
    .minimum_version_id = 1,
    .post_load = filter_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32(late_n, IPMIFilter),
        VMSTATE_VALIDATE("number of delayed messages", late_n_is_sane),
        VMSTATE_STRUCT_VARRAY_UINT32(late, IPMIFilter, late_n, 1, vmstate_late,
                                     IPMILate),
        VMSTATE_END_OF_LIST()
    }
};
