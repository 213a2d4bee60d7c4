#!/bin/sh
# Linux' IPMI watchdog driver: it sets, runs, feeds and stops the BMC's timer.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ipmitool reads the timer back. What happens when nobody feeds it:
# ipmi-watchdog-reset.sh

. /rig/tap.sh

# timer PATTERN DESCRIPTION
timer() {
    out=$(ipmitool mc watchdog get 2>&1)
    printf '%s\n' "$out" | grep -Eq -- "$1"
    status=$?
    ok $status "$2"
    if [ $status -ne 0 ]; then
        printf '%s\n' "$out" | sed 's/^/#   /'
    fi
}

# Present Countdown in whole seconds
left() {
    ipmitool mc watchdog get | sed -n 's/^Present Countdown: *\([0-9]*\).*/\1/p'
}

[ -c /dev/watchdog ]
ok $? '/dev/watchdog is there'
timer 'Watchdog Timer Is: +Stopped' 'it does not run before it is opened'

step 'the first heartbeat starts the timer'
exec 3>/dev/watchdog
ok $? 'opened'
echo >&3
timer 'Watchdog Timer Is: +Started/Running' 'it runs'
timer 'Watchdog Timer Use: +SMS/OS' 'on behalf of the operating system'
timer 'Watchdog Timer Actions?: +Hard Reset' 'and would reset the machine'
sleep 4
before=$(left)
[ "$before" -le 7 ]
ok $? "4 s later it has counted down to ${before} s of 10"

step 'write: it begins anew'
echo >&3
after=$(left)
[ "$after" -gt "$before" ]
ok $? "fed, it is at ${after} s again"

step 'the magic close stops it'
printf V >&3
exec 3>&-
timer 'Watchdog Timer Is: +Stopped' 'it is stopped'
sleep 11
ok 0 'and 11 s later the machine still lives'
seen "counted down to ${before} s, fed to ${after} s, stopped"
tap_done
