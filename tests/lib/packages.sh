# shellcheck shell=bash
# packages.sh - install what packages.txt lists, as far as it is missing.

packages_installed() {
    [ "$(dpkg-query -Wf '${db:Status-Abbrev}' "$1" 2>/dev/null)" = "ii " ]
}

# packages_missing FILE ROLE...: of each line of these roles with none of its
# alternatives installed, the alternatives, one line each
packages_missing() {
    local file=$1 role alternatives name
    shift
    while read -r role alternatives _; do
        [[ " $* " = *" $role "* ]] || continue
        for name in ${alternatives//|/ }; do
            ! packages_installed "$name" || continue 2
        done
        echo "$alternatives"
    done < <(sed 's/#.*//' "$file")
}

# packages_choose: read lines of alternatives, print the first of each that apt has
packages_choose() {
    local alternatives name
    while read -r alternatives; do
        for name in ${alternatives//|/ }; do
            if [ -n "$(apt-cache policy "$name" | sed -n 's/^  Candidate: \((none)\)\{0,1\}//p')" ]; then
                echo "$name"
                continue 2
            fi
        done
        echo "no package for '$alternatives' in apt's lists" >&2
        return 1
    done
}

# packages_install FILE ROLE...: installs without starting services: the machine's
# own libvirt, LXC network and sshd stay as they are.
packages_install() {
    local missing chosen policy=/usr/sbin/policy-rc.d
    missing=$(packages_missing "$@")
    [ -n "$missing" ] || return 0
    [ "$(id -u)" = 0 ] || {
        echo "packages are missing and this is not root: ${missing//$'\n'/ }" >&2
        return 1
    }
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq update || echo "apt-get update failed; going on with the lists there are" >&2
    chosen=$(packages_choose <<<"$missing") || return 1
    (
        if [ ! -e $policy ]; then
            trap 'rm -f $policy' EXIT
            printf '#!/bin/sh\nexit 101\n' >$policy
            chmod 755 $policy
        fi
        # shellcheck disable=SC2086 # a list of names
        apt-get -qq -y --no-install-recommends -o DPkg::Lock::Timeout=300 install $chosen
    )
}
