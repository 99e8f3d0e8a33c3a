#!/usr/bin/env python3
"""test_tasks.py - tasks: their record, queue, log and end, and what is left when something is killed."""
import random
import time

import lib
from lib import becomes, check, done, eventually, holds, refused, same

IMAGES = "/var/lib/libvirt/images"
TASKS = "/var/lib/gantry/tasks"
DISKS = ["vda", "vdb", "vdc", "vdd"]
DOMAIN = """<domain type='qemu'><name>{name}</name><memory unit='MiB'>32</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='q35'>hvm</type></os><devices>{disks}</devices></domain>"""
DISK = ("<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{path}'/>"
        "<target dev='{target}' bus='virtio'/></disk>")


def disk(name, target):
    return f"{IMAGES}/{name}-{target}.img"


def define(lab, name):
    """A VM with several disks, which is never started."""
    disks = "".join(DISK.format(path=disk(name, target), target=target) for target in DISKS)
    lab.run("truncate", "-s", "1M", *(disk(name, target) for target in DISKS))
    lab.run("virsh", "-q", "define", "/dev/stdin", input=DOMAIN.format(name=name, disks=disks))


def present(lab, name):
    """Whether the domain is there, and which of its disks."""
    found = lab.sh(f"cd {IMAGES}; ls {name}-*.img 2>/dev/null; :").split()
    return lab.domstate(name) is not None, len(found)


def pid_of(lab, task):
    """The process of a running task; its number is good in the node."""
    found = eventually(lambda: lab.try_run("cat", f"{TASKS}/{task}/lock").stdout.split(), 20)
    return found[0] if found else None


def states(rpc, tasks):
    return [rpc.call("task.show", task=task)["state"] for task in tasks]


def shutdown(rpc, guest, timeout=60, **more):
    """A task that takes long: these containers do not heed their signal."""
    return rpc.call("guest.shutdown", guest=guest, timeout=timeout, **more)["task"]


def ended(rpc, task):
    return rpc.call("task.wait", task=task)


def life(lab, rpc):
    task = shutdown(rpc, "c1", timeout=2, then="stop")
    recorded = rpc.call("task.show", task=task)
    same("a task is on record as soon as it is answered", ("guest.shutdown", "root", "c1"),
         (recorded["method"], recorded["owner"], recorded["name"]))
    same("with what it is about", rpc.guest("c1")["id"], recorded["object"])
    becomes("it says what it is doing", "waiting for it to shut down",
            lambda: rpc.call("task.show", task=task)["doing"])
    same("and the guest names it", task, rpc.guest("c1").get("task"))
    error = rpc.refusal("guest.pause", guest="c1")
    check("meanwhile others are refused, which names the task and its owner",
          error and error.code == "busy" and task in error.message and "root" in error.message, error)
    follow = lab.try_run("gantry", "task", "log", "-f", task)
    holds("its log is followed to the end", "did not shut down within 2 s and is stopped", follow.stdout)
    same("it is done", "done", ended(rpc, task)["state"])
    same("and has done it", "STOPPED", lab.lxc_state("c1"))
    text, offset = "", 0
    while True:
        piece = rpc.call("task.log", task=task, offset=offset)
        text, offset = text + piece["text"], piece["offset"]
        if piece["end"]:
            break
    same("in pieces its log is the same", follow.stdout.strip(), text.strip())
    done("start", rpc, "guest.start", guest="c1")

    task = shutdown(rpc, "c1")
    eventually(lambda: states(rpc, [task]) == ["running"])
    rpc.call("task.cancel", task=task)
    same("a task is cancelled", "cancelled", ended(rpc, task)["state"])
    same("and its guest runs on", "RUNNING", lab.lxc_state("c1"))
    refused("an ended task is not cancelled", "state", "", rpc, "task.cancel", task=task)

    task = shutdown(rpc, "c1")
    stop = rpc.call("guest.stop", guest="c1")["task"]
    overruled = ended(rpc, task)
    check("a stop overrules a shutdown", overruled["state"] == "cancelled", overruled)
    same("is done", "done", ended(rpc, stop)["state"])
    same("and stops", "STOPPED", lab.lxc_state("c1"))
    done("start", rpc, "guest.start", guest="c1")


def queue(lab, rpc):
    lab.sh("printf 'tasks:\\n  parallel: 1\\n' >> /etc/gantry/gantryd.yaml")
    lab.fault("hup", "gantryd")
    eventually(lambda: "configuration reloaded" in lab.sh("cat /var/log/gantryd.log"))
    operator = lab.rpc(user="operator")
    mine = [shutdown(rpc, f"c{i}") for i in (1, 2, 3)]
    theirs = shutdown(operator, "c4")
    eventually(lambda: states(rpc, mine)[0] == "running")
    same("no more run at once than may", ["running", "queued", "queued", "queued"], states(rpc, mine + [theirs]))
    rpc.call("task.cancel", task=mine[0])
    becomes("the next begins", ["cancelled", "running", "queued", "queued"], lambda: states(rpc, mine + [theirs]))
    rpc.call("task.cancel", task=mine[1])
    becomes("somebody else's has its turn before what was asked for earlier",
            ["cancelled", "cancelled", "queued", "running"], lambda: states(rpc, mine + [theirs]))
    rpc.call("task.cancel", task=mine[2])
    same("a queued task is cancelled", "cancelled", ended(rpc, mine[2])["state"])

    # a queued one outlives the agent
    last = shutdown(rpc, "c1", timeout=1, then="stop")
    rpc = lab.agent_restart("kill")
    becomes("a killed agent leaves the running task running and the queued one queued", ["running", "queued"],
            lambda: states(rpc, [theirs, last]))
    rpc.call("task.cancel", task=theirs)
    same("which has its turn with the next agent", "done", ended(rpc, last)["state"])
    lab.sh("sed -i '/^tasks:/,$d' /etc/gantry/gantryd.yaml")
    lab.fault("hup", "gantryd")
    same("and its effect", "STOPPED", lab.lxc_state("c1"))
    done("start", rpc, "guest.start", guest="c1")
    return rpc


def killed(lab, rpc):
    task = shutdown(rpc, "c1", timeout=12, then="stop")
    pid = pid_of(lab, task)
    rpc = lab.agent_restart("kill")
    same("after kill -9 of the agent the task's process goes on", 0,
         lab.try_run("test", "-e", f"/proc/{pid}").returncode)
    same("the next agent has it", task, eventually(lambda: (rpc.guest("c1") or {}).get("task")))
    refused("and keeps its guest busy", "busy", task, rpc, "guest.pause", guest="c1")
    result = ended(rpc, task)
    same("its result is right", "done", result["state"])
    same("and so is its effect", "STOPPED", lab.lxc_state("c1"))

    done("start", rpc, "guest.start", guest="c1")
    task = shutdown(rpc, "c1", timeout=3, then="stop")
    pid_of(lab, task)
    eventually(lambda: states(rpc, [task]) == ["running"])
    # it ends while there is no agent
    lab.fault("stop", "gantryd")
    eventually(lambda: lab.try_run("test", "-e", f"{TASKS}/{task}/result.json").returncode == 0)
    rpc = lab.agent_restart("kill")
    same("what ended while no agent looked is taken", "done", ended(rpc, task)["state"])

    done("start", rpc, "guest.start", guest="c1")
    task = shutdown(rpc, "c1")
    lab.run("kill", "-9", pid_of(lab, task))
    result = ended(rpc, task)
    check("after kill -9 of the task it is failed, with the reason",
          result["state"] == "failed" and "kill" in result["error"].lower(), result)
    same("its guest runs on", "RUNNING", lab.lxc_state("c1"))
    done("and can be acted on", rpc, "guest.stop", guest="c1")
    return rpc


def half(lab, rpc):
    """Deleting, killed at any moment: all is there, or nothing is."""
    chance = random.Random(7)
    outcomes = {}
    for turn in range(14):
        name = f"half{turn}"
        define(lab, name)
        eventually(lambda: rpc.guest(name))
        task = rpc.call("guest.delete", guest=name, confirm=name, all_disks=True)["task"]
        # sooner or later within what a deletion takes, together with the agent at times
        lab.sh("end=$(($(date +%s%N) + $2)); pid=; while [ -z \"$pid\" ] && [ $(date +%s%N) -lt $((end + 5000000000)) ]; do "
               "read -r pid rest <\"$1\"/lock; done 2>/dev/null; while [ $(date +%s%N) -lt $end ]; do :; done; "
               "kill -9 \"$pid\" 2>/dev/null; :",
               f"{TASKS}/{task}", str(chance.randrange(90_000_000)))
        if turn % 4 == 3:
            rpc = lab.agent_restart("kill")
        result = ended(rpc, task)
        left = present(lab, name)
        good = left in ((True, len(DISKS)), (False, 0))
        if not good:
            check(f"nothing half done (turn {turn})", False, f"domain, disks: {left}; {result}")
        if result["state"] == "done" and left != (False, 0):
            check(f"a deletion that is done is done (turn {turn})", False, f"{left}; {result}")
        outcomes.setdefault((result["state"], left), []).append(turn)
        if left[0]:
            done("what is left can be deleted", rpc, "guest.delete", guest=name, confirm=name, all_disks=True)
        lab.sh(f"rm -f {IMAGES}/{name}-*")
    lib.note(f"outcomes: {outcomes}")
    check("a deletion killed at random points leaves all or nothing",
          all(left in ((True, len(DISKS)), (False, 0)) for _, left in outcomes), outcomes)
    return rpc


def half_container(lab, rpc):
    chance = random.Random(11)
    good, seen = True, []
    for turn in range(5):
        name = f"halfct{turn}"
        lab.ct(name)
        files = lab.sh(f"find /var/lib/lxc/{name} | wc -l")
        eventually(lambda: rpc.guest(name))
        task = rpc.call("guest.delete", guest=name, confirm=name, all_disks=True)["task"]
        pid = pid_of(lab, task)
        end = time.monotonic() + chance.random() * 0.06
        eventually(lambda: time.monotonic() > end, 1)
        lab.try_run("kill", "-9", pid)
        result = ended(rpc, task)
        left = lab.sh(f"find /var/lib/lxc/{name} 2>/dev/null | wc -l")
        seen.append((result["state"], result["error"], left))
        good &= left in (files, "0")
        lab.sh(f"rm -rf /var/lib/lxc/{name}")
    check("a container's deletion too", good, seen)


def test(lab):
    for i in (1, 2, 3, 4):
        lab.ct(f"c{i}")
        lab.sh(f"sed -i 's/^lxc.signal.halt.*/lxc.signal.halt = SIGWINCH/' /var/lib/lxc/c{i}/config")
        lab.run("lxc-start", "-n", f"c{i}")
    rpc = lab.rpc()
    becomes("all containers run", ["running"] * 4, lambda: [g["state"] for g in rpc.call("guest.list")["guests"]])
    life(lab, rpc)
    rpc = queue(lab, rpc)
    rpc = killed(lab, rpc)
    rpc = half(lab, rpc)
    half_container(lab, rpc)
    tasks = rpc.call("task.list", limit=1000)["tasks"]
    same("no task is left over", [], [t for t in tasks if t["state"] in ("queued", "running")])


lib.run(test)
