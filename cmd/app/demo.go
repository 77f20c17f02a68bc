package app

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/metricsstore"
)

// bakery is a recording in WfFormat for the workflow that replays recordings.
//
//go:embed bakery.json
var bakery []byte

// bakeryName is the file name of bakery.
const bakeryName = "bakery.json"

// demoCommand executes every workflow once.
type demoCommand struct {
	recordFlags
	storeFlags
}

// trial is one run of the demo.
type trial struct {
	workflow string
	set      map[string]string
	cancel   time.Duration // after the submission; 0 for never
	want     engine.Status
}

// demoSettings are parameters that keep runs short; workflows without a row have their defaults.
func demoSettings() map[string]map[string]string {
	return map[string]map[string]string{
		"tree-reduction": {"n": "512", "work": "200us"},
		"gemm":           {"rows": "600", "cols": "600", "inner": "600"},
		"gemm-blocked":   {"size": "600", "block": "150"},
		"svd-tall":       {"rows": "4000", "cols": "50", "block": "500"},
		"fixed-times":    {"unit": "20ms"},
		"flaky":          {"fails": "1"},
		"wfformat":       {"file": bakeryName, "time_scale": "0.001"},
	}
}

// trials lists every workflow once, except those that need a file that the demo does not have, then, if there are workflows
// for that, one run that fails and one that is cancelled.
func (s *session) trials() []trial {
	var out []trial
	settings := demoSettings()
	for _, w := range s.workflows {
		set := settings[w.Name]
		if slices.ContainsFunc(w.Params, func(p engine.Param) bool { return required(&p) && set[p.Name] == "" }) {
			fmt.Fprintf(s.stderr, "%s is skipped: it needs a file\n", w.Name)
			continue
		}
		out = append(out, trial{workflow: w.Name, set: set, want: engine.Succeeded})
	}
	more := []trial{
		{workflow: "flaky", set: map[string]string{"fails": "4", "mode": "panic"}, want: engine.Failed},
		{workflow: "fixed-times", set: map[string]string{"unit": "1h"}, cancel: 300 * time.Millisecond, want: engine.Cancelled},
	}
	for _, t := range more {
		if _, err := s.workflow(t.workflow); err == nil {
			out = append(out, t)
		}
	}
	return out
}

// demoJSON is the result of the demo.
type demoJSON struct {
	Runs      []*runReport    `json:"runs"`
	Functions []statisticJSON `json:"functions"` // the slowest first
	Data      string          `json:"data"`
}

// Run executes the trials one after the other. A run that does not end as expected leads to exit code 1.
func (c *demoCommand) Run(ctx context.Context, s *session) error {
	found := demoJSON{Runs: []*runReport{}, Functions: []statisticJSON{}}
	var surprises []string
	err := s.withHome(ctx, c.storeFlags, c.Durability, func(h *home) error {
		began := time.Now()
		found.Data = s.where
		err := s.withEngine(ctx, h, engineOptions{durability: c.Durability}, func(e *engine.Engine) (err error) {
			surprises, err = c.try(ctx, s, e, h, &found)
			return err
		})
		return errors.Join(err, found.addFunctions(context.WithoutCancel(ctx), h.store, began))
	})
	if len(found.Runs) > 0 || err == nil {
		err = errors.Join(err, s.printDemo(&found))
	}
	if err != nil {
		return err
	}
	switch {
	case ctx.Err() != nil:
		return reportedError{exitInterrupted}
	case len(surprises) > 0:
		return errors.New(strings.Join(surprises, "; "))
	}
	return nil
}

// try executes the trials until ctx ends, and returns which of them did not end as expected.
func (c *demoCommand) try(ctx context.Context, s *session, e *engine.Engine, h *home, found *demoJSON) (surprises []string, err error) {
	for _, t := range s.trials() {
		r, err := s.try(ctx, e, h, t, engine.RunOptions{Upload: c.Upload.String(), Tags: []string{"demo"}})
		if err != nil {
			return surprises, fmt.Errorf("%s: %w", t.workflow, err)
		}
		found.Runs = append(found.Runs, r)
		if ctx.Err() != nil {
			break
		}
		if r.Status != t.want || !r.Records.Complete {
			surprises = append(surprises, fmt.Sprintf("%s is %s, expected %s with a complete record", r.Workflow, r.Status, t.want))
		}
	}
	return surprises, nil
}

// addFunctions adds statistics of the functions in the runs since began.
func (d *demoJSON) addFunctions(ctx context.Context, store metricsstore.Store, began time.Time) error {
	c := statsCommand{
		Metric: []string{string(metricsstore.ExecuteNS)}, Quantiles: []float64{0.5, 0.95, 0.99}, GroupBy: "function",
		periodFlags: periodFlags{From: instant{began}},
	}
	a, err := c.acrossRuns(ctx, store)
	if err == nil {
		d.Functions = a.Statistics
	}
	return err
}

// try executes one trial.
func (s *session) try(ctx context.Context, e *engine.Engine, h *home, t trial, o engine.RunOptions) (*runReport, error) {
	w, err := s.workflow(t.workflow)
	if err != nil {
		return nil, err
	}
	args, err := w.Arguments(t.set, openDemoFile)
	if err != nil {
		return nil, err
	}
	if t.cancel > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, t.cancel)
		defer stop()
	}
	return s.runOnce(ctx, e, h, t.workflow, args, o)
}

// openDemoFile opens the files that demoSettings names.
func openDemoFile(name string) (engine.File, error) {
	if name != bakeryName {
		return engine.File{}, os.ErrNotExist
	}
	return engine.File{Name: name, Data: bakery}, nil
}
