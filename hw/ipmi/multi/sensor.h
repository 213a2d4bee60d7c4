/*
 * IPMI BMC with many channels: sensors and their events
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: sec 29.7, 35, 36, 41 and 42.
 *
 * Owns: the sensors that the device SDRs describe. Called by the sensor
 * commands, chassis, watchdog and QMP; posts events. Whoever wants to see a
 * reading before it changes registers a hook.
 *
 * Life: ipmi_sensors_init() when the device SDRs are there;
 * ipmi_sensors_exit().
 */

#ifndef IPMI_MULTI_SENSOR_H
#define IPMI_MULTI_SENSOR_H

#include "event.h"
#include "sdr.h"

/* What a sensor is comes from its SDR. */
typedef struct IPMISensor {
    const uint8_t *sdr;         /* the record that it was made from */
    uint8_t number;

    uint8_t type, reading_type; /* sec 42 */
    uint8_t value;              /* what the hardware has */
    uint16_t states;            /*   the same, of a discrete sensor */
    uint8_t reading;            /* as last scanned */
    uint16_t present;           /* states, or thresholds at or beyond */
    uint8_t flags;              /* IPMI_SENSOR_* */
    uint8_t threshold[IPMI_THRESHOLDS];
    uint8_t hyst_pos, hyst_neg;
    uint16_t assert_enable, deassert_enable;
    uint16_t conditions;        /* event conditions that are true now */
    uint16_t asserted, deasserted;  /* as Get Sensor Event Status has them */
} IPMISensor;

#define IPMI_SENSOR_EVENTS      0x80
#define IPMI_SENSOR_SCANNING    0x40
#define IPMI_SENSOR_UNAVAILABLE 0x20

typedef struct IPMISensors {
    const IPMISdr *repository;  /* what the initialisation agent reads */
    IPMIEvents *events;
    IPMISensor *sensor;
    uint32_t n;
    uint8_t index[256];         /* number to index + 1 */
    /* hook: a reading is about to change */
    void (*changing)(void *opaque);
    void *opaque;
} IPMISensors;

/*
 * ipmi_sensors_init: the sensors of @address on LUN 0 in the records of @dev,
 * which stay where they are.
 * Returns false with @errp set if a number is there twice.
 */
bool ipmi_sensors_init(IPMISensors *ss, const IPMISdr *repository,
                       const IPMISdr *dev, IPMIEvents *events,
                       uint8_t address, Error **errp);
void ipmi_sensors_exit(IPMISensors *ss);

/*
 * ipmi_sensors_agent: the initialisation agent (sec 33.6).
 */
void ipmi_sensors_agent(IPMISensors *ss);

/*
 * ipmi_sensor_find: NULL if there is none of that number.
 * ipmi_sensor_find_discrete: the first discrete one of a type (sec 42.2);
 * NULL if there is none.
 * ipmi_sensor_is_threshold: or a discrete one?
 */
IPMISensor *ipmi_sensor_find(IPMISensors *ss, uint8_t number);
IPMISensor *ipmi_sensor_find_discrete(IPMISensors *ss, uint8_t type);
bool ipmi_sensor_is_threshold(const IPMISensor *sensor);

/*
 * ipmi_sensor_set_value, ipmi_sensor_set_states: what the hardware has now; of
 * a threshold sensor (raw), and of a discrete one (bit n: state n, 0 to 14).
 * Events follow.
 * ipmi_sensor_put_value: the same without the events; ipmi_sensor_evaluate()
 * has to follow.
 */
void ipmi_sensor_put_value(IPMISensors *ss, IPMISensor *sensor, uint8_t raw);
void ipmi_sensor_set_value(IPMISensors *ss, IPMISensor *sensor, uint8_t raw);
void ipmi_sensor_set_states(IPMISensors *ss, IPMISensor *sensor,
                            uint16_t states);

/*
 * ipmi_sensor_states: the states that a discrete sensor can have.
 * ipmi_sensor_events: the events that it can make at all; bits as in Set
 * Sensor Event Enable.
 */
uint16_t ipmi_sensor_states(const IPMISensor *sensor);
uint16_t ipmi_sensor_events(const IPMISensor *sensor, bool deassert);

/*
 * ipmi_sensor_evaluate: something that events depend on has changed.
 * @event_data: three bytes for the event, or NULL
 * ipmi_sensor_rearm: forget these events (sec 35.12); those whose condition is
 * still there come again.
 */
void ipmi_sensor_evaluate(IPMISensors *ss, IPMISensor *sensor,
                          const uint8_t *event_data);
void ipmi_sensor_rearm(IPMISensors *ss, IPMISensor *sensor, uint16_t assert,
                       uint16_t deassert);

/*
 * ipmi_sensor_assert: system software says which events of a threshold sensor
 * have been asserted (sec 35.17): @mask. What is new is an event.
 * @event_data: as above
 */
void ipmi_sensor_assert(IPMISensors *ss, IPMISensor *sensor, uint16_t mask,
                        const uint8_t *event_data);

/*
 * ipmi_sensor_real: the reading of a threshold sensor with a full record, in
 * its unit (sec 36.3).
 */
double ipmi_sensor_real(const IPMISensor *sensor);

extern const VMStateDescription vmstate_ipmi_sensors;

#endif
