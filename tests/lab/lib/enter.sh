# shellcheck shell=bash disable=SC2154 # variables of common.sh
# enter.sh - run something in a node or on the workstation.

# in_member MEMBER CMD...: join the cgroups first, else limits are escaped, then the
# namespaces. Runs in a subshell; the workstation keeps the caller's environment.
in_member() (
    member=$1
    shift
    if [ "$member" = ws ]; then
        pid=$(pid_of "$DIR/ws.pid")
        cgroup_join ws
        unset XDG_CONFIG_HOME XDG_STATE_HOME XDG_CACHE_HOME XDG_DATA_HOME XDG_RUNTIME_DIR \
            SSH_AUTH_SOCK SSH_CONNECTION SSH_CLIENT SSH_TTY LAB_VERBOSE
        export HOME=$DIR/ws/home USER=root LOGNAME=root
        exec nsenter -t "$pid" --mount --net --uts --pid --wd="$PWD" -- "$@"
    fi
    pid=$(pid_of "$DIR/$member/init.pid")
    cgroup_join "$member"
    exec nsenter -t "$pid" --all -- env -i HOME=/root USER=root LOGNAME=root SHELL=/bin/bash \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        TERM="${TERM:-dumb}" LC_ALL=C.UTF-8 "$@"
)

enter_node() {
    node_number "${1:?run needs a node}"
    shift
    [ $# -gt 0 ] || die "run needs a command; lab sh NODE opens a shell"
    in_member "node$node" "$@"
}

enter_shell() {
    node_number "${1:?sh needs a node}"
    if [ -n "${2:-}" ]; then in_member "node$node" su -l "$2"; else in_member "node$node" bash -l; fi
}

enter_workstation() {
    [ $# -gt 0 ] || die "ws needs a command"
    [ -e "$DIR/up" ] || die "lab $LAB is not up: lab up"
    [[ $1 != */* || -x $1 ]] || die "$1 is not built: meson setup ${BUILD} && ninja -C ${BUILD}"
    in_member ws "$@"
}

# daemon_pid NUMBER DAEMON: the host's pid of what init of that node started, never
# that of a child of it (a session of sshd, say)
daemon_pid() {
    local init pid
    init=$(pid_of "$DIR/node$1/init.pid")
    for pid in $(<"/proc/$init/task/$init/children"); do
        [ "$(cat "/proc/$pid/comm" 2>/dev/null)" != "$2" ] || {
            echo "$pid"
            return 0
        }
    done
    return 1
}

# node_fault ACT NODE [DAEMON]
node_fault() {
    local act=${1:-} daemon=${3:-} pid
    node_number "${2:?fault needs: ACT NODE DAEMON}"
    case $act in
    partition | heal)
        "node_$act"
        return
        ;;
    stop | cont | kill | term | hup | start) ;;
    *) die "no such fault: '$act' (stop, cont, kill, term, hup, start, partition, heal)" ;;
    esac
    case $daemon in
    corosync)
        corosync_hold "$act"
        [ "$act" != start ] || return 0
        ;;
    gantryd | libvirtd | virtlogd | sshd) [ "$act" != start ] || die "init starts $daemon by itself" ;;
    *) die "no such daemon: '$daemon' (gantryd, libvirtd, virtlogd, sshd, corosync)" ;;
    esac
    pid=$(daemon_pid "$node" "$daemon") || die "node$node: $daemon does not run"
    kill -s "${act^^}" "$pid"
    say "node$node: $daemon (pid $pid) got SIG${act^^}"
}

# corosync_hold ACT: a corosync that was killed on purpose stays down until `start`
corosync_hold() {
    case $1 in
    kill | term) in_member "node$node" touch /run/corosync.down ;;
    start) in_member "node$node" rm -f /run/corosync.down ;;
    esac
}

# Cut off from the other nodes on both legs; the workstation still reaches it.
node_partition() {
    in_member "node$node" nft -f - <<EOF
table inet lab_partition
delete table inet lab_partition
table inet lab_partition {
    set people { type ipv4_addr; elements = { $(lab_net 0).254 } }
    chain input { type filter hook input priority 0; policy drop; iifname "lo" accept; ip saddr @people accept; }
    chain output { type filter hook output priority 0; policy drop; oifname "lo" accept; ip daddr @people accept; }
}
EOF
    say "node$node: cut off from the other nodes"
}

node_heal() {
    in_member "node$node" nft delete table inet lab_partition 2>/dev/null ||
        die "node$node is not cut off"
    say "node$node: reaches the other nodes again"
}
