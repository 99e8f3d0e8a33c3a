#!/usr/bin/env python3
"""test_containers.py - every act on a container and all that is shown, compared with lxc-info and lxc-ls."""
import time

import lib
from lib import becomes, check, done, eventually, note, refused, same

OTHER = "/srv/local/other"
PATHS = ["/var/lib/lxc", OTHER]
CONFIG = f"""
lxc:
  paths: [/var/lib/lxc, {OTHER}]
"""


def both(what, lab, rpc, name, ours, theirs, path="/var/lib/lxc"):
    becomes(f"{what}: lxc-info says {theirs}", theirs, lambda: lab.lxc_state(name, path))
    becomes(f"{what}: and so does the agent", ours, lambda: rpc.state(name))


def init_of(lab, name):
    return lab.run("lxc-info", "-n", name, "-pH")


def power(lab, rpc):
    done("start", rpc, "guest.start", guest="c1")
    both("started", lab, rpc, "c1", "running", "RUNNING")
    refused("a running container is not started", "state", "it is running", rpc, "guest.start", guest="c1")
    refused("nor deleted", "state", "it is running", rpc, "guest.delete", guest="c1", confirm="c1")
    refused("nor renamed", "state", "it is running", rpc, "guest.rename", guest="c1", name="c9")
    refused("it has no reset button", "state", "only VMs", rpc, "guest.reset", guest="c1")
    refused("nor a keyboard", "state", "only VMs", rpc, "guest.sendkey", guest="c1", keys=["KEY_A"])
    done("pause", rpc, "guest.pause", guest="c1")
    both("paused", lab, rpc, "c1", "paused", "FROZEN")
    refused("a frozen container is not shut down", "state", "it is paused", rpc, "guest.shutdown", guest="c1")
    done("resume", rpc, "guest.resume", guest="c1")
    both("resumed", lab, rpc, "c1", "running", "RUNNING")
    eventually(lambda: lab.try_run("lxc-attach", "-n", "c1", "--", "test", "-e", "/run/ready").returncode == 0)
    before = init_of(lab, "c1")
    done("reboot", rpc, "guest.reboot", guest="c1", timeout=60)
    check("rebooted: another init runs", eventually(lambda: init_of(lab, "c1") not in ("", before)), before)
    eventually(lambda: lab.try_run("lxc-attach", "-n", "c1", "--", "test", "-e", "/run/ready").returncode == 0)
    done("shutdown", rpc, "guest.shutdown", guest="c1", timeout=60)
    both("shut down", lab, rpc, "c1", "stopped", "STOPPED")
    for act, words in (("shutdown", "not running"), ("stop", "not running"), ("pause", "not running"),
                       ("resume", "not paused"), ("reboot", "not running")):
        refused(f"a stopped container: {act}", "state", words, rpc, f"guest.{act}", guest="c1")
    refused("it can't be started paused", "params", "only VMs", rpc, "guest.start", guest="c1", paused=True)
    done("start again", rpc, "guest.start", guest="c1")
    done("stop", rpc, "guest.stop", guest="c1")
    both("stopped", lab, rpc, "c1", "stopped", "STOPPED")

    # one that does not heed its signal
    lab.sh("sed -i 's/^lxc.signal.halt.*/lxc.signal.halt = SIGWINCH/' /var/lib/lxc/c1/config")
    done("start", rpc, "guest.start", guest="c1")
    task = rpc.task("guest.shutdown", guest="c1", timeout=1)
    check("a shutdown that takes too long fails", task["state"] == "failed" and "within 1 s" in task["error"], task)
    same("and the container still runs", "RUNNING", lab.lxc_state("c1"))
    done("or stops it then", rpc, "guest.shutdown", guest="c1", timeout=1, then="stop")
    both("stopped then", lab, rpc, "c1", "stopped", "STOPPED")


def created(lab, rpc):
    """Containers of lxc-create, under both paths."""
    number = {}
    for path, name in zip(PATHS, ("made1", "made2")):
        lab.run("lxc-create", "-P", path, "-n", name, "-t", "busybox")
        start = time.monotonic()
        check(f"{name} of lxc-create in {path} comes within a second",
              eventually(lambda: rpc.guest(name)) and time.monotonic() - start < 1, rpc.call("guest.list"))
        same("its native identifier is its path", f"{path}/{name}", rpc.guest(name)["native"])
        number[name] = rpc.guest(name)["id"]
        # busybox finds its network only where one is configured; there is none here
        lab.sh(f"sed -i '/^lxc.net/d' {path}/{name}/config; printf 'lxc.net.0.type = empty\\n' >> {path}/{name}/config")
    same("lxc-ls has the same", sorted(lab.run("lxc-ls", "-1").split()),
         sorted(g["name"] for g in rpc.call("guest.list")["guests"] if g["native"].startswith(PATHS[0] + "/")))
    done("one of the other path starts", rpc, "guest.start", guest="made2")
    both("started", lab, rpc, "made2", "running", "RUNNING", OTHER)
    done("and stops", rpc, "guest.stop", guest="made2")
    both("stopped", lab, rpc, "made2", "stopped", "STOPPED", OTHER)
    for act, ours in ((("lxc-start", "-P", OTHER, "-n", "made2"), "running"),
                      (("lxc-freeze", "-P", OTHER, "-n", "made2"), "paused"),
                      (("lxc-unfreeze", "-P", OTHER, "-n", "made2"), "running"),
                      (("lxc-stop", "-k", "-P", OTHER, "-n", "made2"), "stopped")):
        lab.run(*act)
        start = time.monotonic()
        seen = eventually(lambda: rpc.state("made2") == ours, 20)
        took = time.monotonic() - start
        check(f"{act[0]} is noticed", seen, f"{rpc.guest('made2')} after {took:.2f} s")
        note(f"noticed after {took:.2f} s")
    again = lab.agent_restart()
    becomes("numbers outlive a restart of the agent", number,
            lambda: {g["name"]: g["id"] for g in again.call("guest.list")["guests"] if g["name"] in number})
    lab.run("lxc-destroy", "-P", OTHER, "-n", "made2")
    becomes("lxc-destroy is noticed", None, lambda: again.guest("made2"))
    return again


def definition(lab, rpc):
    path = "/var/lib/lxc/c2/config"
    text = lab.command("run", "node1", "cat", path).stdout
    odd = text + "\n# a remark\n   lxc.hook.pre-start   =   \n\n#lxc.start.auto = 1\n\tlxc.environment = A=\u00e4 = b\n"
    lab.run("tee", path, input=odd)
    same("the definition is the file, byte for byte", lab.command("run", "node1", "cat", path).stdout,
         rpc.call("guest.definition", guest="c2")["text"])
    done("autostart on", rpc, "guest.autostart", guest="c2", enable=True)
    becomes("the agent says so", True, lambda: rpc.guest("c2")["autostart"])
    same("lxc-ls too", "1", lab.sh("lxc-ls -f -F NAME,AUTOSTART | awk '$1 == \"c2\" {print $2}'"))
    now = lab.command("run", "node1", "cat", path).stdout
    kept = [line for line in now.splitlines() if not line.startswith("lxc.start.auto")]
    same("every other line is kept", odd.splitlines(), kept)
    done("autostart off", rpc, "guest.autostart", guest="c2", enable=False)
    same("lxc-ls says so", "0", lab.sh("lxc-ls -f -F NAME,AUTOSTART | awk '$1 == \"c2\" {print $2}'"))
    kept = [line for line in lab.command("run", "node1", "cat", path).stdout.splitlines()
            if not line.startswith("lxc.start.auto")]
    same("every other line is still kept", odd.splitlines(), kept)
    lab.run("tee", path, input=text)


def shown(lab, rpc):
    lab.sh("printf 'lxc.cgroup.memory.limit_in_bytes = 64M\\nlxc.cgroup2.memory.max = 64M\\n"
           "lxc.mount.entry = /srv srv none bind,create=dir 0 0\\n' >> /var/lib/lxc/c2/config")
    done("start", rpc, "guest.start", guest="c2")
    eventually(lambda: (rpc.guest("c2") or {}).get("addresses"))
    guest = rpc.call("guest.show", guest="c2")
    detail = guest["detail"]
    same("nothing is wrong with it", None, guest["problem"])
    same("init", int(init_of(lab, "c2")), detail["init_pid"])
    same("addresses", lab.run("lxc-info", "-n", "c2", "-iH").split(), guest["addresses"])
    same("privileged", True, guest["privileged"])
    same("limit of memory", 64 << 20, detail["memory_max"])
    same("mount", True, any(m.get("source") == "/srv" for m in detail["mounts"]))
    same("host name", lab.run("lxc-attach", "-n", "c2", "--", "hostname"), detail["hostname"])
    inside = lab.run("lxc-attach", "-n", "c2", "--", "cat", "/sys/class/net/eth0/address")
    same("hardware address", inside, detail["networks"][0]["mac"])
    inside = lab.run("lxc-info", "-n", "c2").split()
    check("the link on the node", detail["networks"][0]["host_interface"] in inside, inside)
    # The container may still be starting programs, so both are looked at together.
    listed = ("cat $(find /sys/fs/cgroup -path '*freezer*lxc.payload.c2*' -name cgroup.procs "
              "-o -path '*/lxc.payload.c2/cgroup.procs' | head -n 1) | wc -l")
    becomes("number of processes", 0, lambda: int(lab.sh(listed)) - rpc.call(
        "guest.show", guest="c2")["detail"]["processes_count"])

    lab.sh("echo root:100000:65536 | tee -a /etc/subuid >>/etc/subgid")
    lab.sh("cd /var/lib/lxc && cp -a c2 unpriv && sed -i 's/c2/unpriv/g; /^lxc.net/d; /cgroup.*memory/d; /mount.entry/d' unpriv/config"
           " && printf 'lxc.idmap = u 0 100000 65536\\nlxc.idmap = g 0 100000 65536\\nlxc.net.0.type = empty\\n' >> unpriv/config"
           " && chown -R 100000:100000 unpriv/rootfs && chmod 755 unpriv /srv/local /var/lib/lxc")
    becomes("one with a user namespace is not privileged", False, lambda: (rpc.guest("unpriv") or {}).get("privileged"))
    task = done("and starts", rpc, "guest.start", guest="unpriv")
    if task.get("state") == "done":
        both("started", lab, rpc, "unpriv", "running", "RUNNING")
        uid = lab.sh("stat -c %u /proc/$(lxc-info -n unpriv -pH)")
        same("its init is not root on the node", "100000", uid)
        done("and stops", rpc, "guest.stop", guest="unpriv")


def figures(lab, rpc):
    busy = lab.try_run("lxc-attach", "-n", "c2", "--", "sh", "-c",
                       "timeout 20 sh -c 'while :; do :; done' >/dev/null 2>&1 & "
                       "dd if=/dev/zero of=/tmp/fill bs=1M count=16 2>/dev/null")
    check("the container is made busy", busy.returncode == 0, busy.stderr)
    check("CPU moves", eventually(lambda: (rpc.guest("c2").get("cpu") or 0) > 20), rpc.guest("c2"))
    check("it has memory", eventually(lambda: (rpc.guest("c2").get("mem_used") or 0) > 0), rpc.guest("c2"))
    seen = []
    done("stop", rpc, "guest.stop", guest="c2")
    becomes("a stopped container has no figures", None, lambda: rpc.guest("c2").get("cpu"))
    done("start", rpc, "guest.start", guest="c2")
    eventually(lambda: seen.append(rpc.guest("c2")) or len([g for g in seen if g.get("cpu") is not None]) > 30, 20)
    cpus = [g["cpu"] for g in seen if g.get("cpu") is not None]
    check("a restart makes neither a spike nor a negative rate", cpus and all(0 <= c < 250 for c in cpus), cpus)
    done("stop", rpc, "guest.stop", guest="c2")


def rename_and_delete(lab, rpc):
    number = rpc.guest("c2")["id"]
    done("rename", rpc, "guest.rename", guest="c2", name="c3")
    becomes("renamed, under its number", number, lambda: (rpc.guest("c3") or {}).get("id"))
    becomes("and only once", None, lambda: rpc.guest("c2"))
    check("lxc-ls has the new name", "c3" in lab.run("lxc-ls", "-1").split() and
          "c2" not in lab.run("lxc-ls", "-1").split())
    done("the renamed one starts", rpc, "guest.start", guest="c3")
    both("started", lab, rpc, "c3", "running", "RUNNING")
    done("and stops", rpc, "guest.stop", guest="c3")
    refused("a name that is taken", "params", "c1", rpc, "guest.rename", guest="c3", name="c1")
    refused("deleting needs its name", "params", "nothing was deleted", rpc, "guest.delete", guest="c3", confirm="c1")
    refused("a container has no disks to name", "params", "no disks", rpc, "guest.delete", guest="c3",
            confirm="c3", disks=["vda"])
    done("delete with its root file system", rpc, "guest.delete", guest="c3", confirm="c3", all_disks=True)
    becomes("it is gone from the list", None, lambda: rpc.guest("c3"))
    same("and from the disk", "", lab.sh("ls -d /var/lib/lxc/c3 2>/dev/null; :"))
    done("delete without it", rpc, "guest.delete", guest="made1", confirm="made1")
    becomes("gone from the list too", None, lambda: rpc.guest("made1"))
    check("and from lxc-ls", "made1" not in lab.run("lxc-ls", "-1").split())
    check("but its root file system is kept", lab.sh("ls -d /var/lib/lxc/made1*/rootfs 2>/dev/null; :"),
          lab.sh("ls -la /var/lib/lxc /var/lib/lxc/made1* 2>&1; :"))


def test(lab):
    lab.ct("c1")
    lab.ct("c2")
    lab.run("mkdir", "-p", OTHER)
    lab.run("tee", "-a", "/etc/gantry/gantryd.yaml", input=CONFIG)
    rpc = lab.agent_restart()
    becomes("both containers have numbers", ["ct/100", "ct/101"],
            lambda: sorted(g["id"] for g in rpc.call("guest.list")["guests"]))
    power(lab, rpc)
    rpc = created(lab, rpc)
    definition(lab, rpc)
    shown(lab, rpc)
    figures(lab, rpc)
    rename_and_delete(lab, rpc)


lib.run(test)
