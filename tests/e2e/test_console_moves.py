#!/usr/bin/env python3
"""Guests that move from inside the console: the choice of a node, the plan before anything
begins, and nodes that are emptied and filled again."""
import sys

from terminal import Lab, Tap, Terminal, until

tap = Tap()
MOVE = 120.0  # until guests have moved
ALL = ("db1", "web1", "web2")


def where(lab):
    """The node of each guest, as libvirt and LXC say."""
    found = {}
    for node in ("node1", "node2"):
        for name in lab.run(node, "sh", "-c", "virsh -q list --all --name; lxc-ls -1").split():
            found.setdefault(name, []).append(node)
    return found


def all_are_on(lab, node):
    wanted = {name: [node] for name in ALL}
    until(lambda: where(lab) == wanted, lambda: where(lab), MOVE, 0.5)
    for name in ("web1", "web2"):
        until(lambda n=name: lab.ct_state(node, n) == "RUNNING", f"{name} does not run", MOVE)


def choosing(lab, console):
    console.shows("quorate 2/2", "2/2 nodes", patience=MOVE)
    console.go("2", "^ Guests", *[rf" {name} +node1" for name in ALL])
    with tap.check("the nodes are offered with what they have, and why one does not do"):
        console.type("Home")
        console.go("m", r"┌ Where shall \S+ \S+ go", r"node2 +\S+ GiB of \S+ GiB free +\d guests",
                   r"node1 +it is there")
        console.go(["Down", "Enter"], "not to node1: it is there")
        console.escape()
        console.lacks("┌")


def planning(lab, console):
    with tap.check("a plan shows for each marked guest where it would go, how, and what is in the way"):
        console.go("*", "marked 3")
        console.go("m", "┌ Where shall 3 guests go")
        console.go("Enter", "┌ Migrate to node2: 3 guests", "Enter start 2, leave 1",
                   r"web1 +node1 +node2 +restart .*can go", r"db1 +node1 +node2 +offline .*stays",
                   "only +│?", "fix: copy it, with --with-disks", r"node2 has \d+% of its memory")
    with tap.check("with disks nothing is in the way"):
        console.go("d", "disks: copied", "Enter start 3", r"db1 .*can go")
        console.lacks("fix: copy")
    with tap.check("what can't be done that way says so"):
        console.go("o", "how: live", r"stays|can't")
        console.shows("none can go|Enter start")
    with tap.check("Esc leaves, and nothing has moved"):
        console.escape()
        console.shows("migrate: nothing was done")
        all_are_on(lab, "node1")


def moving(lab, console):
    with tap.check("Enter moves those that can go, and leaves the others"):
        console.shows("marked 3")
        console.go("m", "┌ Where shall 3 guests go")
        console.go("Enter", "Enter start 2, leave 1")
        console.type("Enter")
        console.shows(r"web1 +node2 +● ", r"web2 +node2 +● ", r"db1 +node1 ", patience=MOVE)
        until(lambda: where(lab) == {"db1": ["node1"], "web1": ["node2"], "web2": ["node2"]},
              lambda: where(lab), MOVE, 0.5)
    with tap.check("those that are there already stay out of it"):
        console.go("*", "marked 3")
        console.go("m", "┌ Where shall 3 guests go")
        console.type("Home")
        # Most free memory comes first, and that may be either.
        lines = console.lines()
        top = next(i for i, line in enumerate(lines) if "┌" in line)
        at = next(i for i, line in enumerate(lines) if i > top and " node2 " in line)
        console.type(*["Down"] * (at - top - 1), "Enter")
        console.shows("┌ Migrate to node2", "already", "none can go")
        console.go("Enter", "none can go; see what stands in the way")
        console.go("d", "disks: copied", "Enter start 1, leave 2")
        console.type("Enter")
        console.shows(r"db1 +node2", patience=MOVE)
        all_are_on(lab, "node2")


def draining(lab, console):
    console.go("3", "^ Nodes", "node2 +● up")
    console.type("End")
    until(lambda: "node2" in console.line("▌"), console.screen)
    with tap.check("the plan of a node that is emptied shows where each guest goes, and why one stays"):
        console.go("a", "┌ node2", "d  drain", "u  undrain")
        console.go("d", "┌ Drain node2: 3 guests", "Enter start 2, leave 1", r"web1 +node2 +node1 +restart .*can go",
                   r"db1 +node2 +node1 .*stays", "fix: copy it")
        console.escape()
        console.shows("drain: nothing was done")
        all_are_on(lab, "node2")
    with tap.check("a node is emptied, by a task of its own"):
        console.go("a", "┌ node2")
        console.go("d", "┌ Drain node2: 3 guests", "Enter start 2, leave 1")
        console.go("d", "disks: copied", "Enter start 3")
        console.type("Enter")
        console.lacks("┌ Drain")
        all_are_on(lab, "node1")
        console.shows(r"node2 +● up .* 0 +0 ", patience=MOVE)
    with tap.check("and its guests come back"):
        until(lambda: "running" not in lab.run("node2", "gantry", "task", "ls"), "a task is left", MOVE, 1)
        console.go("a", "┌ node2")
        console.go("u", "┌ Undrain node2: 3 guests", "Enter start 2, leave 1")
        console.go("d", "disks: copied", "Enter start 3")
        console.type("Enter")
        all_are_on(lab, "node2")
    with tap.check("a node without guests has nothing to give"):
        console.type("Home")
        until(lambda: "node1" in console.line("▌"), console.screen)
        console.go("a", "┌ node1")
        console.go("d", "┌ Drain node1: 0 guests", "There is no guest to move|no guest", "none can go")
        console.escape()


def plainly():
    with Terminal("--ascii", "node1") as console:
        with tap.check("in ASCII, without colours, on a small screen"):
            console.shows("quorate 2/2", "2/2 nodes", patience=MOVE)
            console.go("2", "^ Guests", "web1 +node2")
            console.go("*", "marked 3")
            console.go("m", r"\+ Where shall 3 guests go")
            console.go("Enter", r"Migrate to node1: 3 guests", "Enter start 2, leave 1", "Esc leave")
    with Terminal("--readonly", "node1") as console:
        with tap.check("a console that changes nothing moves nothing"):
            console.shows("quorate 2/2", "2/2 nodes", patience=MOVE)
            console.go("2", "^ Guests", "web1 +node2")
            console.go("m", "no migrate: the console was started with --readonly")


def main():
    with Lab(2) as lab:
        lab("cluster", "lab")
        lab("guest", "node1", "vm", "db1")
        for name in ("web1", "web2"):
            lab("guest", "node1", "ct", name, "--wait")
        with Terminal("node1", size=(100, 30)) as console:
            choosing(lab, console)
            planning(lab, console)
            moving(lab, console)
            draining(lab, console)
        plainly()
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
