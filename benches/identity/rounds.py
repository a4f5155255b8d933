"""Runs two programs by turns and compares wall, CPU and peak memory of the whole process of each.

python3 rounds.py ROUNDS NAME=SCRIPT OTHER=SCRIPT: each a line for sh. Prints JSON: by name the medians of wall and CPU
seconds, and the largest resident set of all rounds in MiB.
"""
import json
import os
import statistics
import sys
import time

rounds = int(sys.argv[1])
racers = [racer.split("=", 1) for racer in sys.argv[2:]]
seen = {name: [] for name, _ in racers}
for n in range(rounds):
    # Who begins, alternates.
    for name, script in racers if n % 2 == 0 else racers[::-1]:
        begun = time.monotonic()
        process = os.posix_spawn("/bin/sh", ["sh", "-c", f"exec {script}"], os.environ)
        _, status, usage = os.wait4(process, 0)
        wall = time.monotonic() - begun
        if status != 0:
            sys.exit(f"{name} failed ({status}): {script}")
        seen[name].append((wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024))
        print(f"round {n + 1} {name}: {wall:.1f} s, CPU {seen[name][-1][1]:.1f} s, {seen[name][-1][2]:.0f} MiB", file=sys.stderr)
middle = lambda name, what: statistics.median(run[what] for run in seen[name])
print(json.dumps({
    name: {"wall": middle(name, 0), "cpu": middle(name, 1), "rss": max(run[2] for run in seen[name])} for name in seen
}))
