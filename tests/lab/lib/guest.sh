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
    local disk=/srv/local/images/$name.qcow2
    ! in_member "node$node" test -e "$disk" || die "node$node has a disk $name.qcow2 already"
    in_member "node$node" cp "/srv/lab/$images/data.qcow2" "$disk"
    sed "s|@TYPE@|$type|; s|@NAME@|$name|g; s|@UUID@|$(cat /proc/sys/kernel/random/uuid)|; s|@MEMORY@|$memory|
        s|@IMAGES@|/srv/lab/$images|; s|@ADDRESS@|$address|; s|@TUNE@|$tune|; s|@CPU@|$cpu|; s|@FEATURES@|$features|
        s|@SERIAL2@|$serial2|" "$here/guest/domain.xml" |
        in_member "node$node" virsh -q define /dev/stdin >/dev/null
    [ -z "$start" ] || in_member "node$node" virsh -q start "$name" >/dev/null
    [ -z "$wait" ] || wait_for 120 in_member "node$node" virsh qemu-agent-command "$name" '{"execute":"guest-ping"}' ||
        die "vm $name: its agent does not answer"
}

guest_ct() {
    local dir=/srv/local/lxc/$name
    ! in_member "node$node" test -e "$dir" || die "node$node has a container $name already"
    sed "s|@NAME@|$name|g; s|@ADDRESS@|$address|" "$here/guest/ct-config" |
        in_member "node$node" sh -e -c 'umask 022
            mkdir -p "$1/rootfs" && chmod 770 "$1" && tar -C "$1/rootfs" -xf "$2" && cat >"$1/config"' \
            sh "$dir" "/srv/lab/$images/rootfs.tar"
    [ -z "$start" ] || in_member "node$node" lxc-start -n "$name" -o "/var/log/lxc-$name.log" -l INFO
    [ -z "$wait" ] || wait_for 30 in_member "node$node" lxc-attach -n "$name" -- test -e /run/ready ||
        die "ct $name is not ready"
}
