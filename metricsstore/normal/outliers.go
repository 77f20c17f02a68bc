package normal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/dagscope/dagscope/digest"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

const (
	// OutlierQuantile is what a task of the peers exceeds with a probability of 1 %.
	OutlierQuantile = 0.99
	// MaxOutlierTasks is after how many attempts no further peer is read.
	MaxOutlierTasks = 200_000
	// MaxOutliers is how many outliers are listed.
	MaxOutliers = 50
)

var outliersMethod = fmt.Sprintf("Executed tasks that took longer than the %gth percentile (type 7) of the tasks of their function in the peers, "+
	"among those whose input has the same power of two of bytes, or no known size; where the percentile is an estimate, longer than its upper bound.", 100*OutlierQuantile)

// Outliers are the tasks of a run that took longer than nearly all like them.
type Outliers struct {
	Method string `json:"method"`
	// Runs and Tasks are what the tasks of the run are compared with.
	Runs  int `json:"runs"`
	Tasks int `json:"tasks"`
	// Judged is how many tasks of the run have enough like them, Unjudged how many do not; Needs is how many it takes.
	Judged   int `json:"n"`
	Unjudged int `json:"unjudged"`
	Needs    int `json:"needs"`
	// Found is how many are outliers, Expected how many chance alone would give in a run like its peers: 1 % of Judged.
	Found    int       `json:"found"`
	Expected float64   `json:"expected"`
	Each     []Outlier `json:"outliers"` // by Ratio, the greatest first; at most MaxOutliers
}

// Outlier is a task that took longer than nearly all like it.
type Outlier struct {
	Node      dag.NodeID `json:"node"`
	Task      string     `json:"task"`
	Function  string     `json:"function"`
	Version   int        `json:"version"`
	Attempt   int        `json:"attempt"`
	ExecuteNS int64      `json:"execute_ns"`
	// InputBytes is the size of its input, nil if it is not known.
	InputBytes *int64 `json:"input_bytes"`
	// LimitNS is the percentile that it exceeds, of Like tasks, and Ratio how many times as long it took.
	LimitNS float64 `json:"limit_ns"`
	Like    uint64  `json:"like"`
	Exact   bool    `json:"exact"`
	Ratio   float64 `json:"ratio"`
}

// classes are the execution times of tasks of some runs.
type classes struct {
	times       metricsstore.SizedTimes
	runs, tasks int
}

// readClasses reads the latest of some runs, the latest first, until they have so many attempts. Those that are deleted
// meanwhile, or are damaged, do not count.
func readClasses(ctx context.Context, q *metricsstore.Queries, runs []record.RunID) (*classes, error) {
	c := &classes{times: metricsstore.SizedTimes{}}
	for _, run := range runs {
		if c.tasks >= MaxOutlierTasks {
			break
		}
		err := eachExecuted(ctx, q, run, c.add)
		switch {
		case errors.Is(err, metricsstore.ErrNotFound), errors.Is(err, metricsstore.ErrCorrupt):
		case err != nil:
			return nil, err
		default:
			c.runs++
		}
	}
	return c, nil
}

func (c *classes) add(m *record.TaskMetrics) {
	c.times.Add(sizedFunction(m), int64(m.Execute))
	c.tasks++
}

func sizedFunction(m *record.TaskMetrics) metricsstore.SizedFunction {
	return metricsstore.NewSizedFunction(metricsstore.FunctionName{Function: m.Task.Function, Version: m.Task.Version}, m.Input)
}

// eachExecuted calls f for the attempts of a run that were executed and ended well.
func eachExecuted(ctx context.Context, q *metricsstore.Queries, run record.RunID, f func(*record.TaskMetrics)) error {
	_, err := q.EachRecord(ctx, run, func(records []record.TaskMetrics) error {
		for i := range records {
			if records[i].Outcome == record.OutcomeOK {
				f(&records[i])
			}
		}
		return nil
	})
	return err
}

// findOutliers compares the tasks of a run with those like them.
func findOutliers(ctx context.Context, q *metricsstore.Queries, run record.RunID, like *classes) (Outliers, error) {
	out := Outliers{Method: outliersMethod, Runs: like.runs, Tasks: like.tasks, Each: []Outlier{}}
	limits := map[metricsstore.SizedFunction]digest.Estimate{}
	for c, times := range like.times {
		limits[c] = times.Quantile(OutlierQuantile)
	}
	out.Needs = int(new(digest.Sketch).Quantile(OutlierQuantile).Need)
	err := eachExecuted(ctx, q, run, func(m *record.TaskMetrics) {
		limit := limits[sizedFunction(m)]
		if limit.N == 0 || !limit.Enough() {
			out.Unjudged++
			return
		}
		out.Judged++
		if float64(m.Execute) > limit.High {
			out.Each = append(out.Each, newOutlier(m, &limit))
		}
	})
	slices.SortStableFunc(out.Each, func(a, b Outlier) int { return cmp.Compare(b.Ratio, a.Ratio) })
	out.Found, out.Expected = len(out.Each), float64(out.Judged)*(1-OutlierQuantile)
	out.Each = out.Each[:min(out.Found, MaxOutliers)]
	return out, err
}

func newOutlier(m *record.TaskMetrics, limit *digest.Estimate) Outlier {
	o := Outlier{
		Node: m.Node, Task: m.Task.String(), Function: m.Task.Function, Version: m.Task.Version, Attempt: m.Attempt,
		ExecuteNS: int64(m.Execute), LimitNS: limit.High, Like: limit.N, Exact: limit.Exact(),
		Ratio: float64(m.Execute) / max(limit.High, 1),
	}
	if m.Input >= 0 {
		o.InputBytes = new(m.Input) // the record is only valid for now
	}
	return o
}
