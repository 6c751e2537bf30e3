"""What a program costs: CPU time of the whole process, instructions by callgrind, peak memory; and floors under ratios of these.

Instructions are the same on a busy machine, CPU time is not quite: both count.
"""

import fcntl
import os
import pathlib
import re
import shutil
import subprocess
import time


def run_once(command, environment, codes=(0,)):
    """CPU seconds of the process and its children. Spawned, not forked: a copy of this program is not to be counted."""
    with open(os.devnull, "wb") as nowhere:
        outputs = [(os.POSIX_SPAWN_DUP2, nowhere.fileno(), 1), (os.POSIX_SPAWN_DUP2, nowhere.fileno(), 2)]
        pid = os.posix_spawn(shutil.which(command[0]), command, environment, file_actions=outputs)
        _, status, usage = os.wait4(pid, 0)
    if os.waitstatus_to_exitcode(status) not in codes:
        raise SystemExit(f"{command[:3]} failed")
    return usage.ru_utime + usage.ru_stime


def instructions(command, environment, folder):
    """Of the process alone; about fifty times as slow as the program itself."""
    valgrind = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder / 'callgrind.out'}"]
    done = subprocess.run(valgrind + command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    return int(re.search(r"Collected : (\d+)", done.stderr)[1])


def peak_mib(command, environment):
    """VmHWM at the end of the work: the report is larger than a pipe holds, so the program waits to be read there.

    The peak that wait4 tells would count the memory of the process that started it.
    """
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 4096)
    status = pathlib.Path(f"/proc/{process.pid}/status")
    wait_channel = pathlib.Path(f"/proc/{process.pid}/syscall")
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        # write(1, ...) is system call 1 on x86-64 and 64 on arm64.
        if wait_channel.read_text().split()[:2] in (["1", "0x1"], ["64", "0x1"]):
            break
        time.sleep(0.002)
    else:
        raise SystemExit(f"{command[:3]} prints too little to be measured, or nothing at all")
    peak = int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1])
    process.stdout.read()
    process.wait()
    return peak / 1024


def print_rows(rows):
    print(f"{'':<52}{'CPU ms':>10}{'M instructions':>16}{'peak MiB':>10}")
    for name, row in rows.items():
        peak = "" if row["peak"] is None else f"{row['peak']:.1f}"
        print(f"{name:<52}{row['cpu']:>10.1f}{row['instructions'] / 1e6:>16.1f}{peak:>10}")
    print()


class Floors:
    """What must be cheaper than what, and what must not need more memory; remembers what was missed."""

    def __init__(self):
        self.missed = []

    def cheaper(self, what, peer, ours, floor):
        """By instructions and by CPU time; 0 is no floor, only a ratio to be shown."""
        ratios = {"instructions": peer["instructions"] / ours["instructions"], "CPU": peer["cpu"] / max(ours["cpu"], 0.1)}
        shown = "".join(f"{ratio:>8.1f}x {name}" for name, ratio in ratios.items())
        print(f"{what:<64}{shown}   (floor {floor}x)")
        if min(ratios.values()) < floor:
            self.missed.append(f"{what}: {min(ratios.values()):.1f}x, floor {floor}x")

    def at_most(self, rows, mib):
        for name, row in rows.items():
            if row["peak"] is not None and row["peak"] > mib:
                self.missed.append(f"{name}: {row['peak']:.1f} MiB, at most {mib} allowed")

    def exit_code(self):
        for line in self.missed:
            print(f"MISSED: {line}")
        return 1 if self.missed else 0
