#!/bin/sh
# ipmitool and FreeIPMI against the BMC, by KCS and by BT.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What is compared is what a user reads: lines of the tool's output, with the
# values that the topology and docs/specs/ipmi-bmc-store.rst promise. Each tool has
# its own idea of the specification, which is the point. What they read is what the
# BMC says; whether there is an interface to read it by, what the driver has set, and
# what becomes of a request that it bridges, is the kernel's affair.

. /rig/tap.sh

interface=0
out=

# run ARGUMENT...: ipmitool; what it prints is for has()
run() {
    out=$(ipmitool -d "$interface" "$@" 2>&1)
}

judge=ok

# has WORDS PATTERN: what was printed has a line like that
has() {
    if [ -n "$no_interface" ]; then
        ok 0 "interface $interface: $1 # SKIP the kernel has no such interface"
        return
    fi
    printf '%s\n' "$out" | grep -Eq -- "$2"
    status=$?
    "$judge" $status "interface $interface: $1"
    if [ $status -ne 0 ]; then
        echo "#   wanted: $2"
        printf '%s\n' "$out" | head -n 20 | sed 's/^/#   got:    /'
    fi
}

# says WORDS PATTERN ARGUMENT...: ipmitool prints a line like that
says() {
    description=$1
    pattern=$2
    shift 2
    run "$@"
    has "$description" "$pattern"
}

about_the_bmc() {
    run mc info
    has 'mc info: device ID' '^Device ID +: 32$'
    has 'mc info: version' '^IPMI Version +: 2\.0$'
    has 'mc info: manufacturer' '^Manufacturer ID +: 18193$'
    has 'mc info: product' '^Product ID +: 2069 \(0x0815\)$'
    has 'mc info: a chassis device' '^ +Chassis Device$'
    has 'mc info: auxiliary firmware revision' '^ +0x78$'
    says 'mc selftest' '^Selftest: passed$' mc selftest
    says 'mc guid: as it comes' '^System GUID +: FFEEDDCCBBAA99887766554433221100$' \
        mc guid
    run mc getenables
    has 'enables: the log' 'System Event Logging +: enabled'
    judge=kernel
    has 'enables: the event buffer, by the driver' \
        'Event Message Buffer  +: enabled'
    judge=ok
    run mc watchdog get
    has 'watchdog: stopped' '^Watchdog Timer Is: +Stopped$'
    has 'watchdog: never expired' '^Timer Expiration Flags: None \(0x00\)$'
}

# channel NUMBER MEDIUM PROTOCOL SESSIONS [SHOWN-NUMBER]
channel() {
    run channel info "$1"
    has "channel $1: number" "^Channel 0x${5:-$1} info:"
    has "channel $1: medium" "Medium Type +: $2\$"
    has "channel $1: protocol" "Protocol Type +: $3\$"
    has "channel $1: sessions" "Session Support +: $4\$"
    has "channel $1: vendor" 'Protocol Vendor ID +: 7154$'
}

channels() {
    this='KCS f'
    [ "$interface" -eq 0 ] || this='BT-15 7'
    channel 0 'IPMB \(I2C\)' 'IPMB-1.0' session-less
    channel 1 '802.3 LAN' 'IPMB-1.0' multi-session
    has 'channel 1: access' 'Access Mode +: always available'
    channel 6 'IPMB \(I2C\)' 'IPMB-1.0' session-less
    channel 7 'System Interface' 'BT-15' session-less
    channel 15 'System Interface' 'KCS' session-less f
    # Eh: the one that the request came by
    channel 14 'System Interface' "${this% *}" session-less "${this#* }"
    for n in 2 3 4 5 8 9 10 11; do
        says "channel $n: none" 'Invalid data field in request' channel info $n
    done
}

users() {
    run user list 1
    has 'user 2 is the administrator' \
        '^2 +admin +true +false +true +ADMINISTRATOR$'
    has 'user 15 has no access' '^15 +true +false +false +NO ACCESS$'
    run user summary 1
    has 'fifteen users' '^Maximum IDs.*: 15$'
    has 'one name is fixed' '^Fixed Name Count +: 1$'
    says 'getaccess' 'Privilege Level +: ADMINISTRATOR' channel getaccess 1 2
    run user set name 3 operator
    run channel setaccess 1 3 ipmi=on privilege=3
    says 'a user who is set is there' '^3 +operator .* OPERATOR$' user list 1
    run channel setaccess 1 3 ipmi=off privilege=15
    run user set name 3 ''
}

lan() {
    run lan print 1
    has 'lan: address source' '^IP Address Source +: Static Address$'
    has 'lan: cipher suites' '^RMCP\+ Cipher Suites +: 3,17$'
    has 'lan: privilege of the suites' '^Cipher Suite Priv Max +: aaXXXXX'
    run lan set 1 ipaddr 192.0.2.7
    says 'lan: an address that is set' '^IP Address +: 192\.0\.2\.7$' lan print 1
    run lan set 1 ipaddr 0.0.0.0
    says 'lan: cipher suite 17' '^17 .*hmac_sha256 .*aes_cbc_128' \
        channel getciphers ipmi 1
    says 'lan: IPMI 2.0' 'Channel supports IPMI v2.0 : yes' channel authcap 1 4
}

log() {
    says 'sel clear' 'Clearing SEL' sel clear
    run sel info
    has 'sel info: empty' '^Entries +: [01]$'
    has 'sel info: room for 512' '^# of Alloc Units : 512$'
    run event 1
    run event 2
    run sel elist
    has 'sel elist: event 1' 'Temperature #0x30 .*Upper Critical going high'
    has 'sel elist: event 2' 'Voltage #0x60 .*Lower Critical going low'
    says 'sel info: two more' '^Entries +: [23]$' sel info
    run sel get 1
    has 'sel get: record' '^SEL Record ID +: 0001$'
}

sensors() {
    run sdr info
    has 'sdr info: 21 records' '^Record Count +: 21$'
    run sdr elist all
    has 'sdr: the BMC' '^BMC +\| 00h \| ok +\| 46\.1 \| Dynamic MC @ 20h$'
    has 'sdr: inlet' '^Inlet Temp +\| 01h \| ok +\| 55\.1 \| 24 degrees C$'
    has 'sdr: fan' '^Fan 1 +\| 10h \| ok +\| 29\.1 \| 5000 RPM$'
    has 'sdr: supply' '^PS1 Status +\| 50h \| ok .*Presence detected$'
    has 'sdr: mainboard' '^Mainboard .*Logical FRU @01h$'
    run sensor list
    has 'sensor: CPU, with its thresholds' \
        '^CPU Temp +\| 45\.000 .*\| 85\.000 +\| 95\.000 +\| 105\.000'
    has 'sensor: 3.3 V, with its thresholds' \
        '^P3V3 +\| 3\.300 .*\| 2\.970 +\| 3\.060 +\| 3\.540 +\| 3\.630'
    has 'sensor: discrete' '^CPU Status +\| 0x80 +\| discrete'
    run sensor get 'Fan 1'
    has 'sensor get: reading' 'Sensor Reading +: 5000 .*RPM'
    has 'sensor get: lower critical' 'Lower Critical +: 800\.000'
    run sensor thresh 'Fan 1' lcr 900
    run sensor get 'Fan 1'
    has 'sensor thresh: a threshold that is set' 'Lower Critical +: 900\.000'
    run sensor thresh 'Fan 1' lcr 800
}

units() {
    run fru print 0
    has 'fru: chassis' '^ Chassis Part Number +: RIG-CH-01$'
    has 'fru: board' '^ Board Product +: BMC$'
    has 'fru: product' '^ Product Name +: virtual server$'
    run fru print 2
    has 'fru: power supply' '^ Product Part Number +: RIG-PS-09$'
}

chassis() {
    run chassis status
    has 'chassis: power' '^System Power +: on$'
    has 'chassis: no intrusion' '^Chassis Intrusion +: inactive$'
    says 'chassis: policies' 'always-off always-on previous' chassis policy list
    run chassis policy always-on
    says 'chassis: a policy that is set' '^Power Restore Policy : always-on$' \
        chassis status
    run chassis policy previous
    says 'chassis: restart cause' 'System restart cause:' chassis restart_cause
    says 'chassis: identify' 'interval: 3 seconds' chassis identify 3
    says 'bootdev pxe' 'Set Boot Device to pxe' chassis bootdev pxe
    says 'bootparam get 5' 'Boot Device Selector : Force PXE' \
        chassis bootparam get 5
    says 'bootdev none' 'Set Boot Device to none' chassis bootdev none
}

bridged() {
    judge=kernel
    run -t 0x82 mc info
    has '-t 0x82, on the primary IPMB' '^Device ID +: 49$'
    has '-t 0x82: what it is' '^ +IPMB Event Generator$'
    says '-t 0x82 raw: self test' '^ 55 00$' -t 0x82 raw 6 4
    says '-m 0x20 -t 0x82' '^Selftest: passed$' -m 0x20 -t 0x82 mc selftest
    says '-b 6 -t 0x84, on the other' '^Device ID +: 50$' -b 6 -t 0x84 mc info
    # A satellite is no bridge: it refuses Send Message.
    says '-T 0x82 -B 0 -b 6 -t 0x84: no way through a satellite' \
        'Invalid command' -T 0x82 -B 0 -b 6 -t 0x84 mc info
    judge=ok
}

for interface in 0 1; do
    step "interface $interface"
    no_interface=yes
    [ ! -c "/dev/ipmi$interface" ] || no_interface=
    [ -z "$no_interface" ]
    kernel $? "interface $interface: the driver has it"
    about_the_bmc
    channels
    users
    lan
    log
    sensors
    units
    chassis
    bridged
done

# free TOOL ARGUMENT...: a tool of FreeIPMI; what it prints is for has()
free() {
    tool=$1
    shift
    out=$("$tool" --driver-type=OPENIPMI "$@" 2>&1)
}

step FreeIPMI
no_interface=
[ -c /dev/ipmi0 ] || no_interface=yes
interface='FreeIPMI'
# They want a user with a home, for a cache of SDRs.
mkdir -p /etc /root /tmp
echo root:x:0:0::/root:/bin/sh >/etc/passwd
free bmc-info
has 'bmc-info: manufacturer' '^Manufacturer ID .*18193'
has 'bmc-info: chassis device' '^Chassis Device +: supported$'
has 'bmc-info: the LAN channel' '^Medium Type +: 802\.3 LAN$'
has 'bmc-info: device GUID' \
    '^Device GUID : 00112233-4455-6677-8899-aabbccddeeff$'
free ipmi-sel
has 'ipmi-sel: event 1' 'Temperature .*Upper Critical'
free ipmi-sensors
has 'ipmi-sensors: inlet' 'Inlet Temp +\| Temperature +\| 24\.00'
has 'ipmi-sensors: fan' 'Fan 1 +\| Fan +\| 5000\.00'
free ipmi-fru
has 'ipmi-fru: product' 'Product Name: virtual server'
free ipmi-chassis --get-status
has 'ipmi-chassis: power' 'System Power +: on'
free ipmi-raw 0 6 4
has 'ipmi-raw: self test' 'rcvd: 04 00 55 00'
free bmc-device --get-self-test-results
has 'bmc-device: self test' 'Self Test Result : No Error'
free bmc-config --checkout -S User2
has 'bmc-config: user 2' 'Username +admin'
free ipmi-config --checkout --category=core -S Lan_Channel
has 'ipmi-config: the LAN channel' 'Access_Mode +Always_Available'
seen "$tap_number answers of ipmitool and FreeIPMI"
tap_done
