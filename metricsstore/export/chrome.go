package export

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// traceEvent is an event of the trace format (Trace Event Format, Google, 2016). Times are microseconds.
type traceEvent struct {
	Name     string         `json:"name"`
	Category string         `json:"cat,omitempty"`
	Phase    string         `json:"ph"`           // X: complete, M: metadata, s and f: an arrow's beginning and end
	ID       int            `json:"id,omitempty"` // of the arrow
	Bind     string         `json:"bp,omitempty"` // e: the arrow ends at the slice around its moment, not at the next one
	TS       micros         `json:"ts"`
	Duration *micros        `json:"dur,omitempty"` // every X has one, also of 0
	PID      int            `json:"pid"`
	TID      int            `json:"tid"`
	Args     map[string]any `json:"args,omitempty"`
}

// micros is a duration, written in microseconds without loss.
type micros time.Duration

func length(d time.Duration) *micros {
	m := micros(d)
	return &m
}

// MarshalJSON implements json.Marshaler.
func (m micros) MarshalJSON() ([]byte, error) {
	sign, ns := "", int64(m)
	if ns < 0 {
		sign, ns = "-", -ns
	}
	return fmt.Appendf(nil, "%s%d.%03d", sign, ns/1000, ns%1000), nil
}

// WriteChromeTrace writes a trace that Perfetto and chrome://tracing open: one process for each worker, one thread
// for each of its slots, for each attempt a slice from claim to end with its phases inside, for each dependency an
// arrow, up to 200,000 of them: where there are more, dependencies_left_out says so. Times count from the run's
// start.
func WriteChromeTrace(ctx context.Context, w io.Writer, q *metricsstore.Queries, run record.RunID) error {
	kept, err := q.Run(ctx, run)
	if err != nil {
		return err
	}
	workers, err := q.Workers(ctx, run)
	if err != nil {
		return err
	}
	decoder, log, err := q.Decode(ctx, run)
	if err != nil {
		return err
	}
	t := &trace{out: bufio.NewWriter(w), lanes: map[[2]int]bool{}, flows: flows{waits: waits{decoder.Numbering()}, drawn: map[dag.NodeID]slice{}}}
	t.text(`{"displayTimeUnit":"ns","otherData":{"run":`)
	t.value(run)
	t.text("},\"traceEvents\":[")
	for _, r := range workers {
		t.event(traceEvent{Name: "process_name", Phase: "M", PID: r.Worker + 1, Args: map[string]any{"name": workerName(&r)}})
	}
	var records []record.TaskMetrics
	for t.err == nil {
		steps, err := log.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		records = decoder.Metrics(records[:0], steps)
		for i := range records {
			t.attempt(&records[i], kept.Info.StartedAt)
		}
		if err := decoder.Err(); err != nil {
			return fmt.Errorf("%w: run %s: %w", metricsstore.ErrCorrupt, run, err)
		}
	}
	t.text("\n]")
	if t.flows.leftOut {
		t.text(`,"dependencies_left_out":true`)
	}
	t.text("}\n")
	return errors.Join(t.err, t.out.Flush())
}

func workerName(r *record.WorkerRecord) string {
	name := "worker " + strconv.Itoa(r.Worker)
	if r.Name != "" {
		name += " " + r.Name
	}
	if r.Host != "" {
		name += " on " + r.Host
	}
	return name
}

// trace writes events one by one; err is the first error.
type trace struct {
	out    *bufio.Writer
	events int
	lanes  map[[2]int]bool // that were named
	flows  flows
	err    error
}

func (t *trace) text(s string) { _, _ = t.out.WriteString(s) } // a bufio.Writer keeps its error until Flush

func (t *trace) value(v any) {
	b, err := json.Marshal(v)
	t.err = errors.Join(t.err, err)
	_, _ = t.out.Write(b)
}

func (t *trace) event(e traceEvent) {
	if t.events > 0 {
		t.text(",")
	}
	t.text("\n")
	t.value(e)
	t.events++
}

// attempt writes the slice of an attempt and, within it, its phases one after the other.
func (t *trace) attempt(m *record.TaskMetrics, started time.Time) {
	lane := [2]int{m.Worker, m.Slot}
	pid, tid := m.Worker+1, m.Slot+1
	if !t.lanes[lane] {
		t.lanes[lane] = true
		t.event(traceEvent{Name: "thread_name", Phase: "M", PID: pid, TID: tid, Args: map[string]any{"name": "slot " + strconv.Itoa(m.Slot)}})
	}
	at := micros(m.StartedAt.Sub(started) - m.Fetch - m.Wait)
	args := map[string]any{"node": m.Node, "epoch": m.Epoch, "attempt": m.Attempt, "queue_ns": m.Queue}
	for name, n := range map[string]int64{"input_bytes": m.Input, "output_bytes": m.Output, "stored_bytes": m.Stored} {
		if n >= 0 {
			args[name] = n
		}
	}
	if m.Task.Name != "" {
		args["function"] = m.Task.Function
	}
	if u := m.Usage; u != nil {
		for name, n := range map[string]int64{"cpu_ns": int64(u.CPU), "system_ns": int64(u.System), "memory_bytes": u.MemoryBytes, "read_bytes": u.ReadBytes, "written_bytes": u.WrittenBytes} {
			if n >= 0 {
				args[name] = n
			}
		}
	}
	took := m.Wait + m.Fetch + m.Execute + m.Store + m.Update
	t.event(traceEvent{
		Name: m.Task.Label(), Category: m.Outcome.String(), Phase: "X", TS: at, PID: pid, TID: tid, Args: args,
		Duration: length(took),
	})
	t.flows.into(t, m.Node, slice{pid, tid, time.Duration(at), time.Duration(at) + took})
	for _, phase := range []struct {
		name string
		d    time.Duration
	}{{"fetch", m.Fetch}, {"wait", m.Wait}, {"execute", m.Execute}, {"store", m.Store}, {"update", m.Update}} {
		if phase.d > 0 {
			t.event(traceEvent{Name: phase.name, Category: "phase", Phase: "X", TS: at, Duration: length(phase.d), PID: pid, TID: tid})
			at += micros(phase.d)
		}
	}
}
