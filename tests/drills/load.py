"""Mail flows while a drill breaks things: senders, appenders and sessions that only stay open. Each notes what it was
promised, and when; audit.py holds the cluster to it."""

import hashlib
import imaplib
import random
import re
import smtplib
import socket
import ssl
import threading
import time

from cluster import PASSWORD

MAIL_ERRORS = (OSError, EOFError, smtplib.SMTPException, imaplib.IMAP4.error, imaplib.IMAP4.abort, ValueError)


def trusting():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


class Imap(imaplib.IMAP4):
    """IMAP under TLS from the start, with a limit for connecting and one for each answer."""

    def __init__(self, endpoint, account, timeout=60, connect_timeout=2):
        self.connect_timeout, self.answer_timeout = connect_timeout, timeout
        super().__init__(*endpoint)
        self.login(account, PASSWORD)

    def _create_socket(self, timeout):
        plain = socket.create_connection((self.host, self.port), timeout=self.connect_timeout)
        secure = trusting().wrap_socket(plain)
        secure.settimeout(self.answer_timeout)
        return secure


def make_body(name):
    return "".join(random.choices("abcdefghijklmnopqrstuvwxyz      \r", k=1500)).replace("\r", "\r\n") + f"\r\n{name}\r\n"


def digest(body):
    return hashlib.sha256(body if isinstance(body, bytes) else body.encode()).hexdigest()


class Client(threading.Thread):
    """`nodes`: a function that says which nodes to go to now. A client leaves a node that is not among them."""

    def __init__(self, cluster, account, nodes, number):
        super().__init__(daemon=True)
        self.cluster, self.account, self.nodes, self.number = cluster, account, nodes, number
        self.stopping = threading.Event()
        self.node = None
        self.count = 0
        self.times = []  # of each acknowledgement, monotonic

    def endpoint(self, protocol):
        self.node = random.choice(self.nodes())
        return self.cluster.endpoint(self.node, protocol)

    def goes_on(self):
        return not self.stopping.is_set() and self.node in self.nodes()

    def run(self):
        while not self.stopping.is_set():
            try:
                self.converse()
            except MAIL_ERRORS:
                time.sleep(0.02)

    def new_message(self, kind):
        self.count += 1
        name = f"<{self.number}.{self.count}.{kind}@drill.example>"
        body = make_body(name)
        return name, body, f"Message-ID: {name}\r\nSubject: {kind} {self.count}\r\n\r\n{body}"


class Sender(Client):
    """Delivers by LMTP."""

    ANSWER_TIMEOUT = 70  # the cluster tries for 60 s

    def __init__(self, *args):
        super().__init__(*args)
        self.acknowledged = {}  # Message-ID -> digest of the body
        self.offered = {}       # may be there or not; never twice

    def converse(self):
        client = smtplib.LMTP()
        client.timeout = 2  # for connecting and the greeting
        client.connect(*self.endpoint("lmtp"))
        client.sock.settimeout(self.ANSWER_TIMEOUT)
        try:
            while self.goes_on():
                name, body, message = self.new_message("lmtp")
                self.offered[name] = digest(body)
                client.sendmail("load@sender.example", [self.account], message)
                self.acknowledged[name] = self.offered[name]
                self.times.append(time.monotonic())
                time.sleep(0.01)
        finally:
            client.close()


class Stubborn(Sender):
    """Stays where it is, also on the node that is about to die, and gives up on an answer soon: what is on its way when
    a node dies is what this one sends."""

    ANSWER_TIMEOUT = 3

    def goes_on(self):
        return not self.stopping.is_set()


class Appender(Client):
    """Appends to a mailbox of its own, sets flags, expunges some."""

    def __init__(self, *args):
        super().__init__(*args)
        self.mailbox = f"Drill{self.number}"
        self.acknowledged = {}  # Message-ID -> (UIDVALIDITY, UID, digest)
        self.offered = {}
        self.flagged, self.gone, self.unsure = set(), set(), set()

    def converse(self):
        client = Imap(self.endpoint("imaps"), self.account, timeout=70)
        try:
            client.create(self.mailbox)  # NO when it is there
            client.select(self.mailbox)
            while self.goes_on():
                self.append(client)
                time.sleep(0.01)
        finally:
            client.shutdown()

    def append(self, client):
        name, body, message = self.new_message("append")
        self.offered[name] = digest(body)
        status, data = client.append(self.mailbox, None, None, message.encode())
        placed = re.search(rb"APPENDUID (\d+) (\d+)", data[0] or b"")
        if status != "OK" or not placed:
            return
        self.acknowledged[name] = (int(placed[1]), int(placed[2]), self.offered[name])
        self.times.append(time.monotonic())
        uid = placed[2].decode()
        if random.random() < 0.5 and client.uid("STORE", uid, "+FLAGS.SILENT", r"(\Flagged)")[0] == "OK":
            self.flagged.add(name)
        if random.random() < 0.1:
            victim = random.choice(list(self.acknowledged))
            self.unsure.add(victim)
            uid = str(self.acknowledged[victim][1])
            if client.uid("STORE", uid, "+FLAGS.SILENT", r"(\Deleted)")[0] == "OK" and \
                    client.uid("EXPUNGE", uid)[0] == "OK":
                self.gone.add(victim)


class OpenSession(threading.Thread):
    """A mail client that stays logged in on one node and asks for news ten times a second."""

    def __init__(self, cluster, account, node):
        super().__init__(daemon=True)
        self.node, self.account = node, account
        self.stopping = threading.Event()
        self.lost = None
        self.answers = 0
        self.client = Imap(cluster.endpoint(node, "imaps"), account, timeout=70)
        self.client.select()

    def run(self):
        while not self.stopping.is_set():
            try:
                if self.client.noop()[0] != "OK":
                    raise imaplib.IMAP4.error("NO to NOOP")
                self.answers += 1
            except MAIL_ERRORS as failure:
                if not self.stopping.is_set():
                    self.lost = f"{type(failure).__name__}: {failure}"
                return
            time.sleep(0.1)


class Load:
    """Two senders and an appender for each account, on the nodes that are not in `avoid`; one sender for each account
    that does not avoid them; a session of the first account on each node."""

    def __init__(self, cluster, nodes):
        self.cluster = cluster
        self.avoid = set()
        self.all_nodes = list(nodes)
        self.clients, self.sessions = [], []
        for number, account in enumerate(cluster.accounts):
            for kind in (Sender, Sender, Appender):
                self.clients.append(kind(cluster, account, self.nodes, len(self.clients)))
            self.clients.append(Stubborn(cluster, account, lambda: self.all_nodes, len(self.clients)))
        self.open_sessions()
        for thread in (*self.clients, *self.sessions):
            thread.start()

    def again(self):
        """For the next drill: sessions on all nodes."""
        for session in self.open_sessions():
            session.start()

    def open_sessions(self):
        """Anew where one was lost."""
        account = next(iter(self.cluster.accounts))
        kept = [s for s in self.sessions if not s.lost]
        fresh = [OpenSession(self.cluster, account, n) for n in self.all_nodes if n not in {s.node for s in kept}]
        self.sessions = kept + fresh
        return fresh

    def nodes(self):
        return [n for n in self.all_nodes if n not in self.avoid] or self.all_nodes

    def stop(self):
        for thread in (*self.clients, *self.sessions):
            thread.stopping.set()
        for thread in (*self.clients, *self.sessions):
            thread.join(120)
            if thread.is_alive():
                raise AssertionError(f"a client of {thread.account} still waits for an answer after 120 s")

    def lost_sessions(self, nodes):
        return {s.node: s.lost for s in self.sessions if s.node in nodes and s.lost}

    def gaps(self, begin, end):
        """{account: the longest time within [begin, end] in which nothing of it was acknowledged}, in seconds."""
        found = {}
        for account in self.cluster.accounts:
            times = sorted(t for c in self.clients if c.account == account for t in c.times if begin <= t <= end)
            edges = [begin, *times, end]
            found[account] = max(b - a for a, b in zip(edges, edges[1:]))
        return found

    def acknowledged(self):
        return sum(len(c.acknowledged) for c in self.clients)
