/*
 * IPMI BMC with many channels: chassis and power
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: sec 28.
 *
 * Owns: what the chassis remembers, and what the BMC does to the machine's
 * power. Called by the chassis commands and the watchdog; sets the states of
 * the power unit's sensor.
 *
 * Life: ipmi_chassis_init() before the store loads; ipmi_chassis_restart() with
 * each reset of the machine, the first included; ipmi_chassis_exit().
 */

#ifndef IPMI_MULTI_CHASSIS_H
#define IPMI_MULTI_CHASSIS_H

#include "boot.h"
#include "rate.h"
#include "sensor.h"

typedef enum IPMIPowerOp {      /* values of Chassis Control */
    IPMI_POWER_DOWN,
    IPMI_POWER_UP,
    IPMI_POWER_CYCLE,
    IPMI_POWER_RESET,
    IPMI_POWER_DIAG,
    IPMI_POWER_SOFT,
    IPMI_POWER__MAX
} IPMIPowerOp;

/* sec 28.8: power restore policies */
#define IPMI_POLICY_OFF         0
#define IPMI_POLICY_PREVIOUS    1
#define IPMI_POLICY_ON          2
#define IPMI_POLICY_NO_CHANGE   3       /* in a request */

/* sec 28.2: states of Chassis Identify */
#define IPMI_IDENTIFY_OFF       0
#define IPMI_IDENTIFY_TIMED     1
#define IPMI_IDENTIFY_FORCED    2

typedef struct IPMIChassis {
    IPMIStore *store;
    IPMISensors *sensors;
    IPMIRate *rate;             /* of events to QMP */
    QEMUTimer identify_timer;
    QEMUTimer hour_timer;       /* to store the POH counter */
    QEMUBH *start_bh;           /* power on, after the reset */
    uint8_t identify;
    uint8_t policy;             /* power restore policy */
    uint8_t last_event;
    uint8_t cause, cause_chan;  /* of the last restart */
    uint8_t next_cause, next_chan;  /* of the one that is on its way */
    uint8_t panel_disable;
    uint8_t cycle_interval;     /* seconds */
    bool started;               /* the first reset of the machine is over */
    bool power_on;              /* wanted: start after the next reset */
    uint32_t poh_base;          /* minutes */
    IPMIBoot boot;
} IPMIChassis;

void ipmi_chassis_init(IPMIChassis *c, IPMIStore *store, IPMIParamsDir *dir,
                       IPMISensors *sensors, IPMIRate *rate);
void ipmi_chassis_exit(IPMIChassis *c);
void ipmi_chassis_restart(IPMIChassis *c);

/*
 * ipmi_power: do it. @cause: IPMI_CAUSE_CONTROL or _WATCHDOG; @chan: channel
 * that it came by. It happens in the main loop: the response to the command is
 * on its way before.
 * Returns a completion code: D5h if that is not possible now.
 */
uint8_t ipmi_power(IPMIChassis *c, IPMIPowerOp op, uint8_t cause,
                   uint8_t chan);
bool ipmi_power_is_on(void);

/*
 * ipmi_nmi: the interrupt that nobody can ignore; false if the machine has
 * none.
 * ipmi_nmi_exists: has it?
 */
bool ipmi_nmi(void);
bool ipmi_nmi_exists(void);

/*
 * ipmi_chassis_identify: for @seconds; 0: off; negative: until told otherwise.
 */
void ipmi_chassis_identify(IPMIChassis *c, int seconds);

/*
 * Setters: false, and nothing has changed, if it could not be stored.
 * @policy: IPMI_POLICY_OFF to _ON; @seconds: power cycle interval
 */
bool ipmi_chassis_set_policy(IPMIChassis *c, uint8_t policy);
bool ipmi_chassis_set_cycle(IPMIChassis *c, uint8_t seconds);

/* Minutes that the system has been on: virtual time stops when it is off. */
uint32_t ipmi_chassis_poh(const IPMIChassis *c);

extern const VMStateDescription vmstate_ipmi_chassis;

#endif
