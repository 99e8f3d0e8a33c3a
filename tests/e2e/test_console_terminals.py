#!/usr/bin/env python3
"""The console in many terminals: types, character sets, sizes, terminals that stop
reading, that are slow and that go away."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

from terminal import GANTRY, LAB, Failed, Lab, Tap, Terminal, find_program, until

tap = Tap()


class Line:
    """gantry on a pty that the test reads, or does not."""

    def __init__(self, *words, size=(80, 24), env=()):
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
            os.execv(LAB, [LAB, "ws", "env", "LC_ALL=C.UTF-8", "TERM=xterm-256color",
                           "XDG_STATE_HOME=/nonexistent", *env, GANTRY, *words])
        os.set_blocking(self.master, False)
        self.output = b""

    def read(self, most=65536):
        if select.select([self.master], [], [], 0.05)[0]:
            try:
                self.output += os.read(self.master, most)
            except OSError:
                return False
        return True

    def until(self, text):
        begin = len(self.output)
        until(lambda: self.read() and text in self.output[begin:],
              lambda: f"no {text!r} in {self.output[-3000:]!r}", pause=0)

    def type(self, text):
        os.write(self.master, text)

    def resize(self, columns, rows):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def ended(self):
        """Waits for its end and returns the status."""
        end = time.monotonic() + 40
        while time.monotonic() < end:
            pid, found = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return found
            time.sleep(0.05)
        os.kill(self.pid, signal.SIGKILL)
        raise Failed("it runs on")


def types():
    for term in ["xterm-256color", "screen", "tmux", "tmux-256color", "linux", "vt100"]:
        with tap.check(f"TERM={term}"), Terminal("node1", term=term) as console:
            console.shows("^ node1", "1/1 node", "^ Dashboard")
            console.go("2", "^ Guests", "web1")
            console.go("a", "send an NMI")
            console.escape()
            console.shows("q quit")
            console.type("q")
            if console.ends() != 0 or "q quit" in console.screen():
                raise Failed(console.screen())
    with tap.check("an unknown TERM is refused with advice"):
        with Terminal("node1", term="no-such-terminal") as console:
            if console.ends() == 0 or "TERM=xterm" not in console.screen():
                raise Failed(console.screen())
    with tap.check("no terminal at all is refused with advice"):
        with Terminal(command=["sh", "-c", f"TERM=xterm {LAB} ws {GANTRY} node1 </dev/null | cat"]) as console:
            console.shows("--plain")


def sets():
    for what, words, env in [("--ascii", ["--ascii"], {}), ("LC_ALL=C", [], {"LC_ALL": "C"})]:
        with tap.check(f"{what} draws with ASCII only"), Terminal(*words, "node1", env=env) as console:
            console.shows("1/1 node", "web1")
            for key in ["1", "2", "3", "5", "?"]:
                console.type(key)
                console.shows(r"\S")
                if strange := re.findall(r"[^\x00-\x7f]", console.screen()):
                    raise Failed(f"{strange}\n{console.screen()}")
    with tap.check("NO_COLOR: no colour, but what is chosen stands out"):
        with Terminal("node1", env={"NO_COLOR": "1"}) as console:
            console.shows("1/1 node", "web1")
            console.go("2", "^ Guests")
            console.go("a", "send an NMI")
            text = console.colours()
            if re.search(r"\033\[[0-9;]*(3[0-8]|4[0-8]|9[0-7]|10[0-7])[;m]", text):
                raise Failed(repr(text))
            if not re.search(r"\033\[[0-9;]*7m", text):
                raise Failed("nothing is reversed: " + repr(text))


def sizes():
    with Terminal("node1") as console:
        with tap.check("too small a terminal says so, and back again"):
            console.shows("1/1 node", "web1")
            console.resize(20, 5)
            console.lacks("Dashboard")
            console.shows(r"(?i)small|larger|at least|needs")
            console.resize(100, 30)
            console.shows("^ Dashboard", "web1")
        with tap.check("every size draws to its edges"):
            console.type("2")
            for columns, rows in [(80, 24), (133, 50), (60, 16), (300, 100), (80, 24)]:
                console.resize(columns, rows)
                console.shows(r"^ Guests")
                until(lambda: console.lines()[rows - 1].strip(), console.screen)
                until(lambda: re.search(r":\d\d *$", console.lines()[0]), console.screen)


def losses():
    line = Line("node1")
    with tap.check("a terminal that goes away ends it, and leaves nothing"):
        line.until(b"web1")
        program = until(lambda: find_program(line.pid, "gantry"), "no gantry")
        os.close(line.master)
        line.ended()
        until(lambda: not os.path.exists(f"/proc/{program}"), "gantry is there still", 5)
    for name in ["TERM", "HUP", "INT"]:
        with tap.check(f"SIG{name} ends it and gives the terminal back"):
            line = Line("node1")
            line.until(b"web1")
            os.kill(until(lambda: find_program(line.pid, "gantry"), "no gantry"),
                    getattr(signal, "SIG" + name))
            line.until(b"\033[?1049l")
            line.ended()
            os.close(line.master)


def stalls(lab):
    line = Line("node1", size=(200, 60))
    with tap.check("a terminal that does not read does not stop it"):
        line.until(b"web1")
        for step in range(60):  # more than any buffer holds
            line.type(b"\x0c" + b"2135"[step % 4:step % 4 + 1])
            time.sleep(0.02)
        line.type(b"2g")
        line.type(b"j")
        line.type(b"a")
        line.type(b"s")
        until(lambda: lab.ct_state("node1", "cache") == "RUNNING", "the key did nothing")
    with tap.check("and all is drawn anew when it reads again"):
        line.until(b"cache")
        line.type(b"\x0c")
        line.until(b"Guests")
        line.type(b"q")
        line.until(b"\033[?1049l")
        if line.ended() != 0:
            raise Failed("a bad status")
        os.close(line.master)
    with tap.check("it ends at once though nobody reads"):
        line = Line("node1", size=(200, 60))
        line.until(b"web1")
        for step in range(60):
            line.type(b"\x0c" + b"2135"[step % 4:step % 4 + 1])
            time.sleep(0.02)
        line.type(b"q")
        line.ended()
        os.close(line.master)
    with tap.check("a slow serial line, vt100, 9600 baud"):
        line = Line("node1", env=["TERM=vt100", "LC_ALL=C"])
        begin = time.monotonic()
        while b"web1" not in line.output and time.monotonic() < begin + 40:
            line.read(96)
            time.sleep(0.1)
        line.type(b"2")
        mark = len(line.output)
        while b"Guests" not in line.output[mark:] and time.monotonic() < begin + 60:
            line.read(96)
            time.sleep(0.1)
        if b"Guests" not in line.output[mark:]:
            raise Failed(repr(line.output[-2000:]))
        line.type(b"q")
        until(lambda: not line.read() or os.waitpid(line.pid, os.WNOHANG)[0], "it runs on")
        os.close(line.master)


def main():
    with Lab(1) as lab:
        lab("guest", "node1", "vm", "web1", "--start")
        lab("guest", "node1", "ct", "cache")
        types()
        sets()
        sizes()
        losses()
        stalls(lab)
    return tap.end()


sys.exit(main())
