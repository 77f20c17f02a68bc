package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/codec"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

const (
	functions = 12
	days      = 90
	lanes     = 4
)

var (
	metrics = []metricsstore.Metric{
		metricsstore.QueueNS, metricsstore.WaitNS, metricsstore.FetchNS, metricsstore.ExecuteNS,
		metricsstore.UpdateNS, metricsstore.OutputBytes, metricsstore.CPUNS, metricsstore.MemoryBytes,
	}
	quantiles = []float64{0.5, 0.9, 0.99}
	begin     = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
)

// history is what was made up: runs at equal distances over the days, each a chain of functions for each task of the first.
type history struct{ runs, tasks int }

func (h history) startOf(run int) time.Time {
	return begin.Add(time.Duration(run) * days * 24 * time.Hour / time.Duration(h.runs))
}

// graph is that of every run.
func (h history) graph() (*dag.Graph, error) {
	b := engine.NewBuilder()
	ends := make([]engine.Ref[int], h.tasks)
	var fs [functions]engine.F1[int, int]
	for i := range fs {
		fs[i] = engine.Func1(fmt.Sprintf("step%02d", i), func(_ context.Context, v int) (int, error) { return v, nil })
	}
	for i := range ends {
		ends[i] = engine.Const(b, i)
		for _, f := range fs {
			ends[i] = f.Call(ends[i])
		}
	}
	return b.Compile(engine.List(b, ends...))
}

// steps are the log of a run, the same for the same number: lanes go through the chains one task after the other, with
// log-normal times and sizes.
func (h history) steps(run int) []record.Step {
	rng := rand.New(rand.NewPCG(uint64(run), uint64(h.tasks)))
	some := func(median float64) int64 { return int64(median * math.Exp(rng.NormFloat64())) }
	steps := []record.Step{{Seq: 1, Kind: record.RunStarted, Became: dag.NoNode}}
	var free [lanes]int64
	for node := range h.tasks * functions {
		slot := node / functions % lanes
		s := record.Step{
			Seq: uint64(len(steps) + 1), Kind: record.AttemptEnded, Outcome: record.OutcomeOK, Node: dag.NodeID(node), Attempt: 1,
			Slot: uint16(slot), Became: dag.NoNode, Ready: free[slot], OutputBytes: some(4e3), StoredBytes: codec.UnknownSize,
		}
		s.Claimed = s.Ready + some(2e4)
		s.Fetch = some(3e4)
		s.Started = s.Claimed + s.Fetch + some(1e4)
		s.Ended = s.Started + some(float64(node%functions+1)*1e6)
		s.Updated = s.Ended + some(5e3)
		s.Usage = record.UnknownUsage()
		s.Usage.CPU, s.Usage.MemoryBytes = time.Duration(some(1e6)), some(5e7)
		free[slot] = s.Updated
		steps = append(steps, s)
	}
	last := max(free[0], free[1], free[2], free[3])
	return append(steps, record.Step{Seq: uint64(len(steps) + 1), Kind: record.RunFinished, Outcome: record.OutcomeOK, Became: dag.NoNode, Ended: last})
}

// info describes a run.
func (h history) info(run int) record.RunInfo {
	at := h.startOf(run)
	return record.RunInfo{ID: record.NewRunID(at), Workflow: "nightly", SubmittedAt: at, StartedAt: at}
}

// each calls f with what every attempt measured.
func (h history) each(f func(*record.TaskMetrics) error) error {
	g, err := h.graph()
	if err != nil {
		return err
	}
	var rows []record.TaskMetrics
	for run := range h.runs {
		rows = record.NewDecoder(g, h.info(run)).Metrics(rows[:0], h.steps(run))
		for i := range rows {
			if err := f(&rows[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// recordInto records all runs in a store.
func (h history) recordInto(ctx context.Context, store metricsstore.Store) error {
	g, err := h.graph()
	if err != nil {
		return err
	}
	recorder, err := metricsstore.NewRecorder(metricsstore.Config{Store: store, Timeout: time.Minute})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = recorder.Run(ctx) // ends with its context
	}()
	defer func() { cancel(); <-done }()
	numbers, failed := make(chan int), make(chan error, recorders)
	for range recorders {
		go func() {
			var errs error
			for run := range numbers {
				if errs == nil {
					errs = h.record(recorder, g, run)
				}
			}
			failed <- errs
		}()
	}
	for run := range h.runs {
		numbers <- run
	}
	close(numbers)
	for range recorders {
		err = errors.Join(err, <-failed)
	}
	return err
}

// recorders record at the same time, so that they share transactions.
const recorders = 64

func (h history) record(recorder *metricsstore.Recorder, g *dag.Graph, run int) error {
	info, steps := h.info(run), h.steps(run)
	if err := recorder.Begin(info, g); err != nil {
		return err
	}
	recorder.Steps(info.ID, steps)
	ended := info.StartedAt.Add(time.Duration(steps[len(steps)-1].Ended))
	return recorder.End(info.ID, record.RunEnd{Status: record.Succeeded, EndedAt: ended})
}
