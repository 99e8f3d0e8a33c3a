#!/usr/bin/env python3
"""test_cluster_device.py - a quorum device on a third machine: two nodes that outlive each other."""
import lib
from cluster import CLUSTER, LOST, Node, alike, gantry, settled, together, version, works
from lib import becomes, check, holds, refused, same
from terminal import Terminal

PAIR = ("node1", "node2")
HOST = "node3"  # outside of the cluster


def device(node):
    return node.status()["device"]


def voting(node):
    found = device(node)
    return found and (found["voting"], found["votes"], found["state"], found["tls"][:3])


def flags(node):
    """What corosync-quorumtool says of the device: "A,V" when it is alive and votes."""
    text = node.lab.try_run("corosync-quorumtool", "-s", node=node.name).stdout
    return [word.rsplit(",", 1)[0] for line in text.splitlines() for word in line.split() if "MW" in word]


def daemon(node):
    """Its process on that node, or ""."""
    return node.lab.try_run("pgrep", "-x", "corosync-qdevic", node=node.name).stdout.strip()


def says(what, ended, word):
    return check(what, ended.returncode != 0 and word in ended.stderr, ended)


def refusals(lab, one):
    says("without corosync-qnetd's certificates the host is refused",
         gantry(lab, "-H", "node1", "cluster", "device", "add", HOST, "--yes"), "dpkg-reconfigure corosync-qnetd")
    lab("qnetd", HOST)
    asked = gantry(lab, "-H", "node1", "cluster", "device", "add", HOST)
    check("without a terminal the plan is shown and nothing done",
          asked.returncode != 0 and "one half goes on" in asked.stdout and "--yes" in asked.stderr, asked)
    same("nothing was", None, device(one))
    refused("there is none to remove", "state", "no quorum device", one.rpc, "cluster.device_remove", confirm="x")
    viewer = lab.rpc(user="viewer")
    refused("a viewer may not", "not-allowed", "role admin", viewer, "cluster.device_add", host="192.0.2.1")


def taken_back(lab, nodes):
    before = version(nodes[0])
    lab.fault("kill", "qnetd", HOST)
    says("a device that does not vote is taken back",
         gantry(lab, "-H", "node1", "cluster", "device", "add", HOST, "--yes"), "rolled back: the quorum device gave no")
    same("as a later version", before + 2, version(nodes[0]))
    for node in nodes:
        becomes(f"{node.name} has none", None, lambda node=node: device(node))
    settled("without it", nodes, True, 2)
    alike("without it", nodes)
    lab.fault("start", "qnetd", HOST)


def by_console():
    """Adds it, as a person does on the cluster's page."""
    with Terminal("node1", size=(120, 40)) as console:
        console.shows(r"quorate 2/2")
        console.go("C", r"Quorum device +none")
        console.go("a", r"add a quorum device")
        console.go("d", r"Machine with corosync-qnetd")
        console.type(HOST, "Enter", "Enter", "Enter")
        console.shows(r"Go on\?")
        console.type("y", "Enter")
        console.shows(r"votes in", patience=CLUSTER)
        console.go("Enter", r"Quorum device +\S+: votes, 1 vote, ffsplit, Connected, TLS")
    return True


def added(lab, nodes):
    check("a device is added from the console, which then shows it", by_console())
    for node in nodes:
        becomes(f"it votes on {node.name}, over TLS", (True, 1, "Connected", "Yes"), lambda node=node: voting(node))
        same(f"which corosync-quorumtool says on {node.name}", ["A,V", "A,V"], flags(node))
        becomes(f"nothing is wrong on {node.name}", "", node.problems)
    same("three votes are expected", (3, 3, 2), tuple(nodes[0].status()[key] for key in ("expected", "votes", "quorum")))
    alike("with it", nodes)
    said = lab.run("corosync-qnetd-tool", "-l", "-v", node=HOST)
    check("its host knows both nodes by their certificate", said.count("client certificate verified") == 2, said)
    left = lab.sh("ls /etc/corosync /etc/corosync/qdevice/net/nssdb", node="node2")
    check("no key lies about", "p12" not in left and "gantry-new" not in left, left)
    holds("the status tells of it", "votes, 1 vote, ffsplit, Connected, TLS",
          gantry(lab, "-H", "node1", "cluster", "status").stdout)
    says("a second one is refused", gantry(lab, "-H", "node1", "cluster", "device", "add", HOST, "--yes"),
         "remove it first")
    says("nobody joins meanwhile", gantry(lab, "-H", "node1", "cluster", "join", HOST, "--yes"), "remove it first")
    says("nor has the cluster another name", gantry(lab, "-H", "node1", "cluster", "rename", "x", "--yes"),
         "remove the device")
    records = [e for node in nodes for e in node.rpc.call("audit.list")["entries"]
               if e["method"] == "cluster.device_accept"]
    check("the key is on no record", records and all("(secret)" in str(e["params"]) for e in records), records)


def change(node, who):
    """The code with which a change of the store is refused there, or None."""
    return getattr(node.rpc.refusal("role.set", who=who, role="viewer"), "code", None)


def knows(node):
    return {row["who"] for row in node.rpc.call("role.list")["roles"]}


def outlived(lab, nodes):
    one, two = nodes
    lab.fault("kill", "corosync", "node2")
    becomes("one of two is lost: the other stays quorate", (True, 1), one.view, LOST)
    becomes("and goes on changing things", None, lambda: change(one, "alone"))
    same("with two of three votes", (2, 3), (one.status()["votes"], one.status()["expected"]))
    lab.fault("start", "corosync", "node2")
    settled("both", nodes, True, 2)
    for node in nodes:
        becomes(f"the device votes on {node.name} again", True, lambda node=node: device(node)["voting"], CLUSTER)

    lab("fault", "partition", "node2")
    becomes("parted from it all: not quorate", (False, 1), two.view, CLUSTER)
    becomes("the other half is", (True, 1), one.view, CLUSTER)
    becomes("it goes on", None, lambda: change(one, "half"))
    becomes("the one that is parted changes nothing", "unavailable", lambda: change(two, "parted"))
    lab("fault", "heal", "node2")
    settled("healed", nodes, True, 2)
    becomes("and then knows what it missed", True, lambda: {"alone", "half"} <= knows(two), CLUSTER)
    check("what it was refused is nowhere", "parted" not in knows(one) | knows(two), knows(two))
    for node in nodes:
        becomes(f"healed: the device votes on {node.name}", True, lambda node=node: device(node)["voting"], CLUSTER)


def comes_back_alone(lab, nodes):
    """Its half may not be the one that went on: the device's vote is not enough."""
    one, two = nodes
    lab.fault("kill", "corosync", "node2")
    becomes("node1 goes on alone", (True, 1), one.view, LOST)
    becomes("and changes something", None, lambda: change(one, "later"))
    lab.fault("kill", "corosync", "node1")
    lab.fault("start", "corosync", "node2")
    becomes("then node2 comes alone, quorate with the device", (True, 1), two.view, CLUSTER)
    becomes("and changes nothing, as it may have missed what it has", "unavailable", lambda: change(two, "early"))
    becomes("which is said", True, lambda: "too few of the nodes that keep the store" in two.problems(), CLUSTER)
    lab.fault("start", "corosync", "node1")
    settled("both again", nodes, True, 2)
    becomes("nothing is lost", True, lambda: "later" in knows(two), CLUSTER)
    for node in nodes:
        becomes(f"the device votes on {node.name} once more", True, lambda node=node: device(node)["voting"], CLUSTER)


def lost(lab, nodes):
    one = nodes[0]
    lab.fault("kill", "qnetd", HOST)
    for node in nodes:
        becomes(f"the device is lost on {node.name}", False, lambda node=node: device(node)["voting"], LOST)
    settled("without the device", nodes, True, 2)
    becomes("which is said in words", True, lambda: "gives no vote" in one.problems() and "corosync-qnetd" in one.problems())
    becomes("and is an alarm", True, lambda: any("gives no vote" in alarm["text"]
                                                 for alarm in one.rpc.call("alarm.list")["alarms"]))
    lab.fault("start", "qnetd", HOST)
    for node in nodes:
        becomes(f"it votes again on {node.name}", True, lambda node=node: device(node)["voting"], CLUSTER)
    before = daemon(nodes[1])
    lab.fault("kill", "qdevice", "node2")
    becomes("its daemon on a node comes back", True, lambda: daemon(nodes[1]) not in (before, ""), CLUSTER)
    becomes("and votes", True, lambda: device(nodes[1])["voting"], CLUSTER)
    becomes("then nothing is wrong", "", one.problems, CLUSTER)


def removed(lab, nodes):
    # One that was killed takes nothing back: corosync would wait for its vote later.
    lab.sh("rm /run/corosync-qdevice.up; kill -KILL $(pgrep -x corosync-qdevic)", node="node2")
    works("it is removed", gantry(lab, "-H", "node2", "cluster", "device", "remove", HOST, "--yes"))
    for node in nodes:
        becomes(f"{node.name} has none", None, lambda node=node: device(node))
        becomes(f"its daemon has ended on {node.name}", "", lambda node=node: daemon(node), CLUSTER)
        same(f"and is not registered on {node.name}", [], flags(node))
    same("two votes are expected", 2, nodes[0].status()["expected"])
    alike("without it", nodes)
    becomes("nothing is wrong", "", nodes[0].problems)
    works("a third node joins", gantry(lab, "-H", "node1", "cluster", "join", HOST, "--yes"))
    says("an odd number has no use for a device",
         gantry(lab, "-H", "node1", "cluster", "device", "add", HOST, "--yes"), "majority by themselves")
    refused("the agent says so, too", "state", "odd number", nodes[0].rpc, "cluster.device_add", host="192.0.2.1")


def test(lab):
    nodes = [Node(lab, name) for name in PAIR]
    together(lab, nodes)
    refusals(lab, nodes[0])
    taken_back(lab, nodes)
    added(lab, nodes)
    outlived(lab, nodes)
    comes_back_alone(lab, nodes)
    lost(lab, nodes)
    removed(lab, nodes)


lib.run(test, nodes=3)
