#!/usr/bin/env python3
"""test_migration.py - guests move between two nodes of a real cluster, and whatever breaks on the
way, each is on exactly one node afterwards and nothing is left over."""
import lib
from lib import becomes, check, done, eventually, holds, same
from migration import MOVE, NODES, Site, clean, kill_task, move, no_task_left, other, share, together, wait_ended, wait_moving

def tells_obstacles(site, lab):
    task = site.rpc["node1"].task("guest.plan", guest="shared", node="node2")
    same("the plan finds nothing in the way", ("done", []), (task["state"], task["result"]["obstacles"]))
    same("and sees that the disk is shared", False, task["result"]["disks"][0]["copy"])
    task = site.rpc["node1"].task("guest.migrate", guest="local", node="node2")
    same("a disk that only one node has is an obstacle", "failed", task["state"])
    holds("with what would fix it", "--with-disks", task["error"])
    lab.sh("virsh dumpxml odd0 >/dev/null 2>&1; virsh dumpxml local | sed 's,<name>.*<,<name>odd<,; /<uuid>/d;"
           "s,/images/local,/images/odd,; s,vmbr0,br99,; s,vmlinuz,nosuch,; s,</os>,<loader readonly=\"yes\" type=\"pflash\">/srv/local/fw.fd</loader></os>,' >/tmp/odd.xml; virsh define /tmp/odd.xml")
    lab.sh("qemu-img create -q -f qcow2 /var/lib/libvirt/images/odd.qcow2 64M")
    eventually(lambda: site.rpc["node1"].guest("odd"))
    task = site.rpc["node1"].task("guest.plan", guest="odd", node="node2")
    texts = " | ".join(o["text"] for o in (task.get("result") or {}).get("obstacles", []))
    check("all obstacles are listed at once", all(w in texts for w in ("br99", "nosuch", "only node1 has", "its firmware, /srv/local/fw.fd")), task)
    odd_container(site, lab)
    refused = site.rpc["node1"].refusal("guest.migrate", guest="shared", node="node1")
    holds("a move to where it is is refused", "already", refused and refused.message)
    lab.sh("virsh undefine odd; rm /var/lib/libvirt/images/odd.qcow2")


def odd_container(site, lab):
    """What one container needs and node2 does not have; newuidmap is one of the lab's own."""
    lab("guest", "node1", "ct", "strange")
    lab.sh("sed -i s,vmbr0,br98, /var/lib/lxc/strange/config; "
           "echo 'lxc.idmap = u 0 700000 1000\nlxc.idmap = g 0 800000 1000' >>/var/lib/lxc/strange/config")
    for node, ids in (("node1", "root:700000:1000"), ("node2", "root:800000:1000")):
        lab.sh("echo $1 >/etc/subuid; cp /etc/subuid /etc/subgid;"
               "command -v newuidmap >/dev/null || for p in newuidmap newgidmap; do "
               "printf '#!/bin/sh\nexit 1\n' >/usr/bin/$p; chmod 4755 /usr/bin/$p; done", ids, node=node)
    eventually(lambda: site.rpc["node1"].guest("strange"))

    def texts():
        task = site.rpc["node1"].task("guest.plan", guest="strange", node="node2")
        return " | ".join(f"{o['text']} ({o['fix']})" for o in (task.get("result") or {}).get("obstacles", []))
    found = texts()
    check("a container's obstacles too", all(w in found for w in ("br98", "/etc/subuid", "root:700000:1000")), found)
    check("and no more than those", "subgid" not in found and "liblxc" not in found, found)
    lab.sh("mkdir -p /srv/local/own; : >/srv/local/own/part.conf;"
           "sed -i '1i lxc.include = /srv/local/own/part.conf' /var/lib/lxc/strange/config")
    holds("a file that it includes and that is not there is one", "liblxc there", texts())
    for node in NODES:
        lab.sh("rm -f /etc/subuid /etc/subgid; grep -q 'exit 1' /usr/bin/newuidmap && rm /usr/bin/new[ug]idmap; true",
               node=node)
    done("it is deleted", site.rpc["node1"], "guest.delete", guest="strange", confirm="strange", all_disks=True)


def door(site, lab):
    """Who may speak for another node, and what one may ask for."""
    said = lab.rpc(user="operator", hello=False).refusal("hello", major=1, minor=0, peer="node2", person="root")
    holds("nobody but gantryd speaks for another node", "only gantryd", said and said.message)
    said = site.rpc["node1"].refusal("migration.outcome", kind="vm", native="x")
    same("people do not ask as other agents do", "not-allowed", said and said.code)
    text = lab.try_run("timeout", "30", "bash", "-c", "exec 3<>/dev/tcp/$0/5440; echo hello >&3; head -c 1000 <&3 | wc -c",
                       lab("addr", "node1"), node="node2").stdout.strip()
    check("the door hangs up on who does not speak TLS", text.isdigit() and int(text) < 20, text)


def live_shared(site):
    before = site.count("node1", "shared")
    images = {node: site.images(node) for node in NODES}
    task = move(site, "a VM moves live over shared storage", "node1", "shared")
    same("it runs on the target only", {"node2": "running"}, site.runs("shared"))
    same("and is defined there only", ["node2"], site.defined("shared"))
    check("its counter went on", site.count("node2", "shared") > before > 0, before)
    check("libvirt says how long it paused", (task.get("result") or {}).get("downtime_ms", -1) >= 0, task)
    clean(site, "live", images)
    becomes("the console's list has it there", "running", lambda: site.rpc["node2"].state("shared"))
    move(site, "and back again", "node2", "shared")
    same("it runs at its first node", {"node1": "running"}, site.runs("shared"))
    same("no port but the agents' was opened", "", site.lab.sh(
        "ss -Htln | awk '{print $4}' | grep -vE ':(22|5440)$' || true"))


def live_local(site, lab):
    before = site.count("node1", "local")
    move(site, "a VM moves live with its disk", "node1", "local", with_disks=True)
    same("it runs on the target only", {"node2": "running"}, site.runs("local"))
    check("its counter went on", site.count("node2", "local") > before > 0, before)
    same("the disk is there, and gone here", (False, True),
         tuple("local.qcow2" in site.images(node) for node in NODES))
    lab.run("virsh", "destroy", "local", node="node2")
    becomes("it is stopped", "stopped", lambda: site.rpc["node2"].state("local"))
    move(site, "it moves offline with its disk", "node2", "local", with_disks=True)
    same("it is defined at the target only", ["node1"], site.defined("local"))
    lab.run("virsh", "start", "local", node="node1")


def containers(site, lab):
    lab.sh("echo kept >/var/lib/lxc/box/rootfs/kept; chown 1234:5678 /var/lib/lxc/box/rootfs/kept;"
           "ln /var/lib/lxc/box/rootfs/kept /var/lib/lxc/box/rootfs/link")
    site.rpc["node1"].call("guest.set", guest="box", tags=["blue"], notes="mine")
    move(site, "a container moves by restart", "node1", "box", mode="restart")
    same("it runs there", "RUNNING", lab.try_run("lxc-info", "-n", "box", "-sH", node="node2").stdout.strip())
    same("its files have their owners and links", "kept 1234 5678 2",
         lab.sh("cd /var/lib/lxc/box/rootfs; echo $(cat kept) $(stat -c '%u %g %h' link)", node="node2"))
    same("nothing of it is left here", "", lab.sh("ls -A /var/lib/lxc"))
    becomes("its tags came with it", ["blue"], lambda: (site.rpc["node2"].guest("box") or {}).get("tags"))
    lab.run("lxc-stop", "-k", "-n", "box", node="node2")
    becomes("it is stopped", "stopped", lambda: site.rpc["node2"].state("box"))
    move(site, "it moves offline", "node2", "box")
    same("it is stopped at the target", "STOPPED",
         lab.try_run("lxc-info", "-n", "box", "-sH", node="node1").stdout.strip())


def broken(site, what, name, act, words=("moving", "copying"), **params):
    """Something breaks while it moves slowly: it must be on one node, and nothing left. words: of the task, as it does."""
    source = next(iter(site.runs(name)))
    before = site.count(source, name)
    images = {node: site.images(node) for node in NODES}
    task = site.rpc[source].call("guest.migrate", guest=name, node=other(source), bandwidth=8, **params)["task"]
    wait_moving(site, what, source, task, words)
    act(source, other(source), task)
    end = wait_ended(site, what, source, task)
    runs = {}

    def settled():
        runs.clear()
        runs.update(site.runs(name))
        return list(runs.values()) == ["running"] and len(site.defined(name)) == 1
    check(f"{what}: it runs on exactly one node", eventually(settled, MOVE), (runs, site.defined(name)))
    node = next(iter(runs), source)
    check(f"{what}: its counter went on", site.count(node, name) > before > 0, before)
    if node == source:
        check(f"{what}: the task says that it stays", end["state"] in ("failed", "cancelled"), end)
    no_task_left(site, what)
    if node == source:
        clean(site, what, images)
    else:
        move(site, f"{what}: and back", node, name, **params)


def breaks(site, lab):
    def cancel(source, _target, task):
        site.rpc[source].call("task.cancel", task=task)
    broken(site, "cancelled", "shared", cancel)
    broken(site, "cancelled with a disk", "local", cancel, with_disks=True)
    for daemon in ("gantryd", "libvirtd"):
        for end in ("source", "target"):
            def kill(source, target, _task, daemon=daemon, end=end):
                lab.fault("kill", daemon, source if end == "source" else target)
            # A libvirtd that is killed just before it has the VM's process leaves what no libvirtd can end: see
            # test_faults.py. Bytes come when that is over.
            broken(site, f"{daemon} of the {end} killed", "local", kill,
                   **({"words": ["sent"]} if daemon == "libvirtd" else {}), with_disks=True)

    def kill(source, _target, task):
        kill_task(lab, source, task)
    broken(site, "the task itself killed", "local", kill, with_disks=True)

    def cut(_source, target, _task):
        lab("fault", "partition", target)
        lib.time.sleep(25)  # longer than the connections last
        lab("fault", "heal", target)
    broken(site, "the network cut", "local", cut, with_disks=True)


def prepared_late(site, lab):
    """The target's libvirt is still at work on what the task asked when the task is killed; the directory is a pool
    of its own, in which it makes an image that is not there."""
    source = next(iter(site.runs("local")))
    target, images = other(source), {node: site.images(node) for node in NODES}
    lab.sh("mkdir -p /etc/libvirt/hooks; printf '#!/bin/sh\\n[ \"$2\" != migrate ] || { sleep 4; : >/tmp/prepared; }\\n' "
           ">/etc/libvirt/hooks/qemu; chmod +x /etc/libvirt/hooks/qemu", node=target)
    lab.fault("kill", "libvirtd", target)  # it looks for hooks when it starts
    check("libvirt is there again", eventually(lambda: lab.try_run(
        "virsh", "pool-create-as", "images", "dir", "--target", "/var/lib/libvirt/images", node=target).returncode == 0))

    def kill(source, _target, task):
        kill_task(lab, source, task)
    broken(site, "killed while libvirt prepares", "local", kill, with_disks=True)
    becomes("libvirt was at work", "", lambda: lab.try_run("ls", "/tmp/prepared", node=target).stderr)
    clean(site, "and after that", images)
    lab.sh("printf '#!/bin/sh\\n' >/etc/libvirt/hooks/qemu; virsh pool-destroy images", node=target)


def disk_full(site, lab):
    lab.sh("mkdir -p /srv/small; mount -t tmpfs -o size=24m tmpfs /srv/small", node="node2")
    lab.sh("printf 'storages:\\n- name: small\\n  path: /srv/small\\n' >>/tmp/s; sed -i '/^storages:/,$d' /etc/gantry/gantryd.yaml;"
           "cat /tmp/s >>/etc/gantry/gantryd.yaml; for p in $(pidof gantryd); do kill -HUP $p; done", node="node2")
    site.agent_exec("node1", "local", "/bin/sh", "-c", "dd if=/dev/urandom of=/data/big bs=1M count=20; sync")

    def fill(_source, _target, _task):
        lab.sh("dd if=/dev/zero of=/srv/small/filler bs=1M 2>/dev/null; true", node="node2")
    broken(site, "the target's disk full", "local", fill, with_disks=True, storage="small")


def test(lab):
    together(lab)
    for name in ("shared", "local"):
        lab("guest", "node1", "vm", name)
    share(lab, "shared")
    lab("guest", "node1", "ct", "box", "--wait")
    site = Site(lab)
    for name in ("shared", "local"):
        lab.run("virsh", "start", name)
        eventually(lambda n=name: site.agent_exec(
            "node1", n, "/bin/sh", "-c", "(i=0; while :; do i=$((i+1)); echo $i >/run/counter.n; "
            "mv /run/counter.n /run/counter; sleep 0.2; done) >/dev/null 2>&1 &") is not None)
    becomes("the guests are seen", ["box", "local", "shared"], lambda: sorted(
        g["name"] for g in site.rpc["node1"].call("guest.list")["guests"]))
    door(site, lab)
    tells_obstacles(site, lab)
    live_shared(site)
    live_local(site, lab)
    containers(site, lab)
    eventually(lambda: site.agent_exec(
        "node1", "local", "/bin/sh", "-c", "(i=0; while :; do i=$((i+1)); echo $i >/run/counter.n; "
        "mv /run/counter.n /run/counter; sleep 0.2; done) >/dev/null 2>&1 &") is not None)
    breaks(site, lab)
    prepared_late(site, lab)
    disk_full(site, lab)


lib.run(test, nodes=2)
