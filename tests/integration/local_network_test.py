"""The network between the nodes of `everpost local`, the process alone, with sockets that stand for the nodes: what
is cut waits and is not closed, and goes on when it is healed.
"""

import contextlib
import hashlib
import json
import os
import random
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import unittest

from harness import program

WAIT = 30  # for what takes milliseconds


class Network:
    """Two nodes and a ZooKeeper server, which are sockets of the test."""

    def __init__(self):
        self.stack = contextlib.ExitStack()
        self.dir = tempfile.mkdtemp(prefix="everpost-network-")
        self.stack.callback(shutil.rmtree, self.dir, ignore_errors=True)
        try:
            self._listen()
            with open(self.dir + "/local.json", "w") as f:
                json.dump({"format": 1, "domain": "x", "base_port": self.base, "zookeepers": [{"id": 1}],
                           "nodes": [{"id": 1, "ports": {}}, {"id": 2, "ports": {}}]}, f)
            self.process = subprocess.Popen([program("everpost"), "local", "network", "--dir", self.dir],
                                            stderr=subprocess.DEVNULL)
            self.stack.callback(self.process.wait, 30)
            self.stack.callback(self.process.terminate)
            deadline = time.monotonic() + WAIT
            while True:
                try:
                    self.tell("list")
                    break
                except OSError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.02)
        except BaseException:
            self.close()
            raise

    def _listen(self):
        for _ in range(100):
            self.base = random.randrange(8000, 30000)
            with contextlib.ExitStack() as tried:
                try:
                    def bind(address, port):
                        s = tried.enter_context(socket.socket())
                        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                        s.bind((address, port))
                        s.settimeout(WAIT)
                        return s
                    for port in (421, 431, 1421, 1431):  # the process will listen there
                        bind("127.0.0.1", self.base + port).close()
                    self.listeners = {1: bind("127.0.1.1", self.base + 420), 2: bind("127.0.1.2", self.base + 1420),
                                      "zookeeper": bind("127.0.0.1", self.base + 218)}
                except OSError:
                    continue
                for listener in self.listeners.values():
                    listener.listen(64)
                self.stack.enter_context(tried.pop_all())
                return
        raise AssertionError("no free ports")

    def tell(self, command):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(WAIT)
            s.connect(self.dir + "/network.sock")
            s.sendall(command.encode() + b"\n")
            answer = s.makefile().read()
        if not answer.startswith("ok "):
            raise AssertionError(answer)
        return answer[3:].strip()

    def dial(self, source, target):
        """What node `source` gets when it connects to a node or to ZooKeeper."""
        port = self.base + (431 + 1000 * (source - 1) if target == "zookeeper" else 421 + 1000 * (target - 1))
        s = self.stack.enter_context(socket.create_connection(
            ("127.0.0.1", port), timeout=WAIT, source_address=(f"127.0.1.{source}", 0)))
        return s

    def connect(self, source, target):
        """Both ends of a connection."""
        dialled = self.dial(source, target)
        accepted, _ = self.listeners[target].accept()
        accepted.settimeout(WAIT)
        return dialled, self.stack.enter_context(accepted)

    def close(self):
        self.stack.close()


def arrives(sender, receiver, text):
    sender.sendall(text)
    got = b""
    while len(got) < len(text):
        got += receiver.recv(len(text) - len(got)) or b"(closed)"
    return got == text


def silent(receiver, seconds=0.3):
    receiver.settimeout(seconds)
    try:
        receiver.recv(1)
        return False
    except TimeoutError:
        return True
    finally:
        receiver.settimeout(WAIT)


def digest_of_stream(receiver, result, pause=0):
    digest = hashlib.sha256()
    while chunk := receiver.recv(1 << 20):
        digest.update(chunk)
        time.sleep(pause)
    result.append(digest.digest())


class LocalNetworkTest(unittest.TestCase):
    def setUp(self):
        self.network = Network()
        self.addCleanup(self.network.close)

    def test_bytes_and_ends_pass_both_ways(self):
        for target in (2, "zookeeper"):
            one, other = self.network.connect(1, target)
            self.assertTrue(arrives(one, other, b"ping"))
            self.assertTrue(arrives(other, one, b"pong"))
            one.shutdown(socket.SHUT_WR)
            self.assertEqual(other.recv(1), b"")
            self.assertTrue(arrives(other, one, b"the last word"))
            other.close()
            self.assertEqual(one.recv(1), b"")

    def test_much_passes_unchanged_also_to_a_slow_reader(self):
        for size, pause in ((300 << 20, 0), (20 << 20, 0.01)):
            one, other = self.network.connect(1, 2)
            result = []
            reader = threading.Thread(target=digest_of_stream, args=(other, result, pause))
            reader.start()
            block = os.urandom(1 << 20)
            digest = hashlib.sha256()
            began = time.monotonic()
            for _ in range(size >> 20):
                one.sendall(block)
                digest.update(block)
            one.close()
            reader.join(WAIT * 4)
            self.assertEqual(result, [digest.digest()])
            if not pause:
                print(f"{size / 1e6 / (time.monotonic() - began):.0f} MB/s, digests included")

    def test_what_is_cut_waits_and_nobody_is_told(self):
        one, other = self.network.connect(1, 2)
        back, forth = self.network.connect(2, 1)
        self.assertTrue(arrives(one, other, b"before"))
        self.assertEqual(self.network.tell("cut 1>2 2>1"), "1>2 2>1")
        one.sendall(b"from one")
        other.sendall(b"from two")
        back.close()  # the end does not get through either
        for end in (one, other, forth):
            self.assertTrue(silent(end))
        zookeeper = self.network.connect(1, "zookeeper")
        self.assertTrue(arrives(*zookeeper, b"not cut"))
        self.assertEqual(self.network.tell("heal 1"), "")
        self.assertEqual(other.recv(100), b"from one")
        self.assertEqual(one.recv(100), b"from two")
        self.assertEqual(forth.recv(1), b"")
        self.assertTrue(arrives(one, other, b"after"))

    def test_one_way(self):
        one, other = self.network.connect(1, 2)
        self.network.tell("cut 1>2")
        one.sendall(b"lost")
        self.assertTrue(silent(other))
        self.assertTrue(arrives(other, one, b"heard"))
        self.network.tell("heal")
        self.assertEqual(other.recv(100), b"lost")

    def test_a_connection_made_meanwhile_leads_nowhere_and_is_closed(self):
        for command, source, target in (("cut 1>2", 1, 2), ("cut 1>2", 2, 1), ("cut 1>zookeeper", 1, "zookeeper")):
            self.network.tell(command)
            dialled = self.network.dial(source, target)
            dialled.sendall(b"hello")
            listener = self.network.listeners[target]
            listener.settimeout(0.3)
            with self.assertRaises(TimeoutError):
                listener.accept()
            listener.settimeout(WAIT)
            self.assertTrue(silent(dialled))
            self.network.tell("heal 1")
            self.assertEqual(dialled.recv(1), b"")
            self.assertTrue(arrives(*self.network.connect(source, target), b"again"))

    def test_a_long_cut_holds_few_connections(self):
        self.network.tell("cut 1>2 2>1")
        for _ in range(3000):  # more than it holds at a time
            with self.network.dial(1, 2) as dialled:
                dialled.sendall(b"hello")
        self.network.tell("heal")
        dialled = self.network.dial(1, 2)
        dialled.sendall(b"again")
        got = b""
        while got != b"again":  # a few that were still in the kernel's queue then may come before it
            accepted, _ = self.network.listeners[2].accept()
            with accepted:
                accepted.settimeout(WAIT)
                got = accepted.recv(5)

    def test_a_stranger_is_not_let_in_and_a_wrong_command_is_refused(self):
        with socket.create_connection(("127.0.0.1", self.network.base + 421), timeout=WAIT) as stranger:
            self.assertEqual(stranger.recv(1), b"")
        for command in ("cut 1>", "cut 12", "cut 1>10", "heal x", "close", ""):
            with self.assertRaises(AssertionError):
                self.network.tell(command)
        self.assertEqual(self.network.tell("list"), "")
        with socket.socket(socket.AF_UNIX) as hanging:  # says nothing: others are answered all the same
            hanging.connect(self.network.dir + "/network.sock")
            self.assertEqual(self.network.tell("list"), "")

    def test_nobody_behind_it_closes_the_connection(self):
        self.network.listeners[2].close()
        self.assertEqual(self.network.dial(1, 2).recv(1), b"")


if __name__ == "__main__":
    unittest.main(verbosity=2)
