#!/usr/bin/env python3
"""test_cluster_links.py - links, addresses and the name of a cluster that runs, changed and taken back."""
import os

import lib
from cluster import CLUSTER, Node, alike, gantry, settled, together, version, works
from lib import becomes, check, holds, refused, same

NODES = ("node1", "node2", "node3")
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"


def says(what, ended, word):
    return check(what, ended.returncode != 0 and word in ended.stderr, ended)


def links(node):
    return sorted((l["node"], l["link"], l["address"], l["state"]) for l in node.status()["links"])


def moved(lab, nodes, leg):
    """node2 gets another address on the first link, and its first one back."""
    one = nodes[0]
    old, new = f"{leg}.2", f"{leg}.102"
    says("an address that the machine does not have", gantry(
        lab, "-H", "node1", "cluster", "address", "node2", "0", new, "--yes"), "give it to the machine first")
    says("a link that there is not", gantry(
        lab, "-H", "node1", "cluster", "address", "node2", "5", new, "--yes"), "no link 5")
    refused("an address that another node has", "state", "already", one.rpc, "cluster.address", node="node2", link=0,
            address=old)
    before = version(one)
    ended = one.rpc.task("cluster.address", node="node2", link=0, address=new)
    check("its agent refuses what the machine does not have", ended["state"] == "failed" and
          "no address of node2" in ended["error"], ended)
    settled("as before", nodes, True, 3)
    alike("as before", nodes)
    becomes("the link is back", True, lambda: ("node2", 0, old, "connected") in links(one), CLUSTER)
    check("as a later version", version(one) > before)

    lab.run("ip", "address", "add", f"{new}/24", "dev", "vmbr0", node="node2")
    ring = one.status()["ring"]
    works("with it the address changes", gantry(lab, "-H", "node3", "cluster", "address", "node2", "0", new, "--yes"))
    for node in (nodes[0], nodes[2]):
        becomes(f"{node.name} reaches it there", True, lambda node=node: ("node2", 0, new, "connected") in links(node),
                CLUSTER)
    settled("moved", nodes, True, 3)
    alike("moved", nodes)
    same("and no node ever left", ring, one.status()["ring"])
    holds("corosync says so", new, lab.run("corosync-cfgtool", "-s", node="node2"))
    works("and back again", gantry(lab, "-H", "node1", "cluster", "address", "node2", "0", old, "--yes"))
    becomes("it is", True, lambda: ("node2", 0, old, "connected") in links(one), CLUSTER)


def one_link(lab, nodes, leg):
    one = nodes[0]
    works("a link is removed", gantry(lab, "-H", "node1", "cluster", "link", "remove", "1", "--yes"))
    becomes("one is left", {0}, lambda: {l[1] for l in links(one)})
    settled("with one link", nodes, True, 3)
    says("the last one stays", gantry(lab, "-H", "node1", "cluster", "link", "remove", "0", "--yes"), "the only one")
    says("nor has it another address", gantry(lab, "-H", "node1", "cluster", "address", "node2", "0", f"{leg}.9",
                                              "--yes"), "the only one")
    refused("a new link wants all nodes", "params", "node3", one.rpc, "cluster.link_add",
            addresses=[f"node1={leg}.1", f"node2={leg}.2"])
    before = one.file()
    lab.sh("nft add table inet t; nft add chain inet t i '{ type filter hook input priority 0; }'; "
           "nft add rule inet t i udp dport 5406 drop", node="node3")
    says("a link that does not connect is taken back", gantry(
        lab, "-H", "node1", "cluster", "link", "add", *[f"{n}={leg}.{i + 1}" for i, n in enumerate(NODES)], "--yes"),
        "rolled back: link 1 did not connect")
    lab.run("nft", "delete", "table", "inet", "t", node="node3")
    alike("taken back", nodes)
    settled("taken back", nodes, True, 3)
    same("with what was before", [l for l in before.splitlines() if "config_version" not in l],
         [l for l in one.file().splitlines() if "config_version" not in l])
    works("a link is added", gantry(lab, "-H", "node1", "cluster", "link", "add",
                                    *[f"{n}={leg}.{i + 1}" for i, n in enumerate(NODES)], "--yes"))
    for node in nodes:
        becomes(f"{node.name} has all links", 4, lambda node=node: len([l for l in links(node) if l[3] == "connected"]),
                CLUSTER)
    alike("with it", nodes)


def renamed(lab, nodes):
    one = nodes[0]
    asked = gantry(lab, "-H", "node1", "cluster", "rename", "other")
    check("the plan says what restarts", asked.returncode != 0 and "one node after the other" in " ".join(asked.stdout.split()), asked)
    refused("a name that is none", "params", "cluster's name", one.rpc, "cluster.rename", name="a b")
    refused("the same name", "state", "its name already", one.rpc, "cluster.rename", name="lab")
    works("it gets another name", gantry(lab, "-H", "node1", "cluster", "rename", "other", "--yes"))
    settled("renamed", nodes, True, 3)
    alike("renamed", nodes)
    for node in nodes:
        same(f"{node.name} knows it", "other", node.status()["cluster"])
        holds(f"corosync on {node.name} too", "= other", lab.run("corosync-cmapctl", "totem.cluster_name",
                                                                 node=node.name))
        becomes(f"nothing is wrong on {node.name}", "", node.problems, CLUSTER)


def figures(lab, nodes):
    status = nodes[0].status()
    link, ring = status["links"][0], status["ring_statistics"]
    check("links count what they carry", link["sent"] > 0 and link["received"] > 0 and link["mtu"] > 1000, link)
    check("the ring counts its tokens", ring["tokens"] > 0 and ring["token_timeout_ms"] >= 1000, ring)
    said = gantry(lab, "-H", "node1", "cluster", "status")
    check("which the status shows", said.returncode == 0 and "RECEIVED" in said.stdout and "ring:" in said.stdout, said)


def clock(node, other):
    """(milliseconds ahead, their uncertainty) of another node's clock, or None."""
    for row in node.status()["nodes"]:
        if row["name"] == other and row["clock_ms"] is not None:
            return row["clock_ms"], row["clock_uncertainty_ms"]
    return None


def near(node, other, milliseconds):
    """Is it that much ahead, as exactly as it says itself?"""
    found = clock(node, other)
    return found is not None and abs(found[0] - milliseconds) <= found[1] + 1


def clocks(lab, nodes):
    """One agent gets another time: the machine's clock is one for all namespaces."""
    one, two, three = nodes
    for node, other in ((one, "node2"), (two, "node3"), (three, "node1")):
        becomes(f"{node.name} knows the clock of {other}", True, lambda node=node, other=other: near(node, other, 0))
    same("its own is the measure", None, clock(one, "node1"))
    holds("the status shows them", "ms, to", gantry(lab, "-H", "node1", "cluster", "status").stdout)
    if not os.path.exists(FAKETIME):
        lib.skip("a clock is ahead", "libfaketime is not installed")
        return
    lab.sh("echo +5 >/tmp/offset", node="node2")
    lab.sh(f"sed -i 's|^exec |&env LD_PRELOAD={FAKETIME} FAKETIME_TIMESTAMP_FILE=/tmp/offset FAKETIME_NO_CACHE=1 "
           "DONT_FAKE_MONOTONIC=1 |' /etc/rc.gantryd", node="node2")
    lab.fault("term", "gantryd", "node2")
    two.again()
    becomes("a clock that is 5 s ahead is seen", True, lambda: near(one, "node2", 5000))
    becomes("and said, with what to do", True, lambda: "clock of node2 is 5.0 s ahead of that of node1" in one.problems()
            and "NTP" in one.problems())
    becomes("from the other side too", True, lambda: "clock of node1 is 5.0 s behind that of node2" in two.problems())
    check("it is a warning, not an error", all(p["severity"] == "warning" for p in one.status()["problems"]))
    lab.sh("echo +0 >/tmp/offset.new && mv /tmp/offset.new /tmp/offset", node="node2")
    becomes("set right, nothing is wrong", "", one.problems)


def test(lab):
    nodes = [Node(lab, name) for name in NODES]
    together(lab, nodes)
    first = lab("addr", "node1").rsplit(".", 1)[0].split(".")
    second = ".".join(first[:2] + [str(int(first[2]) + 1)])
    becomes("both links are up", True, lambda: all(l[3] == "connected" for l in links(nodes[0])))
    figures(lab, nodes)
    clocks(lab, nodes)
    moved(lab, nodes, ".".join(first))
    one_link(lab, nodes, second)
    renamed(lab, nodes)


lib.run(test, nodes=3)
