# shellcheck shell=bash disable=SC2154 # variables of common.sh
# fault.sh - what goes wrong with a node, on purpose, and is undone again.

# comm of each daemon that init starts
declare -A daemons=([gantryd]=gantryd [libvirtd]=libvirtd [virtlogd]=virtlogd [sshd]=sshd
    [corosync]=corosync [qdevice]=corosync-qdevic [qnetd]=corosync-qnetd)

# daemon_pid NUMBER DAEMON: the host's pid of what init of that node started, never
# that of a child of it (a session of sshd, say)
daemon_pid() {
    local init pid
    init=$(pid_of "$DIR/node$1/init.pid")
    for pid in $(<"/proc/$init/task/$init/children"); do
        [ "$(cat "/proc/$pid/comm" 2>/dev/null)" != "${daemons[$2]}" ] || {
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
    partition | diskfull | slow | heal)
        "node_$act" "$daemon"
        return
        ;;
    stop | cont | kill | term | hup | start) ;;
    *) die "no such fault: '$act' (stop, cont, kill, term, hup, start, partition, slow, diskfull, heal)" ;;
    esac
    [ -n "${daemons[${daemon:-?}]:-}" ] || die "no such daemon: '$daemon' (${!daemons[*]})"
    case $daemon:$act in
    corosync:start | qnetd:start)
        in_member "node$node" rm -f "/run/$daemon.down"
        return
        ;;
    *:start) die "init starts $daemon by itself" ;;
    # one that was killed on purpose stays down until `start`
    corosync:kill | corosync:term | qnetd:kill | qnetd:term) in_member "node$node" touch "/run/$daemon.down" ;;
    esac
    pid=$(daemon_pid "$node" "$daemon") || die "node$node: $daemon does not run"
    kill -s "${act^^}" "$pid"
    say "node$node: $daemon (pid $pid) got SIG${act^^}"
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

# shape VERB [DISCIPLINE...]: the queues of both legs, on the node's side and the switch's
shape() {
    local leg verb=$1
    shift
    for leg in 0 1; do
        in_member "node$node" tc qdisc "$verb" dev "eth$leg" root "$@"
        nsenter -t "$(pid_of "$DIR/switch.pid")" --net tc qdisc "$verb" dev "n${node}p$leg" root "$@"
    done
}

# throttle LIMIT: writes a second to the node's disk, of its processes and of the kernel's
# own threads; 0: no limit
throttle() {
    local root dir device
    device=$(cat "$DIR/node$node/disk.dev")
    for root in $(cgroup_roots); do
        for dir in "$root" "$root/gantry-lab-$LAB/node$node"; do
            if [ -w "$dir/blkio.throttle.write_iops_device" ]; then
                echo "$device $1" >"$dir/blkio.throttle.write_iops_device"
            elif [ -w "$dir/io.max" ]; then
                echo "$device wiops=${1/#0/max}" >"$dir/io.max"
            fi
        done
    done
}

# node_slow net|disk
node_slow() {
    case $1 in
    net) shape replace tbf rate 256kbit burst 2000 latency 2s ;;
    disk) throttle 20 ;;
    *) die "what is to be slow: net or disk, not '$1'" ;;
    esac
    touch "$DIR/node$node/slow-$1"
    say "node$node: slow $1"
}

node_diskfull() {
    # the last blocks too, which are too few for fallocate; and it is the error that is wanted
    # shellcheck disable=SC2016 # the node's shell expands it
    in_member "node$node" sh -c 'cd /srv/local &&
        fallocate -l "$(df --output=avail -B1 . | tail -n 1)" .lab-full 2>/dev/null
        head -c 256M /dev/zero >>.lab-full 2>/dev/null
        ! head -c 4096 /dev/zero >.lab-probe 2>/dev/null; status=$?; rm -f .lab-probe; exit $status' ||
        die "node$node: its disk could not be filled"
    say "node$node: disk full"
}

node_heal() {
    local done=''
    if in_member "node$node" nft delete table inet lab_partition 2>/dev/null; then
        done="reaches the other nodes again"
    fi
    if [ -e "$DIR/node$node/slow-net" ]; then
        shape del
        rm "$DIR/node$node/slow-net"
        done=${done:+$done, }"its network is fast again"
    fi
    if [ -e "$DIR/node$node/slow-disk" ]; then
        throttle 0
        rm "$DIR/node$node/slow-disk"
        done=${done:+$done, }"its disk is fast again"
    fi
    if in_member "node$node" test -e /srv/local/.lab-full; then
        in_member "node$node" rm /srv/local/.lab-full
        done=${done:+$done, }"its disk has room again"
    fi
    [ -n "$done" ] || die "node$node has nothing to be healed of"
    say "node$node: $done"
}

# node_qnetd NODE: what Debian's corosync-qnetd does when it is installed; init starts it
node_qnetd() {
    node_number "${1:?qnetd needs a node}"
    command -v corosync-qnetd >/dev/null || die "corosync-qnetd is missing: install the packages 'lab' of packages.txt"
    in_member "node$node" sh -e -c 'corosync-qnetd-certutil -i -G >/var/log/qnetd-certutil.log 2>&1
        cd /etc/corosync/qnetd/nssdb && chgrp coroqnetd . cert9.db key4.db
        install -d -o coroqnetd -g coroqnetd -m 770 /run/corosync-qnetd'
    wait_for 20 in_member "node$node" corosync-qnetd-tool -s || die "node$node: qnetd does not answer"
    say "node$node: qnetd"
}
