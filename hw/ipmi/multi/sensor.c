/*
 * IPMI BMC with many channels: sensors and their events
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 29.7, 35, 36, 41 and 42.
 *
 * Modelled: threshold sensors of unsigned and signed data with hysteresis,
 * discrete sensors; event enables, manual and automatic re-arming.
 * Not modelled: sensors on other LUNs than 0; those in event-only records.
 *
 * The sensors are those of the device SDRs. Two steps lead to an event: a
 * reading makes conditions true or false, one for each bit of the event masks;
 * a condition that changes makes an event, if that is enabled.
 */

#include "qemu/osdep.h"
#include <math.h>
#include "qapi/error.h"
#include "qemu/bswap.h"
#include "sensor.h"
#include "trace.h"

/* Bits of the event masks */
#define EVENTS_THRESHOLD        0x0fff
#define EVENTS_DISCRETE         0x7fff

/* sec 29.7: what event data 2 and 3 of a threshold's event are */
#define EVENT_DATA_READING      0x50

/* Byte 1 of the units: format of analog data */
#define FORMAT(units)           ((units) >> 6)
#define FORMAT_UNSIGNED         0
#define FORMAT_ONES             1
#define FORMAT_NONE             3

/* Index in IPMISensor.threshold of UNC; those below are lower thresholds. */
#define FIRST_UPPER             3

static const char *bmc_name(const IPMISensors *ss)
{
    return ss->events->sel->store->name;
}

IPMISensor *ipmi_sensor_find(IPMISensors *ss, uint8_t number)
{
    uint8_t i = ss->index[number];

    return i ? &ss->sensor[i - 1] : NULL;
}

IPMISensor *ipmi_sensor_find_discrete(IPMISensors *ss, uint8_t type)
{
    for (uint32_t i = 0; i < ss->n; i++) {
        if (ss->sensor[i].type == type &&
            !ipmi_sensor_is_threshold(&ss->sensor[i])) {
            return &ss->sensor[i];
        }
    }
    return NULL;
}

bool ipmi_sensor_is_threshold(const IPMISensor *sensor)
{
    return sensor->sdr[SDR_O_READING_TYPE] == READING_THRESHOLD;
}

uint16_t ipmi_sensor_states(const IPMISensor *sensor)
{
    return lduw_le_p(sensor->sdr + SDR_O_MASK) & EVENTS_DISCRETE;
}

uint16_t ipmi_sensor_events(const IPMISensor *sensor, bool deassert)
{
    uint16_t mask = lduw_le_p(sensor->sdr +
                              (deassert ? SDR_O_DEASSERT : SDR_O_ASSERT));

    return mask & (ipmi_sensor_is_threshold(sensor) ? EVENTS_THRESHOLD :
                                                      EVENTS_DISCRETE);
}

/* sec 36.2: the number that raw analog data stands for */
static int sensor_number(const IPMISensor *sensor, uint8_t raw)
{
    switch (FORMAT(sensor->sdr[SDR_O_UNITS])) {
    case FORMAT_UNSIGNED:
    case FORMAT_NONE:
        return raw;
    case FORMAT_ONES:
        return raw & 0x80 ? -(int)(uint8_t)~raw : raw;
    default:
        return (int8_t)raw;
    }
}

/* sec 36.3: M and B have ten bits, the exponents four, all of them signed */
double ipmi_sensor_real(const IPMISensor *sensor)
{
    const uint8_t *f = sensor->sdr + SDR_O_FACTORS;
    int m = sextract32(f[0] | (f[1] & 0xc0) << 2, 0, 10);
    int b = sextract32(f[2] | (f[3] & 0xc0) << 2, 0, 10);
    int r_exp = sextract32(f[5], 4, 4);
    int b_exp = sextract32(f[5], 0, 4);

    return (m * sensor_number(sensor, sensor->reading) +
            b * pow(10, b_exp)) * pow(10, r_exp);
}

/*
 * sec 41.2: hysteresis delays only the way back. @was: at or beyond it before.
 */
static bool sensor_beyond(const IPMISensor *sensor, int i, bool was)
{
    int reading = sensor_number(sensor, sensor->reading);
    int threshold = sensor_number(sensor, sensor->threshold[i]);

    if (i < FIRST_UPPER) {
        return reading <= threshold + (was ? sensor->hyst_neg : 0);
    }
    return reading >= threshold - (was ? sensor->hyst_pos : 0);
}

/* States as Get Sensor Reading has them: one bit a threshold. */
static uint16_t sensor_thresholds(const IPMISensor *sensor)
{
    uint8_t mask = sensor->sdr[SDR_O_MASK] & 0x3f;
    uint16_t present = 0;

    for (int i = 0; i < IPMI_THRESHOLDS; i++) {
        uint16_t bit = 1 << i;

        if ((mask & bit) &&
            sensor_beyond(sensor, i, sensor->present & bit)) {
            present |= bit;
        }
    }
    return present;
}

/*
 * sec 42.2: bit 2n is "threshold n, going low", bit 2n + 1 "going high". Below
 * a lower threshold the former is true, and above it the latter.
 */
static uint16_t sensor_conditions(const IPMISensor *sensor)
{
    uint16_t conditions = 0;

    if (!ipmi_sensor_is_threshold(sensor)) {
        return sensor->present;
    }
    for (int i = 0; i < IPMI_THRESHOLDS; i++) {
        bool beyond = sensor->present & (1 << i);
        bool high = beyond == (i >= FIRST_UPPER);

        conditions |= 1 << (2 * i + high);
    }
    return conditions;
}

static void sensor_event(IPMISensors *ss, const IPMISensor *sensor, int bit,
                         bool deassert, const uint8_t *event_data)
{
    uint8_t data[3] = { bit, 0xff, 0xff };

    if (ipmi_sensor_is_threshold(sensor)) {
        data[0] |= EVENT_DATA_READING;
        data[1] = sensor->reading;
        data[2] = sensor->threshold[bit / 2];
    }
    if (event_data) {
        /* sec 35.17: the offset is the sensor's */
        data[0] = (event_data[0] & 0xf0) | bit;
        data[1] = event_data[1];
        data[2] = event_data[2];
    }
    ipmi_event_post(ss->events, sensor->type, sensor->number,
                    sensor->reading_type | (deassert ? 0x80 : 0), data);
}

/*
 * A condition became true, or false. What re-arms itself forgets the other
 * direction; what does not makes no second event until it is re-armed
 * (sec 29.5).
 */
static void sensor_transition(IPMISensors *ss, IPMISensor *sensor, int bit,
                              bool now, const uint8_t *event_data)
{
    bool automatic = sensor->sdr[SDR_O_CAPS] & SDR_CAPS_AUTO_REARM;
    uint16_t *status = now ? &sensor->asserted : &sensor->deasserted;
    uint16_t *other = now ? &sensor->deasserted : &sensor->asserted;
    uint16_t enable = now ? sensor->assert_enable : sensor->deassert_enable;
    uint16_t mask = 1 << bit;
    bool latched = *status & mask;

    if (automatic) {
        *other &= ~mask;
        latched = false;
    }
    if (ipmi_sensor_events(sensor, !now) & mask) {
        *status |= mask;
    }
    if (!latched && (enable & mask) && (sensor->flags & IPMI_SENSOR_EVENTS)) {
        sensor_event(ss, sensor, bit, !now, event_data);
    }
}

void ipmi_sensor_evaluate(IPMISensors *ss, IPMISensor *sensor,
                          const uint8_t *event_data)
{
    uint16_t before = sensor->conditions;
    uint16_t changed;

    if (!(sensor->flags & IPMI_SENSOR_SCANNING)) {
        return;
    }
    sensor->reading = sensor->value;
    sensor->present = ipmi_sensor_is_threshold(sensor) ?
                      sensor_thresholds(sensor) :
                      sensor->states & ipmi_sensor_states(sensor);
    sensor->conditions = sensor_conditions(sensor);
    changed = before ^ sensor->conditions;
    for (int bit = 0; bit < 15; bit++) {
        if (changed & (1 << bit)) {
            sensor_transition(ss, sensor, bit,
                              sensor->conditions & (1 << bit), event_data);
        }
    }
}

void ipmi_sensor_assert(IPMISensors *ss, IPMISensor *sensor, uint16_t mask,
                        const uint8_t *event_data)
{
    uint16_t before = sensor->asserted;
    uint16_t events;

    sensor->asserted = mask & ipmi_sensor_events(sensor, false);
    events = sensor->asserted & ~before & sensor->assert_enable;
    for (int bit = 0; bit < 15; bit++) {
        if ((events & (1 << bit)) && (sensor->flags & IPMI_SENSOR_EVENTS)) {
            sensor_event(ss, sensor, bit, false, event_data);
        }
    }
}

/*
 * sec 35.12: forget events, so that a condition that is still there makes its
 * event again.
 */
void ipmi_sensor_rearm(IPMISensors *ss, IPMISensor *sensor, uint16_t assert,
                       uint16_t deassert)
{
    uint16_t again = sensor->asserted & sensor->conditions & assert;

    sensor->asserted &= ~assert;
    sensor->deasserted &= ~deassert;
    sensor->conditions &= ~again;
    ipmi_sensor_evaluate(ss, sensor, NULL);
}

void ipmi_sensor_put_value(IPMISensors *ss, IPMISensor *sensor, uint8_t raw)
{
    trace_ipmi_sensor_set(bmc_name(ss), sensor->number, raw);
    ss->changing(ss->opaque);
    sensor->value = raw;
}

void ipmi_sensor_set_value(IPMISensors *ss, IPMISensor *sensor, uint8_t raw)
{
    ipmi_sensor_put_value(ss, sensor, raw);
    ipmi_sensor_evaluate(ss, sensor, NULL);
}

void ipmi_sensor_set_states(IPMISensors *ss, IPMISensor *sensor,
                            uint16_t states)
{
    trace_ipmi_sensor_set(bmc_name(ss), sensor->number, states);
    sensor->states = states & EVENTS_DISCRETE;
    ipmi_sensor_evaluate(ss, sensor, NULL);
}

/* sec 43.1: the nominal reading; else half way between the inner thresholds */
static uint8_t sensor_first_value(const uint8_t *sdr)
{
    uint8_t both = 1 << 0 | 1 << FIRST_UPPER;

    if (sdr[SDR_O_TYPE] != SDR_FULL) {
        return 0;
    }
    if (sdr[SDR_O_NOMINAL - 1] & 0x01) {
        return sdr[SDR_O_NOMINAL];
    }
    return (sdr[SDR_O_MASK] & both) == both ?
           (sdr[SDR_O_UNR + 2] + sdr[SDR_O_UNR + 5]) / 2 : 0;
}

/* Parts that are there, with nothing wrong (sec 42.2, "presence detected") */
static uint16_t sensor_first_states(const uint8_t *sdr)
{
    switch (sdr[SDR_O_SENSOR_TYPE]) {
    case SENSOR_TYPE_PROCESSOR:
        return 1 << 7;
    case SENSOR_TYPE_POWER_SUPPLY:
        return 1 << 0;
    case SENSOR_TYPE_MEMORY:
        return 1 << 6;
    default:
        return 0;
    }
}

/* The record that says how to initialise a sensor: that of the repository. */
static const uint8_t *sensor_init_record(const IPMISensors *ss,
                                         const IPMISensor *sensor)
{
    const IPMISdr *sdr = ss->repository;
    const uint8_t *rec;

    for (rec = ipmi_sdr_first(sdr); rec; rec = ipmi_sdr_next(sdr, rec)) {
        if (rec[SDR_O_TYPE] == sensor->sdr[SDR_O_TYPE] &&
            ipmi_sdr_record_len(rec) >= ipmi_sdr_record_len(sensor->sdr) &&
            rec[SDR_O_NUMBER] == sensor->number &&
            rec[SDR_O_OWNER] == sensor->sdr[SDR_O_OWNER] &&
            rec[SDR_O_LUN] == sensor->sdr[SDR_O_LUN]) {
            return rec;
        }
    }
    return NULL;
}

/* sec 33.6, table 43-1 byte 11: what the initialisation agent sets */
static void sensor_init(IPMISensor *sensor, const uint8_t *rec)
{
    static const uint8_t order[IPMI_THRESHOLDS] = { 5, 4, 3, 2, 1, 0 };
    uint8_t init = rec[SDR_O_INIT];
    bool full = rec[SDR_O_TYPE] == SDR_FULL;
    unsigned hyst = full ? SDR_O_FULL_HYST : SDR_O_COMPACT_HYST;

    if (init & SDR_INIT_TYPE) {
        sensor->type = rec[SDR_O_SENSOR_TYPE];
        sensor->reading_type = rec[SDR_O_READING_TYPE] & 0x7f;
    }
    if (init & SDR_INIT_EVENTS) {
        sensor->assert_enable = lduw_le_p(rec + SDR_O_ASSERT) &
                                ipmi_sensor_events(sensor, false);
        sensor->deassert_enable = lduw_le_p(rec + SDR_O_DEASSERT) &
                                  ipmi_sensor_events(sensor, true);
    }
    if ((init & SDR_INIT_THRESHOLDS) && full) {
        for (int i = 0; i < IPMI_THRESHOLDS; i++) {
            sensor->threshold[order[i]] = rec[SDR_O_UNR + i];
        }
    }
    if (init & SDR_INIT_HYSTERESIS) {
        sensor->hyst_pos = rec[hyst];
        sensor->hyst_neg = rec[hyst + 1];
    }
    sensor->flags &= ~(IPMI_SENSOR_EVENTS | IPMI_SENSOR_SCANNING);
    sensor->flags |= init & SDR_INIT_EVENTS_ON ? IPMI_SENSOR_EVENTS : 0;
    sensor->flags |= init & SDR_INIT_SCANNING_ON ? IPMI_SENSOR_SCANNING : 0;
}

void ipmi_sensors_agent(IPMISensors *ss)
{
    for (uint32_t i = 0; i < ss->n; i++) {
        IPMISensor *sensor = &ss->sensor[i];
        const uint8_t *rec = sensor_init_record(ss, sensor);

        if (rec) {
            sensor_init(sensor, rec);
        }
        ipmi_sensor_rearm(ss, sensor, EVENTS_DISCRETE, EVENTS_DISCRETE);
    }
}

/* Does the record make a sensor of ours? */
static bool sensor_record(const uint8_t *rec, uint8_t address)
{
    uint32_t len = ipmi_sdr_record_len(rec);
    uint8_t type = rec[SDR_O_TYPE];

    return ((type == SDR_FULL && len > SDR_O_FULL_NAME) ||
            (type == SDR_COMPACT && len > SDR_O_COMPACT_NAME)) &&
           rec[SDR_O_OWNER] == address &&
           (rec[SDR_O_LUN] & 3) == 0;
}

static void sensor_create(IPMISensor *sensor, const uint8_t *rec)
{
    sensor->sdr = rec;
    sensor->number = rec[SDR_O_NUMBER];
    sensor->type = rec[SDR_O_SENSOR_TYPE];
    sensor->reading_type = rec[SDR_O_READING_TYPE] & 0x7f;
    sensor->value = sensor_first_value(rec);
    sensor->states = sensor_first_states(rec);
    sensor_init(sensor, rec);
}

/* What is so from the start is no event. */
static void sensor_start(IPMISensors *ss, IPMISensor *sensor)
{
    uint8_t events = sensor->flags & IPMI_SENSOR_EVENTS;

    sensor->flags &= ~IPMI_SENSOR_EVENTS;
    ipmi_sensor_evaluate(ss, sensor, NULL);
    sensor->asserted = 0;
    sensor->deasserted = 0;
    sensor->flags |= events;
}

static void nobody_listens(void *opaque)
{
}

bool ipmi_sensors_init(IPMISensors *ss, const IPMISdr *repository,
                       const IPMISdr *dev, IPMIEvents *events,
                       uint8_t address, Error **errp)
{
    const uint8_t *rec;

    ss->repository = repository;
    ss->events = events;
    ss->changing = nobody_listens;
    ss->sensor = g_new0(IPMISensor, dev->count);
    for (rec = ipmi_sdr_first(dev); rec; rec = ipmi_sdr_next(dev, rec)) {
        IPMISensor *sensor = &ss->sensor[ss->n];

        if (!sensor_record(rec, address)) {
            continue;
        }
        if (ss->index[rec[SDR_O_NUMBER]] || ss->n == 255) {
            error_setg(errp, "sdr-file: sensor 0x%02x is there twice",
                       rec[SDR_O_NUMBER]);
            ipmi_sensors_exit(ss);
            return false;
        }
        sensor_create(sensor, rec);
        ss->index[sensor->number] = ++ss->n;
        sensor_start(ss, sensor);
    }
    return true;
}

void ipmi_sensors_exit(IPMISensors *ss)
{
    g_clear_pointer(&ss->sensor, g_free);
    ss->n = 0;
    memset(ss->index, 0, sizeof(ss->index));
}

static const VMStateDescription vmstate_sensor = {
    .name = "ipmi-bmc-multi/sensor",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT8_EQUAL(number, IPMISensor,
                            "the BMCs have different sensors"),
        VMSTATE_UINT8(type, IPMISensor),
        VMSTATE_UINT8(reading_type, IPMISensor),
        VMSTATE_UINT8(value, IPMISensor),
        VMSTATE_UINT16(states, IPMISensor),
        VMSTATE_UINT8(reading, IPMISensor),
        VMSTATE_UINT16(present, IPMISensor),
        VMSTATE_UINT8(flags, IPMISensor),
        VMSTATE_UINT8_ARRAY(threshold, IPMISensor, IPMI_THRESHOLDS),
        VMSTATE_UINT8(hyst_pos, IPMISensor),
        VMSTATE_UINT8(hyst_neg, IPMISensor),
        VMSTATE_UINT16(assert_enable, IPMISensor),
        VMSTATE_UINT16(deassert_enable, IPMISensor),
        VMSTATE_UINT16(conditions, IPMISensor),
        VMSTATE_UINT16(asserted, IPMISensor),
        VMSTATE_UINT16(deasserted, IPMISensor),
        VMSTATE_END_OF_LIST()
    }
};

const VMStateDescription vmstate_ipmi_sensors = {
    .name = "ipmi-bmc-multi/sensors",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32_EQUAL(n, IPMISensors, "the BMCs have different sensors"),
        VMSTATE_STRUCT_VARRAY_POINTER_UINT32(sensor, IPMISensors, n,
                                             vmstate_sensor, IPMISensor),
        VMSTATE_END_OF_LIST()
    }
};
