#!/usr/bin/env python3
"""test_settings.py - what a cluster holds beside its guests: its nodes, also while they are off, and what
people set for all of it."""
import os
import shutil
import tempfile

import lib
from cluster import CLUSTER, Node, gantry, settled, together, works
from lib import becomes, check, eventually, holds, refused, same
from terminal import Terminal

NODES = ("node1", "node2", "node3")


def listed(node):
    return {n["name"]: n for n in node.rpc.call("cluster.nodes")["nodes"]}


def known_nodes(lab, nodes):
    one = nodes[0]
    becomes("each node says what it is", dict.fromkeys(NODES, True),
            lambda: {name: n["memory"] > 0 and n["cpus"] > 0 and len(n["addresses"]) == 2 and n["member"]
                     for name, n in listed(one).items() if "number" in n}, CLUSTER)
    written = one.rpc.call("cluster.status")["store"]["revision"]
    lab.agent_restart("term", "node2")
    nodes[1].again()
    becomes("an agent that starts again is back", "working",
            lambda: {n["name"]: (n["store"] or {}).get("state") for n in one.status()["nodes"]}["node2"], CLUSTER)
    same("and writes nothing where nothing differs", written, one.rpc.call("cluster.status")["store"]["revision"])


def settings(lab, nodes):
    said = gantry(lab, "-H", "node1", "cluster", "settings", "description=Where we try", "move_bandwidth=80")
    works("something is set", said)
    becomes("and holds on another node", ("Where we try", 80), lambda: tuple(
        nodes[2].rpc.call("cluster.settings")["settings"][key] for key in ("description", "move_bandwidth")))
    answer = nodes[2].rpc.call("cluster.settings")
    same("what was set is told", ["description", "move_bandwidth"], answer["set"])
    same("all else is as usual", ("as-listed", 1), tuple(
        answer["settings"][key] for key in ("drain_order", "drain_parallel")))
    refused("a value that none may have", "params", "from 1 to 8", nodes[0].rpc, "cluster.settings_set", drain_parallel=9)
    refused("a setting that is none", "params", "no parameter 'colour'", nodes[0].rpc, "cluster.settings_set", colour=1)
    refused("nor can it be unset", "params", "no setting 'colour'", nodes[0].rpc, "cluster.settings_set", unset=["colour"])
    read = answer["revision"]
    nodes[0].rpc.call("cluster.settings_set", notes="Ask Anna", revision=read)
    becomes("another node has it", "Ask Anna", lambda: nodes[1].rpc.call("cluster.settings")["settings"]["notes"])
    refused("who read what was before hears of it", "conflict", "read it again", nodes[1].rpc, "cluster.settings_set",
            notes="Ask Bert", revision=read)
    refused("an operator may not", "not-allowed", "needs the role admin", lab.rpc(user="operator"),
            "cluster.settings_set", notes="Ask me")
    works("it is unset", gantry(lab, "-H", "node2", "cluster", "settings", "unset=move_bandwidth"))
    shown = gantry(lab, "-H", "node3", "cluster", "settings")
    works("they are shown", shown)
    holds("with what they are for", "guests that go at once", shown.stdout)
    same("what was unset is as usual", (0, "Ask Anna"), tuple(
        nodes[1].rpc.call("cluster.settings")["settings"][key] for key in ("move_bandwidth", "notes")))
    holds("the status begins with what the cluster is", "Where we try", gantry(lab, "-H", "node1", "cluster", "status").stdout)
    with Terminal("node1") as console:
        console.shows("3/3 nodes", patience=CLUSTER)
        console.go("C", "What it is +Where we try")
        console.go("G", "Set for the cluster", "Ask Anna")
    check("the page of the cluster shows them", True)


def write(home, text):
    os.makedirs(home + "/config/gantry", exist_ok=True)
    with open(home + "/config/gantry/config.yaml", "w", encoding="utf-8") as file:
        file.write(text)


def set_for_consoles(lab, text):
    path = "/tmp/gantry-console-settings.yaml"
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    try:
        return gantry(lab, "-H", "node1", "cluster", "console-settings", "set", path)
    finally:
        os.unlink(path)


def for_consoles(lab, nodes):
    said = set_for_consoles(lab, "commands: [{name: Evil, command: [touch, /tmp/evil]}]\n")
    check("a command is not taken from a cluster", said.returncode != 0 and "never taken from a cluster" in said.stderr, said)
    refused("nor by the agent", "config", "never taken from a cluster", nodes[0].rpc, "cluster.console_set",
            text="commands: [{name: Evil, command: [touch, /tmp/evil]}]\n")
    said = set_for_consoles(lab, "columns: {guests: [id, nothing]}\n")
    check("what is no column is refused with its place", said.returncode != 0 and ":1:24:" in said.stderr, said)
    with Terminal("node2", size=(120, 80)) as console:
        console.shows("3/3 nodes", patience=CLUSTER)
        console.go("3", "^ Nodes", "Node.*load")
        works("it is set", set_for_consoles(lab, "columns: {nodes: [name, kernel, target]}\nkeys: {view.guests: [B]}\n"))
        console.shows(r"Node\S* +kernel +target")
        check("a console that runs shows it at once, in the table that is open", True)
        console.go("B", "^ Guests")
        console.go("?", r"^ +B +guests +all guests")
        check("and has its keys", True)
        works("it is taken away", gantry(lab, "-H", "node1", "cluster", "console-settings", "remove"))
        same("and is there no more", None, nodes[2].rpc.call("cluster.console")["text"])
        console.escape()
        console.go("?", r"^ +2 +guests +all guests")
        check("the keys are the usual ones again", True)
    works("it is set again", set_for_consoles(lab, "columns: {nodes: [name, kernel], guests: [id, node]}\n"))
    home = tempfile.mkdtemp(prefix="gantry-console.")
    write(home, "columns: {nodes: [name, cpus]}\n")
    with Terminal("node2", home=home) as console:
        console.shows("3/3 nodes", patience=CLUSTER)
        console.go("3", "^ Nodes", r"Node\S* +cpus")
        console.go("2", "^ Guests", r"Id\S* +Node")
    check("a person's own file goes before it, and the rest is the cluster's", True)
    shutil.rmtree(home)
    said = gantry(lab, "-H", "node3", "cluster", "console-settings", "show")
    same("it is shown as it was set", "columns: {nodes: [name, kernel], guests: [id, node]}\n", said.stdout)
    read = nodes[1].rpc.call("cluster.console")["revision"]
    nodes[0].rpc.call("cluster.console_set", text="skin: dusk\n", revision=read)
    becomes("another node has it", "skin: dusk\n", lambda: nodes[1].rpc.call("cluster.console")["text"])
    refused("who read what was before hears of it", "conflict", "read it again", nodes[1].rpc, "cluster.console_set",
            text="skin: terminal\n", revision=read)


def by_turns(nodes):
    """Each sets something right after another node has acknowledged what was set there."""
    found = []
    for i in range(12):
        rpc = nodes[i % 3].rpc
        found.append(rpc.refusal("cluster.settings_set", notes=f"turn {i}"))
        found.append(nodes[(i + 1) % 3].rpc.refusal(
            "cluster.settings_set", description=f"turn {i}", revision=rpc.call("cluster.settings")["revision"]))
    same("what is set right after another node had it changed is set", [None] * 24, found)
    asked = [(n.rpc, n.rpc.send("cluster.settings_set", **change)) for n, change in zip(
        nodes, ({"notes": "at once"}, {"description": "at once"}, {"drain_parallel": 2}))]
    for rpc, number in asked:
        rpc.receive(number)
    becomes("of changes at once none is lost", ("at once", "at once", 2), lambda: tuple(
        nodes[0].rpc.call("cluster.settings")["settings"][key] for key in ("notes", "description", "drain_parallel")))
    nodes[0].rpc.call("cluster.settings_set", notes="Ask Anna", description="Where we try", unset=["drain_parallel"])


def reloads(lab):
    return lab.sh("cat /var/log/gantryd.log").count("configuration reloaded")


def too_many(lab, nodes):
    before = reloads(lab)
    lab.sh("cp /etc/gantry/gantryd.yaml /etc/gantry/before; "
           "echo 'sessions: {changes: 1, changes_at_once: 5}' >>/etc/gantry/gantryd.yaml; kill -HUP $1",
           str(lab.agent_pid("node1")))
    check("the limit is lowered", eventually(lambda: reloads(lab) > before))
    found = [nodes[0].rpc.refusal("cluster.settings_set", description=f"number {i}") for i in range(30)]
    refusals = [refusal for refusal in found if refusal]
    check("the first changes are made", found[:5] == [None] * 5, found)
    check("too many are refused, with what to do", refusals and refusals[0].code == "limit"
          and "1 a second, 5 at once" in refusals[0].message and "try again in" in refusals[0].message, refusals)
    same("what is only read is not limited", 3, len(nodes[0].rpc.call("cluster.nodes")["nodes"]))
    nodes[1].rpc.call("role.set", who="viewer", role="admin")
    viewer = lab.rpc(user="viewer")
    same("nor is another user", None, viewer.refusal("cluster.settings_set", description="by another"))
    same("nor the same at another node", None, nodes[1].rpc.refusal("cluster.settings_set", description="elsewhere"))
    becomes("after a moment it goes on", None,
            lambda: nodes[0].rpc.refusal("cluster.settings_set", description="Where we try"))
    lab.sh("mv /etc/gantry/before /etc/gantry/gantryd.yaml; kill -HUP $1", str(lab.agent_pid("node1")))


def node_off(lab, nodes):
    lab.fault("kill", "corosync", "node3")
    lab("fault", "partition", "node3")
    settled("without node3", nodes[:2], True, 2)
    same("what it is stays known", (False, "0.1.0"), tuple(listed(nodes[0])["node3"][key] for key in ("member", "agent")))
    rows = gantry(lab, "-H", "node1", "cluster", "nodes").stdout
    check("the command lists it once", rows.count("node3") == 1, rows)
    works("it is removed", gantry(lab, "-H", "node1", "cluster", "remove", "node3", "--confirm", "node3"))
    becomes("then its document goes, too", ["node1", "node2"], lambda: sorted(listed(nodes[0])), CLUSTER)


def test(lab):
    nodes = [Node(lab, name) for name in NODES]
    together(lab, nodes)
    eventually(lambda: len(listed(nodes[0])) == 3, CLUSTER)
    known_nodes(lab, nodes)
    settings(lab, nodes)
    by_turns(nodes)
    for_consoles(lab, nodes)
    too_many(lab, nodes)
    node_off(lab, nodes)


lib.run(test, nodes=3)
