"""A private ensemble of real ZooKeeper servers, from Debian's jar."""

import ctypes
import os
import signal
import socket
import subprocess
import time

JARS = "/usr/share/java/zookeeper.jar:/usr/share/java/slf4j-simple.jar"


def die_with_us():
    """The child gets SIGKILL when this process ends, however it ends."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class ZooKeeper:
    """`hosts`: the address of each server. `prefix`: what is put before the command of a server, to run it elsewhere."""

    PORT = 2181

    def __init__(self, folder, hosts, prefix=()):
        self.folder, self.hosts, self.prefix = folder, list(hosts), list(prefix)
        self.processes = {}
        for i in range(1, len(self.hosts) + 1):
            os.makedirs(self._folder(i))
            with open(self._folder(i) + "/myid", "w") as f:
                f.write(str(i))
            with open(self._folder(i) + "/zoo.cfg", "w") as f:
                f.write("tickTime=500\ninitLimit=20\nsyncLimit=3\nminSessionTimeout=500\nmaxSessionTimeout=20000\n"
                        f"clientPort={self.PORT}\nclientPortAddress={self.hosts[i - 1]}\ndataDir={self._folder(i)}\n"
                        "admin.enableServer=false\n")
                for j, host in enumerate(self.hosts, 1):
                    f.write(f"server.{j}={host}:2888:3888\n")

    def _folder(self, i):
        return f"{self.folder}/zookeeper{i}"

    def addresses(self):
        return [f"{host}:{self.PORT}" for host in self.hosts]

    def start(self, i=None):
        for n in [i] if i else range(1, len(self.hosts) + 1):
            with open(self._folder(n) + "/log", "a") as out:
                self.processes[n] = subprocess.Popen(
                    [*self.prefix, "java", "-Xmx128m", "-XX:+UseSerialGC", "-cp", JARS,
                     "org.apache.zookeeper.server.quorum.QuorumPeerMain", self._folder(n) + "/zoo.cfg"],
                    stdout=out, stderr=out, preexec_fn=die_with_us)

    def wait(self, seconds=60):
        """Until all servers take connections."""
        deadline = time.monotonic() + seconds
        for host in self.hosts:
            while True:
                try:
                    socket.create_connection((host, self.PORT), timeout=2).close()
                    break
                except OSError:
                    if time.monotonic() > deadline:
                        raise TimeoutError(f"ZooKeeper on {host}: not within {seconds} s; see {self.folder}") from None
                    time.sleep(0.1)

    def kill(self, i=None):
        for n in [i] if i else list(self.processes):
            process = self.processes.pop(n)
            process.kill()
            process.wait()
