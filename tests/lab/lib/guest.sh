# shellcheck shell=bash disable=SC2154 # variables of common.sh and image.sh
# guest.sh - tiny real guests on a node.

# guest_address: the next free address for guests, .10 to .250
guest_address() {
    local last
    exec 7<"$DIR"
    flock 7
    last=$(cat "$DIR/last-address" 2>/dev/null || echo 9)
    [ "$last" -lt 250 ] || die "no address left for a guest; give one with --addr"
    echo $((last + 1)) >"$DIR/last-address"
    exec 7<&-
    echo "$(lab_net 0).$((last + 1))"
}

guest_make() {
    local kind=${2:-} name=${3:-} address='' memory=96 start='' wait='' serial2=''
    node_number "${1:?guest needs: NODE vm|ct NAME}"
    [[ $name =~ ^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$ ]] || die "bad guest name '$name'"
    shift 3
    while [ $# -gt 0 ]; do
        case $1 in
        --addr) address=${2:?--addr needs an address}; shift ;;
        --memory) memory=${2:?--memory needs a number of MiB}; shift ;;
        --start) start=1 ;;
        --wait) start=1 wait=1 ;;
        --serial2) serial2="<serial type='pty'><target port='1'/></serial>" ;;
        *) die "guest: no such option '$1'" ;;
        esac
        shift
    done
    image_ensure
    [ -n "$address" ] || address=$(guest_address)
    case $kind in
    vm) guest_vm ;;
    ct) guest_ct ;;
    *) die "a guest is vm or ct, not '$kind'" ;;
    esac
    say "node$node: $kind $name${start:+ started}${wait:+ and ready}"
    echo "$address"
}

# guest_vm and guest_ct use the variables of guest_make
guest_vm() {
    local type=qemu cpu="<cpu mode='custom'><model>qemu64</model></cpu>" tune=" tsc=unstable"
    local features="<tcg><tb-cache unit='MiB'>32</tb-cache></tcg>" # 1 GiB else
    if [ "$(cat "$DIR/node$node/accel")" = KVM ]; then
        type=kvm cpu="<cpu mode='host-passthrough'/>" tune='' features=''
    fi
    [ ! -e "$DIR/node$node/local/images/$name.qcow2" ] || die "node$node has a disk $name.qcow2 already"
    cp "$CACHE/$images/data.qcow2" "$DIR/node$node/local/images/$name.qcow2"
    sed "s|@TYPE@|$type|; s|@NAME@|$name|g; s|@UUID@|$(cat /proc/sys/kernel/random/uuid)|; s|@MEMORY@|$memory|
        s|@IMAGES@|/srv/lab/$images|; s|@ADDRESS@|$address|; s|@TUNE@|$tune|; s|@CPU@|$cpu|; s|@FEATURES@|$features|
        s|@SERIAL2@|$serial2|" "$here/guest/domain.xml" |
        in_member "node$node" virsh -q define /dev/stdin >/dev/null
    [ -z "$start" ] || in_member "node$node" virsh -q start "$name" >/dev/null
    [ -z "$wait" ] || wait_for 120 in_member "node$node" virsh qemu-agent-command "$name" '{"execute":"guest-ping"}' ||
        die "vm $name: its agent does not answer"
}

guest_ct() {
    local dir=$DIR/node$node/local/lxc/$name
    [ ! -e "$dir" ] || die "node$node has a container $name already"
    mkdir -p "$dir/rootfs"
    chmod 770 "$dir"
    tar -C "$dir/rootfs" -xf "$CACHE/$images/rootfs.tar"
    sed "s|@NAME@|$name|g; s|@ADDRESS@|$address|" "$here/guest/ct-config" >"$dir/config"
    [ -z "$start" ] || in_member "node$node" lxc-start -n "$name" -o "/var/log/lxc-$name.log" -l INFO
    [ -z "$wait" ] || wait_for 30 in_member "node$node" lxc-attach -n "$name" -- test -e /run/ready ||
        die "ct $name is not ready"
}
