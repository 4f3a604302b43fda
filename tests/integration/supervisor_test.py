"""The supervisor: workers that die are replaced, planned restarts refuse no connection, a disk that failed twice
is not tried a third time."""

import os
import pwd
import re
import shutil
import signal
import socket
import tempfile
import threading
import time
import unittest

import harness
from daemon_test import Daemon, fails
from harness import Raw, alive, program

FAIL_SYNC = program("libfail_sync.so")


def wait(what, condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError("not within %d s: %s" % (seconds, what() if callable(what) else what))
        time.sleep(0.01)
    return value


def refused(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
        return False
    except ConnectionRefusedError:
        return True


def said(daemon, text):
    wait(lambda: text + " in the log\n" + daemon.log(), lambda: text in daemon.log())


def next_worker(daemon, before):
    return wait(lambda: "a new worker\n" + daemon.log(),
                lambda: next((pid for pid in harness.workers(daemon.process.pid) if pid != before), None))


def serves(daemon):
    with Raw(daemon.ports["smtp"]) as client:
        return client.greeting.startswith(b"220 ") and client.command(b"QUIT").startswith(b"221")


class Deaths(unittest.TestCase):
    def test_a_worker_that_is_killed_is_replaced_and_no_connection_is_refused(self):
        with Daemon() as daemon:
            daemon.start()
            worker = daemon.worker()
            os.kill(worker, signal.SIGKILL)
            clients = []
            while not alive(worker) and len(clients) < 20 or len(clients) < 3:
                clients.append(daemon.raw("smtp") if len(clients) == 0 else
                               daemon.clients.enter_context(Raw(daemon.ports["smtp"], greet=False)))
            for client in clients[1:]:
                self.assertTrue(client.line().startswith(b"220 "))
            self.assertTrue(clients[0].greeting.startswith(b"220 "))
            self.assertNotEqual(daemon.worker(), worker)
            self.assertRegex(daemon.log(), rf"worker died pid={worker} how=\"killed by SIGKILL\" again_in_ms=0")
            self.assertIn("\neverpost_worker_restarts_total 1\n", daemon.get("/metrics")[1])
            self.assertEqual(daemon.stop(), 0)

    def test_one_that_dies_again_and_again_is_waited_for_longer_and_longer(self):
        with Daemon() as daemon:
            daemon.start()
            worker = daemon.worker()
            for _ in range(5):
                os.kill(worker, signal.SIGKILL)
                worker = next_worker(daemon, worker)
            waits = [int(ms) for ms in re.findall(r"worker died .* again_in_ms=(\d+)", daemon.log())]
            self.assertEqual(waits, [0, 100, 200, 400, 800])
            wait("it serves", lambda: serves(daemon))
            self.assertEqual(daemon.stop(), 0)

    def test_stops_while_it_waits(self):
        with Daemon() as daemon:
            daemon.start()
            worker = daemon.worker()
            for _ in range(5):
                os.kill(worker, signal.SIGKILL)
                worker = next_worker(daemon, worker)
            os.kill(worker, signal.SIGKILL)  # 1.6 s to wait
            said(daemon, "again_in_ms=1600")
            self.assertFalse(refused(daemon.ports["smtp"]))
            begin = time.monotonic()
            self.assertEqual(daemon.stop(), 0)
            self.assertLess(time.monotonic() - begin, 1)
            self.assertTrue(refused(daemon.ports["smtp"]))

    def test_a_supervisor_that_is_killed_takes_its_worker_with_it(self):
        with Daemon() as daemon:
            daemon.start()
            worker = daemon.worker()
            daemon.process.kill()
            daemon.wait()
            daemon.start()  # at once, without waiting for the worker's end
            wait("the worker ends", lambda: not alive(worker), 5)
            self.assertTrue(serves(daemon))
            self.assertEqual(daemon.stop(), 0)


    @unittest.skipIf(os.geteuid() != 0, "needs root")
    def test_root_can_start_another_and_each_becomes_its_user(self):
        nobody = pwd.getpwnam("nobody").pw_uid
        with Daemon(node='user = "nobody"') as daemon:
            os.chmod(daemon.folder + "/key.pem", 0o600)  # which only root can read
            daemon.start()
            worker = daemon.worker()
            for number in (signal.SIGKILL, signal.SIGUSR2):
                os.kill(worker if number == signal.SIGKILL else daemon.process.pid, number)
                worker = next_worker(daemon, worker)
                wait("it serves", lambda: serves(daemon))
                with open(f"/proc/{worker}/status") as file:
                    self.assertIn("\nUid:" + 4 * f"\t{nobody}" + "\n", file.read())
            daemon.process.kill()  # the worker remembers its wish beyond the change of user
            daemon.wait()
            wait("the worker ends", lambda: not alive(worker), 5)


class Stop(unittest.TestCase):
    def test_both_end(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number), Daemon() as daemon:
                daemon.start()
                worker = daemon.worker()
                self.assertEqual(daemon.stop(number), 0)
                self.assertFalse(alive(worker))
                self.assertIn("everpostd stopped", daemon.log())
                self.assertTrue(refused(daemon.ports["smtp"]))

    def test_a_signal_to_all_is_one_stop(self):
        with Daemon() as daemon:
            daemon.start()
            for pid in (daemon.process.pid, daemon.worker()):
                os.kill(pid, signal.SIGTERM)
            self.assertEqual(daemon.wait(), 0)
            self.assertIn("everpostd stopped", daemon.log())
            self.assertNotIn("worker died", daemon.log())

    def test_a_second_signal_ends_it_at_once(self):
        with Daemon() as daemon:
            daemon.start()
            smtp = daemon.raw("smtp")
            for line in (b"EHLO x", b"MAIL FROM:<a@b.test>"):
                smtp.command(line)
            worker = daemon.worker()
            os.kill(worker, signal.SIGSTOP)  # it does not end by itself
            daemon.process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
            self.assertIsNone(daemon.process.poll())
            self.assertEqual(daemon.stop(), 128 + signal.SIGKILL)
            self.assertFalse(alive(worker))

    def test_a_watchdog_that_bites_ends_both(self):
        with Daemon() as daemon:
            daemon.start()
            worker = daemon.worker()
            self.assertEqual(daemon.stop(signal.SIGABRT), 128 + signal.SIGABRT)
            self.assertFalse(alive(worker))

    def test_without_a_supervisor_there_is_one_process(self):
        with Daemon() as daemon:
            daemon.start("--no-supervisor")
            self.assertEqual(harness.workers(daemon.process.pid), [])
            self.assertTrue(serves(daemon))
            self.assertEqual(daemon.stop(), 0)

    def test_a_worker_is_started_by_a_supervisor_only(self):
        with Daemon() as daemon:
            code, text = fails("--config", daemon.config, "--worker")
            self.assertEqual(code, 2)
            self.assertIn("for the supervisor only", text)


class Clients(threading.Thread):
    """Connects all the time and talks; keeps what went wrong."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.stopping = port, threading.Event()
        self.served, self.wrong, self.longest = 0, [], 0

    def run(self):
        while not self.stopping.is_set():
            begin = time.monotonic()
            try:
                with Raw(self.port) as client:
                    if client.greeting.startswith(b"220 "):
                        client.command(b"QUIT")
                        self.served += 1
                    else:
                        self.wrong.append(client.greeting)
            except (BrokenPipeError, ConnectionResetError):
                pass  # after the greeting: it had said goodbye first
            except OSError as error:
                self.wrong.append(error)
            self.longest = max(self.longest, time.monotonic() - begin)


class PlannedRestart(unittest.TestCase):
    def test_starts_the_new_program_and_refuses_no_connection(self):
        with Daemon() as daemon, tempfile.TemporaryDirectory() as folder:
            daemon.program = folder + "/everpostd"
            shutil.copy(program("everpostd"), daemon.program)
            daemon.start()
            supervisor, worker = daemon.process.pid, daemon.worker()
            clients = [Clients(daemon.ports["smtp"]) for _ in range(4)]
            for client in clients:
                client.start()
            for _ in range(3):
                shutil.copy(program("everpostd"), folder + "/new")  # as a package does
                os.rename(folder + "/new", daemon.program)
                file = os.stat(daemon.program).st_ino
                daemon.process.send_signal(signal.SIGUSR2)
                worker = next_worker(daemon, worker)
                served = sum(client.served for client in clients)
                wait("clients are served again",
                     lambda before=served: sum(client.served for client in clients) > before + 20)
                for pid in (supervisor, worker):
                    self.assertEqual(os.stat(f"/proc/{pid}/exe").st_ino, file)
            for client in clients:
                client.stopping.set()
            for client in clients:
                client.join(30)
                self.assertEqual(client.wrong, [])
            print(f"{sum(c.served for c in clients)} connections served, the longest waited for "
                  f"{1000 * max(c.longest for c in clients):.0f} ms")
            self.assertNotIn("worker died", daemon.log())
            self.assertIn("\neverpost_worker_restarts_total 0\n", daemon.get("/metrics")[1])
            opened = re.findall("shard open .* clean=(yes|no)", daemon.log())
            self.assertEqual(set(opened[2:]), {"yes"})  # the first two were made
            self.assertEqual(daemon.stop(), 0)

    def test_a_bad_configuration_or_program_keeps_the_old_worker(self):
        with Daemon() as daemon, tempfile.TemporaryDirectory() as folder, \
                socket.create_server(("127.0.0.1", 0)) as taken:
            daemon.program = folder + "/everpostd"
            shutil.copy(program("everpostd"), daemon.program)
            daemon.start()
            worker = daemon.worker()
            with open(daemon.config) as file:
                good = file.read()

            def restart(times):
                daemon.process.send_signal(signal.SIGUSR2)
                wait("planned restart given up\n" + daemon.log(),
                     lambda: daemon.log().count("planned restart given up, the worker goes on") == times)
                self.assertEqual(daemon.worker(), worker)
                self.assertTrue(serves(daemon))

            daemon.write("everpost.toml", good.replace("shards = 1", "shards = 1\ncolour = 1"))
            restart(1)
            self.assertIn("node.colour: unknown key", daemon.log())

            # Only the attempt shows that a port is taken.
            address = f'lmtp = "127.0.0.1:{taken.getsockname()[1]}"\nimap ='
            daemon.write("everpost.toml", good.replace("imap =", address))
            restart(2)
            self.assertIn("Address already in use", daemon.log())

            os.rename(daemon.program, daemon.program + ".good")
            with open(daemon.program, "w") as file:
                file.write("nonsense")
            os.chmod(daemon.program, 0o755)
            daemon.write("everpost.toml", good)
            restart(3)
            os.rename(daemon.program + ".good", daemon.program)

            # Another port of the block, and one less.
            lmtp, old = daemon.ports["smtp"] - 1, daemon.ports["imap"]
            daemon.write("everpost.toml", good.replace(f'imap = "127.0.0.1:{old}"', f'lmtp = "127.0.0.1:{lmtp}"'))
            daemon.process.send_signal(signal.SIGUSR2)
            next_worker(daemon, worker)
            with Raw(lmtp) as client:
                self.assertTrue(client.greeting.startswith(b"220 "))
            self.assertTrue(refused(old))
            self.assertEqual(daemon.stop(), 0)

    def test_is_no_stop_for_systemd(self):
        with tempfile.TemporaryDirectory() as folder, \
                socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(folder + "/notify")
            notify.settimeout(20)
            with Daemon(environment={"NOTIFY_SOCKET": folder + "/notify", "WATCHDOG_USEC": "300000"}) as daemon:
                daemon.start()

                def until(want):
                    texts = []
                    while True:
                        texts.append(notify.recv(4096).decode())
                        if want in texts[-1]:
                            return texts

                until("READY=1")
                until("WATCHDOG=1")
                worker = daemon.worker()
                daemon.process.send_signal(signal.SIGUSR2)
                self.assertFalse([text for text in until("READY=1") if "STOPPING" in text])
                # While there is no worker the supervisor answers for it.
                for _ in range(4):
                    os.kill(worker := next_worker(daemon, worker), signal.SIGKILL)
                said(daemon, "again_in_ms=400")
                until("WATCHDOG=1")
                self.assertEqual(daemon.stop(), 0)
                until("STOPPING=1")


@unittest.skipUnless(os.path.exists(FAIL_SYNC), "this build has no " + FAIL_SYNC)
class DiskFailure(unittest.TestCase):  # H24
    def fail(self, daemon):
        open(self.trigger, "w").close()  # the next fdatasync fails
        try:
            with Raw(daemon.ports["imap"]) as client:
                client.imap(b"a", b"LOGIN nobody@example.test x")
            harness.run(program("everpost"), "--socket", daemon.folder + "/data/admin.sock", "domain", "add",
                        "a%d.example" % time.monotonic_ns(), check=False)
        except OSError:
            pass

    def test_the_second_within_an_hour_is_the_last(self):
        with tempfile.TemporaryDirectory() as folder:
            self.trigger = folder + "/fail"
            with Daemon(environment={"LD_PRELOAD": FAIL_SYNC, "EVERPOST_FAIL_SYNC": self.trigger}) as daemon:
                note = daemon.folder + "/data/disk-failures"
                daemon.start()
                worker = daemon.worker()
                self.fail(daemon)
                said(daemon, f'worker died pid={worker} how="exited with status 74"')
                wait("it serves", lambda: serves(daemon))
                with open(note) as file:
                    self.assertRegex(file.read(), r"^\d+ shard \d+: .*Input/output error.*\n$")

                self.fail(daemon)
                self.assertEqual(daemon.wait(), 74)
                self.assertIn(f"then remove {note} and start again", daemon.log())

                for options in ((), ("--no-supervisor",)):
                    code, text = fails(*options, "--config", daemon.config)
                    self.assertEqual(code, 74, text)
                    self.assertIn(f"then remove {note} and start again", text)
                    self.assertEqual(text.count("\n"), 1, text)

                with open(note) as file:
                    lines = file.read().splitlines()
                with open(note, "w") as file:  # the first was longer ago
                    file.write(f"{int(time.time()) - 3700} shard 0: before\n{lines[1]}\n")
                daemon.start()
                self.assertEqual(daemon.stop(), 0)
                os.remove(note)
                daemon.start()
                self.assertTrue(serves(daemon))
                self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    harness.main()
