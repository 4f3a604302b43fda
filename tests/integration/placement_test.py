"""Real daemons and a real ZooKeeper server: a node that was killed gets its shards back, and the copies of a
node that stays away are made anew on another one. A node without a copy of a shard serves its accounts. A new
node waits for ZooKeeper, then joins.

Prints the longest time in which nothing was acknowledged, at the kill and at the return.
"""

import json
import re
import signal
import smtplib
import time
import unittest
import urllib.request

import cluster_test
from cluster_test import Cluster, Sender, free_ports, message_ids, wait
from harness import DOMAIN, PASSWORD, program, run


class PlacementTest(unittest.TestCase):
    def make(self, nodes):
        self.addCleanup(setattr, cluster_test, "NODES", cluster_test.NODES)
        cluster_test.NODES = nodes
        self.cluster = Cluster()
        self.addCleanup(self.cluster.close)

    def add_account(self, name):
        account = f"{name}@{DOMAIN}"
        run(program("everpost"), "--socket", self.cluster.folder(1) + "/admin.sock", "account", "add", account,
            "--password-stdin", input=PASSWORD + "\n")
        shown = json.loads(self.cluster.admin(1, "--json", "account", "show", account).stdout)
        return account, shown["shard"]

    def values(self, n, name):
        """A metric of a node's shards: {shard: value}."""
        url = f"http://127.0.0.1:{self.cluster.ports[n]['http']}/metrics"
        text = urllib.request.urlopen(url, timeout=5).read().decode()
        return {int(shard): float(value)
                for shard, value in re.findall(name + r'\{shard="(\d+)"\} (\S+)', text)}

    def log(self, n):
        with open(self.cluster.folder(n) + "/everpostd.log") as f:
            return f.read()

    def copies(self, nodes):
        """How many in-sync copies the mail shards are to have and lack, by their leaders: {shard: (leader, missing)}."""
        found = {}
        for n in nodes:
            missing = self.values(n, "everpost_shard_copies_missing")
            for shard, leads in self.values(n, "everpost_shard_leads").items():
                if leads:
                    found[shard] = (n, missing[shard])
        return found

    def wait_for(self, what, nodes, holds, seconds=60):
        try:
            wait(what, lambda: holds(self.copies(nodes)), seconds)
        except AssertionError as late:
            raise AssertionError(f"{late}: {self.copies(nodes)}\n{self.cluster.logs()}") from None

    def test_a_node_that_comes_back_gets_its_shards_back(self):
        self.make((1, 2, 3))
        cluster = self.cluster
        account, shard = self.add_account("ann")
        leader = (shard - 1) % 3 + 1
        others = [n for n in (1, 2, 3) if n != leader]
        cluster.admin(1, "setting", "set", "placement.return_after", "3")
        complete = lambda copies: len(copies) == 4 and all(missing == 0 for _, missing in copies.values())
        self.wait_for("all copies in sync", (1, 2, 3), complete)
        senders = [Sender(cluster, others, account, i) for i in range(4)]
        self.addCleanup(lambda: [setattr(sender, "stopping", True) for sender in senders])
        for sender in senders:
            sender.start()
        time.sleep(1)
        cluster.kill(leader)
        self.wait_for("a takeover", others, lambda copies: shard in copies)
        cluster.start(leader)
        cluster.wait_until_serving(leader)
        self.wait_for("the shards' return", (1, 2, 3),
                      lambda copies: complete(copies) and copies[shard][0] == leader)
        returned = time.monotonic()
        time.sleep(1)
        for sender in senders:
            sender.stopping = True
        for sender in senders:
            sender.join()
        times = sorted(t for sender in senders for t in sender.times)
        gaps = [(b - a, b) for a, b in zip(times, times[1:])]
        at_return = max(gap for gap, at in gaps if at > returned - 2)
        print(f"longest write gap {max(gaps)[0] * 1000:.0f} ms, at the return {at_return * 1000:.0f} ms")
        client = cluster.imap(leader, account)
        client.select()
        found = message_ids(client)
        acknowledged = {name for sender in senders for name in sender.acknowledged}
        self.assertEqual(acknowledged - set(found), set())
        self.assertEqual(len(found), len(set(found)), "a message is there twice")
        client.logout()

    def test_a_new_node_waits_for_zookeeper_and_joins(self):
        self.make((1, 2, 3))
        cluster = self.cluster
        account, _ = self.add_account("ann")
        run(program("everpost"), "cluster", "init", "--zookeeper", cluster.zookeeper, "--nodes", "1:a,2:b,3:c,4:d",
            "--certificates", cluster.dir + "/certificates")
        names = ("smtp", "lmtp", "imap", "http", "cluster")
        cluster.ports[4] = dict(zip(names, free_ports(len(names))))
        cluster._configure(4)
        cluster.processes["zookeeper"].send_signal(signal.SIGSTOP)
        try:
            cluster.start(4)
            wait("a line that says what it waits for", lambda: "waiting for ZooKeeper" in self.log(4))
            cluster.processes[4].terminate()
            self.assertIn(cluster.processes[4].wait(timeout=10), (0, -signal.SIGTERM))
            cluster.start(4)
            with smtplib.LMTP("127.0.0.1", cluster.ports[2]["lmtp"]) as client:
                client.sendmail("a@example.net", [account], "Message-ID: <1@x>\r\n\r\nwithout ZooKeeper\r\n")
        finally:
            cluster.processes["zookeeper"].send_signal(signal.SIGCONT)
        cluster_test.NODES = (1, 2, 3, 4)  # for its logs
        cluster.wait_until_serving(4)
        self.assertEqual(set(self.values(4, "everpost_shard_leads")), {0})
        client = cluster.imap(4, account)
        client.select()
        self.assertEqual(message_ids(client), ["<1@x>"])
        client.logout()

    def test_copies_of_a_node_that_stays_away_are_made_anew(self):
        self.make((1, 2, 3, 4))
        cluster = self.cluster
        accounts = [self.add_account(f"user{i}") for i in range(6)]
        complete = lambda count: lambda copies: (
            len(copies) == count and all(missing == 0 for shard, (_, missing) in copies.items() if shard))
        self.wait_for("all copies in sync", (1, 2, 3, 4), complete(4))
        for account, _ in accounts:
            for n in (1, 2, 3, 4):
                with smtplib.LMTP("127.0.0.1", cluster.ports[n]["lmtp"]) as client:
                    client.sendmail("a@example.net", [account], f"Message-ID: <{n}@x>\r\n\r\nby node {n}\r\n")
        before = {n: set(self.values(n, "everpost_shard_leads")) for n in (1, 2, 3, 4)}
        self.assertTrue(any(len(shards) < 4 for shards in before.values()), "each node has a copy of each shard")
        cluster.admin(1, "setting", "set", "placement.replace_after", "4")
        cluster.kill(2)
        left = (1, 3, 4)
        self.wait_for("new copies", left, lambda copies: complete(4)(copies) and all(
            len(self.values(n, "everpost_shard_leads")) == 4 for n in left), 120)
        for account, _ in accounts:
            for n in left:
                client = cluster.imap(n, account)
                client.select()
                self.assertEqual(message_ids(client), [f"<{i}@x>" for i in (1, 2, 3, 4)])
                client.logout()
        # What is left of the copies on the node is set aside when it comes back.
        cluster.start(2)
        cluster.wait_until_serving(2)
        self.assertEqual(set(self.values(2, "everpost_shard_leads")), {0})
        for account, _ in accounts:
            client = cluster.imap(2, account)
            client.select()
            self.assertEqual(len(message_ids(client)), 4)
            client.logout()


if __name__ == "__main__":
    unittest.main()
