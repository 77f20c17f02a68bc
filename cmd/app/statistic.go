package app

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/dagscope/dagscope/metricsstore"
)

// statisticJSON describes one metric of one group of attempts. Values are in the unit at the end of the metric's name.
type statisticJSON struct {
	Group     groupJSON           `json:"group"`
	Metric    metricsstore.Metric `json:"metric"`
	Runs      int                 `json:"runs"`
	N         uint64              `json:"n"`
	Median    float64             `json:"median"`
	Mean      float64             `json:"mean"`
	StdDev    float64             `json:"stddev"`
	Min       float64             `json:"min"`
	Max       float64             `json:"max"`
	Sum       float64             `json:"sum"`
	Exact     bool                `json:"exact"` // all values were kept, so quantiles are exact, too
	Bound     float64             `json:"bound"` // the relative error that no quantile exceeds
	Quantiles []quantileJSON      `json:"quantiles"`
}

// groupJSON identifies the group of a statistic; fields by which it is not grouped are absent.
type groupJSON struct {
	Function string `json:"function,omitempty"`
	Version  *int   `json:"version,omitempty"`
	Workflow string `json:"workflow,omitempty"`
	Day      string `json:"day,omitempty"` // in UTC
	Worker   *int   `json:"worker,omitempty"`
	Level    *int   `json:"level,omitempty"` // how many tasks precede a task on the longest path to it
}

// quantileJSON is an estimate of one quantile, with an interval that is guaranteed to contain the true value.
type quantileJSON struct {
	Q      float64 `json:"q"`
	Value  float64 `json:"value"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
	Exact  bool    `json:"exact"`
	Enough bool    `json:"enough"` // there are enough samples
	Need   uint64  `json:"need"`
}

// newStatistic converts a distribution.
func newStatistic(g groupJSON, m metricsstore.Metric, runs int, d *metricsstore.Distribution) statisticJSON {
	sum := &d.Summary
	s := statisticJSON{
		Group: g, Metric: m, Runs: runs, N: d.N, Median: sum.P50.Value, Mean: sum.Mean, StdDev: sum.StdDev, Min: sum.Min, Max: sum.Max,
		Sum: sum.Sum, Exact: d.Exact, Bound: d.Bound, Quantiles: []quantileJSON{},
	}
	for _, e := range d.Quantiles {
		s.Quantiles = append(s.Quantiles, quantileJSON{e.Q, e.Value, e.Low, e.High, e.Exact(), e.Enough(), e.Need})
	}
	return s
}

// text formats a quantile: exact, approximate with its bound, or as too few samples.
func (q quantileJSON) text(m metricsstore.Metric, n uint64) string {
	switch {
	case !q.Enough:
		return notEnough(n)
	case q.Exact:
		return "= " + quantity(m, q.Value)
	default:
		bound := math.Max(q.High-q.Value, q.Value-q.Low)
		if q.Value <= 0 {
			return "≈ " + quantity(m, q.Value) + " + " + quantity(m, bound)
		}
		return fmt.Sprintf("≈ %s ±%s %%", quantity(m, q.Value), boundText(bound/q.Value))
	}
}

// notEnough is shown instead of a quantile with too few samples.
func notEnough(n uint64) string { return fmt.Sprintf("not enough samples (n = %s)", count(int64(n))) }

// boundText formats a relative error in per cent, rounded up.
func boundText(relative float64) string {
	return strconv.FormatFloat(math.Ceil(relative*1e4)/1e2, 'f', -1, 64)
}

// quantity formats a value of a metric.
func quantity(m metricsstore.Metric, v float64) string {
	switch {
	case strings.HasSuffix(string(m), "_ns"):
		return duration(time.Duration(math.Round(v)))
	case strings.HasSuffix(string(m), "bytes_per_s"):
		return size(int64(math.Round(v))) + "/s"
	default:
		return size(int64(math.Round(v)))
	}
}

// percentile names a quantile: p50, p99.9.
func percentile(q float64) string {
	return "p" + strconv.FormatFloat(math.Round(q*1e7)/1e5, 'f', -1, 64)
}

// printStatistics prints a table with a row for each statistic. All have the same quantiles and groups. The table has a
// column for metrics if there are several.
func printStatistics(s *session, stats []statisticJSON) error {
	first, several := &stats[0], stats[0].Metric != stats[len(stats)-1].Metric
	columns := groupColumns(first.Group)
	if several {
		columns = append(columns, left("metric"))
	}
	columns = append(columns, right("n"))
	for _, q := range first.Quantiles {
		columns = append(columns, right(percentile(q.Q)))
	}
	t := newTable(append(columns, right("mean"), right("min"), right("max"))...)
	for i := range stats {
		st := &stats[i]
		cells := groupCells(st.Group)
		if several {
			cells = append(cells, string(st.Metric))
		}
		cells = append(cells, count(int64(st.N)))
		for _, q := range st.Quantiles {
			cells = append(cells, q.text(st.Metric, st.N))
		}
		t.add(append(cells, quantity(st.Metric, st.Mean), quantity(st.Metric, st.Min), quantity(st.Metric, st.Max))...)
	}
	return t.print(s.stdout)
}

func groupColumns(g groupJSON) []column {
	var out []column
	for _, c := range groupParts(g) {
		out = append(out, left(c[0]))
	}
	return out
}

func groupCells(g groupJSON) []string {
	var out []string
	for _, c := range groupParts(g) {
		out = append(out, oneLine(c[1], 48))
	}
	return out
}

// groupParts returns names and values of the properties by which a statistic is grouped.
func groupParts(g groupJSON) [][2]string {
	var out [][2]string
	if g.Version != nil {
		name := g.Function
		if *g.Version != 0 {
			name += " v" + strconv.Itoa(*g.Version)
		}
		out = append(out, [2]string{"function", name})
	}
	for _, part := range [][2]string{{"workflow", g.Workflow}, {"day", g.Day}, {"worker", number(g.Worker)}, {"level", number(g.Level)}} {
		if part[1] != "" {
			out = append(out, part)
		}
	}
	return out
}

// number formats a number that may be absent.
func number(n *int) string {
	if n == nil {
		return ""
	}
	return strconv.Itoa(*n)
}
