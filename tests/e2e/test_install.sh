#!/bin/bash
# test_install.sh - what `meson install` puts where, each program built alone, and that
# the installed unit, group, sshd drop-in, configuration, pages and completions work.
cd "$(dirname "$0")" || exit
. ./lib.sh

tree=$(cd ../.. && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"; tap_end' EXIT
dest=$work/dest

build() { # NAME OPTIONS...
    local name=$1
    shift
    meson setup "$work/$name" "$tree" --prefix=/usr --werror -Dtests=false "$@" && ninja -C "$work/$name"
}
put() { # NAME: installed as packages are made
    DESTDIR=$dest meson install --no-rebuild -C "$work/$1"
}
needed() { readelf -d "$1" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p'; }
without() { # PATTERN COMMAND...: what it prints has none of it
    local pattern=$1 output
    shift
    output=$("$@") || return
    ! grep -E "$pattern" <<<"$output"
}
files() { (cd "$dest" && find . ! -type d -printf '%m %P\n' | sort -k2); }

check "the console builds alone" build console -Dagent=disabled || exit
check "the agent builds alone" build agent -Dconsole=disabled || exit
check_fails "no agent comes with the console" test -e "$work/console/agent/gantryd"
check_fails "no console comes with the agent" test -e "$work/agent/tui/gantry"
check "the console loads no libvirt, LXC, SQLite or corosync" \
    without 'libvirt|liblxc|libsqlite|libcpg|libquorum|libxml2|libsystemd' ldd "$work/console/tui/gantry"
check "the agent asks for no ncurses, libssh or libvterm" \
    without 'ncurses|libtinfo|libssh|libvterm' needed "$work/agent/agent/gantryd"

check "the console is installed" put console
same "and nothing else" "644 usr/share/bash-completion/completions/gantry
644 usr/share/doc/gantry/examples/clusters.yaml
644 usr/share/doc/gantry/examples/config.yaml
644 usr/share/man/man1/gantry.1
644 usr/share/man/man5/gantry-config.5
644 usr/share/man/man7/gantry-protocol.7
644 usr/share/zsh/vendor-completions/_gantry
755 usr/bin/gantry" "$(files | sort)"
check "the agent is installed" put agent
same "both together are all that Gantry has" "644 etc/gantry/gantryd.yaml
644 etc/ssh/sshd_config.d/gantry.conf
644 usr/lib/systemd/system/gantryd.service
644 usr/lib/sysusers.d/gantry.conf
644 usr/share/bash-completion/completions/gantry
644 usr/share/doc/gantry/examples/clusters.yaml
644 usr/share/doc/gantry/examples/config.yaml
644 usr/share/man/man1/gantry.1
644 usr/share/man/man5/gantry-config.5
644 usr/share/man/man5/gantryd.yaml.5
644 usr/share/man/man7/gantry-protocol.7
644 usr/share/man/man8/gantryd.8
644 usr/share/zsh/vendor-completions/_gantry
755 usr/bin/gantry
755 usr/bin/gantryd" "$(files | sort)"
same "nothing in it names the tree or the build" "" \
    "$(grep -rlF -e "$tree" -e "$work" "$dest/etc" "$dest/usr/lib" "$dest/usr/share")"

echo "node: mine" >>"$dest/etc/gantry/gantryd.yaml"
check "it is installed again" put agent
check "what an administrator changed is kept" grep -qx 'node: mine' "$dest/etc/gantry/gantryd.yaml"
check "the configuration is good" "$dest/usr/bin/gantryd" --check "$dest/etc/gantry/gantryd.yaml"
same "the programs have one version" "$("$dest/usr/bin/gantryd" --version)" "gantryd $("$dest/usr/bin/gantry" version | cut -d' ' -f2)"

# sshd runs its sanity checks before it prints what holds; one that has never been
# started lacks a host key and its directory in /run.
ssh-keygen -qt ed25519 -N '' -f "$work/key"
made=
[ -d /run/sshd ] || { mkdir -m 755 /run/sshd && made=1; }
same "sshd takes the drop-in" "maxsessions 64" \
    "$(/usr/sbin/sshd -T -f "$dest/etc/ssh/sshd_config.d/gantry.conf" -h "$work/key" | grep maxsessions)"
[ -z "$made" ] || rmdir /run/sshd
if command -v systemd-analyze >/dev/null; then
    sed "s|=/usr/bin/|=$dest/usr/bin/|" "$dest/usr/lib/systemd/system/gantryd.service" >"$work/gantryd.service"
    same "systemd finds nothing wrong with the unit and its pages" "" \
        "$(MANPATH=$dest/usr/share/man systemd-analyze verify "$work/gantryd.service" 2>&1)"
    check "systemd-sysusers knows what to make" systemd-sysusers --root="$dest" gantry.conf
    check "which is the group" grep -q '^gantry:' "$dest/etc/group"
else
    skip "the unit and the group" "systemd is not installed"
fi

# completions, in the shells themselves, with a node and a guest to complete
check "a node comes up" "$lab" up 1 || exit
check "with a container" "$lab" guest node1 ct web1 --wait
shell() { "$lab" ws env PATH="$dest/usr/bin:$PATH" TERM=dumb "$@"; }
# complete_bash WORDS...: what bash offers for the last one
complete_bash() {
    shell bash -c '
        [ ! -r /usr/share/bash-completion/bash_completion ] || . /usr/share/bash-completion/bash_completion
        . "$1"
        shift
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*"
        COMP_POINT=${#COMP_LINE}
        _gantry gantry "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}" 2>/dev/null
        printf "%s\n" "${COMPREPLY[@]}"' \
        bash "$dest/usr/share/bash-completion/completions/gantry" "$@"
}
offers() { # WORD WORDS...
    local wanted=$1
    shift
    same_text "$wanted" "$(complete_bash "$@")"
}
same "bash completes a noun" guest "$(complete_bash gantry gue)"
same "a verb" $'shutdown\nshow' "$(complete_bash gantry guest sh | sort -r)"
same "an option" "--timeout" "$(complete_bash gantry guest shutdown web1 --ti)"
same "a choice" stop "$(complete_bash gantry guest shutdown web1 --then s)"
check "a guest's name" eventually 20 offers web1 gantry -H node1 guest shutdown w
check "a guest's number" eventually 20 offers ct/100 gantry -H node1 guest shutdown ct/
same "nothing for a node that does not exist" "" "$(complete_bash gantry -H nowhere guest shutdown w)"
if command -v zsh >/dev/null; then
    # A zsh on a terminal of its own, in which Tab is pressed.
    complete_zsh() { # TEXT WANTED
        shell timeout 30 zsh -f -c '
            zmodload zsh/zpty
            zpty z zsh -f -i
            zpty -w z "PS1= fpath=($1 \$fpath); autoload -U compinit && compinit -D -u; echo rea\"\"dy"
            zpty -r -m z line "*ready*" || exit
            zpty -w -n z "$2"$'"'\\t'"'
            zpty -r -m z line "*$3*"
            zpty -d z' zsh "$dest/usr/share/zsh/vendor-completions" "$@"
    }
    check "zsh completes a noun" complete_zsh "gantry gue" "guest "
    check "and a guest's name" complete_zsh "gantry -H node1 guest shutdown w" "web1 "
else
    skip "zsh's completion" "zsh is not installed"
fi
finish
