#!/usr/bin/env python3
"""The console's links to nodes: keys and passwords asked in dialogs, nodes that are
lost and come back, jumps, agents that are not there, clusters; and --plain."""
import re
import subprocess
import sys

from terminal import GANTRY, LAB, Failed, Lab, Tap, Terminal, until

tap = Tap()


def config(lab, name, *lines):
    """A file of ssh_config for -F, and one of known hosts, which is empty."""
    home = lab("ws", "sh", "-c", "echo $HOME")
    text = "\n".join(["Host node1", "HostName " + lab("addr", "node1"), "HostKeyAlias node1",
                      f"UserKnownHostsFile {home}/{name}.known", *lines]) + "\n"
    with open(f"{home}/{name}", "w", encoding="utf-8") as file:
        file.write(text.replace("HOME", home))
    with open(f"{home}/{name}.known", "w", encoding="utf-8"):
        pass
    return f"{home}/{name}"


def contents(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def host_keys(lab):
    path = config(lab, "strange", "User root", "IdentityFile HOME/.ssh/id_ed25519")
    with Terminal("-F", path, "node1") as console:
        with tap.check("an unknown host key is asked with its fingerprint"):
            screen = console.shows("SHA256:", "y +it is the right key")
            shown = re.search(r"SHA256:([\w+/]+)", screen).group(1)
            keys = lab.run("node1", "sh", "-c", "cat /etc/ssh/ssh_host_*_key.pub | ssh-keygen -lf -")
            if shown not in keys or len(shown) < 40:
                raise Failed(f"{shown} is none of\n{keys}")
        with tap.check("no refuses the node, and says so"):
            console.type("n")
            console.lacks("SHA256")
            console.shows(r"node1 .*(?i:refused|not accepted|cancelled)")
            if contents(path + ".known"):
                raise Failed("it was kept")
        with tap.check("asked again, yes keeps it and goes on"):
            console.type("C-r")
            console.shows("y +it is the right key")
            console.type("y")
            console.shows("1/1 node", "web1")
            if "node1 " not in contents(path + ".known"):
                raise Failed("it was not kept")
    key = subprocess.run(["ssh-keygen", "-qt", "ed25519", "-N", "", "-f", path + ".other"], check=True,
                         stdin=subprocess.DEVNULL) and contents(path + ".other.pub").split()[1]
    with open(path + ".known", "w", encoding="utf-8") as file:
        file.write(f"node1 ssh-ed25519 {key}\n")
    with Terminal("-F", path, "node1") as console:
        with tap.check("a changed host key is refused loudly, and never asked about"):
            screen = console.shows("(?i)has changed", "0/1 node")
            if "it is the right key" in screen:
                raise Failed(screen)


def passwords(lab):
    path = config(lab, "nokey", "User viewer", "IdentityFile none", "StrictHostKeyChecking no")
    with Terminal("-F", path, "node1") as console:
        with tap.check("a password is asked in a dialog, unseen"):
            console.shows("(?i)password.*│")
            console.type("viewer")
            console.shows(r"(?i)password:? +\S{6} ")
            console.lacks(r"(?i)password:? +viewer")
            console.type("Enter")
            console.shows("1/1 node", "web1")
    with Terminal("-F", path, "node1") as console:
        with tap.check("a wrong password is asked again; Esc gives up"):
            console.shows("(?i)password.*│")
            console.type("wrong", "Enter")
            console.shows(r"(?i)once more|again|wrong|denied")
            console.escape()
            console.lacks("┌")
            console.shows("(?i)refused|cancelled")
    subprocess.run(["ssh-keygen", "-qt", "ed25519", "-N", "open sesame", "-f", path + ".locked"], check=True,
                   stdin=subprocess.DEVNULL)
    lab.run("node1", "sh", "-c", 'echo "$1" >>/root/.ssh/authorized_keys', "sh", contents(path + ".locked.pub"))
    locked = config(lab, "locked", "User root", f"IdentityFile {path}.locked", "StrictHostKeyChecking no")
    with Terminal("-F", locked, "node1") as console:
        with tap.check("a key's passphrase is asked in a dialog"):
            console.shows("(?i)passphrase", "┌")
            console.type("open sesame", "Enter")
            console.shows("1/1 node", "web1")


def losses(lab):
    with Terminal("node1", "node2") as console:
        console.shows("2/2 nodes", "web1", "cache|far")
        with tap.check("a node whose agent hangs or ends is shown as lost, its rows stay"):
            console.go("2", "^ Guests", "far", "web1")
            # The sessions end, and the one that would take new ones does nothing. The
            # interface stays until the console has seen it: a process that is killed
            # says goodbye only when it is scheduled for the last time.
            console.go("3", "^ Nodes")
            lab("fault", "stop", "node2", "sshd")
            lab.run("node2", "sh", "-c", "pkill -9 -x -P $(pgrep -ox sshd) sshd")
            console.shows("1/2 nodes", r"node2 .*(?i:lost|waiting|not reached|again|no answer)")
            lab.run("node2", "ip", "link", "set", "eth0", "down")
            console.go("2", "^ Guests", r" far ", " web1 ")
            console.shows(r"far +node2 +[◌?]")
        with tap.check("acts there are greyed with the reason"):
            console.type("/")
            console.type("name:far", "Enter")
            console.shows("1 of 2")
            console.go("a", "node2 is not reached")
            console.escape()
            console.escape()
            console.lacks("filter:")
        with tap.check("for how long is counted there"):
            console.go("3", "^ Nodes")
            until(lambda: (found := re.search(r"lost (\d+)s ", console.line("node2"))) and int(found.group(1)) >= 4,
                  lambda: console.line("node2"))
        with tap.check("and it recovers, by itself or at once with Ctrl-R"):
            lab.run("node2", "ip", "link", "set", "eth0", "up")
            lab("fault", "cont", "node2", "sshd")
            console.type("C-r")
            console.shows("2/2 nodes", r"node2 +● up")
            console.go("2", r"far +node2 +● ")


def agents(lab):
    with tap.check("an agent that is not there is said, and how to start it"):
        lab.run("node2", "sh", "-c", "mv /run/gantry.sock /run/away.sock")
        with Terminal("node2") as console:
            console.shows("(?i)gantryd|agent")
            console.shows("0/1 node")
        lab.run("node2", "sh", "-c", "mv /run/away.sock /run/gantry.sock")
    with tap.check("an outsider is told that they have no role"):
        with Terminal("outsider@node1") as console:
            console.shows("(?i)role|permission|group|not allowed|denied")


CLUSTERS = """clusters:
  - {name: east, nodes: [node1]}
  - {name: west, nodes: [node2]}
  - {name: all, nodes: [node1, node2]}
"""


def to_cluster(console, name):
    """By the list of clusters, with the keys that move in it."""
    console.go("0", "^ Clusters", *[f" {line} " for line in ("east", "west", "all")])
    rows = [line.replace("▌", " ").split()[0] for line in console.lines()[3:6]]
    here = next(i for i, line in enumerate(console.lines()[3:6]) if "▌" in line)
    steps = rows.index(name) - here
    console.type(*["j" if steps > 0 else "k"] * abs(steps), "Enter")


def clusters():
    with Terminal().config("clusters.yaml", CLUSTERS) as console:
        with tap.check("the first cluster of clusters.yaml is shown, no other is connected to"):
            console.shows("^ east ● 1/1 node", "web1")
            console.go("0", "^ Clusters", "east .*1 of 1 nodes answer, 1 guests +.here", "west .*not connected",
                       "all .*not connected")
            console.escape()
        with tap.check("another is gone to by key, and shows its own alone"):
            to_cluster(console, "west")
            console.shows("^ west ● 1/1 node", " far ")
            console.lacks("web1")
        with tap.check("a third with nodes of both"):
            to_cluster(console, "all")
            console.shows("^ all ● 2/2 nodes", " far ", " web1 ")
        with tap.check("a shell that is left open there stays there"):
            console.go("3", "^ Nodes", "node1 ", "node2 ")
            console.type("g")
            until(lambda: " node1 " in console.line("▌"), console.screen)
            console.go("S", "all › node1 › shell", r"root@node1:~#")
            console.type("C-]", "C-]")
            console.shows("^ Nodes")
            to_cluster(console, "east")
            console.shows("^ east ● 1/1 node", "web1")
            console.go("9", "nothing is open")
        with tap.check("all of them are kept, and come back as they were"):
            console.go("0", "east .*1 of 1 nodes answer.*here", "west .*1 of 1 nodes answer",
                       "all .*2 of 2 nodes answer")
            console.escape()
            to_cluster(console, "all")
            console.shows("^ all ● 2/2 nodes")
            console.go("9", "all › node1 › shell", r"root@node1:~#")
            console.type("echo still$((1+1))here", "Enter")
            console.shows("still2here")


def plain(lab):
    def run(*targets, deadline=60):
        return subprocess.run([LAB, "ws", GANTRY, "--plain", *targets], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=deadline, check=False)
    with tap.check("--plain prints the dashboard and ends with 0"):
        done = run("node1", "node2")
        if done.returncode or not all(word in done.stdout for word in ["node1", "node2", "web1"]):
            raise Failed(f"{done}")
        if "\033" in done.stdout:
            raise Failed("escapes in it")
    with tap.check("--plain ends with the status of what is not reached, and says what"):
        done = run("node1", "10.77.254.254")
        missing = subprocess.run([LAB, "ws", GANTRY, "-H", "10.77.254.254", "node", "ls"],
                                 capture_output=True, check=False, stdin=subprocess.DEVNULL)
        if done.returncode == 0 or done.returncode != missing.returncode:
            raise Failed(f"{done} {missing}")
        if "web1" not in done.stdout or "10.77.254.254" not in done.stdout + done.stderr:
            raise Failed(f"{done}")


def main():
    with Lab(2) as lab:
        lab("guest", "node1", "vm", "web1", "--start")
        lab("guest", "node2", "ct", "far", "--start")
        host_keys(lab)
        passwords(lab)
        losses(lab)
        agents(lab)
        clusters()
        plain(lab)
    return tap.end()


sys.exit(main())
