/*
 * IPMI BMC with many channels: the built-in Sensor Data Records
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 42 and 43.
 *
 * The records of a small server: full records of its analog sensors, compact
 * ones of the discrete, locators of the BMC itself and of the FRUs.
 */

#include "qemu/osdep.h"
#include "sdr.h"
#include "qemu/bswap.h"

/* sec 43.13: entity IDs */
#define ENTITY_PROCESSOR        0x03
#define ENTITY_BOARD            0x07
#define ENTITY_POWER_SUPPLY     0x0a
#define ENTITY_CHASSIS          0x17
#define ENTITY_FAN              0x1d
#define ENTITY_MEMORY           0x20
#define ENTITY_BMC              0x2e
#define ENTITY_AIR_INLET        0x37

/* sec 43.15: type/length byte: 8-bit ASCII */
#define NAME_ASCII              0xc0
#define NAME_MAX_LEN            16

/* Data format, byte 1 of the units: 2's complement, or unsigned */
#define SIGNED                  0x80

/* Which thresholds there are, as in the readable mask */
#define LOWER                   0x07
#define UPPER                   0x38
#define LOWER_2                 0x03
#define UPPER_2                 0x18

typedef struct AnalogSensor {
    uint8_t number;
    const char *name;
    uint8_t entity, instance;
    uint8_t type, unit, format;
    int16_t m;                  /* value = m * raw * 10^exp */
    int8_t exp;
    uint8_t nominal;
    uint8_t thresholds;         /* which there are */
    uint8_t threshold[IPMI_THRESHOLDS]; /* LNC, LC, LNR, UNC, UC, UNR */
    uint8_t hyst;
} AnalogSensor;

static const AnalogSensor analog_sensors[] = {
    { 0x01, "Inlet Temp", ENTITY_AIR_INLET, 1, SENSOR_TYPE_TEMPERATURE,
      UNIT_CELSIUS, SIGNED, 1, 0, 24, LOWER | UPPER,
      { 5, 0, 0xf6, 40, 45, 50 }, 2 },
    { 0x02, "CPU Temp", ENTITY_PROCESSOR, 1, SENSOR_TYPE_TEMPERATURE,
      UNIT_CELSIUS, 0, 1, 0, 45, UPPER, { 0, 0, 0, 85, 95, 105 }, 2 },
    { 0x03, "System Temp", ENTITY_BOARD, 1, SENSOR_TYPE_TEMPERATURE,
      UNIT_CELSIUS, 0, 1, 0, 31, UPPER, { 0, 0, 0, 65, 75, 85 }, 2 },
    { 0x10, "Fan 1", ENTITY_FAN, 1, SENSOR_TYPE_FAN, UNIT_RPM, 0, 50, 0, 100,
      LOWER, { 24, 16, 10, 0, 0, 0 }, 2 },
    { 0x11, "Fan 2", ENTITY_FAN, 2, SENSOR_TYPE_FAN, UNIT_RPM, 0, 50, 0, 104,
      LOWER, { 24, 16, 10, 0, 0, 0 }, 2 },
    { 0x20, "P12V", ENTITY_BOARD, 1, SENSOR_TYPE_VOLTAGE, UNIT_VOLT, 0, 6, -2,
      200, LOWER_2 | UPPER_2, { 180, 174, 0, 220, 226, 0 }, 1 },
    { 0x21, "P5V", ENTITY_BOARD, 1, SENSOR_TYPE_VOLTAGE, UNIT_VOLT, 0, 25, -3,
      200, LOWER_2 | UPPER_2, { 186, 180, 0, 214, 220, 0 }, 1 },
    { 0x22, "P3V3", ENTITY_BOARD, 1, SENSOR_TYPE_VOLTAGE, UNIT_VOLT, 0, 15, -3,
      220, LOWER_2 | UPPER_2, { 204, 198, 0, 236, 242, 0 }, 1 },
    { 0x23, "VCore", ENTITY_PROCESSOR, 1, SENSOR_TYPE_VOLTAGE, UNIT_VOLT, 0, 5,
      -3, 200, LOWER_2 | UPPER_2, { 150, 140, 0, 240, 250, 0 }, 1 },
    { 0x40, "Power In", ENTITY_POWER_SUPPLY, 1, SENSOR_TYPE_OTHER_UNITS,
      UNIT_WATT, 0, 4, 0, 30, UPPER_2, { 0, 0, 0, 200, 225, 0 }, 1 },
};

typedef struct DiscreteSensor {
    uint8_t number;
    const char *name;
    uint8_t entity, instance;
    uint8_t type;
    uint16_t events;            /* states that make events */
    uint16_t states;            /* states that there are */
    bool settable;              /* by Set Sensor Reading */
} DiscreteSensor;

static const DiscreteSensor discrete_sensors[] = {
    { 0x30, "CPU Status", ENTITY_PROCESSOR, 1, SENSOR_TYPE_PROCESSOR,
      0x0023, 0x00a3, true },
    { 0x31, "DIMM Status", ENTITY_MEMORY, 1, SENSOR_TYPE_MEMORY,
      0x0023, 0x0063, true },
    { 0x50, "PS1 Status", ENTITY_POWER_SUPPLY, 1, SENSOR_TYPE_POWER_SUPPLY,
      0x000e, 0x000f, true },
    { 0x51, "PS2 Status", ENTITY_POWER_SUPPLY, 2, SENSOR_TYPE_POWER_SUPPLY,
      0x000e, 0x000f, true },
    { 0x60, "Watchdog", ENTITY_BMC, 1, SENSOR_TYPE_WATCHDOG,
      0x010f, 0x010f, false },
    { 0x62, "Power Unit", ENTITY_CHASSIS, 1, SENSOR_TYPE_POWER_UNIT,
      POWER_UNIT_OFF | POWER_UNIT_CYCLE, POWER_UNIT_OFF | POWER_UNIT_CYCLE,
      false },
    { 0x64, "Intrusion", ENTITY_CHASSIS, 1, SENSOR_TYPE_INTRUSION,
      0x0001, 0x0001, true },
};

static const struct {
    uint8_t id;
    const char *name;
    uint8_t entity, instance;
} frus[] = {
    { 1, "Mainboard", ENTITY_BOARD, 1 },
    { 2, "Power Supply 1", ENTITY_POWER_SUPPLY, 1 },
    { 3, "Power Supply 2", ENTITY_POWER_SUPPLY, 2 },
};

/* Put the name at @at, finish the header, and add the record. */
static void finish(IPMISdr *sdr, uint8_t *rec, uint8_t type, unsigned at,
                   const char *name)
{
    size_t len = strlen(name);
    bool ok;

    assert(len <= NAME_MAX_LEN);
    rec[at] = NAME_ASCII | len;
    memcpy(rec + at + 1, name, len);
    rec[SDR_O_VERSION] = SDR_VERSION;
    rec[SDR_O_TYPE] = type;
    rec[SDR_O_LENGTH] = at + 1 + len - SDR_HEADER;
    ok = ipmi_sdr_append(sdr, rec, at + 1 + len);
    assert(ok);                 /* sdr-size has room for all of them */
}

static void begin_sensor(uint8_t *rec, uint8_t number, uint8_t entity,
                         uint8_t instance, uint8_t type)
{
    rec[SDR_O_OWNER] = 0x20;    /* this BMC's slave address */
    rec[SDR_O_NUMBER] = number;
    rec[SDR_O_ENTITY] = entity;
    rec[SDR_O_INSTANCE] = instance;
    rec[SDR_O_SENSOR_TYPE] = type;
}

/*
 * sec 42.2: two events a threshold, going low and going high. The worse
 * direction asserts: down at a lower threshold, up at an upper one.
 */
static uint16_t threshold_events(uint8_t thresholds)
{
    uint16_t events = 0;

    for (int i = 0; i < IPMI_THRESHOLDS; i++) {
        if (thresholds & (1 << i)) {
            events |= 1 << (2 * i + (i >= IPMI_THRESHOLDS / 2));
        }
    }
    return events;
}

static void add_analog(IPMISdr *sdr, const AnalogSensor *a)
{
    /* order in the record: UNR, UC, UNC, LNR, LC, LNC */
    static const uint8_t order[IPMI_THRESHOLDS] = { 5, 4, 3, 2, 1, 0 };
    uint8_t rec[SDR_O_FULL_NAME + 1 + NAME_MAX_LEN] = { };

    begin_sensor(rec, a->number, a->entity, a->instance, a->type);
    rec[SDR_O_INIT] = SDR_INIT_SETTABLE | SDR_INIT_SCANNING |
                      SDR_INIT_EVENTS | SDR_INIT_THRESHOLDS |
                      SDR_INIT_HYSTERESIS | SDR_INIT_EVENTS_ON |
                      SDR_INIT_SCANNING_ON;
    rec[SDR_O_CAPS] = SDR_CAPS_AUTO_REARM | SDR_ACCESS_WRITE << 4 |
                      SDR_ACCESS_WRITE << 2;
    rec[SDR_O_READING_TYPE] = READING_THRESHOLD;
    stw_le_p(rec + SDR_O_ASSERT, threshold_events(a->thresholds));
    stw_le_p(rec + SDR_O_DEASSERT, threshold_events(a->thresholds));
    rec[SDR_O_MASK] = a->thresholds;
    rec[SDR_O_SETTABLE] = a->thresholds;
    rec[SDR_O_UNITS] = a->format;
    rec[SDR_O_UNITS + 1] = a->unit;
    rec[SDR_O_FACTORS] = a->m;
    rec[SDR_O_FACTORS + 1] = (a->m >> 2) & 0xc0;
    rec[SDR_O_FACTORS + 5] = a->exp * 16;
    rec[SDR_O_NOMINAL - 1] = 0x01;      /* the nominal reading counts */
    rec[SDR_O_NOMINAL] = a->nominal;
    rec[SDR_O_UNR - 2] = a->format == SIGNED ? 0x7f : 0xff;
    rec[SDR_O_UNR - 1] = a->format == SIGNED ? 0x80 : 0x00;
    for (int i = 0; i < IPMI_THRESHOLDS; i++) {
        rec[SDR_O_UNR + i] = a->threshold[order[i]];
    }
    rec[SDR_O_FULL_HYST] = a->hyst;
    rec[SDR_O_FULL_HYST + 1] = a->hyst;
    finish(sdr, rec, SDR_FULL, SDR_O_FULL_NAME, a->name);
}

static void add_discrete(IPMISdr *sdr, const DiscreteSensor *d)
{
    uint8_t rec[SDR_O_COMPACT_NAME + 1 + NAME_MAX_LEN] = { };

    begin_sensor(rec, d->number, d->entity, d->instance, d->type);
    rec[SDR_O_INIT] = (d->settable ? SDR_INIT_SETTABLE : 0) |
                      SDR_INIT_SCANNING | SDR_INIT_EVENTS |
                      SDR_INIT_EVENTS_ON | SDR_INIT_SCANNING_ON;
    rec[SDR_O_CAPS] = SDR_CAPS_AUTO_REARM;
    rec[SDR_O_READING_TYPE] = READING_SENSOR_SPECIFIC;
    stw_le_p(rec + SDR_O_ASSERT, d->events);
    stw_le_p(rec + SDR_O_DEASSERT, d->events);
    stw_le_p(rec + SDR_O_MASK, d->states);
    rec[SDR_O_UNITS] = 0xc0;    /* no analog reading */
    finish(sdr, rec, SDR_COMPACT, SDR_O_COMPACT_NAME, d->name);
}

/* sec 43.9: the BMC is everything but a bridge */
static void add_mc_locator(IPMISdr *sdr)
{
    uint8_t rec[15 + 1 + NAME_MAX_LEN] = { };

    rec[5] = 0x20;
    rec[8] = 0xbf;
    rec[12] = ENTITY_BMC;
    rec[13] = 1;
    finish(sdr, rec, SDR_MC_LOCATOR, 15, "BMC");
}

/* sec 43.8: logical FRUs, that the BMC reads with Read FRU Data */
static void add_fru_locator(IPMISdr *sdr, unsigned i)
{
    uint8_t rec[15 + 1 + NAME_MAX_LEN] = { };

    rec[5] = 0x20;
    rec[6] = frus[i].id;
    rec[7] = 0x80;
    rec[10] = 0x10;             /* FRU inventory device behind a controller */
    rec[12] = frus[i].entity;
    rec[13] = frus[i].instance;
    finish(sdr, rec, SDR_FRU_LOCATOR, 15, frus[i].name);
}

void ipmi_sdr_add_defaults(IPMISdr *sdr)
{
    unsigned i;

    add_mc_locator(sdr);
    for (i = 0; i < ARRAY_SIZE(analog_sensors); i++) {
        add_analog(sdr, &analog_sensors[i]);
    }
    for (i = 0; i < ARRAY_SIZE(discrete_sensors); i++) {
        add_discrete(sdr, &discrete_sensors[i]);
    }
    for (i = 0; i < ARRAY_SIZE(frus); i++) {
        add_fru_locator(sdr, i);
    }
}
