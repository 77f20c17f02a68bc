package metricsstore

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/dagscope/dagscope/digest"
	"github.com/dagscope/dagscope/engine"
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
	Except    engine.RunID // leaves this run out; empty for none
	// Of selects these runs and no others: their roll-ups are read one run after the other. Nil for all runs.
	Of []engine.RunID
}

// History is the answer to a HistoryQuery.
type History struct {
	Metric  Metric        `json:"metric"`
	Buckets []TimeSummary `json:"buckets"` // ascending; only those with runs
}

// TimeSummary is the statistic over the runs that started in [From, To). Where the query had no bound, it is the
// first run's start, and the last one's and a nanosecond.
type TimeSummary struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	Runs int       `json:"runs"`
	Distribution
}

// History merges roll-ups. A run takes part once it is archived, as a whole, by its start. The error is ErrInvalid
// for an unknown metric or bucket and for quantiles out of range.
func (q *Queries) History(ctx context.Context, h HistoryQuery) (History, error) {
	if _, err := ParseMetric(string(h.Metric)); err != nil {
		return History{}, err
	}
	if err := checkQuantiles(h.Quantiles); err != nil {
		return History{}, err
	}
	if h.Bucket != Whole && h.Bucket != ByDay {
		return History{}, invalid("bucket %q, expected day or nothing", h.Bucket)
	}
	buckets := map[Day]*historyFold{}
	err := q.eachRollup(ctx, &h, func(r *Rollup, d *RollupDigest) error {
		day := Day(0)
		if h.Bucket == ByDay {
			day = r.Day
		}
		if buckets[day] == nil {
			buckets[day] = &historyFold{runs: map[engine.RunID]bool{}, from: d.Started, to: d.Started}
		}
		return buckets[day].add(r, d)
	})
	if err != nil {
		return History{}, err
	}
	out := History{Metric: h.Metric}
	for day, b := range buckets {
		s := TimeSummary{From: b.from, To: b.to.Add(1), Runs: len(b.runs), Distribution: distribution(&b.sketch, h.Quantiles)}
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
	return out, nil
}

type historyFold struct {
	runs     map[engine.RunID]bool
	from, to time.Time
	sketch   digest.Sketch
}

func (f *historyFold) add(r *Rollup, d *RollupDigest) error {
	f.runs[r.Run] = true
	if d.Started.Before(f.from) {
		f.from = d.Started
	}
	if d.Started.After(f.to) {
		f.to = d.Started
	}
	return d.MergeInto(&f.sketch)
}

// eachRollup gives the roll-ups that a query selects.
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
	for {
		rows, err := q.store.Rollups(ctx, r)
		if err != nil {
			return err
		}
		if err := h.each(rows, each); err != nil {
			return err
		}
		if len(rows) < page {
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

// each gives those of some roll-ups that the query selects.
func (h *HistoryQuery) each(rows []Rollup, each func(*Rollup, *RollupDigest) error) error {
	for i := range rows {
		row := &rows[i]
		d, err := row.Unpack()
		if err != nil {
			return err
		}
		if !h.match(row, &d) {
			continue
		}
		if err := each(row, &d); err != nil {
			return err
		}
	}
	return nil
}

func (h *HistoryQuery) match(r *Rollup, d *RollupDigest) bool {
	return (h.Workflow == "" || h.Workflow == d.Workflow) && (h.Version == nil || *h.Version == r.Version) &&
		(h.From.IsZero() || !d.Started.Before(h.From)) && (h.To.IsZero() || d.Started.Before(h.To)) &&
		(h.Except == "" || h.Except != r.Run)
}

// FunctionName names an implementation of a function.
type FunctionName struct {
	Function string `json:"function"`
	Version  int    `json:"version"`
}

// Functions lists the functions that have history in the runs that a query selects, whatever its Metric, by name and
// version.
func (q *Queries) Functions(ctx context.Context, h HistoryQuery) ([]FunctionName, error) {
	seen := map[FunctionName]bool{}
	h.Metric = ExecuteNS // which every attempt that ended well has
	err := q.eachRollup(ctx, &h, func(r *Rollup, _ *RollupDigest) error {
		seen[FunctionName{r.Function, r.Version}] = true
		return nil
	})
	var out []FunctionName
	for f := range seen {
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b FunctionName) int {
		return cmp.Or(cmp.Compare(a.Function, b.Function), cmp.Compare(a.Version, b.Version))
	})
	return out, err
}
