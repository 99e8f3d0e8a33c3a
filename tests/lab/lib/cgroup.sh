# shellcheck shell=bash
# cgroup.sh - the lab's cgroups, on v1, hybrid and v2 hosts.
#
# Each node is gantry-lab-NAME/node1 in every hierarchy; a cgroup namespace makes
# that the root the node sees. On v2 a cgroup with children that have controllers
# may hold no process, so the node's own live in its init.scope (a name that
# liblxc knows to be a leaf), and machine/ and lxc.* are made beside it.

cgroup_version() {
    if [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ]; then echo 2; else echo 1; fi
}

# cgroup_roots: where hierarchies are mounted, one a line
cgroup_roots() {
    awk '($3 == "cgroup" || $3 == "cgroup2") && $2 ~ "^/sys/fs/cgroup(/|$)" {print $2}' \
        /proc/self/mounts
}

# cgroup_hierarchies: v1 only: "DIRECTORY OPTIONS" as a node mounts them again
cgroup_hierarchies() {
    awk '$3 == "cgroup" && $2 ~ "^/sys/fs/cgroup/" {
        n = split($4, o, ","); keep = ""
        for (i = 1; i <= n; i++)
            if (o[i] ~ /^name=/) keep = keep ",none," o[i]
            else if (o[i] !~ /^(rw|ro|nosuid|nodev|noexec|relatime|noatime|xattr|clone_children|release_agent=.*|noprefix)$/)
                keep = keep "," o[i]
        print $2, substr(keep, 2) }' /proc/self/mounts
}

# cgroup_enable DIR: give children of DIR every controller that can be given
cgroup_enable() {
    local controller
    [ -e "$1/cgroup.controllers" ] || return 0
    for controller in $(<"$1/cgroup.controllers"); do
        echo "+$controller" 2>/dev/null >"$1/cgroup.subtree_control" || true
    done
}

# cgroup_make_dir ROOT PATH: with cpuset's values taken from the parent (v1). Of real time
# (RT_GROUP_SCHED) it gets none: shares that five nodes can have beside each other are used
# up within milliseconds, and corosync then stands still for the rest of the second. Without,
# it takes the highest priority of the usual kind.
cgroup_make_dir() {
    local dir=$1 part file
    for part in ${2//\// }; do
        cgroup_enable "$dir"
        mkdir -p "$dir/$part"
        for file in cpuset.cpus cpuset.mems; do
            [ -e "$dir/cgroup.controllers" ] || [ ! -e "$dir/$part/$file" ] ||
                cat "$dir/$file" >"$dir/$part/$file"
        done
        [ ! -e "$dir/$part/cgroup.clone_children" ] || [ ! -e "$dir/$part/cpuset.cpus" ] ||
            echo 1 >"$dir/$part/cgroup.clone_children"
        dir=$dir/$part
    done
}

# cgroup_make MEMBER: MEMBER is ws or nodeN
cgroup_make() {
    local root
    while read -r root; do
        cgroup_make_dir "$root" "gantry-lab-$LAB/$1"
        [ ! -e "$root/cgroup.controllers" ] || mkdir -p "$root/gantry-lab-$LAB/$1/init.scope"
    done < <(cgroup_roots)
}

# cgroup_join MEMBER [root]: move the calling (sub)shell. `root` means the member's
# own cgroup, where a cgroup namespace is about to be rooted, and not its init.scope.
cgroup_join() {
    local root dir
    while read -r root; do
        dir=$root/gantry-lab-$LAB/$1
        [ -n "${2:-}" ] || [ ! -d "$dir/init.scope" ] || dir=$dir/init.scope
        echo 0 >"$dir/cgroup.procs"
    done < <(cgroup_roots)
}

# cgroup_open MEMBER: once no process is left in the member's own cgroup
cgroup_open() {
    local root
    while read -r root; do
        cgroup_enable "$root/gantry-lab-$LAB/$1"
    done < <(cgroup_roots)
}

# cgroup_dirs: the lab's cgroups, children first
cgroup_dirs() {
    local root
    cgroup_roots | while read -r root; do
        [ ! -d "$root/gantry-lab-$LAB" ] || find "$root/gantry-lab-$LAB" -depth -type d 2>/dev/null
    done
}

# cgroup_kill: thaw, then kill every process of the lab, until none is left
cgroup_kill() {
    local dir pids round
    for ((round = 0; round < 100; round++)); do
        pids=
        for dir in $(cgroup_dirs); do
            [ ! -w "$dir/freezer.state" ] || echo THAWED >"$dir/freezer.state" || true
            pids+=" $(tr '\n' ' ' <"$dir/cgroup.procs" || true)"
        done 2>/dev/null
        [ -n "${pids// /}" ] || return 0
        # shellcheck disable=SC2086 # a list of numbers
        kill -9 ${pids//[^0-9 ]/} 2>/dev/null || true
        sleep 0.05
    done
    echo "lab: processes that do not die: $pids" >&2
    return 1
}

cgroup_remove() {
    local dir round
    for ((round = 0; round < 60; round++)); do
        for dir in $(cgroup_dirs); do rmdir "$dir" 2>/dev/null || true; done
        [ -n "$(cgroup_dirs)" ] || return 0
        sleep 0.05
    done
    echo "lab: cgroups that cannot be removed: $(cgroup_dirs | tr '\n' ' ')" >&2
    return 1
}
