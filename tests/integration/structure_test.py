"""What FETCH and SEARCH say of a message's inside, against Python's email package: the tree of parts, the
bytes of each part and of its header, and texts found behind encodings and charsets. The messages are random;
the seed is printed, and EVERPOST_SEED replays it."""

import email
import email.mime.application
import email.mime.message
import email.mime.multipart
import email.mime.text
import email.policy
import os
import random
import re
import unittest

import harness

SEED = int(os.environ.get("EVERPOST_SEED", random.randrange(1 << 32)))
MESSAGES = 60


def random_part(rnd, depth, words):
    kind = rnd.random()
    if depth > 3 or kind < 0.45:
        word = f"w{rnd.randrange(1 << 40):x}é"
        words.append(word)
        lines = ["hello", "", "--", "-- =_not a boundary", f"a {word} b", "= 20", "." * rnd.randrange(100)]
        rnd.shuffle(lines)
        charset = rnd.choice(["utf-8", "iso-8859-1", "utf-16"])
        return email.mime.text.MIMEText("\n".join(lines), rnd.choice(["plain", "html"]), charset)
    if kind < 0.55:
        data = bytes(rnd.randrange(256) for _ in range(rnd.randrange(3000)))
        part = email.mime.application.MIMEApplication(data, "pdf")
        part.add_header("Content-Disposition", "attachment", filename="a b.pdf")
        return part
    if kind < 0.7:
        inner = random_part(rnd, depth + 1, words)
        inner["Subject"] = "inner"
        return email.mime.message.MIMEMessage(inner)
    part = email.mime.multipart.MIMEMultipart(rnd.choice(["mixed", "alternative", "related"]))
    for _ in range(rnd.randrange(1, 5)):
        part.attach(random_part(rnd, depth + 1, words))
    return part


def parse_list(text):
    """The parenthesized list that an IMAP response begins with, as nested Python lists. Without literals."""
    stack = [[]]
    for token in re.finditer(r'\(|\)|"((?:[^"\\]|\\.)*)"|[^\s()"]+', text):
        if token[0] == "(":
            stack.append([])
        elif token[0] == ")":
            done = stack.pop()
            if len(stack) == 1:
                return done
            stack[-1].append(done)
        elif token[1] is not None:
            stack[-1].append(re.sub(r"\\(.)", r"\1", token[1]))
        else:
            stack[-1].append(None if token[0] == "NIL" else token[0])
    raise ValueError(text)


def tree_of_structure(body):
    if isinstance(body[0], list):
        parts = [b for b in body if isinstance(b, list)]
        parts = parts[: next(i for i, b in enumerate(body) if not isinstance(b, list))]
        return (f"multipart/{body[len(parts)]}".lower(), [tree_of_structure(p) for p in parts])
    kind = f"{body[0]}/{body[1]}".lower()
    return (kind, [tree_of_structure(body[8])] if kind == "message/rfc822" else [])


def tree_of_message(message):
    children = message.get_payload() if message.is_multipart() else []
    return (message.get_content_type(), [tree_of_message(c) for c in children])


def sections(message, prefix=""):
    """(section, email part) of every part that has a number (RFC 3501 §6.4.5)."""
    if message.get_content_maintype() == "multipart":
        parts = [(f"{prefix}{i}", part) for i, part in enumerate(message.get_payload(), 1)]
    else:
        parts = [(f"{prefix}1", message)]
    for number, part in parts:
        yield number, part
        if part.get_content_maintype() == "multipart":
            yield from sections(part, number + ".")
        elif part.get_content_type() == "message/rfc822":
            yield from sections(part.get_payload(0), number + ".")


class Structure(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        print("seed", SEED)
        cls.node = harness.Installation(accounts=1)
        cls.addClassCleanup(cls.node.close)
        rnd = random.Random(SEED)
        cls.messages, cls.words = [], []
        cls.client = cls.node.imap()
        cls.addClassCleanup(cls.client.logout)
        for i in range(MESSAGES):
            words = []
            message = random_part(rnd, 0, words)
            message["Subject"] = f"message {i} déjà vu"
            message["From"] = "Jörg <joerg@example.org>"
            data = message.as_bytes(policy=message.policy.clone(linesep="\r\n"))
            data = re.sub(rb"\r?\n", b"\r\n", data)
            cls.messages.append(data)
            cls.words.append(words)
            assert cls.client.append("INBOX", None, None, data)[0] == "OK"
        cls.client.select("INBOX")

    def fetch(self, number, item):
        status, data = self.client.fetch(str(number), f"({item})")
        self.assertEqual(status, "OK", data)
        return data[0]

    def test_bodystructure_has_the_parts_that_there_are(self):
        for number, data in enumerate(self.messages, 1):
            with self.subTest(message=number):
                answer = self.fetch(number, "BODYSTRUCTURE").decode()
                body = parse_list(answer[answer.index("BODYSTRUCTURE") + 13:])
                self.assertEqual(tree_of_structure(body), tree_of_message(email.message_from_bytes(data)))

    def test_sections_are_the_bytes_of_the_parts(self):
        for number, data in enumerate(self.messages, 1):
            for section, part in sections(email.message_from_bytes(data)):
                with self.subTest(message=number, section=section):
                    got = self.fetch(number, f"BODY.PEEK[{section}]")[1]
                    if part.is_multipart():
                        self.assertIn(got, data)
                    else:
                        self.assertEqual(got, part.get_payload().encode("ascii", "surrogateescape"))
                    mime = self.fetch(number, f"BODY.PEEK[{section}.MIME]")[1]
                    self.assertTrue(mime.endswith(b"\r\n\r\n"))
                    self.assertEqual(email.message_from_bytes(mime).items(), part.items())
                    self.assertIn(mime + got, data)

    def test_header_and_text_are_the_whole_message(self):
        for number, data in enumerate(self.messages, 1):
            header, text = self.fetch(number, "BODY.PEEK[HEADER]")[1], self.fetch(number, "BODY.PEEK[TEXT]")[1]
            self.assertEqual(header + text, data)
            piece = self.fetch(number, "BODY.PEEK[]<10.20>")[1]
            self.assertEqual(piece, data[10:30])

    def test_search_finds_each_message_by_its_words(self):
        for number, words in enumerate(self.words, 1):
            for word in words:
                with self.subTest(message=number, word=word):
                    self.client.literal = word.upper().encode()
                    status, found = self.client.search("UTF-8", "BODY")
                    self.assertEqual((status, found), ("OK", [str(number).encode()]))

    def test_search_reads_encoded_headers(self):
        everything = " ".join(str(n) for n in range(1, MESSAGES + 1)).encode()
        for key, text, want in [("FROM", "jÖRG", everything), ("SUBJECT", "DÉJÀ", everything), ("TO", "jörg", b"")]:
            self.client.literal = text.encode()
            self.assertEqual(self.client.search("UTF-8", key), ("OK", [want]))


if __name__ == "__main__":
    unittest.main()
