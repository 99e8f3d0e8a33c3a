#!/usr/bin/env python3
"""Every view of the console, on real nodes with real guests, against screens/*.txt.

What moves is masked (terminal.py: MASKS). REGOLD=1 writes the screens anew: look at
the difference before it is committed.
"""
import sys

from terminal import Lab, Tap, Terminal, golden, until

CLUSTERS = """clusters:
  - {name: lab, nodes: [node1, node2]}
  - {name: second, nodes: [node2]}
"""
SIZES = {"80x24": (80, 24), "200x60": (200, 60), "300x100": (300, 100)}
FIGURES = r"web1 .*MiB"  # a guest's figures have come
tap = Tap()


def set_up(lab):
    lab("guest", "node1", "vm", "web1", "--start")
    lab("guest", "node1", "ct", "cache", "--wait")
    lab("guest", "node2", "vm", "db")
    lab("guest", "node2", "ct", "mail")
    # Two tasks for the list: one that is done, one that failed.
    lab("gantry", "-H", "node2", "guest", "start", "ct/101")
    lab("gantry", "-H", "node2", "guest", "stop", "ct/101")


def views(console):
    """Name, keys, what shows that it is there, and how many lines count (None: all)."""
    g = "g"
    yield "dashboard", ["1"], ["^ Dashboard", FIGURES, r"node2 +● up +\d+ +\d+ +\d"], None
    yield "nodes", ["3"], ["^ Nodes", r"node1 +● up +\d+ +\d+ +\d", r"node2 +● up +\d+ +\d+ +\d"], None
    yield "node", [g, "Enter"], ["^ Node", r"Summary", r"^ net .*in .*/s"], 4
    yield "guests", ["2"], ["^ Guests", FIGURES], None
    yield "act", [g, "a"], ["send an NMI"], None
    yield "columns", ["Escape", "o"], ["Columns"], None
    yield "sort", ["Escape", "s"], ["Sort by"], None
    yield "guest", ["Escape", g, "Enter"], ["^ Guest", r"Addresses .*fe80.*\(agent\)", "Agent +answers", r"Per vCPU +\d", r"^ disk .*w [\d.]",
                                              "^ net .*in "], None
    yield "guest-hardware", ["Tab"], ["^ +Processors +1", "^ +Type "], 7
    yield "guest-snapshots", ["Tab"], ["It has no snapshot"], None
    yield "guest-tasks", ["Tab"], ["Asked"], None
    yield "guest-definition", ["Tab"], ["<domain", "<name>web1"], 12
    yield "storage", ["Escape", "4"], ["^ Storage", r"node2 .*GiB"], None
    yield "links", ["5"], ["^ Links", "vnet0 .*tap"], None
    yield "tasks", ["6"], ["^ Tasks", "guest.stop|stop"], None
    yield "task", [g, "Enter"], ["^ Task "], None
    yield "events", ["Escape", "7", "/", "cache is running", "Enter"], ["cache is running", " 1 of "], None
    yield "alarms", ["8"], ["^ Needs attention"], None
    yield "clusters", ["0"], ["second"], None
    yield "help", ["1", "?"], ["^ Keys"], None
    yield "palette", ["Escape", ":"], ["Command"], None
    yield "palette-typed", ["web1"], ["│ : web1 ", "│ vm/100 web1"], None
    yield "confirm", ["Escape", "2", g, "a", "t"], ["Stop hard"], None
    yield "confirm-delete", ["n", "G", ":", "delete, keep", "Enter"], ["Type mail"], None


def compare(size):
    with Terminal(size=SIZES[size]).config("clusters.yaml", CLUSTERS) as console:
        try:
            until(lambda: "2/2 nodes" in console.screen(), console.screen)
        except Exception as error:  # nothing else can be seen then
            with tap.check(f"{size}: the console comes up"):
                raise error
            return
        for name, keys, patterns, rows in views(console):
            with tap.check(f"{size}: {name}"):
                for key in keys:
                    if key == "Escape":
                        console.escape()
                    else:
                        console.type(key)
                screen = console.shows(*patterns)
                if rows:
                    screen = "\n".join(screen.split("\n")[:rows]) + "\n"
                golden(f"{name}-{size}", screen)


def main():
    with Lab(2) as lab:
        set_up(lab)
        for size in SIZES:
            compare(size)
    return tap.end()


sys.exit(main())
