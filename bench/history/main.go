// Command history measures how long a question about a quarter of a year takes: the quantiles of eight metrics of twelve
// functions over all runs that started in ninety days, from a folder and from Redis, each opened anew. Next to it SQLite
// answers the same from one row for each attempt, indexed by time, with quantiles of the same definition in SQL, and
// DuckDB where the command was built with -tags duckdb, which takes a C compiler and 60 MB. The answers are compared,
// and asked again with many times as many tasks in each run.
//
// Everything is measured in one run on one machine, because figures of different runs cannot be compared. Goals that are
// missed are shown and are no error. It needs redis-server, and some minutes to fill the stores.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/dagscope/dagscope/bench/internal/process"
	"github.com/dagscope/dagscope/bench/internal/redisserver"
	"github.com/dagscope/dagscope/cmd/app/bench"
)

// Goals.
const (
	embeddedGoal = 50.0  // ms
	redisGoal    = 100.0 // ms
	tasksGoal    = 1.5   // times as long with manyTasks in each function as with fewTasks
)

// Tasks that each function has in a run.
const (
	fewTasks  = 4
	manyTasks = 32
)

func main() { process.Main("history", run, nil) }

func run(ctx context.Context, args []string, w io.Writer) (err error) {
	flags := flag.NewFlagSet("history", flag.ContinueOnError)
	flags.SetOutput(w)
	runs := flags.Int("runs", 10_000, "how many runs are kept")
	rounds := flags.Int("rounds", 5, "how often each is asked; the quickest counts")
	if err := flags.Parse(args); err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "dagscope-history-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	fmt.Fprintln(w, bench.ThisMachine())
	few, err := measure(ctx, w, filepath.Join(folder, "few"), history{runs: *runs, tasks: fewTasks}, *rounds, peers())
	if err != nil {
		return err
	}
	// The peers read a row for each task, so there is nothing to learn from more of them.
	many, err := measure(ctx, w, filepath.Join(folder, "many"), history{runs: *runs / 5, tasks: manyTasks}, *rounds, nil)
	if err != nil {
		return err
	}
	base, err := measure(ctx, w, filepath.Join(folder, "base"), history{runs: *runs / 5, tasks: fewTasks}, *rounds, nil)
	if err != nil {
		return err
	}
	for i, goal := range []float64{embeddedGoal, redisGoal} {
		fmt.Fprintln(w, bench.AtMost("ms from "+few[i].name, few[i].ms(), goal))
		fmt.Fprintln(w, bench.AtMost(fmt.Sprintf("from %s, by that with an eighth of the tasks", many[i].name), many[i].ms()/base[i].ms(), tasksGoal))
	}
	return nil
}

// answerer is something that keeps a history and answers the question about it.
type answerer interface {
	name() string
	// keep fills it.
	keep(ctx context.Context, h history) error
	// ask opens it, asks, and closes it. It returns how long the answer took.
	ask(ctx context.Context) (answer, time.Duration, error)
}

// timed is how long the quickest answer took.
type timed struct {
	name string
	took time.Duration
}

func (t timed) ms() float64 { return float64(t.took) / float64(time.Millisecond) }

// measure fills the stores and the peers and asks them in turns.
func measure(ctx context.Context, w io.Writer, folder string, h history, rounds int, peers []peer) (out []timed, err error) {
	err = redisserver.With(ctx, func(s *redisserver.Server) error {
		all := []answerer{embeddedStore{folder}, redisStore{s.Addr}}
		for _, p := range peers {
			all = append(all, p.in(folder))
		}
		fmt.Fprintf(w, "\n%d runs of %d functions with %d tasks each in %d days: p50, p90, p99 of %d metrics by function\n",
			h.runs, functions, h.tasks, days, len(metrics))
		for _, a := range all {
			began := time.Now()
			if err := a.keep(ctx, h); err != nil {
				return fmt.Errorf("%s: %w", a.name(), err)
			}
			fmt.Fprintf(w, "%-9s filled in %v\n", a.name(), time.Since(began).Round(100*time.Millisecond))
		}
		out, err = askAll(ctx, w, all, rounds)
		return err
	})
	return out, err
}

// askAll asks all in turns; the first answer is the one that the others are compared with.
func askAll(ctx context.Context, w io.Writer, all []answerer, rounds int) ([]timed, error) {
	out := make([]timed, len(all))
	answers := make([]answer, len(all))
	for range rounds {
		for i, a := range all {
			got, took, err := a.ask(ctx)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", a.name(), err)
			}
			if answers[i] == nil || took < out[i].took {
				out[i] = timed{a.name(), took}
			}
			answers[i] = got
		}
	}
	for i, t := range out {
		worst, err := answers[0].differs(answers[i])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.name, err)
		}
		fmt.Fprintf(w, "%-9s %8.1f ms, %7.2f of the first, answers at most %.2f %% apart\n", t.name, t.ms(), t.ms()/out[0].ms(), 100*worst)
	}
	return out, nil
}
