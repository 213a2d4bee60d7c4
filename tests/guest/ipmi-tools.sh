#!/bin/sh
# ipmitool and FreeIPMI against the BMC, by KCS and by BT.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What is compared is what a user reads: a line of the tool's output. Each tool
# has its own idea of the specification, which is the point.

. /rig/tap.sh

interface=0

# says DESCRIPTION PATTERN ARGUMENT...: ipmitool prints a line like that
says() {
    description=$1
    pattern=$2
    shift 2
    out=$(ipmitool -d "$interface" "$@" 2>&1)
    printf '%s\n' "$out" | grep -Eq -- "$pattern"
    status=$?
    ok $status "interface $interface: $description"
    if [ $status -ne 0 ]; then
        printf '%s\n' "$out" | head -n 20 | sed 's/^/#   /'
    fi
}

about_the_bmc() {
    says 'mc info: manufacturer' 'Manufacturer ID +: 18193' mc info
    says 'mc info: product' 'Product ID +: 2069 ' mc info
    says 'mc selftest' 'Selftest: passed' mc selftest
    says 'mc guid' 'System GUID +: [0-9A-Fa-f]{8}' mc guid
    says 'mc getenables' 'System Event Logging +: enabled' mc getenables
    says 'mc watchdog get' 'Watchdog Timer Is: +Stopped' mc watchdog get
}

channels() {
    says 'channel 0 is an IPMB' 'Medium Type +: IPMB' channel info 0
    says 'channel 1 is a LAN' 'Medium Type +: 802.3 LAN' channel info 1
    says 'channel 1 has sessions' 'Session Support +: multi-session' \
        channel info 1
    says 'channel 1 is always available' 'Access Mode +: always available' \
        channel info 1
    says 'channel 6 is an IPMB' 'Medium Type +: IPMB' channel info 6
    says 'channel 7 is the second system interface' \
        'Medium Type +: System Interface' channel info 7
    says 'channel 15 is the first' 'Medium Type +: System Interface' \
        channel info 15
    says 'channel 3 is none' 'Invalid data field|Unable to Get Channel' \
        channel info 3
    says 'users of channel 1' '^2 +admin ' user list 1
    says 'getaccess' 'Privilege Level +: ADMINISTRATOR' channel getaccess 1 2
    says 'lan print' 'Cipher Suite Priv Max' lan print 1
}

stores() {
    says 'sel clear' 'Clearing SEL' sel clear
    says 'sel info: empty' 'Entries +: [01]$' sel info
    says 'event 1' 'Temperature - Upper Critical' event 1
    says 'sel list shows it' 'Temperature .*Upper Critical' sel list
    says 'sel elist' 'Upper Critical going high' sel elist
    says 'sdr elist' '\| ok +\|' sdr elist all
    says 'sensor list' 'degrees C' sensor list
    says 'fru print' 'Product Name' fru print 0
}

chassis() {
    says 'chassis status' 'System Power +: on' chassis status
    says 'chassis policy' 'always-off|always-on|previous' chassis policy list
    says 'restart cause' 'System restart cause:' chassis restart_cause
    says 'bootdev pxe' 'Set Boot Device to pxe' chassis bootdev pxe
    says 'bootparam get 5' 'Boot Device Selector : Force PXE' \
        chassis bootparam get 5
    says 'bootdev none' 'Set Boot Device to none' chassis bootdev none
}

bridged() {
    says '-t 0x82, on the primary IPMB' 'Device ID +: 49$' -t 0x82 mc info
    says '-b 6 -t 0x84, on the other' 'Device ID +: 50$' -b 6 -t 0x84 mc info
}

for interface in 0 1; do
    step "interface $interface"
    about_the_bmc
    channels
    stores
    chassis
    bridged
done

# free DESCRIPTION PATTERN TOOL: a tool of FreeIPMI prints a line like that
free() {
    out=$("$3" --driver-type=OPENIPMI 2>&1)
    printf '%s\n' "$out" | grep -Eqi -- "$2"
    status=$?
    ok $status "FreeIPMI: $1"
    if [ $status -ne 0 ]; then
        printf '%s\n' "$out" | head -n 20 | sed 's/^/#   /'
    fi
}

step FreeIPMI
# They want a user with a home, for a cache of SDRs.
mkdir -p /etc /root /tmp
echo root:x:0:0::/root:/bin/sh >/etc/passwd
free 'bmc-info: manufacturer' 'Manufacturer ID .*18193' bmc-info
free 'ipmi-sel shows the event' 'critical' ipmi-sel
free 'ipmi-sensors shows a temperature' 'Temperature' ipmi-sensors
ls /dev/ipmi1 >/dev/null 2>&1
ok $? 'there are two interfaces'
seen "$tap_number answers of ipmitool and FreeIPMI"
tap_done
