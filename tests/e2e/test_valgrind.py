#!/usr/bin/env python3
"""test_valgrind.py - a start, some work and a stop of both programs under valgrind."""
import os
import shutil
import subprocess

import lib
from lib import becomes, check, done, same

SUPPRESSIONS = os.path.join(lib.HERE, "valgrind.supp")
VALGRIND = ("valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite "
            "--show-leak-kinds=definite --suppressions=/opt/gantry/src/tests/e2e/valgrind.supp")


def sanitized(program):
    return b"__asan_init" in subprocess.run(["nm", "-D", program], capture_output=True, check=False).stdout


def command(lab, status, *words):
    said = lab.try_run(*VALGRIND.split(), "/usr/local/bin/gantry", *words)
    check(f"gantry {' '.join(words)}", said.returncode == status and "==" not in said.stderr,
          f"status {said.returncode}: {said.stderr}")


def test(lab):
    lab.ct("c1", "--start")
    lab.vm("v1", "--start")
    rpc = lab.agent_session()
    becomes("the guests are listed", ["c1", "v1"], lambda: sorted(g["name"] for g in rpc.call("guest.list")["guests"]))
    for method, params in (("node.show", {}), ("guest.show", {"guest": "c1"}), ("guest.show", {"guest": "v1"}),
                           ("guest.definition", {"guest": "v1"}), ("storage.show", {"storage": "local"}),
                           ("link.list", {}), ("event.list", {}), ("node.history", {"span": "hour"}),
                           ("watch.open", {})):
        check(f"{method} is answered", rpc.call(method, **params) is not None)
    done("a task", rpc, "guest.pause", guest="c1")
    done("another", rpc, "guest.resume", guest="c1")
    rpc.refusal("guest.explode")
    rpc.close()
    command(lab, 0, "guest", "ls")
    command(lab, 0, "-o", "json", "guest", "show", "v1")
    command(lab, 0, "guest", "exec", "c1", "/bin/true")
    command(lab, 0, "guest", "pause", "c1")
    command(lab, 5, "guest", "start", "nobody")
    command(lab, 2, "guest", "explode")
    lab.agent_restart()
    log = lab.run("cat", "/var/log/gantryd.log")
    found = [line for line in log.splitlines() if line.startswith("==")]
    same("valgrind has nothing to say of the agent and its tasks", [], found[:60])


program = os.path.join(lib.BUILD, "agent/gantryd")
if not shutil.which("valgrind"):
    lib.skip("both programs under valgrind", "valgrind is not installed")
    print("1..1")
elif sanitized(program):
    lib.skip("both programs under valgrind", "they are built with sanitizers")
    print("1..1")
else:
    lib.run(test, wrapper=VALGRIND)
