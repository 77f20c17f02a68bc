package metricsstore

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/dagscope/dagscope/digest"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// GroupBy says how a statistic over a run is grouped.
type GroupBy string

// Groupings.
const (
	ByNothing  GroupBy = "none"
	ByFunction GroupBy = "function"
	ByWorker   GroupBy = "worker"
	ByLevel    GroupBy = "level" // how many tasks stand before a task on the longest path to it
)

// StatsQuery asks for a statistic over the records of one run that ended well.
type StatsQuery struct {
	Run       record.RunID
	Metric    Metric
	GroupBy   GroupBy   // default ByNothing
	Function  string    // only of this function; empty for all
	Quantiles []float64 // at most 32 from 0 to 1, in addition to those of the summary
	// At selects the records that had ended by then, since the run's start; nil for all.
	At *time.Duration
	// Limit bounds the number of groups, 0 for all; Cursor is Statistics.Next of the previous page.
	Limit  int
	Cursor string
}

// Statistics is the answer to a StatsQuery.
type Statistics struct {
	Metric Metric  `json:"metric"`
	Groups []Group `json:"groups"` // ascending by Function and Version, or by Number
	// Attempts is how many had ended, whatever their outcome and function, Succeeded how many of them were executed and
	// ended well. Cached ones are not among those: how long it took to find an output says nothing about making it.
	Attempts  int64 `json:"attempts"`
	Succeeded int64 `json:"succeeded"`
	// AsOf is the last step that the answer is computed from, Complete whether that is the whole of an ended run.
	AsOf     uint64 `json:"as_of"`
	Complete bool   `json:"complete"`
	// Next asks for the following groups; empty on the last page.
	Next string `json:"next,omitempty"`
}

// Group is the statistic over one group.
type Group struct {
	// Key is the group as text: a function's name, with @version above 0; a worker's or level's number; empty.
	Key      string `json:"key"`
	Function string `json:"function,omitempty"`
	Version  int    `json:"version,omitempty"`
	Number   int    `json:"number,omitempty"`
	Distribution
	Throughput Throughput `json:"throughput"`
}

// Distribution sums up the values of a metric.
type Distribution struct {
	N uint64 `json:"n"`
	// Exact says that every quantile is exact, else Bound is the relative error that none exceeds.
	Exact     bool              `json:"exact"`
	Bound     float64           `json:"bound"`
	Summary   digest.Summary    `json:"summary"`
	Quantiles []digest.Estimate `json:"quantiles"` // in the order asked for
	// Sketch is what the rest was computed from, for ranks, histograms and comparisons.
	Sketch *digest.Sketch `json:"-"`
}

// Throughput relates output bytes to the time that made them, as the ratio of their sums: large outputs weigh more.
// OutputRate is the distribution of the rates of single outputs. Both cover records whose output is known and above
// 0.
type Throughput struct {
	Records   int64   `json:"records"`
	Bytes     int64   `json:"bytes"`
	ExecuteNS int64   `json:"execute_ns"`
	BytesPerS float64 `json:"bytes_per_s"`
	NSPerByte float64 `json:"ns_per_byte"`
}

func (t *Throughput) add(output, execute int64) {
	if output > 0 && execute > 0 {
		t.Records++
		t.Bytes += output
		t.ExecuteNS += execute
		t.BytesPerS = float64(t.Bytes) / time.Duration(t.ExecuteNS).Seconds()
		t.NSPerByte = float64(t.ExecuteNS) / float64(t.Bytes)
	}
}

// maxQuantiles bounds how many quantiles a query asks for.
const maxQuantiles = 32

func checkQuantiles(qs []float64) error {
	if len(qs) > maxQuantiles {
		return invalid("%d quantiles, expected at most %d", len(qs), maxQuantiles)
	}
	for _, q := range qs {
		if !(q >= 0 && q <= 1) { // NaN too
			return invalid("quantile %v, expected 0 to 1", q)
		}
	}
	return nil
}

func distribution(s *digest.Sketch, quantiles []float64) Distribution {
	d := Distribution{N: s.N(), Exact: s.Exact(), Summary: s.Summary(), Sketch: s}
	if !d.Exact {
		d.Bound = s.Bound()
	}
	d.Quantiles = s.AppendQuantiles(make([]digest.Estimate, 0, len(quantiles)), quantiles...)
	return d
}

// Statistics folds the log of a run. Its values are those of the digests that a Fold of the run has, so that it agrees
// with History to the bit. The error is ErrInvalid for an unknown metric or grouping, for quantiles out
// of range, and for a cursor that is not from a page of the same query.
func (q *Queries) Statistics(ctx context.Context, s StatsQuery) (Statistics, error) {
	if _, err := ParseMetric(string(s.Metric)); err != nil {
		return Statistics{}, err
	}
	if err := checkQuantiles(s.Quantiles); err != nil {
		return Statistics{}, err
	}
	after, err := s.open()
	if err != nil {
		return Statistics{}, err
	}
	kept, err := q.store.Run(ctx, s.Run)
	if err != nil {
		return Statistics{}, err
	}
	graph, err := q.Graph(ctx, s.Run)
	if err != nil {
		return Statistics{}, err
	}
	f := groupedFold{query: &s, walker: record.NewWalker(graph), groups: map[groupKey]*groupFold{}}
	if f.key, err = s.grouping(f.walker.Numbering()); err != nil {
		return Statistics{}, err
	}
	log := NewLogReader(q.store, q.unpack, s.Run, 0)
	if err := log.Each(ctx, f.steps); err != nil {
		return Statistics{}, err
	}
	out := Statistics{Metric: s.Metric, Attempts: f.attempts, Succeeded: f.succeeded, AsOf: log.After()}
	out.Complete = kept.Status.Final() && out.AsOf >= kept.LastSeq && s.At == nil
	out.Groups, out.Next = s.page(f.groups, after)
	return out, nil
}

// page returns the groups after one, nil for all, as far as the limit allows, and the cursor of the next page.
func (s *StatsQuery) page(groups map[groupKey]*groupFold, after *groupKey) (out []Group, next string) {
	keys := slices.SortedFunc(maps.Keys(groups), groupKey.compare)
	if after != nil {
		keys = slices.DeleteFunc(keys, func(k groupKey) bool { return k.compare(*after) <= 0 })
	}
	if s.Limit > 0 && len(keys) > s.Limit {
		keys = keys[:s.Limit]
		next = sealCursor(s.mark(), keys[s.Limit-1])
	}
	for _, k := range keys {
		g := groups[k]
		out = append(out, Group{
			Key: k.text(s.GroupBy), Function: k.Function, Version: k.Version, Number: k.Number,
			Distribution: distribution(&g.sketch, s.Quantiles), Throughput: g.throughput,
		})
	}
	return out, next
}

// mark identifies the query that a cursor belongs to.
func (s *StatsQuery) mark() any { return []any{s.Run, s.Metric, s.GroupBy, s.Function, s.At} }

// open reads the cursor: the group after which the page begins, nil for the first page.
func (s *StatsQuery) open() (*groupKey, error) {
	if s.Limit < 0 {
		return nil, invalid("limit %d, expected 0 or more", s.Limit)
	}
	if s.Cursor == "" {
		return nil, nil
	}
	after := new(groupKey)
	return after, openCursor(s.Cursor, s.mark(), after)
}

// reaches reports whether an attempt had ended by the moment of the query.
func (s *StatsQuery) reaches(ended *record.Step) bool {
	_, started, _, over, _ := ended.Ordered()
	return s.At == nil || ended.Started+over-started <= int64(*s.At)
}

// groupKey distinguishes groups.
type groupKey struct {
	Function string `json:"f,omitempty"`
	Version  int    `json:"v,omitempty"`
	Number   int    `json:"n,omitempty"`
}

func (k groupKey) compare(o groupKey) int {
	return cmp.Or(cmp.Compare(k.Function, o.Function), cmp.Compare(k.Version, o.Version), cmp.Compare(k.Number, o.Number))
}

func (k groupKey) text(by GroupBy) string {
	switch by {
	case ByWorker, ByLevel:
		return strconv.Itoa(k.Number)
	}
	if k.Version == 0 {
		return k.Function
	}
	return k.Function + "@" + strconv.Itoa(k.Version)
}

type groupFold struct {
	sketch     digest.Sketch
	throughput Throughput
}

// groupedFold sums up one metric of one run by groups.
type groupedFold struct {
	query  *StatsQuery
	walker record.Walker
	key    func(*record.Step, *dag.Function) groupKey
	groups map[groupKey]*groupFold
	one    functionFold // has the values of one attempt at a time

	attempts, succeeded int64
}

func (f *groupedFold) steps(steps []record.Step) error {
	functions := f.walker.Numbering().Graph().Functions()
	for i := range steps {
		s := &steps[i]
		if _, err := f.walker.Next(s); err != nil {
			return fmt.Errorf("%w: run %s: %w", ErrCorrupt, f.query.Run, err)
		}
		if s.Kind != record.AttemptEnded {
			continue
		}
		if number, isTask := f.walker.Function(s.Node); isTask && f.query.reaches(s) {
			f.attempt(s, functions[number])
		}
	}
	return nil
}

func (f *groupedFold) attempt(s *record.Step, function *dag.Function) {
	f.attempts++
	if s.Outcome != record.OutcomeOK {
		return
	}
	f.succeeded++
	if f.query.Function != "" && f.query.Function != function.Name() {
		return
	}
	k := f.key(s, function)
	g := f.groups[k]
	if g == nil {
		g = &groupFold{}
		f.groups[k] = g
	}
	f.one.reset()
	f.one.add(s)
	if v, ok := f.one.first(f.query.Metric); ok {
		g.sketch.Add(v)
	}
	execute, _ := f.one.first(ExecuteNS)
	g.throughput.add(s.OutputBytes, execute)
}

// grouping returns the function from an attempt that has ended to its group.
func (s *StatsQuery) grouping(n *dag.Numbering) (func(*record.Step, *dag.Function) groupKey, error) {
	switch s.GroupBy {
	case ByNothing, "":
		return func(*record.Step, *dag.Function) groupKey { return groupKey{} }, nil
	case ByFunction:
		return func(_ *record.Step, f *dag.Function) groupKey {
			return groupKey{Function: f.Name(), Version: f.Options().Version}
		}, nil
	case ByWorker:
		return func(s *record.Step, _ *dag.Function) groupKey { return groupKey{Number: int(s.Worker)} }, nil
	case ByLevel:
		l := newLevels(n.Graph())
		return func(s *record.Step, _ *dag.Function) groupKey {
			p := n.Locate(s.Node)
			return groupKey{Number: int(l.of(p.Block.Scope, p.Local))}
		}, nil
	}
	return nil, invalid("group_by %q, expected none, function, worker or level", s.GroupBy)
}
