package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"

	"github.com/dagscope/dagscope/bench/internal/redisserver"
	"github.com/dagscope/dagscope/cmd/app/bench"
)

// Rates of peers that are not measured here, where they were tried: the goals name them.
const (
	riverRate = 13_000 // jobs/s, tuned, on Postgres
	daskRate  = 400    // tasks/s, distributed, through its scheduler
)

// measurePeers lets asynq do nothing many times.
func (r *report) measurePeers(ctx context.Context, w io.Writer, o options) error {
	fmt.Fprintln(w, "\npeers: tasks a second that do nothing; what is asked for is queued before the clock starts")
	t := bench.Table(w)
	rate, err := asynqRate(ctx, o)
	if err != nil {
		return errors.Join(err, t.Flush())
	}
	r.asynq = rate
	fmt.Fprintf(t, "asynq v0.26.0, one process\t%.0f\t\n", rate)
	fmt.Fprintf(t, "river, tuned, where it was tried\t%d\t\n", riverRate)
	fmt.Fprintf(t, "Dask distributed, where it was tried\t%d\t\n", daskRate)
	return t.Flush()
}

// asynqRate is the best of all rounds and of several numbers of concurrent handlers.
func asynqRate(ctx context.Context, o options) (float64, error) {
	tasks := 20_000
	if o.quick {
		tasks = 4_000
	}
	best := 0.0
	for _, concurrency := range []int{2, 16, 64} {
		err := redisserver.With(ctx, func(s *redisserver.Server) error {
			for range o.rounds {
				rate, err := asynqRound(ctx, s.Addr, tasks, concurrency)
				if err != nil {
					return err
				}
				best = max(best, rate)
			}
			return nil
		})
		if err != nil {
			return 0, err
		}
	}
	return best, nil
}

func asynqRound(ctx context.Context, addr string, tasks, concurrency int) (float64, error) {
	opt := asynq.RedisClientOpt{Addr: addr}
	client := asynq.NewClient(opt)
	for range tasks {
		if _, err := client.EnqueueContext(ctx, asynq.NewTask("nothing", nil)); err != nil {
			return 0, errors.Join(err, client.Close())
		}
	}
	left, done := atomic.Int64{}, make(chan struct{})
	left.Store(int64(tasks))
	srv := asynq.NewServer(opt, asynq.Config{Concurrency: concurrency, Logger: silent{}, LogLevel: asynq.FatalLevel})
	began := time.Now()
	err := srv.Start(asynq.HandlerFunc(func(context.Context, *asynq.Task) error {
		if left.Add(-1) == 0 {
			close(done)
		}
		return nil
	}))
	if err != nil {
		return 0, errors.Join(err, client.Close())
	}
	select {
	case <-done:
	case <-ctx.Done():
		err = ctx.Err()
	}
	rate := float64(tasks) / time.Since(began).Seconds()
	srv.Shutdown()
	return rate, errors.Join(err, client.Close())
}

// silent implements asynq.Logger: what asynq logs of its start and end is of no interest, its errors are.
type silent struct{}

func (silent) Debug(...any)   {}
func (silent) Info(...any)    {}
func (silent) Warn(...any)    {}
func (silent) Error(a ...any) { slog.Error(fmt.Sprint(a...)) }
func (silent) Fatal(a ...any) { slog.Error(fmt.Sprint(a...)) }
