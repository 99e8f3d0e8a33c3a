"""An agent in a large cluster with 5,000 guests, of which the other members are simulated."""
import re
import subprocess
import time

from place import say
from process import resident, usage
from replicated import Cluster, StoreNode
from table import Row

GUESTS = 5000
CONF = '/etc/corosync/corosync.conf'
# So many corosyncs share two processors: what tells that one is lost has to wait for its turn.
QUIET = '''totem {
    token_coefficient: 0
    token: 10000
    interface {
        linknumber: 0
        knet_ping_interval: 2000
        knet_ping_timeout: 8000
        knet_pong_count: 1
    }
'''


def conf_of_all(conf, address, prefix, count):
    """The file with all members in it, on one link."""
    conf = re.sub(r' *ring1_addr: .*\n', '', conf)
    conf = re.sub(r'ring0_addr: .*', f'ring0_addr: {address}', conf)
    # All are in the share of real time of one node.
    conf = conf.replace('totem {\n', QUIET) + 'system {\n    sched_rr: no\n}\n'
    nodes = ''.join(f'    node {{\n        name: node{i}\n        nodeid: {i}\n        ring0_addr: {prefix}.{100 + i}\n    }}\n'
                    for i in range(2, count + 1))
    conf = re.sub(r'(nodelist \{\n(?:.*\n)*?    \}\n)', lambda found: found[1] + nodes, conf, count=1)
    return re.sub(r'config_version: (\d+)', lambda found: f'config_version: {int(found[1]) + 1}', conf)


class Members(StoreNode):
    """All simulated ones."""

    def __init__(self, cluster, prefix, number, count):
        self.process = cluster.start(1, '/usr/bin/python3', '/opt/gantry/src/tests/bench/member_nodes.py', count, prefix,
                                     number, GUESTS, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.lines, self.rest = [], ''
        self.unblock()


def members(place):
    """An agent in a large cluster"""
    with Cluster(place, 1) as cluster:
        address = cluster.lab('addr', 'node1').strip()
        prefix = address.rsplit('.', 1)[0]
        conf = cluster.lab('run', 'node1', 'cat', CONF)
        number = re.search(r'store: (\d+)', conf)[1]
        cluster.lab('fault', 'kill', 'node1', 'corosync')
        cluster.lab('run', 'node1', 'sh', '-c', f'cat >{CONF}', input=conf_of_all(conf, address, prefix, place.members))
        cluster.lab('fault', 'start', 'node1', 'corosync')
        others = Members(cluster, prefix, number, place.members)
        others.wait('members', 900)
        say(f'{place.members} members')
        pid = int(re.search(r'gantryd: pid (\d+), listens', cluster.lab('status'))[1])
        time.sleep(30)
        rest = usage(pid, place.seconds)
        rows = [Row(f'agent of {place.members} members with {GUESTS} guests, memory', 'MiB', resident(pid) / 2**20, 60),
                Row('the same, processor at rest', '% of a core', rest * 100, 5)]
        others.process.stdin.close()
        return rows


GROUPS = {'members': members}
