"""migration.py - what tests of guests that move between two nodes share: both agents, what libvirt's
and LXC's own tools say of guests, and what must be so after a move."""
import base64
import json

from lib import becomes, check, done, eventually, note, same

NODES = ("node1", "node2")
MOVE = 240.0  # until a move has ended, whatever broke


def other(node):
    return NODES[1 - NODES.index(node)]


class Site:
    """Both agents, and what libvirt and LXC say of guests on both nodes."""

    def __init__(self, lab):
        self.lab = lab
        self.rpc = {node: lab.rpc(node) for node in NODES}

    def again(self, node):
        self.rpc[node] = self.lab.agent_session(node)

    def runs(self, name):
        """The nodes on which a VM is active, with its state."""
        found = {}
        for node in NODES:
            state = self.lab.try_run("virsh", "-q", "domstate", name, node=node).stdout.strip()
            if state and state != "shut off":
                found[node] = state
        return found

    def defined(self, name):
        return [node for node in NODES
                if name in self.lab.try_run("virsh", "-q", "list", "--all", "--name", node=node).stdout.split()]

    def images(self, node):
        return self.lab.sh("ls -A /var/lib/libvirt/images /srv/shared | grep -v : | sort | tr '\\n' ' '", node=node).split()

    def agent_exec(self, node, name, *words):
        ask = {"execute": "guest-exec", "arguments": {"path": words[0], "arg": words[1:], "capture-output": True}}
        began = self.lab.try_run("virsh", "qemu-agent-command", name, json.dumps(ask), node=node)
        if began.returncode:
            return None
        ask = {"execute": "guest-exec-status", "arguments": {"pid": json.loads(began.stdout)["return"]["pid"]}}

        def ended():
            text = self.lab.try_run("virsh", "qemu-agent-command", name, json.dumps(ask), node=node).stdout
            answer = json.loads(text)["return"] if text else {}
            return answer if answer.get("exited") else None
        answer = eventually(ended)
        return base64.b64decode(answer.get("out-data", "")).decode() if answer else None

    def count(self, node, name):
        """The counter in the guest."""
        found = []

        def look():
            text = (self.agent_exec(node, name, "/bin/cat", "/run/counter") or "").strip()
            found[:] = [int(text)] if text.isdigit() else []
            return found
        eventually(look)
        return found[0] if found else -1


def move(site, what, node, guest, **params):
    return done(what, site.rpc[node], "guest.migrate", guest=guest, node=other(node), **params)


def clean(site, what, images):
    """Nothing of a move is left on either node but these images."""
    for node in NODES:
        becomes(f"{what}: no socket of a move is left on {node}", "",
                lambda n=node: site.lab.try_run("sh", "-c", "ls -A /run/libvirt/gantry", node=n).stdout.strip())
        same(f"{what}: no file is left on {node}", sorted(images[node]), site.images(node))


def together(lab):
    """node1 and node2 become a cluster."""
    lab("gantry", "-H", "node1", "cluster", "create", "lab")
    one = lab.rpc()
    becomes("a cluster of one is quorate", True, lambda: one.call("cluster.status").get("quorate"))
    lab("gantry", "-H", "node1", "cluster", "join", "--yes", "node2")
    becomes("and one of two", (True, 2), lambda: tuple(
        one.call("cluster.status").get(key) for key in ("quorate", "members")))


def share(lab, name):
    """The disk of a new VM on node1 becomes one that both nodes have."""
    lab.sh("mv /var/lib/libvirt/images/$1.qcow2 /srv/shared/; virsh dumpxml $1 |"
           "sed s,/var/lib/libvirt/images/$1,/srv/shared/$1, >/tmp/x; virsh define /tmp/x", name)


def wait_moving(site, what, node, task, words=("moving", "copying")):
    """Until the task says that it moves or copies something."""
    def doing():
        text = site.rpc[node].call("task.show", task=task)["doing"] or ""
        return any(word in text for word in words)
    return check(f"{what}: it is moving", eventually(doing), site.rpc[node].call("task.show", task=task))


def wait_ended(site, what, node, task):
    """The task, once it has ended; the agents may have been killed meanwhile."""
    for one in NODES:
        site.again(one)

    def ended():
        return site.rpc[node].call("task.show", task=task)["state"] not in ("queued", "running")
    check(f"{what}: the task ends", eventually(ended, MOVE))
    end = site.rpc[node].call("task.show", task=task)
    note(f"{end['state']}: {end['error']}")
    return end


def no_task_left(site, what):
    becomes(f"{what}: no task is left", [], lambda: [
        t["id"] for n in NODES for t in site.rpc[n].call("task.list")["tasks"] if t["state"] in ("queued", "running")], MOVE)


def kill_task(lab, node, task):
    """kill -9 of the process of that task, and of nothing else."""
    lab.sh("for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline 2>/dev/null | grep -q \"^gantryd task .*$1\" "
           "&& kill -9 ${p#/proc/}; done; true", task, node=node)
