"""Bad input: each gets the protocol's error, the server stays up, memory stays bounded."""

import os
import random
import socket
import ssl
import struct
import time
import unittest

import harness
from harness import DOMAIN, PASSWORD, address, make_message, trusting

MEMORY_MIB = 150  # how much the server may grow while it is ill-treated


class BadInput(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = harness.Installation(accounts=2)
        cls.addClassCleanup(cls.node.close)
        cls.before = cls.node.rss_mib()

    def tearDown(self):
        self.assertLess(self.node.rss_mib() - self.before, MEMORY_MIB)
        with self.node.smtp() as smtp:  # still there
            self.assertEqual(smtp.noop()[0], 250)

    def smtp(self):
        raw = self.node.raw("smtp")
        self.addCleanup(raw.close)
        return raw

    def imap(self, login=True):
        raw = self.node.raw("imap")
        self.addCleanup(raw.close)
        if login:
            self.assertIn(b"a OK", raw.imap(b"a", b'LOGIN "%s" "%s"' % (address(1).encode(), PASSWORD.encode())))
        return raw

    # --- SMTP

    def test_smtp_malformed_commands(self):
        raw = self.smtp()
        for line, code in ((b"", b"500"), (b"HELLO", b"500"), (b"MAIL FROM:<a@b>", b"503"), (b"EHLO", b"501"),
                           (b"EHLO x", b"250"), (b"RCPT TO:<a@b>", b"503"), (b"DATA", b"503"),
                           (b"MAIL FROM:<a@@b>", b"501"), (b"MAIL FROM:<a@b> SIZE=x", b"501"),
                           (b"MAIL FROM:<a@b> FOO=1", b"555"), (b"MAIL FROM:<" + b"a" * 300 + b"@b>", b"501"),
                           (b"\xff\xfe\x00", b"500"), (b"NOOP", b"250")):
            with self.subTest(line[:40]):
                self.assertEqual(raw.command(line)[:3], code)

    def test_smtp_oversized_line(self):
        raw = self.smtp()
        self.assertEqual(raw.command(b"EHLO " + b"x" * 100_000)[:3], b"500")
        self.assertEqual(raw.command(b"NOOP")[:3], b"250")

    def test_smtp_a_line_without_end(self):
        raw = self.smtp()
        try:
            for _ in range(64):
                raw.send(b"x" * (1 << 20))
        except OSError:
            pass  # hung up on: as good as an answer

    def test_smtp_bare_newlines_do_not_end_a_message(self):
        for end in (b"\n.\n", b"\r.\r", b"\r\n.\n", b"\n.\r\n"):
            with self.subTest(end):
                raw = self.smtp()
                raw.command(b"EHLO x")
                raw.command(b"MAIL FROM:<a@example.net>")
                raw.command(b"RCPT TO:<%s>" % address(1).encode())
                raw.command(b"DATA")
                raw.send(b"Subject: outer\r\n\r\ntext" + end +
                         b"MAIL FROM:<x@example.net>\r\nRCPT TO:<%s>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n.\r\n"
                         % address(2).encode())
                self.assertEqual(raw.reply()[:1], b"5")
        self.assertEqual(self.node.messages(2), [])

    def test_smtp_ten_thousand_recipients(self):
        raw = self.smtp()
        raw.command(b"EHLO x")
        raw.command(b"MAIL FROM:<a@example.net>")
        codes = {}
        for start in range(0, 10_000, 100):
            raw.send(b"".join(b"RCPT TO:<user001+%d@%s>\r\n" % (i, DOMAIN.encode()) for i in range(start, start + 100)))
            for _ in range(100):
                code = raw.reply()[:3]
                codes[code] = codes.get(code, 0) + 1
        self.assertEqual(codes, {b"250": 1000, b"452": 9000})
        self.assertEqual(raw.command(b"DATA")[:3], b"354")
        raw.send(make_message("to a thousand names of one") + b".\r\n")
        self.assertEqual(raw.reply()[:3], b"250")

    def test_smtp_message_over_the_limit(self):
        raw = self.smtp()
        raw.command(b"EHLO x")
        self.assertEqual(raw.command(b"MAIL FROM:<a@example.net> SIZE=999999999")[:3], b"552")
        raw.command(b"MAIL FROM:<a@example.net>")
        raw.command(b"RCPT TO:<%s>" % address(1).encode())
        raw.command(b"DATA")
        for _ in range(60):
            raw.send((b"x" * 1022 + b"\r\n") * 1024)
        raw.send(b".\r\n")
        self.assertEqual(raw.reply()[:3], b"552")
        self.assertEqual(raw.command(b"NOOP")[:3], b"250")

    def test_smtp_client_vanishes_in_the_middle(self):
        for _ in range(200):
            raw = self.node.raw("smtp")
            raw.send(b"EHLO x\r\nMAIL FROM:<a@example.net>\r\nRCPT TO:<%s>\r\nDATA\r\n" % address(2).encode())
            raw.send(b"Subject: half\r\n\r\n" + b"x" * 300_000)
            raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raw.close()
        time.sleep(0.5)
        self.assertEqual(self.node.messages(2), [])

    def test_many_large_messages_at_once(self):
        raws = []
        for _ in range(100):
            raw = self.smtp()
            raws.append(raw)
            raw.socket.setblocking(True)
            raw.command(b"EHLO x")
            raw.command(b"MAIL FROM:<a@example.net>")
            raw.command(b"RCPT TO:<%s>" % address(1).encode())
            raw.command(b"DATA")
        for _ in range(30):
            for raw in raws:
                raw.send((b"y" * 1022 + b"\r\n") * 100)
        self.assertLess(self.node.rss_mib() - self.before, 300)
        for raw in raws:
            raw.send(b".\r\n")
        for raw in raws:
            self.assertEqual(raw.reply()[:3], b"250")

    # --- TLS

    def test_truncated_tls(self):
        for port in ("submissions", "imaps"):
            for cut in (0, 1, 5, 50, 200):
                sock = socket.create_connection(("127.0.0.1", self.node.ports[port]))
                incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
                client = trusting().wrap_bio(incoming, outgoing)
                with self.assertRaises(ssl.SSLWantReadError):
                    client.do_handshake()
                sock.sendall(outgoing.read()[:cut])
                sock.close()
        for port in ("submissions", "imaps"):
            with socket.create_connection(("127.0.0.1", self.node.ports[port])) as sock:
                sock.sendall(os.urandom(1000))
                sock.settimeout(10)
                while sock.recv(4096):
                    pass

    def test_starttls_injection(self):
        raw = self.smtp()
        raw.command(b"EHLO x")
        raw.send(b"STARTTLS\r\nMAIL FROM:<injected@example.net>\r\n")
        self.assertEqual(raw.reply()[:3], b"220")
        tls = trusting().wrap_socket(raw.socket)
        tls.sendall(b"EHLO y\r\nRCPT TO:<%s>\r\n" % address(1).encode())
        answer = b""
        while b"503" not in answer:
            got = tls.recv(4096)
            self.assertTrue(got, answer)
            answer += got
        self.assertNotIn(b"2.1.0", answer)

    # --- IMAP

    def test_imap_malformed_commands(self):
        raw = self.imap(login=False)
        raw.send(b"\r\n")  # an empty line may be passed over
        for line in (b"a", b"a b", b"* OK", b"+ x", b"a LOGIN", b"a LOGIN {5", b"a SELECT INBOX", b"\xff\xff \x00",
                     b"a FETCH 1 FLAGS", b"a AUTHENTICATE NONSENSE", b"a " + b"(" * 1000):
            with self.subTest(line[:20]):
                raw.send(line + b"\r\n")
                answer = raw.line()
                self.assertRegex(answer, rb"^(\S+ (BAD|NO)|\* BAD|\* BYE)")
                if answer.startswith(b"* BYE"):
                    raw = self.imap(login=False)
        raw = self.imap()
        for line in (b"SELECT", b"SELECT INBOX (", b"FETCH 1 FLAGS", b"STATUS INBOX", b"APPEND INBOX x",
                     b"SEARCH CHARSET", b"LIST", b"STORE", b"COPY 1", b"UID", b"UID FOO", b"IDLE x"):
            with self.subTest(line):
                self.assertRegex(raw.imap(b"b", line), rb"b (BAD|NO)")

    def test_imap_oversized_line(self):
        raw = self.imap()
        raw.send(b"b SELECT " + b"x" * (2 << 20) + b"\r\n")
        self.assertRegex(raw.line(), rb"(BAD|BYE)")

    def test_imap_oversized_literal(self):
        raw = self.imap()
        self.assertRegex(raw.imap(b"b", b"APPEND INBOX {99999999999}"), rb"b (NO|BAD)")
        raw = self.imap()
        self.assertRegex(raw.imap(b"b", b"APPEND INBOX {100000000}"), rb"b NO")
        raw = self.imap()
        self.assertRegex(raw.imap(b"b", b"LOGIN {100000000}"), rb"b (NO|BAD)")

    def test_imap_literal_without_its_bytes(self):
        for _ in range(100):
            raw = self.imap()
            raw.send(b"b APPEND INBOX {1000000+}\r\n" + b"x" * 500_000)
            raw.close()

    def test_imap_invalid_utf8_and_names(self):
        raw = self.imap()
        for name in (b'"\xff\xfe"', b'"&AAA-"', b'"&-&"', b'"a//b"', b'"%s"' % (b"x/" * 600), b'""'):
            with self.subTest(name[:20]):
                self.assertRegex(raw.imap(b"b", b"CREATE " + name), rb"b (BAD|NO)")

    def test_imap_sets_that_are_huge(self):
        raw = self.imap()
        raw.imap(b"b", b"SELECT INBOX")
        self.assertRegex(raw.imap(b"c", b"UID FETCH 1:4294967295 (UID)"), rb"c OK")
        many = b",".join(b"%d" % (i * 2 + 1) for i in range(8000))
        self.assertRegex(raw.imap(b"d", b"UID FETCH " + many + b" (UID)"), rb"d (OK|BAD|NO)")

    def test_noise(self):
        noise = random.Random(1)
        for port in ("smtp", "submission", "lmtp", "imap", "http"):
            for _ in range(30):
                with socket.create_connection(("127.0.0.1", self.node.ports[port]), timeout=10) as sock:
                    try:
                        sock.sendall(noise.randbytes(noise.randrange(1, 20_000)) + b"\r\n")
                    except OSError:
                        pass


if __name__ == "__main__":
    harness.main()
