package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// tick is the unit in which /proc counts processor time, whatever the kernel was built with.
const tick = 10 * time.Millisecond

// ProcessorTime is what a process has used of processors, in all its threads; 0 where the system has no /proc.
func ProcessorTime(pid int) (total time.Duration, err error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	// The name of the program, in parentheses, may have blanks; user and system time are the 12th and 13th field after it.
	fields := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat is %q, expected user and system time", pid, raw)
	}
	for _, field := range fields[11:13] {
		n, err := strconv.Atoi(field)
		if err != nil {
			return 0, err
		}
		total += time.Duration(n) * tick
	}
	return total, nil
}

// Memory is what a process has in memory, in bytes.
type Memory struct {
	Resident int64
	Own      int64 // of this, without pages of files
	Peak     int64 // what Resident has been at most
}

var memoryField = regexp.MustCompile(`(?m)^(VmRSS|VmHWM|RssAnon):\s+(\d+) kB$`)

// MemoryOf reads the memory of a process.
func MemoryOf(pid int) (m Memory, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return m, err
	}
	for _, field := range memoryField.FindAllSubmatch(status, -1) {
		kib, err := strconv.ParseInt(string(field[2]), 10, 64)
		if err != nil {
			return m, err
		}
		switch string(field[1]) {
		case "VmRSS":
			m.Resident = kib << 10
		case "VmHWM":
			m.Peak = kib << 10
		default:
			m.Own = kib << 10
		}
	}
	return m, nil
}
