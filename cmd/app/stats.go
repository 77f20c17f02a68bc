package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/normal"
)

// statsCommand prints statistics of task metrics.
type statsCommand struct {
	RunID     string         `arg:"" optional:"" name:"run" help:"Only this run: ID, an end or a beginning of one, or last. Without it, all runs that have ended."`
	Workflow  string         `placeholder:"NAME" help:"Only runs of this workflow."`
	Function  string         `placeholder:"NAME" help:"Only this function."`
	Metric    []string       `default:"execute_ns" placeholder:"METRIC" help:"The metric: ${metrics} (default execute_ns). Can be repeated."`
	Quantiles []float64      `default:"0.5,0.95,0.99" placeholder:"Q,..." help:"Quantiles to show, from 0 to 1 (default 0.5,0.95,0.99)."`
	GroupBy   string         `default:"function" enum:"function,worker,level,workflow,day,none" placeholder:"WHAT" help:"A row for each function (default), or one for everything: none. For a run also worker or level, for all runs workflow or day."`
	At        *time.Duration `placeholder:"TIME" help:"For a run: its state this long after its start, at least 0s."`
	periodFlags
	targetFlags
}

// Validate is called by kong.
func (c *statsCommand) Validate() error {
	for _, q := range c.Quantiles {
		if !(q >= 0 && q <= 1) {
			return fmt.Errorf("--quantiles has %g, expected numbers from 0 to 1", q)
		}
	}
	for _, m := range c.Metric {
		if _, err := metricsstore.ParseMetric(m); err != nil {
			return fmt.Errorf("--metric is %q, expected %s", m, strings.Join(metricNames(), ", "))
		}
	}
	if len(c.Quantiles) > maxQuantiles {
		return fmt.Errorf("--quantiles has %d values, expected at most %d", len(c.Quantiles), maxQuantiles)
	}
	switch c.GroupBy {
	case "worker", "level":
		if c.RunID == "" {
			return fmt.Errorf("--group-by is %s, expected a run with it", c.GroupBy)
		}
	case "workflow", "day":
		if c.RunID != "" {
			return fmt.Errorf("--group-by is %s, expected function, worker, level or none for a run", c.GroupBy)
		}
	}
	if c.At != nil && (*c.At < 0 || c.RunID == "") {
		return fmt.Errorf("--at is %s, expected a run with it and 0s or more", *c.At)
	}
	if c.RunID != "" && (c.Workflow != "" || !c.From.IsZero() || !c.To.IsZero()) {
		return errors.New("--workflow, --from and --to select runs, expected either them or a run")
	}
	if c.RunID == "" && c.Server != "" {
		return errors.New("--server is given without a run, expected one: statistics over many runs are those of --data or --redis")
	}
	return errors.Join(c.validate(), c.check())
}

func metricNames() []string {
	var names []string
	for _, m := range metricsstore.Metrics() {
		names = append(names, string(m))
	}
	return names
}

// maxQuantiles bounds the values of --quantiles.
const maxQuantiles = 32

// statsJSON is the output. Runs and attempts that are left out are counted.
type statsJSON struct {
	Run               record.RunID    `json:"run,omitempty"`
	AsOf              uint64          `json:"as_of,omitempty"` // for a run: the last step that is included
	At                *time.Duration  `json:"at_ns,omitempty"` // for a run: the requested moment, since its start
	Complete          bool            `json:"complete"`        // nothing is left out, and the runs have ended
	Runs              int             `json:"runs"`
	LiveRuns          int             `json:"live_runs"`           // left out: they have not ended
	ReconstructedRuns int             `json:"reconstructed_runs"`  // left out of some of Scheduled, because they were imported
	Scheduled         []string        `json:"scheduled,omitempty"` // the requested metrics that most imported runs do not have
	PartialRuns       int             `json:"partial_runs"`        // included as far as they are recorded
	DamagedRuns       int             `json:"damaged_runs"`        // left out, as a whole or with some of their functions
	Steps             int64           `json:"steps"`
	StepsKept         int64           `json:"steps_kept"`
	Attempts          int64           `json:"attempts"`
	Succeeded         int64           `json:"succeeded"` // only these are included
	Statistics        []statisticJSON `json:"statistics"`
	// Judgement compares a run with its peers, Trend has the changes of a workflow; absent where they were not asked for.
	Judgement *normal.Judgement `json:"judgement,omitempty"`
	Trend     *normal.Trend     `json:"trend,omitempty"`
}

// Run prints the statistics.
func (c *statsCommand) Run(ctx context.Context, s *session) error {
	print := func(a *statsJSON, err error) error {
		if err != nil {
			return err
		}
		if s.flags.JSON {
			return s.printJSON(a)
		}
		return a.print(s, strings.Join(c.Metric, ", "))
	}
	if c.RunID == "" {
		return s.withStore(ctx, c.storeFlags, func(store metricsstore.Store) error { return print(c.acrossRuns(ctx, store)) })
	}
	return s.withRun(ctx, c.targetFlags, c.RunID, func(store metricsstore.Store, r *metricsstore.Run) error {
		return print(c.ofRun(ctx, store, r))
	})
}

// ofRun computes the statistics of one run from its log, as far as it is recorded.
func (c *statsCommand) ofRun(ctx context.Context, store metricsstore.Store, r *metricsstore.Run) (*statsJSON, error) {
	queries, err := metricsstore.NewQueries(store)
	if err != nil {
		return nil, err
	}
	a := &statsJSON{Run: r.Info.ID, At: c.At, Runs: 1, Statistics: []statisticJSON{}}
	a.countUpload(r)
	for _, m := range c.Metric {
		found, err := queries.Statistics(ctx, metricsstore.StatsQuery{
			Run: r.Info.ID, Metric: metricsstore.Metric(m), GroupBy: metricsstore.GroupBy(c.GroupBy), Function: c.Function,
			Quantiles: c.Quantiles, At: c.At,
		})
		if err != nil {
			return nil, err
		}
		a.AsOf, a.Complete = found.AsOf, found.Complete && a.PartialRuns == 0
		a.Attempts, a.Succeeded = found.Attempts, found.Succeeded
		var rows []statisticJSON
		for i := range found.Groups {
			if g := &found.Groups[i]; g.N > 0 {
				rows = append(rows, newStatistic(c.group(g), found.Metric, 1, &g.Distribution))
			}
		}
		a.Statistics = append(a.Statistics, c.ranked(rows)...)
	}
	a.Complete = a.LiveRuns+a.ReconstructedRuns+a.PartialRuns+a.DamagedRuns == 0
	a.Judgement, err = c.judgement(ctx, queries, r)
	return a, err
}

// group identifies a group of a run.
func (c *statsCommand) group(g *metricsstore.Group) groupJSON {
	switch c.GroupBy {
	case "function":
		return groupJSON{Function: g.Function, Version: &g.Version}
	case "worker":
		return groupJSON{Worker: &g.Number}
	case "level":
		return groupJSON{Level: &g.Number}
	default:
		return groupJSON{}
	}
}

// count adds the counts of an ended run, and of how much of it is recorded.
func (a *statsJSON) count(r *metricsstore.Run) {
	a.Attempts += r.Counts.Attempts
	a.Succeeded += r.Counts.Succeeded
	a.countUpload(r)
}

func (a *statsJSON) countUpload(r *metricsstore.Run) {
	a.Steps += r.Upload.Steps
	a.StepsKept += r.Upload.StepsKept
	if r.Upload.Partial() {
		a.PartialRuns++
	}
}

// acrossRuns computes the statistics of the selected runs from their roll-ups.
func (c *statsCommand) acrossRuns(ctx context.Context, store metricsstore.Store) (*statsJSON, error) {
	queries, err := metricsstore.NewQueries(store)
	if err != nil {
		return nil, err
	}
	a := &statsJSON{Statistics: []statisticJSON{}}
	for _, m := range c.Metric {
		if metricsstore.Metric(m).Scheduled() {
			a.Scheduled = append(a.Scheduled, m)
		}
	}
	workflows, err := c.countRuns(ctx, store, a)
	if err != nil {
		return nil, err
	}
	parts, err := c.parts(ctx, queries, workflows)
	if err != nil {
		return nil, err
	}
	for _, m := range c.Metric {
		var rows []statisticJSON
		for _, p := range parts {
			p.query.Metric = metricsstore.Metric(m)
			found, err := queries.History(ctx, p.query)
			if err != nil {
				return nil, err
			}
			a.DamagedRuns = max(a.DamagedRuns, found.Damaged)
			for i := range found.Buckets {
				b := &found.Buckets[i]
				if c.GroupBy == "day" {
					p.group.Day = b.From.Format(time.DateOnly)
				}
				rows = append(rows, newStatistic(p.group, found.Metric, b.Runs, &b.Distribution))
			}
		}
		a.Statistics = append(a.Statistics, c.ranked(rows)...)
	}
	a.Complete = a.LiveRuns+a.ReconstructedRuns+a.PartialRuns+a.DamagedRuns == 0
	a.Trend, err = c.trend(ctx, queries)
	return a, err
}

// countRuns counts the selected runs and returns the names of their workflows.
func (c *statsCommand) countRuns(ctx context.Context, store metricsstore.Store, a *statsJSON) (workflows []string, err error) {
	filter := metricsstore.RunFilter{Workflow: c.Workflow, From: c.From.Time, To: c.To.Time}
	err = eachRun(ctx, store, func(r *metricsstore.Run) bool {
		switch {
		case !filter.MatchRun(r):
		case !r.Status.Final():
			a.LiveRuns++
		case !c.takes(r, a):
		default:
			a.Runs++
			a.count(r)
			if !slices.Contains(workflows, r.Info.Workflow) {
				workflows = append(workflows, r.Info.Workflow)
			}
		}
		return true
	})
	slices.Sort(workflows)
	return workflows, err
}

// takes counts an ended run that is left out of some metrics; it returns false if it is left out of all.
func (c *statsCommand) takes(r *metricsstore.Run, a *statsJSON) bool {
	missing := 0
	for _, m := range a.Scheduled {
		if !metricsstore.Metric(m).MeasuredIn(&r.Info) {
			missing++
		}
	}
	if missing > 0 {
		a.ReconstructedRuns++
	}
	return missing == 0 || missing < len(c.Metric)
}

// part is the group and the query of one row, or of several rows with --group-by day.
type part struct {
	group groupJSON
	query metricsstore.HistoryQuery
}

func (c *statsCommand) parts(ctx context.Context, queries *metricsstore.Queries, workflows []string) ([]part, error) {
	all := metricsstore.HistoryQuery{
		Workflow: c.Workflow, Function: c.Function, From: c.From.Time, To: c.To.Time, Quantiles: c.Quantiles,
	}
	var out []part
	switch c.GroupBy {
	case "function":
		functions, err := queries.Functions(ctx, all)
		if err != nil {
			return nil, err
		}
		for _, f := range functions {
			q := all
			q.Function, q.Version = f.Function, &f.Version
			out = append(out, part{groupJSON{Function: f.Function, Version: &f.Version}, q})
		}
	case "workflow":
		for _, w := range workflows {
			q := all
			q.Workflow = w
			out = append(out, part{groupJSON{Workflow: w}, q})
		}
	case "day":
		all.Bucket = metricsstore.ByDay
		out = append(out, part{query: all})
	default:
		out = append(out, part{query: all})
	}
	return out, nil
}

// ranked sorts functions and workflows by descending medians; other groups keep their order.
func (c *statsCommand) ranked(rows []statisticJSON) []statisticJSON {
	if c.GroupBy == "function" || c.GroupBy == "workflow" {
		slices.SortStableFunc(rows, func(a, b statisticJSON) int { return cmp.Compare(b.Median, a.Median) })
	}
	return rows
}

func (a *statsJSON) print(s *session, metrics string) error {
	if len(a.Statistics) == 0 {
		fmt.Fprintf(s.stdout, "There are no values in %s.\n", plural(int64(a.Runs), "run"))
	} else if err := printStatistics(s, a.Statistics); err != nil {
		return err
	}
	for _, remark := range a.remarks(metrics) {
		fmt.Fprintln(s.stdout, remark)
	}
	return nil
}

// remarks describe what the statistics include and what they leave out.
func (a *statsJSON) remarks(metrics string) []string {
	about := plural(int64(a.Runs), "run")
	switch {
	case a.At != nil:
		about = fmt.Sprintf("run %s as of %s after its start", a.Run, duration(*a.At))
	case a.Run != "":
		about = fmt.Sprintf("run %s up to step %s", a.Run, count(int64(a.AsOf)))
	}
	if a.Attempts > 0 {
		about += fmt.Sprintf(": %s of %s, those that succeeded", count(a.Succeeded), plural(a.Attempts, "attempt"))
	}
	out := []string{metrics + " over " + about + "."}
	if a.StepsKept < a.Steps {
		out = append(out, fmt.Sprintf("Partial: %s of %s are recorded.", count(a.StepsKept), plural(a.Steps, "step")))
	}
	if a.LiveRuns > 0 {
		out = append(out, plural(int64(a.LiveRuns), "run")+" left out: still active.")
	}
	if a.DamagedRuns > 0 {
		out = append(out, plural(int64(a.DamagedRuns), "run")+" left out, as a whole or in part: damaged.")
	}
	if a.ReconstructedRuns > 0 {
		out = append(out, fmt.Sprintf("%s left out of %s: imported, and their recordings do not have it.",
			plural(int64(a.ReconstructedRuns), "run"), strings.Join(a.Scheduled, ", ")))
	}
	if a.Judgement != nil {
		out = append(out, judgementRemarks(a.Judgement)...)
	}
	if a.Trend != nil {
		out = append(out, trendRemarks(a.Trend)...)
	}
	return out
}
