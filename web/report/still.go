package report

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/runtable"
	"github.com/dagscope/dagscope/templates"
)

// The chart of busy slots, in units of its own.
const (
	chartWidth  = 480
	chartHeight = 100
)

// listed is how many functions the table has.
const listed = 100

// still is what a report shows without script.
func still(ctx context.Context, q *metricsstore.Queries, a *answers, table *runtable.Table) (templates.ReportData, error) {
	s := &a.summary
	data := templates.ReportData{
		Title: s.Workflow + " · " + s.Name,
		Lead: fmt.Sprintf("Run %s %s after %s. Started %s. Tasks: %d, attempts: %d, retries: %d, lost: %d, workers: %d.",
			s.Run, s.Status, duration(float64(s.MakespanNS)), s.StartedAt.UTC().Format(time.RFC3339), s.Tasks.Total, s.Attempts, s.Retries, s.Lost, s.Workers),
		Busy: busy(table),
	}
	if s.Imported.Value != nil && !s.Imported.Value.Dated {
		data.Lead = strings.Replace(data.Lead, "Started "+s.StartedAt.UTC().Format(time.RFC3339), "Start unknown", 1)
	}
	if s.Error.Value != nil {
		data.Failure = s.Error.Value.Message
	}
	stats, err := q.Statistics(ctx, metricsstore.StatsQuery{
		Run: a.run, Metric: metricsstore.ExecuteNS, GroupBy: metricsstore.ByFunction, Quantiles: []float64{0.5, 0.95},
	})
	if err != nil {
		return data, err
	}
	groups := slices.SortedStableFunc(slices.Values(stats.Groups), func(a, b metricsstore.Group) int { return cmp.Compare(b.Summary.Sum, a.Summary.Sum) })
	data.FunctionsLeftOut = max(0, len(groups)-listed)
	for _, g := range groups[:min(listed, len(groups))] {
		data.Functions = append(data.Functions, templates.FunctionTimes{
			Name: g.Key, N: strconv.FormatUint(g.N, 10), Median: duration(g.Quantiles[0].Value), P95: duration(g.Quantiles[1].Value),
			Longest: duration(g.Summary.Max), Sum: duration(g.Summary.Sum),
		})
	}
	return data, nil
}

// busy draws how many attempts were between claim and end, on average over each part of the run.
func busy(table *runtable.Table) templates.BusySlots {
	end := table.End()
	if end <= 0 {
		return templates.BusySlots{}
	}
	var load [chartWidth]float64
	part := float64(end) / chartWidth
	for i := range table.Rows() {
		row := table.Row(i)
		if row.Has&runtable.HasClaimed == 0 || row.Has&runtable.HasUpdated == 0 {
			continue
		}
		from, to := float64(max(row.Claimed, 0))/part, float64(min(row.Updated, end))/part
		for x := int(from); x < chartWidth && float64(x) < to; x++ {
			load[x] += min(to, float64(x+1)) - max(from, float64(x))
		}
	}
	most := slices.Max(load[:])
	if most <= 0 {
		return templates.BusySlots{}
	}
	path := []byte("M0 " + strconv.Itoa(chartHeight))
	last := -1
	for x, n := range load {
		if y := chartHeight - int(n/most*chartHeight+0.5); y != last {
			path = fmt.Appendf(path, "H%dV%d", x, y)
			last = y
		}
	}
	path = fmt.Appendf(path, "H%dV%dZ", chartWidth, chartHeight)
	return templates.BusySlots{
		Path: string(path), Width: chartWidth, Height: chartHeight, Most: int(most + 0.5), End: duration(float64(end)),
	}
}

// duration writes nanoseconds with about three digits.
func duration(ns float64) string {
	d := time.Duration(ns)
	unit := time.Duration(1)
	for unit*1000 <= d {
		unit *= 10
	}
	return d.Round(unit).String()
}
