#!/usr/bin/env python3
"""Commands of the person's own, commands: of config.yaml: on keys, in the menu, in the
palette; on one object and on many; asked about first, ended, and refused."""
import os
import subprocess
import sys

from terminal import Failed, Lab, Tap, Terminal, until

tap = Tap()
LONG = f"31415.{os.getpid()}"  # a sleep that is known from all others
CONFIG = """commands:
  - {name: Tell, key: Alt-t, command: [echo, "<{id}|{name}|{node}>", "$HOME; *"]}
  - {name: Touch, key: Alt-d, command: [touch, "%HOME%/did-{name}"], dangerous: true}
  - {name: Fail, key: Alt-f, command: [sh, -c, "echo sighs >&2; exit 3"]}
  - {name: Absent, key: Alt-a, command: [no-such-program, "{name}"]}
  - {name: Last, key: Alt-l, command: [sh, -c, "echo begun; sleep %LONG% & wait"]}
  - {name: Look, key: Alt-n, command: [echo, "node={name} {id}"], applies: node}
"""


def configured(*words):
    console = Terminal(*words, size=(100, 40))
    return console.config("config.yaml", CONFIG.replace("%HOME%", console.home).replace("%LONG%", LONG))


def did(console):
    return sorted(name for name in os.listdir(console.home) if name.startswith("did-"))


def to_guests(console):
    console.shows("1/1 node", "2 guests")
    console.go("2", "^ Guests", " cache ", " mail ")
    console.type("g")
    until(lambda: " cache " in console.line("▌"), console.screen)


def back(console):
    console.escape()
    console.shows("^ Guests")


def runs(console):
    with tap.check("a key runs it on this machine, without a shell"):
        console.go("M-t", r"^ Command Tell +has ended", r"^ <ct/100\|cache\|node1> \$HOME; \* *$")
        back(console)
    with tap.check("its errors and its exit status are told"):
        console.go("M-f", "^ Command Fail +has ended", "^ sighs", "^ exit status 3")
        back(console)
    with tap.check("a program that is not there is told"):
        console.go("M-a", "^ Command Absent +has ended", "no-such-program cache", "No such file")
        back(console)
    with tap.check("the menu and the palette offer it, each where it fits"):
        console.go("a", "Esc leave")
        screen = console.go("End", "│ Alt-t +Tell +echo", "Alt-d +Touch")  # they come last
        if "Look" in screen:
            raise Failed(screen)
        console.escape()
        console.go(":", "Command")
        console.go("Tell", "│ Tell +echo")
        console.go("Enter", r"^ <ct/100\|cache\|node1>")
        back(console)
    with tap.check("leaving its page ends it and what it began"):
        console.go("M-l", r"^ Command Last +1 of 1 runs \(Esc ends it\)", "^ begun")
        until(lambda: sleeping(LONG), "it does not sleep")
        back(console)
        until(lambda: not sleeping(LONG), "it sleeps on")


def sleeping(seconds):
    return subprocess.run(["pgrep", "-xf", f"sleep {seconds}"], capture_output=True, check=False).returncode == 0


def asked(console):
    with tap.check("what is dangerous is asked about with its words, n does nothing"):
        console.go("M-d", "┌ Touch", "This runs on this machine", r"touch .*/did-cache")
        console.type("n")
        console.lacks("┌ ")
        console.shows("Touch: nothing was done")
        if did(console):
            raise Failed(f"{did(console)}")
    with tap.check("y does it, on that object only"):
        console.go("M-d", "┌ Touch", r"did-cache")
        console.go("y", "^ Command Touch +has ended")
        if did(console) != ["did-cache"]:
            raise Failed(f"{did(console)}")
        back(console)
    with tap.check("on several it is always asked, and runs on one after the other"):
        console.go("*", "marked 2")
        console.go("M-t", "┌ Tell", r"<ct/100\|cache\|node1>", r"<ct/101\|mail\|node1>", "run it 2 times")
        console.go("y", "^ Command Tell +has ended", r"^ <ct/100\|cache\|node1>", r"^ <ct/101\|mail\|node1>")
        back(console)
    with tap.check("one for nodes has its key on nodes, and on nodes only"):
        console.type("U")
        console.lacks("marked")
        # A key that did something would open a page where the next one does nothing.
        console.go(["M-n", "M-t"], "^ Command Tell +has ended")
        back(console)
        console.go("3", "^ Nodes", "node1 ")
        console.go(["M-t", "M-n"], "^ Command Look +has ended", "^ node=node1 ")


def refused():
    with configured("--readonly", "node1") as console:
        with tap.check("--readonly refuses them, on the key and in the menu"):
            to_guests(console)
            console.go("M-d", "no Touch: the console was started with --readonly")
            console.go("a", "Esc leave")
            console.go("End", "Touch +the console was started with --readonly")
            console.type("M-t")
            console.shows("no Tell: the console was started with --readonly")
            if did(console):
                raise Failed(f"{did(console)}")
    text = "commands:\n  - name: Wrong\n    command: [echo, \"{nodes}\"]\n"
    with Terminal("node1", size=(200, 24)).config("config.yaml", text) as console:
        with tap.check("an unknown placeholder is refused with its line"):
            if console.ends() == 0:
                raise Failed(console.screen())
            console.shows(r"config\.yaml:3:", r"\{id\}, \{name\}, \{node\}")


def main():
    with Lab(1) as lab:
        lab("guest", "node1", "ct", "cache")
        lab("guest", "node1", "ct", "mail")
        with configured("node1") as console:
            to_guests(console)
            runs(console)
            asked(console)
        refused()
    return tap.end()


sys.exit(main())
