#!/usr/bin/env python3
"""test_hardware.py - disks, snapshots and definitions of a VM that others change, and a save
that is cancelled, compared with virsh."""
import subprocess

import lib
from lib import becomes, check, done, eventually, refused, same, within

IMAGES = "/var/lib/libvirt/images"
CDROM = """<disk type='file' device='cdrom'><target dev='sda' bus='sata'/><readonly/></disk>"""
VOLUME = """<disk type='volume' device='disk'><driver name='qemu' type='qcow2'/>
    <source pool='extra' volume='one.qcow2'/><target dev='vdb' bus='virtio'/></disk>"""
PLAIN_EFI = """<domain type='qemu'><name>efi</name><memory unit='MiB'>64</memory>
    <os><type arch='x86_64' machine='q35'>hvm</type>
    <loader readonly='yes' type='pflash'>/srv/local/code.fd</loader>
    <nvram>/srv/local/efi_VARS.fd</nvram></os><features><acpi/></features></domain>"""


def detail(rpc, name="v1"):
    return rpc.call("guest.show", guest=name)["detail"]


def disk(rpc, target, name="v1"):
    return next((d for d in detail(rpc, name)["disks"] if d["target"] == target), None)


def attach(lab, definition, *words):
    lab.run("virsh", "-q", "attach-device", "v1", "/dev/stdin", *words, input=definition)


def edit(lab, what, into):
    text = lab.virsh("dumpxml", "--inactive", "v1")
    check(f"there is {what} to edit", what in text, text)
    lab.run("virsh", "-q", "define", "/dev/stdin", input=text.replace(what, into, 1))


def without_event(lab, rpc):
    """What libvirt has no event for is seen all the same."""
    def pending():
        return rpc.guest("v1")["pending"]
    lab.sh("rm -rf /etc/libvirt/qemu/autostart")  # as before the first one ever
    for what, word, expected in (("autostart", [], True), ("its end", ["--disable"], False),
                                 ("autostart again", [], True), ("its end again", ["--disable"], False)):
        within(f"{what} by virsh is seen", lambda w=word: lab.virsh("autostart", *w, "v1"),
               lambda e=expected: rpc.guest("v1")["autostart"] == e)
    same("a guest just started has nothing pending", False, pending())
    within("a number of processors for the next start is seen",
           lambda: lab.virsh("setvcpus", "v1", "3", "--config", "--maximum"), pending)
    within("and that it is as it was", lambda: lab.virsh("setvcpus", "v1", "1", "--config", "--maximum"),
           lambda: not pending())
    within("another definition is seen", lambda: edit(lab, "<on_crash>destroy", "<on_crash>restart"), pending)
    within("and the old one", lambda: edit(lab, "<on_crash>restart", "<on_crash>destroy"), lambda: not pending())
    if "<model fallback='allow'>qemu64" in lab.virsh("dumpxml", "--inactive", "v1"):
        within("another CPU is seen", lambda: edit(lab, ">qemu64<", ">qemu32<"), pending)
        within("and the old one", lambda: edit(lab, ">qemu32<", ">qemu64<"), lambda: not pending())
    lab.virsh("managedsave", "v1")
    becomes("saved by virsh", "saved", lambda: rpc.state("v1"))
    within("a saved image that virsh removes is seen", lambda: lab.virsh("managedsave-remove", "v1"),
           lambda: rpc.state("v1") == "stopped")


def cdrom(lab, rpc):
    lab.sh("head -c 1M /dev/zero >/srv/local/one.iso; head -c 2M /dev/zero >/srv/local/two.iso")
    attach(lab, CDROM, "--config")
    done("start", rpc, "guest.start", guest="v1")
    drive = disk(rpc, "sda")
    same("an empty drive", ("cdrom", True, None), (drive["device"], drive["readonly"], drive.get("source")))
    lab.virsh("change-media", "v1", "sda", "/srv/local/one.iso", "--insert", "--live", "--config")
    drive = disk(rpc, "sda")
    same("a medium is seen", ("/srv/local/one.iso", 1 << 20), (drive.get("source"), drive.get("capacity")))
    becomes("in both definitions", False, lambda: rpc.guest("v1")["pending"])
    within("a medium for now only is seen",
           lambda: lab.virsh("change-media", "v1", "sda", "/srv/local/two.iso", "--update", "--live"),
           lambda: rpc.guest("v1")["pending"])
    lab.virsh("change-media", "v1", "sda", "--eject", "--live", "--config", "--force")
    same("ejected", None, disk(rpc, "sda").get("source"))
    becomes("from both", False, lambda: rpc.guest("v1")["pending"])


def snapshots(lab, rpc):
    def listed():
        return [(s["name"], s.get("parent"), s["state"], s["current"]) for s in detail(rpc)["snapshots"]]
    lab.virsh("snapshot-create-as", "v1", "running")
    same("a snapshot with memory", [("running", None, "running", True)], listed())
    done("stop", rpc, "guest.stop", guest="v1")
    lab.virsh("snapshot-create-as", "v1", "off", "--description", "a <text>")
    same("one of a stopped guest", [("off", "running", "shutoff", True), ("running", None, "running", False)],
         sorted(listed()))
    same("with its description", ["a <text>"],
         [s["description"] for s in detail(rpc)["snapshots"] if s["name"] == "off"])
    kept = listed()
    done("a guest with snapshots is renamed", rpc, "guest.rename", guest="v1", name="other")
    becomes("it has its new name", "stopped", lambda: rpc.state("other"))
    done("and back", rpc, "guest.rename", guest="other", name="v1")
    becomes("and its old one", "stopped", lambda: rpc.state("v1"))
    same("its snapshots are kept", kept, listed())
    lab.virsh("snapshot-delete", "v1", "off")
    lab.virsh("snapshot-delete", "v1", "running")
    done("start", rpc, "guest.start", guest="v1")
    lab.virsh("snapshot-create-as", "v1", "outside", "--disk-only", "--diskspec",
              f"vda,snapshot=external,file={IMAGES}/v1.outside", "--diskspec", "sda,snapshot=no")
    drive = disk(rpc, "vda")
    same("an external snapshot stands on the old file", (f"{IMAGES}/v1.outside", [f"{IMAGES}/v1.qcow2"]),
         (drive["source"], [b["source"] for b in drive["backing"]]))
    same("it is listed", [("outside", None, "disk-snapshot", True)], listed())
    becomes("both definitions have it", False, lambda: rpc.guest("v1")["pending"])
    done("stop", rpc, "guest.stop", guest="v1")
    drive = disk(rpc, "vda")
    same("also of a stopped guest", (f"{IMAGES}/v1.outside", [f"{IMAGES}/v1.qcow2"]),
         (drive["source"], [b["source"] for b in drive["backing"]]))
    lab.virsh("snapshot-delete", "v1", "outside", "--metadata")


def volume(lab, rpc):
    lab.sh("mkdir /srv/local/extra")
    lab.virsh("pool-create-as", "extra", "dir", "--target", "/srv/local/extra")
    lab.virsh("vol-create-as", "extra", "one.qcow2", "8M", "--format", "qcow2")
    attach(lab, VOLUME, "--config")
    same("a volume of a pool", 8 << 20, disk(rpc, "vdb").get("capacity"))
    done("start with it", rpc, "guest.start", guest="v1")
    same("its size while it runs", 8 << 20, disk(rpc, "vdb").get("capacity"))
    becomes("its definitions do not differ", False, lambda: rpc.guest("v1")["pending"])
    # the other guest names the same file by its path
    lab.virsh("attach-disk", "v2", "/srv/local/extra/one.qcow2", "vdb", "--subdriver", "qcow2", "--config")
    refused("a volume that another guest uses by its path", "busy", "also used by vm v1", rpc, "guest.delete",
            guest="v2", confirm="v2", disks=["vdb"])
    lab.virsh("detach-disk", "v2", "vdb", "--config")


def held_save(lab, rpc):
    """A save at work; libvirt's helper that writes the image is held until a line is given to
    the second of what is returned. The guest's memory is filled, so that the helper is found
    before the last of it is written: then QEMU would wait for the helper and hear nothing."""
    holder = lab.popen("run", "node1", "sh", "-c", "until p=$(pidof libvirt_iohelper); do :; done; kill -STOP $p; "
                       "read -r line; kill -CONT $p", stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    task = rpc.call("guest.save", guest="v1")["task"]
    check("the save is at work", eventually(lambda: lab.try_run("sh", "-c", "grep -q '^State:.T' /proc/$("
                                                               "pidof libvirt_iohelper)/status").returncode == 0))
    return task, holder


def runs_on(lab, rpc):
    becomes("the guest goes on: virsh says running", "running", lambda: lab.domstate("v1"))
    becomes("and so does the agent", "running", lambda: rpc.state("v1"))
    same("nothing is saved", "no", lab.dominfo("v1")["Managed save"])
    check("the guest answers", lab.try_run("virsh", "qemu-agent-command", "v1", '{"execute":"guest-ping"}')
          .returncode == 0)


def cancel_save(lab, rpc):
    agent = eventually(lambda: lab.try_run("virsh", "qemu-agent-command", "v1", '{"execute":"guest-ping"}')
                       .returncode == 0)
    check("the guest is up", agent)
    fill = lab.try_run("timeout", "60", "gantry", "guest", "exec", "v1", "/bin/sh", "-c",
                       "head -c 300M /dev/zero | tr '\\0' x >/run/fill")
    check("its memory is filled", fill.returncode == 0, fill.stderr)
    task, holder = held_save(lab, rpc)
    rpc.call("task.cancel", task=task)
    check("libvirt is told", eventually(lambda: "give up saving" in str(rpc.call("task.log", task=task))))
    holder.communicate(b"\n")
    same("the save is cancelled", "cancelled", rpc.call("task.wait", task=task)["state"])
    runs_on(lab, rpc)

    task, holder = held_save(lab, rpc)
    lab.sh('read -r pid _ <"/var/lib/gantry/tasks/$1/lock"; kill -9 "$pid"', task)
    check("after kill -9 of the save's process libvirt is told, too",
          eventually(lambda: "told to give up" in str(rpc.call("task.log", task=task))))
    holder.communicate(b"\n")
    ended = rpc.call("task.wait", task=task)
    check("it has failed, and says what became of the guest",
          ended["state"] == "failed" and "runs on" in ended["error"], ended)
    runs_on(lab, rpc)

    done("it can be saved again", rpc, "guest.save", guest="v1")
    becomes("saved", "saved", lambda: rpc.state("v1"))
    done("discard", rpc, "guest.discard", guest="v1")


def firmware(lab, rpc):
    lab.run("virsh", "-q", "define", "/dev/stdin", input=PLAIN_EFI)
    becomes("a guest with EFI", True, lambda: rpc.guest("efi") is not None)
    shown = detail(rpc, "efi")
    same("its firmware", ("efi", "/srv/local/code.fd", "/srv/local/efi_VARS.fd"),
         (shown["firmware"], shown.get("loader"), shown.get("nvram")))
    lab.sh("echo vars >/srv/local/efi_VARS.fd")
    done("it is deleted", rpc, "guest.delete", guest="efi", confirm="efi")
    same("with its variables", "", lab.sh("ls /srv/local/efi_VARS.fd 2>/dev/null; :"))


def test(lab):
    lab.vm("v1", "--memory", 768, "--wait")
    lab.vm("v2")
    rpc = lab.rpc()
    becomes("the guest is seen", "running", lambda: rpc.state("v1"))
    without_event(lab, rpc)
    cdrom(lab, rpc)
    snapshots(lab, rpc)
    volume(lab, rpc)
    cancel_save(lab, rpc)
    done("deleted with its volume", rpc, "guest.delete", guest="v1", confirm="v1", disks=["vdb"])
    same("the volume is gone", [], lab.virsh("vol-list", "extra").split())
    firmware(lab, rpc)


lib.run(test)
