"""The administrator's side: the command line, a restart, the HTTP listener, configuration errors."""

import imaplib
import json
import os
import signal
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request

import harness
from harness import DOMAIN, PASSWORD, address, make_message, program, run


class Administration(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = harness.Installation(accounts=2)
        cls.addClassCleanup(cls.node.close)

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.node.ports['http']}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()

    def test_domains_accounts_aliases(self):
        admin = self.node.admin
        admin("domain", "add", "second.test")
        self.assertIn("second.test", admin("domain", "list").stdout)
        admin("account", "add", "ann@second.test", "--password-stdin", input="secret of ann 1\n")
        shown = json.loads(admin("account", "show", "ann@second.test", "--json").stdout)
        self.assertIn("ann@second.test", json.dumps(shown))
        self.assertNotIn("argon2", json.dumps(shown).lower())
        refused = admin("account", "add", "ann@second.test", "--password", "x" * 10, check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("ann@second.test", refused.stderr)
        admin("alias", "add", "info@second.test", "ann@second.test")
        self.assertIn("ann@second.test", admin("alias", "show", "info@second.test").stdout)
        refused = admin("domain", "remove", "second.test", check=False)
        self.assertEqual(refused.returncode, 1)
        admin("account", "set-password", "ann@second.test", "--password", "another one 2")
        client = imaplib.IMAP4("127.0.0.1", self.node.ports["imap"])
        with self.assertRaises(imaplib.IMAP4.error):
            client.login("ann@second.test", "secret of ann 1")
        client = imaplib.IMAP4("127.0.0.1", self.node.ports["imap"])
        client.login("ann@second.test", "another one 2")
        client.logout()
        admin("alias", "remove", "info@second.test")
        admin("account", "remove", "ann@second.test")
        admin("domain", "remove", "second.test")
        self.assertNotIn("second.test", admin("domain", "list").stdout)

    def test_usage_errors(self):
        self.assertEqual(run(program("everpost"), "account", check=False).returncode, 2)
        self.assertEqual(run(program("everpost"), "nonsense", check=False).returncode, 2)
        away = run(program("everpost"), "--socket", "/nonexistent/socket", "domain", "list", check=False)
        self.assertEqual(away.returncode, 3)
        for words in ([], ["account"], ["account", "add"], ["local", "up"]):
            self.assertIn("Usage", run(program("everpost"), *words, "--help").stdout)

    def test_http(self):
        status, text = self.get("/healthz")
        self.assertEqual(status, 200)
        self.assertEqual(json.loads(text)["status"], "ok")
        with self.node.lmtp() as lmtp:
            lmtp.sendmail("a@example.net", address(2), make_message("counted"))
        status, text = self.get("/metrics")
        self.assertRegex(text, r'everpost_messages_accepted_total\{protocol="lmtp"\} [1-9]')
        with self.assertRaises(urllib.error.HTTPError):
            self.get("/nothing")

    def test_one_log_line_for_each_message(self):
        with self.node.lmtp() as lmtp:
            lmtp.sendmail("log-me@example.net", address(2), make_message("logged"))
        lines = [l for l in self.node.log().splitlines() if "message accepted" in l and "log-me@example.net" in l]
        self.assertEqual(len(lines), 1)
        for field in ("id=", "shard=", "size=", "ms=", address(2)):
            self.assertIn(field, lines[0])

    def test_restarts_keep_everything(self):
        sent = make_message("kept")
        with self.node.lmtp() as lmtp:
            lmtp.sendmail("a@example.net", address(1), sent)
        pid = self.node.pids[0]
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + 20
        while harness.alive(pid):
            self.assertLess(time.monotonic(), deadline, "it does not end")
            time.sleep(0.05)
        self.node.start()
        self.assertEqual(harness.without_trace(self.node.messages(1)[-1]), sent)
        self.assertIn("clean=yes", self.node.log())

    def test_verify_finds_nothing(self):
        run(program("everpost"), "--socket", self.node.socket(), "verify")

    def test_quota(self):
        self.node.admin("account", "set-quota", address(2), "20000")
        client = self.node.imap(2)
        status, data = client.append("INBOX", None, None, make_message("big", "x" * 30000 + "\r\n"))
        self.assertEqual(status, "NO")
        self.assertIn(b"OVERQUOTA", data[0])
        client.logout()
        self.node.admin("account", "set-quota", address(2), "0")

    def test_configuration_errors_name_file_line_and_remedy(self):
        cases = [("[node]\nid = \"x\"\ndata_folder = \"/tmp\"\n", ":2:"), ("[node\n", ":1:"),
                 ("[node]\ndata_folder = \"/tmp\"\n[listen]\nlmtp = \"127.0.0.1:1\"\nsmpt = \"127.0.0.1:2\"\n", ":5:")]
        for text, line in cases:
            with self.subTest(text), tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
                file.write(text)
                file.flush()
                done = run(program("everpostd"), "--config", file.name, check=False)
                self.assertEqual(done.returncode, 1)
                self.assertIn(file.name + line, done.stderr)
        missing = run(program("everpostd"), "--config", "/nonexistent.toml", check=False)
        self.assertEqual(missing.returncode, 1)
        self.assertIn("/nonexistent.toml", missing.stderr)


class Local(unittest.TestCase):
    def test_stop_and_cont(self):
        with harness.Installation(accounts=1) as node:
            node.local("stop", "1")
            node.local("cont", "1")
            self.assertEqual(node.messages(1), [])

    def test_nothing_runs_on_after_down(self):
        node = harness.Installation(accounts=1)
        pids = node.pids
        node.close()
        for pid in pids:
            self.assertFalse(harness.alive(pid))


if __name__ == "__main__":
    harness.main()
