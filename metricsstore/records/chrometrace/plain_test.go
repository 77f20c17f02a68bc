package chrometrace_test

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/internal/testkit/droptest"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// event is an event as the plain count sees it.
type event struct {
	Name string         `json:"name"`
	Cat  string         `json:"cat"`
	Ph   string         `json:"ph"`
	TS   float64        `json:"ts"`
	Dur  float64        `json:"dur"`
	Pid  any            `json:"pid"`
	Tid  any            `json:"tid"`
	ID   any            `json:"id"`
	Args map[string]any `json:"args"`
}

func (e *event) end() float64 { return e.TS + e.Dur }

// eventsOf decodes a recording as a whole.
func eventsOf(t testing.TB, name string) []event {
	t.Helper()
	text := droptest.Load(t, name)
	var doc struct{ TraceEvents []event }
	if text[0] == '[' {
		require.NoError(t, json.Unmarshal(text, &doc.TraceEvents))
	} else {
		require.NoError(t, json.Unmarshal(text, &doc))
	}
	return doc.TraceEvents
}

func phase(events []event, ph string) (some []event) {
	for _, e := range events {
		if e.Ph == ph {
			some = append(some, e)
		}
	}
	return some
}

// ownTimes are the times by name that spans of a thread did not spend in others, in µs: the plain count, by comparing
// each with each.
func ownTimes(events []event) map[string]float64 {
	own := map[string]float64{}
	inner := make([][]event, len(events))
	for _, e := range events {
		in := -1
		for k, c := range events {
			around := c.Pid == e.Pid && c.Tid == e.Tid && c.TS <= e.TS && e.end() <= c.end() && e.TS < c.end() && c.Dur > e.Dur
			if around && (in < 0 || c.Dur < events[in].Dur) {
				in = k
			}
		}
		if in >= 0 {
			inner[in] = append(inner[in], e)
		}
		own[e.Name] += e.Dur
	}
	for i, list := range inner {
		slices.SortFunc(list, func(a, b event) int { return cmp.Compare(a.TS, b.TS) })
		covered := math.Inf(-1)
		for _, e := range list {
			own[events[i].Name] -= max(0, e.end()-max(covered, e.TS))
			covered = max(covered, e.end())
		}
	}
	return own
}

// executed is the sum of the times in which tasks ran, in µs, by a name for each.
func executed(r *records.Run, name func(*records.Task) string) map[string]float64 {
	sums := map[string]float64{}
	for i := range r.Tasks {
		for _, a := range r.Tasks[i].Attempts {
			sums[name(&r.Tasks[i])] += float64(a.Ended-a.Started) / 1e3
		}
	}
	return sums
}

// spanName is the name of the span that a task is a part of.
func spanName(t *records.Task) string {
	name, _, _ := strings.Cut(t.Name, ", part ")
	return name
}

func requireSums(t *testing.T, want, got map[string]float64) {
	t.Helper()
	for name := range want {
		require.InDelta(t, want[name], got[name], 2, name) // floats of µs since 1970 are a quarter apart
	}
	require.Len(t, got, len(want))
}

// spans is how many spans tasks are parts of.
func spans(r *records.Run) (n int) {
	for i := range r.Tasks {
		if _, part, ok := strings.Cut(r.Tasks[i].Name, ", part "); !ok || strings.HasPrefix(part, "1 of ") {
			n++
		}
	}
	return n
}

func edges(r *records.Run) (n int) {
	for i := range r.Tasks {
		n += len(r.Tasks[i].Parents)
	}
	return n
}

// note is the count of a note that contains the text, 0 if there is none.
func note(r *records.Run, text string) int64 {
	for _, n := range r.Notes {
		if strings.Contains(n.Text, text) {
			return n.Count
		}
	}
	return 0
}
