package worker

import (
	"slices"
	"sync"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// tail keeps the last record.MaxEvidence bytes that were written to it.
type tail struct {
	mu      sync.Mutex
	buf     []byte
	written int64 // bytes since the attempt began
}

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.written += int64(len(p))
	t.buf = append(t.buf, p[max(0, len(p)-2*record.MaxEvidence):]...)
	if len(t.buf) > 2*record.MaxEvidence {
		t.buf = append(t.buf[:0], t.buf[len(t.buf)-record.MaxEvidence:]...)
	}
	return len(p), nil
}

func (t *tail) bytes() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]byte(nil), t.buf[max(0, len(t.buf)-record.MaxEvidence):]...)
}

// after returns what was written after the first n bytes, as far as it is kept, and how many bytes there were.
func (t *tail) after(n int64) (text []byte, written int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	size := int(min(max(t.written-n, 0), record.MaxEvidence, int64(len(t.buf))))
	return append([]byte(nil), t.buf[len(t.buf)-size:]...), t.written
}

// maxFollowed bounds the logs that are kept for followers until they have read the end: 2 MiB.
const maxFollowed = 16

// logKey names an attempt.
type logKey struct {
	run            record.RunID
	node           dag.NodeID
	epoch, attempt int
}

// followed keeps the logs of attempts that somebody follows, since an attempt may end between two questions. Safe for
// concurrent use.
type followed struct {
	mu   sync.Mutex
	logs []followedLog // the one asked for last at the end
}

// followedLog is the log of an attempt, without what else the attempt refers to.
type followedLog struct {
	logKey
	tail *tail
}

func (f *followed) keep(at logKey, t *tail) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.remove(at)
	if len(f.logs) == maxFollowed {
		f.logs = slices.Delete(f.logs, 0, 1)
	}
	f.logs = append(f.logs, followedLog{at, t})
}

// release returns a log that is kept, and keeps it no longer; nil if it is not kept.
func (f *followed) release(at logKey) *tail {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.remove(at)
}

// remove needs mu.
func (f *followed) remove(at logKey) *tail {
	i := slices.IndexFunc(f.logs, func(l followedLog) bool { return l.logKey == at })
	if i < 0 {
		return nil
	}
	t := f.logs[i].tail
	f.logs = slices.Delete(f.logs, i, i+1)
	return t
}
