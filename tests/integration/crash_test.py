"""kill -9 at random moments, many times, of the whole node or of its worker only, under load: what was
acknowledged is there exactly once.

Senders by LMTP and SMTP note each message that got its 250; an IMAP client appends, flags and expunges and
notes each OK. After every few kills, and at the end, all mailboxes are read:

  - every acknowledged message is there, once, in every recipient's mailbox;
  - no message is there twice, acknowledged or not;
  - a UID that was seen once names the same message for ever, and no mailbox changes its UIDVALIDITY;
  - acknowledged appends and flags are there, acknowledged expunges are gone.

  EVERPOST_CRASH_KILLS    how many kills (50)
  EVERPOST_CRASH_SECONDS  instead: go on for so long (the mode for hours)
  EVERPOST_CRASH_SEED     the moments of the kills (random, printed)
"""

import imaplib
import os
import random
import re
import signal
import subprocess
import tempfile
import threading
import time
import unittest

import harness
from harness import make_message, program

ACCOUNTS = 4
MAIL_ERRORS = (imaplib.IMAP4.error, imaplib.IMAP4.abort, OSError, EOFError)


class Appender(threading.Thread):
    """Appends to, flags and expunges in a mailbox of its own; keeps what was acknowledged."""

    def __init__(self, node, account):
        super().__init__(daemon=True)
        self.node, self.account = node, account
        self.stopping = threading.Event()
        self.acked = {}    # Message-ID -> (UIDVALIDITY, UID)
        self.flagged = set()
        self.gone, self.unsure = set(), set()

    def run(self):
        while not self.stopping.is_set():
            try:
                self.converse()
            except MAIL_ERRORS:
                time.sleep(0.02)

    def converse(self):
        client = self.node.imap(self.account)
        client.select("Archive")
        while not self.stopping.is_set():
            name = f"<{random.getrandbits(96):024x}@append.invalid>"
            status, data = client.append("Archive", None, None, make_message("appended", message_id=name))
            if status != "OK":
                continue
            match = re.search(rb"APPENDUID (\d+) (\d+)", data[0])
            self.acked[name] = (int(match.group(1)), int(match.group(2)))
            if random.random() < 0.5:
                if client.uid("STORE", match.group(2).decode(), "+FLAGS.SILENT", r"(\Flagged)")[0] == "OK":
                    self.flagged.add(name)
            if random.random() < 0.2:
                victim = random.choice(list(self.acked))
                self.unsure.add(victim)
                uid = str(self.acked[victim][1])
                if client.uid("STORE", uid, "+FLAGS.SILENT", r"(\Deleted)")[0] == "OK" and \
                        client.uid("EXPUNGE", uid)[0] == "OK":
                    self.gone.add(victim)
            time.sleep(0.002)


class Crash(unittest.TestCase):
    def setUp(self):
        self.seed = int(os.environ.get("EVERPOST_CRASH_SEED", random.getrandbits(32)))
        self.random = random.Random(self.seed)
        self.node = harness.Installation(accounts=ACCOUNTS)
        self.addCleanup(self.node.close)
        self.ledgers = []
        self.loads = []
        self.addCleanup(self.stop_loads)
        self.seen = {}  # (account, mailbox, UID) -> Message-ID
        self.validities = {}  # (account, mailbox) -> UIDVALIDITY
        self.acknowledged = 0

    def start_load(self, kind, sessions, recipients, size, rate, seconds):
        ledger = tempfile.NamedTemporaryFile(prefix="everpost-ledger-")
        self.ledgers.append((ledger, recipients))
        self.loads.append(subprocess.Popen(
            [program("everpost-load"), kind, "--port", str(self.node.ports[kind]), "--sessions", str(sessions),
             "--recipients", str(recipients), "--accounts", str(ACCOUNTS), "--size", str(size), "--rate",
             str(rate), "--seconds", str(seconds), "--reconnect", "--ledger", ledger.name],
            stdout=subprocess.DEVNULL))

    def stop_loads(self):
        for load in self.loads:
            if load.poll() is None:
                load.terminate()
            load.wait()

    def read(self, account, mailbox):
        """UIDVALIDITY, and (UID, flags, Message-ID) of each message."""
        client = self.node.imap(account)
        try:
            client.select(mailbox, readonly=True)
            validity = int(client.response("UIDVALIDITY")[1][0])
            status, data = client.fetch("1:*", "(UID FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")
            assert status == "OK"
            found = []
            for part in data:
                if isinstance(part, tuple):
                    uid = int(re.search(rb"UID (\d+)", part[0]).group(1))
                    flags = re.search(rb"FLAGS \(([^)]*)\)", part[0]).group(1).split()
                    name = re.search(rb"<[^>]*>", part[1]).group(0).decode()
                    found.append((uid, flags, name))
            return validity, found
        finally:
            client.logout()

    def audit(self, appender):
        """Reads everything back. What one shard owes to the others may take a moment to arrive."""
        ledgers = []
        for ledger, recipients in self.ledgers:
            with open(ledger.name) as f:
                text = f.read()
            ledgers.append((text[: text.rfind("\n") + 1].split(), recipients))
        acked = dict(appender.acked)
        flagged, gone = set(appender.flagged), set(appender.gone)
        deadline = time.monotonic() + 60
        while True:
            somewhere = self.read_all(appender, acked, flagged, gone)
            missing = [(name, somewhere.get(name)) for names, recipients in ledgers for name in names
                       if len(somewhere.get(name, ())) != recipients]
            if not missing:
                break
            self.assertLess(time.monotonic(), deadline,
                            f"{len(missing)} messages got their 250 and are not everywhere: {missing[:3]}")
            time.sleep(0.5)
        for names, _ in ledgers:
            self.assertTrue(names, "a load has no acknowledgement in its ledger: nothing was audited")
            self.assertEqual(len(names), len(set(names)))
        self.acknowledged = sum(len(names) for names, _ in ledgers) + len(acked)

    def read_all(self, appender, acked, flagged, gone):
        """Checks what must hold at any moment; returns which mailboxes each message is in."""
        somewhere = {}
        for account in range(1, ACCOUNTS + 1):
            for mailbox in ("INBOX", "Archive"):
                validity, messages = self.read(account, mailbox)
                self.assertEqual(self.validities.setdefault((account, mailbox), validity), validity,
                                 f"UIDVALIDITY of {mailbox} of {account} changed")
                uids = [uid for uid, _, _ in messages]
                self.assertEqual(uids, sorted(set(uids)))
                names = [name for _, _, name in messages]
                self.assertEqual(len(names), len(set(names)), f"{mailbox} of {account} has a message twice")
                for uid, _, name in messages:
                    before = self.seen.setdefault((account, mailbox, uid), name)
                    self.assertEqual(before, name, f"UID {uid} of {mailbox} of {account} was reused")
                if mailbox == "INBOX":
                    for name in names:
                        somewhere.setdefault(name, set()).add(account)
                elif account == 1:
                    there = {name: (uid, flags) for uid, flags, name in messages}
                    for name, (was_validity, uid) in acked.items():
                        if name in gone:
                            self.assertNotIn(name, there, "an acknowledged expunge came back")
                        elif name not in appender.unsure:
                            self.assertIn(name, there, "an acknowledged append is lost")
                            self.assertEqual((validity, there[name][0]), (was_validity, uid))
                            if name in flagged:
                                self.assertIn(b"\\Flagged", there[name][1], "an acknowledged flag is lost")
        return somewhere

    def test_kill_at_random_moments(self):
        seconds = float(os.environ.get("EVERPOST_CRASH_SECONDS", 0))
        kills = int(os.environ.get("EVERPOST_CRASH_KILLS", 50)) if not seconds else 1 << 60
        print(f"EVERPOST_CRASH_SEED={self.seed}", flush=True)
        end = time.monotonic() + (seconds or 3600)
        # Rates are bounded so that reading everything back stays quick; in the mode for hours, more so.
        rate = 1000 if not seconds else max(20, min(1000, int(200_000 / seconds)))
        duration = seconds or 3600
        self.start_load("lmtp", 20, 1, 4096, rate, duration)
        self.start_load("smtp", 10, ACCOUNTS, 10240, rate // 10, duration)
        self.start_load("smtp", 2, ACCOUNTS, 700_000, 4 if not seconds else 0.5, duration)
        appender = Appender(self.node, 1)
        appender.start()
        done = 0
        while done < kills and time.monotonic() < end:
            time.sleep(self.random.uniform(0.02, 1.0))
            if self.random.random() < 0.5:
                self.node.kill_worker()
            else:
                self.node.kill()
                self.node.start()
            done += 1
            if done % 10 == 0:
                self.audit(appender)
                print(f"{done} kills, {self.acknowledged} messages acknowledged, none lost, none doubled",
                      flush=True)
        appender.stopping.set()
        self.stop_loads()
        # Ended by us, or by themselves at the end of their time; not because nothing worked.
        self.assertLessEqual({load.returncode for load in self.loads}, {0, -signal.SIGTERM})
        appender.join(60)
        self.assertFalse(appender.is_alive())
        # What one shard still owes to others arrives by itself.
        time.sleep(3)
        self.audit(appender)
        self.assertGreater(self.acknowledged, 100)
        for what in ("acked", "flagged", "gone"):
            self.assertTrue(getattr(appender, what), f"the appender's '{what}' is empty: nothing was audited")
        print(f"end: {done} kills, {self.acknowledged} messages acknowledged, none lost, none doubled")


if __name__ == "__main__":
    harness.main()
