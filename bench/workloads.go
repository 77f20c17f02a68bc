package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/dagscope/dagscope/cmd/app/bench"
	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/state/memory"
	"github.com/dagscope/dagscope/engine/worker"
	"github.com/dagscope/dagscope/engine/workflows"
)

// workload is a workflow of the gallery and the parameters that Dask is given too, in the order of its script.
type workload struct {
	name   string
	params [][2]string
}

// workloads have sizes of their own, so that a change of a default does not make runs incomparable.
func workloads() []workload {
	return []workload{
		{"gemm-blocked", [][2]string{{"size", "1000"}, {"block", "250"}}},
		{"svd-tall", [][2]string{{"rows", "20000"}, {"cols", "100"}, {"block", "1000"}}},
		{"wordcount", [][2]string{{"input", ""}, {"chunk", "65536"}}},
	}
}

// compareWorkloads runs real work in the engine and under Dask's schedulers.
func (d dask) compareWorkloads(ctx context.Context, w io.Writer, rounds int) (err error) {
	dir, err := os.MkdirTemp("", "dagscope-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	text, err := writeText(filepath.Join(dir, "text"))
	if err != nil {
		return err
	}
	args := []string{"workloads"}
	for _, work := range workloads() {
		for _, p := range work.params {
			if p[0] == "input" {
				p[1] = text
			}
			args = append(args, p[1])
		}
	}
	ours, counts, err := measureWorkloads(ctx, rounds)
	if err != nil {
		return err
	}
	lines, err := d.run(ctx, rounds, args...)
	if err != nil {
		return err
	}
	return printWorkloads(w, ours, counts, lines[1:])
}

// writeText writes the text that wordcount takes by default, for Dask to read.
func writeText(name string) (string, error) {
	w, err := find("wordcount")
	if err != nil {
		return "", err
	}
	args, err := w.Arguments(nil, nil)
	if err != nil {
		return "", err
	}
	return name, os.WriteFile(name, args.File("input").Data, 0o600)
}

func find(name string) (*engine.Workflow, error) {
	for _, w := range workflows.All() {
		if w.Name == name {
			return w, nil
		}
	}
	return nil, fmt.Errorf("%w: %q", engine.ErrUnknownWorkflow, name)
}

// measureWorkloads gives the quickest time of each workload, and the word counts, with which Dask's are compared.
func measureWorkloads(ctx context.Context, rounds int) (quickest map[string]time.Duration, counts map[string]int, err error) {
	pool, err := worker.New(worker.Config{State: memory.New()})
	if err != nil {
		return nil, nil, err
	}
	e, err := engine.New(engine.Config{Executor: pool})
	if err != nil {
		return nil, nil, err
	}
	engineCtx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- e.Run(engineCtx) }()
	defer func() {
		stop()
		err = errors.Join(err, <-ended)
	}()
	quickest = map[string]time.Duration{}
	for _, work := range workloads() {
		g, err := work.graph()
		if err != nil {
			return nil, nil, err
		}
		for range rounds {
			took, value, err := execute(ctx, e, work.name, g)
			if err != nil {
				return nil, nil, err
			}
			if best, seen := quickest[work.name]; !seen || took < best {
				quickest[work.name] = took
			}
			if c, ok := value.(map[string]int); ok {
				counts = c
			}
		}
	}
	return quickest, counts, nil
}

func (l workload) graph() (*dag.Graph, error) {
	w, err := find(l.name)
	if err != nil {
		return nil, err
	}
	set := map[string]string{}
	for _, p := range l.params {
		if p[1] != "" {
			set[p[0]] = p[1]
		}
	}
	args, err := w.Arguments(set, nil)
	if err != nil {
		return nil, err
	}
	return w.Graph(args)
}

func execute(ctx context.Context, e *engine.Engine, name string, g *dag.Graph) (time.Duration, any, error) {
	began := time.Now()
	r, err := e.Submit(ctx, name, g, engine.RunOptions{})
	if err != nil {
		return 0, nil, err
	}
	err = r.Wait(ctx)
	return time.Since(began), r.Value(), err
}

func printWorkloads(w io.Writer, ours map[string]time.Duration, counts map[string]int, lines []daskLine) error {
	fmt.Fprintln(w, "\nworkloads, quickest wall time; one thread for BLAS")
	t := bench.Table(w)
	fmt.Fprintln(t, "\tengine\tDask\tDask / engine\t")
	best := map[string]float64{}
	for _, l := range lines {
		fmt.Fprintf(t, "%s, %s\t%.1f ms\t%.1f ms\t%.1f x\t\n",
			l.Work, l.Scheduler, ours[l.Work].Seconds()*1e3, l.Wall*1e3, l.Wall/ours[l.Work].Seconds())
		if wall, seen := best[l.Work]; !seen || l.Wall < wall {
			best[l.Work] = l.Wall
		}
		if l.Words > 0 {
			if err := sameWords(counts, l); err != nil {
				return err
			}
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, work := range workloads() {
		fmt.Fprintln(w, bench.AtLeast(work.name+", time of Dask's best / engine", best[work.name]/ours[work.name].Seconds(), 1))
	}
	return nil
}

// sameWords checks that both sides did the same work.
func sameWords(counts map[string]int, l daskLine) error {
	words := 0
	for _, n := range counts {
		words += n
	}
	if words != l.Words || len(counts) != l.Distinct {
		return fmt.Errorf("wordcount finds %d words, %d different ones; under Dask's %s %d and %d",
			words, len(counts), l.Scheduler, l.Words, l.Distinct)
	}
	return nil
}
