package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/dagscope/dagscope/bench/internal/process"
	"github.com/dagscope/dagscope/bench/internal/redisserver"
	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/worker"
)

// fleet is worker processes on one Redis, and the idle pool of this process, which submits to them.
type fleet struct {
	server  *redisserver.Server
	submit  *site
	members []*process.Child // worker processes
}

// newFleet starts a worker process for each order, at the given address of the server.
func newFleet(ctx context.Context, s *redisserver.Server, url string, profile string, orders ...order) (*fleet, error) {
	f := &fleet{server: s}
	for i, o := range orders {
		if profile != "" {
			o.Profile = filepath.Join(profile, fmt.Sprintf("worker-%d-of-%d.pprof", i+1, len(orders)))
		}
		o.URL = url
		member, err := process.Start(ctx)
		if err != nil {
			return nil, errors.Join(err, f.close())
		}
		f.members = append(f.members, member)
		if err := member.Ask(o, new(counters)); err != nil {
			return nil, errors.Join(err, f.close())
		}
	}
	var err error
	if f.submit, err = newSite(ctx, url, worker.Config{Idle: true}); err != nil {
		return nil, errors.Join(err, f.close())
	}
	return f, nil
}

func (f *fleet) close() error {
	var errs []error
	if f.submit != nil {
		errs = append(errs, f.submit.close())
	}
	for _, m := range f.members {
		errs = append(errs, m.Finish()) // all before the first is waited for
	}
	for _, m := range f.members {
		errs = append(errs, m.Close())
	}
	return errors.Join(errs...)
}

// spent is what the processes have used so far, and this one has sent.
func (f *fleet) spent() (sum counters, err error) {
	for _, m := range f.members {
		var c counters
		if err := m.Ask(order{}, &c); err != nil {
			return sum, err
		}
		sum = sum.plus(c)
	}
	own := f.submit.counters()
	return sum.plus(counters{Commands: own.Commands, RoundTrips: own.RoundTrips}), nil
}

// span is one run that has ended.
type span struct {
	job  execution.Job
	exec execution.Execution
	// from the run's beginning to its end on the store's clock, and from the submission until the end is known here
	run, all time.Duration
}

// execute lets the workers do one run of a graph.
func (f *fleet) execute(ctx context.Context, g *dag.Graph, o engine.RunOptions) (span, error) {
	s := span{job: jobOf(g, o)}
	began := time.Now()
	var err error
	if s.exec, err = f.submit.pool.Submit(ctx, s.job); err != nil {
		return s, err
	}
	select {
	case <-s.exec.Done():
	case <-ctx.Done():
		return s, ctx.Err()
	case <-time.After(time.Minute):
		return s, fmt.Errorf("a run has not ended in a minute: %+v", s.exec.Progress())
	}
	s.all = time.Since(began)
	end, _ := s.exec.End()
	if end.Status != record.Succeeded {
		return s, fmt.Errorf("a run has %s: %+v", end.Status, end.First)
	}
	kept, err := f.submit.backend.Open(ctx, s.job.Info.ID)
	s.run = end.EndedAt.Sub(kept.StartedAt)
	return s, err
}

// remove deletes a run that has ended.
func (f *fleet) remove(ctx context.Context, s span) error {
	s.exec.Forget()
	return f.submit.backend.Delete(ctx, s.job.Info.ID)
}

// jobOf fills in what an engine would.
func jobOf(g *dag.Graph, o engine.RunOptions) execution.Job {
	now := time.Now()
	o.Policy, o.Deadline = record.FailFast, time.Hour
	o.Limits, o.Rules = o.Limits.WithDefaults(), o.Rules.WithDefaults()
	info := record.RunInfo{ID: record.NewRunID(now), Workflow: "bench", Policy: o.Policy, SubmittedAt: now, StartedAt: now}
	return execution.Job{Info: info, Graph: g, Options: o}
}
