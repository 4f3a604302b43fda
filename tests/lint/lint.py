#!/usr/bin/env python3
"""Checks what the compiler does not: that includes follow node -> cluster -> {storage, rpc} -> base, that some
libraries stay in their folders, and that files are tidy.

    lint.py [ROOT]        prints offenders as file:line: what; exit code 1 if there are any
    lint.py --self-test   plants offences and sees that each is found
"""
import pathlib
import re
import sys
import tempfile

# Which folders a file may include from, its own apart.
ALLOWED = {
    "base": set(),
    "storage": {"base"},
    "rpc": {"base"},
    "cluster": {"storage", "rpc", "base"},
    "node": {"cluster", "storage", "rpc", "base"},
    "bench": {"node", "cluster", "storage", "rpc", "base"},
    "tests": {"bench", "node", "cluster", "storage", "rpc", "base"},
}

# Libraries that only some places may see: pattern of the include, places, why.
CONFINED = [
    (re.compile(r"boost/asio(/|\.hpp)"), ("base/asio.h", "base/asio.cc", "node/net/", "tests/", "bench/"),
     "include base/asio.h instead"),
    (re.compile(r"zookeeper/"), ("cluster/coordinator/",), "ZooKeeper stays behind the coordinator interface"),
    (re.compile(r"kj/"), ("rpc/", "base/capnp.h"), "KJ stays inside rpc/; Cap'n Proto comes with base/capnp.h"),
    (re.compile(r"base/asio\.h"), ("rpc/", "cluster/", "node/", "bench/", "tests/", "base/asio.cc"),
     "storage knows nothing of networks, and base stays small"),
]

SOURCES = {".h", ".cc", ".capnp"}
TIDY = SOURCES | {".py", ".md", ".sh", ".txt", ".cmake", ".toml", ".yml", ".yaml", ".json", ".service"}
LINES_MAX = 900
INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')


def files(root):
    for folder in list(ALLOWED) + ["docs", "cmake", "ansible", "packaging", "tools"]:
        for path in sorted((root / folder).rglob("*")):
            inside = path.relative_to(root)
            if path.is_file() and not {"golden", "corpus", "__pycache__"} & set(inside.parts):
                yield inside


def include_offences(path, number, quote, included):
    layer = path.parts[0]
    target = included.split("/")[0]
    if target in ALLOWED and target != layer and target not in ALLOWED[layer]:
        yield f"{path}:{number}: {layer} must not include {included}"
    elif quote == '"' and target not in ALLOWED:
        yield f'{path}:{number}: "{included}" is not named from the project\'s root'
    for pattern, places, why in CONFINED:
        if pattern.match(included) and not str(path).startswith(places):
            yield f"{path}:{number}: <{included}> here: {why}"


def offences(root):
    for path in files(root):
        if path.suffix not in TIDY:
            continue
        try:
            lines = (root / path).read_text(encoding="utf-8").split("\n")
        except UnicodeDecodeError:
            yield f"{path}: is not UTF-8"
            continue
        if path.suffix in SOURCES and len(lines) - 1 > LINES_MAX:
            yield f"{path}: {len(lines) - 1} lines; a file holds one concept, {LINES_MAX} lines at most"
        for number, line in enumerate(lines, 1):
            # A dialogue in a test may end a line in a space, as the protocol does.
            if line != line.rstrip("\t" if path.parts[0] == "tests" else None):
                yield f"{path}:{number}: space or tab at the end of the line"
            if path.suffix in (".h", ".cc"):
                if "\t" in line:
                    yield f"{path}:{number}: tab"
                if found := INCLUDE.match(line):
                    yield from include_offences(path, number, *found.groups())


PLANTED = {  # file: (content, what has to be said; None: nothing)
    "base/a.h": ('#include "storage/log/log.h"\n', "base must not include storage/log/log.h"),
    "storage/a.h": ('#include "cluster/node.h"\n', "storage must not include cluster/node.h"),
    "storage/b.h": ('#include "rpc/client.h"\n', "storage must not include rpc/client.h"),
    "storage/c.cc": ('#include "base/asio.h"\n', "storage knows nothing of networks"),
    "rpc/a.cc": ('#  include "storage/log/log.h"\n', "rpc must not include storage/log/log.h"),
    "cluster/a.h": ("#include <node/server.h>\n", "cluster must not include node/server.h"),
    "cluster/b.cc": ("#include <zookeeper/zookeeper.h>\n", "stays behind the coordinator"),
    "cluster/c.cc": ("#include <kj/async.h>\n", "KJ stays inside rpc/"),
    "node/a.cc": ("#include <boost/asio/ip/tcp.hpp>\n", "include base/asio.h instead"),
    "node/b.cc": ("#include <boost/asio.hpp>\n", "include base/asio.h instead"),
    "node/c.cc": ('#include "server.h"\n', "not named from the project's root"),
    "node/d.cc": ("int x; \n", "node/d.cc:1: space or tab at the end"),
    "node/e.cc": ("\tint x;\n", "node/e.cc:1: tab"),
    "node/f.cc": ("//\n" * 901, "901 lines"),
    "node/g.cc": ('#include "tests/unit/loopback.h"\n', "node must not include tests/"),
    "bench/a.cc": ('#include "tests/unit/loopback.h"\n', "bench must not include tests/"),
    "tests/a.cc": ("S: \t\n", "tests/a.cc:1: space or tab at the end"),
    "docs/a.md": ("text\t\n", "docs/a.md:1: space or tab"),
    # What is fine.
    "node/ok.cc": ('#include <vector>\n#include "cluster/node.h"\n#include "storage/log/log.h"\n', None),
    "node/net/ok.cc": ("#include <boost/asio/ssl/context.hpp>\n", None),
    "cluster/coordinator/ok.cc": ("#include <zookeeper/zookeeper.h>\n", None),
    "rpc/ok.cc": ("#include <kj/async.h>\n", None),
    "tests/ok.cc": ('#include "node/net/connection.h"\n#include "base/asio.h"\n' + "S: \n" * 898, None),
    "tests/golden/ok.cc": ("\tdata \n", None),
}


def self_test():
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, (content, _) in PLANTED.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(content, encoding="utf-8")
        found = list(offences(root))
    for name, (_, want) in PLANTED.items():
        said = [line for line in found if line.startswith(name + ":")]
        if want is None and said:
            wrong.append(f"{name}: should be fine, but: {said}")
        if want is not None and not any(want in line for line in said):
            wrong.append(f"{name}: not found: {want}; said: {said}")
    return wrong


def main():
    if sys.argv[1:] == ["--self-test"]:
        said = self_test()
    else:
        root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
        said = list(offences(root))
    if said:
        print("\n".join(said))
    return 1 if said else 0


sys.exit(main())
