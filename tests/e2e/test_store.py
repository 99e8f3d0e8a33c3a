#!/usr/bin/env python3
"""test_store.py - the store of a cluster on real nodes: what it holds, who may change it, and that
nothing that was acknowledged is lost, whatever is killed."""
import threading
import time

import lib
from cluster import CLUSTER, Node, settled, works
from lib import Refused, becomes, check, eventually, holds, refused, same

NODES = ("node1", "node2", "node3")
CORE = ("id", "name", "node", "tags")


def stores(node):
    """State and revision of each node's store, as this node hears."""
    return {n["name"]: (n["store"] or {}).get("state") for n in node.status()["nodes"]}


def guests(node, *fields):
    return [tuple(g[f] for f in fields or CORE) for g in node.rpc.call("cluster.guests")["guests"]]


def all_work(what, nodes):
    for node in nodes:
        becomes(f"{what}: {node.name} sees all stores work", dict.fromkeys(NODES, "working"),
                lambda node=node: stores(node), CLUSTER)


def agree(what, nodes):
    check(f"{what}: all know the same of all guests",
          eventually(lambda: len({str(guests(node)) for node in nodes}) == 1, CLUSTER),
          [guests(node) for node in nodes])


def tags(node, name):
    return next((g["tags"] for g in node.rpc.call("cluster.guests")["guests"] if g["name"] == name), None)


def apart(lab, nodes):
    """Each alone: the same numbers, and words of their own."""
    for i, node in enumerate(nodes, 1):
        lab("guest", node.name, "ct", f"c{i}")
        becomes(f"{node.name} alone gives the first number", "ct/100",
                lambda node=node, i=i: (node.rpc.guest(f"c{i}") or {}).get("id"))
        said = lab.try_run("gantry", "guest", "set", f"c{i}", f"tags+=of{i}", f"notes=kept by {node.name}",
                           f"description=number {i}", node=node.name)
        works(f"{node.name} alone keeps words about it", said)


def joined(lab, nodes):
    said = lab.command("cluster")
    works("they are made one cluster", said)
    for line in ("node2            ct/100 c2 becomes number 101", "ct/100 c3 becomes number"):
        holds("the plan says which guests get other numbers", line, said.stdout + said.stderr)
    settled("joined", nodes, True, 3)
    all_work("joined", nodes)
    found = eventually(lambda: len({g[0] for g in guests(nodes[0])}) == 3 and guests(nodes[0]), CLUSTER)
    same("their numbers are different now", ["ct/100", "ct/101", "ct/102"], sorted(g[0] for g in found))
    same("and each has its own name and node", {("c1", "node1"), ("c2", "node2"), ("c3", "node3")},
         {(g[1], g[2]) for g in found})
    becomes("what was said of them came along", {"c1": ["of1"], "c2": ["of2"], "c3": ["of3"]},
            lambda: {g[1]: g[3] for g in guests(nodes[0])}, CLUSTER)
    agree("joined", nodes)
    shown = nodes[1].rpc.call("guest.show", guest="c2")
    same("notes and description, too", ("kept by node2", "number 2"), (shown["notes"], shown["description"]))
    said = lab.try_run("gantry", "cluster", "guests")
    works("the command line lists them", said)
    holds("with their nodes", "node3", said.stdout)
    elsewhere = guests(nodes[0], "id", "name")
    number = next(i for i, name in elsewhere if name == "c3")
    refused("an act on another node's guest says whose it is", "not-found", "guest of node3", nodes[0].rpc,
            "guest.start", guest=number)


def definitions(lab, nodes):
    number = next(g[0] for g in guests(nodes[0]) if g[1] == "c3")
    config = lab.run("cat", "/var/lib/lxc/c3/config", node="node3")

    def known(node):
        try:
            return node.rpc.call("guest.definition", guest=number)["text"].strip()
        except Refused as refusal:
            return refusal.message
    becomes("another node knows its definition, verbatim", config.strip(), lambda: known(nodes[0]))
    lab.sh("echo 'lxc.environment = CHANGED=1' >>/var/lib/lxc/c3/config", node="node3")
    check("a change by hand is noticed and known everywhere",
          eventually(lambda: all("CHANGED=1" in known(node) for node in nodes)), known(nodes[0]))
    check("and told", eventually(lambda: any("outside of Gantry" in e["text"] and e["object"] == number for e in
                                             nodes[2].rpc.call("event.list", limit=50)["events"])),
          nodes[2].rpc.call("event.list", limit=50))


def edited_at_once(nodes):
    """Two who add a tag to one guest: both are there."""
    first, second = nodes[0].rpc, nodes[0].lab.rpc("node1")
    asked = [(r, r.send("guest.set", guest="c1", add_tags=[t])) for r, t in ((first, "one"), (second, "two"))]
    for rpc, number in asked:
        rpc.receive(number)
    same("of two changes at once none is lost", {"one", "two"}, set(tags(nodes[0], "c1")) & {"one", "two"})


def notes_at_once(lab, nodes):
    """Two who read the same notes and write them back: the second hears of the first."""
    one, two = nodes[0].rpc, lab.rpc("node1")
    read = one.call("guest.show", guest="c1")["revision"]
    same("both read the same", read, two.call("guest.show", guest="c1")["revision"])
    two.call("guest.set", guest="c1", notes="of the second", revision=read)
    refused("who read before that is told so", "conflict", "read it again", one, "guest.set", guest="c1",
            notes="of the first", revision=read)
    same("and nothing is lost", "of the second", one.call("guest.show", guest="c1")["notes"])
    one.call("guest.set", guest="c1", notes="of both", revision=one.call("guest.show", guest="c1")["revision"])
    same("read again it is changed", "of both", two.call("guest.show", guest="c1")["notes"])
    refused("what was not there is there now", "conflict", "read it again", one, "guest.set", guest="c1", notes="new",
            revision=0)
    # An editor in which somebody else is faster.
    lab.sh("printf '#!/bin/sh\nprintf \"\\\\ntyped\\\\n\" >>$1\n' >/usr/local/bin/types; chmod +x /usr/local/bin/types; "
           "printf '#!/bin/sh\ngantry guest set c1 notes=theirs\necho mine >>$1\n' >/usr/local/bin/slow; chmod +x /usr/local/bin/slow")
    works("notes are changed in an editor", lab.try_run("env", "EDITOR=types", "gantry", "guest", "notes", "c1"))
    same("with what was there", "of both\ntyped", one.call("guest.show", guest="c1")["notes"])
    lost = lab.try_run("env", "EDITOR=slow", "gantry", "guest", "notes", "c1")
    check("an editor that was slower is told so", lost.returncode == 1 and "read it again" in lost.stderr, lost)
    kept = lost.stderr.split("is kept in ")[1].split(":")[0]
    holds("what was typed is kept in a file", "mine", lab.run("cat", kept))
    same("what the other wrote stays", "theirs", one.call("guest.show", guest="c1")["notes"])
    nodes[0].rpc.call("guest.set", guest="c1", notes="kept by node1")


def roles_at_once(nodes):
    one = nodes[0].rpc
    one.call("role.set", who="berta", role="viewer", revision=0)
    read = next(r["revision"] for r in one.call("role.list")["roles"] if r["who"] == "berta")
    one.call("role.set", who="berta", role="operator", revision=read)
    refused("a role that changed since is not given by chance", "conflict", "the role of berta changed", one, "role.set",
            who="berta", role="admin", revision=read)
    refused("nor taken", "conflict", "the role of berta changed", one, "role.remove", who="berta", revision=read)
    one.call("role.remove", who="berta")


def roles(lab, nodes):
    """Given on one node, a role holds on all, at once."""
    lab.sh("useradd -M -G gantry anna", node="node3")
    said = lab.try_run("runuser", "-u", "anna", "--", "gantry", "guest", "ls", node="node3")
    check("who has no role sees nothing", said.returncode == 3 and "role" in said.stderr, said.stderr)
    works("a role is given on another node", lab.try_run("gantry", "role", "set", "anna", "viewer"))
    becomes("and holds", "viewer", lambda: lab.rpc("node3", user="anna").hello["role"]
            if lab.try_run("runuser", "-u", "anna", "--", "gantry", "whoami", node="node3").returncode == 0 else None)
    anna = lab.rpc("node3", user="anna")
    refused("it is only that role", "not-allowed", "needs the role operator", anna, "guest.start", guest="c3")
    works("the group's role adds to it", lab.try_run("gantry", "role", "set", "@gantry", "admin"))
    becomes("for a session that is open, too", None, lambda: anna.refusal("role.list"))
    refused("nobody takes his own last way in", "state", "would not be admin", anna, "role.remove", who="@gantry")
    works("another does", lab.try_run("gantry", "role", "remove", "@gantry"))
    becomes("and it is gone at once", "not-allowed", lambda: getattr(anna.refusal("role.list"), "code", None))
    holds("the list says who has what", "anna", lab.run("gantry", "role", "ls"))
    refused("a name that is none", "params", "neither a user's name", nodes[0].rpc, "role.set", who="a/b", role="viewer")


def audited(nodes):
    """What changed the cluster is on record on every node."""
    def found(node):
        return {(e["method"], e.get("object"), e["node"]) for e in node.rpc.call("audit.list", limit=500)["entries"]}
    becomes("the audit of another node knows who gave a role, and where", True,
            lambda: ("role.set", "anna", "node1") in found(nodes[2]))
    check("what does not outlive a node is its own", not any(m == "guest.set" and n != "node3" for m, _, n in
                                                          found(nodes[2])), found(nodes[2]))


class Writer(threading.Thread):
    """Counts in the tag of its node's guest, and remembers the last that was acknowledged."""

    def __init__(self, lab, node, guest):
        super().__init__(daemon=True)
        self.rpc, self.guest = lab.agent_session(node), guest
        self.acknowledged, self.sent, self.ending = 0, 0, False

    def run(self):
        while not self.ending:
            self.sent += 1
            try:
                self.rpc.call("guest.set", guest=self.guest, tags=[f"n{self.sent}"])
                self.acknowledged = self.sent
            except Refused:
                time.sleep(0.05)
            except (lib.Closed, BrokenPipeError, TimeoutError, OSError):
                return


SHORT = "add table inet short; flush table inet short; add chain inet short in {{ type filter hook input priority 0; }}; " \
        "add rule inet short in udp dport 5440 {}"


def heard(lab, node):
    """How many datagrams of the store the node was sent, since they are counted."""
    said = lab.run("nft", "list chain inet short in", node=node)
    return int(said.split("packets ")[1].split()[0])


def by_the_short_way(lab, nodes):
    """Changes go as datagrams from node to node; where those are dropped, they go through corosync."""
    lab.run("nft", SHORT.format("counter"), node="node2")
    for i in range(20):
        nodes[0].rpc.call("guest.set", guest="c1", tags=[f"short{i}"])
    check("changes are sent as datagrams", heard(lab, "node2") >= 20, heard(lab, "node2"))
    lab.run("nft", SHORT.format("drop"), node="node2")
    for i in range(20):
        nodes[i % 3].rpc.call("guest.set", guest=f"c{i % 3 + 1}", tags=[f"long{i}"])
    becomes("without them, changes reach the node all the same", ["long19"], lambda: tags(nodes[1], "c2"))
    lab.run("nft", "delete table inet short", node="node2")
    agree("datagrams dropped", nodes)


def begin_writing(lab, nodes):
    writers = [Writer(lab, node.name, f"c{i}") for i, node in enumerate(nodes, 1)]
    for writer in writers:
        writer.start()
    check("all nodes write", eventually(lambda: all(w.acknowledged > 20 for w in writers)),
          [w.acknowledged for w in writers])
    return writers


def nothing_lost(what, nodes, writers):
    for writer in writers:
        writer.ending = True
        writer.join()
        found = tags(nodes[0], writer.guest) or ["n0"]
        check(f"{what}: what was acknowledged of {writer.guest} is there",
              writer.acknowledged <= int(found[0][1:]) <= writer.sent,
              f"{writer.acknowledged} acknowledged, {writer.sent} sent, found {found}")


def killed_at_once(lab, nodes):
    writers = begin_writing(lab, nodes)
    for node in nodes:
        lab.fault("kill", "gantryd", node.name)
    for node in nodes:
        node.again()
    all_work("all agents killed at once", nodes)
    agree("all agents killed at once", nodes)
    nothing_lost("all agents killed at once", nodes, writers)


def rolling(lab, nodes):
    writers = begin_writing(lab, nodes)
    for node, writer in zip(nodes[1:], writers[1:]):
        before = writers[0].acknowledged
        node.rpc = lab.agent_restart("term", node.name)
        check(f"while the agent of {node.name} restarts the others write",
              eventually(lambda before=before: writers[0].acknowledged > before), writers[0].acknowledged)
        becomes(f"{node.name} is back in the store", "working", lambda node=node: stores(nodes[0])[node.name], CLUSTER)
    agree_after = writers[0]
    agree_after.ending = True
    agree_after.join()
    agree("rolling restart", nodes)
    nothing_lost("rolling restart", nodes, writers)


def minority(lab, nodes):
    """One is cut off: it reads, and changes nothing; the others go on."""
    lab("fault", "partition", "node3")
    settled("cut off", nodes[2:], False, 1)
    settled("the others", nodes[:2], True, 2)
    check("the one that is cut off still shows all", len(guests(nodes[2])) == 3, guests(nodes[2]))
    becomes("and changes nothing", "unavailable",
            lambda: getattr(nodes[2].rpc.refusal("guest.set", guest="c3", tags=["lost"]), "code", None))
    nodes[0].rpc.call("guest.set", guest="c1", tags=["majority"])
    becomes("the others do", ["majority"], lambda: tags(nodes[1], "c1"))
    lab("fault", "heal", "node3")
    settled("healed", nodes, True, 3)
    becomes("then it knows what it missed", ["majority"], lambda: tags(nodes[2], "c1"), CLUSTER)
    check("and what it was refused is not there", "lost" not in tags(nodes[0], "c3"), tags(nodes[0], "c3"))
    agree("healed", nodes)


def resynced(lab, nodes):
    """A node whose file was damaged takes the others' documents."""
    refused("nothing is to be taken where nothing differs", "state", "nothing is to be taken", nodes[2].rpc,
            "cluster.resync", confirm="node3")

    def damage():
        """Stopped in the middle of a write it would keep the file locked."""
        lab.fault("stop", "gantryd", "node3")
        done = lab.try_run("python3", "-c", "import sqlite3; c = sqlite3.connect('/var/lib/gantry/store.db', timeout=1); "
                           "c.execute('DELETE FROM log WHERE position = (SELECT max(position) - 3 FROM log)'); c.commit()",
                           node="node3")
        if done.returncode:
            lab.fault("cont", "gantryd", "node3")
        return done.returncode == 0
    check("its file is damaged", eventually(damage))
    pid = lab.agent_pid("node3")
    lab.fault("kill", "gantryd", "node3")
    eventually(lambda: lab.agent_pid("node3") not in (None, pid))
    nodes[2].again()
    becomes("a log with a hole is not believed", "failing", lambda: stores(nodes[0])["node3"], CLUSTER)
    check("it shows what it has", len(guests(nodes[2])) == 3, guests(nodes[2]))
    works("it takes the others'", lab.try_run("gantry", "cluster", "resync", "--confirm", "node3", node="node3"))
    all_work("resynced", nodes)
    agree("resynced", nodes)


def parted(lab, nodes):
    done = lab.try_run("gantry", "cluster", "leave", "--confirm", "node3", node="node3")
    works("a node leaves", done)
    becomes("it is alone, and works", [("c3", "node3")], lambda: guests(nodes[2], "name", "node"), CLUSTER)
    nodes[2].rpc.call("guest.set", guest="c3", tags=["own"])
    same("and keeps its own", ["own"], tags(nodes[2], "c3"))
    nodes[0].rpc.call("guest.set", guest="c1", tags=["two"])
    becomes("the others go on", ["two"], lambda: tags(nodes[1], "c1"))


def test(lab):
    nodes = [Node(lab, name) for name in NODES]
    apart(lab, nodes)
    joined(lab, nodes)
    definitions(lab, nodes)
    edited_at_once(nodes)
    notes_at_once(lab, nodes)
    roles_at_once(nodes)
    roles(lab, nodes)
    audited(nodes)
    by_the_short_way(lab, nodes)
    killed_at_once(lab, nodes)
    rolling(lab, nodes)
    minority(lab, nodes)
    resynced(lab, nodes)
    parted(lab, nodes)


lib.run(test, nodes=3)
