#!/bin/bash
# test_lab.sh - the lab itself: nodes, two instances at once, guests, and that nothing is left.
cd "$(dirname "$0")" || exit
. ./lib.sh

other=${LAB}b
base=${LAB_BASE:-/var/tmp/gantry-lab}

# what the machine has that a lab could leave behind
processes() { grep -l "gantry-lab-$LAB" /proc/[0-9]*/cgroup 2>/dev/null; }
networks() { ls /run/netns 2>/dev/null; ip -br link | awk '{print $1}'; } # of the machine
lab_networks() { networks | grep -E "$LAB|^(n[1-5]p[01]|br[01]|vmbr0|ws|veth.*|vnet.*)(@|$)"; }
mounts() { grep "gantry-lab/$LAB" /proc/self/mounts; }
cgroups() { find /sys/fs/cgroup -type d -name "gantry-lab-$LAB*" -print; }
loops() { losetup -nO BACK-FILE | grep lab-test.img; }
nothing_left() {
    local found
    found=$(processes; mounts; cgroups; loops; ls -d "$base/$LAB"* 2>/dev/null)
    [ -z "$found" ] || {
        echo "$found"
        return 1
    }
}
down_both() {
    # shellcheck disable=SC2154 # from lib.sh
    "$lab" down && "$lab" --name "$other" down
}
domain_is() { [ "$("$lab" run node1 virsh domstate "$1")" = "$2" ]; }
container_is() { [ "$("$lab" run node1 lxc-info -n "$1" -sH)" = "$2" ]; }
pings() { "$lab" ws busybox ping -c 1 -W 2 "$1"; }

before=$(lab_networks)
check "one node comes up" "$lab" up 1 || exit
check "status finds it" "$lab" status
check_fails "a second up of the same name is refused" "$lab" up 1
check "another lab comes up beside it" "$lab" --name "$other" up --apart 2
check "both answer over SSH" "$lab" ws ssh node1 true
check "the other too, at its second node" "$lab" --name "$other" ws ssh node2 true
check_fails "their addresses differ" test "$("$lab" addr 1)" = "$("$lab" --name "$other" addr 1)"
check_fails "one lab does not reach the other" pings "$("$lab" --name "$other" addr 1)"
for user in viewer operator outsider; do
    same "$user logs in" "$user" "$("$lab" ws ssh "$user@node1" id -un)"
done
same "a command's status comes through" 7 "$("$lab" run node1 sh -c 'exit 7'; echo $?)"
check_fails "a node that is not there is refused" "$lab" run node2 true

vm=$("$lab" guest node1 vm v1 --wait --serial2)
check "a VM boots and its agent answers" "$lab" run node1 virsh qemu-agent-command v1 '{"execute":"guest-ping"}'
check "it is reached at its address" pings "$vm"
"$lab" run node1 virsh -q shutdown --mode acpi v1
check "its power button works" eventually 30 domain_is v1 "shut off"
"$lab" run node1 virsh -q start v1
check "it starts again" eventually 60 "$lab" run node1 virsh qemu-agent-command v1 '{"execute":"guest-ping"}'
"$lab" run node1 virsh -q shutdown --mode agent v1
check "it shuts down by its agent" eventually 30 domain_is v1 "shut off"
"$lab" run node1 virsh -q start v1

ct=$("$lab" guest node1 ct c1 --wait)
same "a container attaches" c1 "$("$lab" run node1 lxc-attach -n c1 -- hostname)"
check "it is reached at its address" pings "$ct"
check "it shuts down cleanly" "$lab" run node1 lxc-stop --nokill -t 20 -n c1
check "and is stopped then" container_is c1 STOPPED
"$lab" run node1 lxc-start -n c1

check "libvirtd stops" "$lab" fault stop node1 libvirtd
check_fails "and does not answer" "$lab" run node1 timeout 2 virsh list
check "it goes on" "$lab" fault cont node1 libvirtd
check "and answers" eventually 10 "$lab" run node1 virsh list
check "sshd is killed" "$lab" fault kill node1 sshd
check "init starts it again" eventually 10 "$lab" ws ssh node1 true

# seconds that a command takes, times ten
tenths() {
    local start=${EPOCHREALTIME/[.,]/}
    "$lab" run node1 "$@" >/dev/null 2>&1
    echo $(((${EPOCHREALTIME/[.,]/} - start) / 100000))
}
check_fails "what is well is not healed" "$lab" fault heal node1
check "its network is made slow" "$lab" fault slow node1 net
# 20,000 bytes, there and back at 32,000 bytes a second
check "and late" test "$(tenths busybox ping -c 1 -W 10 -s 20000 "${vm%.*}.254")" -gt 9
check "its disk is made slow" "$lab" fault slow node1 disk
check "and late" test "$(tenths dd if=/dev/zero of=/var/lib/gantry/probe bs=4k count=40 oflag=direct)" -gt 14
check "its disk is made full" "$lab" fault diskfull node1
check_fails "so nothing more is written to the state" "$lab" run node1 dd if=/dev/zero of=/var/lib/gantry/more bs=4k count=2
check_fails "nor where guests are" "$lab" run node1 dd if=/dev/zero of=/var/lib/libvirt/images/more bs=4k count=2
check "all is healed" "$lab" fault heal node1
check "then there is room" "$lab" run node1 dd if=/dev/zero of=/var/lib/gantry/more bs=4k count=2
check "and it is fast" test "$(tenths dd if=/dev/zero of=/var/lib/gantry/probe bs=4k count=40 oflag=direct)" -lt 10

# what makes going down hard: a frozen container, a stopped daemon, a loop device
"$lab" run node1 lxc-freeze -n c1
"$lab" fault stop node1 libvirtd
"$lab" run node1 sh -c 'truncate -s 8M /srv/local/lab-test.img && losetup -f /srv/local/lab-test.img'
check "there is a loop device to forget" loops
check "both labs go down" down_both
check "nothing is left" eventually 5 nothing_left # pid 1 reaps when it likes
same "the machine's networks are as before" "$before" "$(lab_networks)"

is_quorate() { "$lab" gantry -H "$1" cluster status | grep -q "quorate 2/2"; }
check "several nodes come up as one cluster" "$lab" up 2
check "quorate on the first" is_quorate node1
check "and on the second" eventually 60 is_quorate node2
check "it goes down" "$lab" down

"$lab" up --apart 3 >/dev/null 2>&1 &
starting=$!
eventually 10 test -e "$base/$LAB/switch.pid"
kill -TERM $starting
wait $starting
check "up that is interrupted leaves nothing" eventually 5 nothing_left

"$lab" up --apart 3 >/dev/null 2>&1 &
starting=$!
eventually 10 test -e "$base/$LAB/ws.pid"
kill -KILL $starting
wait $starting 2>/dev/null
check "down ends a lab whose up was killed" "$lab" down
check "nothing is left" eventually 5 nothing_left # pid 1 reaps when it likes
finish
