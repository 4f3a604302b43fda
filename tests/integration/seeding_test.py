"""A node that has lost a replica's folder, or all of its data, gets its copies back by itself: three real daemons
and a real ZooKeeper server.
"""

import glob
import os
import shutil
import smtplib
import sys
import unittest

sys.path.insert(0, os.path.dirname(__file__))
import cluster_test  # noqa: E402
from cluster_test import NODES, SHARDS, wait  # noqa: E402


class SeedingTest(unittest.TestCase):
    def setUp(self):
        self.cluster = cluster_test.Cluster()
        self.addCleanup(self.cluster.close)

    add_account = cluster_test.ClusterTest.add_account

    def deliver(self, n, account, names):
        with smtplib.LMTP("127.0.0.1", self.cluster.ports[n]["lmtp"]) as client:
            for name in names:
                client.sendmail("a@example.net", [account], f"Message-ID: {name}\r\n\r\n" + "x" * 20000 + "\r\n")

    def stop(self, n):
        self.cluster.processes[n].terminate()
        self.assertEqual(self.cluster.processes.pop(n).wait(timeout=60), 0)

    def test_lost_folders_come_back(self):
        account, shard = self.add_account("ann")
        lost = (shard + 1) % len(NODES) + 1  # not the first copy's node
        names = [f"<{i}@x>" for i in range(100)]
        self.deliver(1, account, names)
        data = self.cluster.folder(lost) + "/data"
        for what in (f"{data}/shard-{shard:04}", data):
            self.cluster.wait_until_in_sync()
            self.stop(lost)
            shutil.rmtree(what)
            if what == data:
                os.makedirs(data)
            self.cluster.start(lost)
            self.cluster.wait_until_serving(lost)
            self.cluster.wait_until_in_sync()
            wait("the copies applied the same", lambda: len({
                tuple(self.cluster.metric(n, "everpost_shard_applied_lsn")) for n in NODES}) == 1)
            self.assertEqual(len(glob.glob(data + "/shard-????")), SHARDS + 1)
            client = self.cluster.imap(lost, account)
            client.select()
            self.assertEqual(cluster_test.message_ids(client), names)
            client.logout()
            # With one of the others gone the copy counts.
            other = next(n for n in NODES if n != lost)
            self.cluster.kill(other)
            name = f"<{len(names)}@x>"
            wait("mail goes on", lambda: self.deliver(lost, account, [name]) is None)
            names.append(name)
            self.cluster.start(other)
            self.cluster.wait_until_serving(other)


if __name__ == "__main__":
    unittest.main()
