"""Looking at a cluster of three real daemons and steering it: any node tells of all, a primary is switched under
load, a dead node is shown as such, and afterwards the journals say what happened.

Prints how long nothing was acknowledged during planned switches.
"""

import json
import subprocess
import time
import unittest
import urllib.request

from cluster_test import NODES, SHARDS, Cluster, Sender, message_ids, wait
from harness import DOMAIN, PASSWORD, program, run


class SteeringTest(unittest.TestCase):
    def setUp(self):
        self.cluster = Cluster()
        self.addCleanup(self.cluster.close)

    def everpost(self, n, *args, check=True):
        return run(program("everpost"), "--socket", self.cluster.folder(n) + "/admin.sock", *args, check=check)

    def ask(self, n, *args):
        return json.loads(self.everpost(n, "--json", *args, check=False).stdout)

    def wait_until_well(self, nodes=NODES):
        for n in nodes:
            wait(f"node {n} says that all is well", lambda: self.everpost(n, "status", check=False).returncode == 0)

    def primary(self, shard, n=1):
        return self.ask(n, "shard", "show", str(shard))["primary"]

    def add_account(self, name):
        account = f"{name}@{DOMAIN}"
        run(program("everpost"), "--socket", self.cluster.folder(1) + "/admin.sock", "account", "add", account,
            "--password-stdin", input=PASSWORD + "\n")
        return account, self.ask(1, "account", "show", account)["shard"]

    def test_any_node_tells_of_all_and_equal_copies_have_equal_digests(self):
        account, shard = self.add_account("ann")
        sender = Sender(self.cluster, NODES, account, 0)
        sender.start()
        time.sleep(1)
        sender.stopping = True
        sender.join()
        self.wait_until_well()
        for n in NODES:
            self.assertEqual([node["state"] for node in self.ask(n, "node", "list")["nodes"]], ["up"] * 3)
            self.assertEqual(len(self.ask(n, "shard", "list")["shards"]), SHARDS + 1)

            def all_same():
                copies = [c for s in self.ask(n, "copies")["shards"] for c in s["copies"]]
                return len(copies) == 3 * (SHARDS + 1) and all(
                    c["compared"] == "same" and c["lag_bytes"] == 0 and c["lag_ms"] == 0 for c in copies)
            wait("all copies the same", all_same)
        text = self.everpost(2, "copies", "--shard", str(shard)).stdout
        self.assertEqual(len(text.splitlines()), 4, text)
        lines = subprocess.Popen([program("everpost"), "--socket", self.cluster.folder(3) + "/admin.sock", "--json",
                                  "status", "--watch", "0.2"], stdout=subprocess.PIPE, text=True)
        try:
            self.assertEqual([json.loads(lines.stdout.readline())["asked"] for _ in range(2)], [3, 3])
        finally:
            lines.kill()
            lines.wait()
            lines.stdout.close()

    def test_a_primary_is_switched_under_load(self):
        account, shard = self.add_account("ben")
        self.wait_until_well()
        senders = [Sender(self.cluster, NODES, account, i) for i in range(4)]
        for sender in senders:
            sender.start()
        time.sleep(2)
        switches = []
        for i in range(6):
            before = self.primary(shard)
            to = before % len(NODES) + 1
            began = time.monotonic()
            answer = self.ask(before if i % 2 else to, "shard", "switch", str(shard), "--to", str(to))
            self.assertEqual((answer.get("from"), answer.get("to")), (before, to), answer)
            self.assertEqual(self.primary(shard, before), to)
            switches.append((began, time.monotonic(), answer["pause_ms"]))
            time.sleep(1)
        for sender in senders:
            sender.stopping = True
        for sender in senders:
            sender.join()
        times = sorted(t for sender in senders for t in sender.times)
        gaps = [max(b - a for a, b in zip(times, times[1:]) if b >= began and a <= ended) * 1000
                for began, ended, _ in switches]
        print("planned switches: longest write gaps", ", ".join(f"{gap:.0f}" for gap in gaps), "ms; said",
              ", ".join(f"{pause:.1f}" for _, _, pause in switches), "ms")
        acknowledged = [name for sender in senders for name in sender.acknowledged]
        client = self.cluster.imap(1, account)
        client.select()
        found = message_ids(client)
        client.logout()
        self.assertEqual(set(acknowledged) - set(found), set())
        self.assertEqual(len(found), len(set(found)))

        preferred = self.ask(1, "shard", "show", str(shard))["replicas"][0]
        self.assertEqual(self.ask(2, "shard", "switch", str(shard))["to"], preferred)
        self.assertIn("leads already", self.everpost(2, "shard", "switch", str(shard)).stdout)
        refused = self.everpost(2, "shard", "switch", str(shard), "--to", "9", check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("node 9 is to have no copy of the shard", refused.stderr)
        self.assertEqual(self.everpost(2, "shard", "switch", "77", check=False).returncode, 1)

    def test_a_dead_node_is_shown_and_why_tells_what_happened(self):
        self.wait_until_well()
        shard = 2
        dead = self.primary(shard)
        asked = next(n for n in NODES if n != dead)
        self.cluster.kill(dead)
        wait("a takeover", lambda: self.ask(asked, "shard", "show", str(shard))["primary"] not in (0, dead))

        began = time.monotonic()
        done = self.everpost(asked, "--json", "status", check=False)
        self.assertLess(time.monotonic() - began, 5)
        self.assertEqual(done.returncode, 1)
        status = json.loads(done.stdout)
        states = {node["node"]: node["state"] for node in status["nodes"]}
        self.assertEqual(states, {n: "no answer" if n == dead else "up" for n in NODES})
        self.assertTrue(any(f"node {dead}: no answer" in problem for problem in status["problems"]))
        copy = [c for c in self.ask(asked, "shard", "show", str(shard))["copies"] if c["node"] == dead][0]
        self.assertEqual(copy["state"], "no answer")
        refused = self.everpost(asked, "shard", "switch", str(shard), "--to", str(dead), check=False)
        self.assertEqual(refused.returncode, 1, refused.stdout)
        self.assertRegex(refused.stderr, "not in sync|does not follow")
        health = urllib.request.urlopen(f"http://127.0.0.1:{self.cluster.ports[asked]['http']}/healthz", timeout=5)
        self.assertEqual(json.loads(health.read())["status"], "ok")
        self.assertEqual(len(self.cluster.metric(asked, "everpost_shard_role")), SHARDS + 1)

        done = self.everpost(asked, "why", "shard", str(shard))
        self.assertIn(f"node {dead}, which led, broke", done.stdout)
        self.assertIn("becomes primary", done.stdout)
        self.assertIn(f"node {dead}: no answer", done.stderr)

        # After its restart the dead one tells of itself, from before it died, too.
        self.cluster.start(dead)
        self.cluster.wait_until_serving(dead)
        self.wait_until_well()
        events = self.ask(asked, "why", "shard", str(shard), "--limit", "500")["events"]
        self.assertEqual([e["time"] for e in events], sorted(e["time"] for e in events))
        mine = [e["what"] for e in events if e["node"] == dead]
        self.assertIn("becomes primary", mine)
        self.assertGreater(mine.count("copy recovered"), 1)
        print(self.everpost(asked, "why", "shard", str(shard), "--limit", "30").stdout)


if __name__ == "__main__":
    unittest.main()
