package invoke

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/dagscope/dagscope/engine/process"
	"github.com/dagscope/dagscope/engine/record"
)

// tail keeps the last record.MaxEvidence bytes that were written to it, and the last line with which the Go runtime ends
// a process, since stacks of many goroutines follow that line. Safe for concurrent use.
type tail struct {
	*process.Tail

	mu     sync.Mutex
	line   []byte    // the beginning of the line that is being written
	before [2][]byte // the beginnings of the last two lines that were not empty, the older one first
	words  string    // see lastWords
}

func newTail() *tail { return &tail{Tail: process.NewTail(record.MaxEvidence)} }

// Write implements io.Writer. It never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	t.scanLines(p)
	t.mu.Unlock()
	return t.Tail.Write(p)
}

// scanLines checks the beginning of each line. The caller holds mu.
func (t *tail) scanLines(p []byte) {
	for line := range bytes.Lines(p) {
		t.line = append(t.line, line[:min(len(line), lastWordsMax-len(t.line))]...)
		if line[len(line)-1] == '\n' {
			t.checkLine()
			t.nextLine()
		}
	}
}

// nextLine begins another line.
func (t *tail) nextLine() {
	if line := bytes.TrimRight(t.line, "\r\n"); len(line) > 0 {
		t.before[0], t.before[1], t.line = t.before[1], line, t.before[0]
	}
	t.line = t.line[:0]
}

// ends are how lines begin with which the runtime ends a process, all of them with code 2.
var ends = [][]byte{
	[]byte("panic: "),
	[]byte("fatal error: "),
	// Where it cannot print stacks; then the process may end with a signal.
	[]byte("fatal: morestack on g"),
	[]byte("fatal: bad g in signal handler"),
	[]byte("runtime: mmap: access denied"),
	[]byte("runtime: mmap: too much locked memory"),
	[]byte("runtime: bad g in cgocallback"),
}

// checkLine keeps the current line as the last words if the runtime ends a process with such a line.
func (t *tail) checkLine() {
	if len(t.line) == 0 || bytes.IndexByte([]byte("pfrP"), t.line[0]) < 0 {
		return // as most lines, of which there may be very many
	}
	for _, end := range ends {
		if bytes.HasPrefix(t.line, end) {
			t.words = string(bytes.TrimRight(t.line, "\r\n"))
			return
		}
	}
	if bytes.HasPrefix(t.line, []byte("PC=0x")) && bytes.HasPrefix(t.before[1], []byte("SIG")) {
		t.checkSignal()
	}
}

// checkSignal keeps the line before this one as the last words. The runtime catches signals that end a process, such as a
// fault in C code or one that was sent; it prints the signal, then registers and stacks, and exits with code 2. C code
// that gives up writes why and aborts, for example when a new thread cannot be had at the limit of memory. With
// GOTRACEBACK=crash each other thread prints its stack on a SIGQUIT, after a line of dashes; these are not how it ended.
func (t *tail) checkSignal() {
	why, signal := t.before[0], t.before[1]
	switch {
	case bytes.Equal(why, []byte("-----")):
	case len(why) > 0 && (bytes.HasPrefix(signal, []byte("SIGABRT: ")) || bytes.HasPrefix(signal, []byte("SIGTRAP: "))):
		t.words = fmt.Sprintf("%s, after the line %q", signal, why)
	default:
		t.words = string(signal)
	}
}

// lastWordsMax bounds how many bytes of a line become part of a message.
const lastWordsMax = 300

// lastWords returns the line with which the Go runtime says why it ends the process, "" if it printed none. The last one
// counts, since user code may have printed a similar one before. If the process aborted itself, it also has the line
// before, with which C code says why.
func (t *tail) lastWords() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.checkLine()
	return t.words
}
