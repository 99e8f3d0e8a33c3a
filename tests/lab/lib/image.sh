# shellcheck shell=bash disable=SC2154 # variables of common.sh
# image.sh - the tiny VM's kernel, initramfs and disk and the container's root, built
# once and cached under a key of how they are made.
#
#   vmlinuz, initrd.gz   Debian's cloud kernel; busybox and qemu-guest-agent
#   data.qcow2           64 MiB of ext4, the guest's /data
#   rootfs.tar           a busybox container

image_key() {
    cat "$here/lib/image.sh" "$here"/guest/* "$(command -v busybox)" | sha256sum | cut -c1-16
}

# image_ensure: sets `images` to the directory's name in $CACHE
image_ensure() {
    local new
    images=$(image_key)
    [ ! -e "$CACHE/$images/done" ] || return 0
    mkdir -p "$CACHE"
    exec 7>"$CACHE/.lock"
    flock 7
    if [ ! -e "$CACHE/$images/done" ]; then
        new=$(mktemp -d "$CACHE/.new.XXXXXX")
        # a failing build must leave nothing; the subshell keeps set -e at work
        (
            trap 'rm -rf "$new/tmp"' EXIT
            mkdir "$new/tmp"
            image_kernel "$new"
            image_initrd "$new"
            image_disk "$new"
            image_container "$new"
            touch "$new/done"
        )
        [ -e "$new/done" ] || {
            rm -rf "$new"
            die "could not build the images of guests"
        }
        chmod 755 "$new"
        rm -rf "${CACHE:?}/$images"
        mv "$new" "$CACHE/$images"
        say "images of guests built in $CACHE/$images"
    fi
    exec 7>&-
}

# the packages are only unpacked, not installed
image_kernel() {
    local kernel
    cd "$1/tmp" || return
    kernel=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | awk '/Depends:/ {print $2; exit}')
    if [ -z "$kernel" ]; then
        apt-get -qq update
        kernel=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends:/ {print $2; exit}')
    fi
    apt-get -qq -o APT::Sandbox::User=root download "$kernel" qemu-guest-agent
    dpkg -x linux-image-*.deb kernel
    dpkg -x qemu-guest-agent_*.deb agent
    cp kernel/boot/vmlinuz-* "$1/vmlinuz"
}

image_busybox() { # ROOT
    local applet
    mkdir -p "$1"/{bin,sbin,etc,proc,sys,dev,run,tmp,root,mnt,var/log,usr/bin,usr/sbin}
    cp "$(command -v busybox)" "$1/bin/busybox"
    for applet in $(busybox --list); do
        [ "$applet" = busybox ] || ln -sf busybox "$1/bin/$applet"
    done
    ln -s ../bin/busybox "$1/sbin/init"
    ln -sfn ../run "$1/var/run"
    printf 'root:x:0:0:root:/root:/bin/sh\n' >"$1/etc/passwd"
    printf 'root:x:0:\n' >"$1/etc/group"
}

# image_module NAME: with what it needs first, numbered in the order to insert; what the
# kernel has built in is not there. Uses `new` (image_ensure) and root (image_initrd).
image_module() {
    local path file needs
    path=$(find "$new/tmp/kernel" -name "$1.ko*" -o -name "${1//_/-}.ko*" | head -n 1)
    [ -n "$path" ] && ! ls "$root"/modules/*-"$1.ko" >/dev/null 2>&1 || return 0
    file=$new/tmp/$1.ko
    case $path in
    *.xz) xz -dc "$path" >"$file" ;;
    *) cp "$path" "$file" ;;
    esac
    for needs in $(tr '\0' '\n' <"$file" | sed -n 's/^depends=//p' | tr , ' '); do
        image_module "$needs"
    done
    mv "$file" "$root/modules/$(printf %02d "$(find "$root/modules" -type f | wc -l)")-$1.ko"
}

image_initrd() {
    local root=$1/tmp/initrd module path library
    image_busybox "$root"
    mkdir -p "$root"/{data,modules,etc/acpi}
    for module in virtio_pci virtio_blk virtio_net virtio_console virtio_balloon button evdev \
        crc32c_generic ext4; do
        image_module "$module"
    done
    path=$1/tmp/agent/usr/sbin/qemu-ga
    cp "$path" "$root/bin/"
    for library in $(ldd "$path" | grep -o '/[^ ]*'); do
        mkdir -p "$root${library%/*}"
        cp -L "$library" "$root$library"
    done
    cp "$here/guest/vm-rc" "$root/etc/rc"
    cp "$here/guest/vm-inittab" "$root/etc/inittab"
    cp "$here/guest/vm-power" "$root/etc/acpi/power"
    cp "$here/guest/vm-shutdown" "$root/sbin/shutdown"
    ln -sf /sbin/init "$root/init"
    (cd "$root" && find . | cpio -oH newc --quiet | gzip -1) >"$1/initrd.gz"
}

image_disk() {
    truncate -s 64M "$1/tmp/data.raw"
    mke2fs -qFt ext4 -L data "$1/tmp/data.raw"
    qemu-img convert -O qcow2 "$1/tmp/data.raw" "$1/data.qcow2"
}

image_container() {
    local root=$1/tmp/rootfs
    image_busybox "$root"
    cp "$here/guest/ct-inittab" "$root/etc/inittab"
    cp "$here/guest/ct-rc" "$root/etc/rc"
    tar -C "$root" --numeric-owner --owner=0 --group=0 -cf "$1/rootfs.tar" .
}
