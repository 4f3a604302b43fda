"""What the integration tests share: a throw-away installation of the real daemon, and ways to talk to it.

The programs are found in $EVERPOST_BIN (ctest sets it). Every installation lives in a temporary folder,
listens on loopback only, and is stopped when its test ends, however it ends.
"""

import contextlib
import email.message
import imaplib
import json
import os
import random
import re
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import tempfile
import time
import unittest
import urllib.request

BIN = os.environ.get("EVERPOST_BIN", os.path.join(os.path.dirname(__file__), "../../build/release/bin"))
DOMAIN = "example.test"
PASSWORD = "correct horse 1"

imaplib._MAXLINE = 64 << 20  # long FETCH lines are no error here


def program(name):
    return os.path.join(BIN, name)


def run(*args, check=True, timeout=120, **kwargs):
    """Runs a program; its output as text. Fails with all that it said."""
    done = subprocess.run(args, capture_output=True, text=True, timeout=timeout, **kwargs)
    if check and done.returncode != 0:
        raise AssertionError(f"{args} exited with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


def free_base_port(offsets=(25, 587, 465, 24, 143, 993, 80), thousands=range(10, 31)):
    """Of free ports at `offsets` from it. All are to be below those that the kernel hands out by itself."""
    for _ in range(100):
        base = random.choice(thousands) * 1000
        ports = [base + offset for offset in offsets]
        with contextlib.ExitStack() as stack:
            try:
                for port in ports:
                    s = stack.enter_context(socket.socket())
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    s.bind(("127.0.0.1", port))
                return base
            except OSError:
                continue
    raise AssertionError("no free range of ports")


class Installation:
    """One node, made by `everpost local up`."""

    def __init__(self, accounts=3):
        self.dir = tempfile.mkdtemp(prefix="everpost-test-")
        self.accounts = accounts
        try:
            out = run(program("everpost"), "local", "up", "--nodes", "1", "--dir", self.dir, "--base-port",
                      str(free_base_port()), "--domain", DOMAIN, "--accounts", str(accounts), "--password",
                      PASSWORD, "--json")
            self._read(json.loads(out.stdout))
        except BaseException:
            self.close()
            raise

    def _read(self, state):
        self.node = state["nodes"][0]
        self.ports = self.node["ports"]
        self.pids = self.node["pids"]

    def local(self, verb, *args, check=True):
        return run(program("everpost"), "local", verb, "--dir", self.dir, *args, check=check)

    def kill(self):
        self.local("kill", "1")

    def kill_worker(self):
        """The supervisor starts another; waits until it serves."""
        supervisor = self.pids[0]
        before = workers(supervisor)
        for pid in before:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError):
                url = f"http://127.0.0.1:{self.ports['http']}/healthz"
                if workers(supervisor) not in ([], before) and urllib.request.urlopen(url, timeout=5).status == 200:
                    break
            assert time.monotonic() < deadline, "no new worker serves\n" + self.log()[-4000:]
            time.sleep(0.02)
        self._read(json.loads(self.local("status", "--json").stdout))

    def start(self):
        self.local("start", "1")
        self._read(json.loads(self.local("status", "--json").stdout))

    def admin(self, *args, check=True, **kwargs):
        """`everpost ARGS` against this installation's daemon."""
        return run(program("everpost"), "--socket", self.socket(), *args, check=check, **kwargs)

    def socket(self):
        for root, _, names in os.walk(self.dir):
            if "admin.sock" in names:
                return os.path.join(root, "admin.sock")
        raise AssertionError("no admin socket in " + self.dir)

    def log(self):
        for root, _, names in os.walk(self.dir):
            for name in names:
                if name == "everpostd.log":
                    with open(os.path.join(root, name), errors="replace") as f:
                        return f.read()
        return ""

    def rss_mib(self):
        total = 0
        for pid in self.pids:
            with open(f"/proc/{pid}/status") as f:
                total += int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))
        return total / 1024

    def close(self):
        self.local("down", check=False)
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # --- clients

    def imap(self, n=1):
        client = imaplib.IMAP4("127.0.0.1", self.ports["imap"], timeout=60)
        client.login(address(n), PASSWORD)
        return client

    def lmtp(self):
        return smtplib.LMTP("127.0.0.1", self.ports["lmtp"])

    def smtp(self):
        return smtplib.SMTP("127.0.0.1", self.ports["smtp"], timeout=60)

    def submission(self, n=1):
        client = smtplib.SMTP("127.0.0.1", self.ports["submission"], timeout=60)
        client.starttls(context=trusting())
        client.login(address(n), PASSWORD)
        return client

    def raw(self, port):
        """A socket that has been greeted, with line reading."""
        return Raw(self.ports[port])

    def wait_for_messages(self, n, count, mailbox="INBOX", seconds=10):
        """The mailbox's messages as bytes, once there are `count`."""
        deadline = time.monotonic() + seconds
        while True:
            found = self.messages(n, mailbox)
            if len(found) >= count or time.monotonic() > deadline:
                assert len(found) == count, f"{len(found)} messages, not {count}"
                return found
            time.sleep(0.05)

    def messages(self, n=1, mailbox="INBOX"):
        client = self.imap(n)
        try:
            status, _ = client.select(mailbox, readonly=True)
            assert status == "OK"
            status, data = client.fetch("1:*", "(UID BODY.PEEK[])")
            return [part[1] for part in data if isinstance(part, tuple)]
        finally:
            client.logout()


class Raw:
    """A connection where the test writes the protocol itself."""

    def __init__(self, port, greet=True):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.file = self.socket.makefile("rb")
        self.greeting = self.line() if greet else b""

    def send(self, data):
        self.socket.sendall(data)

    def line(self):
        return self.file.readline()

    def reply(self):
        """A whole SMTP reply."""
        lines = []
        while True:
            line = self.line()
            lines.append(line)
            if len(line) < 4 or line[3:4] != b"-":
                return b"".join(lines)

    def command(self, data):
        self.send(data + b"\r\n")
        return self.reply()

    def imap(self, tag, data):
        """Sends an IMAP command; everything up to its tagged response."""
        self.send(tag + b" " + data + b"\r\n")
        return self.until(tag)

    def until(self, tag):
        lines = []
        while True:
            line = self.line()
            if not line:
                return b"".join(lines)
            lines.append(line)
            if line.startswith(tag + b" "):
                return b"".join(lines)

    def close(self):
        with contextlib.suppress(OSError):
            self.file.close()  # or the connection stays open
        with contextlib.suppress(OSError):
            self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def alive(pid):
    """Whether the process runs; one that has ended and waits for its parent does not."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def workers(pid):
    """The workers of an everpostd, of which there is one, or none for the moment."""
    found = []
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        children = [int(child) for child in f.read().split()]
    for child in children:
        with contextlib.suppress(FileNotFoundError), open(f"/proc/{child}/cmdline") as f:
            if "--worker" in f.read().split("\0"):
                found.append(child)
    return found


def address(n):
    return f"user{n:03d}@{DOMAIN}"


def trusting():
    """The installation's certificate is its own: TLS without checking it."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def make_message(subject="A subject", body="A body.\r\n", sender="sender@example.net", to=None, message_id=None):
    message = email.message.Message()
    message["Date"] = "Tue, 24 Nov 2026 09:00:00 +0000"
    message["From"] = sender
    message["To"] = to or address(1)
    message["Subject"] = subject
    message["Message-ID"] = message_id or f"<{random.getrandbits(64):016x}@test.invalid>"
    message.set_payload(body.replace("\r\n", "\n"))
    return message.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def without_trace(message):
    """A stored message without the Return-Path and Received that the server put in front."""
    rest = message
    while re.match(rb"(return-path|received):", rest, re.I):
        end = re.search(rb"\r\n(?![ \t])", rest).end()
        rest = rest[end:]
    return rest


def main():
    unittest.main(verbosity=2, warnings="ignore")  # clients that the tests drop are closed in time
