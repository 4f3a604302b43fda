"""What can happen to a cluster. Each drill breaks something while mail flows, and mends it again.

A drill gets (cluster, load, rng) and returns Outcome: between which moments the longest write gap counts, and which
nodes' clients may not have noticed. What it breaks is mended when it returns, except what has to mend itself.
"""

import dataclasses
import os
import shutil
import signal
import time

from audit import wait_for_equal_copies
from cluster import NODES

DRAIN = 0.5   # clients leave a node that is about to be broken
BEFORE, AFTER = 0.3, 2.0


@dataclasses.dataclass
class Outcome:
    begin: float
    end: float
    survivors: list


def others(n):
    return [m for m in NODES if m != n]


def some_primary(cluster, rng):
    """(node, shard): the primary of a mail shard that has accounts."""
    shard = rng.choice(sorted(set(cluster.accounts.values())))
    return cluster.primary(shard), shard


class Broken:
    """The time in which something is broken; clients keep away from `nodes`."""

    def __init__(self, load, *nodes):
        self.load, self.nodes = load, nodes

    def __enter__(self):
        self.load.avoid = set(self.nodes)
        time.sleep(DRAIN + BEFORE)
        self.begin = time.monotonic() - BEFORE
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            time.sleep(AFTER)
        self.end = time.monotonic()
        self.load.avoid = set()

    def outcome(self):
        return Outcome(self.begin, self.end, [n for n in NODES if n not in self.nodes])


def nothing(cluster, load, rng):
    """nothing breaks: the gaps that the load makes by itself"""
    with Broken(load) as broken:
        time.sleep(5)
    return broken.outcome()


def worker_killed(cluster, load, rng):
    """kill -9 of the worker of a primary"""
    n, _ = some_primary(cluster, rng)
    with Broken(load, n) as broken:
        cluster.kill_worker(n)
        time.sleep(3)
    cluster.wait_until_serving(n)
    return broken.outcome()


def node_killed(cluster, load, rng):
    """kill -9 of supervisor and worker of a primary"""
    n, _ = some_primary(cluster, rng)
    with Broken(load, n) as broken:
        cluster.kill(n)
        time.sleep(3)
        cluster.start(n)
    return broken.outcome()


def frozen(cluster, load, rng):
    """SIGSTOP of a primary for 5 s, then SIGCONT"""
    n, _ = some_primary(cluster, rng)
    with Broken(load, n) as broken:
        cluster.signal(n, signal.SIGSTOP)
        time.sleep(5)
        cluster.signal(n, signal.SIGCONT)
    return broken.outcome()


def cut_off(cluster, load, rng):
    """the cable of a primary is out for 5 s"""
    n, _ = some_primary(cluster, rng)
    with Broken(load, n) as broken:
        cluster.cut(n)
        time.sleep(5)
        cluster.heal(n)
    return broken.outcome()


def cut_from_zookeeper(cluster, load, rng):
    """a primary does not reach ZooKeeper for 15 s"""
    n, _ = some_primary(cluster, rng)
    with Broken(load) as broken:
        cluster.cut_zookeeper(n)
        time.sleep(15)
        cluster.heal(n)
    return broken.outcome()


def cut_from_one_peer(cluster, load, rng):
    """a primary and one of its backups do not reach each other for 10 s"""
    n, _ = some_primary(cluster, rng)
    peer = rng.choice(others(n))
    with Broken(load) as broken:
        cluster.cut_way(n, peer)
        cluster.cut_way(peer, n)
        time.sleep(10)
        cluster.heal(n)
        cluster.heal(peer)
    return broken.outcome()


def cut_one_way(cluster, load, rng):
    """what a primary sends to one of its backups gets lost for 10 s"""
    n, _ = some_primary(cluster, rng)
    peer = rng.choice(others(n))
    with Broken(load) as broken:
        cluster.cut_way(n, peer)
        time.sleep(10)
        cluster.heal(n)
    return broken.outcome()


def zookeeper_down(cluster, load, rng):
    """all ZooKeeper servers are down for EVERPOST_DRILL_OUTAGE seconds (60)"""
    with Broken(load) as broken:
        cluster.zookeeper.kill()
        time.sleep(float(os.environ.get("EVERPOST_DRILL_OUTAGE", 60)))
        end = time.monotonic()  # what comes after its return is another matter
        cluster.zookeeper.start()
        cluster.zookeeper.wait()
    return Outcome(broken.begin, end, list(NODES))


def one_zookeeper_lost(cluster, load, rng):
    """one of three ZooKeeper servers is killed, and comes back 10 s later"""
    i = rng.choice((1, 2, 3))
    with Broken(load) as broken:
        cluster.zookeeper.kill(i)
        time.sleep(10)
        cluster.zookeeper.start(i)
        cluster.zookeeper.wait()
    return broken.outcome()


def disk_full(cluster, load, rng):
    """the disk of one node fills up for 10 s"""
    n = rng.choice(NODES)
    if n not in cluster.disks:
        cluster.terminate(n)
        cluster.small_disk(n, 2048)
        cluster.start(n)
        wait_for_equal_copies(cluster, NODES)
    filler = cluster.data(n) + "/filler"
    with Broken(load, n) as broken:
        free = os.statvfs(cluster.data(n))
        with open(filler, "wb") as f:
            try:
                os.posix_fallocate(f.fileno(), 0, free.f_bavail * free.f_frsize - (1 << 20))
            except OSError:
                pass  # it is full now
            try:
                while True:
                    f.write(b"x" * 65536)
                    f.flush()
            except OSError:
                pass
        time.sleep(10)
        os.unlink(filler)
    if not cluster.alive(n):  # a daemon that could not go on without space
        cluster.processes.pop(n).wait()
        cluster.start(n)
    return broken.outcome()


def folder_deleted(cluster, load, rng):
    """a node comes back without one of its replicas' folders"""
    n, shard = some_primary(cluster, rng)
    with Broken(load, n) as broken:
        cluster.kill(n)
        shutil.rmtree(f"{cluster.data(n)}/shard-{shard:04}")
        cluster.start(n)
    return broken.outcome()


def everything_deleted(cluster, load, rng):
    """a node comes back with an empty disk"""
    n = rng.choice(NODES)
    with Broken(load, n) as broken:
        cluster.kill(n)
        for name in os.listdir(cluster.data(n)):
            path = f"{cluster.data(n)}/{name}"
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
        cluster.start(n)
    return broken.outcome()


def bit_flipped(cluster, load, rng):
    """a bit of a record flips on the disk of a node that is down"""
    n, shard = some_primary(cluster, rng)
    with Broken(load, n) as broken:
        cluster.kill(n)
        folder = f"{cluster.data(n)}/shard-{shard:04}/log"
        path = max((f"{folder}/{name}" for name in os.listdir(folder) if name.endswith(".seg")),
                   key=lambda p: os.stat(p).st_blocks)
        with open(path, "r+b") as f:
            # In what was written long ago, not in the tail, which a crash may have torn anyway.
            at = 4096 + rng.randrange(0, 65536)
            f.seek(at)
            byte = f.read(1)[0]
            f.seek(at)
            f.write(bytes([byte ^ (1 << rng.randrange(8))]))
        cluster.start(n)
    return broken.outcome()


def all_killed(cluster, load, rng):
    """kill -9 of all nodes at once"""
    with Broken(load, *NODES) as broken:
        cluster.kill(*NODES)
        for n in NODES:
            cluster.start(n, wait=False)
        for n in NODES:
            cluster.wait_until_serving(n)
    return broken.outcome()


def planned_switch(cluster, load, rng):
    """`everpost shard switch` of a mail shard"""
    n, shard = some_primary(cluster, rng)
    with Broken(load) as broken:
        cluster.admin(n, "shard", "switch", str(shard), "--to", str(rng.choice(others(n))))
    return broken.outcome()


# name: (drill, target of the longest write gap in ms or None)
DRILLS = {
    "nothing": (nothing, None),
    "worker-killed": (worker_killed, 100),
    "node-killed": (node_killed, 100),
    "planned-switch": (planned_switch, 50),
    "frozen": (frozen, 1000),
    "cut-off": (cut_off, 1000),
    "cut-from-zookeeper": (cut_from_zookeeper, 1000),
    "cut-from-one-peer": (cut_from_one_peer, 1000),
    "cut-one-way": (cut_one_way, 1000),
    "one-zookeeper-lost": (one_zookeeper_lost, None),
    "zookeeper-down": (zookeeper_down, None),
    "disk-full": (disk_full, None),
    "folder-deleted": (folder_deleted, None),
    "everything-deleted": (everything_deleted, None),
    "bit-flipped": (bit_flipped, None),
    "all-killed": (all_killed, None),
}
