package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/metricsstore"
)

// eachAttempt calls f with every attempt that the log of a run tells the end of, and every task that it says was
// skipped, in the order of the log.
func eachAttempt(ctx context.Context, store metricsstore.Store, info engine.RunInfo, f func(seq uint64, t attemptJSON)) error {
	queries, err := metricsstore.NewQueries(store)
	if err != nil {
		return err
	}
	d, log, err := queries.Decode(ctx, info.ID)
	if err != nil {
		return err
	}
	for {
		steps, err := log.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for i := range steps {
			for _, m := range d.Metrics(nil, steps[i:i+1]) {
				f(steps[i].Seq, newAttempt(m, &steps[i]))
			}
			if s := &steps[i]; s.Kind == engine.TaskSkipped && d.Err() == nil {
				f(s.Seq, skippedTask(d.Numbering(), info, s))
			}
		}
		if d.Err() != nil {
			return fmt.Errorf("log of run %s: %w", info.ID, d.Err())
		}
	}
}

func newAttempt(m engine.TaskMetrics, s *engine.Step) attemptJSON {
	return attemptJSON{
		TaskMetrics: m, Name: m.Task.String(), Became: !s.Head,
		ReadyNS: s.Ready, ClaimedNS: s.Claimed, BodyNS: s.Started, EndedNS: s.Ended,
	}
}

// skippedTask has its moment as all its moments, so that it has a place in the order of time.
func skippedTask(n *engine.Numbering, info engine.RunInfo, s *engine.Step) attemptJSON {
	at := info.StartedAt.Add(time.Duration(s.Ended))
	m := engine.TaskMetrics{
		Run: info.ID, Revision: info.Revision, Workflow: info.Workflow, Task: n.Identity(n.Locate(s.Node)), Node: s.Node,
		Epoch: int(s.Epoch), Outcome: engine.OutcomeSkipped, StartedAt: at,
		Bytes: engine.Bytes{Input: engine.UnknownSize, Output: engine.UnknownSize, Stored: engine.UnknownSize},
	}
	return attemptJSON{TaskMetrics: m, Name: m.Task.String(), ReadyNS: s.Ended, ClaimedNS: s.Ended, BodyNS: s.Ended, EndedNS: s.Ended}
}

// addErrors looks up how the attempts failed that did. A detail that was not kept leaves the error out.
func addErrors(ctx context.Context, store metricsstore.Store, id engine.RunID, attempts []attemptJSON) error {
	type key struct {
		node           engine.NodeID
		epoch, attempt int
	}
	failed := map[key]*attemptJSON{}
	for i := range attempts {
		if a := &attempts[i]; a.Attempt > 0 && a.Outcome != engine.OutcomeOK {
			failed[key{a.Node, a.Epoch, a.Attempt}] = a
		}
	}
	const page = 1024
	for from := (metricsstore.DetailKey{}); len(failed) > 0; {
		rows, err := store.Details(ctx, id, from, page+1)
		if err != nil {
			return err
		}
		for i := range rows[:min(page, len(rows))] {
			a := failed[key{rows[i].Node, int(rows[i].Epoch), int(rows[i].Attempt)}]
			if a == nil {
				continue
			}
			d, err := rows[i].Unpack()
			if err != nil {
				return err
			}
			if d.Error != nil {
				a.Error = &errorJSON{d.Error.Kind, d.Error.Task, d.Error.Message}
			}
		}
		if len(rows) <= page {
			return nil
		}
		from = rows[page].DetailKey
	}
	return nil
}
