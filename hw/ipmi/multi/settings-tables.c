/*
 * IPMI BMC with many channels: tables of parameters
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 22.14a, 23, 25 and 26.
 */

#include "qemu/osdep.h"
#include "numbers.h"
#include "settings.h"

#define LAN_DESTINATIONS        5       /* 0 is volatile */

#define BYTES(...) ((const uint8_t[]) { __VA_ARGS__ })

/* Address source: unspecified, static, DHCP, BIOS, other */
static uint8_t check_ip_source(const uint8_t *data)
{
    return data[0] > 4 ? IPMI_CC_INVALID_DATA_FIELD : IPMI_CC_OK;
}

/* Two levels a byte; 0 is not used, 5 is OEM */
static uint8_t check_cipher_privileges(const uint8_t *data)
{
    for (int i = 1; i < 9; i++) {
        if ((data[i] & 0x0f) > IPMI_MULTI_PRIV_OEM ||
            data[i] >> 4 > IPMI_MULTI_PRIV_OEM) {
            return IPMI_CC_INVALID_DATA_FIELD;
        }
    }
    return IPMI_CC_OK;
}

/* sec 23.1, table 23-4. Cipher suites: 3 and 17 */
static const IPMIParamDesc lan_params[] = {
    { 0, 1, 0, IPMI_PARAM_PROGRESS, "Set In Progress" },
    { 1, 1, 0, IPMI_PARAM_RO, "Authentication Type Support" },
    { 2, 5, 0, 0, "Authentication Type Enables", NULL,
      BYTES(0xc8, 0xc8, 0xc8, 0xc8, 0xc8) },
    { 3, 4, 0, 0, "IP Address" },
    { 4, 1, 0, 0, "IP Address Source", BYTES(1), BYTES(0xf0),
      check_ip_source },
    { 5, 6, 0, IPMI_PARAM_RO, "MAC Address" },
    { 6, 4, 0, 0, "Subnet Mask" },
    { 7, 3, 0, 0, "IPv4 Header Parameters", BYTES(0x40, 0x40, 0x10),
      BYTES(0x00, 0x1f, 0x01) },
    { 8, 2, 0, 0, "Primary RMCP Port Number", BYTES(0x6f, 0x02) },
    { 9, 2, 0, 0, "Secondary RMCP Port Number", BYTES(0x98, 0x02) },
    { IPMI_LAN_ARP_CONTROL, 1, 0, 0, "BMC-generated ARP Control",
      BYTES(0x02), BYTES(0xfc) },
    { 11, 1, 0, 0, "Gratuitous ARP Interval", BYTES(0x03) },
    { 12, 4, 0, 0, "Default Gateway Address" },
    { 13, 6, 0, 0, "Default Gateway MAC Address" },
    { 14, 4, 0, 0, "Backup Gateway Address" },
    { 15, 6, 0, 0, "Backup Gateway MAC Address" },
    { 16, 18, 0, 0, "Community String",
      BYTES('p', 'u', 'b', 'l', 'i', 'c', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            0) },
    { 17, 1, 0, IPMI_PARAM_RO, "Number of Destinations",
      BYTES(LAN_DESTINATIONS - 1) },
    { 18, 3, LAN_DESTINATIONS, 0, "Destination Type", NULL,
      BYTES(0x78, 0x00, 0xf8) },
    { 19, 12, LAN_DESTINATIONS, 0, "Destination Addresses" },
    { 20, 2, 0, 0, "802.1q VLAN ID", NULL, BYTES(0x00, 0x70) },
    { 21, 1, 0, 0, "802.1q VLAN Priority", NULL, BYTES(0xf8) },
    { 22, 1, 0, IPMI_PARAM_RO, "Cipher Suite Entry Support", BYTES(2) },
    { 23, 17, 0, IPMI_PARAM_RO, "Cipher Suite Entries",
      BYTES(0, 3, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) },
    { 24, 9, 0, 0, "Cipher Suite Privilege Levels",
      BYTES(0, 0x44, 0, 0, 0, 0, 0, 0, 0),
      BYTES(0xff, 0, 0, 0, 0, 0, 0, 0, 0), check_cipher_privileges },
    { 25, 3, LAN_DESTINATIONS, 0, "Destination Address VLAN TAGs", NULL,
      BYTES(0xef, 0x00, 0x10) },
    { 26, 6, 0, 0, "Bad Password Threshold", NULL,
      BYTES(0xfe, 0, 0, 0, 0, 0) },
};

const IPMIParamSet ipmi_params_lan = {
    IPMI_PARAM_LAN, lan_params, ARRAY_SIZE(lan_params)
};

/* sec 25.1, table 25-4 */
static const IPMIParamDesc serial_params[] = {
    { 0, 1, 0, IPMI_PARAM_PROGRESS, "Set In Progress" },
    { 1, 1, 0, IPMI_PARAM_RO, "Authentication Type Support" },
    { 2, 5, 0, 0, "Authentication Type Enables", NULL,
      BYTES(0xc8, 0xc8, 0xc8, 0xc8, 0xc8) },
    { 3, 1, 0, 0, "Connection Mode", BYTES(0x81), BYTES(0x78) },
    { 4, 1, 0, 0, "Session Inactivity Timeout", BYTES(2), BYTES(0xf0) },
    { 5, 5, 0, 0, "Channel Callback Control", NULL,
      BYTES(0xfc, 0xe0, 0, 0, 0) },
    { 6, 1, 0, 0, "Session Termination", NULL, BYTES(0xfc) },
    { 7, 2, 0, 0, "IPMI Messaging Comm Settings", BYTES(0x40, 0x0a),
      BYTES(0x1f, 0xf0) },
    { 8, 2, 0, 0, "Mux Switch Control", NULL, BYTES(0x80, 0xf0) },
    { 9, 2, 0, 0, "Modem Ring Time", BYTES(0x3f, 0x00), BYTES(0xc0, 0xf0) },
    { 29, 2, 0, 0, "Terminal Mode Configuration", BYTES(0x62, 0x11),
      BYTES(0x1c, 0x00) },
};

const IPMIParamSet ipmi_params_serial = {
    IPMI_PARAM_SERIAL, serial_params, ARRAY_SIZE(serial_params)
};

/* Bit rates: 6 9600 to 10 115200; 0 is that of serial over LAN's serial port */
static uint8_t check_bit_rate(const uint8_t *data)
{
    return data[0] && (data[0] < 6 || data[0] > 10) ?
           IPMI_CC_INVALID_DATA_FIELD : IPMI_CC_OK;
}

static uint8_t check_sol_privilege(const uint8_t *data)
{
    uint8_t level = data[0] & 0x0f;

    return level < IPMI_MULTI_PRIV_USER || level > IPMI_MULTI_PRIV_OEM ?
           IPMI_CC_INVALID_DATA_FIELD : IPMI_CC_OK;
}

/* sec 26.3, table 26-5 */
static const IPMIParamDesc sol_params[] = {
    { 0, 1, 0, IPMI_PARAM_PROGRESS, "Set In Progress" },
    { 1, 1, 0, 0, "SOL Enable", NULL, BYTES(0xfe) },
    { 2, 1, 0, 0, "SOL Authentication", BYTES(0xc4), BYTES(0x30),
      check_sol_privilege },
    { 3, 2, 0, 0, "Character Accumulate Interval and Send Threshold",
      BYTES(0x0c, 0x60) },
    { 4, 2, 0, 0, "SOL Retry", BYTES(0x07, 0x32), BYTES(0xf8, 0x00) },
    { 5, 1, 0, 0, "Non-volatile Bit Rate", BYTES(0x0a), BYTES(0xf0),
      check_bit_rate },
    { 6, 1, 0, IPMI_PARAM_VOLATILE, "Volatile Bit Rate", BYTES(0x0a),
      BYTES(0xf0), check_bit_rate },
    { 7, 1, 0, IPMI_PARAM_RO, "SOL Payload Channel" },
    { 8, 2, 0, 0, "SOL Payload Port Number", BYTES(0x6f, 0x02) },
};

const IPMIParamSet ipmi_params_sol = {
    IPMI_PARAM_SOL, sol_params, ARRAY_SIZE(sol_params)
};

/*
 * sec 22.14a: a string is in blocks of 16 bytes that the set selector numbers;
 * in the first, two bytes say encoding and length.
 */
#define INFO_BLOCK              16
#define INFO_BLOCKS             4

#define INFO_STRING(_param, _name, _flags) \
    { _param, INFO_BLOCK, INFO_BLOCKS, IPMI_PARAM_SHORT | (_flags), _name }

static const IPMIParamDesc info_params[] = {
    { 0, 1, 0, IPMI_PARAM_PROGRESS, "Set In Progress" },
    INFO_STRING(1, "System Firmware Version", 0),
    INFO_STRING(2, "System Name", 0),
    INFO_STRING(3, "Primary Operating System Name", 0),
    INFO_STRING(4, "Operating System Name", IPMI_PARAM_VOLATILE),
    INFO_STRING(5, "Present OS Version", IPMI_PARAM_VOLATILE),
    INFO_STRING(6, "BMC URL", 0),
    INFO_STRING(7, "Base OS or Hypervisor URL", 0),
};

const IPMIParamSet ipmi_params_info = {
    IPMI_PARAM_INFO, info_params, ARRAY_SIZE(info_params)
};
