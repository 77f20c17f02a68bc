// Package spantest compares runs with the spans that they were made of, counted plainly: it shares no code with the
// readers or with what makes tasks of spans.
//
// Guarantees: a difference in tasks, failures, own times by function, or in the makespan fails the test.
//
// Costs: quadratic in the number of spans.
//
// Caveats: spans that contain others have to be of one clock.
package spantest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// Span is one span as a file has it. Times are in ns.
type Span struct {
	ID, Parent, Function string
	Start, End           int64
	Failed               bool
}

// Compare compares a run with its spans, whose IDs are different.
func Compare(t testing.TB, r *records.Run, spans []Span) {
	t.Helper()
	want, got := map[string]time.Duration{}, map[string]time.Duration{}
	wantFailed, gotFailed := map[string]bool{}, map[string]bool{}
	var ids []string
	first, last := spans[0].Start, spans[0].End
	for _, s := range spans {
		ids = append(ids, s.ID)
		want[s.Function] += time.Duration(own(s, spans))
		first, last = min(first, s.Start), max(last, s.End)
		if s.Failed {
			wantFailed[s.ID] = true
		}
	}
	var whole []string
	from, to := records.Unknown, records.Unknown
	for _, task := range r.Tasks {
		require.Len(t, task.Attempts, 1, task.ID)
		a := task.Attempts[0]
		got[task.Function] += time.Duration(a.Ended - a.Started)
		if !strings.Contains(task.ID, "/") {
			whole = append(whole, task.ID)
		}
		if a.Outcome == record.OutcomeFailed {
			gotFailed[task.ID] = true
			require.NotNil(t, a.Error)
		}
		if !from.Known() || a.Started < from {
			from = a.Started
		}
		to = max(to, a.Ended)
	}
	slices.Sort(ids)
	slices.Sort(whole)
	require.Equal(t, ids, whole)
	require.Equal(t, want, got, "own times by function")
	require.Equal(t, wantFailed, gotFailed, "failed spans")
	require.Equal(t, []records.Moment{records.Moment(first), records.Moment(last)}, []records.Moment{from, to}, "the makespan")
}

// own is the time of a span in which no child that lies within it was there, added up between all moments at which
// something begins or ends. Rounded starts may lie before that of the parent.
func own(s Span, all []Span) int64 {
	slack := func(a, b Span) int64 {
		n := int64(0)
		for _, at := range []int64{a.Start, b.Start} {
			switch {
			case at%1_000_000 == 0:
				n = max(n, 1_000_000)
			case at%1_000 == 0:
				n = max(n, 2_000)
			}
		}
		return n
	}
	moments := []int64{s.Start, s.End}
	var within []Span
	for _, c := range all {
		if c.Parent == s.ID && c.Start >= s.Start-slack(c, s) && c.End <= s.End+slack(c, s) && c.Start <= s.End {
			within = append(within, c)
			moments = append(moments, c.Start, c.End)
		}
	}
	slices.Sort(moments)
	sum := int64(0)
	for i := range moments[1:] {
		from, to := moments[i], moments[i+1]
		if from < s.Start || to > s.End {
			continue
		}
		if !slices.ContainsFunc(within, func(c Span) bool { return c.Start <= from && c.End >= to }) {
			sum += to - from
		}
	}
	return sum
}
