package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/worker"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/web/api"
)

// liveLog prints the log of one task while it is executed.
type liveLog struct {
	s    *session
	name string // of the task
	// next returns what is new after a position, after waiting for up to wait; api.ErrUnreached if nobody can be asked.
	next func(ctx context.Context, after worker.LogPosition, wait time.Duration) (worker.LogPart, error)

	shown    attemptKey          // whose log is being printed; its node is 0, as for all below
	line     string              // of it, without an end so far
	received int                 // bytes of it so far, including line and those that were left out
	printed  map[attemptKey]bool // whose logs were printed to their end
}

// newLiveLog finds the task that the arguments name; nil if they name none so far, or several.
func (c *logsCommand) newLiveLog(ctx context.Context, s *session, store metricsstore.Store, id record.RunID) (*liveLog, error) {
	if c.Task == "" || s.flags.JSON {
		return nil, nil
	}
	node, name, err := c.only(ctx, store, id)
	if err != nil || name == "" {
		return nil, err
	}
	l := &liveLog{s: s, name: name, printed: map[attemptKey]bool{}}
	switch {
	case c.Server != "":
		remote, err := c.service()
		if err != nil {
			return nil, err
		}
		l.next = func(ctx context.Context, after worker.LogPosition, wait time.Duration) (worker.LogPart, error) {
			part, err := remote.TaskLog(ctx, id, node, after, wait)
			return part, serviceError(err)
		}
	case c.IsSet():
		return nil, nil // only the workers have the logs
	default:
		l.next = func(ctx context.Context, after worker.LogPosition, wait time.Duration) (worker.LogPart, error) {
			waiting, cancel := context.WithTimeout(ctx, wait)
			defer cancel()
			part, err := controlClient{s.flags.Data}.taskLog(waiting, id, node, after)
			return part, errors.Join(err, ctx.Err())
		}
	}
	return l, nil
}

// only returns the node and the name of the one task that the arguments name, "" if there is none or there are several.
func (c *logsCommand) only(ctx context.Context, store metricsstore.Store, id record.RunID) (node dag.NodeID, name string, err error) {
	queries, err := metricsstore.NewQueries(store)
	if err != nil {
		return 0, "", err
	}
	d, log, err := queries.Decode(ctx, id)
	if err != nil {
		return 0, "", err
	}
	err = log.Each(ctx, func(steps []record.Step) error {
		for i := range steps {
			d.EventCount(&steps[i]) // so that it follows expansions
		}
		return d.Err()
	})
	if err != nil {
		return 0, "", fmt.Errorf("log of run %s: %w", id, err)
	}
	numbering := d.Numbering()
	for n := range dag.NodeID(numbering.Nodes()) {
		if !numbering.IsTask(n) {
			continue
		}
		task := numbering.Identity(numbering.Locate(n))
		if c.matches(&attemptJSON{TaskMetrics: record.TaskMetrics{Node: n, Task: task}, Name: task.Label()}) {
			if name != "" {
				return 0, "", nil
			}
			node, name = n, task.Label()
		}
	}
	return node, name, nil
}

// follow prints what the task logs until its attempt has ended, for up to wait if no attempt is being executed. It reports
// whether the log can be read.
func (l *liveLog) follow(ctx context.Context, wait time.Duration) (reached bool, err error) {
	for at := (worker.LogPosition{}); ; {
		part, err := l.next(ctx, at, wait)
		if errors.Is(err, api.ErrUnreached) {
			return false, nil
		}
		if err == nil && part.Next.Attempt > 0 {
			err = l.print(&part)
		}
		if err != nil || !part.Running {
			return true, err
		}
		at = part.Next
	}
}

// print prints whole lines; what follows the last one waits for its end, or for that of the attempt.
func (l *liveLog) print(part *worker.LogPart) error {
	out := l.s.stdout
	key := attemptKey{epoch: uint16(part.Next.Epoch), attempt: uint16(part.Next.Attempt)}
	if key != l.shown && len(part.Text) > 0 {
		l.shown, l.line, l.received = key, "", 0
		if _, err := fmt.Fprintf(out, "%s, attempt %d: executing\n  log\n", oneLine(l.name, 80), key.attempt); err != nil {
			return err
		}
	}
	if part.Missed > 0 {
		l.line = ""
		fmt.Fprintf(out, "    (%d bytes are left out here)\n", part.Missed)
	}
	added := strings.ToValidUTF8(string(part.Text), "�")
	l.received += len(added) + int(part.Missed)
	text := l.line + added
	whole := strings.LastIndexByte(text, '\n') + 1
	if !part.Running || len(text)-whole > record.MaxEvidence {
		whole = len(text)
	}
	l.line = text[whole:]
	if !part.Running && key == l.shown {
		l.printed[key] = true
	}
	if whole == 0 {
		return nil
	}
	_, err := fmt.Fprint(out, paragraphs(text[:whole], "    "))
	return err
}

// finish removes the log of an attempt that has ended, as far as it was printed. It prints what is missing if the process
// that executed the attempt was gone before it was asked for it.
func (l *liveLog) finish(a *loggedJSON) error {
	key := attemptKey{epoch: uint16(a.Epoch), attempt: uint16(a.Attempt)}
	if key == l.shown && !l.printed[key] && len(a.Log) < record.MaxEvidence && l.received <= len(a.Log) {
		rest := worker.LogPart{Text: []byte(a.Log[l.received:]), Next: worker.LogPosition{Epoch: a.Epoch, Attempt: a.Attempt}}
		if err := l.print(&rest); err != nil {
			return err
		}
	}
	if l.printed[key] {
		a.Log = ""
	}
	return nil
}
