package metricsstore

import (
	"cmp"
	"context"
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
	// Attempts is how many had ended, whatever their outcome and function, Succeeded how many of them well.
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

func (t *Throughput) add(m *record.TaskMetrics) {
	if m.Output > 0 && m.Execute > 0 {
		t.Records++
		t.Bytes += m.Output
		t.ExecuteNS += int64(m.Execute)
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

// Statistics folds the records of a run. The error is ErrInvalid for an unknown metric or grouping, for quantiles out
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
	decoder, log, err := q.Decode(ctx, s.Run)
	if err != nil {
		return Statistics{}, err
	}
	key, err := s.grouping(decoder.Numbering())
	if err != nil {
		return Statistics{}, err
	}
	groups := map[groupKey]*groupFold{}
	out := Statistics{Metric: s.Metric}
	asOf, err := eachRecord(ctx, decoder, log, func(records []record.TaskMetrics) error {
		for i := range records {
			m := &records[i]
			if !s.reaches(&kept, m) {
				continue
			}
			out.Attempts++
			if m.Outcome != record.OutcomeOK {
				continue
			}
			out.Succeeded++
			if s.Function == "" || s.Function == m.Task.Function {
				k := key(m)
				if groups[k] == nil {
					groups[k] = &groupFold{}
				}
				groups[k].add(s.Metric, m)
			}
		}
		return nil
	})
	if err != nil {
		return Statistics{}, err
	}
	out.AsOf, out.Complete = asOf, kept.Status.Final() && asOf >= kept.LastSeq && s.At == nil
	out.Groups, out.Next = s.page(groups, after)
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

// reaches reports whether a record had ended by the moment of the query.
func (s *StatsQuery) reaches(run *Run, m *record.TaskMetrics) bool {
	return s.At == nil || m.StartedAt.Add(m.Execute+m.Store+m.Update).Sub(run.Info.StartedAt) <= *s.At
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

func (g *groupFold) add(metric Metric, m *record.TaskMetrics) {
	if v, ok := metric.Of(m); ok {
		g.sketch.Add(v)
	}
	g.throughput.add(m)
}

// grouping returns the function from a record to its group.
func (s *StatsQuery) grouping(n *dag.Numbering) (func(*record.TaskMetrics) groupKey, error) {
	switch s.GroupBy {
	case ByNothing, "":
		return func(*record.TaskMetrics) groupKey { return groupKey{} }, nil
	case ByFunction:
		return func(m *record.TaskMetrics) groupKey {
			return groupKey{Function: m.Task.Function, Version: m.Task.Version}
		}, nil
	case ByWorker:
		return func(m *record.TaskMetrics) groupKey { return groupKey{Number: m.Worker} }, nil
	case ByLevel:
		l := newLevels(n.Graph())
		return func(m *record.TaskMetrics) groupKey {
			p := n.Locate(m.Node)
			return groupKey{Number: int(l.of(p.Block.Scope, p.Local))}
		}, nil
	}
	return nil, invalid("group_by %q, expected none, function, worker or level", s.GroupBy)
}
