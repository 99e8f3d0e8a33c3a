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
