package invoke

import (
	"bytes"
	"sync"

	"github.com/dagscope/dagscope/engine"
)

// tail keeps the last engine.MaxEvidence bytes that were written to it. Safe for concurrent use.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

// Write implements io.Writer. It never fails, and never keeps more than twice the tail.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	rest := p[max(0, len(p)-engine.MaxEvidence):]
	if len(t.buf)+len(rest) > 2*engine.MaxEvidence {
		keep := min(len(t.buf), engine.MaxEvidence-len(rest))
		t.buf = append(t.buf[:0], t.buf[len(t.buf)-keep:]...)
	}
	t.buf = append(t.buf, rest...)
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.buf[max(0, len(t.buf)-engine.MaxEvidence):])
}

// lastWordsMax bounds what of a line becomes part of a message.
const lastWordsMax = 300

// lastWords is the line by which the Go runtime says why it ends a process, empty where there is none. Of several the
// last one counts; what user code printed before it may look the same.
func lastWords(stderr string) string {
	found := ""
	for line := range bytes.Lines([]byte(stderr)) {
		line = bytes.TrimRight(line, "\r\n")
		if bytes.HasPrefix(line, []byte("panic: ")) || bytes.HasPrefix(line, []byte("fatal error: ")) {
			found = string(line[:min(len(line), lastWordsMax)])
		}
	}
	return found
}
