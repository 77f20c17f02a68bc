package worker

import (
	"context"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// LogPosition is a place in the log of an attempt. The zero value is before the log of any.
type LogPosition struct {
	Epoch, Attempt int
	Offset         int64 // bytes since the attempt began
}

// MarshalText implements encoding.TextMarshaler, as epoch.attempt.offset.
func (l LogPosition) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "%d.%d.%d", l.Epoch, l.Attempt, l.Offset), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *LogPosition) UnmarshalText(text []byte) error {
	var p LogPosition
	n, err := fmt.Sscanf(string(text), "%d.%d.%d", &p.Epoch, &p.Attempt, &p.Offset)
	if err != nil || n != 3 || p.Epoch < 0 || p.Attempt < 0 || p.Offset < 0 {
		return fmt.Errorf("worker: %.64q is no position in a log, expected one such as 0.1.4096", text)
	}
	*l = p
	return nil
}

// LogPart is a part of the log of an attempt.
type LogPart struct {
	Text    []byte      // at most record.MaxEvidence bytes, complete characters while Running
	Missed  int64       // bytes before Text that are not kept any more
	Next    LogPosition // after Text; its Attempt is 0 if no attempt was found
	Running bool        // the attempt had not ended, so more may come
}

// logEvery is how often the log of an attempt is read while somebody waits for it. Attempts of which nobody does that cost
// nothing.
const logEvery = 50 * time.Millisecond

// Log returns what an attempt of a task has logged after a position: the attempt of the position, or if that is the zero
// value the one that is executed here. It waits until there is more, until the attempt has ended, or until ctx ends; the
// end of ctx is no error. Calls with a position wait for at least logEvery, so that a flood is read in large parts.
//
// The rest of an attempt that has ended is returned once, to whoever has followed it before; at most 16 are kept for that.
func (p *Pool) Log(ctx context.Context, run record.RunID, node dag.NodeID, after LogPosition) LogPart {
	tick := time.NewTicker(logEvery)
	defer tick.Stop()
	for first := true; ; first = false {
		if !first || after.Attempt > 0 {
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
		part := p.logNow(run, node, after)
		if len(part.Text) > 0 || part.Missed > 0 || after.Attempt > 0 && !part.Running || ctx.Err() != nil {
			return part
		}
	}
}

// logNow is Log without waiting.
func (p *Pool) logNow(run record.RunID, node dag.NodeID, after LogPosition) LogPart {
	a := p.lanes.executingNode(run, node)
	at := logKey{run: run, node: node, epoch: after.Epoch, attempt: after.Attempt}
	if a == nil || after.Attempt > 0 && (after.Epoch != int(a.epoch) || after.Attempt != int(a.number)) {
		part := LogPart{Next: after}
		if t := p.logs.release(at); t != nil {
			part.read(t)
		}
		return part
	}
	part := LogPart{Running: true, Next: LogPosition{Epoch: int(a.epoch), Attempt: int(a.number), Offset: after.Offset}}
	at.epoch, at.attempt = part.Next.Epoch, part.Next.Attempt
	t := &a.more().tail
	p.logs.keep(at, t)
	part.read(t)
	return part
}

// read appends what is new in a tail. While the attempt runs, a character of which only the beginning was written waits.
func (l *LogPart) read(t *tail) {
	text, written := t.after(l.Next.Offset)
	l.Missed = max(0, written-l.Next.Offset-int64(len(text))) // an offset beyond the end is one that nobody was told
	if l.Running {
		whole := wholeCharacters(text)
		written -= int64(len(text) - whole)
		text = text[:whole]
	}
	l.Text, l.Next.Offset = text, written
}

// wholeCharacters is the length of text without an incomplete character at its end.
func wholeCharacters(text []byte) int {
	for i := len(text) - 1; i >= max(0, len(text)-utf8.UTFMax); i-- {
		if utf8.RuneStart(text[i]) {
			if !utf8.FullRune(text[i:]) {
				return i
			}
			break
		}
	}
	return len(text)
}

// executingNode returns the attempt of a node whose body is being executed, nil for none.
func (g *laneGroup) executingNode(run record.RunID, node dag.NodeID) *attempt {
	for _, l := range *g.lanes.Load() {
		if a := l.executing(); a != nil && a.node == node && !a.fetches && a.job.info.ID == run {
			return a
		}
	}
	return nil
}

// Follows reports whether the rest of the log of an attempt can be read here: it is executed here, or was while somebody
// followed its log.
func (p *Pool) Follows(run record.RunID, node dag.NodeID, at LogPosition) bool {
	p.logs.mu.Lock()
	defer p.logs.mu.Unlock()
	key := logKey{run: run, node: node, epoch: at.Epoch, attempt: at.Attempt}
	return slices.ContainsFunc(p.logs.logs, func(l followedLog) bool { return l.logKey == key })
}
