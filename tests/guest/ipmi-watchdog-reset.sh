#!/bin/sh
# Linux' IPMI watchdog is not fed: the pre-timeout, the reset, and what is left.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
#
# This program runs twice. The first time it starts the timer and lets it
# expire: the machine is reset in the middle of it. The BMC lives on, and so the
# program sees the second time why it is there once more. That QEMU has said the
# same is seen on the host (ipmi-watchdog-reset.py).

. /rig/tap.sh

parameters=/sys/module/ipmi_watchdog/parameters
timeout=10
pretimeout=5
before_reset=7          # test points of the first time

# says PATTERN DESCRIPTION ARGUMENT...: a line of ipmitool's
says() {
    pattern=$1
    description=$2
    shift 2
    out=$(ipmitool "$@" 2>&1)
    printf '%s\n' "$out" | grep -Eq -- "$pattern"
    status=$?
    ok $status "$description"
    if [ $status -ne 0 ]; then
        printf '%s\n' "$out" | sed 's/^/#   /'
    fi
}

uptime_s() { sed 's/\..*//' /proc/uptime; }

first_time() {
    [ -c /dev/watchdog ]
    ok $? '/dev/watchdog is there'
    ipmitool sel clear >/dev/null 2>&1
    for setting in action=reset preaction=pre_int preop=preop_give_data \
        timeout=$timeout pretimeout=$pretimeout; do
        echo "${setting#*=}" >"$parameters/${setting%%=*}"
    done
    step 'waiting for the pre-timeout'
    exec 3<>/dev/watchdog
    start=$(uptime_s)
    echo >&3
    says 'Pre-timeout interrupt: +Messaging' \
        'the timer warns by a message' mc watchdog get
    # preop_give_data: a byte can be read as soon as the message is there.
    byte=$(dd bs=1 count=1 <&3 2>/dev/null | wc -c)
    waited=$(($(uptime_s) - start))
    is "$byte" 1 'the driver hands on the pre-timeout'
    [ $waited -ge $((timeout - pretimeout - 2)) ] && [ $waited -lt $timeout ]
    ok $? "and does so before the time-out, after $waited s"
    count=$(cat /sys/bus/pci/drivers/ipmi_si/*/watchdog_pretimeouts)
    is "$count" 1 'ipmi_si has counted it'
    says 'Watchdog2 .*Timer interrupt.*Asserted' 'it is in the SEL' sel elist
    says 'Watchdog Timer Is: +Started/Running' 'and the timer goes on' \
        mc watchdog get
    echo "# seen: pre-timeout after $waited s"
    step 'waiting for the reset'
    sleep 60
    ok 1 'the machine is reset'
    tap_done
}

second_time() {
    tap_number=$before_reset
    ok 0 'the kernel has come up a second time'
    says 'watchdog' 'the restart cause is the watchdog' chassis restart_cause
    says 'Watchdog2 .*Timer interrupt.*Asserted' 'the pre-timeout is in the SEL' \
        sel elist
    says 'Watchdog2 .*Hard reset.*Asserted' 'the reset is in the SEL' sel elist
    says 'Timer Expiration Flags: .*\(0x10\)' \
        'the expiration flag of SMS/OS is set' mc watchdog get
    says 'Watchdog Timer Is: +Stopped' 'the timer has stopped' mc watchdog get
    [ "$(uptime_s)" -lt 60 ]
    ok $? "this kernel has been up for $(uptime_s) s"
    seen 'reset by the watchdog; SEL, restart cause and flag tell so'
    tap_done
}

case $(ipmitool chassis restart_cause 2>&1) in
*atchdog*) second_time ;;
*) first_time ;;
esac
