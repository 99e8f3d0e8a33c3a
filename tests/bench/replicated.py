"""The store of a cluster beside etcd, on the same nodes, each with its data on the same disk."""
import json
import os
import select
import struct
import subprocess
import time

from place import LAB, say
from process import median
from table import Row

SIZE = 256    # bytes of a value
SECONDS = 4   # of each round
ROUNDS = 3
BEHIND = 10000
DATA = '/srv/local/bench'


class Cluster:
    """Nodes of a lab of their own that are a cluster."""

    def __init__(self, place, count):
        self.count = count
        self.environment = {**os.environ, 'LAB': f'b{os.getpid()}-{count}', 'BUILD': str(place.build)}
        self.children = []
        self.program = place.node_program('bench/store_node')

    def lab(self, *words, **options):
        return subprocess.run([LAB, *map(str, words)], check=True, text=True, env=self.environment,
                              stdout=subprocess.PIPE, **options).stdout

    def start(self, node, *words, **options):
        child = subprocess.Popen([LAB, 'run', f'node{node}', *map(str, words)], text=True,
                                 env=self.environment, **options)
        self.children.append(child)
        return child

    def __enter__(self):
        say(self.lab('up', self.count).strip())
        if subprocess.run([LAB, 'run', 'node1', 'test', '-e', '/etc/corosync/corosync.conf'], check=False,
                          env=self.environment).returncode:
            self.lab('cluster')
        return self

    def __exit__(self, *_):
        for child in self.children:
            child.kill()
        for child in self.children:
            child.wait()
        self.lab('down')


class StoreNode:
    def __init__(self, cluster, node, number=''):
        cluster.lab('run', f'node{node}', 'mkdir', '-p', f'{DATA}/store')
        self.process = cluster.start(node, cluster.program, f'{DATA}/store', f'node{node}', *([number] if number else []),
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.lines, self.rest = [], ''
        self.unblock()

    def unblock(self):
        os.set_blocking(self.process.stdout.fileno(), False)

    def wait(self, word, seconds=90):
        """The rest of the next line that begins with the word."""
        end = time.monotonic() + seconds
        while True:
            for i, line in enumerate(self.lines):
                if line.startswith(word + ' '):
                    del self.lines[:i + 1]
                    return line.split()[1:]
            left = end - time.monotonic()
            if left <= 0 or self.process.poll() is not None:
                raise RuntimeError(f'store_node did not say {word}: {self.lines}')
            if select.select([self.process.stdout], [], [], left)[0]:
                *lines, self.rest = (self.rest + (self.process.stdout.read() or '')).split('\n')
                self.lines += lines

    def ask(self, command, word):
        self.process.stdin.write(command + '\n')
        self.process.stdin.flush()
        return self.wait(word)

    def write(self, writers):
        """Commits a second, and the mean milliseconds of each."""
        count, mean, _ = self.ask(f'write {SECONDS} {writers} {SIZE}', 'wrote')
        return int(count) / SECONDS, float(mean)


class Etcd:
    """etcd on all nodes; h2load speaks its gRPC to the one that leads."""

    def __init__(self, cluster):
        self.cluster = cluster
        address = [cluster.lab('addr', f'node{i + 1}').strip() for i in range(cluster.count)]
        members = ','.join(f'node{i + 1}=http://{a}:2380' for i, a in enumerate(address))
        for i, a in enumerate(address):
            cluster.lab('run', f'node{i + 1}', 'mkdir', '-p', f'{DATA}/etcd')
            cluster.start(i + 1, 'etcd', '--name', f'node{i + 1}', '--data-dir', f'{DATA}/etcd', '--log-level', 'error',
                          '--listen-client-urls', f'http://{a}:2379', '--advertise-client-urls', f'http://{a}:2379',
                          '--listen-peer-urls', f'http://{a}:2380', '--initial-advertise-peer-urls',
                          f'http://{a}:2380', '--initial-cluster', members, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL)
        self.endpoints = ','.join(f'http://{a}:2379' for a in address)
        self.leader, self.url = self.find_leader(address)
        key, value = b'bench', b'v' * SIZE
        body = b'\x0a' + bytes([len(key)]) + key + b'\x12' + bytes([SIZE & 0x7f | 0x80, SIZE >> 7]) + value
        cluster.lab('run', f'node{self.leader}', 'python3', '-c', 'import sys; open(sys.argv[1], "wb").write('
                    'bytes.fromhex(sys.argv[2]))', f'{DATA}/body', (b'\0' + struct.pack('>I', len(body)) + body).hex())

    def find_leader(self, address):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            said = subprocess.run([LAB, 'run', 'node1', 'env', 'ETCDCTL_API=3', 'etcdctl', '--endpoints', self.endpoints,
                                   'endpoint', 'status', '-w', 'json'], env=self.cluster.environment, text=True,
                                  capture_output=True, check=False).stdout
            for i, one in enumerate(json.loads(said) if said.startswith('[') else []):
                status = one['Status']
                if status['header']['member_id'] == status['leader'] and status['leader']:
                    at = one['Endpoint'].removeprefix('http://').removesuffix(':2379')
                    return address.index(at) + 1, f'http://{at}:2379/etcdserverpb.KV/Put'
            time.sleep(0.2)
        raise RuntimeError('etcd has no leader')

    def write(self, writers):
        said = self.cluster.lab('run', f'node{self.leader}', 'h2load', '-D', SECONDS, '-c', min(writers, 4), '-m',
                                max(1, writers // 4), '-d', f'{DATA}/body', '-H', 'content-type: application/grpc', '-H',
                                'te: trailers', self.url)
        words = next(line for line in said.splitlines() if line.startswith('finished in')).split()
        good = next(line for line in said.splitlines() if line.startswith('status codes')).split()[2]
        return float(words[3]), writers / float(words[3]) * 1000 if int(good) else None


def rows_of(count, ours, theirs):
    rows = []
    for writers, what in ((1, 'one writer'), (64, '64 writers')):
        mine, peers = zip(*[(ours.write(writers), theirs.write(writers)) for _ in range(ROUNDS)])
        latency, their_latency = median([m[1] for m in mine]), median([p[1] for p in peers])
        rows.append(Row(f'commit, {count} nodes, {what}', 'ms', latency, None, 'etcd', their_latency, ratio=1,
                        note=f'{median([m[0] for m in mine]):.0f} a second, etcd {median([p[0] for p in peers]):.0f}'))
    return rows


def measure(place, count):
    with Cluster(place, count) as cluster:
        first = StoreNode(cluster, 1)
        number = first.wait('number')[0]
        others = [StoreNode(cluster, i, number) for i in range(2, count + 1)]
        for node in others:
            while node.wait('state') != ['working']:
                continue
        rows = rows_of(count, first, Etcd(cluster))
        return rows + ([catch_up(cluster, first, others[-1], number)] if count == 3 else [])


def catch_up(cluster, first, last, number):
    """The last node is killed, the others go on, it comes back."""
    cluster.lab('run', 'node3', 'sh', '-c', 'for p in /proc/[0-9]*; do [ "$(cat $p/comm)" != store_node ] || '
                'kill -9 ${p#/proc/}; done 2>/dev/null')
    last.process.wait()
    revision = first.ask(f'fill {BEHIND} {SIZE}', 'filled')[0]
    again = StoreNode(cluster, 3, number)
    took = float(again.ask(f'reach {revision}', 'reached')[0])
    return Row(f'a node {BEHIND} commits behind is current', 'ms', took, 2000, note='from the start of its program')


def store(place):
    """Commits, and catching up"""
    return measure(place, 3) + measure(place, 5)


GROUPS = {'store': store}
