"""Many sessions on one mailbox, each changing it at random: what the server tells each of them stays
consistent. Every session keeps its own idea of which sequence number is which UID, from the untagged
responses alone, and compares it with the server's now and then (RFC 3501 sections 5.5, 7.4.1)."""

import random
import re
import socket
import sys
import threading
import time
import unittest

import harness
from harness import PASSWORD, address

SECONDS = 15


class Session:
    """A client that believes what it is told."""

    def __init__(self, port, n, seed):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.file = self.socket.makefile("rb")
        self.random = random.Random(seed)
        self.tag = 0
        self.uids = []       # None: told by EXISTS, UID not known yet
        self.search = []
        self.commands = 0
        self.log = []
        self.file.readline()
        self.command(f'LOGIN {address(n)} "{PASSWORD}"')
        self.command("SELECT INBOX", fresh=True)

    def line(self):
        line = self.file.readline()
        assert line.endswith(b"\r\n"), f"connection lost after {self.log[-20:]}"
        literal = re.search(rb"\{(\d+)\}\r\n$", line)
        while literal:
            line += self.file.read(int(literal[1])) + self.file.readline()
            literal = re.search(rb"\{(\d+)\}\r\n$", line[-20:])
        return line

    def command(self, text, *more, fresh=False):
        """Sends one command, or several in one go; takes in everything up to the last one's answer."""
        texts = [text, *more]
        tags = []
        out = b""
        for each in texts:
            self.tag += 1
            tags.append(f"t{self.tag}")
            out += f"{tags[-1]} {each}\r\n".encode()
        self.log += texts
        if fresh:
            self.uids = []
        self.socket.sendall(out)
        answers = []
        for tag, each in zip(tags, texts):
            name = each.split()[0]
            while True:
                line = self.line()
                if line.startswith(tag.encode() + b" "):
                    answers.append(line.decode("ascii", "replace").split(" ", 1)[1].strip())
                    break
                self.untagged(line, name)
        self.commands += len(texts)
        return answers[-1]

    def untagged(self, line, command):
        self.log.append(line[:80])
        if found := re.match(rb"\* (\d+) EXISTS", line):
            count = int(found[1])
            assert count >= len(self.uids), f"EXISTS {count} below {len(self.uids)}: {self.log[-20:]}"
            self.uids += [None] * (count - len(self.uids))
        elif found := re.match(rb"\* (\d+) EXPUNGE", line):
            seq = int(found[1])
            assert command not in ("FETCH", "STORE", "SEARCH"), f"EXPUNGE in {command}: {self.log[-20:]}"
            assert 1 <= seq <= len(self.uids), f"EXPUNGE {seq} of {len(self.uids)}: {self.log[-20:]}"
            del self.uids[seq - 1]
        elif found := re.match(rb"\* (\d+) FETCH \(.*?UID (\d+)", line, re.S):
            seq, uid = int(found[1]), int(found[2])
            assert 1 <= seq <= len(self.uids), f"FETCH {seq} of {len(self.uids)}: {self.log[-20:]}"
            known = self.uids[seq - 1]
            assert known in (None, uid), f"message {seq} was UID {known}, is {uid}: {self.log[-20:]}"
            self.uids[seq - 1] = uid
        elif line.startswith(b"* SEARCH"):
            self.search = [int(n) for n in line.split()[2:]]
        elif line.startswith(b"* BYE") and command != "LOGOUT":
            raise AssertionError(line)

    def learn(self):
        if self.uids:
            self.command("FETCH 1:* UID")
        known = [u for u in self.uids if u is not None]
        assert known == sorted(set(known)), "UIDs ascend"

    def check(self):
        """After a NOOP both sides agree: the view is what the mailbox was a moment ago."""
        self.command("NOOP")
        self.learn()
        before = list(self.uids)
        self.command("SEARCH ALL")
        gone = [u for i, u in enumerate(before) if u and i + 1 not in self.search]
        # What another session has expunged meanwhile may be missing, nothing else.
        self.command("NOOP")
        still = set(self.uids)
        assert not still.intersection(gone), f"SEARCH misses {gone}"

    def step(self):
        r = self.random
        size = len(self.uids)
        some = str(r.randint(1, size)) if size else "1"
        if size and r.random() < 0.4:
            a, b = sorted((r.randint(1, size), r.randint(1, size)))
            some = f"{a}:{b}"
        action = r.randrange(12)
        if action <= 2 or size < 5:
            text = f"Subject: {r.random()}\r\n\r\n" + "x" * r.randint(1, 2000)
            self.command(f"APPEND INBOX {{{len(text)}+}}\r\n{text}")
        elif action == 3:
            self.command(f"STORE {some} +FLAGS.SILENT (\\Deleted)")
        elif action == 4:
            self.command(f"STORE {some} {r.choice('+-')}FLAGS (\\Seen $k{r.randint(1, 5)})")
        elif action == 5:
            self.command("EXPUNGE")
        elif action == 6:
            self.command(f"FETCH {some} (UID FLAGS BODY[TEXT])")
        elif action == 7:
            self.command("UID FETCH 1:* FLAGS")
        elif action == 8:
            self.command(f"COPY {some} Archive")
        elif action == 9 and size > 20:
            known = [u for u in self.uids if u is not None] or [1]
            self.command(f"UID MOVE {r.choice(known)} Trash")
        elif action == 10:
            self.command(f"FETCH {some} UID", f"STORE {some} FLAGS (\\Flagged)", f"SEARCH {some}")
        else:
            self.check()


class Views(unittest.TestCase):
    def test_sessions_agree_with_the_server(self):
        node = harness.Installation(accounts=1)
        self.addCleanup(node.close)
        seed = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdigit() else random.randrange(1 << 30)
        print(f"seed {seed}")
        failures, sessions = [], []
        until = time.monotonic() + SECONDS

        def play(i):
            try:
                session = Session(node.ports["imap"], 1, seed + i)
                sessions.append(session)
                while time.monotonic() < until and not failures:
                    session.step()
                session.check()
            except Exception as failure:  # told by the main thread
                failures.append(failure)

        threads = [threading.Thread(target=play, args=(i,)) for i in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertFalse(failures, f"seed {seed}")
        # All quiet now: all see the same.
        for session in sessions:
            session.check()
        views = [tuple(session.uids) for session in sessions]
        for session in sessions:
            session.command("LOGOUT")
            session.file.close()
            session.socket.close()
        self.assertEqual(len(set(views)), 1)
        print(f"{sum(s.commands for s in sessions)} commands")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]], verbosity=2)
