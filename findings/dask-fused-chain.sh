#!/usr/bin/env bash
# Dask 2022.12.1 (Debian): the scheduler of processes cannot send a chain of 1,000 tasks, because it fuses them.
#
# Before it starts anything, dask.multiprocessing.get makes one task of tasks that follow each other: a tuple that has the
# tuple of the one before among its arguments, and so on. That is nested as deep as the chain is long, and pickle calls
# itself for each level. The threaded scheduler and that of distributed execute the same chain.
#
# Seen with dask.delayed: chains of 100 work, one of 1,000 ends with "PicklingError: Could not pickle object as excessively
# deep recursion required." With optimization.fuse.active set to false the same chain works.
#
# dagscope executes the tasks of a chain one after the other in one worker, and each stays a task with its own figures.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get -q download python3-dask=2022.12.1+dfsg-2 python3-cloudpickle=2.2.0-1 python3-toolz=0.12.0-1 \
	python3-partd=1.3.0-1 python3-locket=1.0.0-1 python3-fsspec=2022.11.0-1 'python3-yaml=6.0-3*' \
	'python3-packaging=23.0-1*' >/dev/null 2>&1
for package in ./*.deb; do dpkg -x "$package" .; done
cat > chain.py <<'PY'
import dask


def more(n):
    return n + 1


def outcome(length, fuse):
    at = dask.delayed(more, pure=False)(0)
    for _ in range(length - 1):
        at = dask.delayed(more, pure=False)(at)
    try:
        with dask.config.set({"optimization.fuse.active": fuse}):
            return at.compute(scheduler="processes", num_workers=1)
    except Exception as failure:
        return type(failure).__name__


if __name__ == "__main__":
    print(dask.__version__, outcome(100, True), outcome(1000, True), outcome(1000, False))
PY
found=$(PYTHONPATH="$dir/usr/lib/python3/dist-packages" timeout 120 /usr/bin/python3 -S -B chain.py)
echo "version, chain of 100, of 1,000, of 1,000 without fusion: $found"
test "$found" = "2022.12.1+dfsg 100 PicklingError 1000"
