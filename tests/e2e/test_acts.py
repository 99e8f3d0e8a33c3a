#!/usr/bin/env python3
"""test_acts.py - what an act did is seen when it has ended; acts on guests that vanish between the
look and the act, on a node without libvirt, and on one without LXC."""
import lib
from lib import becomes, check, eventually, holds, same

CONFIG = "/etc/gantry/gantryd.yaml"


def driver(rpc, name):
    return next(d for d in rpc.call("node.list")["nodes"][0]["drivers"] if d["name"] == name)


def configured(lab, *lines):
    """The agent, started anew with these lines in its configuration."""
    lab.run("tee", "-a", CONFIG, input="".join(line + "\n" for line in lines))
    return lab.agent_restart()


def seen_at_once(rpc):
    """Who waited for a task sees what it did, without waiting again."""
    for guest in ("v1", "c1"):
        found = []
        for act in ["pause", "resume"] * 5 if guest == "c1" else ["start", "pause", "resume", "stop"] * 3:
            rpc.task(f"guest.{act}", guest=guest)
            found.append((act, rpc.state(guest)))
        expected = {"start": "running", "pause": "paused", "resume": "running", "stop": "stopped"}
        same(f"after the end of a task the list shows what it did to {guest}",
             [(act, expected[act]) for act, _ in found], found)


def vanished(lab, rpc):
    """The agent is held while the guest goes, so that the act comes before the news of it."""
    pid = lab.agent_pid()
    lab.run("kill", "-STOP", pid)
    try:
        asked = rpc.send("guest.start", guest="v2")
        lab.virsh("undefine", "v2")
        lab.run("rm", "-r", "/var/lib/lxc/c2")
        asked_container = rpc.send("guest.start", guest="c2")
    finally:
        lab.run("kill", "-CONT", pid)
    for what, number in (("VM", asked), ("container", asked_container)):
        try:
            task = rpc.call("task.wait", task=rpc.receive(number)["task"])
            said = task["state"] == "failed" and task["error"]
        except lib.Refused as error:
            said = error.message
        check(f"an act on a {what} that has vanished fails and names it",
              said and ("v2" if what == "VM" else "c2") in said, said)
    becomes("both leave the list", ["c1", "v1"],
            lambda: sorted(g["name"] for g in rpc.call("guest.list")["guests"]))
    said = lab.try_run("gantry", "guest", "start", "v2")
    same("then the command ends with 5", 5, said.returncode)
    holds("and says which", "v2", said.stderr)


def without_libvirt(lab):
    rpc = configured(lab, "libvirt:", "  uri: qemu+unix:///system?socket=/run/nowhere/libvirt-sock")
    becomes("without libvirt its driver is absent", "absent", lambda: driver(rpc, "kvm")["state"])
    holds("with the reason and the way out", "libvirt", driver(rpc, "kvm")["reason"])
    becomes("containers are there as before", "running", lambda: rpc.state("c1"))
    said = lab.try_run("gantry", "guest", "pause", "c1")
    same("and are acted on", 0, said.returncode)
    becomes("as lxc-info says", "FROZEN", lambda: lab.lxc_state("c1"))
    same("and back", 0, lab.try_run("gantry", "guest", "resume", "c1").returncode)
    said = lab.try_run("gantry", "guest", "start", "v1")
    check("an act on a VM known from before is refused", said.returncode in (1, 4, 5) and "v1" in said.stderr,
          f"{said.returncode} {said.stderr}")
    lab.sh(f"sed -i '/^libvirt:/,$d' {CONFIG}")
    rpc = lab.agent_restart()
    becomes("with it again its VMs are there", "stopped", lambda: rpc.state("v1"))


def without_lxc(lab):
    rpc = configured(lab, "lxc:", "  paths: [/srv/local/nowhere]")
    becomes("without a directory of containers there are none", ["v1"],
            lambda: sorted(g["name"] for g in rpc.call("guest.list")["guests"] if g["state"] != "unknown"))
    check("the reason is said", eventually(lambda: driver(rpc, "lxc").get("reason")) and
          "/srv/local/nowhere" in driver(rpc, "lxc")["reason"], driver(rpc, "lxc"))
    same("VMs are acted on", 0, lab.try_run("gantry", "guest", "start", "v1").returncode)
    becomes("as virsh says", "running", lambda: lab.domstate("v1"))
    lab.sh(f"sed -i '/^lxc:/,$d' {CONFIG}")
    rpc = lab.agent_restart()
    becomes("with it again its container is there", "running", lambda: rpc.state("c1"))


def test(lab):
    lab.ct("c1", "--start")
    lab.ct("c2")
    lab.vm("v1")
    lab.vm("v2")
    rpc = lab.rpc()
    becomes("all guests are known", ["c1", "c2", "v1", "v2"],
            lambda: sorted(g["name"] for g in rpc.call("guest.list")["guests"]))
    seen_at_once(rpc)
    vanished(lab, rpc)
    without_libvirt(lab)
    without_lxc(lab)


lib.run(test)
