"""Real senders: swaks, curl, Python's smtplib; what was sent is what is read, byte for byte."""

import os
import re
import tempfile
import unittest

import harness
from harness import DOMAIN, PASSWORD, address, make_message, program, run, trusting, without_trace


class Senders(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = harness.Installation(accounts=8)
        cls.addClassCleanup(cls.node.close)

    def setUp(self):
        self.next = getattr(type(self), "used", 0) % 8 + 1  # an account for each test
        type(self).used = self.next

    def read_one(self, n):
        return self.node.wait_for_messages(n, 1)[0]

    def empty(self, n):
        client = self.node.imap(n)
        client.select("INBOX")
        client.store("1:*", "+FLAGS.SILENT", r"(\Deleted)")
        client.expunge()
        client.logout()

    def check_one(self, n, sent):
        got = self.read_one(n)
        self.assertEqual(without_trace(got), sent)
        self.empty(n)
        return got

    def test_smtplib_smtp(self):
        sent = make_message("smtplib", "line\r\n.a dot\r\n..two dots\r\n\r\nend\r\n")
        with self.node.smtp() as smtp:
            smtp.sendmail("sender@example.net", address(self.next), sent)
        got = self.check_one(self.next, sent)
        self.assertTrue(got.startswith(b"Return-Path: <sender@example.net>\r\nReceived: from "))

    def test_smtplib_lmtp(self):
        sent = make_message("lmtp")
        with self.node.lmtp() as lmtp:
            lmtp.sendmail("", address(self.next), sent)
        self.assertTrue(self.check_one(self.next, sent).startswith(b"Return-Path: <>\r\n"))

    def test_submission_needs_tls_and_login(self):
        with self.node.raw("submission") as raw:
            raw.command(b"EHLO x")
            self.assertTrue(raw.command(b"MAIL FROM:<a@example.net>").startswith(b"530 "))
            self.assertNotIn(b"AUTH", raw.command(b"EHLO x"))
        sent = make_message("submitted", sender=address(self.next))
        with self.node.submission(self.next) as smtp:
            smtp.sendmail(address(self.next), address(self.next), sent)
        self.check_one(self.next, sent)

    def test_curl_smtp(self):
        sent = make_message("curl", sender=address(self.next))
        with tempfile.NamedTemporaryFile() as file:
            file.write(sent)
            file.flush()
            run("curl", "-sS", "--ssl-reqd", "-k", f"smtp://127.0.0.1:{self.node.ports['submission']}",
                "--user", f"{address(self.next)}:{PASSWORD}", "--mail-from", address(self.next),
                "--mail-rcpt", address(self.next), "--upload-file", file.name)
            self.check_one(self.next, sent)
            run("curl", "-sS", "-k", f"smtps://127.0.0.1:{self.node.ports['submissions']}",
                "--user", f"{address(self.next)}:{PASSWORD}", "--login-options", "AUTH=LOGIN",
                "--mail-from", address(self.next), "--mail-rcpt", address(self.next), "--upload-file",
                file.name)
            self.check_one(self.next, sent)

    def test_swaks(self):
        common = ["swaks", "--server", "127.0.0.1", "--to", address(self.next), "--hide-all"]
        run(*common, "--port", str(self.node.ports["smtp"]), "--from", "a@example.net", "--header",
            "Subject: swaks plain")
        self.assertIn(b"Subject: swaks plain\r\n", self.read_one(self.next))
        self.empty(self.next)
        run(*common, "--port", str(self.node.ports["smtp"]), "--from", "a@example.net", "--tls")
        self.assertRegex(self.read_one(self.next), rb"with ESMTPS")
        self.empty(self.next)
        for mechanism in ("PLAIN", "LOGIN"):
            run(*common, "--port", str(self.node.ports["submission"]), "--from", address(self.next), "--tls",
                "--auth", mechanism, "--auth-user", address(self.next), "--auth-password", PASSWORD)
            self.assertRegex(self.read_one(self.next), rb"with ESMTPSA")
            self.empty(self.next)
        refused = run(*common, "--port", str(self.node.ports["submission"]), "--from", address(self.next),
                      "--tls", "--auth", "PLAIN", "--auth-user", address(self.next), "--auth-password",
                      "wrong", check=False)
        self.assertNotEqual(refused.returncode, 0)

    def test_chunking(self):
        sent = make_message("bdat", "x\r\n.\r\nnot the end\r\n")
        with self.node.raw("smtp") as raw:
            raw.command(b"EHLO x")
            raw.command(b"MAIL FROM:<a@example.net> SIZE=%d BODY=8BITMIME" % len(sent))
            raw.command(b"RCPT TO:<%s>" % address(self.next).encode())
            half = len(sent) // 2
            raw.send(b"BDAT %d\r\n" % half + sent[:half] + b"BDAT %d LAST\r\n" % (len(sent) - half) + sent[half:])
            self.assertTrue(raw.reply().startswith(b"250 "))
            self.assertTrue(raw.reply().startswith(b"250 "))
        self.check_one(self.next, sent)

    def test_everything_pipelined_in_one_write(self):
        sent = make_message("pipelined")
        with self.node.raw("smtp") as raw:
            self.assertIn(b"PIPELINING", raw.command(b"EHLO x"))
            raw.send(b"MAIL FROM:<a@example.net>\r\nRCPT TO:<%s>\r\nRCPT TO:<nobody@%s>\r\nDATA\r\n"
                     % (address(self.next).encode(), DOMAIN.encode()))
            self.assertEqual([raw.reply()[:3] for _ in range(4)], [b"250", b"250", b"550", b"354"])
            raw.send(sent + b".\r\nQUIT\r\n")
            self.assertEqual([raw.reply()[:3] for _ in range(2)], [b"250", b"221"])
        self.check_one(self.next, sent)

    def test_fifty_mebibytes(self):
        line = b"0123456789abcdef" * 4 + b"\r\n"
        sent = make_message("large") + line * (49 * (1 << 20) // len(line))
        before = self.node.rss_mib()
        with self.node.smtp() as smtp:
            smtp.sendmail("a@example.net", address(self.next), sent)
        after = self.node.rss_mib()
        self.check_one(self.next, sent)
        self.assertLess(after - before, 40, "memory grows with the message")

    def test_one_message_for_accounts_of_several_shards(self):
        sent = make_message("to all")
        with self.node.smtp() as smtp:
            smtp.sendmail("a@example.net", [address(n) for n in range(1, 9)], sent)
        for n in range(1, 9):
            self.check_one(n, sent)

    def test_large_message_for_accounts_of_several_shards(self):
        sent = make_message("to all") + b"a line that repeats itself\r\n" * 40000
        with self.node.smtp() as smtp:
            smtp.sendmail("a@example.net", [address(n) for n in range(1, 9)], sent)
        for n in range(1, 9):
            self.check_one(n, sent)

    def test_aliases_and_sub_addresses(self):
        self.node.admin("alias", "add", f"team@{DOMAIN}", address(self.next), address(self.next % 8 + 1))
        sent = make_message("alias")
        with self.node.smtp() as smtp:
            smtp.sendmail("a@example.net", [f"Team@{DOMAIN.upper()}"], sent)
        self.check_one(self.next, sent)
        self.check_one(self.next % 8 + 1, sent)
        with self.node.smtp() as smtp:
            smtp.sendmail("a@example.net", address(self.next).replace("@", "+tag@"), sent)
        self.check_one(self.next, sent)

    def test_mail_for_others_is_refused(self):
        with self.node.raw("smtp") as raw:
            raw.command(b"EHLO x")
            raw.command(b"MAIL FROM:<a@example.net>")
            self.assertTrue(raw.command(b"RCPT TO:<someone@elsewhere.test>").startswith(b"550 5.7.1"))
            self.assertTrue(raw.command(b"RCPT TO:<nobody@%s>" % DOMAIN.encode()).startswith(b"550 5.1.1"))

    def test_eight_bit_and_international_mail(self):
        sent = make_message("8bit", "x").replace(b"x", "grüße, 世界".encode())
        with self.node.raw("smtp") as raw:
            self.assertIn(b"SMTPUTF8", raw.command(b"EHLO x"))
            raw.command("MAIL FROM:<jürgen@exämple.net> BODY=8BITMIME SMTPUTF8".encode())
            raw.command(b"RCPT TO:<%s>" % address(self.next).encode())
            self.assertTrue(raw.command(b"DATA").startswith(b"354"))
            raw.send(sent + (b"" if sent.endswith(b"\r\n") else b"\r\n") + b".\r\n")
            self.assertTrue(raw.reply().startswith(b"250 "))
        self.assertIn("grüße, 世界".encode(), self.read_one(self.next))
        self.empty(self.next)


if __name__ == "__main__":
    harness.main()
