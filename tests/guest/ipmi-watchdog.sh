#!/bin/sh
# Linux' IPMI watchdog driver: it sets, runs, feeds and stops the BMC's timer.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ipmitool reads the timer back. What the driver sets is the kernel's affair; that
# a timer which runs counts down, and one that does not leaves the machine alone,
# is the BMC's. What happens when nobody feeds it: ipmi-watchdog-reset.sh

. /rig/tap.sh

# timer PATTERN WORDS: what the driver has set, as the BMC tells it
timer() {
    out=$(ipmitool mc watchdog get 2>&1)
    printf '%s\n' "$out" | grep -Eq -- "$1"
    status=$?
    kernel $status "$2"
    if [ $status -ne 0 ]; then
        echo "#   wanted: $1"
        printf '%s\n' "$out" | sed 's/^/#   got:    /'
    fi
}

# Present Countdown in whole seconds, 0 if there is none
left() {
    count=$(ipmitool mc watchdog get |
            sed -n 's/^Present Countdown: *\([0-9]*\).*/\1/p')
    echo "${count:-0}"
}

[ -c /dev/watchdog ]
kernel $? '/dev/watchdog is there'
timer 'Watchdog Timer Is: +Stopped' 'it does not run before it is opened'

step 'the first heartbeat starts the timer'
exec 3>/dev/watchdog
kernel $? 'it can be opened'
echo >&3
timer 'Watchdog Timer Is: +Started/Running' 'the heartbeat starts it'
timer 'Watchdog Timer Use: +SMS/OS' 'it runs on behalf of the operating system'
timer 'Watchdog Timer Actions?: +Hard Reset' 'it would reset the machine'
timer 'Initial Countdown: +10' 'it has 10 s'
start=$(left)
sleep 4
before=$(left)
# Both are in whole seconds of one clock.
[ "$start" -eq 0 ] || [ $((start - before)) -ge 3 ]
ok $? "it counts down by 3 s at least while 4 s pass (from $start to $before)"

step 'write: it begins anew'
echo >&3
after=$(left)
[ "$after" -gt "$before" ]
kernel $? "a heartbeat sets it back (from $before to $after)"

step 'the magic close stops it'
printf V >&3
exec 3>&-
timer 'Watchdog Timer Is: +Stopped' 'the magic close stops it'
sleep 11
ok 0 'a timer that is stopped does not reset the machine'
seen "counted down to ${before} s, fed to ${after} s, stopped"
tap_done
