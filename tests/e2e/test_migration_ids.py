#!/usr/bin/env python3
"""test_migration_ids.py - an unprivileged container, whose users are mapped, moves with all that a file
can have: owners by number, modes, access lists, attributes, capabilities, hard links, holes, devices."""
import lib
from lib import becomes, check, done, same
from migration import NODES, Site, other, together

# Runs in a node; describes each file of the tree but for what a container writes anew at each start.
LOOK = r'''
import os, stat, sys
root = sys.argv[1]
links = {}
for where, directories, files in os.walk(root):
    directories.sort()
    for name in sorted(directories + files) + ([""] if where == root else []):
        path = os.path.join(where, name)
        short = os.path.relpath(path, root)
        if short.split("/")[0] in ("run", "dev", "tmp", "proc", "sys"):
            continue
        s = os.lstat(path)
        kept = {n: os.getxattr(path, n, follow_symlinks=False).hex() for n in sorted(os.listxattr(path, follow_symlinks=False))}
        special = stat.S_ISBLK(s.st_mode) or stat.S_ISCHR(s.st_mode)
        print(short, oct(s.st_mode), s.st_uid, s.st_gid, s.st_nlink if not stat.S_ISDIR(s.st_mode) else "",
              s.st_size if stat.S_ISREG(s.st_mode) else "", int(s.st_mtime), links.setdefault(s.st_ino, short),
              (os.major(s.st_rdev), os.minor(s.st_rdev)) if special else "",
              os.readlink(path) if stat.S_ISLNK(s.st_mode) else "", kept)
'''
# As in a container of mapped users: root in it is 100000. An access list for its user 42, a capability that
# holds in its namespace only, and what rsync leaves out unless it is told.
MAKE = r'''
import os, struct, sys
base = 100000
root = sys.argv[1]
for where, directories, files in os.walk(root):
    for name in directories + files + [""]:
        path = os.path.join(where, name)
        s = os.lstat(path)
        if s.st_uid < base:
            mode = s.st_mode & 0o7777
            os.chown(path, s.st_uid + base, s.st_gid + base, follow_symlinks=False)
            if not os.path.islink(path):
                os.chmod(path, mode)
os.chdir(os.path.join(root))
os.mkdir("odd")
os.chown("odd", base + 1, base + 2)
os.chmod("odd", 0o3775)
os.chdir("odd")
def put(name, data=b"x", mode=0o640, uid=base + 123, gid=base + 456):
    with open(name, "wb") as f:
        f.write(data)
    os.chown(name, uid, gid)
    os.chmod(name, mode)
put("owned")
os.link("owned", "link")
put("setuid", mode=0o4755, uid=base, gid=base)
put("of-nobody", uid=base + 65534, gid=base + 65534)
put("access")
acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *e) for e in (
    (1, 6, 0xffffffff), (2, 4, base + 42), (4, 4, 0xffffffff), (16, 4, 0xffffffff), (32, 0, 0xffffffff)))
os.setxattr("access", "system.posix_acl_access", acl)
put("attribute")
os.setxattr("attribute", "user.note", b"kept\x00whole")
put("capable", mode=0o755)
os.setxattr("capable", "security.capability", struct.pack("<IIIIII", 0x03000001, 1 << 10, 0, 0, 0, base))
with open("holes", "wb") as f:
    f.write(b"begin")
    f.seek(64 << 20)
    f.write(b"end")
os.mknod("null", 0o20666, os.makedev(1, 3))
os.mknod("disk", 0o60660, os.makedev(7, 200))
os.mkfifo("fifo")
os.symlink("/nowhere", "dangling")
os.chown("dangling", base + 7, base + 8, follow_symlinks=False)
put("name with space \xe9\n and a line".encode().decode())
'''
PATH = "/var/lib/lxc/mapped"


def python(lab, program, *words, node):
    return lab.run("/usr/bin/env", "python3", "-c", program, *words, node=node)


def state(lab, node):
    return lab.try_run("lxc-info", "-n", "mapped", "-sH", node=node).stdout.strip()


def whole(site, what, node, before):
    """The tree is as it was, and the other node has nothing of it."""
    lab = site.lab
    after = python(lab, LOOK, f"{PATH}/rootfs", node=node).splitlines()
    check(f"{what}: every file is as it was", before == after,
          "\n".join(sorted(set(before) ^ set(after))))
    same(f"{what}: the holes are holes", "yes",
         lab.sh("[ $(stat -c %b $1/rootfs/odd/holes) -lt 200 ] && echo yes", PATH, node=node))
    same(f"{what}: its directory is its root's", "100000 100000 770",
         lab.sh("stat -c '%u %g %a' $1", PATH, node=node))
    same(f"{what}: nothing is left", "", lab.try_run("ls", "-A", "/var/lib/lxc", node=other(node)).stdout)


def mapped(lab, node):
    """The ids of its first process, as this node sees them."""
    return lab.sh("cat /proc/$(lxc-info -n mapped -pH)/uid_map | tr -s ' '", node=node).strip()


def test(lab):
    together(lab)
    site = Site(lab)
    lab("guest", "node1", "ct", "mapped")
    python(lab, MAKE, f"{PATH}/rootfs", node="node1")
    lab.sh("chown 100000:100000 $1; chmod 770 $1; chmod 711 /var/lib/lxc; "
           "printf 'lxc.idmap = u 0 100000 65536\\nlxc.idmap = g 0 100000 65536\\n' >>$1/config", PATH)
    for node in NODES:
        # also where newuidmap is installed, which asks for these
        lab.sh("chmod 711 /var/lib/lxc; echo root:100000:65536 >/etc/subuid; cp /etc/subuid /etc/subgid", node=node)
    becomes("it is seen", "stopped", lambda: site.rpc["node1"].state("mapped"))
    done("it starts", site.rpc["node1"], "guest.start", guest="mapped")
    runs = state(lab, "node1") == "RUNNING"
    check("an unprivileged container runs here", runs,
          lab.try_run("tail", "-5", "/var/log/gantryd.log").stdout)
    same("its users are mapped", "0 100000 65536", mapped(lab, "node1") if runs else "")
    before = python(lab, LOOK, f"{PATH}/rootfs", node="node1").splitlines()
    check("the tree has what it is to have", len([line for line in before if line.startswith("odd/")]) > 10, before)
    done("it moves by restart", site.rpc["node1"], "guest.migrate", guest="mapped", node="node2", mode="restart")
    same("it runs there", "RUNNING", state(lab, "node2"))
    same("with its users mapped", "0 100000 65536", mapped(lab, "node2"))
    same("and root in it owns its files", "0 0", lab.sh(
        "lxc-attach -n mapped -- /bin/stat -c '%u %g' /odd/setuid", node="node2"))
    whole(site, "by restart", "node2", before)
    lab.run("lxc-stop", "-k", "-n", "mapped", node="node2")
    becomes("it is stopped", "stopped", lambda: site.rpc["node2"].state("mapped"))
    before = python(lab, LOOK, f"{PATH}/rootfs", node="node2").splitlines()
    done("it moves offline", site.rpc["node2"], "guest.migrate", guest="mapped", node="node1")
    whole(site, "offline", "node1", before)


lib.run(test, nodes=2)
