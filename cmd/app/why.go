package app

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/analysis"
	"github.com/dagscope/dagscope/metricsstore/findings"
)

// whyCommand shows what an ended run was long for.
type whyCommand struct {
	RunID string `arg:"" name:"run" help:"ID, an end or a beginning of one, or last."`
	Tasks int    `default:"5" placeholder:"N" help:"How many tasks of the critical path to show, the longest first (default 5)."`
	targetFlags
}

// Validate is called by kong.
func (c *whyCommand) Validate() error {
	if c.Tasks < 0 {
		return fmt.Errorf("--tasks is %d, expected 0 or more", c.Tasks)
	}
	return c.check()
}

// whyJSON is the output.
type whyJSON struct {
	Run      record.RunID        `json:"run"`
	Findings []findings.Finding  `json:"findings"`
	Makespan int64               `json:"makespan_ns"`
	Phases   analysis.PathPhases `json:"phases"`
	Steps    []whyStepJSON       `json:"steps"`
	Chain    int64               `json:"longest_chain_ns"`
	Chained  int                 `json:"longest_chain_tasks"`
}

type whyStepJSON struct {
	Task string `json:"task"`
	analysis.PathStep
}

// Run prints what the run was long for, and its critical path.
func (c *whyCommand) Run(ctx context.Context, s *session) error {
	return s.withRun(ctx, c.targetFlags, c.RunID, func(store metricsstore.Store, r *metricsstore.Run) error {
		if !r.Status.Final() {
			return fmt.Errorf("run %s is %s, expected one that has ended", r.Info.ID, r.Status)
		}
		queries, err := metricsstore.NewQueries(store)
		if err != nil {
			return err
		}
		run, err := analysis.Read(ctx, queries, r)
		if err != nil {
			return err
		}
		out := newWhy(run, r)
		if s.flags.JSON {
			return s.printJSON(out)
		}
		return c.print(s, out)
	})
}

func newWhy(run *analysis.Run, r *metricsstore.Run) *whyJSON {
	out := &whyJSON{Run: r.Info.ID, Findings: findings.New(run, r, nil, time.Now()).Findings, Steps: []whyStepJSON{}}
	path := run.Path()
	if path == nil { // no task has ended
		return out
	}
	chain := run.LongestChain()
	out.Makespan, out.Phases, out.Chain, out.Chained = path.Phases.Total(), path.Phases, chain.Length, len(chain.Nodes)
	for _, step := range path.Steps {
		out.Steps = append(out.Steps, whyStepJSON{taskName(run.Numbering, step.Node), step})
	}
	return out
}

func taskName(n *dag.Numbering, node dag.NodeID) string { return n.Identity(n.Locate(node)).Label() }

func (c *whyCommand) print(s *session, w *whyJSON) error {
	for _, f := range w.Findings {
		fmt.Fprintln(s.stdout, printable(f.Sentence))
	}
	if len(w.Steps) == 0 {
		return nil
	}
	fmt.Fprintf(s.stdout, "\nCritical path of run %s: %s in %s. The longest chain executes for %s in %s.\n\n",
		w.Run, duration(time.Duration(w.Makespan)), plural(int64(len(w.Steps)), "task"), duration(time.Duration(w.Chain)), plural(int64(w.Chained), "task"))
	phases := newTable(left("phase"), right("time"), right("share"))
	for _, p := range w.Phases.Named() {
		if p.NS > 0 {
			phases.add(p.Name, duration(time.Duration(p.NS)), share(p.NS, w.Makespan))
		}
	}
	if err := phases.print(s.stdout); err != nil || c.Tasks == 0 {
		return err
	}
	fmt.Fprintln(s.stdout)
	longest := slices.Clone(w.Steps)
	slices.SortStableFunc(longest, func(a, b whyStepJSON) int { return cmp.Compare(b.Total(), a.Total()) })
	tasks := newTable(left("task"), right("time"), right("share"), right("execute"))
	for _, step := range longest[:min(c.Tasks, len(longest))] {
		tasks.add(oneLine(step.Task, shownName), duration(time.Duration(step.Total())), share(step.Total(), w.Makespan), duration(time.Duration(step.Execute)))
	}
	return tasks.print(s.stdout)
}

// share is a part of a whole in percent.
func share(part, whole int64) string {
	if whole == 0 {
		return "–"
	}
	return fmt.Sprintf("%.0f %%", 100*float64(part)/float64(whole))
}
