#!/usr/bin/env python3
"""test_valgrind.py - a start, some work and a stop of both programs under valgrind."""
import os
import shutil
import subprocess

import lib
from lib import becomes, check, eventually, same

VALGRIND = ("valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite "
            "--show-leak-kinds=definite").split()
SOCKET = "/run/other.sock"
CONFIG = f"""socket: {SOCKET}
state: /srv/local/other
storages:
  - name: local
    path: /var/lib/libvirt/images
"""


def sanitized(program):
    return b"__asan_init" in subprocess.run(["nm", "-D", program], capture_output=True, check=False).stdout


def reading(rpc):
    becomes("the guests are listed", ["c1", "v1"], lambda: sorted(g["name"] for g in rpc.call("guest.list")["guests"]))
    for method, params in (("node.show", {}), ("guest.show", {"guest": "c1"}), ("guest.show", {"guest": "v1"}),
                           ("guest.definition", {"guest": "v1"}), ("storage.show", {"storage": "local"}),
                           ("link.list", {}), ("event.list", {}), ("node.history", {"span": "hour"}),
                           ("guest.set", {"guest": "c1", "tags": ["a"]}), ("watch.open", {}), ("audit.list", {})):
        check(f"{method} is answered", rpc.call(method, **params) is not None)
    for method in ("guest.explode", "guest.start"):
        check(f"{method} without sense is refused", rpc.refusal(method))


def command(lab, status, *words):
    said = lab.try_run(*VALGRIND, "/usr/local/bin/gantry", "-H", "local", *words)
    check(f"gantry {' '.join(words)}", said.returncode == status and "==" not in said.stderr,
          f"status {said.returncode}: {said.stderr}")


def test(lab):
    lab.ct("c1", "--start")
    lab.vm("v1", "--start")
    lab.run("tee", "/tmp/other.yaml", input=CONFIG)
    # A second agent, so that its status is seen. It runs no task and no console: those are
    # processes of /proc/self/exe, which is valgrind's own, and are followed with pidfd_open,
    # which valgrind does not know. The sanitizer builds cover them.
    agent = lab.popen("run", "node1", "sh", "-c", 'echo $$ >/tmp/pid; exec "$@"', "sh", *VALGRIND,
                      "/usr/local/bin/gantryd", "--config", "/tmp/other.yaml", stderr=-1, text=True)
    check("it starts", eventually(lambda: lab.try_run("test", "-S", SOCKET).returncode == 0))
    rpc = lab.rpc(socket=SOCKET)
    reading(rpc)
    command(lab, 0, "guest", "ls")
    command(lab, 0, "-o", "json", "guest", "show", "v1")
    command(lab, 0, "guest", "exec", "c1", "/bin/true")
    command(lab, 0, "guest", "pause", "c1")
    command(lab, 5, "guest", "start", "nobody")
    command(lab, 2, "guest", "explode")
    lab.sh("kill -TERM $(cat /tmp/pid)")
    said = agent.communicate(timeout=120)[1]
    same("SIGTERM ends it cleanly", 0, agent.returncode)
    same("and valgrind has nothing to say", [], [line for line in said.splitlines() if line.startswith("==")][:60])


program = os.path.join(lib.BUILD, "agent/gantryd")
if not shutil.which("valgrind"):
    lib.skip("both programs under valgrind", "valgrind is not installed")
    print("1..1")
elif sanitized(program):
    lib.skip("both programs under valgrind", "they are built with sanitizers")
    print("1..1")
else:
    lib.run(test)
