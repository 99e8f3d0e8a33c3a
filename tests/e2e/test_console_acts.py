#!/usr/bin/env python3
"""Acts on the cluster from inside the console: each runs gantry's own command in a pane, with
its plan and its questions, and the page of the cluster shows what came of it."""
import subprocess
import sys

from terminal import Failed, Lab, Tap, Terminal, until

tap = Tap()
CLUSTER = 90.0  # until corosync has agreed, or has lost a node
SECRET = "open sesame"


def ssh_config(lab):
    """Keys for all nodes; node3's has a passphrase."""
    home = lab("ws", "sh", "-c", "echo $HOME")
    path = f"{home}/acts"
    subprocess.run(["ssh-keygen", "-qt", "ed25519", "-N", SECRET, "-f", path + ".locked"], check=True,
                   stdin=subprocess.DEVNULL)
    with open(path + ".locked.pub", encoding="utf-8") as file:
        lab.run("node3", "sh", "-c", 'echo "$1" >>/root/.ssh/authorized_keys', "sh", file.read())
    with open(path, "w", encoding="utf-8") as file:
        for node in ("node1", "node2", "node3"):
            key = path + ".locked" if node == "node3" else f"{home}/.ssh/id_ed25519"
            file.write(f"Host {node} {lab('addr', node)}\n  HostName {lab('addr', node)}\n  User root\n"
                       f"  IdentityFile {key}\n  IdentityAgent none\n  StrictHostKeyChecking no\n"
                       f"  UserKnownHostsFile {path}.known\n")
    return path


def act(console, key, *patterns):
    """An act of the menu, from the cluster's page."""
    console.shows("^ Cluster")
    console.go("a", "┌ Cluster", "Esc leave")
    return console.go(key, *patterns)


def read(console, what):
    """The command has ended well, and a key leads back to the page."""
    screen = console.shows(rf"^ {what}: done   any key leaves", patience=CLUSTER)
    console.go("Space", "^ Cluster")
    return screen


def choose(console, text, *patterns):
    """A row of a list of choices that is shown whole."""
    lines = console.lines()
    top = next(i for i, line in enumerate(lines) if "┌" in line)
    left = lines[top].index("┌")
    at = next(i for i, line in enumerate(lines) if i > top and text in line[left:])
    console.type("Home", *["Down"] * (at - top - 1))
    return console.go("Enter", *patterns)


def creating(console):
    console.shows("1/1 node", "web1")
    console.go("C", "These nodes are in no cluster")
    with tap.check("what can't be done yet is grey and says why"):
        console.go("a", r"n +join nodes +there is no cluster yet", r"leave the cluster +it is in no cluster")
        console.go("n", "join nodes: there is no cluster yet")
        console.escape()
    with tap.check("a cluster is made from inside the console"):
        act(console, "c", "┌ Make a cluster", "The cluster's name")
        console.type("Enter", "Enter", "Enter")
        console.shows("The cluster's name is missing", "┌ Make a cluster")
        console.type("lab", "Enter", "Enter", "Enter")
        console.shows(r"\$ gantry -F \S+ -H node1 cluster create lab")
        read(console, "make a cluster")
        console.shows(r"Votes +1 of 1", patience=CLUSTER)


def joining(console):
    with tap.check("a node joins after its plan was shown and agreed to"):
        act(console, "n", "┌ Join nodes")
        console.type("node2", "Enter", "Enter", "Enter")
        console.shows(r"cluster join node2", r"node2 +link 0 +\d", r"Go on\? \[y/N\]", patience=CLUSTER)
        console.type("y", "Enter")
        console.shows("node2 is a member of lab", patience=CLUSTER)
        read(console, "join nodes")
        console.shows(r"Votes +2 of 2", r"node2 +2 +member", "2/2 nodes", patience=CLUSTER)
    with tap.check("who says no at the plan has changed nothing, and may ask again"):
        act(console, "n", "┌ Join nodes")
        console.type("node3", "Enter", "Enter", "Enter")
        console.shows("(?i)passphrase", patience=CLUSTER)
        console.type(SECRET, "Enter")
        console.shows(r"Go on\?", patience=CLUSTER)
        if SECRET in console.screen():
            raise Failed(console.screen())
        console.type("n", "Enter")
        console.shows("nothing was changed", r"join nodes: failed with status \d   r again")
    with tap.check("a passphrase is asked in the pane"):
        console.type("r")
        console.shows(r"(?is)failed.*passphrase|nothing was changed.*(?i:passphrase)", patience=CLUSTER)
        console.shows(r"assphrase\S*: *│")
        console.type(SECRET, "Enter")
        until(lambda: console.screen().count("Go on?") == 2 or console.screen().rstrip().endswith("┘"),
              console.screen, CLUSTER)
        console.shows(r"Go on\? \[y/N\] *│", patience=CLUSTER)
        console.type("y", "Enter")
        console.shows("node3 is a member of lab", patience=CLUSTER)
    with tap.check("the console asks for itself, in a dialog over the pane"):
        console.shows(r"│.*│.*(?i:passphrase).*│.*│", patience=CLUSTER)
        console.type(SECRET, "Enter")
        console.shows("3/3 nodes", patience=CLUSTER)
        read(console, "join nodes")
        console.shows(r"Votes +3 of 3", patience=CLUSTER)


def leaving(console):
    with tap.check("the palette offers it anywhere, and the node is chosen"):
        console.go("2", "^ Guests", "web1")
        console.go(":", "Command")
        console.type("leave the cl")
        console.shows("│ leave the cluster")
        console.go("Enter", "┌ Leave the cluster: which node", "node1", "node2", "node3")
        choose(console, "node2", "-H node2 cluster leave", "Type this node's name, to be sure:")
    with tap.check("another word does nothing"):
        console.type("node1", "Enter")
        console.shows("leave the cluster: failed with status", patience=CLUSTER)
        console.type("r")
        console.shows(r"to be sure: *│", patience=CLUSTER)
    with tap.check("with its name the node leaves, and is gone from the console"):
        console.type("node2", "Enter")
        console.shows("leave the cluster: done   any key leaves", patience=CLUSTER)
        console.go("Space", "^ Guests")
        console.shows("quorate 2/2", "2/2 nodes", patience=CLUSTER)


def dying(lab, console):
    console.go("C", "^ Cluster", "node3 +3 +member|node3 +[0-9] +member")
    lab.run("node3", "sh", "-c", "ip link set eth1 down; ip link set eth0 down")
    console.shows("NOT SEEN", "not quorate 1/2", patience=CLUSTER)
    with tap.check("without quorum only what helps is offered"):
        console.go("a", "n +join nodes +the cluster is not quorate", "e +expect fewer votes +let the cluster")
        console.escape()
    with tap.check("the cluster goes on with fewer votes, once the names of those that are off are typed"):
        act(console, "e", "┌ Expect fewer votes")
        console.type("1", "Enter")
        console.shows("cluster expected 1", "names of all nodes")
        console.type("node3", "Enter")
        read(console, "expect fewer votes")
        console.shows(r"Votes +1 of 1", "quorate 1/2", patience=CLUSTER)
    with tap.check("a dead node is removed"):
        console.go("a", "┌ Cluster")
        choose(console, "remove a dead node", "┌ Remove a dead node: which node", "node1 +it is there")
        choose(console, "node3", "cluster remove node3", "to be sure:")
        console.type("node3", "Enter")
        read(console, "remove a dead node")
        console.shows("quorate 1/1", "1/1 node", patience=CLUSTER)


def entering(path):
    with Terminal("-F", path, "node2", size=(120, 30)) as console:
        console.shows("1/1 node")
        console.go("C", "These nodes are in no cluster")
        with tap.check("a node joins another cluster from its own console"):
            act(console, "o", "┌ Join another cluster", "node2: ")
            console.type("node1", "Enter")
            console.shows(r"-H node1 cluster join node2", r"Go on\?", patience=CLUSTER)
            console.type("y", "Enter")
            console.shows("node2 is a member of lab", patience=CLUSTER)
            read(console, "join another cluster")
            console.shows(r"Votes +2 of 2", "2/2 nodes", patience=CLUSTER)


def agreed(console, what, *patterns):
    """A plan is shown, and agreed to."""
    console.shows(*patterns, r"Go on\? \[y/N\] *│", patience=CLUSTER)
    console.type("y", "Enter")
    return read(console, what)


def changing(lab, path):
    leg = [int(part) for part in lab("addr", "node1").split(".")]
    second = {f"node{i}": f"{leg[0]}.{leg[1]}.{leg[2] + 1}.{i}" for i in (1, 2)}
    with Terminal("-F", path, "node1", size=(120, 30)) as console:
        console.shows("quorate 2/2", "2/2 nodes", patience=CLUSTER)
        console.go("C", rf"node2 +1 +connected .*{second['node2']}")
        with tap.check("a link is removed"):
            act(console, "L", "┌ Remove a link", "Number of the link")
            console.type("1", "Enter")
            agreed(console, "remove a link", "Removing link 1")
            console.lacks(second["node2"], patience=CLUSTER)
        with tap.check("and added again; the nodes are written there already"):
            act(console, "l", "┌ Add a link", "node1= node2=")
            console.type("C-u")
            console.lacks("node1= node2=")
            console.type(" ".join(f"{node}={address}" for node, address in second.items()), "Enter")
            agreed(console, "add a link", "A new link:")
            console.shows(rf"node2 +1 +connected .*{second['node2']}", patience=CLUSTER)
        with tap.check("a node gets another address on a link"):
            lab.run("node2", "ip", "address", "add", f"{leg[0]}.{leg[1]}.{leg[2] + 1}.77/24", "dev", "eth1")
            act(console, "a", "┌ Change an address: which node")
            choose(console, "node2", "┌ Change an address", "node2: ")
            console.type("1", "Enter", f"{leg[0]}.{leg[1]}.{leg[2] + 1}.77", "Enter")
            agreed(console, "change an address", "node2, link 1: .*77 instead of")
            console.shows(r"node2 +1 +connected .*\.77", patience=CLUSTER)
        with tap.check("the cluster gets another name"):
            act(console, "r", "┌ Rename the cluster")
            console.type("other", "Enter")
            agreed(console, "rename the cluster", "lab is to be called other")
            console.shows("^ other", patience=CLUSTER)


def readonly(path):
    with Terminal("-F", path, "--readonly", "node1") as console:
        with tap.check("a console that changes nothing offers none of it"):
            console.shows("2/2 nodes", patience=CLUSTER)
            console.go("C", "^ Cluster", "Votes +2 of 2")
            screen = console.go("a", "┌ Cluster")
            if screen.count("the console was started with") < 12:
                raise Failed(screen)
            console.go("r", "rename the cluster: the console was started with --readonly")


def main():
    with Lab(3) as lab:
        lab("guest", "node1", "ct", "web1", "--start")
        path = ssh_config(lab)
        with Terminal("-F", path, "node1", size=(120, 30)) as console:
            creating(console)
            joining(console)
            leaving(console)
            dying(lab, console)
        entering(path)
        changing(lab, path)
        readonly(path)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
