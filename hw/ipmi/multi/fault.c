/*
 * IPMI BMC with many channels: how it misbehaves
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "fault.h"
#include "migration/vmstate.h"
#include "qapi/clone-visitor.h"
#include "qapi/error.h"
#include "qapi/qapi-visit-ipmi-bmc-multi.h"
#include "trace.h"

typedef struct FaultState {
    uint64_t matched, applied;
} FaultState;

static const VMStateDescription vmstate_fault_state = {
    .name = "ipmi-fault",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT64(matched, FaultState),
        VMSTATE_UINT64(applied, FaultState),
        VMSTATE_END_OF_LIST()
    }
};

struct IPMIBmcFaults {
    IpmiFaultList *rules;
    FaultState state[IPMI_FAULTS_MAX];  /* in the order of the rules */
    bool repeating;
};

bool *ipmi_faults_repeating(IPMIBmcFaults *faults)
{
    return &faults->repeating;
}

/* The rules are the user's; how often they have matched is the machine's. */
const VMStateDescription vmstate_ipmi_faults = {
    .name = "ipmi-faults",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_STRUCT_ARRAY(state, IPMIBmcFaults, IPMI_FAULTS_MAX, 1,
                             vmstate_fault_state, FaultState),
        VMSTATE_END_OF_LIST()
    }
};

IPMIBmcFaults *ipmi_faults_new(void)
{
    return g_new0(IPMIBmcFaults, 1);
}

void ipmi_faults_free(IPMIBmcFaults *faults)
{
    qapi_free_IpmiFaultList(faults->rules);
    g_free(faults);
}

uint32_t ipmi_fault_times(const IpmiFault *f)
{
    return f->has_times ? f->times : 1;
}

uint32_t ipmi_fault_bytes(const IpmiFault *f)
{
    return f->has_bytes ? f->bytes : 1;
}

uint32_t ipmi_fault_delay_ms(const IpmiFault *f)
{
    if (f->has_delay_ms) {
        return f->delay_ms;
    }
    return f->action == IPMI_FAULT_ACTION_ATTENTION_STORM ? 1 : 0;
}

uint8_t ipmi_fault_code(const IpmiFault *f)
{
    return f->has_code ? f->code : 0xc0;
}

/* Which of the optional members an action understands, and where it exists */
static const struct {
    bool delay, times, bytes, code;
    bool at[3];                 /* IPMI_FAULT_PORT, _MESSAGE, _RAW */
} actions[IPMI_FAULT_ACTION__MAX] = {
    [IPMI_FAULT_ACTION_DROP] = { .at = { true, true, true } },
    [IPMI_FAULT_ACTION_IGNORE] = { .at = { true, true, true } },
    [IPMI_FAULT_ACTION_DELAY] = { .delay = true, .at = { true, true, true } },
    [IPMI_FAULT_ACTION_REPEAT] = { .times = true, .at = { false, true, true } },
    [IPMI_FAULT_ACTION_WRONG_SEQUENCE] = { .at = { true, true } },
    [IPMI_FAULT_ACTION_WRONG_NETFN] = { .at = { true, true } },
    [IPMI_FAULT_ACTION_WRONG_COMMAND] = { .at = { true, true } },
    [IPMI_FAULT_ACTION_TRUNCATE] = { .bytes = true,
                                     .at = { true, true, true } },
    [IPMI_FAULT_ACTION_EXTEND] = { .bytes = true, .at = { true, true, true } },
    [IPMI_FAULT_ACTION_COMPLETION] = { .code = true, .at = { true, true } },
    [IPMI_FAULT_ACTION_STUCK] = { .delay = true, .at = { true } },
    [IPMI_FAULT_ACTION_ATTENTION_STORM] = { .delay = true, .times = true,
                                            .at = { true } },
    [IPMI_FAULT_ACTION_BMC_RESET] = { .at = { true, true, true } },
    [IPMI_FAULT_ACTION_LOST_INTERRUPT] = { .at = { true } },
};

static bool refuse(const IpmiFault *f, const char *what, Error **errp)
{
    error_setg(errp, "fault '%s': %s", IpmiFaultAction_str(f->action), what);
    return false;
}

static bool check_rule(const IpmiFault *f, Error **errp)
{
    if ((f->has_delay_ms && !actions[f->action].delay) ||
        (f->has_times && !actions[f->action].times) ||
        (f->has_bytes && !actions[f->action].bytes) ||
        (f->has_code && !actions[f->action].code)) {
        return refuse(f, "it has no such member as was given: delay-ms, times, "
                      "bytes and code belong to some actions only", errp);
    }
    if (f->action == IPMI_FAULT_ACTION_DELAY && !f->has_delay_ms) {
        return refuse(f, "delay-ms is missing", errp);
    }
    if (f->has_first && f->first == 0) {
        return refuse(f, "first must be at least 1", errp);
    }
    if (f->has_netfn && (f->netfn & 1 || f->netfn > 0x3e)) {
        return refuse(f, "netfn must be even, and at most 62 (3Eh)", errp);
    }
    if (f->has_channel && f->channel > 15) {
        return refuse(f, "channel must be 0 to 15", errp);
    }
    if (f->has_times && (f->times < 1 || f->times > 1000)) {
        return refuse(f, "times must be 1 to 1000", errp);
    }
    if (f->has_bytes && (f->bytes < 1 || f->bytes > 255)) {
        return refuse(f, "bytes must be 1 to 255", errp);
    }
    return true;
}

/* Does the action exist on system interfaces only? */
static bool is_for_ports(const IpmiFault *f)
{
    return !actions[f->action].at[IPMI_FAULT_MESSAGE];
}

static bool is_for_channels(const IpmiFault *f)
{
    return !actions[f->action].at[IPMI_FAULT_PORT];
}

/* A rule that is accepted and does nothing misleads: say why it cannot. */
static bool check_effect(const IpmiFault *f, Error **errp)
{
    bool out = f->has_direction && f->direction == IPMI_FAULT_DIRECTION_OUT;
    bool fixed = f->has_channel && f->channel == IPMI_MULTI_CHAN_SYS;

    if (f->has_channel && f->channel >= IPMI_MULTI_CHANNELS && !fixed) {
        return refuse(f, "there are no channels 12 to 14", errp);
    }
    if (is_for_ports(f) && out) {
        return refuse(f, "it is for system interfaces, which have requests "
                      "with direction 'in' only", errp);
    }
    if (fixed && out) {
        return refuse(f, "channel 15 has requests with direction 'in' only",
                      errp);
    }
    if (is_for_channels(f) && fixed) {
        return refuse(f, "there is no such thing on a system interface", errp);
    }
    return true;
}

static bool check_medium(const IpmiFault *f, uint8_t number, Error **errp)
{
    if (f->has_channel && f->channel == number && is_for_ports(f)) {
        error_setg(errp, "fault '%s': it is for system interfaces, and channel "
                   "%u is none", IpmiFaultAction_str(f->action), number);
        return false;
    }
    return true;
}

bool ipmi_faults_check_channel(const IPMIBmcFaults *faults, uint8_t number,
                               Error **errp)
{
    for (const IpmiFaultList *i = faults->rules; i; i = i->next) {
        if (!check_medium(i->value, number, errp)) {
            return false;
        }
    }
    return true;
}

bool ipmi_faults_set(IPMIBmcFaults *faults, IpmiFaultList *list,
                     const IPMIChans *chans, Error **errp)
{
    IpmiFaultList *i;
    unsigned n = 0;

    for (i = list; i; i = i->next, n++) {
        if (n == IPMI_FAULTS_MAX) {
            error_setg(errp, "faults: at most %u", IPMI_FAULTS_MAX);
            return false;
        }
        if (!check_rule(i->value, errp) || !check_effect(i->value, errp)) {
            return false;
        }
        if (i->value->has_channel &&
            chans->chan[i->value->channel].kind == IPMI_CHAN_MEDIUM &&
            !check_medium(i->value, i->value->channel, errp)) {
            return false;
        }
    }
    qapi_free_IpmiFaultList(faults->rules);
    faults->rules = QAPI_CLONE(IpmiFaultList, list);
    memset(faults->state, 0, sizeof(faults->state));
    return true;
}

IpmiFaultList *ipmi_faults_get(IPMIBmcFaults *faults)
{
    return QAPI_CLONE(IpmiFaultList, faults->rules);
}

IpmiFaultInfoList *ipmi_faults_info(IPMIBmcFaults *faults)
{
    IpmiFaultInfoList *list = NULL, **tail = &list;
    FaultState *state = faults->state;
    IpmiFaultList *i;

    for (i = faults->rules; i; i = i->next, state++) {
        IpmiFaultInfo *info = g_new0(IpmiFaultInfo, 1);

        info->fault = QAPI_CLONE(IpmiFault, i->value);
        info->matched = state->matched;
        info->applied = state->applied;
        QAPI_LIST_APPEND(tail, info);
    }
    return list;
}

static bool matches(const IpmiFault *f, const IPMIFaultSubject *s)
{
    if (s->where == IPMI_FAULT_RAW && (f->has_netfn || f->has_cmd)) {
        return false;
    }
    return actions[f->action].at[s->where] &&
           (!f->has_direction || f->direction == s->direction) &&
           (!f->has_channel || f->channel == s->chan) &&
           (!f->has_netfn || f->netfn == s->netfn) &&
           (!f->has_cmd || f->cmd == s->cmd);
}

/* Is it this match's turn? */
static bool is_due(const IpmiFault *f, uint64_t match)
{
    uint64_t first = f->has_first ? f->first : 1;
    uint64_t count = f->has_count ? f->count : 1;

    return match >= first && (!count || match - first < count);
}

const IpmiFault *ipmi_faults_match(IPMIBmcFaults *faults, const char *bmc,
                                   const IPMIFaultSubject *subject)
{
    FaultState *state = faults->state;
    const IpmiFault *found = NULL;
    IpmiFaultList *i;

    for (i = faults->rules; i; i = i->next, state++) {
        if (!matches(i->value, subject)) {
            continue;
        }
        state->matched++;
        if (!found && is_due(i->value, state->matched)) {
            found = i->value;
            state->applied++;
        }
    }
    if (found) {
        trace_ipmi_fault(bmc, IpmiFaultAction_str(found->action), subject->chan,
                         IpmiFaultDirection_str(subject->direction),
                         subject->netfn, subject->cmd);
    }
    return found;
}
