"""The full-screen console beside htop."""
import os
import re
import signal
import subprocess
import time

from place import LoadGenerator
from process import cpu_seconds, median, percentile, resident
from table import Row
from terminal import Terminal

GUEST = rb'(web|db|cache|mail|build|proxy)\d{3}'


def htop_first():
    with Terminal(['htop']) as terminal:
        terminal.frame(5)
        return terminal.chunks[0][0] - terminal.began


def console_first(command, generator):
    """Seconds from start to the first byte, to the frame with guests, and from the
    session (the agent's answer to hello) to that frame."""
    generator.forget()
    with Terminal(command) as terminal:
        rows = terminal.wait_for(GUEST, 10)
        session = generator.answered('hello')
        return (terminal.chunks[0][0] - terminal.began, rows - terminal.began, rows - session)


def first_frame(place):
    """First frame"""
    local, peer, remote = [], [], []
    generator, targets = place.loadgen('--guests', '30')
    with generator:
        for _ in range(place.rounds):
            local.append(console_first([place.gantry, *targets], generator))
            peer.append(htop_first())
    # The bridge finds the agent's socket in its configuration: the load generator's now.
    place.up()
    place.node('sed', '-i', '1i socket: /run/bench.sock', '/etc/gantry/gantryd.yaml')
    try:
        command = [str(place.lab_program), 'run', 'node1', place.node_program('bench/loadgen')]
        with LoadGenerator(command, '/run/bench.sock', '--guests', '30') as generator:
            for _ in range(place.rounds):
                remote.append(console_first(
                    [str(place.lab_program), 'ws', place.gantry, 'node1'], generator))
                peer.append(htop_first())
    finally:
        place.node('sed', '-i', '/^socket:/d', '/etc/gantry/gantryd.yaml')
    htop = median(peer) * 1000
    rows = [[median(column) * 1000 for column in zip(*values)] for values in (local, remote)]
    name = "htop's first byte"
    return [
        Row('session up to first frame, Unix socket', 'ms', rows[0][2], None, name, htop, 1),
        Row('session up to first frame, SSH', 'ms', rows[1][2], None, name, htop, 1),
        Row('start to first byte', 'ms', rows[0][0], None, name, htop),
        Row('start to first frame with guests, Unix socket', 'ms', rows[0][1], None, name, htop),
    ]


def count_writes(terminal, seconds):
    """Writes to the terminal a frame, and how many frames there were: writes that are
    less than 2 ms apart count as one."""
    tracer = subprocess.Popen(['strace', '-ttt', '-y', '-e', 'trace=write,writev', '-p',
                               str(terminal.process.pid)], stderr=subprocess.PIPE, text=True)
    terminal.drain(seconds)
    tracer.send_signal(signal.SIGINT)
    times = [float(line.split()[0]) for line in tracer.communicate()[1].splitlines()
             if re.search(r'write(v)?\(\d+</dev/pts', line)]
    frames = sum(1 for i, when in enumerate(times) if i == 0 or when - times[i - 1] > 0.002)
    return len(times) / max(frames, 1), frames


def watch_round(command, keys, seconds):
    """Bytes and processor time a second of the console and of htop, in the same seconds."""
    with Terminal(command) as ours, Terminal(['htop']) as theirs:
        ours.wait_for(GUEST, 10)
        ours.write(keys)
        ours.drain(1.5)
        theirs.drain(1.5)
        both = (ours, theirs)
        begin, before = time.monotonic(), [(cpu_seconds(t.process.pid), t.bytes()) for t in both]
        while (now := time.monotonic()) < begin + seconds:
            for terminal in both:
                terminal.read(0.01)
        figures = [((cpu_seconds(t.process.pid) - cpu) / (now - begin),
                    (t.bytes() - count) / (now - begin)) for t, (cpu, count) in zip(both, before)]
        return figures, count_writes(ours, 6)


def watching(place):
    """Watching 3 nodes and 30 guests"""
    generator, targets = place.loadgen('--nodes', '3', '--guests', '30')
    rows = []
    with generator:
        for name, keys in (('guest table', b'2'), ('dashboard', b'1')):
            (ours, theirs), (per_frame, frames) = watch_round(
                [place.gantry, *targets], keys, place.seconds)
            what = f'watching 30 guests, {name}'
            rows += [
                Row(f'{what}: output', 'B/s', ours[1], 2000, 'htop', theirs[1]),
                Row(f'{what}: writes a frame', '', per_frame, 1, note=f'{frames} frames'),
                Row(f'{what}: processor', 'ms/s', ours[0] * 1000, None, 'htop',
                    theirs[0] * 1000, 1),
            ]
    return rows


# Keys that ask for work on all rows, in the guest table; each is one measurement. Escape is
# pressed, but not counted: a terminal's user waits 25 ms for it, in case it begins a sequence.
# The last sort is by a figure that changes (cpu), and stays for the keys after it.
ESCAPE, UP, DOWN = b'\x1b', b'\x1b[A', b'\x1b[B'
KEYS = {
    'sort': [b's', DOWN, b'\r', b'r', b'r', b's', *[DOWN] * 3, b'\r', b'r', b's', *[DOWN] * 4,
             b'\r', b'r'],
    'filter': [b'/', b'w', b'e', b'b', b'1', b'\x7f', b'\r', ESCAPE, b'/', b'c', b'p', b'u',
               b'>', b'5', b'0', b'\r', ESCAPE],
    'page': [b'\x1b[6~'] * 6 + [b'G', b'\x1b[5~', b'\x1b[5~', b'g', b'j', b'j', b'k'],
    'mark': [b' ', b'j', b' ', b'v', b'\x1b[6~', b'\x1b[6~', b'v', b'v', b'G', b'v', b'*', b'U',
             b'g'],
}


ECHO = ['sh', '-c', 'stty raw -echo; exec cat']


def press(terminal, key):
    """Seconds from a key to the last byte of its frame, and of processor time; None for a
    key that changed nothing."""
    def used():
        return cpu_seconds(terminal.process.pid)
    terminal.drain(0.04)
    before, sent = used(), terminal.write(key)
    frame = terminal.frame(0.1, used)
    return frame and (frame[1] - sent, frame[2] - before)


def press_all(ours, theirs, echo, rounds):
    """What press() says of each key, and the key, by the name of its group; of an arrow in
    htop; and of a letter that comes back."""
    times, peer, echoes = {name: [] for name in KEYS}, [], []
    for _ in range(rounds):
        for name, keys in KEYS.items():
            for i, key in enumerate(keys):
                taken = press(ours, key)
                if taken and key != ESCAPE:
                    times[name].append((*taken, key))
                if taken := press(theirs, UP if i % 2 else DOWN):
                    peer.append(taken)
                if taken := press(echo, b'x'):
                    echoes.append(taken)
    return times, peer, echoes


def within(measured, what=0):
    """Milliseconds that 99 of 100 take at most."""
    return percentile([each[what] for each in measured], .99) * 1000


def many(place):
    """10,000 guests"""
    generator, targets = place.loadgen('--nodes', '3', '--guests', '10000', '--share', '10')
    size = {'rows': 60, 'columns': 200}
    with generator, Terminal([place.gantry, *targets], **size) as ours, \
            Terminal(['htop'], **size) as theirs, Terminal(ECHO) as echo:
        ours.wait_for(GUEST, 20)
        ours.write(b'2')
        ours.drain(4)
        times, peer, echoes = press_all(ours, theirs, echo, max(place.rounds // 2, 2))
        memory = resident(ours.process.pid)
    every = sum(times.values(), [])
    slowest = [max(every, key=lambda each, i=i: each[i]) for i in (0, 1)]
    name = 'htop, an arrow'
    rows = [
        Row('10,000 guests, 99 of 100 keys within', 'ms', within(every), 10, name, within(peer),
            note=f'{len(every)} keys; 10% of the guests change each second; the slowest: '
                 f'{slowest[0][2]!a} {slowest[0][0] * 1000:.1f}'),
        Row('  of that the machine: an echo', 'ms', within(echoes),
            note='a letter that cat gives back; more than 1: others are busy'),
        Row('  processor time', 'ms', within(every, 1), 10, name, within(peer, 1),
            note=f'the slowest: {slowest[1][2]!a} {slowest[1][1] * 1000:.1f}')]
    for kind, each in times.items():
        rows.append(Row(f'  {kind}, 99 of 100 within', 'ms', within(each),
                        note=f'median {median([wall for wall, _, _ in each]) * 1000:.1f}, '
                             f'processor {within(each, 1):.1f}'))
    rows.append(Row('10,000 guests, resident memory', 'MiB', memory / 2**20, 24))
    return rows


GROUPS = {'first-frame': first_frame, 'watching': watching, 'many': many}
