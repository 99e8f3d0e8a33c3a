"""A program in a terminal of its own, with the time at which each byte came."""
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

from process import session_nice

ESCAPES = re.compile(rb'\x1b(\[[0-9;?]*[ -/]*[@-~]|[()].|\][^\x07\x1b]*(\x07|\x1b\\)|[=>78])')
GAP = 0.004  # seconds without a byte that end a frame


def begin_session():
    """In the child: the terminal is its own, and it is as nice as its parent."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    session_nice(os.getpriority(os.PRIO_PROCESS, 0))


class Terminal:
    """Chunks of output are kept in `chunks` as (time, bytes); times are CLOCK_MONOTONIC."""

    def __init__(self, command, rows=40, columns=120, environment=None):
        self.chunks = []
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
        values = dict(os.environ, TERM='xterm-256color', LC_ALL='C.UTF-8', **(environment or {}))
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=values, start_new_session=True,
            preexec_fn=begin_session)
        os.close(slave)

    def read(self, seconds):
        """Reads once; False when nothing came in that time."""
        if not select.select([self.master], [], [], max(seconds, 0))[0]:
            return False
        try:
            data = os.read(self.master, 1 << 20)
        except OSError:  # the other side is closed
            return False
        self.chunks.append((time.monotonic(), data))
        return True

    def drain(self, seconds):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.read(left)

    def frame(self, seconds, sample=lambda: None):
        """Waits for the next frame: the times of its first and last byte, and what sample()
        said after that; or None."""
        if not self.read(seconds):
            return None
        first, sampled = self.chunks[-1][0], sample()
        while self.read(GAP):
            sampled = sample()
        return first, self.chunks[-1][0], sampled

    def wait_for(self, pattern, seconds):
        """Waits until what was written holds the pattern; the end of that frame."""
        end = time.monotonic() + seconds
        seen = 0
        while (left := end - time.monotonic()) > 0:
            frame = self.frame(left)
            # A frame's text may stand across chunks, so all since the last look.
            text = ESCAPES.sub(b' ', b''.join(data for _, data in self.chunks[seen:]))
            seen = len(self.chunks)
            if frame and re.search(pattern, text):
                return frame[1]
        raise TimeoutError(f'no {pattern!r} within {seconds} s')

    def write(self, keys):
        os.write(self.master, keys)
        return time.monotonic()

    def bytes(self):
        return sum(len(data) for _, data in self.chunks)

    def close(self):
        self.process.terminate()
        try:
            end = time.monotonic() + 5
            while self.process.poll() is None and time.monotonic() < end:
                self.read(0.05)
        finally:
            self.process.kill()
            self.process.wait()
            os.close(self.master)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
