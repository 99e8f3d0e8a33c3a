#!/bin/bash
# test_lxc_v2.sh - test_lxc.sh where only cgroup v2 is mounted, as on a host with systemd.
cd "$(dirname "$0")" || exit
if [ "$(stat -fc %T /sys/fs/cgroup)" != cgroup2fs ]; then
    [ -n "${in_v2:-}" ] || in_v2=1 exec unshare --mount --propagation private "./${0##*/}"
    awk '$2 ~ "^/sys/fs/cgroup/" {print $2}' /proc/self/mounts | xargs -r umount -l
    umount -l /sys/fs/cgroup
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
fi
exec ./test_lxc.sh
