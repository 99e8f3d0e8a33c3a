#!/bin/bash
# test_lxc.sh - the LXC driver without the agent: what it sees and does, compared with
# what lxc-info says. Runs where the host's control groups are; test_lxc_v2.sh runs it
# where only v2 is mounted.
cd "$(dirname "$0")" || exit
. ./lib.sh

run() {
    # shellcheck disable=SC2154 # from lib.sh
    "$lab" run node1 "$@"
}
probe() { run /opt/gantry/build/tests/e2e/driver-probe lxc "$@"; }
act() { probe act "/var/lib/lxc/$1" "${@:2}"; }
refused() { # CODE WORDS COMMAND...
    local output
    output=$("${@:3}") && return 1
    grep -F "\"code\":\"$1\"" <<<"$output" | grep -F "$2" || {
        echo "$output"
        return 1
    }
}
state_is() { [ "$(run lxc-info -n "$1" -sH 2>/dev/null)" = "$2" ]; }
init_of() { run lxc-info -n "$1" -pH; }
monitor_of() { run awk '{print $4}' "/proc/$(init_of "$1")/stat"; }

seen=$(mktemp)
trap 'rm -f "$seen"; tap_end' EXIT
saw() { # STATE NAME: the last that was seen of it
    grep -F '"event":"changed"' "$seen" | grep -F "\"native\":\"/var/lib/lxc/$2\"" | tail -n 1 |
        grep -F "\"state\":\"$1\""
}
saw_gone() { tail -n 3 "$seen" | grep -F '"event":"gone"' | grep -F "/var/lib/lxc/$1\""; }
figure() { # NAME of c1, in the last second
    grep -F '"event":"figures"' "$seen" | tail -n 1 | grep -oE '\{[^{}]*"/var/lib/lxc/c1"[^{}]*' |
        grep -oE "\"$1\":[0-9.]+" | grep -oE '[0-9.]+$'
}
over() { awk -v a="$(figure "$1")" -v b="$2" 'BEGIN {exit !(a > b)}'; }

check "a node comes up" "$lab" up 1 || exit
"$lab" guest node1 ct c1 --wait >/dev/null
"$lab" guest node1 ct c2 >/dev/null
probe observe 600 >"$seen" &
check "a running container is seen" eventually 3 saw running c1
check "one that does not run too" eventually 1 saw stopped c2

run lxc-start -n c2
check "a start is noticed within a second" eventually 1 saw running c2
run lxc-freeze -n c2
check "a freeze is noticed" eventually 2 saw paused c2
run lxc-unfreeze -n c2
check "a thaw too" eventually 2 saw running c2
run lxc-stop -n c2 -k
check "a stop too" eventually 1 saw stopped c2
before=$(init_of c1)
run lxc-attach -n c1 -- timeout 4 sh -c 'while :; do :; done' >/dev/null 2>&1 &
check "its processor time is measured" eventually 5 over cpu 5
if run sh -c 'test -d /sys/fs/cgroup/memory || grep -qw memory /sys/fs/cgroup/cgroup.controllers'; then
    check "memory is measured" over mem_used 0
else
    skip "memory is measured" "no memory controller here"
fi
run busybox ping -c 3 -s 20000 "$(run lxc-info -n c1 -iH)" >/dev/null
check "what came in is measured" eventually 2 grep -qE '"net_in":[0-9]{4,}' "$seen"

monitor=$(monitor_of c1)
run kill -STOP "$monitor"
check "a stopped monitor makes its container unknown" eventually 6 saw unknown c1
run lxc-start -n c2
check "the others go on" eventually 1 saw running c2
check "an act on it ends with a reason" refused unavailable 'does not answer' act c1 stop
run kill -CONT "$monitor"
check "it recovers by itself" eventually 3 saw running c1
same "and was never disturbed" "$before" "$(init_of c1)"
run kill -KILL "$(monitor_of c2)"
check "a killed monitor stops its container" eventually 2 saw stopped c2

check "start" act c2 start
check "it runs" state_is c2 RUNNING
check "its monitor is nobody's child" test "$(run awk '{print $4}' "/proc/$(monitor_of c2)/stat")" = 1
check "start again is refused" refused state "can't be started: it is running" act c2 start
check "pause" act c2 pause
check "it is frozen" state_is c2 FROZEN
check "shutdown of a paused one is refused" refused state 'it is paused' act c2 shutdown
check "resume" act c2 resume
before=$(init_of c2)
check "reboot" act c2 reboot '{"timeout": 20}'
check "another init runs" test "$(init_of c2)" != "$before"
check "shutdown" act c2 shutdown '{"timeout": 20}'
check "it is stopped" state_is c2 STOPPED
act c2 start >/dev/null
run kill -STOP "$(init_of c2)"
check "a shutdown that it ignores fails in time" refused timeout 'still runs' act c2 shutdown '{"timeout": 1}'
check "or stops it" act c2 shutdown '{"timeout": 1, "then": "stop"}'
check "it is stopped" state_is c2 STOPPED
act c2 start >/dev/null
check "stop" act c2 stop
check "stop again is refused" refused state 'is not running' act c2 stop

config=$(run cat /var/lib/lxc/c2/config)
check "autostart" act c2 autostart '{"enable": true}'
same "changes one line" "$config
lxc.start.auto = 1" "$(run cat /var/lib/lxc/c2/config)"
same "lxc-ls knows it" 1 "$(run lxc-ls -f -F AUTOSTART --filter '^c2$' | tail -n 1 | tr -d ' ')"
check "a name that is taken is refused" refused state 'is taken' act c2 rename '{"name": "c1"}'
check "rename" act c2 rename '{"name": "web"}'
check "is noticed" eventually 2 saw stopped web
check "it starts under the new name" act web start
same "which is its host name" web "$(run lxc-attach -n web -- hostname)"
act web stop >/dev/null
for died in 1 2; do
    run env GANTRY_PROBE_DIE=$died /opt/gantry/build/tests/e2e/driver-probe lxc act /var/lib/lxc/web rename '{"name": "w2"}' >/dev/null
    check "a rename that died at note $died is recovered" probe recover /var/lib/lxc/web rename '{"act": "rename", "name": "w2"}'
    check "and again" probe recover /var/lib/lxc/web rename '{"act": "rename", "name": "w2"}'
    run test -d /var/lib/lxc/w2 && act w2 rename '{"name": "web"}' >/dev/null
    check "its files are whole" act web start
    act web stop >/dev/null
done

exec_in() { probe exec /var/lib/lxc/c1 5 "$@" </dev/null; }
check "a program runs" grep -q '^c1.$' <(exec_in hostname)
check "its exit status comes back" grep -q '"exit":7' <(exec_in sh -c 'exit 7')
check "one that is not there is 127" grep -q '"exit":127' <(exec_in nosuch)
check "one that takes too long is killed" refused timeout 'was killed' probe exec /var/lib/lxc/c1 1 sleep 300

check "deletion needs the name" refused params 'not deleted' act web delete '{"confirm": "w"}'
check "deletion keeps the root file system" act web delete '{"confirm": "web"}'
check "it is gone" eventually 2 saw_gone web
check "its files are there" run test -d /var/lib/lxc/web/rootfs
run sh -c 'mv /var/lib/lxc/web/config.deleted-* /var/lib/lxc/web/config'
check "it comes back with its configuration" eventually 2 saw stopped web
check "deletion with the root file system" act web delete '{"confirm": "web", "all_disks": true}'
check_fails "leaves nothing" run test -e /var/lib/lxc/web
check "an act on it says that it is gone" refused not-found "container 'web'" act web start
finish
