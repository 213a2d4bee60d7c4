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
 * a condition that changes makes an event, if that is enabled. The commands
 * are in cmd-sensor.c.
 */

#include "qemu/osdep.h"
#include "priv.h"
#include "qapi/error.h"
#include "qemu/bswap.h"
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

IPMISensor *ipmi_sensor_find(IPMIBmcMulti *s, uint8_t number)
{
    uint8_t i = s->stores.sensor_index[number];

    return i ? &s->stores.sensors[i - 1] : NULL;
}

bool ipmi_sensor_is_threshold(const IPMISensor *sensor)
{
    return sensor->sdr[SDR_O_READING_TYPE] == READING_THRESHOLD;
}

/* Events that the sensor can make at all. */
uint16_t ipmi_sensor_events(const IPMISensor *sensor, bool deassert)
{
    uint16_t mask = lduw_le_p(sensor->sdr +
                              (deassert ? SDR_O_DEASSERT : SDR_O_ASSERT));

    return mask & (ipmi_sensor_is_threshold(sensor) ? EVENTS_THRESHOLD :
                                                      EVENTS_DISCRETE);
}

/* sec 36.2: the number that raw analog data stands for */
int ipmi_sensor_number(const IPMISensor *sensor, uint8_t raw)
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

/*
 * sec 41.2: hysteresis delays only the way back. @was: at or beyond it before.
 */
static bool sensor_beyond(const IPMISensor *sensor, int i, bool was)
{
    int reading = ipmi_sensor_number(sensor, sensor->reading);
    int threshold = ipmi_sensor_number(sensor, sensor->threshold[i]);

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

void ipmi_sensor_post(IPMIBmcMulti *s, uint8_t type, uint8_t number,
                      uint8_t dir_type, const uint8_t data[3])
{
    uint8_t rec[IPMI_SEL_RECORD] = {
        [2] = 0x02,                             /* system event */
        [7] = s->parent_obj.slave_addr,         /* generator */
        [9] = 0x04,                             /* EvMRev: IPMI 1.5, 2.0 */
        [10] = type,
        [11] = number,
        [12] = dir_type,
        [13] = data[0], data[1], data[2],
    };

    /* sec 29.1: FFh: events are not sent */
    if (s->stores.receiver == 0xff) {
        return;
    }
    trace_ipmi_sensor_event(ipmi_bmc_name(s), number, dir_type & 0x7f,
                            data[0] & 0x0f, !(dir_type & 0x80));
    ipmi_event(s, rec);
}

static void sensor_event(IPMIBmcMulti *s, const IPMISensor *sensor, int bit,
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
    ipmi_sensor_post(s, sensor->type, sensor->number,
                     sensor->reading_type | (deassert ? 0x80 : 0), data);
}

/*
 * A condition became true, or false. What re-arms itself forgets the other
 * direction; what does not makes no second event until it is re-armed
 * (sec 29.5).
 */
static void sensor_transition(IPMIBmcMulti *s, IPMISensor *sensor, int bit,
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
        sensor_event(s, sensor, bit, !now, event_data);
    }
}

void ipmi_sensor_evaluate(IPMIBmcMulti *s, IPMISensor *sensor,
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
                      sensor->states & lduw_le_p(sensor->sdr + SDR_O_MASK);
    sensor->conditions = sensor_conditions(sensor);
    changed = before ^ sensor->conditions;
    for (int bit = 0; bit < 15; bit++) {
        if (changed & (1 << bit)) {
            sensor_transition(s, sensor, bit,
                              sensor->conditions & (1 << bit), event_data);
        }
    }
}

/*
 * sec 35.12: forget events, so that a condition that is still there makes its
 * event again.
 */
void ipmi_sensor_rearm(IPMIBmcMulti *s, IPMISensor *sensor, uint16_t assert,
                       uint16_t deassert)
{
    uint16_t again = sensor->asserted & sensor->conditions & assert;

    sensor->asserted &= ~assert;
    sensor->deasserted &= ~deassert;
    sensor->conditions &= ~again;
    ipmi_sensor_evaluate(s, sensor, NULL);
}

void ipmi_sensor_set_value(IPMIBmcMulti *s, IPMISensor *sensor, uint8_t raw)
{
    trace_ipmi_sensor_set(ipmi_bmc_name(s), sensor->number, raw);
    ipmi_dcmi_sample(s);
    sensor->value = raw;
    ipmi_sensor_evaluate(s, sensor, NULL);
}

void ipmi_sensor_set_states(IPMIBmcMulti *s, IPMISensor *sensor,
                            uint16_t states)
{
    trace_ipmi_sensor_set(ipmi_bmc_name(s), sensor->number, states);
    sensor->states = states & EVENTS_DISCRETE;
    ipmi_sensor_evaluate(s, sensor, NULL);
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
static const uint8_t *sensor_init_record(IPMIBmcMulti *s,
                                         const IPMISensor *sensor)
{
    const IPMISdr *sdr = &s->stores.sdr;
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

void ipmi_sensor_init_all(IPMIBmcMulti *s)
{
    for (uint32_t i = 0; i < s->stores.n_sensors; i++) {
        IPMISensor *sensor = &s->stores.sensors[i];
        const uint8_t *rec = sensor_init_record(s, sensor);

        if (rec) {
            sensor_init(sensor, rec);
        }
        ipmi_sensor_rearm(s, sensor, EVENTS_DISCRETE, EVENTS_DISCRETE);
    }
}

/* Does the record make a sensor of ours? */
static bool sensor_record(IPMIBmcMulti *s, const uint8_t *rec)
{
    uint32_t len = ipmi_sdr_record_len(rec);
    uint8_t type = rec[SDR_O_TYPE];

    return ((type == SDR_FULL && len > SDR_O_FULL_NAME) ||
            (type == SDR_COMPACT && len > SDR_O_COMPACT_NAME)) &&
           rec[SDR_O_OWNER] == s->parent_obj.slave_addr &&
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

bool ipmi_sensors_realize(IPMIBmcMulti *s, Error **errp)
{
    IPMIBmcStores *st = &s->stores;
    const uint8_t *rec;

    st->sensors = g_new0(IPMISensor, st->dev.count);
    for (rec = ipmi_sdr_first(&st->dev); rec;
         rec = ipmi_sdr_next(&st->dev, rec)) {
        IPMISensor *sensor = &st->sensors[st->n_sensors];

        if (!sensor_record(s, rec)) {
            continue;
        }
        if (st->sensor_index[rec[SDR_O_NUMBER]] || st->n_sensors == 255) {
            error_setg(errp, "sdr-file: sensor 0x%02x is there twice",
                       rec[SDR_O_NUMBER]);
            ipmi_sensors_unrealize(s);
            return false;
        }
        sensor_create(sensor, rec);
        st->sensor_index[sensor->number] = ++st->n_sensors;
        /* What is so from the start is no event. */
        sensor->flags &= ~IPMI_SENSOR_EVENTS;
        ipmi_sensor_evaluate(s, sensor, NULL);
        sensor->asserted = 0;
        sensor->deasserted = 0;
        sensor->flags |= rec[SDR_O_INIT] & SDR_INIT_EVENTS_ON ?
                         IPMI_SENSOR_EVENTS : 0;
    }
    return true;
}

void ipmi_sensors_unrealize(IPMIBmcMulti *s)
{
    g_clear_pointer(&s->stores.sensors, g_free);
    s->stores.n_sensors = 0;
    memset(s->stores.sensor_index, 0, sizeof(s->stores.sensor_index));
}

const VMStateDescription vmstate_ipmi_sensor = {
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
