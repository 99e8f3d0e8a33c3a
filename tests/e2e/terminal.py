"""terminal.py - what end-to-end tests of the full-screen console share.

Tap counts and prints results. Lab is the lab of tests/lab. Terminal is the real
console in a tmux of its own: keys go in, the screen comes out as text. Nothing here
sleeps for a time that was guessed: what is waited for is asked for again until it is
so, or PATIENCE is over.
"""
import contextlib
import difflib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.realpath(__file__))
BUILD = os.path.realpath(os.environ.get("BUILD", os.path.join(HERE, "../../build")))
LAB = os.path.join(HERE, "../lab/lab")
GANTRY = os.path.join(BUILD, "tui/gantry")
PATIENCE = float(os.environ.get("PATIENCE", "40"))
ESC = "\033"


class Failed(Exception):
    """What a check that did not hold has to say."""


def until(condition, what, patience=PATIENCE, pause=0.05):
    """Asks until the condition is true, and returns what it gave."""
    end = time.monotonic() + patience
    while not (found := condition()):
        if time.monotonic() > end:
            found = what() if callable(what) else what
            raise Failed(f"not within {patience:g} s: {found}")
        time.sleep(pause)
    return found


class Tap:
    def __init__(self):
        self.count = self.failed = 0

    @contextlib.contextmanager
    def check(self, what):
        """The body proves it, or raises Failed."""
        self.count += 1
        begun = time.monotonic()
        try:
            yield
            print(f"ok {self.count} - {what}")
        except (Failed, AssertionError, subprocess.SubprocessError, OSError) as error:
            self.failed += 1
            print(f"not ok {self.count} - {what}")
            print("\n".join("#   " + line for line in str(error).splitlines()))
        if time.monotonic() - begun > 10:
            print(f"# that took {time.monotonic() - begun:.1f} s")
        sys.stdout.flush()

    def same(self, what, expected, found):
        with self.check(what):
            if expected != found:
                raise Failed(f"expected: {expected!r}\nfound:    {found!r}")

    def end(self):
        print(f"1..{self.count}")
        return 1 if self.failed or not self.count else 0


class Lab:
    """The lab that $LAB names, up while the body runs."""

    def __init__(self, nodes):
        self.nodes = nodes

    def __enter__(self):
        self("up", "--apart", str(self.nodes))
        return self

    def __exit__(self, *_):
        subprocess.run([LAB, "down"], stdout=subprocess.DEVNULL, check=False)

    def __call__(self, *words, check=True):
        done = subprocess.run([LAB, *words], capture_output=True, text=True, check=False,
                              stdin=subprocess.DEVNULL, timeout=180)
        if check and done.returncode:
            raise Failed(f"lab {' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout.strip()

    def run(self, node, *words, check=True):
        return self("run", node, *words, check=check)

    def vm_state(self, node, name):
        return self.run(node, "virsh", "domstate", name, check=False)

    def ct_state(self, node, name):
        return self.run(node, "lxc-info", "-sH", "-n", name, check=False)


class Terminal:
    """gantry, or another command of the workstation's, in a tmux of its own.

    The console's own files are in self.home/config/gantry and self.home/state."""

    servers = 0

    def __init__(self, *words, size=(80, 24), env=None, home=None, command=None, term="tmux-256color"):
        Terminal.servers += 1
        self.socket = f"gantry-{os.getpid()}-{Terminal.servers}"
        self.own_home = home is None
        self.home = home or tempfile.mkdtemp(prefix="gantry-console.")
        self.ended = f"{self.home}/ended-{Terminal.servers}"
        self.size = size
        environment = {"LC_ALL": "C.UTF-8", "TERM": term, "XDG_CONFIG_HOME": self.home + "/config",
                       "XDG_STATE_HOME": self.home + "/state", "NO_COLOR": "", **(env or {})}
        if logs := os.environ.get("LAB_LOGS"):
            # A sanitizer's report must not be lost with the terminal.
            environment["ASAN_OPTIONS"] = f"log_path={logs}/console"
        self.command = command or [LAB, "ws", "env",
                                   *[f"{name}={value}" for name, value in environment.items()
                                     if value is not None],
                                   GANTRY, *words]

    def __enter__(self):
        self.tmux("new-session", "-d", "-s", "a", "-x", str(self.size[0]), "-y",
                  str(self.size[1]), "sh", "-c",
                  'read -r _; "$@"; echo $? >"$0.new"; mv "$0.new" "$0"', self.ended, *self.command)
        # Nothing of the program's is missed: it starts when the terminal is set up.
        self.tmux("set-option", "-g", "remain-on-exit", "on", ";", "set-option", "-g",
                  "status", "off", ";", "set-option", "-s", "escape-time", "0", ";",
                  "set-option", "-s", "set-clipboard", "on", ";", "set-option", "-g",
                  "remain-on-exit-format", "")
        self.tmux("resize-window", "-t", "a", "-x", str(self.size[0]), "-y", str(self.size[1]))
        self.tmux("send-keys", "-t", "a", "Enter")
        return self

    def __exit__(self, *_):
        self.tmux("kill-server", check=False)
        if self.own_home:
            shutil.rmtree(self.home, ignore_errors=True)

    def tmux(self, *words, check=True, stdin=None):
        done = subprocess.run(["tmux", "-L", self.socket, "-f", "/dev/null", *words], text=True,
                              capture_output=True, check=False, input=stdin)
        if check and done.returncode:
            raise Failed(f"tmux {' '.join(words)}: {done.stderr}")
        return done.stdout

    def config(self, name, text):
        """Writes a file of the console's configuration; before it starts."""
        os.makedirs(self.home + "/config/gantry", exist_ok=True)
        with open(f"{self.home}/config/gantry/{name}", "w", encoding="utf-8") as file:
            file.write(text)
        return self

    def type(self, *keys):
        """Keys as tmux names them, or text."""
        self.tmux("send-keys", "-t", "a", "--", *keys)

    def paste(self, text):
        self.tmux("load-buffer", "-", stdin=text)
        self.tmux("paste-buffer", "-p", "-t", "a")

    def screen(self):
        return self.tmux("capture-pane", "-p", "-t", "a")

    def colours(self):
        """With the escape sequences of colours and attributes."""
        return self.tmux("capture-pane", "-p", "-e", "-t", "a")

    def lines(self):
        return self.screen().split("\n")

    def line(self, text):
        """The first line with a text, or ''."""
        return next((line for line in self.lines() if text in line), "")

    def resize(self, columns, rows):
        self.tmux("resize-window", "-t", "a", "-x", str(columns), "-y", str(rows))
        self.size = (columns, rows)

    def shows(self, *patterns, patience=PATIENCE):
        """Waits until the screen matches them all; returns it."""
        wanted = [re.compile(pattern, re.M) for pattern in patterns]
        held = [""]

        def there():
            held[0] = self.screen()
            return all(pattern.search(held[0]) for pattern in wanted)
        until(there, lambda: f"{patterns}; the screen:\n{held[0].rstrip()}", patience)
        return held[0]

    def lacks(self, *patterns, patience=PATIENCE):
        """Waits until it matches none of them."""
        held = [""]

        def gone():
            held[0] = self.screen()
            return not any(re.search(pattern, held[0], re.M) for pattern in patterns)
        until(gone, lambda: f"still {patterns}; the screen:\n{held[0].rstrip()}", patience)
        return held[0]

    def go(self, key, *patterns):
        """Types, and waits for what follows."""
        self.type(*([key] if isinstance(key, str) else key))
        return self.shows(*patterns)

    def escape(self):
        """Types Esc, and waits until it has done something: a key that comes right
        behind it would make it Alt."""
        before = self.place()
        self.type("Escape")
        until(lambda: self.place() != before, lambda: "Esc did nothing:\n" + self.screen())

    def place(self):
        """Which view, what filter and marks, and whether a box is above it."""
        lines = self.lines()
        boxes = sum(line.count("┌") for line in lines)
        return boxes, re.sub(r"line \d.*", "", lines[1]), lines[2][:20], lines[-2][:20]

    def dead(self):
        """The status it ended with, or None. The shell around it writes it down: tmux loses it
        when the end of the terminal comes before that of the process."""
        with contextlib.suppress(FileNotFoundError), open(self.ended, encoding="ascii") as file:
            return int(file.read())
        return None

    def ends(self, patience=PATIENCE):
        until(lambda: self.dead() is not None, lambda: "it runs on:\n" + self.screen(), patience)
        return self.dead()

    def pid(self):
        """Of the console itself."""
        shell = int(self.tmux("display-message", "-p", "-t", "a", "#{pane_pid}"))
        return until(lambda: find_program(shell, "gantry"), "no gantry in the terminal")


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


def find_program(pid, name):
    """The process of that name among pid and its descendants, or None."""
    for one in [pid]:
        try:
            with open(f"/proc/{one}/comm", encoding="utf-8") as file:
                if file.read().strip() == name:
                    return one
        except OSError:
            pass
        for child in children(one):
            if found := find_program(child, name):
                return found
    return None


NUMBER = r"-?\d+(?:\.\d+)?"
UNIT = r"(?: ?(?:B|KiB|MiB|GiB|TiB)(?:/s)?|/s|%|[smhd])?"
MASKS = [
    (r"[⠀-⣿]+", " "),  # charts
    (r"[█▏▎▍▌▋▊▉▁▂▃▄▅▆▇▐░](?=[█▏▎▍▋▊▉▁▂▃▄▅▆▇░])[█▏▎▍▌▋▊▉▁▂▃▄▅▆▇░ ]*(\d+%)?", "BAR "),
    (r"\b\d{8}T\d{6}\.\d+", "TASK"),
    (r"type='(qemu|kvm)'", "type='TYPE'"),
    (r"\b(ext4|xfs|btrfs|overlay|tmpfs)\b", "FS"),
    (r"\b[0-9a-f]{2}(:[0-9a-f]{2}){5}\b", "MAC"),
    (r" *\bfe80::[0-9a-f:]*(?:/\d*)?…? *", " LINKLOCAL "),
    (r"\b\d\d:\d\d(:\d\d)?\b", "TIME"),
    (r"\d{4}-\d\d-\d\d", "DATE"),
    (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "UUID"),
    (r" *(?<![\d.])\d+\.\d+[\w.+]*-[\w.+-]+ *", " KERNEL "),
    (r"10\.77\.\d+\.", "10.77.N."),
    (r"fe80::\S+", "LINKLOCAL"),
    (r"\bveth\w{6}\b", "vethNNNNNN"),
    (rf"(?<![\w/.#])(?:{NUMBER}{UNIT})(?![\w/.:])", "#"),
    (r"(?<=[ │])-(?=[ │]|$)", "#"),  # not known
    (r"[ \t]*#[ \t]*(?:#[ \t]*)*", " # "),
    (r"(?<=│)[smhd]$", "#"),  # the end of a time beside a box
    (r"[ \t]+$", ""),
]


def mask(screen):
    """The screen without what moves: clock, figures, charts, addresses."""
    lines = []
    for line in screen.rstrip("\n").split("\n"):
        for pattern, text in MASKS:
            line = re.sub(pattern, text, line)
        lines.append(line)
    return "\n".join(lines) + "\n"


def golden(name, screen):
    """Compares with screens/NAME.txt; REGOLD=1 writes it anew."""
    path = os.path.join(HERE, "screens", name + ".txt")
    found = mask(screen)
    if os.environ.get("REGOLD"):
        with open(path, "w", encoding="utf-8") as file:
            file.write(found)
    with open(path, encoding="utf-8") as file:
        expected = file.read()
    if expected != found:
        raise Failed("\n".join(difflib.unified_diff(expected.split("\n"), found.split("\n"),
                                                    name + ".txt", "the screen", lineterm="")))
