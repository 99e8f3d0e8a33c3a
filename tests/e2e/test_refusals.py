#!/usr/bin/env python3
"""test_refusals.py - what the agent refuses, to whom, in which words, and that it says so on record."""
import contextlib
import json
import time

import lib
from lib import becomes, check, done, eventually, holds, refused, same

MIB = 1 << 20
# opens argv[1] sessions on the socket at once; prints what each was told, keeps the others open
CROWD = r"""
import json, socket, sys, time
peers = []
for i in range(int(sys.argv[1])):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.connect("/run/gantry.sock")
    s.settimeout(0.3 if i > 40 else None)
    peers.append(s)
    try:
        s.sendall(b'{"jsonrpc":"2.0","id":1,"method":"hello","params":{"major":1,"minor":0}}\n')
    except OSError:
        pass
time.sleep(1)
for s in peers:
    s.settimeout(5)
    try:
        print(s.makefile().readline().strip() or "closed", flush=True)
    except OSError as e:
        print("silent", e, flush=True)
print("END", flush=True)
sys.stdin.read()
"""
# sends a message one byte a second; prints how long it was let
DRIP = r"""
import select, socket, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
s.connect("/run/gantry.sock")
s.sendall(b'{"jsonrpc":"2.0","id":1,"method":"hello","params":{"major":1,"minor":0}}\n')
s.makefile().readline()
begin = time.monotonic()
try:
    for byte in b'{"jsonrpc":"2.0","id":2,"method":"guest.list","params":{"filler":"' + b'x' * 200:
        s.sendall(bytes([byte]))
        if select.select([s], [], [], 1)[0]:
            break
except OSError:
    pass
print(round(time.monotonic() - begin, 1))
"""


def roles(lab, root):
    viewer, operator = lab.rpc(user="viewer"), lab.rpc(user="operator")
    same("who somebody is comes from the kernel", [("viewer", "viewer"), ("operator", "operator"), ("root", "admin")],
         [(r.hello["user"], r.hello["role"]) for r in (viewer, operator, root)])
    check("a viewer sees the guests", viewer.guest("c1"))
    for method in ("stop", "shutdown", "pause", "reboot"):
        refused(f"a viewer does not {method} one", "not-allowed", "needs the role operator", viewer,
                f"guest.{method}", guest="c1")
    refused("nor open its console", "not-allowed", "needs the role operator", viewer, "guest.console", guest="c1")
    refused("nor run a program in it", "not-allowed", "needs the role admin", viewer, "guest.exec", guest="c1",
            command=["true"])
    same("it runs on", "RUNNING", lab.lxc_state("c1"))
    done("an operator pauses it", operator, "guest.pause", guest="c1")
    done("and resumes it", operator, "guest.resume", guest="c1")
    refused("an operator does not delete it", "not-allowed", "needs the role admin", operator, "guest.delete",
            guest="c1", confirm="c1")
    refused("nor rename it", "not-allowed", "needs the role admin", operator, "guest.rename", guest="c1", name="c2")
    refused("nor read the audit", "not-allowed", "needs the role admin", operator, "audit.list")
    said = lab.try_run("runuser", "-u", "outsider", "--", "gantry", "-H", "local", "whoami")
    check("who is not in the group does not get in", said.returncode == 3 and "group" in said.stderr,
          f"{said.returncode} {said.stderr}")
    lab.sh("useradd -M -G gantry guest0")
    said = lab.try_run("runuser", "-u", "guest0", "--", "gantry", "-H", "local", "guest", "ls")
    check("who has no role sees nothing", said.returncode == 3 and "role" in said.stderr,
          f"{said.returncode} {said.stderr}")
    said = lab.try_run("runuser", "-u", "viewer", "--", "gantry", "guest", "stop", "c1")
    same("the command line ends with 3", 3, said.returncode)


def wrong(lab, rpc):
    refused("a parameter of the wrong type", "params", "must be a whole number", rpc, "guest.shutdown", guest="c1",
            timeout="soon")
    same("which names it", "timeout", rpc.refusal("guest.shutdown", guest="c1", timeout=True).field)
    refused("a number out of range", "params", "from 1 to", rpc, "guest.shutdown", guest="c1", timeout=0)
    refused("a word that is no choice", "params", "one of fail, stop", rpc, "guest.shutdown", guest="c1", then="pray")
    refused("a list where one word goes", "params", "must be", rpc, "guest.start", guest=["c1"])
    refused("an unknown parameter", "params", "no parameter 'force'", rpc, "guest.stop", guest="c1", force=True)
    refused("a missing one", "params", "needs the parameter 'guest'", rpc, "guest.stop")
    refused("an unknown method", "method", "no method 'guest.explode'", rpc, "guest.explode", guest="c1")
    refused("an unknown guest", "not-found", "vm/999", rpc, "guest.start", guest="vm/999")
    refused("an unknown task", "not-found", "", rpc, "task.log", task="20200101T000000.000000-node1")
    refused("an unknown stream", "not-found", "", rpc, "stream.wait", stream="0" * 32)
    same("nothing of it did anything", "RUNNING", lab.lxc_state("c1"))

    def raw(what, code, data, closes=False):
        peer = lab.rpc(hello=False)
        peer.call("hello", major=1, minor=0)
        try:
            peer.write(data)
            answer = peer.read_message(20)
            same(what, code, answer.get("error", {}).get("data", {}).get("code"))
        except (lib.Closed, BrokenPipeError):
            check(what, closes, "the session was closed")
        peer.close()
    raw("what is not JSON", "parse", b"\xff\xfe hello\n")
    raw("what is JSON but no message", "parse", b"[1,2,3]\n")
    raw("a duplicate key", "parse", b'{"jsonrpc":"2.0","id":1,"id":2,"method":"session.ping"}\n')
    raw("what is nested too deeply", "parse", b'{"jsonrpc":"2.0","id":1,"method":"session.ping","params":'
        + b"[" * 100000 + b"]" * 100000 + b"}\n")
    early = lab.rpc(hello=False)
    error = early.refusal("guest.list")
    check("before hello nothing is answered", error and "hello" in error.message, error)
    early.close()
    other = lab.rpc(hello=False)
    error = other.refusal("hello", major=9, minor=0)
    check("another major version is refused, clearly", error and error.code == "version" and
          "protocol 1" in error.message, error)
    other.close()
    newer = lab.rpc(hello=False)
    same("a newer minor version is served", 1, newer.call("hello", major=1, minor=99)["major"])
    newer.close()


def large(lab, rpc):
    peer = lab.rpc()
    filler = b'{"jsonrpc":"2.0","id":7,"method":"session.ping","params":{"filler":"'
    with contextlib.suppress(BrokenPipeError):
        peer.write(filler)
        for _ in range(20):
            peer.write(b"x" * MIB)
        peer.write(b'"}}\n')
    answer = peer.read_message(30)
    same("a message of 20 MiB is refused", "limit", answer["error"]["data"]["code"])
    same("and others are served", {}, rpc.call("session.ping"))
    peer.close()
    sizes = {int(l.split()[1]) for l in lab.sh(f"grep VmRSS /proc/{lab.agent_pid()}/status").splitlines()}
    check("without costing its memory for long", max(sizes) < 400 << 10, sizes)


def slow_begin(lab):
    return lab.popen("run", "node1", "python3", "-c", DRIP, stdin=-3, stdout=-1, text=True)


def slow_end(slow):
    taken = float(slow.communicate(timeout=120)[0])
    check("a peer that sends one byte a second is closed after 30 s", 20 < taken < 60, taken)


def crowd(lab, rpc):
    for user, limit in (("viewer", 32), ("root", 64)):
        before = lab.agent_pid()
        others = lab.popen("run", "node1", "runuser", "-u", user, "--", "python3", "-c", CROWD, "200",
                           stdin=-1, stdout=-1, text=True)
        told = []
        while (line := others.stdout.readline().strip()) != "END":
            told.append(line)
        served = [t for t in told if '"result"' in t]
        turned = [t for t in told if '"error"' in t]
        check(f"of 200 sessions of {user} not more are served than may", 0 < len(served) <= limit, len(served))
        same("the others are told why", (200 - len(served), True),
             (len(turned), all("sessions" in t and json.loads(t)["error"]["data"]["code"] == "limit" for t in turned)))
        start = time.monotonic()
        rpc.call("guest.list")
        check("who was there before is answered", time.monotonic() - start < 5)
        same("the agent lives on", before, lab.agent_pid())
        others.stdin.close()
        others.wait()
    check("then there is room again", eventually(lambda: lab.try_run("gantry", "whoami").returncode == 0, 20))


def second(lab):
    before = lab.agent_pid()
    said = lab.try_run("timeout", "20", "gantryd")
    check("a second agent is refused", said.returncode == 1 and "another agent" in said.stderr,
          f"{said.returncode} {said.stderr}")
    same("the first goes on", before, lab.agent_pid())
    same("and answers", 0, lab.try_run("gantry", "whoami").returncode)


def audit(rpc):
    entries = rpc.call("audit.list", limit=1000)["entries"]
    found = {(e["who"], e["method"], e.get("object")) for e in entries}
    for what in (("viewer", "guest.stop", "c1"), ("operator", "guest.delete", "c1")):
        check(f"on record: {what[0]} asked for {what[1]}",
              any(e[0] == what[0] and e[1] == what[1] for e in found), sorted(map(str, found)))
    refusal = next((e for e in entries if e["who"] == "viewer" and e["method"] == "guest.stop"), {})
    holds("with its result", "needs the role operator", refusal.get("result"))
    check("and when", abs(time.time() - refusal.get("time", 0)) < 900, refusal)
    wrong_type = [e for e in entries if "must be a whole number" in e["result"]]
    check("what was asked wrongly too", wrong_type and "soon" in wrong_type[0]["params"] or wrong_type, wrong_type)
    good = [e for e in entries if e["who"] == "operator" and e["method"] == "guest.pause"]
    check("what was done names its task", good and good[0]["result"].endswith("-node1"), good)
    check("reading is not on record", not any(e["method"] == "guest.list" for e in entries))


def test(lab):
    lab.ct("c1", "--start")
    rpc = lab.rpc()
    becomes("the container runs", "running", lambda: rpc.state("c1"))
    # Until then a guest that is not known may be one that is there.
    becomes("both drivers have listed their guests", [("ok", None), ("ok", None)],
            lambda: [(d["state"], d["reason"]) for d in rpc.call("node.list")["nodes"][0]["drivers"]], 60)
    slow = slow_begin(lab)
    roles(lab, rpc)
    wrong(lab, rpc)
    large(lab, rpc)
    slow_end(slow)
    crowd(lab, rpc)
    second(lab)
    audit(rpc)


lib.run(test)
