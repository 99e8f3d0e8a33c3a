#!/usr/bin/env python3
"""Ways to the members of a cluster from a workstation that knows the name of one: straight to
their addresses; and, where nothing but the first node lets it in, through that node."""
import sys

from terminal import Failed, Lab, Tap, Terminal, until

tap = Tap()
CLUSTER = 90.0


def ssh_config(lab):
    """Only node1 has a name here; the key is for whatever address the others have."""
    home = lab("ws", "sh", "-c", "echo $HOME")
    path = f"{home}/ways"
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"Host node1\n  HostName {lab('addr', 'node1')}\nHost *\n  User root\n"
                   f"  IdentityFile {home}/.ssh/id_ed25519\n  StrictHostKeyChecking no\n"
                   f"  UserKnownHostsFile {path}.known\n")
    return path


def sshd_peers(lab, node):
    """Where the sessions to a node's sshd come from."""
    return set(lab.run(node, "sh", "-c", "ss -Htn state established sport = :22 | "
                                         "awk '{print $4}' | sed 's/:[0-9]*$//'").split())


def works_on_node2(lab, console):
    console.shows("quorate 2/2", "2/2 nodes", patience=CLUSTER)
    console.go("2", "^ Guests", r"far +node2 +● ")
    console.type("Home")
    until(lambda: " far " in console.line("▌"), console.screen)
    console.go("S", "far on node2 › shell", "~ #|/ #")
    console.type("echo over$((6*7))", "Enter")
    console.shows("over42")
    console.type("C-]", "k", "y")
    console.shows("^ Guests")


def straight(lab, path):
    with Terminal("-F", path, "node1") as console:
        with tap.check("a member whose name leads nowhere is reached by its address"):
            works_on_node2(lab, console)
            own = lab("ws", "hostname", "-I").split()
            if not sshd_peers(lab, "node2") & set(own):
                raise Failed(f"{sshd_peers(lab, 'node2')}, the workstation has {own}")


def through(lab, path):
    own = lab("ws", "hostname", "-I").split()
    for address in own:
        family = "ip6" if ":" in address else "ip"
        lab.run("node2", "sh", "-c", "nft add table inet w; nft add chain inet w i "
                                     "'{ type filter hook input priority 0; }'; "
                                     f"nft add rule inet w i {family} saddr {address} tcp dport 22 "
                                     "reject with tcp reset")
    with Terminal("-F", path, "node1", size=(120, 30)) as console:
        with tap.check("one that only the first node reaches is reached through it"):
            works_on_node2(lab, console)
            if sshd_peers(lab, "node2") & set(own) or not sshd_peers(lab, "node2"):
                raise Failed(sshd_peers(lab, "node2"))
        with tap.check("an act on a guest there goes the same way"):
            console.go("a", r"t  stop hard")
            console.go("t", "far on node2")
            console.type("y")
            until(lambda: lab.ct_state("node2", "far") == "STOPPED", console.screen)
        with tap.check("a command that can't go there says so"):
            console.go("3", "^ Nodes", "node2 +● up")
            console.type("End")
            until(lambda: "node2" in console.line("▌"), console.screen)
            console.go("a", "┌ node2", "leave the cluster")
            lines = console.lines()
            top = next(i for i, line in enumerate(lines) if "┌" in line)
            at = next(i for i, line in enumerate(lines) if i > top and "leave the cluster" in line)
            console.type("Home", *["Down"] * (at - top - 1))
            console.go("Enter", "it is reached only through another node")


def main():
    with Lab(2) as lab:
        lab("cluster", "lab")
        lab("guest", "node2", "ct", "far", "--wait")
        path = ssh_config(lab)
        straight(lab, path)
        through(lab, path)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
