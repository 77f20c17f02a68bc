package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/normal"
)

// judgement compares a run with its peers; nil for one that is not compared, and where statistics are not of the whole run
// and its execution times.
func (c *statsCommand) judgement(ctx context.Context, queries *metricsstore.Queries, r *metricsstore.Run) (*normal.Judgement, error) {
	if !r.Comparable() || c.At != nil || !slices.Contains(c.Metric, string(metricsstore.ExecuteNS)) {
		return nil, nil
	}
	if c.Server == "" {
		peers, err := normal.FindPeers(ctx, queries, r, metricsstore.SamePeers)
		if err != nil {
			return nil, err
		}
		return normal.Judge(ctx, queries, r, metricsstore.SamePeers, peers)
	}
	service, err := c.service()
	if err != nil {
		return nil, err
	}
	j, err := service.Judgement(ctx, r.Info.ID) // the download has no peers
	if err != nil {
		return nil, serviceError(err)
	}
	return &j, nil
}

// trend looks for changes of the workflow that is asked for; nil without one, and for other metrics.
func (c *statsCommand) trend(ctx context.Context, queries *metricsstore.Queries) (*normal.Trend, error) {
	if c.Workflow == "" || !slices.Contains(c.Metric, string(metricsstore.ExecuteNS)) {
		return nil, nil
	}
	return normal.ReadTrend(ctx, queries, normal.TrendQuery{Workflow: c.Workflow, From: c.From.Time, To: c.To.Time})
}

// judgementRemarks name slow functions and count outliers; there are none without earlier runs.
func judgementRemarks(j *normal.Judgement) []string {
	if j.Runs == 0 {
		return nil
	}
	with := plural(int64(j.Runs), "earlier run")
	if len(j.Terms) > 0 {
		with += " with " + strings.Join(j.Terms, ", ")
	}
	var out []string
	judged := 0
	for i := range j.Functions.Each {
		f := &j.Functions.Each[i]
		if f.LimitNS != nil {
			judged++
		}
		if f.Slow {
			out = append(out, fmt.Sprintf("%s is slow: its median is %.2f × the usual one, slower than in %s of %s, and above the limit of %s.",
				f.Function, *f.Ratio, count(int64(f.SlowerThan)), plural(int64(f.Runs), "earlier run"), duration(time.Duration(*f.LimitNS))))
		}
	}
	switch {
	case judged == 0:
		out = append(out, fmt.Sprintf("Not enough runs to call a function slow: there are %s, expected %d that have it.", with, normal.MinPeers))
	case len(out) == 0:
		out = append(out, fmt.Sprintf("No function is slow, compared with %s.", with))
	}
	if o := &j.Outliers; o.Judged > 0 {
		text := fmt.Sprintf("%s of %s took longer than p99 of those like them; chance alone gives %.1f.", count(int64(o.Found)), plural(int64(o.Judged), "task"), o.Expected)
		if o.Found > 0 {
			worst := &o.Each[0]
			text += fmt.Sprintf(" %s took %s, %.2f × p99 of %s.", worst.Task, duration(time.Duration(worst.ExecuteNS)), worst.Ratio, plural(int64(worst.Like), "task"))
		}
		out = append(out, text)
	}
	return out
}

// trendRemarks are the changes of a workflow, and where they were looked for.
func trendRemarks(t *normal.Trend) []string {
	over := plural(int64(t.Runs), "run")
	if len(t.Terms) > 0 {
		over += " with " + strings.Join(t.Terms, ", ")
	}
	if t.Needs > 0 {
		return []string{fmt.Sprintf("Not enough runs to look for changes: there are %s, expected %d.", over, t.Needs)}
	}
	var out []string
	for _, s := range t.Series {
		name := s.Function
		if name == "" {
			name = "makespan"
		}
		for _, c := range s.Changes {
			out = append(out, name+": "+c.Text)
		}
	}
	if len(out) == 0 {
		return []string{"No change of the makespan or a function over " + over + "."}
	}
	return out
}
