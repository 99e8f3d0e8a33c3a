#!/usr/bin/env python3
"""The console as an administrator uses it: acts, refusals, marks, filters, columns,
what is kept, roles, key bindings; on real guests, compared with virsh and lxc-info."""
import sys

from terminal import Failed, Lab, Tap, Terminal, until

tap = Tap()
GUESTS = [("node1", "vm", "web1"), ("node1", "ct", "cache"), ("node2", "ct", "mail"),
          ("node2", "ct", "proxy")]


def set_up(lab):
    for node, kind, name in GUESTS:
        lab("guest", node, kind, name, *(["--start"] if kind == "vm" else []))


def open_guests(console):
    console.shows("2/2 nodes", r"[34] guests")
    console.type("2")
    console.shows("^ Guests", "web1", "cache", "mail")


def to_row(console, name):
    """Puts the cursor on the guest of that name, whatever is open."""
    while "┌" in console.screen():
        console.escape()
    order = names(console)
    if name not in order:
        raise Failed(f"no row {name}:\n{console.screen()}")
    console.type("g", *["j"] * order.index(name))
    until(lambda: f" {name} " in console.line("▌"), console.screen)


def state_is(lab, node, kind, name, wanted):
    state = lab.vm_state if kind == "vm" else lab.ct_state
    until(lambda: state(node, name) == wanted, lambda: f"{name} is {state(node, name)}")


def acts(lab, console):
    with tap.check("a key of the menu starts a container, as lxc-info says"):
        to_row(console, "cache")
        console.go("a", r"│ s  start ")
        console.type("s")
        state_is(lab, "node1", "ct", "cache", "RUNNING")
        console.shows(r"cache +node1 +● ")
    with tap.check("pausing asks first, n does nothing"):
        to_row(console, "web1")
        console.go("a", "│ p  pause")
        console.go("p", "This hits 1", "vm/100 web1 on node1")
        console.type("n")
        console.lacks("This hits 1")
        if lab.vm_state("node1", "web1") != "running":
            raise Failed("it was paused")
    with tap.check("y pauses the VM, as virsh says"):
        console.go("a", "│ p  pause")
        console.go("p", "This hits 1")
        console.type("y")
        state_is(lab, "node1", "vm", "web1", "paused")
        console.shows(r"web1 +node1 +◐ paused")
    with tap.check("the palette resumes it"):
        console.go(":", "Command")
        console.go("resume", r"│ resume")
        console.type("Enter")
        state_is(lab, "node1", "vm", "web1", "running")
        console.shows(r"web1 +node1 +● ")
    with tap.check("a greyed act says why and does nothing"):
        screen = console.go("a", r"│ s  start +it is running")
        console.type("s")
        console.shows("it is running")
        console.escape()
        if "start paused" not in screen or lab.vm_state("node1", "web1") != "running":
            raise Failed("it was not refused")
    with tap.check("hard stop through the palette, as virsh says"):
        console.go(":", "Command")
        console.go("stop hard", r"│ stop hard")
        console.go("Enter", "This hits 1", "vm/100 web1")
        console.type("y")
        state_is(lab, "node1", "vm", "web1", "shut off")
        console.shows(r"web1 +node1 +○ stopped")
    with tap.check("what was done is in the list of tasks"):
        console.go("6", "^ Tasks", r"● done +guest.stop +vm/100", r"● done +guest.pause +vm/100")
    with tap.check("and started again from the guest's own view"):
        console.go("2", "^ Guests")
        to_row(console, "web1")
        console.go("Enter", "^ vm/100 web1 on node1  ○ stopped")
        console.go("a", "│ s  start ")
        console.type("s")
        state_is(lab, "node1", "vm", "web1", "running")
        console.shows("vm/100 web1 on node1  ● running")
        console.escape()


def deletion(lab, console):
    with tap.check("deleting asks for the name and refuses another"):
        to_row(console, "proxy")
        console.go(":", "Command")
        console.go("delete, keep", "│ delete, keep its disks")
        console.go("Enter", "Type proxy to do it")
        console.go("proxi", "To be sure +proxi")
        console.type("Enter")
        console.go("x", "proxix")
        if "proxy" not in lab.run("node2", "lxc-ls", "-1"):
            raise Failed("it is gone")
    with tap.check("Esc leaves it there"):
        console.escape()
        console.shows("nothing was done")
        if "proxy" not in lab.run("node2", "lxc-ls", "-1"):
            raise Failed("it is gone")
    with tap.check("its name deletes it"):
        console.go(":", "Command")
        console.go("delete, keep", "│ delete, keep its disks")
        console.go("Enter", "Type proxy to do it")
        console.go("proxy", "To be sure +proxy")
        console.type("Enter")
        until(lambda: "proxy" not in lab.run("node2", "lxc-ls", "-1"), "lxc-ls has it still")
        console.lacks(" proxy ")


def marks(lab, console):
    with tap.check("marks that the filter hides are counted in the question"):
        to_row(console, "cache")
        console.go("Space", "marked 1")
        to_row(console, "mail")
        console.go("Space", "marked 2")
        console.type("/")
        console.type("name:mail", "Enter")
        console.shows(r"1 of 3", r"marked 2 \(1 hidden")
        console.go("a", "│ t  stop hard|│ s  start")
        console.go("s", "This hits 1", "mail", "Left out", "it is running")
        console.lacks("hidden by the filter\\.")  # what is hidden is left out
    with tap.check("a bulk act does what was said and no more"):
        console.type("y")
        state_is(lab, "node2", "ct", "mail", "RUNNING")
        console.shows(r"mail +node2 +● ")
        until(lambda: lab.ct_state("node1", "cache") == "RUNNING", "cache does not run")
        console.shows(r"4 guests: 3 ●|3 guests: 3 ●")
        console.go("a", "stop hard")
        console.go("t", "This hits 2", "cache", "mail", "1 of them is hidden")
        console.type("y")
        state_is(lab, "node2", "ct", "mail", "STOPPED")
        state_is(lab, "node1", "ct", "cache", "STOPPED")
        if lab.vm_state("node1", "web1") != "running":
            raise Failed("web1 was hit too")
    with tap.check("Esc leads out: the filter, the marks, the view"):
        console.escape()
        console.shows("marked 2")
        console.escape()
        console.lacks("marked")
        console.escape()
        console.lacks("^ Guests")
        console.go("2", "^ Guests")
    with tap.check("a range marks all between"):
        console.type("g")
        console.go("v", "range|marked 1|Range")
        console.go("G", "marked 3")
        console.type("v")
        console.go("U", r"\A(?!.*marked)")
        console.lacks("marked")
    with tap.check("* marks what the filter shows"):
        console.type("/")
        console.type("node:node2", "Enter")
        console.shows("1 of 3")
        console.go("*", "marked 1")
        console.escape()
        console.escape()
        console.lacks("marked", "filter:")


def names(console):
    """The guests in the order shown."""
    return [line.split()[1] for line in (row.replace("▌", " ").replace("√", " ")
                                         for row in console.lines())
            if line.strip().startswith(("vm/", "ct/"))]


def filters(console):
    for text, wanted in [("cache", ["cache"]), ("state:running", ["web1"]),
                         ("!node:node1", ["mail"]), ("name:~^(web|ma)", ["web1", "mail"]),
                         ("mem_max>10M", ["web1"]), ("nothing-like-this", [])]:
        with tap.check(f"filter {text}"):
            console.type("/")
            console.shows("[/f]ilter")
            console.type(text, "Enter")
            until(lambda: sorted(names(console)) == sorted(wanted),
                  lambda: f"{names(console)}\n{console.screen()}")
            console.escape()
            until(lambda: len(names(console)) == 3, console.screen)
    with tap.check("a wrong filter says what is wrong with it"):
        console.type("/")
        console.go("cpu>many", "cpu>many: many is not a number")
        console.escape()
        until(lambda: len(names(console)) == 3, console.screen)


def sorting(console):
    for column in ["Name", "Node", "State", "mem", "cpu%"]:
        with tap.check(f"sorted by {column}, and the other way"):
            console.go("s", "Sort by")
            choices = [line for line in console.lines() if "│" in line]
            row = next(i for i, line in enumerate(choices) if f"│    {column} " in line)
            console.type("Home", *["Down"] * row, "Enter")
            console.shows(rf"{column}[↑↓]")
            before = names(console)
            if column == "Name" and before != sorted(before):
                raise Failed(f"{before}")
            arrow = "↑" if f"{column}↑" in console.screen() else "↓"
            console.go("r", rf"{column}{'↓' if arrow == '↑' else '↑'}")
            if column == "Name" and names(console) != sorted(before, reverse=True):
                raise Failed(f"{names(console)}")


def movement(console):
    with tap.check("j k g G and the arrows"):
        order = names(console)
        for key, wanted in [("g", 0), ("j", 1), ("Down", 2), ("k", 1), ("Up", 0), ("G", -1),
                            ("g", 0), ("PageDown", -1), ("PageUp", 0), ("End", -1), ("Home", 0)]:
            console.type(key)
            until(lambda: f" {order[wanted]} " in console.line("▌"),
                  lambda: f"after {key}:\n{console.screen()}")
    with tap.check("Esc always leads out, to the dashboard"):
        for way in [("Enter",), ("?",), ("a",), (":",), ("s",), ("o",), ("/",)]:
            console.type("2")
            console.shows("^ Guests")
            before = console.place()
            console.type(*way)
            until(lambda: console.place() != before, console.screen)
            console.escape()
            console.shows("^ Guests")


def kept():
    with Terminal("node1", "node2") as console:
        with tap.check("columns are chosen and ordered"):
            open_guests(console)
            console.go("o", r"│ \[x\] Id")
            console.type("Down", "Down")  # Node
            console.type("Space")
            console.shows(r"\[ \] Node")
            console.type("Enter")
            console.lacks("│ ", r"^ +Id.* Node ")
        with tap.check("and kept over a restart, in XDG_STATE_HOME"):
            console.type("q")
            if console.ends() != 0:
                raise Failed(console.screen())
            with Terminal("node1", "node2", home=console.home) as again:
                open_guests(again)
                if " Node " in again.line("Name"):
                    raise Failed(again.screen())


def roles():
    with Terminal("--readonly", "node1", "node2") as console:
        with tap.check("--readonly greys every act with the reason"):
            open_guests(console)
            console.go("a", r"t  stop hard +the console was started with --readonly",
                       "c  console +the console was")
            console.type("t")
            console.shows("readonly")
            console.lacks("This hits")
    with Terminal("viewer@node1") as console:
        with tap.check("a viewer sees why an act is not theirs"):
            console.shows("1/1 node", "2 guests")
            console.go("2", "^ Guests", "web1")
            console.go("a", "needs the role operator, here you are viewer")


CONFIG = """keys:
  guest.shutdown: [F9]
  filter: [f]
columns:
  guests: [name, state]
skin: {skin}
"""


def configuration():
    with Terminal("node1", "node2").config("config.yaml", CONFIG.format(skin="terminal")) as console:
        with tap.check("config.yaml: columns and keys of one's own"):
            console.shows("2/2 nodes")
            console.type("2")
            console.shows("^ Guests", r"^ +Name[↑↓]? +State[↑↓]? *$|^ +Name +State")
            console.go("f", "f")
            console.type("web", "Enter")
            console.shows("filter: web", "1 of 3")
            console.go("F9", "Shut down", "This hits 1")
            console.escape()
    with Terminal("node1").config("config.yaml", "keys:\n  guest.delete: [d]\n") as console:
        with tap.check("what destroys may not be put on a key"):
            if console.ends() == 0 or "may not be on one key" not in console.screen():
                raise Failed(console.screen())
    with Terminal("node1", size=(200, 24)).config("config.yaml", "keys:\n  gest.start: [d]\n") as console:
        with tap.check("an unknown action is refused with its line"):
            if console.ends() == 0 or not all(
                    word in console.screen() for word in ["config.yaml", "gest.start"]):
                raise Failed(console.screen())


def main():
    with Lab(2) as lab:
        set_up(lab)
        with Terminal("node1", "node2") as console:
            with tap.check("the console shows nodes and guests"):
                open_guests(console)
            acts(lab, console)
            deletion(lab, console)
            marks(lab, console)
            filters(console)
            sorting(console)
            movement(console)
            with tap.check("q ends it with status 0"):
                console.type("q")
                status = console.ends()
                if status != 0:
                    raise Failed(f"it ended with status {status}; the screen:\n{console.screen()}")
        kept()
        roles()
        configuration()
    return tap.end()


sys.exit(main())
