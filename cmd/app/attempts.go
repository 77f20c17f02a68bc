package app

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/codec"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/runtable"
)

// eachAttempt calls f with every attempt that has ended and every task that was skipped according to the log of a run, in
// the order of the log.
func eachAttempt(ctx context.Context, store metricsstore.Store, info record.RunInfo, f func(seq uint64, t attemptJSON)) error {
	queries, err := metricsstore.NewQueries(store)
	if err != nil {
		return err
	}
	d, log, err := queries.Decode(ctx, info.ID)
	if err != nil {
		return err
	}
	return log.Each(ctx, func(steps []record.Step) error {
		for i := range steps {
			for _, m := range d.Metrics(nil, steps[i:i+1]) {
				f(steps[i].Seq, newAttempt(m, &steps[i]))
			}
			if s := &steps[i]; s.Kind == record.TaskSkipped && d.Err() == nil {
				skipped := untried(d.Numbering(), info, s.Node, s.Ended, record.OutcomeSkipped)
				skipped.Epoch = int(s.Epoch)
				f(s.Seq, skipped)
			}
		}
		if d.Err() != nil {
			return fmt.Errorf("log of run %s: %w", info.ID, d.Err())
		}
		return nil
	})
}

// notRun is shown instead of an outcome for a task that was not claimed when the run ended.
const notRun = "not_run"

// outcome is how an attempt ended, or why there was none.
func (t *attemptJSON) outcome() string {
	if t.Attempt == 0 && t.Outcome == record.NoOutcome {
		return notRun
	}
	return t.Outcome.String()
}

// eachNotRun calls f with every task of an ended run that was not claimed when it ended, in the order of their nodes, and
// with the last step of the log.
func eachNotRun(ctx context.Context, store metricsstore.Store, info record.RunInfo, f func(seq uint64, t attemptJSON)) error {
	queries, err := metricsstore.NewQueries(store)
	if err != nil {
		return err
	}
	run, err := queries.Run(ctx, info.ID)
	if err != nil || !run.Status.Final() {
		return err
	}
	table, err := runtable.Read(ctx, queries, &run)
	if err != nil {
		return err
	}
	for _, node := range table.TasksIn(runtable.NotRun, table.End()) {
		f(table.Seq(), untried(table.Numbering(), info, node, table.End(), record.NoOutcome))
	}
	return nil
}

func newAttempt(m record.TaskMetrics, s *record.Step) attemptJSON {
	return attemptJSON{
		TaskMetrics: m, Name: m.Task.Label(), Became: !s.Head,
		ReadyNS: s.Ready, ClaimedNS: s.Claimed, BodyNS: s.Started, EndedNS: s.Ended,
	}
}

// untried is a task without any attempt. All its moments are at, ns since the start of the run, when its outcome was certain,
// so that it can be sorted by time.
func untried(n *dag.Numbering, info record.RunInfo, node dag.NodeID, at int64, outcome record.Outcome) attemptJSON {
	m := record.TaskMetrics{
		Run: info.ID, Revision: info.Revision, Workflow: info.Workflow, Task: n.Identity(n.Locate(node)), Node: node,
		Outcome: outcome, StartedAt: info.StartedAt.Add(time.Duration(at)),
		Bytes: record.Bytes{Input: codec.UnknownSize, Output: codec.UnknownSize, Stored: codec.UnknownSize},
	}
	return attemptJSON{TaskMetrics: m, Name: m.Task.Label(), ReadyNS: at, ClaimedNS: at, BodyNS: at, EndedNS: at}
}

// addErrors adds the errors of failed attempts. The error is missing if the detail of an attempt was not recorded.
func addErrors(ctx context.Context, store metricsstore.Store, id record.RunID, attempts []attemptJSON) error {
	type key struct {
		node           dag.NodeID
		epoch, attempt int
	}
	failed := map[key]*attemptJSON{}
	for i := range attempts {
		if a := &attempts[i]; a.Attempt > 0 && !a.Outcome.Done() {
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
				a.Error = newErrorJSON(d.Error)
			}
		}
		if len(rows) <= page {
			return nil
		}
		from = rows[page].DetailKey
	}
	return nil
}

// attemptJSON is one attempt of a task, or, with attempt 0, a task that was skipped or not run. Moments are since the start
// of the run; in JSON the fields of the embedded struct are on the same level.
type attemptJSON struct {
	record.TaskMetrics
	Name      string     `json:"name"`
	Became    bool       `json:"became"` // its worker continued with it after one of its parents
	ReadyNS   int64      `json:"ready_ns"`
	ClaimedNS int64      `json:"claimed_ns"`
	BodyNS    int64      `json:"started_ns"`
	EndedNS   int64      `json:"ended_ns"`
	Error     *errorJSON `json:"error"`
}

func compareTasks(a, b attemptJSON) int {
	return cmp.Or(strings.Compare(a.Task.Function, b.Task.Function), slices.Compare(a.Task.Path, b.Task.Path),
		cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Attempt, b.Attempt))
}

// used is what the attempt used, with unknown values if nothing was measured.
func (t *attemptJSON) used() record.Usage {
	if t.Usage == nil {
		return *record.UnknownUsage()
	}
	return *t.Usage
}

// isMeasured reports whether any value of usageCells is known.
func (t *attemptJSON) isMeasured() bool {
	u := t.used()
	return max(int64(u.CPU), u.MemoryBytes, u.ReadBytes, u.WrittenBytes) >= 0
}

// usageCells are the cells of columns that are shown only if any attempt of the run was measured.
func (t *attemptJSON) usageCells() []string {
	u := t.used()
	cpu := "–"
	if u.CPU >= 0 {
		cpu = duration(u.CPU)
	}
	return []string{cpu, size(u.MemoryBytes), size(u.ReadBytes), size(u.WrittenBytes)}
}

// errorJSON is the short form of a failure.
type errorJSON struct {
	Kind    record.ErrorKind `json:"kind"`
	Task    string           `json:"task"`
	Name    string           `json:"name,omitempty"`
	Message string           `json:"message"`
}

func newErrorJSON(e *record.ErrorRecord) *errorJSON {
	return &errorJSON{e.Kind, e.Task, e.Name, e.Message}
}
