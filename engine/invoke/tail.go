package invoke

import (
	"bytes"
	"sync"

	"github.com/dagscope/dagscope/engine"
)

// tail keeps the last engine.MaxEvidence bytes that were written to it, and the last words, which the stacks of many
// goroutines would push out of these. Safe for concurrent use.
type tail struct {
	mu    sync.Mutex
	buf   []byte
	line  []byte // the beginning of the line that is being written
	words string // see lastWords
}

// Write implements io.Writer. It never fails, and never keeps more than twice the tail.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.listen(p)
	rest := p[max(0, len(p)-engine.MaxEvidence):]
	if len(t.buf)+len(rest) > 2*engine.MaxEvidence {
		keep := min(len(t.buf), engine.MaxEvidence-len(rest))
		t.buf = append(t.buf[:0], t.buf[len(t.buf)-keep:]...)
	}
	t.buf = append(t.buf, rest...)
	return len(p), nil
}

// listen looks at the beginning of each line. The lock is held.
func (t *tail) listen(p []byte) {
	for line := range bytes.Lines(p) {
		t.line = append(t.line, line[:min(len(line), lastWordsMax-len(t.line))]...)
		if line[len(line)-1] == '\n' {
			t.hear()
			t.line = t.line[:0]
		}
	}
}

// hear takes a line as the last words where it looks like that.
func (t *tail) hear() {
	if bytes.HasPrefix(t.line, []byte("panic: ")) || bytes.HasPrefix(t.line, []byte("fatal error: ")) {
		t.words = string(bytes.TrimRight(t.line, "\r\n"))
	}
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.buf[max(0, len(t.buf)-engine.MaxEvidence):])
}

// lastWordsMax bounds what of a line becomes part of a message.
const lastWordsMax = 300

// lastWords is the line by which the Go runtime says why it ends a process, empty where there was none. Of several the
// last one counts; what user code printed before it may look the same.
func (t *tail) lastWords() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.hear()
	return t.words
}
