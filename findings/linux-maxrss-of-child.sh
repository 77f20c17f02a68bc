#!/usr/bin/env bash
# Linux 6.18: the peak of memory of a child, as wait4(2) reports it, is at least the one of its parent.
#
# A process begins with the memory of the one that started it, which it shares until it executes its program, if it was
# started by vfork(2) or posix_spawn(3), as by Go and by Python's subprocess. At that moment the peak of that memory becomes
# part of the child's own ru_maxrss (exec_mmap in fs/exec.c), and stays there. So a parent that once used 300 MiB sees 300
# MiB for every program that it starts, however small, and so does the child itself by getrusage(2). After fork(2) it is what
# the parent uses at that moment. getrusage(2) does not mention it. The kernel's other figure of the program, VmHWM in
# /proc/PID/status, is right, but ends with it.
#
# Seen: /bin/true peaks at 13 MiB if a Python that is as large starts it, and at 313 MiB after that has used and released 300.
#
# dagscope takes ru_maxrss for unknown unless it exceeds the peak of the process that started the command, and reads VmHWM
# while the command runs: engine/process/program_unix.go and memory_linux.go.
set -euo pipefail
seen=$(python3 - <<'PY'
import os

def peak():
    child = os.posix_spawn("/bin/true", ["true"], {})
    return os.wait4(child, 0)[2].ru_maxrss >> 10

before = peak()
memory = bytearray(300 << 20)
for i in range(0, len(memory), 4096):
    memory[i] = 1
del memory
after = peak()
print("/bin/true before: %d MiB, afterwards: %d MiB: %s" % (
    before, after, "as seen" if before < 100 and after >= 300 else "this has changed"))
PY
)
echo "$seen"
[[ $seen == *"as seen" ]]
