package process

import "sync"

// TailSize is how many bytes of output a Result keeps.
const TailSize = 8 << 10

// Tail keeps the last bytes that were written to it. Safe for concurrent use.
type Tail struct {
	size int

	mu  sync.Mutex
	buf []byte // at most twice size
}

// NewTail keeps size bytes, in at most twice the memory.
func NewTail(size int) *Tail { return &Tail{size: size} }

// Write implements io.Writer. It never fails.
func (t *Tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	rest := p[max(0, len(p)-t.size):]
	if len(t.buf)+len(rest) > 2*t.size {
		keep := min(len(t.buf), t.size-len(rest))
		t.buf = append(t.buf[:0], t.buf[len(t.buf)-keep:]...)
	}
	t.buf = append(t.buf, rest...)
	return len(p), nil
}

// Bytes returns a copy of what is kept, nil for nothing.
func (t *Tail) Bytes() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]byte(nil), t.buf[max(0, len(t.buf)-t.size):]...)
}

// String returns what is kept.
func (t *Tail) String() string { return string(t.Bytes()) }
