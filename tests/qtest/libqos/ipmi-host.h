/*
 * The host's side of ipmi-bmc-multi (QMP), for qtests
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The BMC is "bmc0". Arguments of commands are what is between the braces of
 * a JSON object, without "bmc"; printf formats of strings need quotes.
 */
#ifndef RIG_LIBQOS_IPMI_HOST_H
#define RIG_LIBQOS_IPMI_HOST_H

#include "ipmi-port.h"

#define QIPMI_MS        1000000LL

/* A command that has to succeed */
void qipmi_do(QTestState *qts, const char *command, const char *fmt, ...)
    G_GNUC_PRINTF(3, 4);
/* One that has to be refused, and why: free it */
char *qipmi_refused(QTestState *qts, const char *command, const char *fmt, ...)
    G_GNUC_PRINTF(3, 4);

/* The rules, without brackets */
void qipmi_faults(QTestState *qts, const char *rules);
/* How often rule @index has matched, and has been applied */
void qipmi_expect_fault(QTestState *qts, unsigned index, int matched,
                        int applied);

/*
 * What was sent to the medium of a channel since the last time: patterns as of
 * qipmi_expect(), with "|" between messages; "" is none.
 */
#define qipmi_expect_sent(qts, chan, want) \
    qipmi_expect_sent_at(qts, chan, want, __FILE__, __LINE__)
bool qipmi_expect_sent_at(QTestState *qts, unsigned chan, const char *want,
                          const char *file, int line);

/* A number of query-ipmi-bmcs: of a channel, of the interface with a number */
int64_t qipmi_channel_int(QTestState *qts, unsigned chan, const char *name);
/* -1: there is no such interface */
int64_t qipmi_interface_int(QTestState *qts, unsigned chan, const char *name);

/* The hardware behind a sensor */
void qipmi_sensor_raw(QTestState *qts, unsigned sensor, unsigned raw);
void qipmi_sensor_states(QTestState *qts, unsigned sensor, unsigned states);

/*
 * The SEL's records from the @skip'th on, without their IDs and times: from
 * the generator on; patterns with "|" between them.
 */
#define qipmi_expect_sel(qts, skip, want) \
    qipmi_expect_sel_at(qts, skip, want, __FILE__, __LINE__)
bool qipmi_expect_sel_at(QTestState *qts, unsigned skip, const char *want,
                         const char *file, int line);
unsigned qipmi_sel_count(QTestState *qts);

/*
 * An event that has come by now, or NULL. Events before it are forgotten, of
 * this name or another: unref it.
 */
QDict *qipmi_event(QTestState *qts, const char *name);

/* The machine's state, as query-status has it */
bool qipmi_status_is(QTestState *qts, const char *status);

/* Virtual time goes on */
void qipmi_wait(QTestState *qts, int64_t ms);

#endif
