#!/usr/bin/env python3
"""Drills: real daemons and ZooKeeper servers in network namespaces, real clients, something breaks, and everything that
was acknowledged is looked for. Prints the longest write gap of each drill.

    tests/drills/run.py                     each drill once
    tests/drills/run.py --repeat 20 frozen  the median and the maximum of 20
    tests/drills/run.py --soak 600          a random one every 20 s for 10 minutes
    tests/drills/run.py --list              which there are

Needs root (network namespaces) and the release build. EVERPOST_DRILL_KEEP=1 keeps logs and data.
"""

import argparse
import os
import random
import statistics
import sys
import time
import traceback

from audit import audit, wait_for_equal_copies
from cluster import NODES, Cluster
from drills import DRILLS
from load import Load


def say(line):
    print(line, flush=True)


class Run:
    """One cluster under load, on which drills are run one after the other."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.cluster = Cluster()
        try:
            wait_for_equal_copies(self.cluster, NODES)
            self.load = Load(self.cluster, NODES)
            time.sleep(2)
        except BaseException:
            self.cluster.close()
            raise

    def drill(self, name):
        """The longest write gap in ms."""
        act, _ = DRILLS[name]
        self.load.again()
        outcome = act(self.cluster, self.load, self.random)
        lost = self.load.lost_sessions(outcome.survivors)
        if lost:
            raise AssertionError(f"{name}: IMAP sessions on surviving nodes were lost: {lost}")
        wait_for_equal_copies_under_load(self.cluster)
        return max(self.load.gaps(outcome.begin, outcome.end).values()) * 1000

    def end(self):
        """Stops the load and looks for everything that was promised."""
        self.load.stop()
        wait_for_equal_copies(self.cluster, NODES)
        found = audit(self.cluster, self.load, NODES)
        if found == 0:
            raise AssertionError("nothing was acknowledged: nothing was audited")
        say(f"  {found} acknowledged messages: each there once, on all nodes, with its bytes, UID and flags; "
            "copies equal")

    def close(self):
        self.cluster.close()


def wait_for_equal_copies_under_load(cluster, seconds=120):
    """All copies in sync again: the next drill starts from a whole cluster."""
    deadline = time.monotonic() + seconds
    while True:
        copies = cluster.copies()
        out = [(c["shard"], c["node"]) for c in copies if not c.get("in_sync")]
        if not out and len(copies) == len(NODES) * len({c["shard"] for c in copies}):
            return
        if time.monotonic() > deadline:
            raise AssertionError(f"not all copies are in sync after {seconds} s: (shard, node) {out}")
        time.sleep(0.1)


def run_one(name, repeat, seed):
    target = DRILLS[name][1]
    say(f"{name}: {DRILLS[name][0].__doc__}")
    run = Run(seed)
    try:
        gaps = []
        for _ in range(repeat):
            gaps.append(run.drill(name))
            if repeat > 1:
                say(f"  {gaps[-1]:.0f} ms")
        run.end()
    except BaseException:
        for n in NODES:
            say(f"--- node {n}\n{run.cluster.log_tail(n)}")
        raise
    finally:
        run.close()
    median = statistics.median(gaps)
    verdict = "" if target is None else f", target {target} ms: {'met' if median <= target else 'MISSED'}"
    say(f"  longest write gap: median {median:.0f} ms, at most {max(gaps):.0f} ms of {len(gaps)}{verdict}")


def soak(seconds, seed):
    chosen = [name for name in DRILLS if name not in ("nothing", "zookeeper-down", "disk-full")]
    say(f"soak: a random fault every 20 s for {seconds} s")
    run = Run(seed)
    try:
        end, gaps = time.monotonic() + seconds, {}
        while time.monotonic() < end:
            begin = time.monotonic()
            name = run.random.choice(chosen)
            gap = run.drill(name)
            gaps.setdefault(name, []).append(gap)
            say(f"  {name}: {gap:.0f} ms")
            time.sleep(max(0.0, min(begin + 20, end) - time.monotonic()))
        run.end()
    except BaseException:
        for n in NODES:
            say(f"--- node {n}\n{run.cluster.log_tail(n)}")
        raise
    finally:
        run.close()


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("drills", nargs="*", metavar="DRILL")
    options.add_argument("--repeat", type=int, default=1)
    options.add_argument("--soak", type=float, metavar="SECONDS")
    options.add_argument("--seed", type=int, default=random.getrandbits(32))
    options.add_argument("--list", action="store_true")
    given = options.parse_args()
    if given.list:
        for name, (act, _) in DRILLS.items():
            print(f"{name:20} {act.__doc__}")
        return 0
    unknown = [name for name in given.drills if name not in DRILLS]
    if unknown:
        options.error(f"no such drill: {', '.join(unknown)}; see --list")
    if os.geteuid() != 0:
        say("drills: not run: network namespaces need root")
        return 77  # for ctest: skipped
    say(f"seed {given.seed}")
    if given.soak:
        soak(given.soak, given.seed)
        return 0
    failed = []
    for name in given.drills or DRILLS:
        try:
            run_one(name, given.repeat, given.seed)
        except (AssertionError, RuntimeError, TimeoutError, OSError):
            traceback.print_exc()
            failed.append(name)
    if failed:
        say(f"FAILED: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
