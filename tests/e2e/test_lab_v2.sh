#!/bin/bash
# test_lab_v2.sh - the lab where only cgroup v2 is mounted, as on a host with systemd. On
# a host with v1 this is seen in a mount namespace without v1; its controllers are then
# not in v2, so limits are not tried.
cd "$(dirname "$0")" || exit
if [ "$(stat -fc %T /sys/fs/cgroup)" != cgroup2fs ]; then
    [ -n "${in_v2:-}" ] || in_v2=1 exec unshare --mount --propagation private "./${0##*/}"
    awk '$2 ~ "^/sys/fs/cgroup/" {print $2}' /proc/self/mounts | xargs -r umount -l
    umount -l /sys/fs/cgroup
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
fi
. ./lib.sh

run() {
    # shellcheck disable=SC2154 # from lib.sh
    "$lab" run node1 "$@"
}
in_v2_group() { run grep -rlqx "$1" "$2/cgroup.procs"; }

check "a node comes up" "$lab" up 1 || exit
same "what is run in it is in a leaf" 0::/init.scope "$(run tail -n 1 /proc/self/cgroup)"
same "its own cgroup holds no process" "" "$(run cat /sys/fs/cgroup/cgroup.procs)"
check "a container starts" "$lab" guest node1 ct c1 --wait
pid=$(run lxc-info -n c1 -pH)
check "in a cgroup of its own" in_v2_group "$pid" /sys/fs/cgroup/lxc.payload.c1
run lxc-freeze -n c1
same "it freezes" FROZEN "$(run lxc-info -n c1 -sH)"
check "a VM starts" "$lab" guest node1 vm v1 --start
check "in a cgroup of its own" run sh -c 'ls -d /sys/fs/cgroup/machine/qemu-*v1*'
check "it goes down, the frozen container with it" "$lab" down
check_fails "no cgroup is left" ls -d "/sys/fs/cgroup/gantry-lab-$LAB"
finish
