"""The daemon's life: how it starts and refuses to, becomes its user, reloads, stops, and what it does when
descriptors or connections run out."""

import contextlib
import json
import os
import pwd
import resource
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request

import harness
from harness import program

DAEMON = program("everpostd")


def certificate(folder, name):
    harness.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem", "-days", "2", "-subj", f"/CN={name}")


class Daemon:
    """everpostd with a configuration of its own."""

    def __init__(self, node="", limits="", http=True, environment=None, preexec=None):
        self.folder = tempfile.mkdtemp(prefix="everpost-daemon-")
        os.chmod(self.folder, 0o755)
        base = harness.free_base_port()
        self.ports = {"smtp": base + 25, "imap": base + 143, "imaps": base + 993, "http": base + 80}
        certificate(self.folder, "first.example")
        self.log_file = f"{self.folder}/log"
        listen = "\n".join(f'{name} = "127.0.0.1:{port}"' for name, port in self.ports.items())
        self.config = self.write("everpost.toml", f"""
[node]
hostname = "mail.example.test"
data_folder = "{self.folder}/data"
shards = 1
{node}
[listen]
{listen}
[tls]
certificate = "{self.folder}/cert.pem"
key = "{self.folder}/key.pem"
[limits]
{limits}
[auth]
plaintext_on_loopback = true
[log]
file = "{self.log_file}"
""")
        self.environment = dict(os.environ, **(environment or {}))
        self.preexec = preexec
        self.program = DAEMON
        self.process = None
        self.clients = contextlib.ExitStack()

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def start(self, *options):
        self.process = subprocess.Popen([self.program, *options, "--config", self.config], stderr=subprocess.PIPE, text=True,
                                        env=self.environment, preexec_fn=self.preexec)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(OSError):
                if self.get("/healthz")[0] == 200:
                    return self
            time.sleep(0.02)
        raise AssertionError(f"did not start: {self.process.poll()} {self.process.stderr.read()}\n{self.log()}")

    def worker(self):
        """The process that does the work; the one that we started is its supervisor."""
        deadline = time.monotonic() + 30
        while not (found := harness.workers(self.process.pid)):
            assert time.monotonic() < deadline, "there is no worker\n" + self.log()
            time.sleep(0.005)
        return found[0]

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.wait()

    def wait(self):
        code = self.process.wait(timeout=60)
        self.process.stderr.close()
        return code

    def get(self, path, method="GET"):
        request = urllib.request.Request(f"http://127.0.0.1:{self.ports['http']}{path}", method=method)
        try:
            with urllib.request.urlopen(request, timeout=5) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def raw(self, port):
        return self.clients.enter_context(harness.Raw(self.ports[port]))

    def log(self):
        with contextlib.suppress(FileNotFoundError), open(self.log_file) as file:
            return file.read()
        return ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.clients.close()
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.wait()
        harness.shutil.rmtree(self.folder, ignore_errors=True)


def fails(*arguments):
    done = harness.run(DAEMON, *arguments, check=False, timeout=30)
    return done.returncode, done.stderr


class Start(unittest.TestCase):
    def test_checks_its_configuration(self):
        with Daemon() as daemon:
            self.assertEqual(harness.run(DAEMON, "--config", daemon.config, "--check-config").stdout,
                             daemon.config + ": fine\n")
            self.assertFalse(os.path.exists(daemon.folder + "/data"))

    def test_says_in_one_line_what_is_wrong(self):
        with Daemon() as daemon:
            bad = daemon.write("bad.toml", "[node]\ncolour = 1\ndata_folder = '/d'\n[listen]\nsmtp = '127.0.0.1:1'\n")
            cut = daemon.write("cert.pem", "no certificate")
            cases = ((("--config", "/nowhere.toml"), 1, "everpostd: /nowhere.toml: No such file or directory; "),
                     (("--config", bad), 1, f"everpostd: {bad}:2:1: node.colour: unknown key; "),
                     (("--config", daemon.config), 1, f"everpostd: tls.certificate {cut}: not a certificate chain"),
                     (("--config", daemon.config, "--check-config"), 1, f"everpostd: tls.certificate {cut}: not a "))
            for arguments, code, text in cases:
                with self.subTest(arguments):
                    got, said = fails(*arguments)
                    self.assertEqual(got, code)
                    self.assertTrue(said.startswith(text), said)
                    self.assertEqual(said.count("\n"), 1, said)
            self.assertEqual(fails("--colour")[0], 2)

    def test_says_who_has_its_port(self):
        with Daemon() as daemon, socket.create_server(("127.0.0.1", daemon.ports["imap"])):
            code, said = fails("--config", daemon.config)
            self.assertEqual(code, 1)
            self.assertIn(f"everpostd: listen.imap: 127.0.0.1:{daemon.ports['imap']}: Address already in use; ", said)

    def test_two_do_not_share_a_data_folder(self):
        with Daemon() as daemon, Daemon() as other:
            daemon.start()
            with open(other.config) as file:
                text = file.read().replace(other.folder + "/data", daemon.folder + "/data")
            code, said = fails("--config", other.write("everpost.toml", text))
            self.assertEqual(code, 1, said)
            self.assertIn("another process", said)
            self.assertEqual(daemon.get("/healthz")[0], 200)

    @unittest.skipIf(os.geteuid() != 0, "needs root")
    def test_root_becomes_its_user_for_good(self):
        nobody = pwd.getpwnam("nobody")
        with Daemon(node='user = "nobody"') as daemon:
            os.chmod(daemon.folder + "/key.pem", 0o600)  # read before root is given up
            os.chmod(daemon.folder, 0o755)
            daemon.start()
            for task in os.listdir(f"/proc/{daemon.worker()}/task"):
                with open(f"/proc/{daemon.worker()}/task/{task}/status") as file:
                    status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
                self.assertEqual(status["Uid"].split(), [str(nobody.pw_uid)] * 4)
                self.assertEqual(status["Gid"].split(), [str(nobody.pw_gid)] * 4)
                self.assertNotIn("0", status["Groups"].split())
                self.assertEqual(int(status["CapEff"], 16), 0)
            for path in (daemon.folder + "/data", daemon.log_file):
                self.assertEqual(os.stat(path).st_uid, nobody.pw_uid)
            self.assertEqual(os.stat(daemon.folder + "/data").st_mode & 0o777, 0o700)
            self.assertEqual(daemon.stop(), 0)

    @unittest.skipIf(os.geteuid() != 0, "needs root")
    def test_refuses_an_unknown_user_and_a_foreign_data_folder(self):
        with Daemon(node='user = "no-such-user"') as daemon:
            code, said = fails("--config", daemon.config)
            self.assertEqual(code, 1)
            self.assertIn('node.user: there is no user "no-such-user" on this machine; ', said)
        with Daemon(node='user = "nobody"') as daemon:
            os.mkdir(daemon.folder + "/data", 0o700)
            code, said = fails("--config", daemon.config)
            self.assertEqual(code, 1)
            self.assertIn("node.data_folder: ", said)
            self.assertIn("chown -R nobody", said)

    @unittest.skipIf(os.geteuid() != 0, "needs root")
    def test_warns_when_it_stays_root(self):
        with Daemon() as daemon:
            daemon.start()
            daemon.stop()
            self.assertIn("stays root", daemon.log())


class Http(unittest.TestCase):
    def test_health_and_metrics(self):
        with Daemon() as daemon:
            daemon.start()
            status, text = daemon.get("/healthz")
            health = json.loads(text)
            self.assertEqual((status, health["status"]), (200, "ok"))
            self.assertEqual([shard["state"] for shard in health["shards"]], ["ok", "ok"])
            daemon.raw("smtp").close()
            status, text = daemon.get("/metrics?x=y")
            self.assertEqual(status, 200)
            self.assertIn('everpost_connections_total{protocol="smtp"} 1', text)
            self.assertIn('everpost_shard_committed_lsn{shard="1"} ', text)
            self.assertIn("process_resident_memory_bytes ", text)
            self.assertEqual(daemon.get("/")[0], 404)
            self.assertEqual(daemon.get("/healthz", "HEAD"), (200, ""))
            self.assertEqual(daemon.get("/healthz", "DELETE")[0], 405)


class Stop(unittest.TestCase):
    def test_says_goodbye_and_closes_cleanly(self):
        with Daemon() as daemon:
            daemon.start()
            smtp, imap = daemon.raw("smtp"), daemon.raw("imap")
            self.assertEqual(smtp.command(b"EHLO x")[:3], b"250")
            begin = time.monotonic()
            daemon.process.send_signal(signal.SIGTERM)
            self.assertEqual(smtp.line()[:3], b"421")
            self.assertTrue(imap.line().startswith(b"* BYE "))
            self.assertEqual((smtp.line(), imap.line()), (b"", b""))
            self.assertEqual(daemon.wait(), 0)
            self.assertLess(time.monotonic() - begin, 8)
            self.assertIn("everpostd stopped", daemon.log())
            daemon.start()
            self.assertIn("clean=yes", daemon.log())
            self.assertEqual(daemon.stop(signal.SIGINT), 0)

    def test_closes_sessions_that_do_not_end(self):
        with Daemon() as daemon:
            daemon.start()
            smtp = daemon.raw("smtp")
            smtp.command(b"EHLO x")
            # Within a command: the rest of the line is waited for, but not for ever.
            with socket.create_connection(("127.0.0.1", daemon.ports["imaps"])) as half_a_handshake:
                half_a_handshake.sendall(b"\x16\x03\x01")
                smtp.send(b"NOO")
                time.sleep(0.2)
                begin = time.monotonic()
                self.assertEqual(daemon.stop(), 0)
                self.assertLess(time.monotonic() - begin, 20)

    def test_an_idle_client_is_told(self):
        with harness.Installation(accounts=1) as node:
            imap = node.raw("imap")
            self.addCleanup(imap.close)
            login = b'LOGIN "%s" "%s"' % (harness.address(1).encode(), harness.PASSWORD.encode())
            self.assertIn(b"a OK", imap.imap(b"a", login))
            self.assertIn(b"b OK", imap.imap(b"b", b"SELECT INBOX"))
            imap.send(b"c IDLE\r\n")
            self.assertTrue(imap.line().startswith(b"+"))
            os.kill(node.pids[0], signal.SIGTERM)
            said = imap.file.read()
            self.assertIn(b"* BYE ", said)

    def test_a_message_under_way_is_taken(self):
        with harness.Installation(accounts=1) as node:
            smtp = node.raw("smtp")
            self.addCleanup(smtp.close)
            for line in (b"EHLO x", b"MAIL FROM:<a@b.test>", b"RCPT TO:<%s>" % harness.address(1).encode(), b"DATA"):
                self.assertIn(smtp.command(line)[:1], b"23")
            smtp.send(b"Subject: half\r\n\r\nfirst\r\n")
            time.sleep(0.1)
            os.kill(node.pids[0], signal.SIGTERM)
            time.sleep(0.3)
            smtp.send(b"second\r\n.\r\n")
            self.assertEqual(smtp.reply()[:3], b"250")
            self.assertEqual(smtp.reply()[:3], b"421")
            while harness.alive(node.pids[0]):
                time.sleep(0.05)
            node.start()
            self.assertIn(b"first\r\nsecond\r\n", node.wait_for_messages(1, 1)[0])


class Reload(unittest.TestCase):
    def subject(self, daemon):
        context = harness.trusting()
        with socket.create_connection(("127.0.0.1", daemon.ports["imaps"])) as plain, \
                context.wrap_socket(plain, server_hostname="x") as tls:
            return ssl.DER_cert_to_PEM_cert(tls.getpeercert(binary_form=True))

    def test_certificate_and_log_anew(self):
        with Daemon() as daemon:
            daemon.start()
            first = self.subject(daemon)
            certificate(daemon.folder, "second.example")
            os.rename(daemon.log_file, daemon.log_file + ".1")
            daemon.process.send_signal(signal.SIGHUP)
            deadline = time.monotonic() + 10
            while "certificate reloaded" not in daemon.log() and time.monotonic() < deadline:
                time.sleep(0.02)
            self.assertIn("certificate reloaded", daemon.log())
            second = self.subject(daemon)
            self.assertNotEqual(first, second)

            daemon.write("cert.pem", "nonsense")
            daemon.process.send_signal(signal.SIGHUP)
            while "certificate not reloaded" not in daemon.log() and time.monotonic() < deadline:
                time.sleep(0.02)
            self.assertEqual(self.subject(daemon), second)
            self.assertEqual(daemon.stop(), 0)


class Limits(unittest.TestCase):
    def test_connections_of_all(self):
        with Daemon(limits="connections = 3") as daemon:
            daemon.start()
            held = [daemon.raw("smtp"), daemon.raw("imap"), daemon.raw("smtp")]
            self.assertTrue(held[0].greeting.startswith(b"220 "))
            self.assertTrue(daemon.raw("smtp").greeting.startswith(b"421 4.3.2 "))
            self.assertTrue(daemon.raw("imap").greeting.startswith(b"* BYE "))
            self.assertEqual(daemon.get("/healthz")[0], 200)
            held.pop().command(b"QUIT")
            deadline = time.monotonic() + 10
            while not daemon.raw("smtp").greeting.startswith(b"220 "):
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.05)

    def test_connections_of_one_address(self):
        with Daemon(limits="connections_per_address = 1") as daemon:
            daemon.start()
            held = daemon.raw("smtp")
            self.assertTrue(held.greeting.startswith(b"220 "))
            self.assertTrue(daemon.raw("imap").greeting.startswith(b"* BYE "))

    def test_descriptors_run_out_and_come_back(self):
        def few():
            resource.setrlimit(resource.RLIMIT_NOFILE, (120, 120))
            os.setgid(65534)
            os.setuid(65534)  # root would raise the limit

        if os.geteuid() != 0:
            self.skipTest("needs root to become somebody else")
        with Daemon(preexec=few) as daemon:
            for path in (daemon.folder, daemon.folder + "/cert.pem", daemon.folder + "/key.pem", daemon.config):
                os.chown(path, 65534, 65534)
            daemon.start()
            self.assertIn("limit of open files is below", daemon.log())
            held = [daemon.clients.enter_context(socket.create_connection(("127.0.0.1", daemon.ports["smtp"])))
                    for _ in range(150)]
            time.sleep(0.5)
            with open(f"/proc/{daemon.worker()}/stat") as file:
                ticks = sum(map(int, file.read().split()[13:15]))
            time.sleep(1)
            with open(f"/proc/{daemon.worker()}/stat") as file:
                burnt = sum(map(int, file.read().split()[13:15])) - ticks
            self.assertLess(burnt / os.sysconf("SC_CLK_TCK"), 0.3, "waits instead of spinning")
            self.assertIn("cannot accept connections", daemon.log())
            for connection in held:
                connection.close()
            self.assertTrue(daemon.raw("smtp").greeting.startswith(b"220 "))
            self.assertEqual(daemon.stop(), 0)

    def test_idle_connections_cost_little(self):
        with Daemon() as daemon:
            daemon.start()

            def rss():
                with open(f"/proc/{daemon.worker()}/statm") as file:
                    return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

            [daemon.raw("imap").close() for _ in range(50)]
            before = rss()
            held = [daemon.raw("imap") for _ in range(900)]
            each = (rss() - before) / len(held)
            self.assertLess(each, 16 << 10, f"{each / 1024:.1f} KiB for an idle connection")
            for connection in held:
                connection.close()


class Systemd(unittest.TestCase):
    def test_is_told(self):
        with tempfile.TemporaryDirectory() as folder, \
                socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(folder + "/notify")
            notify.settimeout(10)
            with Daemon(environment={"NOTIFY_SOCKET": folder + "/notify", "WATCHDOG_USEC": "300000"}) as daemon:
                daemon.start()

                def until(want):
                    said = []
                    while True:
                        said.append(notify.recv(4096).decode())
                        if want in said[-1]:
                            return said

                self.assertTrue(any("STATUS=" in text for text in until("READY=1")))
                until("WATCHDOG=1")
                until("WATCHDOG=1")
                daemon.process.send_signal(signal.SIGTERM)
                until("STOPPING=1")
                self.assertEqual(daemon.wait(), 0)


if __name__ == "__main__":
    harness.main()
