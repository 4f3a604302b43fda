"""Three real daemons and a real ZooKeeper server: any node serves any account, and when the node that leads
an account's shard is killed under load, nothing that was acknowledged is lost or doubled, and an IMAP session
on another node stays open.

Prints the longest time in which nothing was acknowledged.
"""

import ctypes
import imaplib
import json
import os
import random
import shutil
import signal
import smtplib
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.request

from harness import DOMAIN, PASSWORD, Raw, program, run

JARS = "/usr/share/java/zookeeper.jar:/usr/share/java/slf4j-simple.jar"
NODES = (1, 2, 3)
SHARDS = 3


def die_with_the_test():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def free_ports(count):
    """Below those that the kernel hands out by itself: a connection might get one before its daemon binds it."""
    sockets = []
    while len(sockets) < count:
        s = socket.socket()
        try:
            s.bind(("127.0.0.1", random.randrange(20_000, 32_000)))
            sockets.append(s)  # kept until all are chosen, so that none is chosen twice
        except OSError:
            s.close()
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def wait(what, holds, seconds=60):
    deadline = time.monotonic() + seconds
    while True:
        try:
            if holds():
                return
        except (OSError, imaplib.IMAP4.error, smtplib.SMTPException, AssertionError):
            pass
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.05)


class Cluster:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="everpost-cluster-")
        self.processes = {}
        try:
            self.zookeeper = f"127.0.0.1:{self._start_zookeeper()}"
            run(program("everpost"), "cluster", "init", "--zookeeper", self.zookeeper, "--nodes",
                ",".join(map(str, NODES)), "--shards", str(SHARDS), "--certificates", self.dir + "/certificates")
            self.ports = {}
            for n in NODES:
                names = ("smtp", "lmtp", "imap", "http", "cluster")
                self.ports[n] = dict(zip(names, free_ports(len(names))))
                self._configure(n)
                self.start(n)
            for n in NODES:
                self.wait_until_serving(n)
            self.admin(1, "domain", "add", DOMAIN)
        except BaseException:
            self.close()
            raise

    def _start_zookeeper(self):
        folder = self.dir + "/zookeeper"
        os.makedirs(folder)
        port, = free_ports(1)
        with open(folder + "/zoo.cfg", "w") as f:
            f.write(f"tickTime=250\nminSessionTimeout=500\nmaxSessionTimeout=20000\nclientPort={port}\n"
                    f"clientPortAddress=127.0.0.1\ndataDir={folder}\nadmin.enableServer=false\n")
        with open(folder + "/log", "w") as out:
            self.processes["zookeeper"] = subprocess.Popen(
                ["java", "-Xmx128m", "-XX:+UseSerialGC", "-cp", JARS,
                 "org.apache.zookeeper.server.quorum.QuorumPeerMain", folder + "/zoo.cfg"],
                stdout=out, stderr=out, preexec_fn=die_with_the_test)
        wait("ZooKeeper", lambda: socket.create_connection(("127.0.0.1", port)).close() is None)
        return port

    def folder(self, n):
        return f"{self.dir}/node{n}"

    def _configure(self, n):
        ports, certificates = self.ports[n], self.dir + "/certificates"
        os.makedirs(self.folder(n))
        with open(self.folder(n) + "/everpost.toml", "w") as f:
            f.write(f'''[node]
id = {n}
data_folder = "{self.folder(n)}/data"
[listen]
smtp = "127.0.0.1:{ports['smtp']}"
lmtp = "127.0.0.1:{ports['lmtp']}"
imap = "127.0.0.1:{ports['imap']}"
http = "127.0.0.1:{ports['http']}"
admin_socket = "{self.folder(n)}/admin.sock"
[auth]
plaintext_on_loopback = true
[cluster]
zookeeper = "{self.zookeeper}"
listen = "127.0.0.1:{ports['cluster']}"
ca = "{certificates}/ca.pem"
certificate = "{certificates}/node-{n}.pem"
key = "{certificates}/node-{n}.key"
''')

    def start(self, n):
        with open(self.folder(n) + "/everpostd.log", "a") as out:
            self.processes[n] = subprocess.Popen(
                [program("everpostd"), "--config", self.folder(n) + "/everpost.toml"], stdout=out, stderr=out,
                preexec_fn=die_with_the_test)

    def kill(self, n):
        self.processes[n].kill()
        self.processes.pop(n).wait()

    def metric(self, n, name):
        url = f"http://127.0.0.1:{self.ports[n]['http']}/metrics"
        text = urllib.request.urlopen(url, timeout=5).read().decode()
        return [float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name + "{")]

    def wait_until_serving(self, n):
        def greets():
            status = self.processes[n].poll()
            if status is not None:  # not caught by wait(): waiting longer would not help
                raise RuntimeError(f"node {n} ended with status {status}\n{self.logs()}")
            connection = Raw(self.ports[n]["imap"])
            try:
                return connection.greeting.startswith(b"* OK")
            finally:
                connection.file.close()
                connection.socket.close()
        try:
            wait(f"node {n}", greets)
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.logs()}") from None

    def wait_until_in_sync(self):
        """All replicas have committed the same."""
        def same():
            commits = [self.metric(n, "everpost_shard_committed_lsn") for n in NODES]
            return len(commits[0]) == SHARDS + 1 and commits[0] == commits[1] == commits[2]
        wait("all copies in sync", same)

    def admin(self, n, *args):
        return run(program("everpost"), "--socket", self.folder(n) + "/admin.sock", *args)

    def imap(self, n, account):
        client = imaplib.IMAP4("127.0.0.1", self.ports[n]["imap"], timeout=60)
        client.login(account, PASSWORD)
        return client

    def close(self):
        for name, process in list(self.processes.items()):
            process.terminate() if name != "zookeeper" else process.kill()
        for process in self.processes.values():
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def logs(self):
        parts = []
        for n in NODES:
            with open(self.folder(n) + "/everpostd.log", errors="replace") as f:
                parts.append(f"--- node {n}\n" + "".join(f.readlines()[-40:]))
        return "".join(parts)


class Sender(threading.Thread):
    """Delivers by LMTP to one node or another, one message after the other, until told to stop."""

    def __init__(self, cluster, nodes, to, number):
        super().__init__()
        self.cluster, self.nodes, self.to, self.number = cluster, list(nodes), to, number
        self.stopping = False
        self.acknowledged, self.times = [], []

    def run(self):
        client, count = None, 0
        while not self.stopping:
            name = f"<{self.number}.{count}@sender.example>"
            try:
                if client is None:
                    node = random.choice(self.nodes)
                    client = smtplib.LMTP("127.0.0.1", self.cluster.ports[node]["lmtp"])
                client.sendmail("load@example.net", [self.to],
                                f"Message-ID: {name}\r\nSubject: {count}\r\n\r\n" + "x" * 2000 + "\r\n")
                self.acknowledged.append(name)
                self.times.append(time.monotonic())
            except (OSError, smtplib.SMTPException):
                if client:
                    client.close()
                client = None  # not acknowledged: may be there or not
                time.sleep(0.02)
            count += 1
        if client:
            client.close()


def message_ids(client):
    status, data = client.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")
    assert status == "OK"
    return [part[1].decode().split(":", 1)[1].strip() for part in data if isinstance(part, tuple)]


class ClusterTest(unittest.TestCase):
    def setUp(self):
        self.cluster = Cluster()
        self.addCleanup(self.cluster.close)

    def add_account(self, name):
        account = f"{name}@{DOMAIN}"
        run(program("everpost"), "--socket", self.cluster.folder(2) + "/admin.sock", "account", "add", account,
            "--password-stdin", input=PASSWORD + "\n")
        shown = json.loads(self.cluster.admin(3, "--json", "account", "show", account).stdout)
        return account, shown["shard"]

    def test_any_node_serves_any_account(self):
        accounts = [self.add_account(f"user{i}")[0] for i in range(4)]
        for account in accounts:
            for n in NODES:
                with smtplib.LMTP("127.0.0.1", self.cluster.ports[n]["lmtp"]) as client:
                    client.sendmail("a@example.net", [account], f"Message-ID: <{n}@x>\r\n\r\nby node {n}\r\n")
        for account in accounts:
            for n in NODES:
                client = self.cluster.imap(n, account)
                client.select()
                self.assertEqual(message_ids(client), ["<1@x>", "<2@x>", "<3@x>"])
                client.logout()

    def test_a_killed_leader_loses_and_doubles_nothing(self):
        account, shard = self.add_account("ann")
        leader = (shard - 1) % len(NODES) + 1  # where everpost cluster init puts a shard's first copy
        others = [n for n in NODES if n != leader]
        self.cluster.wait_until_in_sync()
        session = self.cluster.imap(others[0], account)
        session.select()
        senders = [Sender(self.cluster, others, account, i) for i in range(8)]
        for sender in senders:
            sender.start()
        time.sleep(3)
        killed = time.monotonic()
        self.cluster.kill(leader)
        time.sleep(5)
        for sender in senders:
            sender.stopping = True
        for sender in senders:
            sender.join()
        times = sorted(t for sender in senders for t in sender.times)
        acknowledged = [name for sender in senders for name in sender.acknowledged]
        self.assertTrue(any(t > killed + 1 for t in times),
                        "nothing was accepted after the kill\n" + self.cluster.logs())
        gap = max(b - a for a, b in zip(times, times[1:]))
        print(f"{len(acknowledged)} messages acknowledged, longest write gap {gap * 1000:.0f} ms")

        # The session that was open all the time.
        session.noop()
        found = message_ids(session)
        self.assertEqual(set(acknowledged) - set(found), set())
        self.assertEqual(len(found), len(set(found)), "a message is there twice")

        self.cluster.start(leader)
        self.cluster.wait_until_serving(leader)
        self.cluster.wait_until_in_sync()
        client = self.cluster.imap(leader, account)
        client.select()
        self.assertEqual(sorted(message_ids(client)), sorted(found))
        client.logout()
        session.logout()


if __name__ == "__main__":
    unittest.main()
