"""Moves of a real VM beside virsh migrate of the same VM, between the same two nodes, in turns."""
import json
import subprocess
import time

from place import say
from process import median
from replicated import Cluster
from table import Row

ROUNDS = 5
EXTRA = 0.5    # seconds that ours may take longer, or
SHARE = 0.05   # so much of the peer's time
SSH = 'StrictHostKeyChecking no\nUserKnownHostsFile /dev/null\nLogLevel ERROR\n' \
      'IdentitiesOnly yes\nIdentityFile /root/.ssh/bench\nIdentityAgent none\n'


def trust(cluster):
    """virsh on each node reaches the other's libvirtd as it usually does, as root over SSH."""
    cluster.lab('run', 'node1', 'sh', '-c', 'mkdir -p /root/.ssh; rm -f /root/.ssh/bench; '
                'ssh-keygen -q -t ed25519 -N "" -f /root/.ssh/bench')
    key = cluster.lab('run', 'node1', 'cat', '/root/.ssh/bench')
    public = cluster.lab('run', 'node1', 'cat', '/root/.ssh/bench.pub')
    for node in ('node1', 'node2'):
        cluster.lab('run', node, 'sh', '-c',
                    'umask 077; mkdir -p /root/.ssh; printf "%s\\n" "$1" >/root/.ssh/bench; '
                    'printf "%s\\n" "$2" >>/root/.ssh/authorized_keys; '
                    'printf "%s" "$3" >/root/.ssh/config', 'sh', key.strip(), public.strip(), SSH)


def ours(cluster, source, target, **params):
    """Seconds from asking the agent until it says that the move is done."""
    params = json.dumps({'guest': 'mover', 'node': target, **params})
    begun = time.monotonic()
    task = json.loads(cluster.lab('run', source, 'gantry', '-H', 'local', '-o', 'json', 'api', 'guest.migrate', params))
    wait = json.dumps({'task': task['task']})
    ended = json.loads(cluster.lab('run', source, 'gantry', '-H', 'local', '-o', 'json', 'api', 'task.wait', wait))
    took = time.monotonic() - begun
    if ended['state'] != 'done':
        raise RuntimeError(f'the move failed: {ended["error"]}')
    return took, ended['result'].get('downtime_ms', 0)


def virsh(cluster, source, target, *options):
    begun = time.monotonic()
    try:
        cluster.lab('run', source, 'virsh', '-q', 'migrate', '--live', '--persistent', '--undefinesource', '--unsafe',
                    *options, 'mover', f'qemu+ssh://{target}/system', stderr=subprocess.STDOUT)
    except subprocess.CalledProcessError as error:
        raise RuntimeError(f'virsh migrate: {error.output.strip().splitlines()[-1:]}') from error
    took = time.monotonic() - begun
    said = cluster.lab('run', target, 'virsh', 'domjobinfo', 'mover', '--completed')
    downtime = [line.split()[2] for line in said.splitlines() if line.startswith('Total downtime')]
    return took, float(downtime[0]) if downtime else 0


def rows(name, mine, peers):
    times = [median([each[0] for each in side]) for side in (mine, peers)]
    downtimes = [median([each[1] for each in side]) for side in (mine, peers)]
    say(f'{name}: ours {[round(each[0], 2) for each in mine]}, virsh {[round(each[0], 2) for each in peers]}')
    return [Row(f'{name}: from asking to its end', 's', times[0], None, 'virsh migrate', times[1],
                difference=max(EXTRA, SHARE * times[1]), note='ours encrypted, virsh by plain TCP'),
            Row(f'{name}: it stands still', 'ms', downtimes[0], None, 'virsh migrate', downtimes[1])]


def settle(cluster, node):
    """Until the agent of the node knows the VM as running."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        listed = json.loads(cluster.lab('run', node, 'gantry', '-H', 'local', '-o', 'json', 'guest', 'ls'))
        if any(g['name'] == 'mover' and g['state'] == 'running' and not g.get('task') for g in listed):
            time.sleep(2.5)  # as long as an agent takes a state for unsettled
            return
        time.sleep(0.2)
    raise RuntimeError(f'the VM is not seen on {node}')


def shared(cluster):
    mine, peers = [], []
    for _ in range(ROUNDS):
        settle(cluster, 'node1')
        mine.append(ours(cluster, 'node1', 'node2'))
        settle(cluster, 'node2')
        virsh(cluster, 'node2', 'node1')
        settle(cluster, 'node1')
        peers.append(virsh(cluster, 'node1', 'node2'))
        settle(cluster, 'node2')
        ours(cluster, 'node2', 'node1')
    return rows('live, shared storage', mine, peers)


def copied(cluster):
    image = '/var/lib/libvirt/images/mover.qcow2'

    def copy(source, target):
        """What virsh wants made first is made before its time begins; what it leaves is removed after it."""
        cluster.lab('run', target, 'qemu-img', 'create', '-q', '-f', 'qcow2', image, '64M')
        figures = virsh(cluster, source, target, '--copy-storage-all')
        cluster.lab('run', source, 'rm', image)
        return figures
    mine, peers = [], []
    for _ in range(ROUNDS):
        settle(cluster, 'node1')
        mine.append(ours(cluster, 'node1', 'node2', with_disks=True))
        settle(cluster, 'node2')
        copy('node2', 'node1')
        settle(cluster, 'node1')
        peers.append(copy('node1', 'node2'))
        settle(cluster, 'node2')
        ours(cluster, 'node2', 'node1', with_disks=True)
    return rows('live, its disk copied (40 MiB)', mine, peers)


def moves(place):
    """a VM with 256 MiB of memory, 100 of them in use"""
    with Cluster(place, 2) as cluster:
        trust(cluster)
        cluster.lab('guest', 'node1', 'vm', 'mover', '--memory', '256')
        cluster.lab('run', 'node1', 'qemu-io', '-f', 'qcow2', '-c', 'write -P 0x5a 24M 40M',
                    '/var/lib/libvirt/images/mover.qcow2')
        cluster.lab('run', 'node1', 'virsh', '-q', 'start', 'mover')
        found = copied(cluster)
        cluster.lab('run', 'node1', 'virsh', '-q', 'destroy', 'mover')
        cluster.lab('run', 'node1', 'sh', '-c', 'mv /var/lib/libvirt/images/mover.qcow2 /srv/shared/; virsh dumpxml mover |'
                    'sed s,/var/lib/libvirt/images/,/srv/shared/, >/tmp/x; virsh define /tmp/x; virsh start mover')
        return shared(cluster) + found


GROUPS = {'moves': moves}
