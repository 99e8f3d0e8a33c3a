"""alternate.py ROUNDS - runs commands in turns and times each of them.

Reads {"steps": [{"name", "run"}...], "after"} from standard input; `after`, if any, is run
after each step and not timed; then the machine has a moment to come to rest. Prints the seconds of all rounds by name, as JSON."""
import json
import subprocess
import sys
import time

REST = 0.3


def main():
    plan = json.load(sys.stdin)
    times = {step['name']: [] for step in plan['steps']}
    for _ in range(int(sys.argv[1])):
        for step in plan['steps']:
            begin = time.monotonic()
            subprocess.run(step['run'], check=True, stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL)
            times[step['name']].append(time.monotonic() - begin)
            if plan['after']:
                subprocess.run(plan['after'], check=True, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL)
                time.sleep(REST)
    print(json.dumps(times))


main()
