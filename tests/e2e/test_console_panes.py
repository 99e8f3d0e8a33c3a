#!/usr/bin/env python3
"""Consoles and shells in panes, with real guests and nodes."""
import sys

from terminal import Failed, Lab, Tap, Terminal, until

tap = Tap()
SILENT = "nothing was said yet"


def to_row(console, name):
    console.type("2")
    console.shows("^ Guests", f" {name} ")
    rows = [line for line in console.lines() if " vm/" in line or " ct/" in line]
    console.type("g", *["j"] * next(i for i, row in enumerate(rows) if f" {name} " in row))
    until(lambda: f" {name} " in console.line("▌"), console.screen)


def leave(console):
    console.type("C-]", "C-]")
    console.shows("^ (Guests|Nodes|Dashboard)")


def streams_end(lab):
    """Waits until the agent of node1 knows of no open stream. A process that has ended is
    its child until it is told; what it answers then, it answers knowing."""
    agent = lab.run("node1", "pgrep", "-xo", "gantryd")
    until(lambda: not lab.run("node1", "pgrep", "-P", agent, check=False), "a stream is left")
    lab("gantry", "-H", "node1", "guest", "ls")


def opened(console, title):
    """Waits until the tab's program takes keys, and proves that it is one that runs."""
    console.lacks(rf"{title} (opening|has ended|in use|could not)")
    console.type("C-u", "clear; echo again$((1+1))", "Enter")
    console.shows(r"^│again2 ")


def ready(console, command):
    """Types a command that reads; until it runs the shell would eat its keys."""
    console.type(f"clear; echo re''ady; {command}", "Enter")
    console.shows("^│ready ")


def prompt(console):
    """Waits for an empty line of the shell."""
    console.shows(r"^│[~/] # +│$")


def serial(lab, console):
    with tap.check("a VM's serial console"):
        to_row(console, "web1")
        console.go("c", "web1 on node1 › serial", f"{SILENT}|/ #")
        console.type("Enter")
        console.shows("/ #")
        console.type("echo $((6*7))$((1+1)) here", "Enter")
        console.shows("422 here")
    with tap.check("a second person is told who has it, takes it over, the first sees it"):
        with Terminal("node1") as other:
            other.shows("1/1 node", "web1")
            to_row(other, "web1")
            other.go("c", "in use", "by root since", "t take it over")
            other.type("t")
            other.shows(f"{SILENT}|/ #")
            console.shows("vm/100 serial has ended", "root has taken this console over")
            other.go("q", "^│(/ # )?q ")
            other.go(["C-]", "k"], "its program is still running")
            other.go("y", "^ Guests")
        streams_end(lab)
        console.type("r")
        opened(console, "vm/100 serial")
    leave(console)


def sized(console, rows, columns):
    """The size takes another way than the keys: a command waits until it has come."""
    size = f"{rows} {columns}"
    console.type(f'clear; until [ "$(stty size)" = "{size}" ]; do sleep 0.1; done; stty size', "Enter")
    console.shows(rf"^│?{size} *(│|$)")


def container(console):
    with tap.check("a container's console"):
        to_row(console, "cache")
        console.go("c", "cache on node1 › console", "2 ct/101 console", f"{SILENT}|/ #")
        console.type("Enter")
        console.shows("/ #")
        console.type("echo $((6*7))ct", "Enter")
        console.shows("42ct")
    leave(console)
    with tap.check("a shell in it, and its size"):
        to_row(console, "cache")
        console.go("S", "cache on node1 › shell", "3 ct/101 shell", "~ #|/ #")
        sized(console, 19, 78)
    with tap.check("another size of the terminal is seen inside"):
        console.resize(120, 40)
        console.shows(r"─{118}┘")
        sized(console, 35, 118)
        console.resize(80, 24)
        sized(console, 19, 78)
    with tap.check("the full screen too, without frame"):
        console.type("C-]", "f")
        console.lacks("┌")
        sized(console, 24, 80)
        console.type("C-]", "f")
        console.shows("┌ ")
        sized(console, 19, 78)


def text(console):
    with tap.check("scrolling back, and searching"):
        console.type("seq 1 300", "Enter")
        console.shows(r"^│300 ")
        console.type("C-]", "s")
        console.shows("Line .* of ")
        console.type("?")
        console.type("177", "Enter")
        console.shows(r"^│177 ")
        console.lacks(r"^│300 ")
        console.type("Escape")
        console.shows(r"^│300 ")
    with tap.check("copying to the terminal's clipboard, with OSC 52"):
        console.type("clear; echo copy$((1+1))me", "Enter")
        console.shows("copy2me")
        console.type("C-]", "c")
        console.shows("copied .* characters")
        until(lambda: "copy2me" in console.tmux("show-buffer", check=False), "not in the buffer")
    with tap.check("what is pasted arrives whole and runs no keys of the console's"):
        ready(console, "cat > /tmp/pasted")
        console.paste("q: line one\nline\ttwo ünï\n")
        console.shows("line one", "two ünï")
        console.type("C-d")
        prompt(console)
        console.type("clear; wc -l < /tmp/pasted; cat /tmp/pasted", "Enter")
        console.shows(r"^│2 ", "q: line one", "two ünï")
    with tap.check("Ctrl-] ] sends Ctrl-] to the program"):
        ready(console, "cat -v")
        console.type("C-]", "]", "Enter")
        console.shows(r"^│\^\] ")
        console.type("C-c")
        prompt(console)
    leave(console)


def node_shell(console):
    with tap.check("a shell on a node, over SSH"):
        console.type("3")
        console.go("g", "^ Nodes")
        console.go("S", "node1 › shell", r"root@node1:~#")
        console.type("clear; stty size; echo $SSH_CONNECTION | wc -w", "Enter")
        console.shows(r"^│19 78 ", r"^│4 ")
    with tap.check("the list of tabs goes to any"):
        console.type("C-]", "t")
        console.shows("Tabs", "1 vm/100 serial", "2 ct/101 console", "3 ct/101 shell", "4 node1 shell")
        console.type("1")
        console.shows("web1 on node1 › serial")
        console.type("C-]", "4")
        console.shows("node1 › shell")
    with tap.check("a shell that ends says so, and can be opened again"):
        console.type("exit", "Enter")
        console.shows("node1 shell has ended", "r open again")
        console.type("r")
        opened(console, "node1 shell")


def ends(lab, console):
    with tap.check("a shell's status is told"):
        console.type("C-]", "3")
        console.shows("cache on node1 › shell")
        console.type("exit 3", "Enter")
        console.shows("ct/101 shell has ended", "ended with status 3")
    with tap.check("the tab of a guest that stops says why"):
        console.type("C-]", "1")
        console.shows("web1 on node1 › serial")
        lab.run("node1", "virsh", "destroy", "web1")
        console.shows("vm/100 serial has ended", "web1 is stopped")
        console.type("C-]", "2")
        console.shows("cache on node1 › console")
        lab.run("node1", "lxc-stop", "-k", "-n", "cache")
        console.shows("ct/101 console has ended", "cache is stopped")
    with tap.check("opening the console of a stopped guest is refused with the reason"):
        leave(console)
        to_row(console, "web1")
        console.go("c", "it is not running")
    with tap.check("leaving with programs open asks first"):
        console.go("q", "Leave", "consoles and shells are open")
        console.type("n")
        console.lacks("┌ Leave")
        console.go("q", "┌ Leave")
        console.type("y")
        if console.ends() != 0:
            raise Failed(console.screen())
    with tap.check("and nothing of them is left on the node"):
        streams_end(lab)


def main():
    with Lab(2) as lab:
        lab("guest", "node1", "vm", "web1", "--wait")
        lab("guest", "node1", "ct", "cache", "--wait")
        with Terminal("node1", "node2") as console:
            console.shows("2/2 nodes", "web1")
            serial(lab, console)
            container(console)
            text(console)
            node_shell(console)
            ends(lab, console)
    return tap.end()


sys.exit(main())
