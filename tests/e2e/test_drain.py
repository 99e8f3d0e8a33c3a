#!/usr/bin/env python3
"""test_drain.py - a node is emptied by a task of its own, which outlives whoever asked for it and
the agent, goes on past guests that can't go, and remembers which went."""
import json
import os
import pty
import time

import lib
from lib import becomes, check, done, eventually, holds, same
from migration import MOVE, NODES, Site, kill_task, no_task_left, share, together, wait_ended

BOXES = ("box0", "box1", "box2", "box3")
GANTRY = os.path.realpath(os.path.join(os.environ["BUILD"], "tui/gantry"))
SLOW = 1  # MiB a second: slow enough to break it on the way


def where(site):
    return {g["name"]: g["node"] for n in NODES for g in site.rpc[n].call("guest.list")["guests"]}


def remembered(lab):
    text = lab.try_run("cat", "/var/lib/gantry/drained.json").stdout
    return sorted(g["name"] for g in json.loads(text)["guests"]) if text else []


def settle(site, what, expected):
    becomes(f"{what}: each guest is on one node", expected, lambda: where(site), MOVE)
    no_task_left(site, what)
    for node in NODES:
        names = sorted(name for name, at in expected.items() if at == node and name in BOXES)
        becomes(f"{what}: LXC has those on {node}", names,
                lambda n=node: sorted(site.lab.try_run("ls", "/var/lib/lxc", node=n).stdout.split()))


def commands(site, lab):
    """By the command line, which needs to reach one node only."""
    def gantry(*words):
        return lab.command("gantry", "-H", "node2", *words)
    everything = dict.fromkeys((*BOXES, "shared", "local"), "node1")
    plan = gantry("node", "drain", "node1", "--plan")
    check("a plan with obstacles ends with 1", plan.returncode == 1, plan.stdout + plan.stderr)
    holds("and says what would help", "--with-disks", plan.stdout)
    same("and shows every guest", [], [name for name in everything if name not in plan.stdout])
    refused = gantry("node", "drain", "node1", "--yes")
    check("with obstacles nothing is moved", refused.returncode == 1 and "nothing was moved" in refused.stderr,
          refused.stdout + refused.stderr)
    same("all are where they were", everything, where(site))
    site.rpc["node2"].call("cluster.settings_set", drain_parallel=2, drain_order="large-first", move_bandwidth=400)
    drained = gantry("node", "drain", "node1", "--skip", "--yes")
    check("those that can go do with --skip", drained.returncode == 0, drained.stdout + drained.stderr)
    tasks = sorted((t for t in site.rpc["node1"].call("task.list")["tasks"] if t["method"] == "guest.migrate"),
                   key=lambda t: t["created"])
    same("the largest went first, as set for the cluster", "shared", tasks[0]["name"])
    check("two went at once", len(tasks) == 5 and tasks[1]["started"] < tasks[0]["ended"], tasks)
    same("with the bandwidth that is set", 400,
         site.rpc["node1"].call("task.show", task=tasks[0]["id"])["params"].get("bandwidth"))
    holds("it says where each is now", "box3 is on node2", drained.stdout)
    holds("and which stays, and why", "local stays on node1", drained.stdout)
    settle(site, "drained", {**dict.fromkeys(everything, "node2"), "local": "node1"})
    same("the node remembers them", sorted((*BOXES, "shared")), remembered(lab))
    site.rpc["node2"].call("cluster.settings_set", unset=["drain_order", "move_bandwidth"])
    done("somebody moves one back", site.rpc["node2"], "guest.migrate", guest="box0", node="node1")
    done("and deletes another", site.rpc["node2"], "guest.delete", guest="box1", confirm="box1", all_disks=True)
    back = gantry("node", "undrain", "node1", "--yes")
    check("the others come back", back.returncode == 0, back.stdout + back.stderr)
    check("no more than those", "box0" not in back.stdout and "box2 is on node1" in back.stdout, back.stdout)
    settle(site, "undrained", {name: "node1" for name in everything if name != "box1"})
    same("and are forgotten", [], remembered(lab))
    again = gantry("node", "undrain", "node1", "--yes")
    check("there is nothing more to bring back", again.returncode == 0 and "no guest" in again.stdout, again)


def refusals(site):
    refused = site.rpc["node1"].task("node.drain", targets=["nosuch"])
    holds("a target that is no member is refused", "nosuch", refused["error"])
    said = site.rpc["node1"].refusal("migration.send", guest="box0", node="node2")
    same("people do not ask as agents do", "not-allowed", said and said.code)
    refused = site.rpc["node1"].task("node.drain")
    check("the task moves nothing while there are obstacles",
          refused["state"] == "failed" and "nothing was moved" in refused["error"] and "local" in refused["error"],
          refused)


def start(site, **params):
    """A slow drain that has begun to move two containers."""
    task = site.rpc["node1"].call("node.drain", skip=True, bandwidth=SLOW, parallel=2, **params)["task"]

    def moving():
        doing = site.rpc["node1"].call("task.show", task=task)["doing"] or ""
        return " guests, " in doing and len([
            t for t in site.rpc["node1"].call("task.list")["tasks"]
            if t["method"] == "guest.migrate" and "copying" in (t["doing"] or "")]) == 2
    check("two move at once, and it says how far it is", eventually(moving, MOVE),
          site.rpc["node1"].call("task.show", task=task))
    busy = site.rpc["node1"].refusal("node.undrain")
    same("another drain of the node has to wait", "busy", busy and busy.code)
    return task


def undrain(site, what):
    done(f"{what}: all come back", site.rpc["node1"], "node.undrain", parallel=4)


def breaks(site, lab):
    home = {name: "node1" for name in (*BOXES, "shared", "local") if name != "box1"}
    away = {**dict.fromkeys(home, "node2"), "local": "node1"}

    task = start(site)
    site.rpc["node1"] = lab.agent_restart("kill")
    end = wait_ended(site, "the agent killed", "node1", task)
    same("it goes on without the agent", "done", end["state"])
    same("and lists each guest", sorted(home), sorted(g["name"] for g in end["result"]["guests"]))
    settle(site, "the agent killed", away)
    undrain(site, "the agent killed")
    settle(site, "and back", home)

    task = start(site)
    site.rpc["node1"].call("task.cancel", task=task)
    end = wait_ended(site, "cancelled", "node1", task)
    same("a drain can be cancelled", "cancelled", end["state"])
    holds("it says how far it came", "guests had moved when it was cancelled by root", end["error"])
    no_task_left(site, "cancelled")
    same("what had not gone by then is here", sorted(n for n, at in where(site).items() if at == "node2"),
         remembered(lab))
    undrain(site, "cancelled")
    settle(site, "cancelled", home)

    task = start(site)
    kill_task(lab, "node1", task)
    end = wait_ended(site, "the task killed", "node1", task)
    check("a killed drain says what became of the moves", end["state"] == "failed" and "moved" in end["error"], end)
    no_task_left(site, "the task killed")
    same("the list is what is away", sorted(n for n, at in where(site).items() if at == "node2"), remembered(lab))
    undrain(site, "the task killed")
    settle(site, "the task killed", home)


def interrupts(site, lab):
    """Ctrl-C in a terminal asks what is meant."""
    def follow(answer, expected):
        process, terminal = pty.fork()
        if process == 0:
            # A terminal inside: the lab's own processes would die of Ctrl-C and take it along.
            os.execvp(lib.LAB_COMMAND, [lib.LAB_COMMAND, "ws", "script", "-qec", f"{GANTRY} -H node1 node drain node1 "
                                        f"--skip --bandwidth {SLOW} --yes", "/dev/null"])
        said = b""

        def read(word):
            nonlocal said
            end = time.monotonic() + MOVE
            while word not in said and time.monotonic() < end:
                try:
                    said += os.read(terminal, 4096)
                except OSError:
                    return word in said
            return word in said
        check("the command follows the drain", read(b" guests, "), said)
        os.write(terminal, b"\x03")
        check("Ctrl-C asks", read(b"w waits on:"), said)
        os.write(terminal, answer)
        check(f"after {answer!r} it says so", read(expected), said)
        os.close(terminal)
        os.waitpid(process, 0)
    follow(b"\n", b"the task goes on: gantry task wait")
    task = [t for t in site.rpc["node1"].call("task.list")["tasks"] if t["method"] == "node.drain"][0]
    same("the drain goes on", "running", task["state"])
    site.rpc["node1"].call("task.cancel", task=task["id"])
    wait_ended(site, "detached", "node1", task["id"])
    no_task_left(site, "detached")
    undrain(site, "detached")
    follow(b"c\n", b"cancelled")
    no_task_left(site, "cancelled at the terminal")
    undrain(site, "cancelled at the terminal")


def test(lab):
    together(lab)
    for name in ("shared", "local"):
        lab("guest", "node1", "vm", name)
    share(lab, "shared")
    lab.run("virsh", "start", "shared")
    for name in BOXES:
        lab("guest", "node1", "ct", name, *(["--wait"] if name == "box2" else []))
        lab.sh("dd if=/dev/urandom of=/var/lib/lxc/$1/rootfs/ballast bs=1M count=12 2>/dev/null", name)
    site = Site(lab)
    becomes("the guests are seen", sorted((*BOXES, "shared", "local")), lambda: sorted(where(site)))
    refusals(site)
    commands(site, lab)
    breaks(site, lab)
    interrupts(site, lab)


lib.run(test, nodes=2)
