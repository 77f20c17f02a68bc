package process

import (
	"bytes"
	"os"
	"strconv"
	"sync"
	"time"
)

const (
	// firstLook is when the memory of a command is read for the first time, so that short ones cost nothing.
	firstLook = 20 * time.Millisecond
	// lookPause is between two readings; limitPause if the command has a limit, which it exceeds by what it can use in that
	// time.
	lookPause  = 100 * time.Millisecond
	limitPause = 10 * time.Millisecond
)

// watch reads the memory of a command and the processes below it from time to time. The kernel keeps the peak of each
// process, but only while it lives; what remains, ru_maxrss, begins with the peak of the process that started it.
type watch struct {
	pid      int
	limit    int64  // 0 for none, or if a cgroup enforces it
	exceeded func() // called at most once

	mu    sync.Mutex
	timer *time.Timer // nil if it was stopped
	peak  int64       // of the largest process so far, -1 if unknown
}

// newWatch begins to watch. Call stop before the process is reaped.
func newWatch(pid int, limit int64, exceeded func()) *watch {
	w := &watch{pid: pid, limit: limit, exceeded: exceeded, peak: -1}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer = time.AfterFunc(firstLook, w.look)
	return w
}

func (w *watch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer == nil {
		return
	}
	m := memoryBelow(w.pid)
	w.peak = max(w.peak, m.peak)
	if w.limit > 0 && m.private+m.shared > w.limit {
		w.timer = nil
		w.exceeded()
		return
	}
	pause := lookPause
	if w.limit > 0 {
		pause = limitPause
	}
	w.timer.Reset(pause)
}

// stop returns the peak of the largest process, -1 if unknown.
func (w *watch) stop() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil {
		w.timer.Stop()
		w.timer = nil
	}
	return w.peak
}

// memory is what processes use, in bytes.
type memory struct {
	peak    int64 // the largest peak of one of them, -1 if unknown
	private int64 // of all together
	shared  int64 // the largest of one of them, since others use the same
}

// memoryBelow returns the memory of a process and its descendants.
func memoryBelow(pid int) memory {
	m := memoryOf(pid)
	for _, child := range children(pid) {
		below := memoryBelow(child)
		m.peak = max(m.peak, below.peak)
		m.private += below.private
		m.shared = max(m.shared, below.shared)
	}
	return m
}

// memoryOf returns the memory of one process, zeros if it has ended.
func memoryOf(pid int) memory {
	m := memory{peak: -1}
	text, err := readFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return m
	}
	for line := range bytes.Lines(text) {
		name, value, _ := bytes.Cut(line, []byte{':'})
		switch string(name) {
		case "VmHWM":
			m.peak = kibibytes(value)
		case "RssAnon":
			m.private = kibibytes(value)
		case "RssShmem":
			m.shared = kibibytes(value)
		}
	}
	return m
}

// kibibytes reads for example "   1234 kB".
func kibibytes(value []byte) int64 {
	number, _, _ := bytes.Cut(bytes.TrimSpace(value), []byte{' '})
	n, _ := strconv.ParseInt(string(number), 10, 64)
	return n << 10
}

// children returns the processes that the threads of a process started; none where the kernel does not list them.
func children(pid int) (pids []int) {
	tasks := "/proc/" + strconv.Itoa(pid) + "/task/"
	threads, err := os.ReadDir(tasks)
	if err != nil {
		return nil
	}
	for _, t := range threads {
		list, err := readFile(tasks + t.Name() + "/children")
		if err != nil {
			continue
		}
		for field := range bytes.FieldsSeq(list) {
			if child, err := strconv.Atoi(string(field)); err == nil {
				pids = append(pids, child)
			}
		}
	}
	return pids
}
