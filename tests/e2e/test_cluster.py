#!/usr/bin/env python3
"""test_cluster.py - a cluster on real corosync: made, joined, broken, healed, changed, left."""
import json
import time

import lib
from cluster import CLUSTER, LOST, Node, alike, gantry, settled, version, works
from lib import becomes, check, eventually, holds, refused, same

NODES = ("node1", "node2", "node3")


def none_yet(lab, one):
    viewer = lab.rpc(user="viewer")
    same("a node is in no cluster at first", ("none", None), (one.status()["state"], one.status()["cluster"]))
    same("and nothing is wrong with that", [], one.status()["problems"])
    refused("a viewer may not make one", "not-allowed", "needs the role admin", viewer, "cluster.create", name="lab")
    refused("a name that is none", "params", "cluster's name", one.rpc, "cluster.create", name="../lab")
    refused("an address of another machine", "params", "no address of", one.rpc, "cluster.create", name="lab",
            link0="192.0.2.1")
    refused("nothing to leave", "state", "in no cluster", one.rpc, "cluster.leave", confirm="node1")
    refused("nothing to add to", "state", "in no cluster", one.rpc, "cluster.add", node="node2", link0="192.0.2.2")
    said = gantry(lab, "-H", "node1", "cluster", "status")
    check("the command says how to make one", said.returncode == 0 and "cluster create" in said.stdout, said)


def made(lab, one):
    works("a cluster is made", gantry(lab, "-H", "node1", "cluster", "create", "lab"))
    settled("alone", [one], True, 1)
    same("its key is root's alone", "400 256", lab.run("stat", "-c", "%a %s", "/etc/corosync/authkey"))
    for word in ("cluster_name: lab", "crypto_cipher: aes256", "transport: knet", "ring1_addr"):
        holds(f"corosync.conf has {word}", word, one.file())
    refused("a second one is refused", "state", "in the cluster lab already", one.rpc, "cluster.create", name="other")


def joined(lab, nodes):
    before = nodes[0].file()
    said = gantry(lab, "-H", "node1", "cluster", "join", "node2", "node3")
    check("without a terminal the plan is shown and nothing done",
          said.returncode != 0 and "node3" in said.stdout and "--yes" in said.stderr, said)
    same("the file is as before", before, nodes[0].file())
    works("two nodes join", gantry(lab, "-H", "node1", "cluster", "join", "node2", "node3", "--yes"))
    settled("joined", nodes, True, 3)
    alike("joined", nodes)
    keys = {lab.sh("sha256sum </etc/corosync/authkey", node=node.name) for node in nodes}
    check("they have one key", len(keys) == 1)
    for node in nodes:
        tool, status = node.quorumtool(), node.status()
        same(f"{node.name} says what corosync-quorumtool says",
             (tool["Nodes"], tool["Expected votes"], tool["Total votes"], tool["Quorate"], tool["Ring ID"]),
             (str(status["members"]), str(status["expected"]), str(status["votes"]),
              "Yes" if status["quorate"] else "No", status["ring"]))
    becomes("all links are up", [(n, l, "connected") for n in NODES[1:] for l in (0, 1)],
            lambda: [(l["node"], l["link"], l["state"]) for l in nodes[0].status()["links"]])
    becomes("nothing is wrong", "", nodes[0].problems)
    becomes("and there is no alarm", [], lambda: [a for a in nodes[0].rpc.call("alarm.list")["alarms"]
                                                  if a["id"].startswith("cluster/")])
    plain = lab("gantry", "--plain", "node1", "node2")
    holds("the console says so", "quorate 3/3", plain)
    entries = nodes[1].rpc.call("audit.list")["entries"]
    accepted = [e for e in entries if e["method"] == "cluster.accept"]
    check("the key is on no record", accepted and all("(secret)" in json.dumps(e["params"]) for e in accepted), accepted)


def lost_since(node, name):
    """When the node lost that one, as it says; None when it sees it."""
    return {n["name"]: n["lost_since"] for n in node.status().get("nodes", [])}.get(name)


def lost(lab, nodes):
    one, two, three = nodes
    lab.fault("kill", "corosync", "node3")
    settled("one is lost", [one, two], True, 2, LOST)
    holds("which is said", "node3 is not seen", one.problems())
    becomes("the lost one says so itself", "absent", lambda: three.status()["state"])
    holds("with what to do", "systemctl start corosync", three.problems())
    since = lost_since(one, "node3")
    check("it is known since when", since and abs(since - time.time()) < 60, since)
    one.rpc.close()
    one.rpc = lab.agent_restart()
    becomes("also by an agent that is restarted", since, lambda: lost_since(one, "node3"))
    check("it is an alarm", eventually(lambda: any("node3" in a["text"] for a in one.rpc.call("alarm.list")["alarms"])))
    lab.fault("kill", "corosync", "node2")
    becomes("two are lost: not quorate", (False, 1), one.view, LOST)
    holds("which is said", "not quorate", one.problems())
    holds("with the way out", "gantry cluster expected 1 --confirm node2,node3", one.problems())
    said = gantry(lab, "-H", "node1", "cluster", "status")
    check("the command ends with 1", said.returncode == 1 and "NOT QUORATE" in said.stdout, said)
    same("guests can be read", [], one.rpc.call("guest.list")["guests"])
    refused("the cluster can't be changed", "state", "not quorate", one.rpc, "cluster.add", node="node4",
            link0="192.0.2.4")
    refused("nor left without a thought", "state", "not quorate", one.rpc, "cluster.leave", confirm="node1")


def expected(lab, nodes):
    one = nodes[0]
    refused("fewer votes want the names of all that are not seen", "params", "node2,node3", one.rpc,
            "cluster.expected", votes=1, confirm=["node2"])
    refused("and a number that helps", "params", "at least 1", one.rpc, "cluster.expected", votes=5,
            confirm=["node2", "node3"])
    works("then they are expected", gantry(lab, "-H", "node1", "cluster", "expected", "1", "--confirm", "node2,node3"))
    becomes("and the one goes on", (True, 1), one.view)
    for node in NODES[1:]:
        lab.fault("start", "corosync", node)
    settled("back again", nodes, True, 3)
    becomes("three votes are expected again", 3, lambda: one.status()["expected"])
    refused("nothing is to be expected less", "state", "all nodes are seen", one.rpc, "cluster.expected", votes=1,
            confirm=["node2"])


def stopped(lab, nodes):
    one = nodes[0]
    lab.fault("stop", "corosync", "node1")
    becomes("a stopped corosync is silent", "silent", lambda: one.status()["state"], LOST)
    holds("which is said", "does not answer", one.problems())
    start = time.monotonic()
    one.rpc.call("session.ping")
    one.rpc.call("node.show")
    check("and holds nobody up", time.monotonic() - start < 5)
    lab.fault("cont", "corosync", "node1")
    settled("it goes on", nodes, True, 3)


def parted(lab, nodes):
    lab("fault", "partition", "node3")
    settled("parted", nodes[:2], True, 2)
    settled("the smaller part", nodes[2:], False, 1)
    lab("fault", "heal", "node3")
    settled("healed", nodes, True, 3)


def begin_change(lab, node, number):
    """Adds a node that is not there; waits until all members run with it."""
    network = lab("addr", "node1").rsplit(".", 1)[0]
    other = network.split(".")
    other = ".".join(other[:2] + [str(int(other[2]) + 1)])
    before = version(node)
    task = node.rpc.call("cluster.add", node="node9", link0=f"{network}.{number}", link1=f"{other}.{number}")["task"]
    becomes("a change is in force", before + 1, lambda: version(node))
    return task, before


def rolled_back(what, nodes, task, before, words):
    rpc = nodes[0].rpc
    ended = rpc.receive(rpc.send("task.wait", task=task), 2 * CLUSTER)
    check(f"{what}: it has not worked", ended["state"] in ("failed", "cancelled"), ended)
    holds(f"{what}: and says why", words, ended["error"] or ended["state"])
    for node in nodes:
        becomes(f"{what}: {node.name} has what was before, as a later version", before + 2, lambda: version(node),
                CLUSTER)
    check(f"{what}: without the node", "node9" not in nodes[0].file())
    alike(what, nodes)
    settled(what, nodes, True, 3)


def broken(lab, nodes):
    one, two, three = nodes
    task, before = begin_change(lab, one, 99)
    refused("another change waits its turn", "busy", "", one.rpc, "cluster.add", node="node8", link0="192.0.2.8",
            link1="192.0.2.9")
    ended = two.rpc.task("cluster.add", node="node8", link0="192.0.2.8", link1="192.0.2.9")
    check("from another node too", ended["state"] == "failed" and "another" in ended["error"], ended)
    one.rpc.call("task.cancel", task=task)
    rolled_back("cancelled", nodes, task, before, "")

    task, before = begin_change(lab, one, 98)
    lab.run("kill", "-9", *lab.run("pgrep", "-f", task).split())
    rolled_back("its process killed", nodes, task, before, "")

    task, before = begin_change(lab, one, 97)
    lab.fault("kill", "gantryd", "node2")
    two.again()
    rolled_back("an agent killed", nodes, task, before, "agent of node2 went away")

    task, before = begin_change(lab, one, 96)
    rolled_back("nobody came", nodes, task, before, "node9 did not become a member")

    kept = three.file()
    lab.sh("sed -i 's/timestamp: on/timestamp: hires/' /etc/corosync/corosync.conf", node="node3")
    ended = eventually(lambda: one.rpc.task("cluster.add", node="node9", link0="192.0.2.9", link1="192.0.2.10"))
    check("a file changed by hand on one node is not written over", ended["state"] == "failed" and
          "node3" in ended["error"], ended)
    holds("it stays", "hires", three.file())
    lab.run("tee", "/etc/corosync/corosync.conf", node="node3", input=kept)
    alike("mended", nodes)


def left(lab, nodes):
    one, two, three = nodes
    refused("a node that is alive is not removed", "state", "alive", one.rpc, "cluster.remove", node="node3",
            confirm="node3")
    refused("a name that is not there", "not-found", "no node node7", one.rpc, "cluster.remove", node="node7",
            confirm="node7")
    refused("without the name nobody leaves", "params", "node3", three.rpc, "cluster.leave", confirm="node1")
    works("a node leaves", gantry(lab, "-H", "node3", "cluster", "leave", "--confirm", "node3"))
    settled("after it left", nodes[:2], True, 2)
    alike("after it left", nodes[:2])
    becomes("two votes are expected", 2, lambda: one.status()["expected"])
    becomes("it is in no cluster", "none", lambda: three.status()["state"])
    same("its key is gone", ["corosync.conf.gantry-left"], three.files())
    works("it comes back", gantry(lab, "-H", "node2", "cluster", "join", "node3", "--yes"))
    settled("back", nodes, True, 3)

    lab.fault("kill", "corosync", "node3")
    settled("away", nodes[:2], True, 2, LOST)
    task, before = begin_change(lab, one, 95)
    one.rpc.call("task.cancel", task=task)
    becomes("changed meanwhile", before + 2, lambda: version(one), CLUSTER)
    lab.fault("start", "corosync", "node3")
    check("corosync lets no node in that missed a change", eventually(
        lambda: "Exiting" in lab.sh("cat /var/log/corosync/corosync.log", node="node3"), CLUSTER))
    works("joining once more brings it the file", gantry(lab, "-H", "node1", "cluster", "join", "node3", "--yes"))
    settled("and it is back", nodes, True, 3)
    alike("and it is back", nodes)

    lab.fault("kill", "corosync", "node3")
    settled("dead", nodes[:2], True, 2, LOST)
    works("a dead node is removed", gantry(lab, "-H", "node1", "cluster", "remove", "node3", "--confirm", "node3"))
    becomes("then two votes are expected", 2, lambda: one.status()["expected"], CLUSTER)
    same("and two nodes known", ["node1", "node2"], [n["name"] for n in one.status()["nodes"]])
    works("what was removed forgets the cluster", gantry(lab, "-H", "node3", "cluster", "leave", "--alone",
                                                         "--confirm", "node3"))
    becomes("and is in none", "none", lambda: three.status()["state"])
    works("of two one leaves", gantry(lab, "-H", "node2", "cluster", "leave", "--confirm", "node2"))
    becomes("the other goes on", (True, 1), one.view, CLUSTER)
    works("the last one leaves", gantry(lab, "-H", "node1", "cluster", "leave", "--confirm", "node1"))
    becomes("then there is no cluster", "none", lambda: one.status()["state"])
    becomes("and no alarm", [], lambda: [a["id"] for a in one.rpc.call("alarm.list")["alarms"]
                                         if a["id"].startswith("cluster/")])


def test(lab):
    nodes = [Node(lab, name) for name in NODES]
    none_yet(lab, nodes[0])
    made(lab, nodes[0])
    joined(lab, nodes)
    lost(lab, nodes)
    expected(lab, nodes)
    stopped(lab, nodes)
    parted(lab, nodes)
    broken(lab, nodes)
    left(lab, nodes)


lib.run(test, nodes=3)
