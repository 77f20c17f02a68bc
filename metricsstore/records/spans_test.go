package records_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/recordstest"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// span is a span of one worker.
func span(id string, parent int32, start, end records.Moment) records.Span {
	s := records.NewSpan(id)
	s.Parent, s.Start, s.End, s.Worker, s.Outcome = parent, start, end, 0, record.OutcomeOK
	return s
}

// drawn is what AddSpans makes of spans, a line for each task: ID, times, parents.
func drawn(spans ...records.Span) (string, *records.Run) {
	r := records.NewRun("test", "test")
	r.AddSpans(spans)
	var lines []string
	for _, t := range r.Tasks {
		parents := ""
		for _, p := range t.Parents {
			parents += " " + r.Tasks[p].ID
		}
		a := records.NewAttempt()
		if len(t.Attempts) > 0 {
			a = t.Attempts[0]
		}
		lines = append(lines, fmt.Sprintf("%s %s-%s <%s", t.ID, moment(a.Started), moment(a.Ended), parents))
	}
	return strings.Join(lines, "\n"), r
}

func moment(m records.Moment) string {
	if !m.Known() {
		return "?"
	}
	return fmt.Sprint(int64(m))
}

func TestAddSpans(t *testing.T) {
	other := func(s records.Span) records.Span { s.Worker = 1; return s }
	linked := func(s records.Span, to ...int32) records.Span { s.Links = to; return s }
	none := records.None
	for name, c := range map[string]struct {
		spans []records.Span
		want  string
	}{
		"one span": {[]records.Span{span("a", none, 1, 5)}, "a 1-5 <"},
		"work before, between and after": {
			[]records.Span{span("a", none, 1, 99), span("b", 0, 11, 21), span("c", 0, 31, 41)},
			"a/1 1-11 <\na/2 21-31 < b\na 41-99 < c\nb 11-21 < a/1\nc 31-41 < a/2",
		},
		"no work but in children": {
			[]records.Span{span("a", none, 1, 21), span("b", 0, 1, 11), span("c", 0, 11, 21)},
			"a 21-21 < b c\nb 1-11 <\nc 11-21 < b",
		},
		"children at the same time": {
			[]records.Span{span("a", none, 1, 31), span("b", 0, 3, 9), span("c", 0, 3, 19), span("d", 0, 11, 29)},
			"a/1 1-3 <\na 29-31 < b c d\nb 3-9 < a/1\nc 3-19 < a/1\nd 11-29 < b",
		},
		"the first of a container follows what it follows": {
			[]records.Span{span("a", none, 1, 31), span("b", 0, 1, 9), span("c", 0, 9, 31), span("d", 2, 9, 31)},
			"a 31-31 < b c\nb 1-9 <\nc 31-31 < b d\nd 9-31 < b",
		},
		"a child outlives its parent": {
			[]records.Span{span("a", none, 1, 31), span("b", 0, 11, 99)},
			"a/1 1-11 <\na 11-31 < a/1\nb 11-99 < a/1",
		},
		"a child outlives its parent and started while that waited": {
			[]records.Span{span("a", none, 1, 31), span("b", 0, 5, 21), span("c", 0, 11, 99)},
			"a/1 1-5 <\na 21-31 < b\nb 5-21 < a/1\nc 11-99 < a/1",
		},
		"a child starts after its parent": {[]records.Span{span("a", none, 1, 31), span("b", 0, 41, 99)}, "a 1-31 <\nb 41-99 < a"},
		"another clock": {
			[]records.Span{span("a", none, 11, 31), other(span("b", 0, 3, 15)), other(span("c", 1, 5, 9)), other(span("d", 0, 17, 19))},
			"a/1 23-25 < b\na 27-31 < d\nb/1 11-13 <\nb 17-23 < c\nc 13-17 < b/1\nd 25-27 < a/1",
		},
		"another start but no other clock": {
			[]records.Span{span("a", none, 11, 31), other(span("b", 0, 3, 15)), other(span("c", 0, 25, 29)), other(span("d", 0, 27, 31))},
			"a/1 11-11 <\na/2 11-25 < a/1\na 31-31 < c d\nb 3-15 < a/1\nc 25-29 < a/2\nd 27-31 < a/2",
		},
		"before its parent": {[]records.Span{span("a", none, 11, 31), span("b", 0, 3, 15)}, "a 11-31 <\nb 3-15 <"},
		"rounded to milliseconds": {
			[]records.Span{span("a", none, 7e6, 9_100_000), span("b", 0, 7e6, 9_900_000)},
			"a 9100000-9100000 < b\nb 7000000-9900000 <",
		},
		"not ended":         {[]records.Span{span("a", none, 1, records.Unknown), span("b", 0, 3, 5)}, "a 1-? <\nb 3-5 <"},
		"absent parent":     {[]records.Span{span("a", records.Absent, 1, 5), span("b", 77, 1, 5)}, "a 1-5 <\nb 1-5 <"},
		"its own parent":    {[]records.Span{span("a", 0, 1, 5)}, "a 1-5 <"},
		"parents in a loop": {[]records.Span{span("a", 1, 1, 5), span("b", 0, 1, 5)}, "a 5-5 < b\nb 1-5 <"},
		"twice":             {[]records.Span{span("a", none, 1, 5), span("a", none, 1, 5), span("b", 1, 1, 5)}, "a 5-5 < b\nb 1-5 <"},
		"two with one ID":   {[]records.Span{span("a", none, 1, 5), span("a", none, 1, 7)}, "a 1-5 <\na#2 1-7 <"},
		"two with one ID, twice": {
			[]records.Span{span("a", none, 1, 5), span("a", none, 1, 7), span("a", none, 1, 5), span("a", none, 1, 7), span("a#2", none, 1, 9), span("a", none, 1, 8)},
			"a 1-5 <\na#2 1-7 <\na#2#2 1-9 <\na#3 1-8 <",
		},
		"ends before it starts":      {[]records.Span{span("a", none, 5, 1)}, "a 5-5 <"},
		"no moments":                 {[]records.Span{span("a", none, records.Unknown, records.Unknown)}, "a ?-? <"},
		"a link":                     {[]records.Span{span("a", none, 1, 5), linked(span("b", none, 7, 9), 0)}, "a 1-5 <\nb 7-9 < a"},
		"a link to one under way":    {[]records.Span{span("a", none, 1, 9), linked(span("b", none, 7, 19), 0)}, "a/1 1-7 <\na 7-9 < a/1\nb 7-19 < a/1"},
		"a link to a later one":      {[]records.Span{span("a", none, 11, 19), linked(span("b", none, 7, 9), 0)}, "a 11-19 <\nb 7-9 <"},
		"a link to nowhere":          {[]records.Span{linked(span("a", none, 1, 5), records.Absent, 9, 0)}, "a 1-5 <"},
		"a link to what it contains": {[]records.Span{linked(span("a", none, 1, 9), 1), span("b", 0, 3, 5)}, "a/1 1-1 <\na/2 1-3 < a/1\na 5-9 < b\nb 3-5 < a/2"},
		"children of one that has links": {
			[]records.Span{span("a", none, 1, 5), linked(span("b", none, 7, 19), 0), span("c", 1, 7, 15)},
			"a 1-5 <\nb/1 7-7 < a\nb 15-19 < c\nc 7-15 < b/1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := drawn(c.spans...)
			require.Equal(t, c.want, got)
		})
	}
}

func TestAddSpansSaysWhatItDid(t *testing.T) {
	failed := span("a", records.None, 1, 31)
	failed.Outcome, failed.Error, failed.Name = record.OutcomeFailed, &records.Failure{Message: "no"}, "work"
	_, r := drawn(failed, span("b", 0, 3, 9), span("b", 0, 3, 9), span("c", 0, 9, 19), span("d", records.Absent, 5, 2), span("e", 0, 21, 99))
	require.Equal(t, []string{
		"1 spans are in the record a second time",
		"1 spans name a parent that the record does not contain and are roots",
		"1 spans end before they start and are empty",
		"1 spans follow the span in the same container that ended last before they started",
		"2 spans lie within others, which wait for them; the time of a span is its own",
		"1 spans are several tasks, one for each period in which they did not wait",
		"1 spans end after the span that contains their start and are not waited for",
	}, notes(r))
	part, whole := r.Tasks[0], r.Tasks[2]
	require.Equal(t, []string{"a/1", "work, part 1 of 3", "work"}, []string{part.ID, part.Name, part.Function})
	require.Equal(t, []string{"a", "work, part 3 of 3", "work"}, []string{whole.ID, whole.Name, whole.Function})
	require.Equal(t, record.OutcomeOK, part.Attempts[0].Outcome)
	require.Equal(t, record.OutcomeFailed, whole.Attempts[0].Outcome)
	require.Equal(t, "no", whole.Attempts[0].Error.Message)
	require.Equal(t, records.Moment(1), part.Attempts[0].Ready, "what follows nothing has not waited")
}

func notes(r *records.Run) []string {
	var lines []string
	for _, n := range r.Notes {
		lines = append(lines, fmt.Sprintf("%d %s", n.Count, n.Text))
	}
	return lines
}

// TestManySpansWithOneID would take minutes if each of them were compared with all others.
func TestManySpansWithOneID(t *testing.T) {
	var spans []records.Span
	for i := range 200_000 {
		spans = append(spans, span("a", records.None, records.Moment(i), records.Moment(i)))
	}
	r := records.NewRun("test", "test")
	r.AddSpans(spans)
	require.Len(t, r.Tasks, len(spans))
}

// TestAddSpansLaws draws forests of any shape: parents and links at random, and times that have nothing to do with them.
func TestAddSpansLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, workers := rapid.IntRange(1, 40).Draw(t, "n"), rapid.IntRange(1, 3).Draw(t, "workers")
		spans := make([]records.Span, n)
		number := rapid.Int32Range(-2, int32(n))
		for i := range spans {
			start := records.Moment(rapid.IntRange(1, 12).Draw(t, "start"))
			s := span(fmt.Sprint(i), number.Draw(t, "parent"), start, start+records.Moment(rapid.IntRange(0, 9).Draw(t, "duration")))
			s.Worker = int32(rapid.IntRange(0, workers-1).Draw(t, "worker"))
			s.Links = rapid.SliceOfN(number, 0, 2).Draw(t, "links")
			if rapid.IntRange(0, 9).Draw(t, "open") == 0 {
				s.End = records.Unknown
			}
			spans[i] = s
		}
		r := records.NewRun("test", "test")
		for i := range workers {
			r.AddWorker(fmt.Sprint(i))
		}
		r.AddSpans(spans)
		requireAcyclic(t, r)
		requireAllOnce(t, r, n)
		recordstest.Laws(t, r)
		for i := range r.Tasks {
			a := &r.Tasks[i].Attempts[0]
			for _, p := range r.Tasks[i].Parents {
				b := &r.Tasks[p].Attempts[0]
				require.True(t, b.Ended <= a.Started || workers > 1, "%s starts before %s ends", r.Tasks[i].ID, r.Tasks[p].ID)
			}
		}
	})
}

// TestAddSpansOwnTime draws nested spans that do not overlap on one worker, as a thread records them: then at each
// moment of a root one task is at work.
func TestAddSpansOwnTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var spans []records.Span
		var nest func(parent int32, from, to records.Moment)
		nest = func(parent int32, from, to records.Moment) {
			me := int32(len(spans))
			spans = append(spans, span(fmt.Sprint(me), parent, from, to))
			for at := from; len(spans) < 60 && rapid.Bool().Draw(t, "more"); {
				start := records.Moment(rapid.Int64Range(int64(at), int64(to)).Draw(t, "start"))
				at = records.Moment(rapid.Int64Range(int64(start), int64(to)).Draw(t, "end"))
				nest(me, start, at)
			}
		}
		nest(records.None, 1, 997)
		r := records.NewRun("test", "test")
		r.AddSpans(spans)
		requireAcyclic(t, r)
		requireAllOnce(t, r, len(spans))
		var times [][2]records.Moment
		own := records.Moment(0)
		for _, task := range r.Tasks {
			a := task.Attempts[0]
			own += a.Ended - a.Started
			times = append(times, [2]records.Moment{a.Started, a.Ended})
		}
		require.Equal(t, records.Moment(996), own)
		slices.SortFunc(times, func(a, b [2]records.Moment) int { return slices.Compare(a[:], b[:]) })
		for i := range times[1:] {
			require.LessOrEqual(t, times[i][1], times[i+1][0], "two at work at a time")
		}
	})
}

func requireAllOnce(t require.TestingT, r *records.Run, n int) {
	seen := map[string]bool{}
	whole := 0
	for _, task := range r.Tasks {
		require.False(t, seen[task.ID], task.ID)
		seen[task.ID] = true
		if !strings.Contains(task.ID, "/") {
			whole++
		}
	}
	require.Equal(t, n, whole)
}

func requireAcyclic(t require.TestingT, r *records.Run) {
	state := make([]int, len(r.Tasks))
	var visit func(int32)
	visit = func(i int32) {
		require.NotEqual(t, 1, state[i], "a cycle")
		if state[i] == 0 {
			state[i] = 1
			for _, p := range r.Tasks[i].Parents {
				visit(p)
			}
			state[i] = 2
		}
	}
	for i := range r.Tasks {
		visit(int32(i))
	}
}

func TestWhatSpansHaveInCommonIsInTheLogOfEach(t *testing.T) {
	a, b := span("a", records.None, 1, 5), span("b", records.None, 6, 9)
	a.Log, a.Common, b.Common = "id 1", "shape [2]", "shape [2]"
	_, r := drawn(a, b)
	rec, err := records.Compile(r, records.Origin{})
	require.NoError(t, err)
	var logs []string
	for _, d := range recordstest.Replayed(t, rec).Details {
		logs = append(logs, string(d.Log))
	}
	require.Equal(t, []string{"id a\nid 1\nshape [2]\n", "id b\nshape [2]\n"}, logs)
}
