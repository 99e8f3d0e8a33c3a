#!/usr/bin/python3
"""member_nodes.py COUNT PREFIX NUMBER GUESTS - in a node of a lab: simulated members of its cluster.

From node2 to nodeCOUNT each is a network namespace at the node's bridge with a corosync and a
store_node of its own. The first of them writes so many guests while few have to agree. It
prints "members COUNT" when all are there; when its input ends, all end.
"""
import re
import subprocess
import sys
import time
from pathlib import Path

STORE_NODE = '/opt/gantry/build/tests/bench/store_node'
PLACE = Path('/srv/local/members')
MEMBER = r"""
set -e
exec 3<&0
echo ready
read -r _ <&3
hostname "$1"
mount -t tmpfs none /dev/shm
mount --bind "$2/lib" /var/lib/corosync
mount -t tmpfs none /run
ip link set lo up
ip addr add "$3/24" dev eth0
ip link set eth0 up
corosync -f >"$2/corosync.log" 2>&1 &
exec "$4" "$2/store" "$1" "$5" agents <&3
"""


class Member:
    def __init__(self, number, prefix, store):
        name = f'node{number}'
        place = PLACE / name
        for folder in ('lib', 'store'):
            (place / folder).mkdir(parents=True)
        self.process = subprocess.Popen(
            ['unshare', '--net', '--mount', '--uts', '--ipc', '--pid', '--fork', '--kill-child', '--mount-proc', 'bash', '-c',
             MEMBER, 'member', name, place, f'{prefix}.{100 + number}', STORE_NODE, store],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()
        link = f'm{number}'
        pid = subprocess.run(['pgrep', '-P', str(self.process.pid)], check=True, capture_output=True, text=True).stdout.strip()
        for words in (['link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', pid],
                      ['link', 'set', link, 'master', 'vmbr0', 'up']):
            subprocess.run(['ip', *words], check=True)
        self.say('go')

    def hear(self, words):
        for line in self.process.stdout:
            if line.startswith(words):
                return
        raise RuntimeError(f'a member did not say {words}')

    def say(self, line):
        self.process.stdin.write(line + '\n')
        self.process.stdin.flush()


def await_ring(count):
    """Many that come at once would begin a ring again and again."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        said = subprocess.run(['corosync-quorumtool', '-s'], capture_output=True, text=True, check=False).stdout
        found = re.search(r'^Nodes: +(\d+)', said, re.MULTILINE)
        if found and int(found[1]) >= count:
            return
        time.sleep(0.1)


def main():
    count, prefix, store, guests = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
    members = []
    for number in range(2, count + 1):
        members.append(Member(number, prefix, store))
        await_ring(number)
        if number == 2:
            members[0].hear('state working')
            members[0].say(f'guests {guests} {count}')
            members[0].hear('guests ')
    members[-1].hear('state working')
    print('members', count, flush=True)
    sys.stdin.read()
    for member in members:
        member.process.kill()


main()
