#!/bin/bash
# demo.sh [--plain] - a cluster of three nodes with a VM and a container each, and the console
# on them.
#
# Installs what is missing, builds into build-demo/, starts the nodes in namespaces
# (tests/lab) and opens the console over SSH. All goes away when the console is left,
# but the packages, build-demo/ and the cached images. Without a terminal, or with
# --plain, the dashboard is printed once; status 0 only if all nodes answered.
set -uo pipefail
cd "$(dirname "$(readlink -f "$0")")" || exit
. tests/lib/packages.sh
. tests/lib/steps.sh
umask 022

plain=
case ${1:-} in
--plain) plain=1 ;;
'') ;;
*)
    sed -n 's/^# \{0,1\}//; 2,8p' "$0"
    exit 2
    ;;
esac
[ -t 0 ] && [ -t 1 ] || plain=1
[ "$(id -u)" = 0 ] || {
    echo "demo.sh needs root for namespaces and packages: sudo ./demo.sh" >&2
    exit 1
}

export LAB=demo-$$ BUILD=$PWD/build-demo
lab=tests/lab/lab
log=$(mktemp)
leave() {
    trap '' INT TERM HUP
    [ ! -e "/var/tmp/gantry-lab/$LAB" ] || step "Taking everything down" $lab down
    rm -f "$log"
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

build() {
    [ -e "$BUILD/build.ninja" ] || meson setup "$BUILD" -Dtests=false || return
    ninja -C "$BUILD"
}

guests() { # NODE
    $lab guest "node$1" ct "web$1" --wait && $lab guest "node$1" vm "db$1" --wait
}

all_guests() {
    local node others=() status=0
    for node in 2 3; do
        guests $node &
        others+=($!)
    done
    guests 1 || status=1
    for node in "${others[@]}"; do wait "$node" || status=1; done
    return $status
}

start=${EPOCHREALTIME/[.,]/}
step "Installing what is missing" packages_install packages.txt console agent host lab || exit 1
step "Building gantry and gantryd" build || exit 1
step "Starting three nodes and making them a cluster" $lab up 3 || exit 1
step "Building the images of guests (once)" $lab image || exit 1
step "Starting a VM and a container on each" all_guests || exit 1
echo "Ready after $(seconds "$start") s"
if [ -n "$plain" ]; then
    $lab gantry --plain node1 node2 node3 </dev/null
else
    $lab gantry node1 node2 node3
fi
