package app

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/predict"
)

// predictCommand says how long a run would take.
type predictCommand struct {
	Workflow string            `arg:"" help:"Workflow that would be executed, of those that the command workflows lists, or a pipeline file such as words.yaml."`
	Set      map[string]string `mapsep:"none" placeholder:"NAME=VALUE" help:"Set a parameter; a file parameter to a path. Can be repeated."`
	targetFlags
	envFlags
}

// Validate is called by kong.
func (c *predictCommand) Validate() error { return c.check() }

// Run prints the prediction.
func (c *predictCommand) Run(ctx context.Context, s *session) error {
	predicted, err := c.predict(ctx, s)
	if err != nil {
		return err
	}
	if s.flags.JSON {
		return s.printJSON(predicted)
	}
	return printPrediction(s.stdout, predicted)
}

func (c *predictCommand) predict(ctx context.Context, s *session) (out *predict.Prediction, err error) {
	if c.Server != "" {
		return c.remote(ctx)
	}
	if isPipeline(c.Workflow) {
		if err := (codeFlags{envFlags: c.envFlags}).useCode(s, nil, true); err != nil {
			return nil, err
		}
		if c.Workflow, err = loadPipeline(s, c.Workflow); err != nil {
			return nil, err
		}
	}
	args, err := s.arguments(c.Workflow, c.Set)
	if err != nil {
		return nil, err
	}
	workflow, err := s.workflow(c.Workflow)
	if err != nil {
		return nil, err
	}
	plan, err := predict.NewPlan(workflow, args, time.Now())
	if err != nil {
		return nil, err
	}
	return out, s.withStore(ctx, c.storeFlags, func(store metricsstore.Store) error {
		queries, err := metricsstore.NewQueries(store)
		if err != nil {
			return err
		}
		runs, err := predict.RunsBefore(ctx, queries, &plan.Run)
		if err != nil {
			return err
		}
		out, err = predict.Launch(ctx, queries, plan, runs)
		return err
	})
}

// remote asks a service.
func (c *predictCommand) remote(ctx context.Context) (*predict.Prediction, error) {
	service, err := c.service()
	if err != nil {
		return nil, err
	}
	query := url.Values{"workflow": {c.Workflow}}
	for _, name := range slices.Sorted(maps.Keys(c.Set)) {
		query.Add("parameter", name+"="+c.Set[name])
	}
	out, err := service.Predict(ctx, query)
	if err != nil {
		return nil, serviceError(err)
	}
	return &out, nil
}

func printPrediction(w io.Writer, p *predict.Prediction) error {
	ns := func(n int64) string { return duration(time.Duration(n)) }
	f := &facts{}
	f.add("workflow", "%s", p.Workflow)
	if p.Makespan == nil {
		f.add("expected", "%s", p.Missing)
	} else {
		m := p.Makespan
		f.add("expected", "%s (%s to %s, 8 runs in 10)", ns(m.P50NS), ns(m.P10NS), ns(m.P90NS))
		f.add("method", "%s", p.Method)
	}
	which := "with these parameters"
	if p.Peers == metricsstore.WorkflowPeers {
		which = "with any parameters, " + count(int64(p.RunsLike)) + " with these"
	}
	f.add("from", "%s %s", plural(int64(p.Runs), "run"), which)
	if c := p.Calibration; c.Runs > 0 {
		f.add("so far", "%d of the last %s ended within the p90 that would have been predicted", c.WithinP90, plural(int64(c.Runs), "run"))
	}
	if err := f.print(w); err != nil {
		return err
	}
	if len(p.Functions) > 0 {
		fmt.Fprintln(w)
		if err := timesTable(p).print(w); err != nil {
			return err
		}
	}
	for _, note := range p.Notes {
		fmt.Fprintf(w, "\n%s", note)
	}
	if len(p.Notes) > 0 {
		fmt.Fprintln(w)
	}
	return nil
}

// shownTimes is how many rows of execution times are printed.
const shownTimes = 24

func timesTable(p *predict.Prediction) *table {
	t := newTable(left("function"), left("size of inputs"), right("n"), right("p10"), right("p50"), right("p90"))
	for i := range p.Functions[:min(shownTimes, len(p.Functions))] {
		f := &p.Functions[i]
		at := []string{oneLine(f.Function, shownName), sizesText(f), count(int64(f.N))}
		if f.Time == nil {
			t.add(append(at, "", "", fmt.Sprintf("not enough samples, expected %d", f.MinN))...)
			continue
		}
		for _, ns := range []int64{f.Time.P10NS, f.Time.P50NS, f.Time.P90NS} {
			at = append(at, duration(time.Duration(ns)))
		}
		t.add(at...)
	}
	if left := len(p.Functions) - shownTimes; left > 0 {
		t.add(fmt.Sprintf("%d more with --json", left), "", "", "", "", "")
	}
	return t
}

// sizesText is such as 64 to 128 KiB.
func sizesText(f *predict.TimeOf) string {
	switch {
	case f.FromBytes == nil:
		return "not known"
	case *f.FromBytes == 0:
		return "none"
	}
	return strings.Join([]string{size(*f.FromBytes), "to", size(*f.ToBytes)}, " ")
}
