package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"time"

	"github.com/dagscope/dagscope/bench/internal/process"
	"github.com/dagscope/dagscope/cmd/app/bench"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/embedded"
)

// keptGoal is the least rate of submissions with many runs kept, as a share of the rate with none.
const keptGoal = 0.9

const (
	rounds  = 12 // in which services with and without kept runs take turns, after one that does not count
	fillers = 64 // goroutines that fill a folder, so that they share transactions
)

// compareKept measures what calls take with n runs kept and with none, in turns.
func compareKept(ctx context.Context, w io.Writer, program, folder string, n int) (err error) {
	none, err := serve(ctx, program, filepath.Join(folder, "none"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, none.Stop()) }()
	many, err := serveKept(ctx, none, program, filepath.Join(folder, "kept"), n)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, many.Stop()) }()
	first, err := many.timed(ctx, "/runs?limit=50")
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "\n%d runs kept: the first list after the start took %v\n", n, first.Round(time.Millisecond))
	if err := many.rests(ctx); err != nil {
		return err
	}
	all, err := bench.Interleave(ctx, 1+rounds, none.submitRate(ctx), many.submitRate(ctx))
	if err != nil {
		return err
	}
	withNone, withMany := bench.NewStat(all[0][1:]).Median, bench.NewStat(all[1][1:]).Median
	used, err := process.MemoryOf(many.PID())
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%7.1f runs/s with none kept, %7.1f with %d; memory %.1f MB, %.1f of it without pages of files\n",
		withNone, withMany, n, inMB(used.Resident), inMB(used.Own))
	fmt.Fprintln(w, bench.AtLeast("rate of submissions by that with none kept", withMany/withNone, keptGoal))
	return lists(ctx, w, none, many)
}

// submitRate gives what submits a block of runs and returns how many a second that are.
func (s service) submitRate(ctx context.Context) func() (float64, error) {
	return func() (float64, error) {
		began := time.Now()
		err := s.submit(ctx, block)
		return block / time.Since(began).Seconds(), err
	}
}

// lists times lists of some kinds, each the least of several.
func lists(ctx context.Context, w io.Writer, none, many service) error {
	for _, query := range []string{
		"/runs?limit=50", "/runs?limit=50&workflow=diamond-skip", "/runs?limit=50&status=failed", "/runs?limit=50&tag=none",
		"/runs?limit=50&sort=makespan", "/runs?limit=50&order=asc", "/runs?limit=50&text=nothing+has+this",
		"/runs?limit=50&from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z",
	} {
		var least [2]time.Duration
		for i, s := range []service{none, many} {
			took, err := s.least(ctx, 20, query)
			if err != nil {
				return err
			}
			least[i] = took
		}
		fmt.Fprintf(w, "%-62s %8v with few kept, %8v with many\n", query, least[0].Round(10*time.Microsecond), least[1].Round(10*time.Microsecond))
	}
	return nil
}

// rests waits until the service has done what it does by itself, such as merging the statistics of runs that were
// imported: until it has used less than a twentieth of a processor for a second.
func (s service) rests(ctx context.Context) error {
	before, err := process.ProcessorTime(s.PID())
	for err == nil && ctx.Err() == nil {
		time.Sleep(time.Second)
		var now time.Duration
		if now, err = process.ProcessorTime(s.PID()); now-before < time.Second/20 {
			break
		}
		before = now
	}
	return errors.Join(err, ctx.Err())
}

// serveKept fills a folder with copies of a run that another service executes, and serves it.
func serveKept(ctx context.Context, executes service, program, data string, n int) (service, error) {
	if err := executes.submitOne(ctx); err != nil {
		return service{}, err
	}
	time.Sleep(time.Second) // it ends within milliseconds
	var list struct {
		Runs []struct{ Run string }
	}
	if err := executes.Ask(ctx, "/runs?limit=1", nil, &list); err != nil {
		return service{}, err
	}
	var file []byte
	if err := executes.Ask(ctx, "/runs/"+list.Runs[0].Run+"/archive", nil, &file); err != nil {
		return service{}, err
	}
	if err := fill(ctx, data, file, n); err != nil {
		return service{}, err
	}
	return serve(ctx, program, data)
}

// fill keeps n copies of a run in a folder, a minute apart.
func fill(ctx context.Context, data string, file []byte, n int) (err error) {
	store, err := embedded.Open(ctx, embedded.Config{Dir: data})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	archiver, err := metricsstore.NewArchiver(metricsstore.ArchiverConfig{Store: store})
	if err != nil {
		return err
	}
	numbers, failed := make(chan int), make(chan error, fillers)
	var wait sync.WaitGroup
	for range fillers {
		wait.Go(func() {
			for i := range numbers {
				if err := keep(ctx, archiver, file, i); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	defer wait.Wait()
	defer close(numbers)
	for i := range n {
		select {
		case numbers <- i:
		case err := <-failed:
			return err
		}
	}
	return nil
}

// keep imports a copy of a run as another one. One in hundred has failed.
func keep(ctx context.Context, archiver *metricsstore.Archiver, file []byte, i int) error {
	p, err := metricsstore.ReadArchive(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return err
	}
	r := &p.Run
	ago := -time.Duration(i+1) * time.Minute
	r.Info.StartedAt, r.Info.SubmittedAt, r.EndedAt = r.Info.StartedAt.Add(ago), r.Info.SubmittedAt.Add(ago), r.EndedAt.Add(ago)
	r.Info.ID = record.NewRunID(r.Info.StartedAt)
	r.Counts.MakespanNS = 1 + rand.Int64N(int64(time.Second))
	if i%100 == 0 {
		r.Status = record.Failed
	}
	_, err = archiver.Import(ctx, p)
	return err
}
