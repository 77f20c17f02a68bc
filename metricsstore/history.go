package metricsstore

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/dagscope/dagscope/digest"
	"github.com/dagscope/dagscope/engine/record"
)

// Bucket says how a statistic over runs is split by time.
type Bucket string

// Buckets.
const (
	Whole Bucket = ""
	ByDay Bucket = "day" // of UTC
)

// HistoryQuery asks for a statistic over the roll-ups of many runs.
type HistoryQuery struct {
	Workflow string // empty for all
	Function string // empty for all
	Version  *int   // nil for all
	Metric   Metric
	// From and To bound the start of the runs, From included, To not; zero for no bound.
	From, To  time.Time
	Quantiles []float64 // as in StatsQuery
	Bucket    Bucket
	Except    record.RunID // leaves this run out; empty for none
	// Of selects these runs and no others: their roll-ups are read one run after the other. Nil for all runs.
	Of []record.RunID

	separate bool                  // separate answers for each function
	damaged  map[record.RunID]bool // runs with a roll-up that could not be read
}

// History is the answer to a HistoryQuery.
type History struct {
	Metric  Metric        `json:"metric"`
	Buckets []TimeSummary `json:"buckets"` // ascending; only those with runs
	// Damaged is how many runs are left out, as a whole or with some of their functions, because they cannot be read.
	Damaged int `json:"damaged,omitempty"`
}

// TimeSummary is the statistic over the runs that started in [From, To). Where the query has no bound, From is the
// start of the first run, and To that of the last one plus a nanosecond.
type TimeSummary struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	Runs int       `json:"runs"`
	Distribution
}

// FunctionHistory is the History of one function and version.
type FunctionHistory struct {
	FunctionName
	History
}

// History merges roll-ups. A run is included as a whole once it is archived, at the time of its start. The error is
// ErrInvalid for an unknown metric or bucket and for quantiles out of range.
func (q *Queries) History(ctx context.Context, h HistoryQuery) (History, error) {
	folds, err := q.foldHistory(ctx, &h)
	if err != nil {
		return History{}, err
	}
	return folds[FunctionName{}].history(&h), nil
}

// HistoryByFunction is History for each function and version that has any, by name and version.
func (q *Queries) HistoryByFunction(ctx context.Context, h HistoryQuery) ([]FunctionHistory, error) {
	h.separate = true
	folds, err := q.foldHistory(ctx, &h)
	if err != nil {
		return nil, err
	}
	var out []FunctionHistory
	for f, buckets := range folds {
		out = append(out, FunctionHistory{f, buckets.history(&h)})
	}
	slices.SortFunc(out, func(a, b FunctionHistory) int { return a.compare(b.FunctionName) })
	return out, nil
}

// historyFolds are folds by day, or under day 0 of everything.
type historyFolds map[Day]*historyFold

// foldHistory folds what a query selects: by function where functions are separate, else under the function without a
// name.
func (q *Queries) foldHistory(ctx context.Context, h *HistoryQuery) (map[FunctionName]historyFolds, error) {
	if _, err := ParseMetric(string(h.Metric)); err != nil {
		return nil, err
	}
	if err := checkQuantiles(h.Quantiles); err != nil {
		return nil, err
	}
	if h.Bucket != Whole && h.Bucket != ByDay {
		return nil, invalid("bucket %q, expected day or nothing", h.Bucket)
	}
	out := map[FunctionName]historyFolds{}
	err := q.eachRollup(ctx, h, func(r *Rollup, d *RollupDigest) error {
		function, day := FunctionName{}, Day(0)
		if h.separate {
			function = FunctionName{r.Function, r.Version}
		}
		if h.Bucket == ByDay {
			day = r.Day
		}
		if out[function] == nil {
			out[function] = historyFolds{}
		}
		if out[function][day] == nil {
			out[function][day] = &historyFold{runs: map[record.RunID]bool{}}
		}
		return out[function][day].add(r, d)
	})
	return out, err
}

func (buckets historyFolds) history(h *HistoryQuery) History {
	out := History{Metric: h.Metric, Damaged: len(h.damaged)}
	for day, b := range buckets {
		if len(b.runs)+b.merged == 0 {
			continue
		}
		s := TimeSummary{
			From: b.from, To: b.to.Add(1), Runs: len(b.runs) + b.merged, Distribution: distribution(&b.sketch, h.Quantiles),
		}
		if h.Bucket == ByDay {
			s.From, s.To = day.Start(), (day + 1).Start()
		}
		if h.Bucket == Whole && !h.From.IsZero() || s.From.Before(h.From) {
			s.From = h.From
		}
		if !h.To.IsZero() && (h.Bucket == Whole || h.To.Before(s.To)) {
			s.To = h.To
		}
		out.Buckets = append(out.Buckets, s)
	}
	slices.SortFunc(out.Buckets, func(a, b TimeSummary) int { return a.From.Compare(b.From) })
	return out
}

type historyFold struct {
	runs     map[record.RunID]bool // of those that were given one by one
	merged   int                   // how many other runs there are
	from, to time.Time
	sketch   digest.Sketch
}

func (f *historyFold) add(r *Rollup, d *RollupDigest) error {
	if err := d.MergeInto(&f.sketch); err != nil {
		return err
	}
	if r.Run == "" {
		f.merged += d.Runs
	} else {
		f.runs[r.Run] = true
	}
	if f.from.IsZero() || d.Started.Before(f.from) {
		f.from = d.Started
	}
	if d.Last.After(f.to) {
		f.to = d.Last
	}
	return nil
}

// eachRollup calls f for the roll-ups that a query selects.
func (q *Queries) eachRollup(ctx context.Context, h *HistoryQuery, each func(*Rollup, *RollupDigest) error) error {
	const page = 512
	r := RollupQuery{Function: h.Function, Metric: h.Metric, From: -1 << 31, To: 1<<31 - 1, Limit: page}
	if !h.From.IsZero() {
		r.From = DayOf(h.From)
	}
	if !h.To.IsZero() {
		r.To = DayOf(h.To.Add(-1)) + 1
	}
	if r.To <= r.From {
		return nil
	}
	if h.Of != nil {
		return q.eachRollupOf(ctx, h, r, each)
	}
	r.Merge = h.merge()
	if r.Merge != MergeNothing {
		r.After, r.Limit = nil, 0
		r.StartedFrom, r.StartedTo, r.Without = h.From, h.To, h.Except
	}
	for {
		rows, err := q.store.Rollups(ctx, r)
		if err != nil {
			return err
		}
		if err := h.each(rows, each); err != nil {
			return err
		}
		if len(rows) < page || r.Merge != MergeNothing {
			return nil
		}
		r.After = &rows[len(rows)-1].RollupKey
	}
}

// eachRollupOf is eachRollup for the runs that the query names.
func (q *Queries) eachRollupOf(ctx context.Context, h *HistoryQuery, r RollupQuery, each func(*Rollup, *RollupDigest) error) error {
	r.Limit = 0
	for _, r.Run = range h.Of {
		rows, err := q.store.Rollups(ctx, r)
		if err == nil {
			err = h.each(rows, each)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// each calls f for those of some roll-ups that the query selects. Roll-ups that cannot be read are counted and left
// out.
func (h *HistoryQuery) each(rows []Rollup, each func(*Rollup, *RollupDigest) error) error {
	for i := range rows {
		row := &rows[i]
		d, err := row.Unpack()
		if err == nil && h.match(row, &d) {
			err = each(row, &d)
		}
		if err != nil && !errors.Is(err, ErrCorrupt) {
			return err
		}
		if err != nil {
			if h.damaged == nil {
				h.damaged = map[record.RunID]bool{}
			}
			h.damaged[row.Run] = true
		}
	}
	return nil
}

// merge is what a store may merge for a query. Over several functions each run counts once, so all functions are
// merged or none.
func (h *HistoryQuery) merge() Merge {
	switch {
	case h.separate || h.Function != "":
		return MergeRuns
	case h.Version == nil:
		return MergeFunctions
	}
	return MergeNothing
}

func (h *HistoryQuery) match(r *Rollup, d *RollupDigest) bool {
	return (h.Workflow == "" || h.Workflow == d.Workflow) && (h.Version == nil || *h.Version == r.Version) &&
		(h.From.IsZero() || !d.Started.Before(h.From)) && (h.To.IsZero() || d.Started.Before(h.To)) &&
		(h.Except == "" || h.Except != r.Run)
}

// errFound ends a search through roll-ups early.
var errFound = errors.New("found")

// MetricsOf lists the metrics that have a value in the runs that a query selects, whatever its Metric, in the order
// of Metrics.
func (q *Queries) MetricsOf(ctx context.Context, h HistoryQuery) ([]Metric, error) {
	out := []Metric{}
	for _, h.Metric = range columns {
		err := q.eachRollup(ctx, &h, func(*Rollup, *RollupDigest) error { return errFound })
		if errors.Is(err, errFound) {
			out = append(out, h.Metric)
		} else if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// FunctionName names an implementation of a function.
type FunctionName struct {
	Function string `json:"function"`
	Version  int    `json:"version"`
}

func (f FunctionName) compare(o FunctionName) int {
	return cmp.Or(cmp.Compare(f.Function, o.Function), cmp.Compare(f.Version, o.Version))
}

// Functions lists the functions that have history in the runs that a query selects, whatever its Metric, by name and
// version.
func (q *Queries) Functions(ctx context.Context, h HistoryQuery) ([]FunctionName, error) {
	seen := map[FunctionName]bool{}
	h.Metric, h.separate = ExecuteNS, true // which every attempt that ended well has
	err := q.eachRollup(ctx, &h, func(r *Rollup, _ *RollupDigest) error {
		seen[FunctionName{r.Function, r.Version}] = true
		return nil
	})
	return slices.SortedFunc(maps.Keys(seen), FunctionName.compare), err
}
