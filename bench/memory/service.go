package main

import (
	"context"
	"sync"
	"time"

	"github.com/dagscope/dagscope/bench/internal/process"
)

const (
	clients = 4   // that submit at a time
	block   = 500 // runs between two lines of the report
)

// service is the program that serves a data folder of its own.
type service struct{ *process.Service }

func serve(ctx context.Context, program, data string) (service, error) {
	s, err := process.Serve(ctx, program, data)
	return service{s}, err
}

// figures are what was measured once so many runs had been submitted.
type figures struct {
	runs       int
	rate       float64 // of the last of them, a second
	memory     process.Memory
	statistics time.Duration
}

// load submits runs and reports each block of them. It returns the last figures.
func (s service) load(ctx context.Context, runs int, report func(figures)) (f figures, err error) {
	for f.runs < runs {
		n, began := min(block, runs-f.runs), time.Now()
		if err := s.submit(ctx, n); err != nil {
			return f, err
		}
		f.runs, f.rate = f.runs+n, float64(n)/time.Since(began).Seconds()
		if f.memory, err = process.MemoryOf(s.PID()); err != nil {
			return f, err
		}
		if f.statistics, err = s.statistics(ctx); err != nil {
			return f, err
		}
		report(f)
	}
	return f, nil
}

// submit submits n runs by several clients.
func (s service) submit(ctx context.Context, n int) error {
	var wait sync.WaitGroup
	failed := make(chan error, clients)
	for i := range clients {
		wait.Go(func() {
			for range (n + i) / clients {
				if err := s.submitOne(ctx); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	wait.Wait()
	close(failed)
	return <-failed
}

func (s service) submitOne(ctx context.Context) error {
	return s.Ask(ctx, "/runs", map[string]string{"workflow": "diamond-skip"}, nil)
}

// statistics is the least time that a statistic over all runs takes, of several.
func (s service) statistics(ctx context.Context) (time.Duration, error) {
	return s.least(ctx, 5, "/stats?group_by=function")
}

// least is the least time that a request takes, of several.
func (s service) least(ctx context.Context, times int, path string) (time.Duration, error) {
	least := time.Hour
	for range times {
		took, err := s.timed(ctx, path)
		if err != nil {
			return 0, err
		}
		least = min(least, took)
	}
	return least, nil
}

// timed asks once.
func (s service) timed(ctx context.Context, path string) (time.Duration, error) {
	began := time.Now()
	err := s.Ask(ctx, path, nil, nil)
	return time.Since(began), err
}

// inMB is an amount of memory as it is printed.
func inMB(bytes int64) float64 { return float64(bytes) / (1 << 20) }
