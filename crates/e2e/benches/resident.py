#!/usr/bin/env python3
"""What the resident agent costs while nothing changes: system calls of its looks, CPU time, memory.

usage: resident.py [--agent PATH]

Needs a Debian machine with package lists, strace and python3, and root rights where tracing asks for them. Reads the machine, writes
to a temporary folder only. The server is a stand-in on loopback that answers as an idle one would. Exits 1 when a floor is missed: a
look makes stat calls and nothing else, and the idle agent holds at most 2 MiB of its own and 10 MiB with what the kernel maps
of its program's file. That part is the kernel's choice (how much around a page that is touched, by what lies in its cache), it
can be dropped at any time, and it differs by a MiB between two runs of the same program.
"""

import argparse
import collections
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MAX_OWN_MIB = 2.0
MAX_RSS_MIB = 10.0
LOOKS_SECONDS = 6
STAT = {"stat", "lstat", "fstat", "newfstatat", "fstatat64", "statx"}
# How the program waits for its timer and for the server's answer to the long poll; a few for each time that it wakes.
WAITING = {"epoll_wait", "epoll_pwait", "epoll_pwait2", "restart_syscall", "futex", "recvfrom", "setsockopt", "poll", "ppoll", "clock_gettime", "wake"}
# Eight bytes to an event counter: the timer's own.
WAKE = re.compile(r'write\(\d+, "\\1\\0\\0\\0\\0\\0\\0\\0", 8\)')
NODE = "mi-0123456789abcdef0"


class IdleServer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    polls = 0

    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        operation = self.headers.get("x-amz-target", "").rsplit(".", 1)[-1]
        answers = {
            "RegisterManagedInstance": {"InstanceId": NODE},
            "RequestManagedInstanceRoleToken": {
                "AccessKeyId": "ASIAEXAMPLE",
                "SecretAccessKey": "secret",
                "SessionToken": "token",
                "TokenExpirationDate": int(time.time()) + 3600,
                "UpdateKeyPair": False,
            },
            "UpdateInstanceInformation": {},
            "PutNodeFacts": {"FactsNeeded": False},
            "GetMessages": {"Messages": []},
        }
        if operation == "GetMessages":
            type(self).polls += 1
            time.sleep(15)
        status = 200 if operation in answers else 404
        body = json.dumps(answers.get(operation, {})).encode()
        self.send_response(status)
        self.send_header("content-type", "application/x-amz-json-1.1")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            pass  # The agent was stopped meanwhile.

    do_GET = do_POST

    def log_message(self, *_):
        pass


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--agent", default="target/x86_64-unknown-linux-musl/small/fettle-agent", type=pathlib.Path)
    options = arguments.parse_args()
    for tool in ("strace", "dpkg-query"):
        if shutil.which(tool) is None:
            print(f"SKIPPED: {tool} is not installed")
            return 0
    if not options.agent.exists():
        print(f"{options.agent} is missing: cargo build --profile small --target x86_64-unknown-linux-musl -p agent", file=sys.stderr)
        return 2
    server = ThreadingHTTPServer(("127.0.0.1", 0), IdleServer)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="bench-resident-") as folder:
        return run(pathlib.Path(folder) / "data", str(options.agent.resolve()), f"http://127.0.0.1:{server.server_port}")


def run(data, agent, endpoint):
    def call(*words, **more):
        return subprocess.run([agent, "--log-level", "error", *words], check=True, capture_output=True, text=True, **more)

    secret = {**os.environ, "FETTLE_ACTIVATION_CODE": "N0tARealCode12345678"}
    call("enroll", "--endpoint", endpoint, "--activation-id", "a", "--region", "us-east-1", "--data", str(data), env=secret)
    wait_for(lambda: call("facts", "--data", str(data)) and (data / "facts" / "note.json").exists(), "a reading is kept")
    note = json.loads((data / "facts" / "note.json").read_text())
    log = open(data / "agent.log", "wb")
    process = subprocess.Popen([agent, "run", "--check-every", "1", "--data", str(data)], stdin=subprocess.DEVNULL, stderr=log)
    try:
        wait_for(lambda: IdleServer.polls > 0, "the agent polls")
        time.sleep(3)
        missed = measure(process.pid, len(note["inputs"]), data)
    finally:
        process.terminate()
        process.wait()
    if b"reading them" in (data / "agent.log").read_bytes():
        missed.append("the agent saw a change: something else changed packages or lists meanwhile, run it again")
    for line in missed:
        print(f"MISSED: {line}")
    return 1 if missed else 0


def measure(pid, files, data):
    # Both windows lie within one long poll.
    polls = IdleServer.polls
    wait_for(lambda: IdleServer.polls > polls, "the next poll begins")
    cpu_before = cpu_ns(pid)
    time.sleep(LOOKS_SECONDS)
    cpu = (cpu_ns(pid) - cpu_before) / 1e6
    trace = data / "trace"
    strace = subprocess.Popen(["strace", "-f", "-q", "-o", str(trace), "-p", str(pid)], stderr=subprocess.PIPE)
    time.sleep(LOOKS_SECONDS)
    strace.terminate()
    errors = strace.communicate()[1].decode()
    if not trace.exists() or trace.stat().st_size == 0:
        print(f"SKIPPED: strace cannot attach here: {errors.strip()}")
        return []
    calls = collections.Counter()
    for line in trace.read_text().splitlines():
        # "PID name(…", or "PID <... name resumed>…", which is the same call once more.
        if match := re.match(r"\d+\s+([a-z0-9_]+)\(", line):
            calls["wake" if WAKE.search(line) else match[1]] += 1
    stats = sum(count for name, count in calls.items() if name in STAT)
    others = {name: count for name, count in calls.items() if name not in STAT | WAITING}
    looks = stats / (files + 1)
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    own, rss = (int(re.search(rf"{name}:\s+(\d+) kB", status)[1]) / 1024 for name in ("RssAnon", "VmRSS"))
    print(f"resident agent, nothing changed: {files} files behind the last reading, one look a second")
    for name, count in calls.most_common():
        print(f"  {name:<20}{count:>8} calls in {LOOKS_SECONDS} s")
    print(f"  looks {looks:.1f}, CPU {cpu / LOOKS_SECONDS:.2f} ms a second without the trace, "
          f"memory of its own {own:.1f} MiB (at most {MAX_OWN_MIB}), with its program {rss:.1f} MiB (at most {MAX_RSS_MIB})")
    missed = []
    if looks < 3:
        missed.append(f"only {looks:.1f} looks were seen in {LOOKS_SECONDS} s")
    if others:
        missed.append(f"a look makes other calls than stat: {others}")
    if sum(count for name, count in calls.items() if name in WAITING) > 10 * (LOOKS_SECONDS + looks):
        missed.append(f"the agent wakes too often: {dict(calls)}")
    if own > MAX_OWN_MIB or rss > MAX_RSS_MIB:
        missed.append(f"{own:.1f} MiB of its own and {rss:.1f} MiB resident, at most {MAX_OWN_MIB} and {MAX_RSS_MIB} allowed")
    return missed


def cpu_ns(pid):
    # The main thread's; the other one only waits for the server.
    return int(pathlib.Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[0])


def wait_for(holds, what, seconds=60):
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise SystemExit(f"not within {seconds} s: {what}")
        time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main())
