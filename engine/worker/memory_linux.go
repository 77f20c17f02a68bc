package worker

import (
	"bytes"
	"math"
	"os"
	"strconv"
)

// systemMemory is how many bytes of memory this process may have: all of the machine, or the limit of its container.
func systemMemory() int64 {
	memory := int64(math.MaxInt64)
	text, _ := os.ReadFile("/proc/meminfo") // see proc_meminfo(5)
	for line := range bytes.Lines(text) {
		if fields := bytes.Fields(line); len(fields) == 3 && string(fields[0]) == "MemTotal:" {
			if kib, err := strconv.ParseInt(string(fields[1]), 10, 64); err == nil {
				memory = kib << 10
			}
		}
	}
	// A container sees its own cgroup here, of version 2 or 1. Without a limit the first has "max", the other one a huge number.
	for _, file := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		text, _ := os.ReadFile(file)
		if limit, err := strconv.ParseInt(string(bytes.TrimSpace(text)), 10, 64); err == nil {
			memory = min(memory, limit)
		}
	}
	return memory
}
