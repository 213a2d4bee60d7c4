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
before_reset=8          # test points of the first time
runs=0                  # 0: the driver has started the timer

# says ok|kernel PATTERN WORDS ARGUMENT...: a line of ipmitool's
says() {
    kind=$1
    pattern=$2
    words=$3
    shift 3
    if [ "$kind" = ok ] && [ $runs -ne 0 ]; then
        ok 0 "$words # SKIP the driver has not started the timer"
        return
    fi
    out=$(ipmitool "$@" 2>&1)
    printf '%s\n' "$out" | grep -Eq -- "$pattern"
    status=$?
    "$kind" $status "$words"
    if [ $status -ne 0 ]; then
        echo "#   wanted: $pattern"
        printf '%s\n' "$out" | sed 's/^/#   got:    /'
    fi
}

uptime_s() { sed 's/\..*//' /proc/uptime; }

first_time() {
    [ -c /dev/watchdog ]
    kernel $? '/dev/watchdog is there'
    ipmitool sel clear >/dev/null 2>&1
    for setting in action=reset preaction=pre_int preop=preop_give_data \
        timeout=$timeout pretimeout=$pretimeout; do
        echo "${setting#*=}" >"$parameters/${setting%%=*}"
    done
    step 'waiting for the pre-timeout'
    exec 3<>/dev/watchdog
    start=$(uptime_s)
    echo >&3
    says kernel 'Pre-timeout interrupt: +Messaging' \
        'the driver asks for a warning by message' mc watchdog get
    says kernel 'Watchdog Timer Is: +Started/Running' \
        'the driver starts the timer' mc watchdog get
    runs=$status
    # preop_give_data: a byte can be read as soon as the message is there.
    byte=$(dd bs=1 count=1 <&3 2>/dev/null | wc -c)
    waited=$(($(uptime_s) - start))
    kernel_is "$byte" 1 'the driver hands on the pre-timeout'
    # The BMC warns pretimeout seconds before, and not earlier.
    [ $runs -ne 0 ] || [ "$byte" -ne 1 ] ||
        [ $waited -ge $((timeout - pretimeout - 1)) ]
    ok $? "the warning does not come early (after $waited s)"
    count=$(cat /sys/bus/pci/drivers/ipmi_si/*/watchdog_pretimeouts)
    kernel_is "$count" 1 'ipmi_si has counted it'
    says ok 'Watchdog2 .*Timer interrupt.*Asserted' 'it is in the SEL' sel elist
    says ok 'Watchdog Timer Is: +Started/Running' 'the timer goes on' \
        mc watchdog get
    echo "# seen: pre-timeout after $waited s"
    step 'waiting for the reset'
    sleep 60
    if [ $runs -ne 0 ]; then
        ok 0 'the machine is reset # SKIP the driver has not started the timer'
    else
        ok 1 'the machine is reset'
    fi
    tap_done
}

second_time() {
    tap_number=$before_reset
    ok 0 'the machine is reset'
    says ok 'watchdog' 'the restart cause is the watchdog' chassis restart_cause
    says ok 'Watchdog2 .*Timer interrupt.*Asserted' \
        'the pre-timeout is in the SEL' sel elist
    says ok 'Watchdog2 .*Hard reset.*Asserted' 'the reset is in the SEL' \
        sel elist
    says ok 'Timer Expiration Flags: .*\(0x10\)' \
        'the expiration flag of SMS/OS is set' mc watchdog get
    says ok 'Watchdog Timer Is: +Stopped' 'the timer has stopped' \
        mc watchdog get
    seen 'reset by the watchdog; SEL, restart cause and flag tell so'
    tap_done
}

case $(ipmitool chassis restart_cause 2>&1) in
*atchdog*) second_time ;;
*) first_time ;;
esac
