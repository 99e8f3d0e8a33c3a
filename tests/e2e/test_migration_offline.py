#!/usr/bin/env python3
"""test_migration_offline.py - moves of guests by their files (VMs that are off, containers that are off
or restarted) break in the middle: afterwards each is on exactly one node, whole, and as it was, and
nothing is left over."""
import time

import lib
from lib import becomes, check, eventually, holds, same
from migration import MOVE, NODES, Site, kill_task, no_task_left, other, together, wait_ended

SLOW = 2  # MiB a second; each guest has 16 MiB that no file system keeps as a hole


class Mover:
    """A guest of one kind, by its own tools."""

    def __init__(self, site, name, params):
        self.site, self.name, self.params = site, name, params

    def has(self, node):
        raise NotImplementedError

    def sum(self, node):
        raise NotImplementedError

    def left(self, node):
        """Whatever of it lies on a node."""
        raise NotImplementedError

    def state(self, node):
        raise NotImplementedError

    def where(self):
        return [node for node in NODES if self.has(node)]


class OffVm(Mover):
    path = "/var/lib/libvirt/images"

    def has(self, node):
        return self.name in self.site.lab.try_run("virsh", "-q", "list", "--all", "--name", node=node).stdout.split()

    def sum(self, node):
        return self.site.lab.sh("sha256sum <$1/$2.qcow2", self.path, self.name, node=node)

    def left(self, node):
        return self.site.lab.sh("ls -A $1 | grep -e $2 -e gantry || true", self.path, self.name, node=node)

    def state(self, node):
        return self.site.lab.try_run("virsh", "-q", "domstate", self.name, node=node).stdout.strip()


class Container(Mover):
    path = "/var/lib/lxc"

    def has(self, node):
        return self.site.lab.try_run("test", "-e", f"{self.path}/{self.name}/config", node=node).returncode == 0

    def sum(self, node):
        # without what a container that runs writes anew at each start
        return self.site.lab.sh(
            "cd $1/$2 && { find config rootfs -xdev ! -path 'rootfs/run*' ! -path 'rootfs/dev*' ! -path 'rootfs/tmp*' "
            "-type f -exec sha256sum {} + | sort; find rootfs -xdev ! -path 'rootfs/run*' ! -path 'rootfs/dev*' "
            "! -path 'rootfs/tmp*' -printf '%P %y %m %U %G %n %l\\n' | sort; } | sha256sum", self.path, self.name, node=node)

    def left(self, node):
        return self.site.lab.sh("ls -A $1/$2 2>/dev/null || true", self.path, self.name, node=node)

    def state(self, node):
        return self.site.lab.try_run("lxc-info", "-n", self.name, "-sH", node=node).stdout.strip()


def broken(mover, what, act, late=False, stays=False):
    """It moves slowly, and something breaks while it is copied; late: while it is copied a second time, of
    which it is given enough; stays: it must be where it was."""
    site, what = mover.site, f"{mover.name}, {what}"
    source = mover.where()[0]
    sums, state = mover.sum(source), mover.state(source)
    task = site.rpc[source].call("guest.migrate", guest=mover.name, node=other(source), bandwidth=SLOW,
                                 **mover.params)["task"]

    def show():
        return site.rpc[source].call("task.show", task=task)
    check(f"{what}: it is being copied", eventually(
        lambda: "copying" in (show()["doing"] or "") and show()["progress"] > 10, MOVE), show())
    if late:
        # What rsync lists has been listed: the first copy has not got this.
        site.lab.sh("dd if=/dev/urandom of=$1/$2/rootfs/late bs=1M count=16 2>/dev/null", mover.path, mover.name,
                    node=source)
        sums = mover.sum(source)
        check(f"{what}: it is stopped and copied again", eventually(
            lambda: "meanwhile" in (show()["doing"] or ""), MOVE), show())
    act(source, other(source), task)
    end = wait_ended(site, what, source, task)
    no_task_left(site, what)
    becomes(f"{what}: it is on exactly one node", 1, lambda: len(mover.where()), MOVE)
    node = (mover.where() or [source])[0]
    if stays:
        same(f"{what}: it stays", source, node)
    if node == source:
        check(f"{what}: the task says that it stays", end["state"] in ("failed", "cancelled") and
              f"stays on {source}" in end["error"], end)
    else:
        check(f"{what}: the task says that it went", end["state"] == "done" or f"on {node} now" in end["error"], end)
    becomes(f"{what}: it is as it was", state, lambda: mover.state(node), MOVE)
    same(f"{what}: and whole", sums, mover.sum(node))
    becomes(f"{what}: nothing of it is left on {other(node)}", "", lambda: mover.left(other(node)))
    for one in NODES:
        becomes(f"{what}: no socket of a move is left on {one}", "",
                lambda n=one: site.lab.try_run("sh", "-c", "ls -A /run/libvirt/gantry", node=n).stdout.strip())
        becomes(f"{what}: the agent of {one} knows it so", one == node,
                lambda n=one: site.rpc[n].guest(mover.name) is not None)
        check(f"{what}: nothing holds it on {one}", site.rpc[one].call("guest.list") and not [
            g for g in site.rpc[one].call("guest.list")["guests"] if g.get("task")])


def breaks(mover, lab, late=False):
    def cancel(source, _target, task):
        mover.site.rpc[source].call("task.cancel", task=task)
    broken(mover, "cancelled", cancel, late, stays=True)

    def kill(source, _target, task):
        kill_task(lab, source, task)
    broken(mover, "its task killed", kill, late)


def breaks_outside(mover, lab):
    def reception(_source, target, _task):
        task = [t["id"] for t in mover.site.rpc[target].call("task.list")["tasks"]
                if t["method"] == "migration.receive" and t["state"] == "running"]
        check(f"{mover.name}: it is being received", len(task) == 1, task)
        kill_task(lab, target, task[0])
    broken(mover, "the target's task killed", reception, stays=True)
    for end in ("source", "target"):
        def kill(source, target, _task, end=end):
            lab.fault("kill", "gantryd", source if end == "source" else target)
        broken(mover, f"the agent of the {end} killed", kill)

    def cut(_source, target, _task):
        lab("fault", "partition", target)
        time.sleep(25)  # longer than the connections last
        lab("fault", "heal", target)
    broken(mover, "the network cut", cut)


def disk_full(mover, lab):
    def fill(source, target, task):
        lab("fault", "diskfull", target)
        holds(f"{mover.name}: it fails when the disk is full", "No space left", eventually(
            lambda: mover.site.rpc[source].call("task.show", task=task)["error"], MOVE) or "it does not fail")
        lab("fault", "heal", target)
    broken(mover, "the target's disk full", fill, stays=True)


def test(lab):
    together(lab)
    site = Site(lab)
    lab("guest", "node1", "vm", "disk")
    lab.sh("qemu-io -f qcow2 -c 'write -P 0x5a 32M 16M' /var/lib/libvirt/images/disk.qcow2")
    for name in ("box", "runner"):
        lab("guest", "node1", "ct", name, *(["--wait"] if name == "runner" else []))
        lab.sh("dd if=/dev/urandom of=/var/lib/lxc/$1/rootfs/ballast bs=1M count=16 2>/dev/null", name)
    becomes("the guests are seen", ["box", "disk", "runner"], lambda: sorted(
        g["name"] for g in site.rpc["node1"].call("guest.list")["guests"]))
    vm = OffVm(site, "disk", {"with_disks": True})
    box = Container(site, "box", {})
    runner = Container(site, "runner", {"mode": "restart"})
    for mover in (vm, box, runner):
        breaks(mover, lab)
    breaks(runner, lab, late=True)
    for mover in (vm, box, runner):
        breaks_outside(mover, lab)
    for mover in (vm, box, runner):
        disk_full(mover, lab)


lib.run(test, nodes=2)
