#!/usr/bin/env python3
"""test_consoles.py - consoles, shells and programs of guests, by the command line on a real terminal."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

import lib
from lib import becomes, check, eventually, holds, same


class Terminal:
    """A command of the lab on a terminal of its own."""

    def __init__(self, lab, *words, rows=30, columns=100):
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.execv(lib.LAB_COMMAND, [lib.LAB_COMMAND, *words])
        self.status = None
        self.seen = ""
        self.resize(rows, columns)
        # before the program touches it
        self.before = termios.tcgetattr(self.master)
        lab.closing.callback(self.end)

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, seconds=0.2):
        if select.select([self.master], [], [], seconds)[0]:
            try:
                self.seen += os.read(self.master, 65536).decode("utf-8", "replace")
            except OSError:
                return False
        return True

    def type(self, text):
        os.write(self.master, text.encode())

    def expect(self, pattern, seconds=lib.SLOW):
        """What comes up to the pattern and with it; None when it does not come."""
        end = time.monotonic() + seconds
        while True:
            found = re.search(pattern, self.seen)
            if found:
                text, self.seen = self.seen[:found.end()], self.seen[found.end():]
                return text
            if time.monotonic() > end or not self.read():
                self.read(0)
                if not re.search(pattern, self.seen):
                    return None

    def ended(self, seconds=lib.SLOW):
        """Its exit status, or None when it does not end."""
        end = time.monotonic() + seconds
        while self.status is None and time.monotonic() < end:
            self.read(0.05)
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status

    def is_raw(self):
        return not termios.tcgetattr(self.master)[3] & (termios.ICANON | termios.ECHO)

    def end(self):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.master)


def console(lab, guest, *options, user="root", **size):
    target = "node1" if user == "root" else f"{user}@node1"
    return Terminal(lab, "gantry", "-H", target, "guest", "console", guest, *options, **size)


def leave(what, terminal):
    terminal.type("\x1d")
    same(f"{what}: Ctrl-] leaves", 0, terminal.ended())
    check(f"{what}: and the terminal is as it was", termios.tcgetattr(terminal.master)[:4] == terminal.before[:4],
          f"{terminal.before[:4]} {termios.tcgetattr(terminal.master)[:4]}")


def of_a_vm(lab):
    terminal = console(lab, "vm/100")
    check("a VM's console opens", terminal.expect("Ctrl-] leaves"), terminal.seen)
    terminal.type("\n")
    check("it shows the serial port", terminal.expect("# "), terminal.seen)
    check("the terminal is raw", terminal.is_raw())
    terminal.type("echo $((6*7))seven\n")
    check("it takes input", terminal.expect("42seven"), terminal.seen)

    # two people
    second = console(lab, "vm/100", user="operator")
    text = second.expect("in use by root")
    check("a second person is refused, by the name of the first", text, second.seen)
    same("with status 1", 1, second.ended())
    second = console(lab, "vm/100", "--take", user="operator")
    check("or takes it over", second.expect("Ctrl-] leaves"), second.seen)
    check("which the first is told", terminal.expect("operator has taken this console over"), terminal.seen)
    check("and ends", terminal.ended() is not None)
    check("the first's terminal is as it was", not terminal.is_raw())
    second.type("\necho took$((1+1))\n")
    check("the second has it", second.expect("took2"), second.seen)
    leave("a VM", second)

    said = lab.command("gantry", "-H", "viewer@node1", "guest", "console", "vm/100")
    same("without a terminal there is none", 2, said.returncode)
    refused = console(lab, "vm/100", user="viewer")
    same("a viewer has no console", 3, refused.ended())


def of_a_container(lab):
    terminal = console(lab, "c1")
    check("a container's console opens", terminal.expect("Ctrl-] leaves"), terminal.seen)
    terminal.type("\n")
    terminal.expect("# ")
    terminal.type("hostname; echo $((6*7))\n")
    check("it shows and takes", terminal.expect("c1\r\n42"), terminal.seen)
    leave("a container", terminal)

    shell = console(lab, "c1", "--what", "shell", rows=33, columns=111)
    check("a shell opens beside it", shell.expect("# "), shell.seen)
    shell.type("stty size\n")
    check("with the terminal's size", shell.expect("33 111"), shell.seen)
    shell.resize(44, 99)

    def resized():
        shell.type("stty size\n")
        return shell.expect("44 99", 1)
    check("a change of which reaches it", eventually(resized, 20), shell.seen)
    shell.type("exit\n")
    same("its end ends the command", 0, shell.ended())
    check("and restores the terminal", not shell.is_raw())

    # a terminal that disappears
    lost = console(lab, "c1", "--what", "shell")
    lost.expect("# ")
    lost.type("sleep 4321\n")
    eventually(lambda: lab.try_run("pgrep", "-f", "sleep 4321").returncode == 0)
    os.kill(lost.pid, signal.SIGHUP)
    check("when the terminal goes, so does the shell",
          eventually(lambda: lab.try_run("pgrep", "-f", "^sleep 4321").returncode != 0, 20))


def programs(lab):
    for guest in ("c1", "v1"):
        for script, status, output in (("echo out; exit 0", 0, "out\n"), ("exit 7", 7, ""),
                                       ("kill -9 $$", 137, "")):
            said = lab.command("gantry", "-H", "node1", "guest", "exec", guest, "/bin/sh", "-c", script)
            same(f"{guest}: exec '{script}'", (status, output), (said.returncode, said.stdout))
    said = lab.command("gantry", "-H", "node1", "guest", "exec", "c1", "/bin/cat", input="through\n")
    same("a program in a container reads", (0, "through\n"), (said.returncode, said.stdout))
    said = lab.command("gantry", "-H", "node1", "guest", "exec", "c1", "/bin/no-such-program")
    check("a program that is not there", said.returncode not in (0, 2), said.returncode)
    said = lab.command("gantry", "-H", "node1", "guest", "exec", "--timeout", "1", "c1", "/bin/sleep", "30")
    check("one that takes too long is given up", said.returncode == 1 and "1 s" in said.stderr,
          f"{said.returncode} {said.stderr}")


def test(lab):
    lab.vm("v1", "--wait")
    lab.ct("c1", "--wait")
    rpc = lab.rpc()
    becomes("the guest agent is seen", True, lambda: bool((rpc.guest("v1") or {}).get("agent")))
    becomes("the container runs", "running", lambda: rpc.state("c1"))
    holds("the VM is vm/100", "vm/100", rpc.guest("v1")["id"])
    of_a_vm(lab)
    of_a_container(lab)
    programs(lab)


lib.run(test)
