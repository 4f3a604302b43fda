"""Real readers: curl, mbsync both ways, mutt, Python's imaplib; what is read is what was put in."""

import imaplib
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
import unittest

import harness
from harness import DOMAIN, PASSWORD, address, make_message, run, trusting, without_trace


class Readers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = harness.Installation(accounts=8)
        cls.addClassCleanup(cls.node.close)

    def setUp(self):
        type(self).used = getattr(type(self), "used", 0) % 8 + 1
        self.n = type(self).used
        self.dir = tempfile.mkdtemp(prefix="everpost-reader-")
        self.addCleanup(shutil.rmtree, self.dir, True)

    def append(self, messages, mailbox="INBOX"):
        client = self.node.imap(self.n)
        for message in messages:
            status, data = client.append(mailbox, None, None, message)
            self.assertEqual(status, "OK", data)
        client.logout()

    def test_curl_reads_what_was_appended(self):
        sent = make_message("for curl", "a\r\n" * 1000)
        self.append([sent])
        out = subprocess.run(
            ["curl", "-sS", "-k", f"imaps://127.0.0.1:{self.node.ports['imaps']}/INBOX;MAILINDEX=1", "--user",
             f"{address(self.n)}:{PASSWORD}"], capture_output=True, timeout=60)
        self.assertEqual(out.stdout, sent, out.stderr)
        out = run("curl", "-sS", "-k", f"imaps://127.0.0.1:{self.node.ports['imaps']}/INBOX?SUBJECT%20curl",
                  "--user", f"{address(self.n)}:{PASSWORD}")
        self.assertEqual(out.stdout.strip(), "* SEARCH 1")

    def mbsync(self):
        config = os.path.join(self.dir, "mbsyncrc")
        local = os.path.join(self.dir, "mail")
        os.makedirs(local, exist_ok=True)
        with open(config, "w") as f:
            f.write(f"""
IMAPAccount everpost
Host 127.0.0.1
Port {self.node.ports['imap']}
User {address(self.n)}
Pass "{PASSWORD}"
SSLType None
AuthMechs LOGIN

IMAPStore far
Account everpost

MaildirStore near
Path {local}/
Inbox {local}/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
Sync All
SyncState *
""")
        run("mbsync", "-c", config, "-a")
        return local

    @staticmethod
    def maildir(folder):
        found = []
        for sub in ("new", "cur"):
            path = os.path.join(folder, sub)
            for name in os.listdir(path) if os.path.isdir(path) else []:
                with open(os.path.join(path, name), "rb") as f:
                    found.append((os.path.join(path, name), f.read()))
        return found

    def test_mbsync_both_ways(self):
        sent = [make_message(f"for mbsync {i}", f"body {i}\r\n") for i in range(20)]
        self.append(sent)
        local = self.mbsync()

        def body(message):  # mbsync stores with LF and may add an X-TUID header
            return b"\n".join(l for l in message.replace(b"\r\n", b"\n").split(b"\n") if not l.startswith(b"X-TUID"))
        got = self.maildir(os.path.join(local, "INBOX"))
        self.assertEqual(sorted(body(m) for _, m in got), sorted(body(m) for m in sent))
        # The other way: a new message, a read one, a deleted one.
        new = make_message("made here", "by mbsync\r\n")
        with open(os.path.join(local, "INBOX", "new", "1.test.host"), "wb") as f:
            f.write(new.replace(b"\r\n", b"\n"))
        read, gone = got[0], got[1]
        name = os.path.basename(read[0]).split(":2,")[0]
        os.rename(read[0], os.path.join(local, "INBOX", "cur", name + ":2,S"))
        os.remove(gone[0])
        self.mbsync()
        there = self.node.messages(self.n)
        self.assertEqual(sorted(body(m) for m in there),
                         sorted([body(m) for _, m in got if _ != gone[0]] + [body(new)]))
        client = self.node.imap(self.n)
        client.select("INBOX")
        status, data = client.search(None, "SEEN")
        self.assertEqual(len(data[0].split()), 1)
        client.logout()
        # A folder made here appears there.
        os.makedirs(os.path.join(local, "Projects", "cur"))
        os.makedirs(os.path.join(local, "Projects", "new"))
        os.makedirs(os.path.join(local, "Projects", "tmp"))
        self.mbsync()
        client = self.node.imap(self.n)
        status, data = client.list('""', "Projects")
        self.assertIn(b"Projects", data[0])
        client.logout()

    def test_mutt_reads_and_saves(self):
        self.append([make_message("for mutt", "a body for mutt\r\n")])
        rc = os.path.join(self.dir, "muttrc")
        out = os.path.join(self.dir, "saved")
        with open(rc, "w") as f:
            f.write(f"""
set imap_user="{address(self.n)}"
set imap_pass="{PASSWORD}"
set ssl_starttls=no
set ssl_force_tls=no
set folder="imap://127.0.0.1:{self.node.ports['imap']}/"
set spoolfile="imap://127.0.0.1:{self.node.ports['imap']}/INBOX"
set header_cache=""
set confirmappend=no
set confirmcreate=no
set quit=yes
set delete=yes
set mbox_type=mbox
push "<copy-message>{out}<enter><save-message>=Archive<enter><quit>"
""")
        run("script", "-qec", f"mutt -n -F {rc}", "/dev/null", timeout=60,
            env={**os.environ, "TERM": "xterm", "HOME": self.dir})
        with open(out, "rb") as f:
            self.assertIn(b"a body for mutt", f.read())
        self.assertEqual(len(self.node.messages(self.n, "Archive")), 1)
        self.assertEqual(len(self.node.messages(self.n)), 0)

    def test_imaplib_flags_copy_move_expunge(self):
        self.append([make_message(str(i)) for i in range(5)])
        client = self.node.imap(self.n)
        client.select("INBOX")
        self.assertEqual(client.store("1", "+FLAGS", r"(\Seen $Work)")[0], "OK")
        status, data = client.fetch("1", "(FLAGS)")
        self.assertIn(b"$Work", data[0])
        status, data = client.copy("1:2", "Archive")
        self.assertEqual(status, "OK")
        status, data = client.uid("MOVE", "3", "Trash")
        self.assertEqual(status, "OK")
        client.store("1", "+FLAGS", r"(\Deleted)")
        status, data = client.expunge()
        self.assertEqual(data[-1], b"1")
        status, data = client.search(None, "ALL")
        self.assertEqual(data[0], b"1 2 3")
        status, data = client.select("Archive")
        self.assertEqual(data[0], b"2")
        client.select("Trash")
        self.assertEqual(client.search(None, "ALL")[1][0], b"1")
        client.logout()

    def test_idle_tells_of_new_mail(self):
        with self.node.raw("imap") as raw:
            raw.imap(b"a", b'LOGIN "%s" "%s"' % (address(self.n).encode(), PASSWORD.encode()))
            raw.imap(b"b", b"SELECT INBOX")
            raw.send(b"c IDLE\r\n")
            self.assertTrue(raw.line().startswith(b"+ "))
            with self.node.lmtp() as lmtp:
                lmtp.sendmail("a@example.net", address(self.n), make_message("wake up"))
            self.assertEqual(raw.line(), b"* 1 EXISTS\r\n")
            raw.send(b"DONE\r\n")
            self.assertIn(b"c OK", raw.until(b"c"))

    def test_fetch_of_bodies_is_exact(self):
        sent = [make_message("exact", "x" * (i * 997 % 5000) + "\r\n", message_id=f"<exact{i}@test.invalid>")
                for i in range(50)]
        self.append(sent, "Archive")
        self.assertEqual(self.node.messages(self.n, "Archive"), sent)

    def test_mailbox_tree(self):
        client = self.node.imap(self.n)
        self.assertEqual(client.create("a/b/c")[0], "OK")
        self.assertEqual(client.create("a/b/c")[0], "NO")
        self.assertEqual(client.rename("a/b", "z")[0], "OK")
        names = b"\n".join(client.list()[1])
        self.assertIn(b'"/" z/c', names.replace(b'"z/c"', b"z/c"))
        self.assertRegex(names, rb"\\Sent")
        self.assertEqual(client.delete("z/c")[0], "OK")
        self.assertEqual(client.subscribe("z")[0], "OK")
        self.assertIn(b"z", b"\n".join(client.lsub()[1]))
        self.assertEqual(client.create("Entw&APw-rfe")[0], "OK")
        self.assertIn(b"Entw&APw-rfe", b"\n".join(client.list()[1]))
        client.logout()

    def test_scram_login(self):
        for password, wanted in ((PASSWORD, 0), ("wrong", 1)):
            done = run("gsasl", "--imap", f"--connect=127.0.0.1:{self.node.ports['imap']}", "--no-starttls",
                       "--mechanism=SCRAM-SHA-256", f"--authentication-id={address(self.n)}",
                       f"--authorization-id=", f"--password={password}", "--quiet", check=False, input="")
            self.assertEqual(done.returncode != 0, wanted != 0, done.stdout + done.stderr)

    def test_starttls(self):
        client = imaplib.IMAP4("127.0.0.1", self.node.ports["imap"])
        client.starttls(trusting())
        client.login(address(self.n), PASSWORD)
        self.assertEqual(client.select("INBOX")[0], "OK")
        client.logout()


if __name__ == "__main__":
    harness.main()
