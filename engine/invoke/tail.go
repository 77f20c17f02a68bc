package invoke

import (
	"bytes"
	"sync"

	"github.com/dagscope/dagscope/engine/record"
)

// tail keeps the last record.MaxEvidence bytes that were written to it, and the last line with which the Go runtime ends
// a process, since stacks of many goroutines follow that line. Safe for concurrent use; mu guards all fields.
type tail struct {
	mu    sync.Mutex
	buf   []byte
	line  []byte // the beginning of the line that is being written
	words string // see lastWords
}

// Write implements io.Writer. It never fails, and keeps at most twice record.MaxEvidence bytes.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.scanLines(p)
	rest := p[max(0, len(p)-record.MaxEvidence):]
	if len(t.buf)+len(rest) > 2*record.MaxEvidence {
		keep := min(len(t.buf), record.MaxEvidence-len(rest))
		t.buf = append(t.buf[:0], t.buf[len(t.buf)-keep:]...)
	}
	t.buf = append(t.buf, rest...)
	return len(p), nil
}

// scanLines checks the beginning of each line. The caller holds mu.
func (t *tail) scanLines(p []byte) {
	for line := range bytes.Lines(p) {
		t.line = append(t.line, line[:min(len(line), lastWordsMax-len(t.line))]...)
		if line[len(line)-1] == '\n' {
			t.checkLine()
			t.line = t.line[:0]
		}
	}
}

// checkLine keeps the current line as the last words if it begins like a panic or a fatal error.
func (t *tail) checkLine() {
	if bytes.HasPrefix(t.line, []byte("panic: ")) || bytes.HasPrefix(t.line, []byte("fatal error: ")) {
		t.words = string(bytes.TrimRight(t.line, "\r\n"))
	}
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.buf[max(0, len(t.buf)-record.MaxEvidence):])
}

// lastWordsMax bounds how many bytes of a line become part of a message.
const lastWordsMax = 300

// lastWords returns the line with which the Go runtime says why it ends the process, "" if it printed none. The last one
// counts, since user code may have printed a similar one before.
func (t *tail) lastWords() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.checkLine()
	return t.words
}
