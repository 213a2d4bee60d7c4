/*
 * Every command of ipmi-bmc-multi: lengths, reserved bits, LUNs, privileges
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, appendix G and the section of each command;
 * DCMI v1.5. The table below is the oracle, written from these and not from
 * the device; scripts/ipmi-command-tests.py says which of the device's commands
 * has no row in it.
 */
#include "qemu/osdep.h"
#include "libqos/ipmi-port.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"

#define CC_LUN          0xc2
#define CC_LENGTH       0xc7
#define CC_FIELD        0xcc
#define CC_PRIVILEGE    0xd4
#define CC_UNKNOWN      0xc1

/* Less data than these is what a request carries */
#define BT_MAX          252
#define KCS_MAX         290

#define LAN             1
#define ANY             0xfff

enum { NONE, CALLBACK, USER, OPER, ADMIN, SYSTEM };

/* Lengths between the least and the most of which only some are right */
#define SOME            1
/* On any other channel it is one byte shorter */
#define SHORT           2
/* A request that does not fit is not for this command: no C7h by itself */
#define GROUP           4

typedef struct Command {
    uint8_t netfn, cmd;
    const char *name;
    unsigned min, max;
    unsigned level;
    const char *pre;            /* a request before; "@@": 2 bytes of it */
    const char *good;           /* data of a request */
    const char *answer;         /* to it: completion code and data */
    struct {
        uint8_t byte, mask;
    } reserved[4];
    const char *bad[6];         /* pairs: data, completion code */
    unsigned flags;
} Command;

#define B4  ".. .. .. .. "
#define B8  B4 B4
#define B16 B8 B8
#define Z8  "00 00 00 00 00 00 00 00 "
#define Z16 Z8 Z8

#define EVENT   "00 00 02 00 00 00 00 20 00 04 01 01 59 00 00 00 "
#define RECORD  "00 00 51 c0 04 ff 00 00 00 "
#define CLEAR   "43 4c 52 "
#define WATCHDOG "04 00 00 10 64 00 "

static const Command commands[] = {
    /* Chassis, sec 28 */
    { 0x00, 0x00, "get-chassis-capabilities", 0, 0, USER, NULL, "",
      "00 " B4 ".. *" },
    { 0x00, 0x01, "get-chassis-status", 0, 0, USER, NULL, "",
      "00 .. .. .. *" },
    { 0x00, 0x02, "chassis-control", 1, 1, OPER, NULL, "05", "00",
      { { 0, 0xf0 } }, { "06", "cc", "0f", "cc" } },
    { 0x00, 0x04, "chassis-identify", 0, 2, OPER, NULL, "00 00", "00",
      { { 1, 0xfe } } },
    { 0x00, 0x06, "set-power-restore-policy", 1, 1, OPER, NULL, "03",
      "00 07", { { 0, 0xf8 } }, { "04", "cc" } },
    { 0x00, 0x07, "get-system-restart-cause", 0, 0, USER, NULL, "",
      "00 .. .." },
    { 0x00, 0x08, "set-system-boot-options", 1, 18, OPER, NULL,
      "05 80 00 00 00 00", "00", { }, { "7f 00", "80", "00 03", "cc" }, SOME },
    { 0x00, 0x09, "get-system-boot-options", 3, 3, OPER, NULL, "05 00 00",
      "00 01 .. " B4 "..", { { 0, 0x80 } }, { "7f 00 00", "80" } },
    { 0x00, 0x0a, "set-front-panel-button-enables", 1, 1, ADMIN, NULL, "00",
      "00",
      { { 0, 0xf0 } } },
    { 0x00, 0x0b, "set-power-cycle-interval", 1, 1, ADMIN, NULL, "05", "00" },
    { 0x00, 0x0f, "get-poh-counter", 0, 0, USER, NULL, "", "00 .. " B4 },

    /* Sensors and events, sec 29, 30, 35 */
    { 0x04, 0x00, "set-event-receiver", 2, 2, ADMIN, NULL, "20 00", "00",
      { { 1, 0xfc } } },
    { 0x04, 0x01, "get-event-receiver", 0, 0, USER, NULL, "", "00 20 00" },
    { 0x04, 0x02, "platform-event", 8, 8, OPER, NULL,
      "41 04 01 01 59 00 00 00", "00", { }, { }, SHORT },
    { 0x04, 0x10, "get-pef-capabilities", 0, 0, USER, NULL, "",
      "00 51 .. .." },
    { 0x04, 0x20, "get-device-sdr-info", 0, 1, USER, NULL, "01",
      "00 .. .. *", { { 0, 0xfe } } },
    { 0x04, 0x21, "get-device-sdr", 6, 6, USER, NULL, "00 00 00 00 00 05",
      "00 .. .. .. .. 51 .. ..", { },
      { "00 00 fe ff 00 05", "cb", "ff ff 00 00 01 05", "c5" } },
    { 0x04, 0x22, "reserve-device-sdr-repository", 0, 0, USER, NULL, "",
      "00 .. .." },
    { 0x04, 0x23, "get-sensor-reading-factors", 2, 2, USER, NULL, "01 20",
      "00 " B4 ".. .. ..", { }, { "ee 00", "cb", "30 00", "cd" } },
    { 0x04, 0x24, "set-sensor-hysteresis", 4, 4, OPER, NULL, "01 ff 02 02",
      "00", { }, { "ee ff 02 02", "cb", "30 ff 02 02", "cd" } },
    { 0x04, 0x25, "get-sensor-hysteresis", 2, 2, USER, NULL, "01 ff",
      "00 02 02", { }, { "ee ff", "cb", "30 ff", "cd" } },
    { 0x04, 0x26, "set-sensor-thresholds", 8, 8, OPER, NULL,
      "01 00 00 00 00 00 00 00", "00", { { 1, 0xc0 } },
      { "ee 00 00 00 00 00 00 00", "cb", "30 00 00 00 00 00 00 00", "cd" } },
    { 0x04, 0x27, "get-sensor-thresholds", 1, 1, USER, NULL, "01",
      "00 3f " B4 ".. ..", { }, { "ee", "cb", "30", "cd" } },
    { 0x04, 0x28, "set-sensor-event-enable", 2, 6, OPER, NULL, "01 c0",
      "00", { { 1, 0x0f } }, { "ee c0", "cb" } },
    { 0x04, 0x29, "get-sensor-event-enable", 1, 1, USER, NULL, "01",
      "00 c0 *", { }, { "ee", "cb" } },
    { 0x04, 0x2a, "re-arm-sensor-events", 2, 6, OPER, NULL, "01 00", "00",
      { { 1, 0x7f } }, { "ee 00", "cb" } },
    { 0x04, 0x2b, "get-sensor-event-status", 1, 1, USER, NULL, "01",
      "00 .. *", { }, { "ee", "cb" } },
    { 0x04, 0x2d, "get-sensor-reading", 1, 1, USER, NULL, "01",
      "00 .. .. .. *", { }, { "ee", "cb" } },
    { 0x04, 0x2e, "set-sensor-type", 3, 3, OPER, NULL, "01 01 01", "00",
      { { 2, 0x80 } }, { "ee 01 01", "cb" } },
    { 0x04, 0x2f, "get-sensor-type", 1, 1, USER, NULL, "01", "00 01 01",
      { }, { "ee", "cb" } },
    { 0x04, 0x30, "set-sensor-reading-and-event-status", 2, 10, OPER, NULL,
      "02 00", "00",
      { }, { "ee 00", "cb" }, SOME },

    /* Application: the device, sec 20, 21 */
    { 0x06, 0x01, "get-device-id", 0, 0, USER, NULL, "",
      "00 20 81 01 00 02 bf .. .. .. .. .. *" },
    { 0x06, 0x02, "cold-reset", 0, 0, ADMIN, NULL, "", "00" },
    { 0x06, 0x03, "warm-reset", 0, 0, ADMIN, NULL, "", "00" },
    { 0x06, 0x04, "get-self-test-results", 0, 0, USER, NULL, "", "00 55 00" },
    { 0x06, 0x06, "set-acpi-power-state", 2, 2, ADMIN, NULL, "80 80", "00",
      { }, { "8f 80", "cc", "80 84", "cc" } },
    { 0x06, 0x07, "get-acpi-power-state", 0, 0, USER, NULL, "",
      "00 00 00" },
    { 0x06, 0x08, "get-device-guid", 0, 0, USER, NULL, "", "00 " B16 },
    { 0x06, 0x37, "get-system-guid", 0, 0, NONE, NULL, "", "00 " B16 },

    /* Watchdog, sec 27 */
    { 0x06, 0x22, "reset-watchdog-timer", 0, 0, OPER, "06 24 " WATCHDOG, "",
      "00" },
    { 0x06, 0x24, "set-watchdog-timer", 6, 6, OPER, NULL, WATCHDOG, "00",
      { { 0, 0x38 }, { 1, 0x88 }, { 3, 0xc1 } },
      { "00 00 00 00 64 00", "cc", "06 00 00 00 64 00", "cc",
        "04 04 00 00 64 00", "cc" } },
    { 0x06, 0x25, "get-watchdog-timer", 0, 0, USER, "06 24 " WATCHDOG, "",
      "00 04 00 00 .. 64 00 64 00" },

    /* Messages, sec 22.1 to 22.8 */
    { 0x06, 0x2e, "set-bmc-global-enables", 1, 1, SYSTEM, NULL, "08", "00",
      { { 0, 0x10 } } },
    { 0x06, 0x2f, "get-bmc-global-enables", 0, 0, USER, NULL, "", "00 08" },
    { 0x06, 0x30, "clear-message-flags", 1, 1, SYSTEM, NULL, "0b", "00",
      { { 0, 0x14 } } },
    { 0x06, 0x31, "get-message-flags", 0, 0, SYSTEM, NULL, "", "00 .." },
    { 0x06, 0x32, "enable-message-channel-receive", 2, 2, SYSTEM, NULL,
      "01 02", "00 01 01", { { 0, 0xf0 }, { 1, 0xfc } },
      { "01 03", "cc", "02 02", "cc", "0d 02", "cc" } },
    { 0x06, 0x33, "get-message", 0, 0, SYSTEM, "06 30 01", "", "80" },
    { 0x06, 0x34, "send-message", 1, ANY, USER, NULL,
      "00 82 18 66 20 02 01 dd", "00", { },
      { "02 82 18 66 20 02 01 dd", "cc", "00 82", "c7" }, SOME },
    { 0x06, 0x35, "read-event-message-buffer", 0, 0, SYSTEM, "06 30 02", "",
      "80" },

    /* Channels, sec 22.9 to 22.25 */
    { 0x06, 0x36, "get-bt-interface-capabilities", 0, 0, USER, NULL, "",
      "00 01 " B4 },
    { 0x06, 0x38, "get-channel-authentication-capabilities", 2, 2, NONE,
      NULL, "01 04", "00 01 .. .. .. .. .. .. ..",
      { { 0, 0x70 }, { 1, 0xf0 } },
      { "0d 04", "cc", "01 00", "cc", "01 06", "cc" } },
    { 0x06, 0x40, "set-channel-access", 3, 3, ADMIN, NULL, "01 82 84", "00",
      { { 0, 0xf0 }, { 2, 0x30 } },
      { "00 82 84", "82", "02 82 84", "cc", "01 82 86", "cc" } },
    { 0x06, 0x41, "get-channel-access", 2, 2, USER, NULL, "01 80",
      "00 02 04", { { 0, 0xf0 }, { 1, 0x3f } },
      { "00 80", "82", "01 00", "cc", "01 c0", "cc" } },
    { 0x06, 0x42, "get-channel-info", 1, 1, USER, NULL, "01",
      "00 01 04 01 .. f2 1b 00 00 00", { { 0, 0xf0 } },
      { "02", "cc", "0c", "cc", "0d", "cc" } },
    { 0x06, 0x4e, "get-channel-payload-support", 1, 1, USER, NULL, "01",
      "00 " B8, { { 0, 0xf0 } }, { "02", "cc" } },
    { 0x06, 0x4f, "get-channel-payload-version", 2, 2, USER, NULL, "01 00",
      "00 10", { { 0, 0xf0 }, { 1, 0xc0 } }, { "01 3f", "80" } },
    { 0x06, 0x54, "get-channel-cipher-suites", 3, 3, NONE, NULL, "01 00 80",
      "00 01 *", { { 0, 0xf0 }, { 1, 0xc0 }, { 2, 0x40 } },
      { "02 00 80", "cc" } },
    { 0x06, 0x57, "get-system-interface-capabilities", 1, 1, USER, NULL,
      "01", "00 00 .. ..", { { 0, 0xf0 } }, { "0f", "cc" } },

    /* Users, sec 22.26 to 22.31, 24.6 */
    { 0x06, 0x43, "set-user-access", 3, 4, ADMIN, NULL, "91 02 04", "00",
      { { 1, 0xc0 }, { 2, 0xf0 }, { 3, 0xf0 } },
      { "91 00 04", "cc", "92 02 04", "cc", "91 02 06", "cc" } },
    { 0x06, 0x44, "get-user-access", 2, 2, OPER, NULL, "01 02",
      "00 .. .. .. ..", { { 0, 0xf0 }, { 1, 0xc0 } },
      { "01 00", "cc", "02 02", "cc", "01 3f", "cc" } },
    { 0x06, 0x45, "set-user-name", 17, 17, ADMIN, NULL,
      "03 61 62 63 00 00 00 00 00 " Z8, "00", { { 0, 0xc0 } },
      { "00 " Z16, "cc", "01 61 " Z8 "00 00 00 00 00 00 00", "cc" } },
    { 0x06, 0x46, "get-user-name", 1, 1, OPER,
      "06 45 03 61 62 63 00 00 00 00 00 " Z8, "03",
      "00 61 62 63 00 00 00 00 00 " Z8, { { 0, 0xc0 } },
      { "00", "cc", "3f", "cc" } },
    { 0x06, 0x47, "set-user-password", 2, 22, ADMIN, NULL,
      "03 02 61 62 63 00 00 00 00 00 " Z8, "00", { { 0, 0x40 }, { 1, 0xfc } },
      { "00 02 " Z16, "cc", "03 03 62 62 63 00 00 00 00 00 " Z8, "80",
        "83 03 61 62 63 00 00 00 00 00 " Z8 "00 00 00 00", "81" }, SOME },
    { 0x06, 0x4c, "set-user-payload-access", 6, 6, ADMIN, NULL,
      "01 02 00 00 00 00", "00", { { 0, 0xf0 } },
      { "02 02 00 00 00 00", "cc" } },
    { 0x06, 0x4d, "get-user-payload-access", 2, 2, OPER, NULL, "01 02",
      "00 .. .. .. ..", { { 0, 0xf0 }, { 1, 0xc0 } }, { "02 02", "cc" } },

    /* System info, sec 22.14a */
    { 0x06, 0x58, "set-system-info-parameters", 2, 18, ADMIN, NULL, "00 00",
      "00", { }, { "7f 00", "80" }, SOME },
    { 0x06, 0x59, "get-system-info-parameters", 4, 4, USER, NULL,
      "00 00 00 00", "00 11 00", { { 0, 0x7f } }, { "00 7f 00 00", "80" } },

    /* FRU, sec 34 */
    { 0x0a, 0x10, "get-fru-inventory-area-info", 1, 1, USER, NULL, "00",
      "00 .. .. ..", { }, { "ee", "cb" } },
    { 0x0a, 0x11, "read-fru-data", 4, 4, USER, NULL, "00 00 00 08",
      "00 08 01 " B4 ".. .. ..", { },
      { "ee 00 00 08", "cb", "00 ff ff 01", "c9" } },
    { 0x0a, 0x12, "write-fru-data", 4, ANY, OPER, NULL, "00 00 00 01",
      "00 01", { }, { "ee 00 00 01", "cb", "00 ff ff 01", "c9" }, SOME },

    /* SDR repository, sec 33 */
    { 0x0a, 0x20, "get-sdr-repository-info", 0, 0, USER, NULL, "",
      "00 51 " B8 B4 ".." },
    { 0x0a, 0x21, "get-sdr-repository-allocation-info", 0, 0, USER, NULL, "",
      "00 " B8 ".." },
    { 0x0a, 0x22, "reserve-sdr-repository", 0, 0, USER, NULL, "",
      "00 .. .." },
    { 0x0a, 0x23, "get-sdr", 6, 6, USER, NULL, "00 00 00 00 00 05",
      "00 .. .. .. .. 51 .. ..", { },
      { "00 00 fe ff 00 05", "cb", "ff ff 00 00 01 05", "c5" } },
    { 0x0a, 0x24, "add-sdr", 5, 260, OPER, NULL, RECORD, "00 .. ..",
      { }, { }, SOME },
    { 0x0a, 0x25, "partial-add-sdr", 7, ANY, OPER, "0a 22",
      "@@ 00 00 00 01 " RECORD, "00 .. ..", { { 5, 0xf0 } },
      { "ff ff 00 00 00 01 " RECORD, "c5" }, SOME },
    { 0x0a, 0x26, "delete-sdr", 4, 4, OPER, "0a 22", "@@ fe ff", "cb",
      { }, { "ff ff fe ff", "c5" } },
    { 0x0a, 0x27, "clear-sdr-repository", 6, 6, OPER, "0a 22",
      "@@ " CLEAR "00", "00 01", { },
      { "ff ff " CLEAR "aa", "c5", "@@ 43 4c 53 00", "cc",
        "@@ " CLEAR "55", "cc" } },
    { 0x0a, 0x28, "get-sdr-repository-time", 0, 0, USER, NULL, "", "00 " B4 },
    { 0x0a, 0x29, "set-sdr-repository-time", 4, 4, OPER, NULL,
      "00 00 00 60", "00" },
    { 0x0a, 0x2a, "enter-sdr-repository-update-mode", 0, 0, OPER, NULL, "",
      "00" },
    { 0x0a, 0x2b, "exit-sdr-repository-update-mode", 0, 0, OPER, NULL, "",
      "00" },
    { 0x0a, 0x2c, "run-initialization-agent", 1, 1, OPER, NULL, "00",
      "00 ..", { { 0, 0xfe } } },

    /* SEL, sec 31 */
    { 0x0a, 0x40, "get-sel-info", 0, 0, USER, NULL, "",
      "00 51 " B8 B4 ".." },
    { 0x0a, 0x41, "get-sel-allocation-info", 0, 0, USER, NULL, "",
      "00 " B8 ".." },
    { 0x0a, 0x42, "reserve-sel", 0, 0, USER, NULL, "", "00 .. .." },
    { 0x0a, 0x43, "get-sel-entry", 6, 6, USER, "0a 44 " EVENT,
      "00 00 ff ff 00 ff", "00 ff ff " B16, { },
      { "00 00 fe ff 00 ff", "cb", "ff ff 00 00 01 05", "c5" } },
    { 0x0a, 0x44, "add-sel-entry", 16, 16, OPER, NULL, EVENT, "00 .. .." },
    { 0x0a, 0x45, "partial-add-sel-entry", 7, 22, OPER, "0a 42",
      "@@ 00 00 00 01 " EVENT, "00 .. ..", { { 5, 0xf0 } },
      { "ff ff 00 00 00 01 " EVENT, "c5" }, SOME },
    { 0x0a, 0x46, "delete-sel-entry", 4, 4, OPER, "0a 42", "@@ fe ff", "cb",
      { }, { "ff ff fe ff", "c5" } },
    { 0x0a, 0x47, "clear-sel", 6, 6, OPER, "0a 42", "@@ " CLEAR "00",
      "00 01", { },
      { "ff ff " CLEAR "aa", "c5", "@@ 43 4c 53 00", "cc",
        "@@ " CLEAR "55", "cc" } },
    { 0x0a, 0x48, "get-sel-time", 0, 0, USER, NULL, "", "00 " B4 },
    { 0x0a, 0x49, "set-sel-time", 4, 4, OPER, NULL, "00 00 00 60", "00" },
    { 0x0a, 0x5c, "get-sel-time-utc-offset", 0, 0, USER, NULL, "",
      "00 .. .." },
    { 0x0a, 0x5d, "set-sel-time-utc-offset", 2, 2, OPER, NULL, "3c 00", "00",
      { }, { "a1 05", "cc" } },

    /* Transport, sec 23, 25, 26 */
    { 0x0c, 0x01, "set-lan-configuration-parameters", 2, ANY, ADMIN, NULL,
      "01 00 00", "00", { { 0, 0xf0 } },
      { "01 ff 00", "80", "00 00 00", "cc" }, SOME },
    { 0x0c, 0x02, "get-lan-configuration-parameters", 4, 4, OPER, NULL,
      "01 00 00 00", "00 11 00", { { 0, 0x70 } },
      { "01 ff 00 00", "80", "00 00 00 00", "cc" } },
    { 0x0c, 0x03, "suspend-bmc-arps", 2, 2, ADMIN, NULL, "01 00", "00 ..",
      { { 0, 0xf0 }, { 1, 0xfc } }, { "00 00", "cc" } },
    { 0x0c, 0x04, "get-ip-udp-rmcp-statistics", 2, 2, USER, NULL, "01 00",
      "00 " B16 ".. ..", { { 0, 0xf0 }, { 1, 0xfe } }, { "00 00", "cc" } },
    { 0x0c, 0x10, "set-serial-modem-configuration", 2, ANY, ADMIN, NULL,
      "04 00 00", "00", { { 0, 0xf0 } },
      { "04 ff 00", "80", "01 00 00", "cc" }, SOME },
    { 0x0c, 0x11, "get-serial-modem-configuration", 4, 4, OPER, NULL,
      "04 00 00 00", "00 11 00", { { 0, 0x70 } },
      { "04 ff 00 00", "80", "01 00 00 00", "cc" } },
    { 0x0c, 0x21, "set-sol-configuration-parameters", 2, ANY, ADMIN, NULL,
      "01 00 00", "00", { { 0, 0xf0 } }, { "01 ff 00", "80" }, SOME },
    { 0x0c, 0x22, "get-sol-configuration-parameters", 4, 4, USER, NULL,
      "01 00 00 00", "00 11 00", { { 0, 0x70 } }, { "01 ff 00 00", "80" } },

    /* DCMI, sec 6 */
    { 0x2c, 0x01, "get-dcmi-capabilities-info", 2, 2, USER, NULL, "dc 01",
      "00 dc 01 .. 02 *", { }, { "00 01", "c1", "03 01", "c1" }, GROUP },
    { 0x2c, 0x02, "get-power-reading", 4, 4, USER, NULL, "dc 01 00 00",
      "00 dc " B16 "..", { }, { "00 01 00 00", "c1" }, GROUP },
    { 0x2c, 0x06, "get-asset-tag", 3, 3, USER, NULL, "dc 00 10",
      "00 dc .. *", { }, { "00 00 10", "c1", "dc 00 11", "c9" }, GROUP },
    { 0x2c, 0x07, "get-dcmi-sensor-info", 5, 5, USER, NULL,
      "dc 01 40 00 01", "00 dc .. .. *", { }, { "00 01 40 00 01", "c1" },
      GROUP },
    { 0x2c, 0x08, "set-asset-tag", 4, ANY, OPER, NULL,
      "dc 00 04 41 42 43 44", "00 dc 04", { },
      { "00 00 04 41 42 43 44", "c1" }, SOME | GROUP },
    { 0x2c, 0x09, "get-management-controller-id-string", 3, 3, USER, NULL,
      "dc 00 10", "00 dc .. *", { }, { "00 00 10", "c1" }, GROUP },
    { 0x2c, 0x0a, "set-management-controller-id-string", 4, ANY, ADMIN, NULL,
      "dc 00 04 41 42 43 00", "00 dc 04", { },
      { "00 00 04 41 42 43 00", "c1" }, SOME | GROUP },
};

/*
 * Commands flagged SOME: what their first bytes ask for decides which lengths
 * are right. @lengths: numbers and ranges. What is not in @data is 0.
 */
typedef struct Variant {
    uint8_t netfn, cmd;
    const char *data, *lengths;
} Variant;

static const Variant variants[] = {
    /* sec 28.12, 28.14: without data only the mark changes */
    { 0x00, 0x08, "00", "1 2" }, { 0x00, 0x08, "01", "1 2" },
    { 0x00, 0x08, "02", "1 2" }, { 0x00, 0x08, "03", "1 2" },
    { 0x00, 0x08, "04", "1 3" }, { 0x00, 0x08, "05", "1 6" },
    { 0x00, 0x08, "06", "1 10" }, { 0x00, 0x08, "07", "1 3-18" },

    /* sec 35.17: each operation needs its bytes */
    { 0x04, 0x30, "01 00", "2-10" }, { 0x04, 0x30, "01 01", "3-10" },
    { 0x04, 0x30, "30 10", "5-10" }, { 0x04, 0x30, "30 04", "7-10" },
    { 0x04, 0x30, "30 14", "7-10" }, { 0x04, 0x30, "01 41", "10" },
    { 0x04, 0x30, "01 81", "10" },

    /* sec 22.7: a message of the medium */
    { 0x06, 0x34, "00 90 18 58 20 06 01 d9", "8-273" },
    { 0x06, 0x34, "01 09 82 18 66 20 06 01 d9", "9-273" },
    { 0x06, 0x34, "04 09 82 18 66 20 06 01 d9", "9-273" },

    /* sec 22.30 */
    { 0x06, 0x47, "83 00", "2 22" }, { 0x06, 0x47, "83 01", "2 22" },
    { 0x06, 0x47, "83 02", "22" }, { 0x06, 0x47, "83 03", "22" },
    { 0x06, 0x47, "03 00", "2 18" }, { 0x06, 0x47, "03 01", "2 18" },
    { 0x06, 0x47, "03 02", "18" }, { 0x06, 0x47, "03 03", "18" },

    /* sec 22.14a */
    { 0x06, 0x58, "00", "2" }, { 0x06, 0x58, "01", "3-18" },
    { 0x06, 0x58, "02", "3-18" }, { 0x06, 0x58, "03", "3-18" },
    { 0x06, 0x58, "04", "3-18" }, { 0x06, 0x58, "05", "3-18" },
    { 0x06, 0x58, "06", "3-18" }, { 0x06, 0x58, "07", "3-18" },

    /* sec 34.3, 33.9, 33.10, 31.7 */
    { 0x0a, 0x12, "03 00 00", "4-258" },
    { 0x0a, 0x24, "", "5-260" }, { 0x0a, 0x25, "", "7-266" },
    { 0x0a, 0x45, "", "7-22" },

    /* sec 23.1, table 23-4: channel and parameter, then so much */
    { 0x0c, 0x01, "01 00", "3" }, { 0x0c, 0x01, "01 02", "7" },
    { 0x0c, 0x01, "01 03", "6" }, { 0x0c, 0x01, "01 04", "3" },
    { 0x0c, 0x01, "01 06", "6" }, { 0x0c, 0x01, "01 07", "5" },
    { 0x0c, 0x01, "01 08", "4" }, { 0x0c, 0x01, "01 09", "4" },
    { 0x0c, 0x01, "01 0a", "3" }, { 0x0c, 0x01, "01 0b", "3" },
    { 0x0c, 0x01, "01 0c", "6" }, { 0x0c, 0x01, "01 0d", "8" },
    { 0x0c, 0x01, "01 0e", "6" }, { 0x0c, 0x01, "01 0f", "8" },
    { 0x0c, 0x01, "01 10", "20" }, { 0x0c, 0x01, "01 12", "6" },
    { 0x0c, 0x01, "01 13", "15" }, { 0x0c, 0x01, "01 14", "4" },
    { 0x0c, 0x01, "01 15", "3" }, { 0x0c, 0x01, "01 18", "11" },
    { 0x0c, 0x01, "01 19", "6" }, { 0x0c, 0x01, "01 1a", "8" },

    /* sec 25.1, 26.2 */
    { 0x0c, 0x10, "04 00", "3" }, { 0x0c, 0x10, "04 02", "7" },
    { 0x0c, 0x10, "04 03", "3" }, { 0x0c, 0x10, "04 04", "3" },
    { 0x0c, 0x10, "04 06", "3" }, { 0x0c, 0x10, "04 07", "4" },
    { 0x0c, 0x21, "01 00", "3" }, { 0x0c, 0x21, "01 01", "3" },
    { 0x0c, 0x21, "01 02", "3" }, { 0x0c, 0x21, "01 03", "4" },
    { 0x0c, 0x21, "01 04", "4" }, { 0x0c, 0x21, "01 05", "3" },
    { 0x0c, 0x21, "01 06", "3" }, { 0x0c, 0x21, "01 08", "4" },

    /* DCMI sec 6.4.4, 6.4.6.2: as many as it says */
    { 0x2c, 0x08, "dc 00 01", "4" }, { 0x2c, 0x08, "dc 00 04", "7" },
    { 0x2c, 0x08, "dc 00 10", "19" },
    { 0x2c, 0x0a, "dc 00 01", "4" }, { 0x2c, 0x0a, "dc 00 10", "19" },
};

/* Commands of appendix G that the device does not have */
static const struct {
    uint8_t netfn, first, last;
} unknown[] = {
    { 0x00, 0x03, 0x03 }, { 0x00, 0x05, 0x05 }, { 0x00, 0x0c, 0x0e },
    { 0x02, 0x00, 0x12 }, { 0x04, 0x11, 0x17 }, { 0x06, 0x05, 0x05 },
    { 0x06, 0x09, 0x0d }, { 0x06, 0x39, 0x3d }, { 0x06, 0x48, 0x4b },
    { 0x06, 0x50, 0x53 }, { 0x06, 0x55, 0x56 }, { 0x06, 0x60, 0x64 },
    { 0x06, 0xff, 0xff }, { 0x08, 0x00, 0x03 }, { 0x08, 0x38, 0x38 },
    { 0x0a, 0x00, 0x00 }, { 0x0c, 0x12, 0x20 }, { 0x0e, 0x01, 0x01 },
    { 0x2c, 0x00, 0x00 }, { 0x2c, 0x3e, 0x3e }, { 0x2e, 0x01, 0x01 },
    { 0x30, 0x01, 0x01 }, { 0x3e, 0xff, 0xff },
};

static QTestState *qts;
static QIPMI ports[2];

static void start(void)
{
    if (qts) {
        return;
    }
    qts = qipmi_boot(
        QIPMI_BMC
        "-device ipmi-channel,bmc=bmc0,number=0,medium=ipmb "
        "-device ipmi-channel,bmc=bmc0,number=1,medium=lan "
        "-device ipmi-channel,bmc=bmc0,number=4,medium=serial "
        "-device ipmi-ipmb-mc,bmc=bmc0,channel=0,address=0x82 "
        QIPMI_KCS QIPMI_BT);
    qipmi_open(&ports[0], qts, QIPMI_KCS_SLOT);
    qipmi_open(&ports[1], qts, QIPMI_BT_SLOT);
}

static char *request(const Command *c, const char *data)
{
    return g_strdup_printf("%02x %02x %s", c->netfn, c->cmd, data);
}

/* Data with what the request before it has given */
static char *prepare(QIPMI *p, const Command *c, const char *data)
{
    g_autofree char *got = c->pre ? qipmi_get(p, c->pre) : NULL;
    g_auto(GStrv) parts = g_strsplit(data, "@@", 2);

    return parts[0] && parts[1] ? g_strconcat(parts[0], got, parts[1], NULL) :
                                  g_strdup(data);
}

static void check_one(QIPMI *p, const Command *c, const char *data,
                      const char *answer)
{
    g_autofree char *full = prepare(p, c, data);
    g_autofree char *req = request(c, full);

    qipmi_expect(p, req, answer);
}

static void expect_cc(QIPMI *p, const Command *c, const char *what,
                      unsigned arg, uint8_t want, uint8_t got, bool equal)
{
    if ((want == got) != equal) {
        g_test_message("%s: %s: %s %u: completion code %02xh %s%02xh", p->name,
                       c->name, what, arg, got, equal ? "is not " : "", want);
        g_test_fail();
    }
}

/* Whatever else is wrong with it: a wrong length is C7h (sec 5.2) */
static void check_lengths(QIPMI *p, const Command *c)
{
    g_autofree char *full = prepare(p, c, c->good);
    uint8_t buf[QIPMI_MAX] = { 0 };
    unsigned n, have = qipmi_bytes(full, buf, sizeof(buf));
    /* ANY: as much as the interface carries */
    unsigned end = c->max == ANY ? c->min : c->max + 4;
    uint8_t cc;

    /* QEMU's BT front end answers this one by itself, however long it is. */
    if (p->bt && c->netfn == 0x06 && c->cmd == 0x36) {
        return;
    }
    end = MIN(end, p->bt ? BT_MAX : KCS_MAX);
    for (n = 0; n < end; n++) {
        if (n == have || (n >= c->min && n <= c->max && (c->flags & SOME))) {
            continue;
        }
        cc = qipmi_cmd(p, c->netfn, c->cmd, buf, n, NULL);
        expect_cc(p, c, "length", n, CC_LENGTH, cc, n < c->min || n > c->max);
    }
}

static bool length_in(const char *lengths, unsigned n)
{
    g_auto(GStrv) parts = g_strsplit(lengths, " ", -1);
    unsigned i;

    for (i = 0; parts[i]; i++) {
        char *end;
        uint64_t first = g_ascii_strtoull(parts[i], &end, 10), last = first;

        if (*end == '-') {
            last = g_ascii_strtoull(end + 1, NULL, 10);
        }
        if (n >= first && n <= last) {
            return true;
        }
    }
    return false;
}

/*
 * Each length up to three more than the longest that is right; by BT, the
 * quicker one, and by KCS what BT cannot carry.
 */
static void check_variant(QIPMI *p, const Command *c, const Variant *v)
{
    uint8_t buf[QIPMI_MAX] = { 0 };
    unsigned n, most = 0, end = p->bt ? BT_MAX : KCS_MAX;

    qipmi_bytes(v->data, buf, sizeof(buf));
    for (n = 0; n < KCS_MAX; n++) {
        most = length_in(v->lengths, n) ? n : most;
    }
    for (n = p->bt ? 0 : BT_MAX; n < MIN(end, most + 4); n++) {
        bool right = length_in(v->lengths, n);
        uint8_t cc = qipmi_cmd(p, c->netfn, c->cmd, buf, n, NULL);

        expect_cc(p, c, v->data, n, CC_LENGTH, cc, !right);
        /* In a long range one in eight */
        n += right && n > 30 && n + 12 < most ? 7 : 0;
    }
}

static void check_variants(QIPMI *p, const Command *c)
{
    unsigned i, n = 0;

    for (i = 0; i < ARRAY_SIZE(variants); i++) {
        if (variants[i].netfn == c->netfn && variants[i].cmd == c->cmd) {
            check_variant(p, c, &variants[i]);
            n++;
        }
    }
    /* None is exempted without saying what is right */
    g_assert_true(n || !(c->flags & SOME));
}

static void check_reserved(QIPMI *p, const Command *c)
{
    g_autofree char *full = prepare(p, c, c->good);
    uint8_t buf[QIPMI_MAX], cc;
    unsigned i, bit, n = qipmi_bytes(full, buf, sizeof(buf));

    for (i = 0; i < ARRAY_SIZE(c->reserved); i++) {
        for (bit = 0; bit < 8; bit++) {
            unsigned at = c->reserved[i].byte, len = MAX(n, at + 1);
            uint8_t mask = c->reserved[i].mask & 1 << bit;

            if (!mask) {
                continue;
            }
            if (at >= n) {
                buf[at] = 0;
            }
            buf[at] |= mask;
            cc = qipmi_cmd(p, c->netfn, c->cmd, buf, len, NULL);
            expect_cc(p, c, "reserved bit", at * 8 + bit, CC_FIELD, cc, true);
            buf[at] &= ~mask;
        }
    }
}

static void check_luns(QIPMI *p, const Command *c)
{
    uint8_t msg[2 + QIPMI_MAX];
    unsigned lun, n = qipmi_bytes(c->pre ? "" : c->good, msg + 2, QIPMI_MAX);
    QIPMIRsp rsp;

    msg[1] = c->cmd;
    for (lun = 1; lun < 4; lun++) {
        msg[0] = c->netfn << 2 | lun;
        g_assert_true(qipmi_send(p, msg, n + 2));
        g_assert_true(qipmi_fetch(p, &rsp));
        g_assert_cmpuint(rsp.lun, ==, lun);
        g_assert_cmphex(rsp.netfn, ==, c->netfn | 1);
        expect_cc(p, c, "LUN", lun, CC_LUN, rsp.cc, true);
    }
}

/* Completion code of a request that comes by the LAN channel */
static uint8_t by_lan(const Command *c, const char *data, unsigned priv)
{
    uint8_t buf[QIPMI_MAX];
    unsigned n = qipmi_bytes(data, buf, sizeof(buf));
    g_autofree char *hex = NULL;
    QDict *rsp, *sent;
    uint8_t cc;

    n -= c->flags & SHORT ? 1 : 0;
    hex = qipmi_hex(buf + (c->flags & SHORT ? 1 : 0), n);
    qtest_qmp_assert_success(qts, "{ 'execute': 'ipmi-request', 'arguments': "
        "{ 'bmc': 'bmc0', 'channel': %d, 'netfn': %d, 'cmd': %d, 'lun': 0,"
        "  'data': %s, 'privilege': %d } }", LAN, c->netfn, c->cmd, hex, priv);
    rsp = qtest_qmp(qts, "{ 'execute': 'query-ipmi-sent', 'arguments': "
                    "{ 'bmc': 'bmc0', 'channel': %d, 'clear': true } }", LAN);
    sent = qobject_to(QDict, qlist_peek(qdict_get_qlist(rsp, "return")));
    g_assert_nonnull(sent);
    g_assert_cmpint(qdict_get_int(sent, "netfn"), ==, c->netfn | 1);
    g_assert_cmpint(qdict_get_int(sent, "cmd"), ==, c->cmd);
    cc = qdict_get_int(sent, "code");
    qobject_unref(rsp);
    return cc;
}

static void check_privilege(const Command *c)
{
    QIPMI *p = &ports[0];
    g_autofree char *full = NULL;
    unsigned level;

    for (level = CALLBACK; level <= ADMIN; level++) {
        g_free(full);
        full = prepare(p, c, c->good);
        expect_cc(p, c, "privilege", level, CC_PRIVILEGE,
                  by_lan(c, full, level), level < c->level);
    }
}

static void test_command(const void *opaque)
{
    const Command *c = opaque;
    unsigned i, j;

    start();
    for (i = 0; i < ARRAY_SIZE(ports); i++) {
        QIPMI *p = &ports[i];

        check_lengths(p, c);
        check_variants(p, c);
        check_reserved(p, c);
        check_luns(p, c);
        for (j = 0; j < ARRAY_SIZE(c->bad) && c->bad[j]; j += 2) {
            check_one(p, c, c->bad[j], c->bad[j + 1]);
        }
        check_one(p, c, c->good, c->answer);
    }
    check_privilege(c);
}

static void test_unknown(void)
{
    static const uint8_t data[10];
    unsigned i, cmd, n;

    start();
    for (i = 0; i < ARRAY_SIZE(unknown); i++) {
        for (cmd = unknown[i].first; cmd <= unknown[i].last; cmd++) {
            for (n = 0; n < 3; n++) {
                uint8_t cc = qipmi_cmd(&ports[n & 1], unknown[i].netfn, cmd,
                                       data, n * 5, NULL);

                if (cc != CC_UNKNOWN) {
                    g_test_message("%02xh/%02xh: %02xh", unknown[i].netfn, cmd,
                                   cc);
                    g_test_fail();
                }
            }
        }
    }
}

int main(int argc, char **argv)
{
    unsigned i;
    int ret;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < ARRAY_SIZE(commands); i++) {
        g_autofree char *path =
            g_strdup_printf("/ipmi/command/%02x-%02x-%s", commands[i].netfn,
                            commands[i].cmd, commands[i].name);

        g_test_add_data_func(path, &commands[i], test_command);
    }
    g_test_add_func("/ipmi/command/unknown", test_unknown);
    ret = g_test_run();
    if (qts) {
        qtest_quit(qts);
    }
    return ret;
}
