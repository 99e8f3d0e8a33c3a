#!/usr/bin/env python3
"""test_clock.py - the clock jumps back an hour under a running agent.

The clock of a machine is one for all namespaces, so the agent alone is given another:
libfaketime, whose offset from the real time is read from a file at every call. Monotonic
time stays as it is, as it does when a real clock is set.
"""
import os
import subprocess
import time

import lib
from lib import becomes, check, done, eventually, same

LIBRARY = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"
SOCKET = "/run/other.sock"
HOUR = 3600


def sanitized(program):
    return b"__asan_init" in subprocess.run(["nm", "-D", program], capture_output=True, check=False).stdout


def jump(lab, seconds):
    lab.sh('echo "$1" >/tmp/offset.new && mv /tmp/offset.new /tmp/offset', f"{seconds:+d}")


def test(lab):
    lab.ct("c1", "--start")
    lab.sh("sed -i 's/^lxc.signal.halt.*/lxc.signal.halt = SIGWINCH/' /var/lib/lxc/c1/config")
    lab.run("tee", "/tmp/other.yaml", input=f"socket: {SOCKET}\nstate: /srv/local/other\n")
    jump(lab, 0)
    agent = lab.popen("run", "node1", "sh", "-c", 'echo $$ >/tmp/pid; exec env "$@"', "sh",
                      f"LD_PRELOAD={LIBRARY}", "FAKETIME_TIMESTAMP_FILE=/tmp/offset", "FAKETIME_NO_CACHE=1",
                      "DONT_FAKE_MONOTONIC=1", "/usr/local/bin/gantryd", "--config", "/tmp/other.yaml",
                      stderr=subprocess.DEVNULL)
    check("it starts", eventually(lambda: lab.try_run("test", "-S", SOCKET).returncode == 0))
    rpc = lab.rpc(socket=SOCKET)
    becomes("the container runs", "running", lambda: rpc.state("c1"))
    earlier = done("a task before", rpc, "guest.pause", guest="c1")
    becomes("figures come", True, lambda: rpc.guest("c1").get("cpu") is not None)

    jump(lab, -HOUR)
    task = done("the clock jumps back an hour: a task", rpc, "guest.resume", guest="c1")
    check("it has the new time", task["created"] < earlier["created"] - HOUR + 300, (earlier, task))
    same("and its effect", "RUNNING", lab.lxc_state("c1"))
    check("both are on record", {earlier["id"], task["id"]} <= {t["id"] for t in rpc.call("task.list")["tasks"]})
    begin = time.monotonic()
    late = rpc.task("guest.shutdown", guest="c1", timeout=2)
    took = time.monotonic() - begin
    check("a time limit is what it was", late["state"] == "failed" and 1.5 < took < 30, (late["state"], took))
    figures = []
    eventually(lambda: figures.append(rpc.guest("c1")) or len(figures) > 20, 5)
    rates = [g[k] for g in figures for k in ("cpu", "net_in", "net_out", "disk_read") if g.get(k) is not None]
    check("figures have neither spikes nor negative rates", rates and all(0 <= r < 1e9 for r in rates), rates)
    check("the guest's age is none of the future", all(g["started"] <= time.time() + 5 for g in figures), figures[-1])
    same("the container is not stale", None, rpc.guest("c1").get("stale_since"))
    history = rpc.call("node.history", span="hour")
    check("the history is answered", history["step"] > 0, history)
    same("nothing is wrong", [], [a for a in rpc.call("alarm.list")["alarms"] if a["severity"] == "error"])

    jump(lab, 0)
    done("and forward again: a task", rpc, "guest.stop", guest="c1")
    audit = [e["method"] for e in rpc.call("audit.list")["entries"]]
    same("the audit is in the order of what was asked", ["guest.stop", "guest.shutdown", "guest.resume", "guest.pause"],
         audit)
    lab.sh("kill -TERM $(cat /tmp/pid)")
    same("it ends cleanly", 0, agent.wait(60))


if not os.path.exists(LIBRARY):
    lib.skip("the clock jumps back", "libfaketime is not installed")
    print("1..1")
elif sanitized(os.path.join(lib.BUILD, "agent/gantryd")):
    lib.skip("the clock jumps back", "libfaketime and sanitizers do not go together")
    print("1..1")
else:
    lib.run(test)
