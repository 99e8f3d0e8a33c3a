#!/usr/bin/env python3
"""One console over all nodes of a cluster, started with the name of one: members that
come by themselves, a node that dies and returns, acts that go to the guest's owner."""
import json
import os
import re
import subprocess
import sys
import time

from terminal import LAB, Failed, Lab, Tap, Terminal, until

tap = Tap()
CLUSTER = 90.0  # until corosync has agreed, or has lost a node
SHOWN = 0.5     # seconds from what corosync knows to what the console shows


def gantry(*words, check=True):
    done = subprocess.run([LAB, "gantry", *words], capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, timeout=180)
    if check and done.returncode:
        raise Failed(f"gantry {' '.join(words)}: {done.returncode}: {done.stdout}{done.stderr}")
    return done


def rows(*words, check=True):
    return json.loads(gantry("-o", "json", *words, check=check).stdout)


def power(lab, node, state):
    """Takes a node from all networks at once, as one that lost its power, and gives it back."""
    lab.run(node, "sh", "-c", f"ip link set eth1 {state}; ip link set eth0 {state}")


def to_row(console, text):
    console.type("Home")
    until(lambda: "▌" in console.screen(), console.screen)
    for _ in range(30):
        if re.search(rf"^ ?▌.*{text}", console.screen(), re.M):
            return
        before = console.screen()
        console.type("Down")
        until(lambda: console.screen() != before, console.screen)
    raise Failed(f"no row {text}:\n{console.screen()}")


def state_is(lab, node, name, state):
    until(lambda: lab.ct_state(node, name) == state, lambda: f"{name}: {lab.ct_state(node, name)}")


def joining(lab):
    gantry("-H", "node1", "cluster", "create", "lab")
    gantry("-H", "node1", "cluster", "join", "--yes", "node2")
    with Terminal("node1", size=(200, 60)) as console:
        with tap.check("one name shows all nodes of its cluster, and their guests"):
            console.shows(r"quorate 2/2", r"2/2 nodes", patience=CLUSTER)
            console.go("3", r"node1 +● up", r"node2 +● up")
            console.go("2", r"ct/\d+ +web1 +node1 +● ")
        with tap.check("a new member, and its guests, appear by themselves"):
            gantry("-H", "node1", "cluster", "join", "--yes", "node3")
            console.shows(r"quorate 3/3", r"3/3 nodes", r"ct/\d+ +web3 +node3 +● ", patience=CLUSTER)
        with tap.check("and the events say who let it in"):
            console.go("7", r"node3 joined the cluster +root|root.*node3 joined the cluster")
        with tap.check("the cluster's own page shows votes, nodes and links"):
            console.go("C", "^ Cluster", r"Votes +3 of 3, 2 are needed", r"node2 +2 +member", r"node3 +1 connected|node3 +\d +connected")
        with tap.check("a member that leaves goes from the console"):
            console.go("7", "^ Events")
            gantry("-H", "node3", "cluster", "leave", "--confirm", "node3")
            console.shows(r"quorate 2/2", r"2/2 nodes", r"node3 left the cluster", patience=CLUSTER)
            console.go("3", "^ Nodes")
            console.lacks("node3 +●")
            until(lambda: "is in no cluster" in gantry("-H", "node3", "cluster", "status").stdout,
                  "node3 has not left")
        gantry("-H", "node1", "cluster", "join", "--yes", "node3")
        console.shows(r"quorate 3/3", r"3/3 nodes", patience=CLUSTER)


def doubles():
    with tap.check("a node that is given by name and by address is one"):
        with Terminal("node1", "node2", "node1") as console:
            console.shows("3/3 nodes", patience=CLUSTER)


def owner(lab, console):
    with tap.check("an act goes to the node that owns the guest"):
        console.go("2", "^ Guests", r"web3 +node3 +● ")
        to_row(console, "web3")
        console.go("a", r"│ t  stop hard")
        console.go("t", "This hits 1", "web3 on node3")
        console.type("y")
        state_is(lab, "node3", "web3", "STOPPED")
        console.shows(r"web3 +node3 +○ stopped")
        console.go("a", r"│ s  start")
        console.type("s")
        state_is(lab, "node3", "web3", "RUNNING")
        console.shows(r"web3 +node3 +● ")


def commands(lab):
    with tap.check("a command over one node lists the guests of all"):
        found = {guest["name"]: guest["node"] for guest in rows("-H", "node1", "guest", "ls")}
        if found != {"web1": "node1", "web3": "node3"}:
            raise Failed(found)
    with tap.check("and finds the owner of the one that it is to change"):
        gantry("-H", "node1", "guest", "stop", "web3")
        state_is(lab, "node3", "web3", "STOPPED")
        gantry("-H", "node2", "guest", "start", "web3")
        state_is(lab, "node3", "web3", "RUNNING")


def noting():
    """Notes are changed in the person's own editor, in a pane."""
    editor = "/tmp/gantry-editor"
    with open(editor, "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\nprintf 'noted in a pane\\n' >>\"$1\"\n")
    os.chmod(editor, 0o755)
    with tap.check("a guest's notes are edited from the console"):
        with Terminal("node1", size=(200, 60), env={"EDITOR": editor}) as console:
            console.shows(r"3/3 nodes", patience=CLUSTER)
            console.go("2", "^ Guests", r"web3 +node3")
            to_row(console, "web3")
            console.go("a", r"│ N  edit the notes")
            console.go("N", r"edit the notes: done   any key leaves")
            console.go("Space", "^ Guests")
            console.go("Enter", "web3 on node3", r"noted in a pane")
    os.unlink(editor)


def unreached(lab):
    """Only this console can't reach node3; the cluster sees it."""
    rule = ("INPUT", "-p", "tcp", "--dport", "22", "-j", "REJECT", "--reject-with", "tcp-reset")
    lab.run("node3", "iptables", "-I", *rule)
    with tap.check("a node that only the console can't reach has its guests, as the cluster knows them"):
        with Terminal("node1", size=(200, 60)) as console:
            console.shows(r"quorate 3/3", r"2/3 nodes", patience=CLUSTER)
            console.go("2", "^ Guests", r"web1 +node1 +● ", r"web3 +node3 +◌ running")
            to_row(console, "web3")
            console.go("Enter", "web3 on node3", "what the cluster knows: the node is not reached")
            console.escape()
            lab.run("node3", "iptables", "-D", *rule)
            console.type("C-r")
            console.shows(r"3/3 nodes", r"web3 +node3 +● ", patience=CLUSTER)
            if console.screen().count("web3") != 1:
                raise Failed(console.screen())


def seen_by_corosync(lab):
    """The nodes that node1's corosync sees."""
    return rows_of(lab, "corosync-quorumtool", "-l")


def rows_of(lab, *words):
    return set(re.findall(r"\bnode\d", lab.run("node1", *words, check=False)))


def dying(lab, console):
    console.go("2", "^ Guests", r"web3 +node3 +● ")
    power(lab, "node3", "down")
    with tap.check("a dead node is shown as soon as corosync knows"):
        until(lambda: "node3" not in seen_by_corosync(lab), "corosync sees it still", CLUSTER, 0.02)
        known = time.monotonic()
        console.shows(r"quorate 2/3", r"2/3 nodes", r"web3 +node3 +◌ ", patience=CLUSTER)
        took = time.monotonic() - known
        print(f"# {took:.2f} s after corosync-quorumtool showed it")
        if took > SHOWN + 1:  # tmux, and a tool that is asked, are slower than what is measured
            raise Failed(f"{took:.2f} s")
    with tap.check("its guest keeps its row, with the age of what is known"):
        console.go("3", r"node3 +◌ lost \d+s|node3 +\S* ?lost \d+")
    with tap.check("the alarm is there once, though two nodes raise it"):
        console.go("8", "^ Needs attention", "node3 is not seen in the cluster")
        if console.screen().count("is not seen in the cluster") != 1:
            raise Failed(console.screen())
    with tap.check("and so is the event"):
        console.go("7", "^ Events", "error +.*node3 is lost from the cluster")
        if len(re.findall("error.*node3 is lost from the cluster", console.screen())) != 1:
            raise Failed(console.screen())
    with tap.check("a command lists the others at once, and says which node is missing"):
        begun = time.monotonic()
        done = gantry("-H", "node1", "guest", "ls", check=False)
        if done.returncode == 0 or "node3" not in done.stderr or "web1" not in done.stdout:
            raise Failed(done)
        if time.monotonic() - begun > 5:
            raise Failed(f"{time.monotonic() - begun:.1f} s")


def starting_without(console):
    with tap.check("a console that starts now shows the lost node as well"):
        console.shows(r"quorate 2/3", r"2/3 nodes", patience=CLUSTER)
        console.go("3", "^ Nodes", r"node3 +\S+ lost \d")
    with tap.check("and its guests, as the cluster's store knew them last"):
        console.go("2", "^ Guests", r"web1 +node1 +● ", r"web3 +node3 +◌ running")
    with tap.check("with their definition"):
        to_row(console, "web3")
        console.go("Enter", r"web3 on node3", r"is \d+\w+ old: the node is not reached")
        console.go("BTab", r"lxc\.uts\.name")
        console.escape()
        to_row(console, "web3")
        console.go("x", r"lxc\.uts\.name")
        console.escape()


def returning(lab, console, late):
    with tap.check("it is back as soon as the cluster sees it"):
        power(lab, "node3", "up")
        console.shows(r"quorate 3/3", r"3/3 nodes", patience=CLUSTER)
        console.go("7", "^ Events", "node3 is back in the cluster")
        console.go("3", r"node3 +● up")
    with tap.check("and a guest that was known from the store is itself again, once"):
        late.go("2", "^ Guests", r"web3 +node3 +● ")
        if late.screen().count("web3") != 1:
            raise Failed(late.screen())
    with tap.check("and its alarm is over"):
        console.go("8", "^ Needs attention")
        console.lacks("node3 is not seen")


def main():
    with Lab(3) as lab:
        lab("guest", "node1", "ct", "web1", "--start")
        lab("guest", "node3", "ct", "web3", "--start")
        joining(lab)
        doubles()
        commands(lab)
        noting()
        unreached(lab)
        with Terminal("node1", size=(200, 60)) as console:
            console.shows(r"quorate 3/3", r"3/3 nodes", patience=CLUSTER)
            owner(lab, console)
            dying(lab, console)
            with Terminal("node1") as late:
                starting_without(late)
                returning(lab, console, late)
                late.shows(r"quorate 3/3", r"3/3 nodes", patience=CLUSTER)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
