#!/usr/bin/env python3
"""answer.py - runs a command on a terminal of its own and types answers.

    answer.py [PATTERN ANSWER]... -- COMMAND...

Each pattern (a regular expression) is waited for in what the command prints; its
answer is then typed with a newline, in the order given. Prints all that the
command printed and ends with its status; 99 when a pattern never came.
"""
import os
import pty
import re
import select
import sys
import time

LIMIT = 30.0


def main():
    cut = sys.argv.index("--")
    words = sys.argv[1:cut]
    steps = list(zip(words[0::2], words[1::2]))
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(sys.argv[cut + 1], sys.argv[cut + 1:])
    printed, seen, end = "", 0, time.monotonic() + LIMIT
    while time.monotonic() < end:
        if not select.select([terminal], [], [], 0.5)[0]:
            continue
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            break
        if not piece:
            break
        printed += piece.decode("utf-8", "replace")
        while steps and (found := re.search(steps[0][0], printed[seen:])):
            seen += found.end()
            os.write(terminal, (steps.pop(0)[1] + "\n").encode())
    else:
        os.kill(pid, 9)
    sys.stdout.write(printed)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    sys.exit(99 if steps and status == 0 else status)


main()
