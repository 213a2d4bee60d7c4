/*
 * IPMI BMC with many channels: how it misbehaves
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Rules match requests and messages; qapi/ipmi-bmc-multi.json has the
 * vocabulary. Everything counts occurrences and the virtual clock, so that the
 * same command line always does the same.
 *
 * Owns: the rules, and how often each has matched. Knows nothing of what they
 * do: acting is the business of who asks, filter.c and port.c. Called by these
 * and by QMP.
 *
 * Life: ipmi_faults_new(), ipmi_faults_free(); the rules may be replaced at any
 * time in between.
 */

#ifndef IPMI_MULTI_FAULT_H
#define IPMI_MULTI_FAULT_H

#include "chans.h"
#include "migration/vmstate.h"
#include "qapi/qapi-types-ipmi-bmc-multi.h"

typedef struct IPMIBmcFaults IPMIBmcFaults;

/* More rules than that are refused. */
#define IPMI_FAULTS_MAX 64

IPMIBmcFaults *ipmi_faults_new(void);
void ipmi_faults_free(IPMIBmcFaults *faults);

/*
 * ipmi_faults_set: replace all rules, and begin to count anew. @chans: channels
 * that are there by now.
 * Returns false with @errp set, and the old rules in force, if one of them has
 * members that do not go together, or could never act.
 */
bool ipmi_faults_set(IPMIBmcFaults *faults, IpmiFaultList *list,
                     const IPMIChans *chans, Error **errp);

/*
 * ipmi_faults_check_channel: channel @number is about to be plugged in, and is
 * no system interface. Returns false with @errp set if a rule for it could
 * never act.
 */
bool ipmi_faults_check_channel(const IPMIBmcFaults *faults, uint8_t number,
                               Error **errp);

/* ipmi_faults_get, ipmi_faults_info: copies, to be freed by the caller */
IpmiFaultList *ipmi_faults_get(IPMIBmcFaults *faults);
IpmiFaultInfoList *ipmi_faults_info(IPMIBmcFaults *faults);

/* What passes a rule by */
typedef enum IPMIFaultWhere {
    IPMI_FAULT_PORT,            /* a request on a system interface */
    IPMI_FAULT_MESSAGE,         /* a message on a channel */
    IPMI_FAULT_RAW,             /* one whose format is not known */
} IPMIFaultWhere;

typedef struct IPMIFaultSubject {
    IPMIFaultWhere where;
    IpmiFaultDirection direction;
    uint8_t chan;
    uint8_t netfn, cmd;         /* netfn is even; none if raw */
} IPMIFaultSubject;

/*
 * ipmi_faults_match: a request or message passes. Counts it at every rule that
 * matches. Returns the one that is to be acted upon, or NULL: its action is one
 * that makes sense there.
 * @bmc: name for the trace
 */
const IpmiFault *ipmi_faults_match(IPMIBmcFaults *faults, const char *bmc,
                                   const IPMIFaultSubject *subject);

/*
 * ipmi_faults_repeating: is the message that passes a repetition? For the
 * filter, as long as a call lasts.
 */
bool *ipmi_faults_repeating(IPMIBmcFaults *faults);

extern const VMStateDescription vmstate_ipmi_faults;

/* Members with their defaults */
uint32_t ipmi_fault_times(const IpmiFault *f);
uint32_t ipmi_fault_bytes(const IpmiFault *f);
uint32_t ipmi_fault_delay_ms(const IpmiFault *f);
uint8_t ipmi_fault_code(const IpmiFault *f);

#endif
