"""lib.py - what end-to-end tests in Python share. Prints TAP, as lib.sh does.

    import lib

    def test(lab):
        rpc = lab.rpc()
        ...
    lib.run(test)

run() brings a lab up, calls the function, and takes the lab down however it ended.
A check that fails is counted and the test goes on; an exception ends it as failed.
"""
import contextlib
import itertools
import json
import os
import select
import signal
import statistics
import subprocess
import sys
import time
import traceback

HERE = os.path.dirname(os.path.realpath(__file__))
LAB_COMMAND = os.path.realpath(os.path.join(HERE, "../lab/lab"))
BUILD = os.path.realpath(os.environ.get("BUILD", os.path.join(HERE, "../../build")))
os.environ["BUILD"] = BUILD
os.environ.setdefault("LAB", f"e{os.getpid()}")

SLOW = 60.0  # what must happen does so within this on the busiest machine


# ---- results ----

class Results:
    count = failed = 0
    noticed = []  # seconds, of each within()


def note(text):
    for line in str(text)[-2000:].splitlines():
        print(f"#   {line}", flush=True)


def check(what, good, found=""):
    """One thing proved, or not: then `found` says what was there instead."""
    Results.count += 1
    print(f"{'ok' if good else 'not ok'} {Results.count} - {what}", flush=True)
    if not good:
        Results.failed += 1
        note(found)
    return bool(good)


def same(what, expected, found):
    return check(what, expected == found, f"expected: {expected!r}\nfound: {found!r}")


def holds(what, word, text):
    return check(what, word in str(text), f"no {word!r} in: {text}")


def skip(what, why):
    Results.count += 1
    print(f"ok {Results.count} - {what} # SKIP {why}", flush=True)


def eventually(ask, seconds=SLOW):
    """Asks until the answer is true; the last answer, true or not."""
    end = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer or time.monotonic() > end:
            return answer
        time.sleep(0.05)


def becomes(what, expected, ask, seconds=SLOW):
    found = []

    def look():
        found[:] = [ask()]
        return found[0] == expected
    eventually(look, seconds)
    return same(what, expected, found[0])


def within(what, act, ask):
    """Noticed by itself, as a watcher sees it. One time is mostly other people's on a busy
    machine: it is noted, and the median of all is judged in the end."""
    act()
    start = time.monotonic()
    seen = eventually(ask, 20)
    took = time.monotonic() - start
    check(what, seen, f"not within {took:.2f} s")
    note(f"noticed after {took:.2f} s")
    Results.noticed.append(took)


def judge_noticed():
    if Results.noticed:
        median = statistics.median(Results.noticed)
        check("changes are noticed within a second, in the median", median < 1,
              f"{median:.2f} s, of {Results.noticed}")


# ---- the protocol ----

class Refused(Exception):
    def __init__(self, error):
        super().__init__(error.get("message"))
        self.message = error.get("message", "")
        data = error.get("data") or {}
        self.code = data.get("code")
        self.field = data.get("field")


class Closed(Exception):
    pass


class Rpc:
    """A session with an agent: `gantryd bridge` in a node, as one of its users."""

    def __init__(self, lab, node="node1", user="root", hello=True, socket="/run/gantry.sock"):
        command = ["gantryd", "bridge", "--socket", socket]
        if user != "root":
            command = ["runuser", "-u", user, "--"] + command
        self.process = subprocess.Popen([LAB_COMMAND, "run", node] + command, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        lab.closing.callback(self.close)
        self.numbers = itertools.count(1)
        self.buffer = b""
        self.answers = {}
        self.notified = []
        self.hello = self.call("hello", major=1, minor=0) if hello else None

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            with contextlib.suppress(OSError):
                stream.close()

    def write(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, method, **params):
        number = next(self.numbers)
        message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        self.write(json.dumps(message).encode() + b"\n")
        return number

    def read_message(self, seconds=SLOW):
        """The next message; Closed at the end, TimeoutError when none comes."""
        end = time.monotonic() + seconds
        while b"\n" not in self.buffer:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                raise TimeoutError(f"no message within {seconds} s")
            piece = os.read(self.process.stdout.fileno(), 1 << 20)
            if not piece:
                raise Closed("the agent closed the session")
            self.buffer += piece
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def receive(self, number, seconds=SLOW):
        end = time.monotonic() + seconds
        while number not in self.answers:
            message = self.read_message(max(0, end - time.monotonic()))
            if message.get("id"):
                self.answers[message["id"]] = message
            else:
                self.notified.append(message)
        answer = self.answers.pop(number)
        if "error" in answer:
            raise Refused(answer["error"])
        return answer["result"]

    def call(self, method, **params):
        return self.receive(self.send(method, **params))

    def refusal(self, method, **params):
        """The error that a call gets; None when it is not refused."""
        try:
            self.call(method, **params)
        except Refused as refused:
            return refused
        return None

    def task(self, method, **params):
        """Runs a task to its end; what task.wait says of it."""
        return self.call("task.wait", task=self.call(method, **params)["task"])

    def guest(self, name):
        """The guest of that name in the list, or None."""
        for guest in self.call("guest.list")["guests"]:
            if guest["name"] == name:
                return guest
        return None

    def state(self, name):
        guest = self.guest(name)
        return guest and guest["state"]


def done(what, rpc, method, **params):
    """Checks that a task ends well; what task.wait says of it, or {}."""
    try:
        task = rpc.task(method, **params)
    except Refused as refused:
        check(what, False, f"refused: {refused.message}")
        return {}
    check(what, task["state"] == "done", f"{task['state']}: {task['error']}")
    return task


def refused(what, code, words, rpc, method, **params):
    """Checks that a call, or the task that it starts, is refused with that code and those words."""
    try:
        answer = rpc.call(method, **params)
        if "task" not in answer:
            return check(what, False, f"not refused: {answer}")
        task = rpc.call("task.wait", task=answer["task"])
        return check(what, task["state"] == "failed" and words in task["error"], task)
    except Refused as error:
        return check(what, error.code == code and words in error.message,
                     f"expected {code}, {words!r}; found {error.code}: {error.message}")


# ---- the lab ----

class Lab:
    def __init__(self):
        self.closing = contextlib.ExitStack()

    def command(self, *words, **options):
        options.setdefault("text", True)
        return subprocess.run([LAB_COMMAND, *map(str, words)], stdin=options.pop("stdin", subprocess.DEVNULL)
                              if "input" not in options else None, capture_output=True, check=False, **options)

    def __call__(self, *words, **options):
        """A lab command that must succeed; what it printed."""
        ended = self.command(*words, **options)
        if ended.returncode:
            raise RuntimeError(f"lab {' '.join(map(str, words))}: {ended.stderr or ended.stdout}")
        return ended.stdout.strip()

    def run(self, *words, node="node1", **options):
        """A command in a node that must succeed; what it printed."""
        return self("run", node, *words, **options)

    def sh(self, script, *words, node="node1"):
        return self.run("sh", "-c", script, "sh", *words, node=node)

    def try_run(self, *words, node="node1", **options):
        return self.command("run", node, *words, **options)

    def popen(self, *words, **options):
        process = subprocess.Popen([LAB_COMMAND, *map(str, words)], **options)
        self.closing.callback(process.wait)
        self.closing.callback(process.kill)
        return process

    def rpc(self, node="node1", **options):
        return Rpc(self, node, **options)

    def fault(self, act, daemon, node="node1"):
        self("fault", act, node, daemon)

    def agent_pid(self, node="node1"):
        """The agent's process in its node, the one that init started; or None."""
        found = self.try_run("sh", "-c", "for p in /proc/[0-9]*; do read -r pid comm state parent rest <$p/stat; "
                             "[ \"$comm$parent\" != '(gantryd)1' ] || echo $pid; done 2>/dev/null", node=node).stdout
        return int(found.split()[0]) if found.split() else None

    def agent_restart(self, act="term", node="node1"):
        """Ends the agent; a session with the one that init starts in its place."""
        before = self.agent_pid(node)
        self.fault(act, "gantryd", node)
        eventually(lambda: self.agent_pid(node) not in (None, before))
        return self.agent_session(node)

    def agent_session(self, node="node1"):
        last = None
        end = time.monotonic() + SLOW
        while time.monotonic() < end:
            rpc = self.rpc(node, hello=False)
            try:
                rpc.hello = rpc.call("hello", major=1, minor=0)
                return rpc
            except (Closed, BrokenPipeError, TimeoutError, Refused) as error:
                last = error
                rpc.close()
                time.sleep(0.05)
        raise RuntimeError(f"the agent does not answer: {last!r}")

    # what libvirt's and LXC's own tools say

    def virsh(self, *words):
        return self.run("virsh", "-q", *words)

    def domstate(self, name):
        return self.try_run("virsh", "-q", "domstate", name).stdout.strip() or None

    def dominfo(self, name):
        lines = self.virsh("dominfo", name).splitlines()
        return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}

    def domstats(self, name, *words):
        lines = self.virsh("domstats", name, *words).splitlines()[1:]
        return dict(line.strip().split("=", 1) for line in lines)

    def lxc_state(self, name, path="/var/lib/lxc"):
        return self.try_run("lxc-info", "-P", path, "-n", name, "-sH").stdout.strip() or None

    def vm(self, name, *options):
        return self("guest", "node1", "vm", name, *options)

    def ct(self, name, *options):
        return self("guest", "node1", "ct", name, *options)


def _interrupted(number, _frame):
    raise SystemExit(128 + number)


def run(test, nodes=1, cluster=False):
    """cluster: the nodes are one, else they do not know each other."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _interrupted)
    lab = Lab()
    try:
        lab("up", *([] if cluster else ["--apart"]), nodes)
        with lab.closing:
            test(lab)
        judge_noticed()
    except BaseException:  # an interruption too: the lab must go
        check("the test came to its end", False, traceback.format_exc())
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        down = lab.command("down")
        if down.returncode:
            check("the lab goes down", False, down.stderr)
    print(f"1..{Results.count}")
    sys.exit(1 if Results.failed else 0)
