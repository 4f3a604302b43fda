"""`everpost local` with three nodes: any of them serves, each can be killed, frozen, and cut off while mail
flows through the others, and nothing runs on after `down`.
"""

import imaplib
import json
import os
import re
import shutil
import signal
import smtplib
import socket
import subprocess
import tempfile
import threading
import time
import unittest

from harness import DOMAIN, PASSWORD, address, alive, free_base_port, program, run

NODES = (1, 2, 3)


PORTS = (24, 25, 80, 143, 218, 288, 388, 421, 431, 465, 587, 993)  # of each node


def base_port():
    return free_base_port([1000 * n + port for n in range(3) for port in PORTS], range(8, 29))


class LocalCluster:
    def __init__(self, zookeepers=1):
        self.dir = tempfile.mkdtemp(prefix="everpost-local-")
        self.pids = set()
        try:
            for attempt in range(3):
                out = run(program("everpost"), "local", "up", "--nodes", "3", "--zookeepers", str(zookeepers), "--dir",
                          self.dir, "--base-port", str(base_port()), "--domain", DOMAIN, "--accounts", "3",
                          "--password", PASSWORD, "--json", check=attempt == 2, timeout=300)
                if out.returncode == 0:
                    break
                assert "already in use" in out.stderr, out.stderr  # somebody took a port meanwhile
            self.read(out.stdout)
            self.ports = {node["id"]: node["ports"] for node in self.state["nodes"]}
        except BaseException:
            self.close()
            raise

    def read(self, text):
        self.state = json.loads(text)
        for daemon in self.state["nodes"] + self.state["zookeepers"] + [self.state["network"]]:
            self.pids.update(daemon["pids"])

    def local(self, *words):
        self.read(run(program("everpost"), "local", *words, "--dir", self.dir, "--json", timeout=300).stdout)

    def pids_of(self, n):
        return self.state["nodes"][n - 1]["pids"]

    def deliver(self, n, to, name, timeout=60):
        with smtplib.LMTP("127.0.0.1", self.ports[n]["lmtp"]) as client:
            client.sock.settimeout(timeout)
            client.sendmail("a@example.net", [to], f"Message-ID: <{name}>\r\n\r\nby node {n}\r\n")

    def imap(self, n, account=1):
        client = imaplib.IMAP4("127.0.0.1", self.ports[n]["imap"], timeout=60)
        client.login(address(account), PASSWORD)
        client.select()
        return client

    def shard(self, account):
        out = run(program("everpost"), "--socket", f"{self.dir}/node1/admin.sock", "--json", "account", "show",
                  address(account))
        return json.loads(out.stdout)["shard"]

    def logs(self):
        return {name: open(f"{self.dir}/{name}", errors="replace").read() for name in
                ("node1/everpostd.log", "node2/everpostd.log", "node3/everpostd.log", "network.log")}

    def close(self):
        run(program("everpost"), "local", "down", "--dir", self.dir, check=False)
        shutil.rmtree(self.dir, ignore_errors=True)


def message_ids(client):
    client.noop()
    status, data = client.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")
    assert status == "OK"
    return [re.search(r"<(.*)>", part[1].decode()).group(1) for part in data if isinstance(part, tuple)]


class Flow(threading.Thread):
    """Mail to an account through some nodes, one message after the other."""

    def __init__(self, cluster, nodes, to):
        super().__init__()
        self.cluster, self.nodes, self.to = cluster, nodes, to
        self.stopping, self.acknowledged, self.times = False, [], []
        self.failures = []
        self.start()

    def run(self):
        count = 0
        while not self.stopping:
            name = f"{id(self)}.{count}@flow"
            try:
                self.cluster.deliver(self.nodes[count % len(self.nodes)], self.to, name)
                self.acknowledged.append(name)
                self.times.append(time.monotonic())
            except (OSError, smtplib.SMTPException) as failure:
                self.failures.append(failure)
                time.sleep(0.02)
            count += 1

    def end(self):
        self.stopping = True
        self.join()
        gaps = [b - a for a, b in zip(self.times, self.times[1:])]
        return max(gaps, default=float("inf"))


class LocalClusterTest(unittest.TestCase):
    def setUp(self):
        self.cluster = LocalCluster()
        self.addCleanup(self.cluster.close)

    def audit(self, flow, node, account):
        client = self.cluster.imap(node, account)
        found = [name for name in message_ids(client) if name.endswith("@flow")]
        client.logout()
        self.assertEqual(set(flow.acknowledged) - set(found), set(), "lost")
        self.assertEqual(len(found), len(set(found)), "doubled")

    def test_mail_sent_to_one_node_is_read_on_another(self):
        for account in (1, 2, 3):
            self.cluster.deliver(1, address(account), f"{account}@x")
            client = self.cluster.imap(3, account)
            self.assertEqual(message_ids(client), [f"{account}@x"])
            client.logout()
        # What it says runs does run, and there is one of each.
        state = self.cluster.state
        self.assertEqual([node["id"] for node in state["nodes"]], [1, 2, 3])
        self.assertEqual([server["id"] for server in state["zookeepers"]], [1])
        self.assertTrue(all(alive(pid) for pid in self.cluster.pids))

    def test_a_node_is_killed_frozen_and_comes_back(self):
        victim = (self.cluster.shard(1) - 1) % 3 + 1  # where the shard's first copy is
        others = [n for n in NODES if n != victim]
        flow = Flow(self.cluster, others, address(1))
        for down, up in (("kill", "start"), ("stop", "cont")):
            time.sleep(1)
            before = len(flow.acknowledged)
            self.cluster.local(down, str(victim))
            if down == "kill":
                self.assertEqual(self.cluster.pids_of(victim), [])
            time.sleep(3)
            self.assertGreater(len(flow.acknowledged), before + 10, f"after {down}: {flow.failures[-3:]}")
            self.cluster.local(up, str(victim))
            self.assertNotEqual(self.cluster.pids_of(victim), [])
            time.sleep(2)
        gap = flow.end()
        print(f"kill, stop: {len(flow.acknowledged)} acknowledged, longest write gap {gap * 1000:.0f} ms")
        self.audit(flow, others[0], 1)

    def test_a_node_is_cut_off_and_healed(self):
        victim = (self.cluster.shard(1) - 1) % 3 + 1
        others = [n for n in NODES if n != victim]
        session = self.cluster.imap(others[1], 1)
        flow = Flow(self.cluster, others, address(1))
        time.sleep(1)
        pids = self.cluster.pids_of(victim)
        self.cluster.local("cut", str(victim))
        cut = self.cluster.state["network"]["cut"]
        self.assertEqual(set(cut), {f"{a}>{b}" for other in [*map(str, others), "zookeeper"]
                                    for a, b in ((victim, other), (other, victim))})
        before = len(flow.acknowledged)
        time.sleep(4)
        self.assertGreater(len(flow.acknowledged), before + 10, f"after cut: {flow.failures[-3:]}")
        # The one that is alone acknowledges nothing.
        with self.assertRaises((OSError, smtplib.SMTPException)):
            self.cluster.deliver(victim, address(1), "alone@x", timeout=3)
        self.cluster.local("heal", str(victim))
        self.assertEqual(self.cluster.state["network"]["cut"], [])
        self.assertEqual(self.cluster.pids_of(victim), pids)
        # It is one of them again.
        deadline = time.monotonic() + 60
        while True:
            try:
                self.cluster.deliver(victim, address(1), "back@x", timeout=10)
                break
            except (OSError, smtplib.SMTPException):
                self.assertLess(time.monotonic(), deadline, self.cluster.logs())
        gap = flow.end()
        print(f"cut: {len(flow.acknowledged)} acknowledged, longest write gap {gap * 1000:.0f} ms")
        self.assertIn("back@x", message_ids(session))
        session.logout()
        for node in NODES:
            self.audit(flow, node, 1)

    def test_cuts_can_be_of_one_pair_and_one_way(self):
        self.cluster.local("cut", "1", "--from", "2")
        self.assertEqual(self.cluster.state["network"]["cut"], ["1>2", "2>1"])
        self.cluster.local("cut", "3", "--from", "zookeeper", "--one-way")
        self.assertEqual(self.cluster.state["network"]["cut"], ["1>2", "2>1", "3>zookeeper"])
        self.cluster.local("heal", "1")
        self.assertEqual(self.cluster.state["network"]["cut"], ["3>zookeeper"])
        self.cluster.local("heal", "zookeeper")
        self.assertEqual(self.cluster.state["network"]["cut"], [])

    def test_three_zookeeper_servers_of_which_one_is_lost(self):
        self.cluster.close()
        self.cluster = LocalCluster(zookeepers=3)
        self.addCleanup(self.cluster.close)
        self.assertEqual([server["id"] for server in self.cluster.state["zookeepers"]], [1, 2, 3])
        self.cluster.local("kill", "zookeeper1")
        self.assertEqual([len(server["pids"]) for server in self.cluster.state["zookeepers"]], [0, 1, 1])
        victim = (self.cluster.shard(1) - 1) % 3 + 1
        self.cluster.local("kill", str(victim))
        self.cluster.deliver(victim % 3 + 1, address(1), "taken-over@x")
        self.cluster.local("start", "zookeeper1")
        self.cluster.local("start", str(victim))
        client = self.cluster.imap(victim)
        self.assertEqual(message_ids(client), ["taken-over@x"])
        client.logout()
        self.cluster.local("down")
        self.assertEqual([pid for pid in self.cluster.pids if alive(pid)], [])

    def test_mail_flows_without_zookeeper(self):
        self.cluster.local("kill", "zookeeper")
        self.assertEqual(self.cluster.state["zookeepers"][0]["pids"], [])
        time.sleep(4)  # longer than a session lives
        self.cluster.deliver(2, address(1), "without@x")
        self.cluster.local("start", "zookeeper1")
        client = self.cluster.imap(3, 1)
        self.assertEqual(message_ids(client), ["without@x"])
        client.logout()

    def test_nothing_runs_on_after_down_and_the_mail_is_there_after_up(self):
        self.cluster.deliver(1, address(1), "kept@x")
        self.cluster.local("stop", "2")
        self.cluster.local("cut", "3")
        self.cluster.local("down")
        self.assertEqual([pid for pid in self.cluster.pids if alive(pid)], [])
        self.assertFalse(os.path.exists(self.cluster.dir + "/network.sock"))
        base = self.cluster.ports[1]["smtp"] - 25
        other = run(program("everpost"), "local", "up", "--nodes", "1", "--dir", self.cluster.dir, "--password",
                    PASSWORD, check=False)
        self.assertEqual(other.returncode, 1)  # it is a cluster of three
        self.cluster.local("up", "--nodes", "3", "--base-port", str(base), "--domain", DOMAIN, "--accounts", "3",
                           "--password", PASSWORD)
        client = self.cluster.imap(2, 1)
        self.assertEqual(message_ids(client), ["kept@x"])
        client.logout()
        self.cluster.local("down", "--remove")
        self.assertEqual([pid for pid in self.cluster.pids if alive(pid)], [])
        self.assertFalse(os.path.exists(self.cluster.dir))

    def test_nothing_runs_on_after_a_failed_up(self):
        folder = tempfile.mkdtemp(prefix="everpost-local-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        base = free_base_port()
        # One node does not start: what would be its data folder is a file.
        os.makedirs(folder + "/node2")
        up = (program("everpost"), "local", "up", "--nodes", "2", "--dir", folder, "--base-port", str(base),
              "--password", PASSWORD)
        self.assertEqual(run(*up, check=False).returncode, 1)  # the folder is not ours
        os.rmdir(folder + "/node2")
        with socket.socket() as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(("127.0.0.1", base + 1000 + 143))
            taken.listen()
            self.assertEqual(run(*up, check=False).returncode, 1)
        os.makedirs(folder + "/node2")
        with open(folder + "/node2/data", "w") as f:
            f.write("in the way\n")
        failed = run(*up, check=False, timeout=300)
        self.assertEqual(failed.returncode, 1)
        self.assertIn("node 2", failed.stderr)
        state = json.loads(run(program("everpost"), "local", "status", "--dir", folder, "--json").stdout)
        for daemon in state["nodes"] + state["zookeepers"] + [state["network"]]:
            self.assertEqual(daemon["pids"], [])
        self.assertEqual(run("pgrep", "-f", folder, check=False).stdout, "")

    def test_nothing_runs_on_after_an_interrupted_up(self):
        folder = tempfile.mkdtemp(prefix="everpost-local-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        for seconds in (0.3, 1.5):  # ZooKeeper starts; nodes start or accounts are made
            up = subprocess.Popen([program("everpost"), "local", "up", "--nodes", "3", "--dir", folder, "--base-port",
                                   str(base_port()), "--accounts", "2000", "--password", PASSWORD],
                                  stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            time.sleep(seconds)
            up.send_signal(signal.SIGINT)
            self.assertEqual(up.wait(60), 1)
            self.assertEqual(run("pgrep", "-f", folder, check=False).stdout, "")


if __name__ == "__main__":
    unittest.main(verbosity=2)
