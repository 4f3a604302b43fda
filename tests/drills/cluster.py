"""Three nodes as hosts of their own: each in a network namespace, on one bridge, with a real ZooKeeper ensemble of
three servers in a fourth namespace. Needs root.

A cable is cut by taking down the bridge's end of it. One direction to one peer is cut by a wrong hardware address
for it: packets leave, and nobody takes them. Both are silent, as in a machine room.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../integration"))
from harness import DOMAIN, PASSWORD, program, run  # noqa: E402
from zookeeper import ZooKeeper, die_with_us  # noqa: E402

NODES = (1, 2, 3)
SHARDS = 3
PORTS = {"smtp": 2525, "lmtp": 2524, "imaps": 2993, "http": 2580, "cluster": 2742}
NOWHERE = "02:00:00:00:de:ad"


def ip(*args, check=True):
    return run("ip", *args, check=check)


class Cluster:
    def __init__(self, accounts=6):
        self.dir = tempfile.mkdtemp(prefix="everpost-drill-")
        self.tag = f"ep{os.getpid() % 100000}"
        self.net = f"10.88.{os.getpid() % 250}"
        self.processes = {}
        self.disks = set()
        try:
            self._make_network()
            self.zookeeper = ZooKeeper(self.dir, [f"{self.net}.{100 + i}" for i in (1, 2, 3)], self._in("z"))
            self.zookeeper.start()
            self.zookeeper.wait()
            self._make_certificate()
            run(program("everpost"), "cluster", "init", "--zookeeper", ",".join(self.zookeeper.addresses()),
                "--nodes", ",".join(map(str, NODES)), "--shards", str(SHARDS), "--certificates",
                self.dir + "/certificates")
            for n in NODES:
                self._configure(n)
                self.start(n, wait=False)
            for n in NODES:
                self.wait_until_serving(n)
            self._make_accounts(accounts)
        except BaseException:
            self.close()
            raise

    # --- the network

    def _in(self, name):
        return ["ip", "netns", "exec", f"{self.tag}{name}"]

    def _make_network(self):
        bridge = f"{self.tag}b"
        ip("link", "add", bridge, "type", "bridge")
        ip("addr", "add", f"{self.net}.254/24", "dev", bridge)
        ip("link", "set", bridge, "up")
        for name in (*map(str, NODES), "z"):
            space, outer = f"{self.tag}{name}", f"{self.tag}v{name}"
            ip("netns", "add", space)
            ip("link", "add", outer, "type", "veth", "peer", "name", "eth0", "netns", space)
            ip("link", "set", outer, "master", bridge, "up")
            inner = [f"{self.net}.{100 + i}" for i in (1, 2, 3)] if name == "z" else [f"{self.net}.{name}"]
            for address in inner:
                ip("-n", space, "addr", "add", f"{address}/24", "dev", "eth0")
            ip("-n", space, "link", "set", "lo", "up")
            ip("-n", space, "link", "set", "eth0", "up")

    def cut(self, n):
        """The node's cable is out."""
        ip("link", "set", f"{self.tag}v{n}", "down")

    def cut_way(self, n, to):
        """Packets of node `n` for node `to` get lost."""
        ip("-n", f"{self.tag}{n}", "neigh", "replace", f"{self.net}.{to}", "lladdr", NOWHERE, "nud", "permanent",
           "dev", "eth0")

    def cut_zookeeper(self, n):
        for i in (101, 102, 103):
            self.cut_way(n, i)

    def heal(self, n):
        ip("link", "set", f"{self.tag}v{n}", "up")
        for other in (*NODES, 101, 102, 103):
            ip("-n", f"{self.tag}{n}", "neigh", "del", f"{self.net}.{other}", "dev", "eth0", check=False)

    # --- the nodes

    def folder(self, n):
        return f"{self.dir}/node{n}"

    def data(self, n):
        return f"{self.folder(n)}/data"

    def log_file(self, n):
        return f"{self.folder(n)}/everpostd.log"

    def endpoint(self, n, protocol):
        return f"{self.net}.{n}", PORTS[protocol]

    def _make_certificate(self):
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", "/CN=drill", "-keyout", self.dir + "/key.pem", "-out", self.dir + "/cert.pem")

    def _configure(self, n):
        os.makedirs(self.data(n))
        at = f"{self.net}.{n}"
        servers = ", ".join(f'"{address}"' for address in self.zookeeper.addresses())
        with open(self.folder(n) + "/everpost.toml", "w") as f:
            f.write(f'''[node]
id = {n}
hostname = "node{n}.drill.test"
data_folder = "{self.data(n)}"
[tls]
certificate = "{self.dir}/cert.pem"
key = "{self.dir}/key.pem"
[listen]
smtp = "{at}:{PORTS['smtp']}"
lmtp = "{at}:{PORTS['lmtp']}"
imaps = "{at}:{PORTS['imaps']}"
http = "{at}:{PORTS['http']}"
admin_socket = "{self.folder(n)}/admin.sock"
[cluster]
zookeeper = [{servers}]
listen = "{at}:{PORTS['cluster']}"
ca = "{self.dir}/certificates/ca.pem"
certificate = "{self.dir}/certificates/node-{n}.pem"
key = "{self.dir}/certificates/node-{n}.key"
''')

    def start(self, n, wait=True):
        with open(self.log_file(n), "a") as out:
            self.processes[n] = subprocess.Popen(
                [*self._in(n), program("everpostd"), "--config", self.folder(n) + "/everpost.toml"], stdout=out,
                stderr=out, preexec_fn=die_with_us)
        if wait:
            self.wait_until_serving(n)

    def alive(self, n):
        return n in self.processes and self.processes[n].poll() is None

    def pids(self, n):
        """The node's supervisor first, then its worker."""
        first = self.processes[n].pid
        try:
            with open(f"/proc/{first}/task/{first}/children") as f:
                return [first, *map(int, f.read().split())]
        except OSError:
            return [first]

    def worker(self, n):
        return self.pids(n)[-1]

    def kill_worker(self, n):
        os.kill(self.worker(n), signal.SIGKILL)

    def signal(self, n, what):
        for pid in self.pids(n):
            os.kill(pid, what)

    def kill(self, *nodes):
        for n in nodes:
            self.signal(n, signal.SIGKILL)
        for n in nodes:
            self.processes.pop(n).wait()

    def terminate(self, n):
        self.processes[n].terminate()
        return self.processes.pop(n).wait(timeout=60)

    def wait_until_serving(self, n, seconds=60):
        deadline = time.monotonic() + seconds
        while True:
            status = self.processes[n].poll()
            if status is not None:
                raise RuntimeError(f"node {n} ended with status {status}; the end of its log:\n{self.log_tail(n)}")
            if self.healthy(n):
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"node {n} does not serve after {seconds} s; the end of its log:\n"
                                   + self.log_tail(n))
            time.sleep(0.05)

    def healthy(self, n):
        done = subprocess.run(["curl", "-s", "-o", "/dev/null", "-m", "2", "-w", "%{http_code}",
                               "http://%s:%d/healthz" % self.endpoint(n, "http")], capture_output=True, text=True)
        return done.stdout == "200"

    def log_tail(self, n, lines=40):
        try:
            with open(self.log_file(n), errors="replace") as f:
                return "".join(f.readlines()[-lines:])
        except OSError as failure:
            return str(failure)

    # --- administration

    def admin(self, n, *args, check=True, **kwargs):
        return run(program("everpost"), "--socket", self.folder(n) + "/admin.sock", *args, check=check, **kwargs)

    def _make_accounts(self, count):
        self.admin(1, "domain", "add", DOMAIN)
        self.accounts = {}  # address -> shard
        for i in range(1, count + 1):
            address = f"user{i:03}@{DOMAIN}"
            self.admin(1, "account", "add", address, "--password-stdin", input=PASSWORD + "\n")
            self.accounts[address] = json.loads(self.admin(1, "--json", "account", "show", address).stdout)["shard"]

    def shards(self):
        """{shard: what `everpost shard list` says of it}, asked of any node that answers."""
        for n in NODES:
            if self.alive(n):
                done = self.admin(n, "--json", "shard", "list", check=False, timeout=20)
                if done.returncode == 0:
                    return {shard["shard"]: shard for shard in json.loads(done.stdout)["shards"]}
        raise RuntimeError("no node answers `everpost shard list`")

    def primary(self, shard):
        return self.shards()[shard].get("primary")

    def copies(self):
        for n in NODES:
            if self.alive(n):
                done = self.admin(n, "--json", "copies", check=False, timeout=20)
                if done.returncode == 0:
                    return [dict(copy, shard=shard["shard"]) for shard in json.loads(done.stdout)["shards"]
                            for copy in shard["copies"]]
        raise RuntimeError("no node answers `everpost copies`")

    # --- disks

    def small_disk(self, n, megabytes):
        """The (stopped) node's data goes to a file system of its own."""
        saved = self.data(n) + ".saved"
        os.rename(self.data(n), saved)
        os.makedirs(self.data(n))
        image = f"{self.dir}/disk{n}"
        with open(image, "wb") as f:
            f.truncate(megabytes << 20)
        run("mkfs.ext4", "-q", "-m", "0", image)
        run("mount", "-o", "loop", image, self.data(n))
        self.disks.add(n)
        shutil.copytree(saved, self.data(n), dirs_exist_ok=True)
        shutil.rmtree(saved)

    # --- the end

    def close(self):
        for n, process in list(self.processes.items()):
            try:
                self.signal(n, signal.SIGCONT)
                process.terminate()
            except OSError:
                pass
        for n, process in list(self.processes.items()):
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.signal(n, signal.SIGKILL)
                process.wait()
        self.processes.clear()
        if hasattr(self, "zookeeper"):
            self.zookeeper.kill()
        for n in self.disks:
            run("umount", self.data(n), check=False)
        for name in (*map(str, NODES), "z"):
            ip("link", "del", f"{self.tag}v{name}", check=False)
            ip("netns", "del", f"{self.tag}{name}", check=False)
        ip("link", "del", f"{self.tag}b", check=False)
        if os.environ.get("EVERPOST_DRILL_KEEP"):
            print(f"kept: {self.dir}")
        else:
            shutil.rmtree(self.dir, ignore_errors=True)
