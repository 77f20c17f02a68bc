package metricsstore

import (
	"context"

	"github.com/dagscope/dagscope/digest"
	"github.com/dagscope/dagscope/engine/record"
)

// Reason says why a run is not part of a History.
type Reason string

// Reasons.
const (
	// NotMeasured: the run was imported, and its record has not what the metric needs; see Metric.MeasuredIn.
	NotMeasured Reason = "not_measured"
	// NotKnown: the run has no known value of the metric.
	NotKnown Reason = "not_known"
	// Unreadable: a roll-up of the run is damaged, so that the run is missing in part or as a whole.
	Unreadable Reason = "unreadable"
)

// LeftOut counts runs that a query selects and that are not part of the answer, with the reason.
type LeftOut struct {
	Reason Reason `json:"reason"`
	Runs   int    `json:"runs"`
}

// LeftOut counts the runs that a HistoryQuery selects and that are not part of its answer; runs that are not archived
// are not among them, nor are those in which nothing was executed, because it was all cached or failed. Where a roll-up cannot be read, its workflow is not known.
func (q *Queries) LeftOut(ctx context.Context, h HistoryQuery) ([]LeftOut, error) {
	if _, err := ParseMetric(string(h.Metric)); err != nil {
		return nil, err
	}
	with, unreadable, err := q.countRuns(ctx, h)
	if err != nil {
		return nil, err
	}
	out := []LeftOut{}
	if h.Metric != ExecuteNS {
		reason := NotKnown
		if h.Metric.Scheduled() {
			reason = NotMeasured
		}
		h.Metric = ExecuteNS // which every attempt that ended well has
		all, _, err := q.countRuns(ctx, h)
		if err != nil {
			return nil, err
		}
		if n := all - with - unreadable; n > 0 {
			out = append(out, LeftOut{reason, n})
		}
	}
	if unreadable > 0 {
		out = append(out, LeftOut{Unreadable, unreadable})
	}
	return out, nil
}

// countRuns counts the runs that have values, and those of which a roll-up cannot be read.
func (q *Queries) countRuns(ctx context.Context, h HistoryQuery) (runs, unreadable int, err error) {
	single, merged := map[record.RunID]bool{}, 0
	var sketch digest.Sketch
	err = q.eachRollup(ctx, &h, func(r *Rollup, d *RollupDigest) error {
		if err := d.MergeInto(&sketch); err != nil { // for damage that only this reads
			return err
		}
		if r.Run == "" {
			merged += d.Runs
		} else {
			single[r.Run] = true
		}
		return nil
	})
	return merged + len(single), len(h.damaged), err
}
