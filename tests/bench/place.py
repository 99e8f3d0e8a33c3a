"""Where things are measured: the build, a lab of one node, the load generator."""
import os
import re
import select
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
LAB = HERE.parent / 'lab' / 'lab'
DOMAIN = """<domain type='qemu'><name>{name}</name><memory unit='MiB'>16</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='pc'>hvm</type></os>
<features><tcg><tb-cache unit='MiB'>8</tb-cache></tcg></features>
<devices><interface type='bridge'><source bridge='vmbr0'/><model type='virtio'/></interface>
<memballoon model='virtio'/></devices></domain>
"""


def say(text):
    print(f'  {text}', file=sys.stderr, flush=True)


class LoadGenerator:
    """loadgen at its socket, and when it answered what (--trace)."""

    def __init__(self, command, path, *options):
        self.times = {}
        self.process = subprocess.Popen([*command, '--socket', path, '--trace', *options],
                                        stdout=subprocess.PIPE)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.rest = ''

    def answered(self, method, seconds=5):
        """When it last answered that; only answers after forget() count."""
        end = time.monotonic() + seconds
        while method not in self.times and (left := end - time.monotonic()) > 0:
            if select.select([self.process.stdout], [], [], left)[0]:
                *lines, self.rest = (self.rest + self.process.stdout.read().decode()).split('\n')
                for name, when in (line.split() for line in lines):
                    self.times[name] = float(when)
        return self.times[method]

    def forget(self):
        self.times.clear()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


class Place:
    """build: the build directory. A lab is brought up when it is first asked for."""

    def __init__(self, build, rounds, seconds, domains, members, scratch):
        self.build = Path(build).resolve()
        self.gantry = str(self.build / 'tui' / 'gantry')
        self.rounds, self.seconds, self.domains, self.members = rounds, seconds, domains, members
        self.scratch = Path(scratch)
        self.lab_program = LAB
        self.is_up = False
        # The console's own files are not the caller's.
        os.environ.update({f'XDG_{name}_HOME': str(self.scratch / name.lower())
                           for name in ('CONFIG', 'STATE', 'CACHE')})
        os.environ.update(LAB=f'b{os.getpid()}', BUILD=str(self.build))

    def program(self, name):
        return str(self.build / 'tests' / name)

    def loadgen(self, *options):
        path = str(self.scratch / 'agent')
        generator = LoadGenerator([self.program('bench/loadgen')], path, *options)
        nodes = int(options[options.index('--nodes') + 1]) if '--nodes' in options else 1
        paths = [path] if nodes == 1 else [f'{path}.{i + 1}' for i in range(nodes)]
        end = time.monotonic() + 10
        while not all(os.path.exists(each) for each in paths) and time.monotonic() < end:
            time.sleep(0.02)
        return generator, [f'unix:{each}' for each in paths]

    # The lab

    def lab(self, *arguments, **options):
        return subprocess.run([LAB, *arguments], check=True, text=True,
                              stdout=subprocess.PIPE, **options).stdout

    def up(self):
        if not self.is_up:
            say(self.lab('up', '1').strip())
            self.is_up = True

    def down(self):
        if self.is_up:
            self.lab('down')

    def node(self, *command, **options):
        self.up()
        return self.lab('run', 'node1', *command, **options)

    def start(self, *command):
        """The same, without waiting for its end."""
        self.up()
        return subprocess.Popen([LAB, 'run', 'node1', *command], text=True,
                                stdout=subprocess.PIPE)

    def node_program(self, name):
        return f'/opt/gantry/build/tests/{name}'

    def agent(self):
        """gantryd's pid as seen from here."""
        self.up()
        return int(re.search(r'gantryd: pid (\d+), listens', self.lab('status'))[1])

    def define(self, count, prefix, start=False):
        """Domains of nothing but a processor, memory and a NIC; started, they are paused."""
        script = ['mkdir -p /tmp/domains', 'cd /tmp/domains', '{']
        for i in range(1, count + 1):
            name = f'{prefix}{i:04}'
            script.insert(2, f"cat >{name} <<'END'\n{DOMAIN.format(name=name)}END")
            script.append(f'echo define {name}')
            if start:
                script.append(f'echo start {name} --paused')
        script.append('} | virsh -q >/tmp/domains.log 2>&1')
        self.node('bash', '-s', input='\n'.join(script) + '\n')
        say(f'{count} domains {"started, paused" if start else "defined"}')
