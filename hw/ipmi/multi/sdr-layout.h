/*
 * IPMI BMC with many channels: layout of Sensor Data Records
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 43: record types and offsets of their
 * fields from the start of the record, header included.
 */

#ifndef IPMI_MULTI_SDR_LAYOUT_H
#define IPMI_MULTI_SDR_LAYOUT_H

#define SDR_VERSION             0x51
#define SDR_HEADER              5
#define SDR_RECORD_MAX          (SDR_HEADER + 255)

/* Record types */
#define SDR_FULL                0x01
#define SDR_COMPACT             0x02
#define SDR_EVENT_ONLY          0x03
#define SDR_FRU_LOCATOR         0x11
#define SDR_MC_LOCATOR          0x12

/* Header */
#define SDR_O_ID                0
#define SDR_O_VERSION           2
#define SDR_O_TYPE              3
#define SDR_O_LENGTH            4

/* Sensor records: full and compact (sec 43.1, 43.2) */
#define SDR_O_OWNER             5
#define SDR_O_LUN               6
#define SDR_O_NUMBER            7
#define SDR_O_ENTITY            8
#define SDR_O_INSTANCE          9
#define SDR_O_INIT              10
#define SDR_O_CAPS              11
#define SDR_O_SENSOR_TYPE       12
#define SDR_O_READING_TYPE      13
#define SDR_O_ASSERT            14      /* 16 bits */
#define SDR_O_DEASSERT          16      /* 16 bits */
#define SDR_O_MASK              18      /* 16 bits; thresholds: readable */
#define SDR_O_SETTABLE          19      /*   and settable ones */
#define SDR_O_UNITS             20      /* 3 bytes */

/* Thresholds: LNC, LC, LNR, UNC, UC, UNR */
#define IPMI_THRESHOLDS         6

/* Full records only */
#define SDR_O_LINEAR            23
#define SDR_O_FACTORS           24      /* M, tolerance, B, accuracy: 6 bytes */
#define SDR_O_NOMINAL           31
#define SDR_O_UNR               36      /* UNR, UC, UNC, LNR, LC, LNC */
#define SDR_O_FULL_HYST         42      /* positive, negative */
#define SDR_O_FULL_NAME         47

/* Compact records only */
#define SDR_O_COMPACT_HYST      25      /* positive, negative */
#define SDR_O_COMPACT_NAME      31

/* Initialisation, byte SDR_O_INIT */
#define SDR_INIT_SETTABLE       0x80
#define SDR_INIT_SCANNING       0x40
#define SDR_INIT_EVENTS         0x20
#define SDR_INIT_THRESHOLDS     0x10
#define SDR_INIT_HYSTERESIS     0x08
#define SDR_INIT_TYPE           0x04
#define SDR_INIT_EVENTS_ON      0x02
#define SDR_INIT_SCANNING_ON    0x01

/* Capabilities, byte SDR_O_CAPS */
#define SDR_CAPS_AUTO_REARM     0x40
#define SDR_CAPS_HYST(caps)     (((caps) >> 4) & 3)
#define SDR_CAPS_THRESHOLD(caps) (((caps) >> 2) & 3)
#define SDR_ACCESS_NONE         0
#define SDR_ACCESS_READ         1
#define SDR_ACCESS_WRITE        2       /* and read */
#define SDR_ACCESS_FIXED        3

/* Event/reading types (sec 42.1) */
#define READING_THRESHOLD       0x01
#define READING_SENSOR_SPECIFIC 0x6f

/* Sensor types (sec 42.2) */
#define SENSOR_TYPE_TEMPERATURE 0x01
#define SENSOR_TYPE_VOLTAGE     0x02
#define SENSOR_TYPE_FAN         0x04
#define SENSOR_TYPE_INTRUSION   0x05
#define SENSOR_TYPE_PROCESSOR   0x07
#define SENSOR_TYPE_POWER_SUPPLY 0x08
#define SENSOR_TYPE_POWER_UNIT  0x09
#define SENSOR_TYPE_OTHER_UNITS 0x0b
#define SENSOR_TYPE_MEMORY      0x0c
#define SENSOR_TYPE_WATCHDOG    0x23

#define UNIT_CELSIUS            0x01
#define UNIT_VOLT               0x04
#define UNIT_WATT               0x06
#define UNIT_RPM                0x12

/* States of a power unit */
#define POWER_UNIT_OFF          0x0001
#define POWER_UNIT_CYCLE        0x0002

/* Number that events have whose sensor is in no record */
#define SENSOR_NONE             0xff

#endif
