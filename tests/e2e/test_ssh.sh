#!/bin/bash
# test_ssh.sh - every way to a node by SSH, and every way in which it is refused.
cd "$(dirname "$0")" || exit
. ./lib.sh

here=$PWD
check "two nodes come up" "$lab" up --apart 2 || exit
home=$("$lab" ws sh -c 'echo $HOME')
keys=$home/keys
node1=$("$lab" addr node1)

on1() { "$lab" run node1 "$@"; }
gantry() { "$lab" gantry "$@"; }
# answering PATTERN ANSWER... -- ARGS...: gantry ARGS on a terminal, questions answered
answering() {
    local words=()
    while [ "$1" != -- ]; do
        words+=("$1")
        shift
    done
    shift
    "$lab" ws "$here/answer.py" "${words[@]}" -- "$BUILD/tui/gantry" "$@"
}
# says STATUS TEXT COMMAND...: ends with that status, and says that
says() {
    local expected=$1 text=$2 output status=0
    shift 2
    output=$("$@" 2>&1 </dev/null) || status=$?
    [ $status -eq "$expected" ] || {
        printf 'status %s, expected %s: %s\n' $status "$expected" "$output"
        return 1
    }
    grep -qiE -- "$text" <<<"$output" || {
        printf 'no "%s" in: %s\n' "$text" "$output"
        return 1
    }
}
# config NAME: a file of ssh_config for -F, its lines from standard input
config() {
    cat >"$home/$1"
    echo "UserKnownHostsFile $home/.ssh/known_hosts" >>"$home/$1"
}
who='"user": "'

# ---- keys ----
check "the agent answers" eventually 20 gantry -H node1 whoami
for user in viewer operator; do
    check "$user is $user" says 0 "\"role\": \"$user\"" gantry -H "$user@node1" -o json whoami
done
check "two nodes at once" says 0 'node2' gantry -H node1 -H node2 whoami
check "ssh:// and a port" says 0 "${who}viewer" gantry -H "ssh://viewer@$node1:22" -o json whoami
check "an outsider is told to ask for the group" says 3 'group' gantry -H outsider@node1 whoami

mkdir -p "$keys"
ssh-keygen -qt ed25519 -N 'open sesame' -f "$keys/locked" </dev/null
"$lab" ws sh -c "cat $keys/locked.pub" | on1 sh -c 'cat >>/root/.ssh/authorized_keys'
config locked <<EOF
Host node1
    HostName $node1
    HostKeyAlias node1
    User root
    IdentityFile $keys/locked
EOF
check "a locked key needs its passphrase" \
    answering Passphrase 'open sesame' -- -F "$home/locked" -H node1 whoami
check "a wrong passphrase is asked again" \
    answering Passphrase nonsense Passphrase 'open sesame' -- -F "$home/locked" -H node1 whoami
check "without a terminal nobody is asked" says 1 'no terminal' setsid "$lab" gantry -F "$home/locked" -H node1 whoami

# an agent that holds the key, and no file
config agent <<EOF
Host node1
    HostName $node1
    HostKeyAlias node1
    User root
    IdentityFile none
EOF
check "an SSH agent" "$lab" ws ssh-agent sh -c \
    "ssh-add -q $home/.ssh/id_ed25519 && $BUILD/tui/gantry -F $home/agent -H node1 whoami"
# ---- a second sshd with settings of its own ----
ssh-keygen -qt ed25519 -N '' -f "$keys/ca" </dev/null
ssh-keygen -qt ed25519 -N '' -f "$keys/signed" </dev/null
ssh-keygen -qs "$keys/ca" -I test -n viewer "$keys/signed.pub" </dev/null 2>/dev/null
on1 sh -c 'cat >/etc/ssh/ca.pub' <"$keys/ca.pub"
second() { # PORT OPTIONS...
    local port=$1
    shift
    on1 /usr/sbin/sshd -p "$port" -o PidFile=none "$@"
}
second 2201 -o TrustedUserCAKeys=/etc/ssh/ca.pub -o PasswordAuthentication=no -o KbdInteractiveAuthentication=no
second 2202 -o KbdInteractiveAuthentication=no
config cert <<EOF
StrictHostKeyChecking no
Host node1
    HostName $node1
    User viewer
    IdentityFile $keys/signed
EOF
check "a certificate beside its key" says 0 "${who}viewer" gantry -F "$home/cert" -H node1:2201 -o json whoami
mv "$keys/signed-cert.pub" "$keys/elsewhere.pub"
check "without its certificate the key is refused, and what was tried is said" \
    says 4 'tried: .*signed.*the server takes: publickey' gantry -F "$home/cert" -H node1:2201 whoami
echo "CertificateFile $keys/elsewhere.pub" >>"$home/cert"
check "a certificate by CertificateFile" says 0 "${who}viewer" gantry -F "$home/cert" -H node1:2201 -o json whoami

config nokey <<EOF
StrictHostKeyChecking no
Host *
    HostName $node1
    User viewer
    IdentityFile none
EOF
check "keyboard-interactive" answering 'assword:' viewer -- -F "$home/nokey" -H node1 whoami
check "password" answering 'Password:' viewer -- -F "$home/nokey" -H node1:2202 whoami
check "a wrong password is asked again" \
    answering 'Password:' wrong 'once more[^P]*Password:' viewer -- -F "$home/nokey" -H node1:2202 whoami
check "Ctrl-C at a question cancels" says 1 'cancelled' answering 'Password:' $'\x03' -- -F "$home/nokey" -H node1:2202 whoami

# ---- hosts ----
check "an unknown host" says 4 'no address is known' gantry -H nosuchhost whoami
check "a refused connection" says 4 'refuses the connection' gantry -H node1:9 whoami
on1 sh -c 'busybox nc -ll -p 7777 -e /bin/date >/dev/null 2>&1 &'
check "not an SSH server" says 4 'does not answer as an SSH server' gantry -H node1:7777 whoami

known=$home/known
cat >"$home/strange" <<EOF
Host node1
    HostName $node1
    User root
    IdentityFile $home/.ssh/id_ed25519
    UserKnownHostsFile $known
EOF
: >"$known"
check "an unknown key is not taken without asking" says 4 'not accepted' setsid "$lab" gantry -F "$home/strange" -H node1 whoami
check "no is no" says 4 'not accepted' answering 'yes/no' no -- -F "$home/strange" -H node1 whoami
same "nothing was written" 0 "$(wc -l <"$known")"
print=$(ssh-keygen -lf <(on1 cat /etc/ssh/ssh_host_ed25519_key.pub) | awk '{print $2}')
check "its fingerprint is shown, and yes adds it" \
    answering "$(sed 's/[+]/[+]/g' <<<"$print")[^?]*yes/no" yes -- -F "$home/strange" -H node1 whoami
check "then it is known" says 0 root gantry -F "$home/strange" -H node1 whoami
printf '# first line\n%s %s\n' "$node1" "$(cut -d' ' -f1,2 "$keys/ca.pub")" >"$known"
check "a changed key is refused loudly, with file and line" \
    says 4 "HAS CHANGED.*$known:2.*ssh-keygen -R" gantry -F "$home/strange" -H node1 whoami
echo 'StrictHostKeyChecking no' >>"$home/strange"
check "also where keys are not checked strictly" says 4 'HAS CHANGED' gantry -F "$home/strange" -H node1 whoami

# ---- through others ----
cat >"$home/jump" <<EOF
Host inner
    HostName 127.0.0.1
    HostKeyAlias node2
    ProxyJump node1,two
Host two
    HostName $("$lab" addr node2)
    HostKeyAlias node2
Host piped
    HostName $node1
    HostKeyAlias node1
    ProxyCommand busybox nc %h %p
Host broken
    HostName 127.0.0.1
    ProxyJump nosuchhost
$(cat "$home/.ssh/config")
EOF
check "through two jump hosts" says 0 '"node": "node2"' gantry -F "$home/jump" -H inner -o json whoami
check "through a ProxyCommand" says 0 '"node": "node1"' gantry -F "$home/jump" -H piped -o json whoami
check "a jump host that is not found is named" says 4 'on the way to broken: nosuchhost' gantry -F "$home/jump" -H broken whoami

# ---- the agent ----
on1 mv /usr/local/bin/gantryd /usr/local/bin/gantryd.away
check "no agent installed: how to" says 4 'not installed.*apt install gantryd' gantry -H node1 whoami
on1 mv /usr/local/bin/gantryd.away /usr/local/bin/gantryd
on1 mv /run/gantry.sock /run/away.sock
check "no agent running: how to" says 4 'not running.*systemctl' gantry -H node1 whoami
on1 mv /run/away.sock /run/gantry.sock
check "and it is back" says 0 root gantry -H node1 whoami
check "on a node, by its socket" says 0 '"node": "node1"' on1 /opt/gantry/build/tui/gantry -o json whoami

# ---- the connection dies ----
gantry -H node1 event watch >/dev/null 2>"$home/watch.log" &
watch=$!
watching() { on1 pgrep -f '^gantryd bridge'; }
check "a watch is open" eventually 10 watching
on1 pkill -f '^sshd: root@notty'
wait $watch
same "a lost connection ends a command with 4" 4 $?
check "which says so" grep -q 'lost\|hear' "$home/watch.log"

# ---- a link that is kept up, and one through another ----
probe=$BUILD/tests/e2e/link-probe
mkfifo "$home/orders"
"$lab" ws "$probe" node1 <"$home/orders" >"$home/probe.log" 2>&1 &
exec 5>"$home/orders"
states() { [ "$(awk '{print $1}' "$home/probe.log" | paste -sd ' ')" = "$1" ]; }
check "a link is made" eventually 10 states 'connecting connected'
on1 pkill -f '^sshd: root@notty'
check "lost, it comes back by itself" eventually 10 states 'connecting connected waiting connecting connected'
check "and said why it was lost" grep -q 'waiting node1: the connection was lost' "$home/probe.log"
echo 'session.ping 200' >&5
answered() { grep -q '^session.ping [0-9]* [0-9]*$' "$home/probe.log"; }
check "calls are answered over it" eventually 30 answered
echo "# an answer over SSH takes $(awk '/^session.ping/ {print $2}' "$home/probe.log") microseconds (median)"
exec 5>&-
"$lab" ws "$probe" "$node1" node2 <"$home/orders" >"$home/probe.log" 2>&1 &
exec 5>"$home/orders"
check "a node through another's session" eventually 10 states 'connecting connected'
exec 5>&-
wait

# ---- consoles and programs ----
"$lab" guest node1 ct c1 --start >/dev/null
listed() { gantry -H node1 -o json guest ls | grep -q '"name": "c1"'; }
check "a container is listed" eventually 10 listed
same "guest exec: input, output and status" "in 3" \
    "$(echo in | gantry -H node1 guest exec c1 sh -c 'cat; exit 3' | tr -d '\n'; echo " ${PIPESTATUS[1]}")"
same "the same on the node itself" "in 3" \
    "$(echo in | on1 /opt/gantry/build/tui/gantry guest exec c1 sh -c 'cat; exit 3' | tr -d '\n'; echo " ${PIPESTATUS[1]}")"
check "guest console, and Ctrl-] leaves" answering 'leaves' '' '# ' 'echo m$((40+2))m' 'm42m' $'\x1d' -- -H node1 guest console c1
check "an act waits for its task" says 0 '' gantry -H node1 guest pause c1
check "one that makes no sense fails with the reason" says 1 "can't be paused" gantry -H node1 guest pause c1
check "a viewer may not" says 3 'operator' gantry -H viewer@node1 guest resume c1
check "no such guest" says 5 'nosuch' gantry -H node1 -H node2 guest resume nosuch
check "found on one of two nodes" says 0 '' gantry -H node1 -H node2 guest resume c1
check "--no-wait prints the task" says 0 'node1$' gantry -H node1 guest stop c1 --no-wait
finish
