"""Holds the cluster to what it promised: every acknowledged message is there exactly once with the right bytes, flags
and UIDs are right, all nodes show the same, all copies are equal."""

import re
import time

from load import Appender, Imap, Sender, digest


def read(cluster, node, account, mailbox):
    """UIDVALIDITY, and [(UID, flags, Message-ID, digest of the body)]."""
    client = Imap(cluster.endpoint(node, "imaps"), account)
    try:
        if client.select(mailbox, readonly=True)[0] != "OK":
            raise AssertionError(f"{mailbox} of {account} is not there on node {node}")
        validity = int(client.response("UIDVALIDITY")[1][0])
        status, data = client.fetch("1:*", "(UID FLAGS BODY.PEEK[])")
        assert status == "OK", data
        found = []
        for part in data:
            if isinstance(part, tuple):
                uid = int(re.search(rb"UID (\d+)", part[0])[1])
                flags = frozenset(re.search(rb"FLAGS \(([^)]*)\)", part[0])[1].split()) - {b"\\Recent"}
                header, _, body = part[1].partition(b"\r\n\r\n")
                name = re.search(rb"(?mi)^Message-ID: (<[^>]*>)", header)[1].decode()
                found.append((uid, flags, name, digest(body)))
        return validity, found
    finally:
        client.logout()


def audit_mailbox(where, validity, messages, promised, offered):
    """`promised`: {Message-ID: (UIDVALIDITY or None, UID or None, digest)}."""
    uids = [m[0] for m in messages]
    assert uids == sorted(set(uids)), f"{where}: UIDs are not ascending"
    names = [m[2] for m in messages]
    doubled = {name for name in names if names.count(name) > 1} if len(names) != len(set(names)) else set()
    assert not doubled, f"{where}: there twice: {sorted(doubled)[:5]}"
    there = {name: (uid, flags, body) for uid, flags, name, body in messages}
    lost = [name for name in promised if name not in there]
    assert not lost, f"{where}: {len(lost)} acknowledged messages are lost: {lost[:5]}"
    for name, (uid, _, body) in there.items():
        assert name in offered, f"{where}: {name} was never sent"
        assert body == offered[name], f"{where}: {name} has other bytes than were sent"
        if name in promised and promised[name][0] is not None:
            assert (validity, uid) == promised[name][:2], \
                f"{where}: {name} was promised UID {promised[name][:2]} and has {(validity, uid)}"
    return there


def all_same(views):
    first, *others = views.values()
    return all(other == first for other in others)


def audit(cluster, load, nodes):
    """Reads everything back on each of `nodes`. Returns how many acknowledged messages were found."""
    found = 0
    for account in cluster.accounts:
        senders = [c for c in load.clients if isinstance(c, Sender) and c.account == account]
        inbox_promised = {k: (None, None, v) for c in senders for k, v in c.acknowledged.items()}
        inbox_offered = {k: v for c in senders for k, v in c.offered.items()}
        views = {}
        for n in nodes:
            views[n] = read(cluster, n, account, "INBOX")
            audit_mailbox(f"INBOX of {account} on node {n}", *views[n], inbox_promised, inbox_offered)
        assert all_same(views), f"INBOX of {account} differs between nodes"
        found += len(inbox_promised)
        for c in load.clients:
            if not isinstance(c, Appender) or c.account != account or not c.acknowledged:
                continue
            promised = {k: v for k, v in c.acknowledged.items() if k not in c.unsure}
            views = {}
            for n in nodes:
                where = f"{c.mailbox} of {account} on node {n}"
                views[n] = read(cluster, n, account, c.mailbox)
                there = audit_mailbox(where, *views[n], promised, c.offered)
                for name in c.gone:
                    assert name not in there, f"{where}: the acknowledged expunge of {name} is undone"
                for name in c.flagged & set(promised):
                    assert b"\\Flagged" in there[name][1], f"{where}: the acknowledged flag of {name} is lost"
            assert all_same(views), f"{c.mailbox} of {account} differs between nodes"
            found += len(promised)
    return found


def wait_for_equal_copies(cluster, nodes, seconds=120):
    """All copies in sync, applied as far, with one digest."""
    deadline = time.monotonic() + seconds
    while True:
        copies = cluster.copies()
        wrong = []
        by_shard = {}
        for copy in copies:
            by_shard.setdefault(copy["shard"], []).append(copy)
        for shard, those in sorted(by_shard.items()):
            here = [c for c in those if c.get("node") in nodes and "digest" in c]
            if len(here) < len(nodes):
                wrong.append(f"shard {shard}: {len(here)} copies answer")
            elif len({c["applied_lsn"] for c in here}) > 1:
                wrong.append(f"shard {shard}: applied to {[c['applied_lsn'] for c in here]}")
            elif len({c["digest"] for c in here}) > 1:
                raise AssertionError(f"shard {shard}: DIGESTS DIFFER at one LSN: "
                                     f"{[(c['node'], c['digest']) for c in here]}")
            elif not all(c.get("in_sync") for c in here):
                wrong.append(f"shard {shard}: in sync {[c['node'] for c in here if c.get('in_sync')]}")
        if not wrong:
            return
        if time.monotonic() > deadline:
            raise AssertionError(f"copies are not equal after {seconds} s: {'; '.join(wrong)}")
        time.sleep(0.2)
