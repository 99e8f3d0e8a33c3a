# shellcheck shell=bash disable=SC2154 # variables of common.sh
# instance.sh - a lab as a whole: up, down, status, ls.
#
# One process, the switch (lib/switch), is pid 1 of a pid namespace in which all of
# the lab runs. When it dies the kernel ends the rest: nodes, guests, workstation,
# their mounts and networks. Only cgroups, loop devices and files are left to remove.

# base_lock: hold descriptor 8 locked on the directory of all labs, while it exists
base_lock() {
    while :; do
        lab_base
        exec 8<"$BASE"
        flock 8
        [ "$(stat -c %i "$BASE" 2>/dev/null)" != "$(stat -Lc %i /proc/self/fd/8)" ] || return 0
    done
}

# instance_take: take the lab's directory and a free number for its networks
instance_take() {
    local id
    base_lock
    if [ -e "$DIR" ]; then
        alive "$DIR/switch.pid" && die "lab $LAB is up already (lab down ends it; LAB=NAME makes another)"
        say "removing what a lab of this name left"
        instance_remove || die "cannot remove the earlier lab $LAB"
    fi
    for ((id = 0; id < 120; id++)); do
        grep -qsx "$id" "$BASE"/*/id || break
    done
    [ "$id" -lt 120 ] || die "no free network: 120 labs in $BASE"
    # leaving by an error, Ctrl-C or a closed terminal takes down what was made
    trap 'instance_failed $?' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    mkdir -m 755 "$DIR"
    echo "$id" >"$DIR/id"
    exec 8>&-
}

# instance_keys N: one key for everybody; host keys, and so known_hosts, per node
instance_keys() {
    local n a home=$DIR/ws/home
    mkdir -p "$home/.ssh"
    chmod 700 "$home/.ssh"
    ssh-keygen -qt ed25519 -N '' -C "lab $LAB" -f "$home/.ssh/id_ed25519"
    cp "$home/.ssh/id_ed25519.pub" "$home/.ssh/authorized_keys"
    echo "127.0.0.1 localhost" >"$DIR/hosts"
    echo "$(lab_net 0).254 ws" >>"$DIR/hosts"
    for ((n = 1; n <= $1; n++)); do
        mkdir -p "$DIR/node$n/ssh"
        ssh-keygen -qt ed25519 -N '' -C "node$n" -f "$DIR/node$n/ssh/ssh_host_ed25519_key"
        cat /proc/sys/kernel/random/uuid >"$DIR/node$n/uuid"
        echo "$(lab_net 0).$n node$n" >>"$DIR/hosts"
        for a in "node$n" "$(lab_net 0).$n" "$(lab_net 1).$n"; do
            echo "$a $(cut -d' ' -f1,2 "$DIR/node$n/ssh/ssh_host_ed25519_key.pub")"
        done >>"$home/.ssh/known_hosts"
        printf 'Host node%d\n    HostName %s.%d\n    HostKeyAlias node%d\n' "$n" "$(lab_net 0)" "$n" "$n"
    done >"$home/.ssh/config"
    cat >>"$home/.ssh/config" <<EOF
Host *
    User root
    IdentityFile $home/.ssh/id_ed25519
    UserKnownHostsFile $home/.ssh/known_hosts
    StrictHostKeyChecking yes
EOF
}

# instance_up [--apart] [N]
instance_up() {
    local n count apart=''
    if [ "${1:-}" = --apart ]; then
        apart=1
        shift
    fi
    count=${1:-2}
    [[ $count =~ ^[1-5]$ ]] || die "a lab has 1 to 5 nodes, not '$count'"
    for n in busybox ip nsenter unshare sshd libvirtd virtlogd virsh ssh-keygen; do
        command -v "$n" >/dev/null || die "$n is missing: install the packages 'host' and 'lab' of packages.txt"
    done
    [ -d "$(dirname "$BUILD")" ] || die "no directory $(dirname "$BUILD") for build directory $BUILD"
    instance_take
    echo "$count" >"$DIR/nodes"
    echo "$BUILD" >"$DIR/build"
    echo "${GANTRYD_WRAPPER:-}" >"$DIR/wrapper"
    instance_keys "$count"
    say "keys for $count nodes"
    cgroup_make ws
    for ((n = 1; n <= count; n++)); do cgroup_make "node$n"; done
    say "cgroups (v$(cgroup_version))"
    (
        cgroup_join ws
        exec setsid unshare --mount --net --pid --fork --kill-child "$here/lib/switch" "$count"
    ) </dev/null >"$DIR/switch.log" 2>&1 &
    wait_for 10 alive "$DIR/ws.pid" || die "the switch did not start: $(cat "$DIR/switch.log")"
    say "switch and workstation"
    for ((n = 1; n <= count; n++)); do
        wait_for 20 test -e "$DIR/node$n/ready" || die "node$n did not start: $(cat "$DIR/node$n/start.log")"
        say "node$n: namespaces"
    done
    for ((n = 1; n <= count; n++)); do
        wait_for 20 node_answers_ssh "$n" || die "node$n: no sshd"
        wait_for 30 node_answers_libvirt "$n" || die "node$n: no libvirtd: $(tail -3 "$DIR/node$n/log/libvirtd.log")"
        say "node$n: sshd, libvirtd"
    done
    touch "$DIR/up"
    trap - EXIT INT TERM HUP
    if [ -x "$BUILD/agent/gantryd" ]; then
        for ((n = 1; n <= count; n++)); do
            wait_for 20 node_answers_agent "$n" ||
                echo "lab: node$n: gantryd does not listen: $(tail -n 1 "$DIR/node$n/log/gantryd.log")" >&2
        done
        say "gantryd"
        [ "$count" = 1 ] || [ -n "$apart" ] || instance_cluster lab >"$DIR/cluster.log" 2>&1 ||
            die "the nodes are up, but no cluster: $(cat "$DIR/cluster.log")"
    else
        echo "lab: no $BUILD/agent/gantryd yet; each node starts it when it is built" >&2
    fi
    echo "lab $LAB: $count nodes$([ "$count" = 1 ] || [ -z "$apart" ] || echo " apart") up in $(elapsed) s, $(lab_net 0).1 to .$count"
}

# instance_cluster [NAME]
instance_cluster() {
    local n others=()
    [ -e "$DIR/up" ] || die "lab $LAB is not up: lab up"
    for ((n = 2; n <= $(cat "$DIR/nodes"); n++)); do others+=("node$n"); done
    enter_workstation "$BUILD/tui/gantry" -H node1 cluster create "${1:-lab}"
    [ ${#others[@]} -eq 0 ] || enter_workstation "$BUILD/tui/gantry" -H node1 cluster join "${others[@]}" --yes
}

instance_failed() {
    trap '' INT TERM HUP
    trap - EXIT
    echo "lab: not up; taking down what was made" >&2
    instance_remove || true
    exit "$1"
}

node_answers_ssh() {
    in_member ws bash -c "exec 3<>/dev/tcp/$(lab_net 0).$1/22 && read -r -t 5 -u 3 line && [ -n \"\$line\" ]"
}

node_answers_libvirt() {
    in_member "node$1" virsh -c qemu:///system uri
}

node_answers_agent() {
    test -S "/proc/$(pid_of "$DIR/node$1/init.pid")/root/run/gantry.sock"
}

# instance_remove: end and remove whatever there is of it, made by whom and how far
# it may. Says what it could not remove, and fails then.
instance_remove() {
    local status=0
    if alive "$DIR/switch.pid"; then
        kill -9 "$(pid_of "$DIR/switch.pid")" 2>/dev/null || true
    fi
    cgroup_kill || status=1
    say "processes ended"
    logs_keep || status=1
    loops_detach || status=1
    cgroup_remove || status=1
    rm -rf --one-file-system "$DIR" || status=1
    [ -e "$DIR" ] || rmdir "$BASE" 2>/dev/null || true
    say "cgroups and $DIR removed"
    return $status
}

# logs_keep: the nodes' logs into $LAB_LOGS, when a test asked for them
logs_keep() {
    local log
    [ -n "${LAB_LOGS:-}" ] || return 0
    for log in "$DIR"/node*/log; do
        [ ! -d "$log" ] || cp -rT "$log" "$LAB_LOGS/$LAB-$(basename "$(dirname "$log")")" || return
    done
}

# loops_detach: loop devices on files of the lab that nobody detached. Numbers tell: the
# path that the kernel shows is one of a mount that is gone. First those on files in a
# node's disk, which keep that disk's own device from going.
loops_detach() {
    local device on inode file
    while read -r device on inode file; do
        [ -n "${inode:-}" ] || continue
        if grep -qsx "$on" "$DIR"/node*/disk.dev ||
            [ -n "$(find "$DIR" -xdev -inum "$inode" -name "$(basename "$file")" 2>/dev/null)" ]; then
            losetup -d "$device" 2>/dev/null || ! losetup "$device" >/dev/null 2>&1 || return 1
        fi
    done < <(losetup -nO NAME,BACK-MAJ:MIN,BACK-INO,BACK-FILE 2>/dev/null | sed 's/ (deleted)$//' | sort -k4)
}

instance_down() {
    [ -e "$DIR" ] || [ -n "$(cgroup_dirs)" ] || {
        rmdir "$BASE" 2>/dev/null || true
        echo "lab $LAB: not up"
        return 0
    }
    trap '' INT
    instance_remove || die "lab $LAB is not all gone"
    echo "lab $LAB: down in $(elapsed) s"
}

instance_list() {
    local dir
    for dir in "$BASE"/*/; do
        [ -e "$dir/id" ] || continue
        dir=${dir%/}
        printf '%-20s %s nodes  10.77.%d.0/24  %s\n' "${dir##*/}" "$(cat "$dir/nodes" 2>/dev/null || echo '?')" \
            $(($(cat "$dir/id") * 2)) "$(alive "$dir/switch.pid" && { [ -e "$dir/up" ] && echo up || echo starting; } || echo dead)"
    done
}

instance_status() {
    local n guests
    alive "$DIR/switch.pid" || {
        echo "lab $LAB: not up$([ ! -e "$DIR" ] || echo ' (remains: lab down removes them)')"
        return 1
    }
    echo "lab $LAB: $(cat "$DIR/nodes") nodes, cgroup v$(cgroup_version), build $BUILD"
    for ((n = 1; n <= $(cat "$DIR/nodes"); n++)); do
        guests=$(in_member "node$n" timeout 5 sh -c 'virsh -q list --all --name; lxc-ls -1' 2>/dev/null | grep -c . || true)
        printf 'node%d  %-12s  %s  %s guests  gantryd: %s\n' "$n" "$(lab_net 0).$n" "$(cat "$DIR/node$n/accel")" \
            "$guests" "$(node_agent_state "$n")"
    done
}

node_agent_state() {
    local pid
    if pid=$(daemon_pid "$1" gantryd); then
        if node_answers_agent "$1"; then echo "pid $pid, listens"; else echo "pid $pid, no socket"; fi
    elif [ -x "$BUILD/agent/gantryd" ]; then
        echo "not running: $(tail -n 1 "$DIR/node$1/log/gantryd.log" 2>/dev/null)"
    else
        echo "not built"
    fi
}
