package app

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/wfformat"
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
	want     record.Status
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

// trials lists every workflow of an engine once, pipelines too, except those that need a file that the demo does not have,
// then, if there are workflows for that, one run that fails and one that is cancelled.
func (s *session) trials(e *engine.Engine) []trial {
	var out []trial
	settings := demoSettings()
	for _, w := range e.Workflows() {
		set := settings[w.Name]
		if slices.ContainsFunc(w.Params, func(p engine.Param) bool { return required(&p) && set[p.Name] == "" }) {
			fmt.Fprintf(s.stderr, "%s is skipped: it needs a file\n", w.Name)
			continue
		}
		out = append(out, trial{workflow: w.Name, set: set, want: record.Succeeded})
	}
	more := []trial{
		{workflow: "flaky", set: map[string]string{"fails": "4", "mode": "panic"}, want: record.Failed},
		{workflow: "fixed-times", set: map[string]string{"unit": "1h"}, cancel: 300 * time.Millisecond, want: record.Cancelled},
	}
	for _, t := range more {
		if _, err := e.Workflow(t.workflow); err == nil {
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
		err = errors.Join(err, found.print(s))
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
	for _, t := range s.trials(e) {
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
	w, err := e.Workflow(t.workflow)
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

// slowestFunctions is how many functions the demo shows.
const slowestFunctions = 10

// print prints results, the slowest functions, and commands to continue with.
func (d *demoJSON) print(s *session) error {
	if s.flags.JSON {
		return s.printJSON(d)
	}
	t := newTable(left("run"), left("workflow"), s.statusColumn("status"), right("tasks"), right("retried"),
		right("makespan"), left("records"), left("result"))
	for _, r := range d.Runs {
		result := ""
		switch {
		case r.Error != nil:
			result = fmt.Sprintf("%s: %s", r.Error.Kind, r.Error.Message)
		case r.ResultType != "":
			result = r.resultText()
		}
		records := "complete"
		if !r.Records.Complete {
			records = r.Records.text()
		}
		t.add(string(r.Run), oneLine(r.Workflow, 40), string(r.Status), count(int64(r.Tasks)), count(int64(r.Retries)),
			duration(time.Duration(r.MakespanNS)), records, oneLine(result, 48))
	}
	if err := t.print(s.stdout); err != nil {
		return err
	}
	if len(d.Functions) > 0 {
		fmt.Fprintln(s.stdout, "\nThe slowest functions, by the median of their times:")
		if err := printStatistics(s, d.Functions[:min(len(d.Functions), slowestFunctions)]); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(s.stdout, `
The records are in %s. Look at them in a browser with
  %[2]s serve
or with commands such as
  %[2]s runs --status failed
  %[2]s tasks last
  %[2]s stats --workflow gemm --metric execute_ns
`, d.Data, s.name)
	return err
}

// demonstrate executes the trials of the demo in a service, and prints a summary.
func (s *session) demonstrate(ctx context.Context, e *engine.Engine, h *home, upload, url string, log *slog.Logger) error {
	lines := *s.program
	lines.bars = false // the log would disrupt them
	quiet := &session{program: &lines, flags: s.flags, where: s.where}
	runs := 0
	for _, t := range quiet.trials(e) {
		r, err := quiet.try(ctx, e, h, t, engine.RunOptions{Upload: upload, Tags: []string{"demo"}})
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			log.Error("a run of the demo could not be started", "workflow", t.workflow, "error", err)
			continue
		}
		runs++
		if r.Status != t.want || !r.Records.Complete {
			log.Warn("a run of the demo did not end as expected", "run", r.Run, "workflow", r.Workflow, "status", r.Status, "expected", t.want)
		}
	}
	fmt.Fprintf(s.stderr, "The demo has ended; see its %s at %s\n", plural(int64(runs), "run"), url)
	if r := s.showLive(ctx, e, log); r != nil {
		fmt.Fprintf(s.stderr, "One more run takes half a minute; watch it at %sruns/%s\n", url, r.ID())
	}
	return nil
}

// showLive starts a run that is long enough to be watched, if there is a workflow for that, and does not wait for it.
func (s *session) showLive(ctx context.Context, e *engine.Engine, log *slog.Logger) *engine.Run {
	w, err := e.Workflow(wfformat.Workflow().Name)
	if err != nil {
		return nil
	}
	args, err := w.Arguments(map[string]string{"file": bakeryName, "time_scale": "0.1"}, openDemoFile)
	if err != nil {
		log.Error("the long run of the demo could not be started", "error", err)
		return nil
	}
	r, err := e.SubmitWorkflow(ctx, w.Name, args, engine.RunOptions{Tags: []string{"demo", "live"}})
	if err != nil {
		log.Error("the long run of the demo could not be started", "error", err)
		return nil
	}
	return r
}
