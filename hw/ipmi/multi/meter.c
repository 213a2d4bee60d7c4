/*
 * IPMI BMC with many channels: power meter
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 */

#include "qemu/osdep.h"
#include "meter.h"
#include "qemu/timer.h"

/* The first sensor of watts is that of the system. NULL: there is none. */
static IPMISensor *power_sensor(const IPMIMeter *m)
{
    for (uint32_t i = 0; i < m->sensors->n; i++) {
        IPMISensor *sensor = &m->sensors->sensor[i];

        if (sensor->sdr[SDR_O_TYPE] == SDR_FULL &&
            ipmi_sensor_is_threshold(sensor) &&
            sensor->sdr[SDR_O_UNITS + 1] == UNIT_WATT) {
            return sensor;
        }
    }
    return NULL;
}

static uint32_t power_now(const IPMIMeter *m)
{
    IPMISensor *sensor = power_sensor(m);
    double watts = sensor ? ipmi_sensor_real(sensor) : 0;

    return watts < 0 ? 0 : watts > UINT16_MAX ? UINT16_MAX : (uint32_t)watts;
}

/* Add the time since the last sample to the average, at the present power. */
static void sample(void *opaque)
{
    IPMIMeter *m = opaque;
    int64_t now = qemu_clock_get_ms(QEMU_CLOCK_VIRTUAL);
    uint32_t watts = power_now(m);

    m->min = MIN(m->min, watts);
    m->max = MAX(m->max, watts);
    if (now > m->last) {
        m->sum += (uint64_t)(now - m->last) * watts;
        m->last = now;
    }
}

void ipmi_meter_init(IPMIMeter *m, IPMISensors *sensors)
{
    m->sensors = sensors;
    m->min = UINT32_MAX;
    m->since = qemu_clock_get_ms(QEMU_CLOCK_VIRTUAL);
    m->last = m->since;
    sensors->changing = sample;
    sensors->opaque = m;
}

void ipmi_meter_read(IPMIMeter *m, IPMIPowerReading *r)
{
    uint64_t period;

    sample(m);
    period = m->last - m->since;
    r->now = power_now(m);
    r->min = MIN(m->min, UINT16_MAX);
    r->max = MIN(m->max, UINT16_MAX);
    r->average = period ? MIN(m->sum / period, UINT16_MAX) : r->now;
    r->period = MIN(period, UINT32_MAX);
    r->active = power_sensor(m);
}

const VMStateDescription vmstate_ipmi_meter = {
    .name = "ipmi-bmc-multi/meter",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32(min, IPMIMeter),
        VMSTATE_UINT32(max, IPMIMeter),
        VMSTATE_UINT64(sum, IPMIMeter),
        VMSTATE_INT64(since, IPMIMeter),
        VMSTATE_INT64(last, IPMIMeter),
        VMSTATE_END_OF_LIST()
    }
};
