package chrometrace_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

func TestBazel(t *testing.T) {
	for _, name := range []string{"chrome-trace/bazel-local-jobs-4.json.gz", "chrome-trace/bazel-tiny.json.gz"} {
		r, all := load(t, name), phase(eventsOf(t, name), "X")
		var actions, critical, rest []event
		for _, e := range all {
			switch e.Cat {
			case "action processing":
				actions = append(actions, e)
			case "critical path component":
				critical = append(critical, e)
			default:
				rest = append(rest, e)
			}
		}
		inActions := 0
		rest = slices.DeleteFunc(rest, func(e event) bool {
			in := slices.ContainsFunc(actions, func(a event) bool {
				return a.Tid == e.Tid && a.TS <= e.TS && e.TS < a.end() && e.end() <= a.end()
			})
			if in {
				inActions++
			}
			return in
		})
		require.Equal(t, len(actions)+len(rest), spans(r))
		require.EqualValues(t, inActions, note(r, "events within actions"))
		require.EqualValues(t, len(critical), note(r, "events of the critical path"))
		require.Equal(t, "Bazel", r.System)
		require.NotEmpty(t, r.Key)
		require.Equal(t, record.Status(""), r.Status)
		earliest, latest := math.Inf(1), math.Inf(-1)
		for _, e := range slices.Concat(actions, rest) {
			earliest, latest = min(earliest, e.TS), max(latest, e.end())
		}
		require.Equal(t, time.Duration((latest-earliest)*1e3), extent(r))
	}
}

func TestBazelEvaluationsWait(t *testing.T) {
	const name = "chrome-trace/bazel-local-jobs-4.json.gz"
	r, events := load(t, name), eventsOf(t, name)
	threads := map[any]string{}
	for _, e := range phase(events, "M") {
		if e.Name == "thread_name" {
			threads[e.Tid] = e.Args["name"].(string)
		}
	}
	var whole, own float64
	for _, s := range phase(events, "X") {
		if s.Cat != "skyframe evaluator" {
			continue
		}
		steps := make([]int, int(s.Dur)+1) // how many threads of the evaluator begin and end in each microsecond
		for _, e := range phase(events, "X") {
			if strings.HasPrefix(threads[e.Tid], "skyframe-evaluator") {
				if from, to := max(0, e.TS-s.TS), min(s.Dur, e.end()-s.TS); from < to {
					steps[int(from)]++
					steps[int(to)]--
				}
			}
		}
		at := 0
		for _, step := range steps[:int(s.Dur)] {
			if at += step; at == 0 {
				own++
			}
		}
		whole += s.Dur
	}
	got := executed(r, func(t *records.Task) string { return t.Function })
	require.Equal(t, own, got["skyframe evaluator"])
	require.Less(t, own, whole/10)
}

// extent is the time from the first claim to the last end.
func extent(r *records.Run) time.Duration {
	first, last := records.Moment(math.MaxInt64), records.Unknown
	for i := range r.Tasks {
		for _, a := range r.Tasks[i].Attempts {
			first, last = min(first, a.Claimed), max(last, a.Ended, a.Over)
		}
	}
	return time.Duration(last - first)
}

func TestBazelActions(t *testing.T) {
	const name = "chrome-trace/bazel-local-jobs-4.json.gz"
	r, events := load(t, name), eventsOf(t, name)
	require.Equal(t, time.Date(2022, 8, 16, 11, 12, 51, 0, time.UTC).Add(-75*time.Millisecond), r.Tasks[0].Attempts[0].Started.Time())
	var body, whole float64 // of actions that ran a process in the sandbox or a worker
	for _, a := range phase(events, "X") {
		if a.Cat != "action processing" {
			continue
		}
		ran := false
		for _, e := range phase(events, "X") {
			if e.Tid == a.Tid && e.TS >= a.TS && e.end() <= a.end() && (e.Name == "subprocess.run" || e.Cat == "waiting for response from worker") {
				if body += e.Dur; !ran {
					whole += a.Dur
				}
				ran = true
			}
		}
	}
	var gotBody, gotWhole float64
	edges := 0
	for i := range r.Tasks {
		a := r.Tasks[i].Attempts[0]
		if strings.Contains(a.Log, "subprocess.run") || strings.Contains(a.Log, "working") {
			gotBody += float64(a.Ended-a.Started) / 1e3
			gotWhole += float64(a.Over-a.Claimed) / 1e3
			require.LessOrEqual(t, a.Fetch, time.Duration(a.Started-a.Claimed))
		}
		if r.Tasks[i].Function == "Compiling Java headers" {
			for _, p := range r.Tasks[i].Parents {
				edges++
				require.Less(t, r.Tasks[p].Attempts[0].Over, a.Claimed, "the critical path leads forward")
			}
		}
	}
	require.InDelta(t, body, gotBody, 1)
	require.InDelta(t, whole, gotWhole, 1)
	require.Equal(t, 3, edges)
}
