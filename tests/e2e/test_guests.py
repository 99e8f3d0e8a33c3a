#!/usr/bin/env python3
"""test_guests.py - every act on a VM and all that is shown of one, compared with virsh."""
import re
import time
import xml.etree.ElementTree as xml

import lib
from lib import becomes, check, done, eventually, holds, refused, same, within

IMAGES = "/var/lib/libvirt/images"


def agent_answers(lab, name):
    return eventually(lambda: lab.try_run("virsh", "qemu-agent-command", name, '{"execute":"guest-ping"}')
                      .returncode == 0)


def stop_guest_agent(lab, name):
    """From now on only the power button helps."""
    lab.try_run("timeout", "30", "gantry", "guest", "exec", name, "/bin/sh", "-c", "killall qemu-ga")
    eventually(lambda: lab.try_run("virsh", "qemu-agent-command", "--timeout", "2", name,
                                   '{"execute":"guest-ping"}').returncode != 0)


def both(what, lab, rpc, name, ours, theirs):
    becomes(f"{what}: virsh says {theirs}", theirs, lambda: lab.domstate(name))
    becomes(f"{what}: and so does the agent", ours, lambda: rpc.state(name))


def power(lab, rpc):
    done("start", rpc, "guest.start", guest="v1")
    both("started", lab, rpc, "v1", "running", "running")
    refused("a running guest is not started", "state", "it is running", rpc, "guest.start", guest="v1")
    refused("nor deleted", "state", "it is running", rpc, "guest.delete", guest="v1", confirm="v1")
    refused("nor renamed", "state", "it is running", rpc, "guest.rename", guest="v1", name="v2")
    check("its agent is seen", agent_answers(lab, "v1") and eventually(lambda: rpc.guest("v1")["agent"]))
    done("shutdown by the guest's agent", rpc, "guest.shutdown", guest="v1", timeout=60)
    both("shut down", lab, rpc, "v1", "stopped", "shut off")
    refused("a stopped guest is not shut down", "state", "it is not running", rpc, "guest.shutdown", guest="v1")
    refused("nor stopped", "state", "it is not running", rpc, "guest.stop", guest="v1")
    refused("nor resumed", "state", "it is not paused", rpc, "guest.resume", guest="v1")
    refused("nor paused", "state", "it is not running", rpc, "guest.pause", guest="v1")
    refused("nor reset", "state", "it is not running", rpc, "guest.reset", guest="v1")
    refused("nor saved", "state", "it is not running", rpc, "guest.save", guest="v1")
    refused("without saved memory none is removed", "state", "no saved memory", rpc, "guest.discard", guest="v1")

    done("start paused", rpc, "guest.start", guest="v1", paused=True)
    both("started paused", lab, rpc, "v1", "paused", "paused")
    refused("a paused guest is not paused", "state", "it is paused", rpc, "guest.pause", guest="v1")
    done("resume", rpc, "guest.resume", guest="v1")
    both("resumed", lab, rpc, "v1", "running", "running")
    done("pause", rpc, "guest.pause", guest="v1")
    both("paused", lab, rpc, "v1", "paused", "paused")
    refused("a paused guest is not shut down", "state", "it is paused", rpc, "guest.shutdown", guest="v1", timeout=3)
    done("a paused guest is stopped", rpc, "guest.stop", guest="v1")
    both("stopped", lab, rpc, "v1", "stopped", "shut off")


def shutdown_without_agent(lab, rpc):
    done("start", rpc, "guest.start", guest="v1")
    agent_answers(lab, "v1")
    stop_guest_agent(lab, "v1")
    done("shutdown by ACPI", rpc, "guest.shutdown", guest="v1", timeout=30)
    both("shut down", lab, rpc, "v1", "stopped", "shut off")
    # firmware, before the guest listens to any button
    done("start", rpc, "guest.start", guest="v1", paused=True)
    lab.virsh("resume", "v1")
    becomes("resumed by virsh", "running", lambda: rpc.state("v1"))
    task = rpc.task("guest.shutdown", guest="v1", timeout=1)
    check("a shutdown that takes too long fails", task["state"] == "failed" and "within 1 s" in task["error"], task)
    same("and the guest still runs", "running", lab.domstate("v1"))
    done("or stops it then", rpc, "guest.shutdown", guest="v1", timeout=1, then="stop")
    both("stopped then", lab, rpc, "v1", "stopped", "shut off")


def running(lab, rpc):
    done("start", rpc, "guest.start", guest="v1")
    agent_answers(lab, "v1")
    before = lab.sh("cat /run/libvirt/qemu/v1.pid")
    done("reboot", rpc, "guest.reboot", guest="v1", timeout=60)
    same("rebooted within the same QEMU", before, lab.sh("cat /run/libvirt/qemu/v1.pid"))
    check("and up again", agent_answers(lab, "v1"))
    done("reset", rpc, "guest.reset", guest="v1")
    check("reset: its agent went away", eventually(lambda: not rpc.guest("v1")["agent"], 10))
    check("and came again", agent_answers(lab, "v1"))
    done("send keys", rpc, "guest.sendkey", guest="v1", keys=["KEY_LEFTCTRL", "KEY_C"])
    refused("a key that is none", "params", "is no key", rpc, "guest.sendkey", guest="v1", keys=["KEY_NONSENSE"])
    done("NMI", rpc, "guest.nmi", guest="v1")
    done("the guest is reset after that", rpc, "guest.reset", guest="v1")

    done("save", rpc, "guest.save", guest="v1")
    becomes("saved: virsh says shut off", "shut off", lambda: lab.domstate("v1"))
    same("with saved memory", "yes", lab.dominfo("v1")["Managed save"])
    becomes("the agent says saved", "saved", lambda: rpc.state("v1"))
    refused("a saved guest is not paused", "state", "memory is saved", rpc, "guest.pause", guest="v1")
    done("start from the saved memory", rpc, "guest.start", guest="v1")
    both("restored", lab, rpc, "v1", "running", "running")
    same("no saved memory is left", "no", lab.dominfo("v1")["Managed save"])
    done("save again", rpc, "guest.save", guest="v1")
    done("discard", rpc, "guest.discard", guest="v1")
    same("discarded", "no", lab.dominfo("v1")["Managed save"])
    becomes("the agent says stopped", "stopped", lambda: rpc.state("v1"))


def definition(lab, rpc):
    for enable, word in ((True, "enable"), (False, "disable")):
        done(f"autostart {enable}", rpc, "guest.autostart", guest="v1", enable=enable)
        same(f"virsh says {word}", word, lab.dominfo("v1")["Autostart"])
        becomes("the agent too", enable, lambda: rpc.guest("v1")["autostart"])
    number, uuid = rpc.guest("v1")["id"], rpc.guest("v1")["native"]
    same("the native identifier is libvirt's UUID", lab.virsh("domuuid", "v1"), uuid)
    done("rename", rpc, "guest.rename", guest="v1", name="renamed")
    becomes("renamed, under its number", number, lambda: (rpc.guest("renamed") or {}).get("id"))
    same("virsh has the new name", uuid, lab.virsh("domuuid", "renamed"))
    refused("a name that is taken", "params", "already", rpc, "guest.rename", guest="renamed", name="v2")
    refused("a guest that is not there", "not-found", "v1", rpc, "guest.start", guest="v1")
    done("rename back", rpc, "guest.rename", guest=number, name="v1")
    becomes("renamed back", number, lambda: (rpc.guest("v1") or {}).get("id"))
    text = rpc.call("guest.definition", guest="v1", saved=True)["text"]
    same("the definition is libvirt's", lab.virsh("dumpxml", "--inactive", "v1").strip(), text.strip())


def shown(lab, rpc):
    """What guest.show says beside dumpxml, domblklist, domiflist."""
    agent_answers(lab, "v1")
    eventually(lambda: (rpc.call("guest.show", guest="v1")["detail"]["nics"][0].get("addresses")))
    answer = rpc.call("guest.show", guest="v1")
    detail, root = answer["detail"], xml.fromstring(lab.virsh("dumpxml", "v1"))
    same("nothing is wrong with it", None, answer["problem"])
    info = lab.dominfo("v1")
    same("name", root.findtext("name"), detail["name"])
    same("state", info["State"], detail["state"])
    same("processors", int(info["CPU(s)"]), detail["vcpus"])
    same("memory", int(info["Max memory"].split()[0]) * 1024, detail["memory_max"])
    same("persistent", info["Persistent"] == "yes", detail["persistent"])
    same("machine", root.find("os/type").get("machine"), detail["machine"])
    same("CPU model", root.findtext("cpu/model"), detail.get("cpu_model"))
    disks = [line.split() for line in lab.virsh("domblklist", "--details", "v1").splitlines()]
    same("disks", [(d[0], d[1], d[2], d[3]) for d in disks],
         [(d["type"], d["device"], d["target"], d["source"]) for d in detail["disks"]])
    size = dict(re.findall(r"(\w+):\s+(\d+)", lab.virsh("domblkinfo", "v1", "vda")))
    same("capacity", int(size["Capacity"]), detail["disks"][0]["capacity"])
    nics = [line.split() for line in lab.virsh("domiflist", "v1").splitlines()]
    same("NICs", [(n[0], n[1], n[2], n[3], n[4]) for n in nics],
         [(n["target"], n["type"], n["source"], n["model"], n["mac"]) for n in detail["nics"]])
    addresses = [line.split()[3] for line in lab.virsh("domifaddr", "--source", "agent", "v1").splitlines()
                 if not line.strip().startswith("lo") and "127.0.0.1" not in line]
    check("addresses", set(detail["nics"][0]["addresses"]) <= set(addresses) and addresses, addresses)
    same("serial port", root.find("devices/serial/source").get("path"), detail["serials"][0]["path"])
    check("uptime", 0 < detail["uptime"] < 600, detail["uptime"])
    lab.virsh("autostart", "v1")
    same("autostart by virsh is shown", True, rpc.call("guest.show", guest="v1")["detail"]["autostart"])
    becomes("and listed then", True, lambda: rpc.guest("v1")["autostart"])
    lab.virsh("autostart", "--disable", "v1")
    lab.virsh("setmaxmem", "v1", str(128 * 1024), "--config")
    same("a saved definition that differs is shown", True, rpc.call("guest.show", guest="v1")["detail"]["pending"])
    becomes("and listed then", True, lambda: rpc.guest("v1")["pending"])
    lab.virsh("setmaxmem", "v1", str(96 * 1024), "--config")
    same("and when it does not any more", False, rpc.call("guest.show", guest="v1")["detail"]["pending"])
    lab.virsh("snapshot-create-as", "v1", "before")
    same("snapshots", ["before"], [s["name"] for s in rpc.call("guest.show", guest="v1")["detail"]["snapshots"]])
    lab.virsh("snapshot-delete", "v1", "before")


def figures(lab, rpc):
    becomes("CPU of an idle guest is small", True, lambda: (rpc.guest("v1").get("cpu") or 99) < 40)
    busy = lab.try_run("timeout", "30", "gantry", "guest", "exec", "v1", "/bin/sh", "-c",
                       "(timeout 60 sh -c 'while :; do :; done') >/dev/null 2>&1 &")
    check("the guest is made busy", busy.returncode == 0, busy.stderr)
    before, t0 = int(lab.domstats("v1", "--cpu-total")["cpu.time"]), time.monotonic()
    cpu = eventually(lambda: (rpc.guest("v1").get("cpu") or 0) > 25)
    check("CPU moves", cpu, rpc.guest("v1"))
    found = []
    for _ in range(3):
        seen = len(found)
        eventually(lambda: found.append(rpc.guest("v1").get("cpu")) or len(found) > seen + 10, 1.2)
    after, t1 = int(lab.domstats("v1", "--cpu-total")["cpu.time"]), time.monotonic()
    theirs = (after - before) / (t1 - t0) / 1e7
    ours = [f for f in found if f is not None]
    mean = sum(ours) / len(ours)
    check("CPU is what virsh's counter says", theirs / 2.5 < mean < theirs * 2.5, f"virsh {theirs:.1f}, ours {mean:.1f}")
    becomes("memory occupied, within a tenth", True, lambda: abs(
        int(lab.domstats("v1", "--balloon")["balloon.rss"]) * 1024 / (rpc.guest("v1").get("mem_rss") or 1) - 1) < 0.1)
    # a new QEMU counts from 0: never a spike, and nothing negative
    seen = []
    done("stop", rpc, "guest.stop", guest="v1")
    done("start", rpc, "guest.start", guest="v1")
    eventually(lambda: seen.append(rpc.guest("v1")) or agent_answers_now(lab), 30)
    rates = [g.get(k) for g in seen for k in ("disk_read", "disk_write", "net_in", "net_out", "cpu") if g.get(k) is not None]
    check("a restart makes no negative rate", all(r >= 0 for r in rates), rates)
    cpus = [g["cpu"] for g in seen if g.get("cpu") is not None]
    check("nor a spike", all(c < 450 for c in cpus), cpus)
    done("stop", rpc, "guest.stop", guest="v1")
    becomes("a stopped guest has no figures", None, lambda: rpc.guest("v1").get("cpu"))


def agent_answers_now(lab):
    return lab.try_run("virsh", "qemu-agent-command", "v1", '{"execute":"guest-ping"}').returncode == 0


def outside(lab, rpc):
    """What others do to libvirt is seen by its events."""
    text = lab.virsh("dumpxml", "--inactive", "v2")
    number = rpc.guest("v2")["id"]
    within("a guest undefined by virsh goes", lambda: lab.virsh("undefine", "v2"),
           lambda: rpc.guest("v2") is None)
    within("a guest defined by virsh comes",
           lambda: lab.run("virsh", "-q", "define", "/dev/stdin", input=text), lambda: rpc.guest("v2"))
    same("under the number that it had", number, rpc.guest("v2")["id"])
    within("started by virsh is seen", lambda: lab.virsh("start", "v2"), lambda: rpc.state("v2") == "running")
    within("suspended by virsh is seen", lambda: lab.virsh("suspend", "v2"), lambda: rpc.state("v2") == "paused")
    within("destroyed by virsh is seen", lambda: lab.virsh("destroy", "v2"), lambda: rpc.state("v2") == "stopped")
    transient = re.sub(r"<uuid>.*</uuid>", "", text).replace(">v2<", ">passing<").replace("v2.qcow2", "passing.qcow2")
    transient = re.sub(r"<mac address=.*/>", "", transient)
    lab.sh(f"cp {IMAGES}/v2.qcow2 {IMAGES}/passing.qcow2")
    within("a transient guest comes",
           lambda: lab.run("virsh", "-q", "create", "/dev/stdin", input=transient), lambda: rpc.guest("passing"))
    same("and is no persistent one", False, rpc.guest("passing")["persistent"])
    refused("it can't be set to start by itself", "state", "no saved definition", rpc, "guest.autostart",
            guest="passing", enable=True)
    refused("nor saved", "state", "no saved definition", rpc, "guest.save", guest="passing")
    done("it is stopped", rpc, "guest.stop", guest="passing")
    becomes("and is gone", None, lambda: rpc.guest("passing"))
    lab.sh(f"rm {IMAGES}/passing.qcow2")
    numbers = {g["name"]: g["id"] for g in rpc.call("guest.list")["guests"]}
    rpc = lab.agent_restart()
    becomes("numbers outlive a restart of the agent", numbers,
            lambda: {g["name"]: g["id"] for g in rpc.call("guest.list")["guests"]})
    return rpc


def delete(lab, rpc):
    lab.sh(f"qemu-img create -q -f qcow2 {IMAGES}/second.qcow2 4M; qemu-img create -q -f qcow2 {IMAGES}/third.qcow2 4M")
    lab.virsh("attach-disk", "v2", f"{IMAGES}/second.qcow2", "vdb", "--subdriver", "qcow2", "--config")
    lab.virsh("attach-disk", "v2", f"{IMAGES}/third.qcow2", "vdc", "--subdriver", "qcow2", "--config")
    refused("deleting needs the guest's name", "params", "nothing was deleted", rpc, "guest.delete", guest="v2",
            confirm="v1")
    refused("a disk that it has not", "params", "no disk 'vdz'", rpc, "guest.delete", guest="v2", confirm="v2",
            disks=["vdz"])
    lab.virsh("attach-disk", "v1", f"{IMAGES}/third.qcow2", "vdb", "--subdriver", "qcow2", "--config")
    refused("a disk that another guest uses", "busy", "also used by", rpc, "guest.delete", guest="v2", confirm="v2",
            disks=["vdc"])
    lab.virsh("detach-disk", "v1", "vdb", "--config")
    same("refused, nothing changed", "shut off", lab.domstate("v2"))
    done("delete with one disk of three", rpc, "guest.delete", guest="v2", confirm="v2", disks=["vdb"])
    same("the domain is gone", None, lab.domstate("v2"))
    same("the named disk too, the others are kept", "third.qcow2\nv2.qcow2",
         lab.sh(f"cd {IMAGES}; ls second.qcow2 third.qcow2 v2.qcow2 2>/dev/null; :"))
    becomes("it is gone from the list", None, lambda: rpc.guest("v2"))
    done("delete with all disks", rpc, "guest.delete", guest="v1", confirm="v1", all_disks=True)
    same("all gone", "", lab.sh(f"ls {IMAGES}/v1.qcow2 2>/dev/null; virsh -q list --all --name"))
    refused("a guest that has gone", "not-found", "v1", rpc, "guest.start", guest="v1")


def test(lab):
    lab.vm("v1")
    rpc = lab.rpc()
    becomes("a guest has number 100", "vm/100", lambda: (rpc.guest("v1") or {}).get("id"))
    lab.vm("v2")
    becomes("the next has 101", "vm/101", lambda: (rpc.guest("v2") or {}).get("id"))
    power(lab, rpc)
    shutdown_without_agent(lab, rpc)
    running(lab, rpc)
    definition(lab, rpc)
    done("start", rpc, "guest.start", guest="v1")
    shown(lab, rpc)
    figures(lab, rpc)
    rpc = outside(lab, rpc)
    delete(lab, rpc)
    who = rpc.call("audit.list", limit=500)["entries"]
    check("every act is on record", len([e for e in who if e["method"].startswith("guest.")]) > 40, len(who))
    holds("with who asked", "root", {e["who"] for e in who})


lib.run(test)
