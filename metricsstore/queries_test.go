package metricsstore_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/memory"
)

func queries(t testing.TB, s metricsstore.Store) *metricsstore.Queries {
	t.Helper()
	q, err := metricsstore.NewQueries(s)
	require.NoError(t, err)
	return q
}

// library is a store with headers of 60 runs, an hour apart, of three workflows.
func library(t testing.TB) *memory.Store {
	t.Helper()
	s := memory.New()
	for n := range 60 {
		id := record.RunID(fmt.Sprintf("run-%02d", n))
		h := metricsstore.Header{Info: info(id), Status: record.Running}
		h.Info.Workflow = []string{"blur", "gemm", "sort"}[n%3]
		h.Info.StartedAt = began().Add(time.Duration(n) * time.Hour)
		h.Info.Params = map[string]string{"size": fmt.Sprint(n)}
		if h.AddedAt = added(n); n%3 == 0 { // kept by a program that did not note that
			h.AddedAt, h.Info.SubmittedAt = time.Time{}, h.AddedAt
		}
		require.NoError(t, s.Begin(t.Context(), h, nil))
		if n%10 == 9 {
			continue // live
		}
		h.Status, h.Rollup = record.Succeeded, 1
		if n%7 == 0 {
			h.Status, h.Error = record.Failed, &record.ErrorRecord{Message: "Disk full"}
		}
		h.Counts = metricsstore.Counts{MakespanNS: int64(n * 37 % 11), Tasks: int64(n % 5), OutputBytes: int64(n % 2)}
		require.NoError(t, s.Acquire(t.Context(), id, metricsstore.Lease{Owner: "x", Until: began()}, began()))
		require.NoError(t, s.Archive(t.Context(), id, metricsstore.Archive{Owner: "x", Header: h}))
		if n%4 == 0 {
			require.NoError(t, s.Annotate(t.Context(), id, metricsstore.Annotation{Tags: []string{"four"}, Note: "Ünusual"}))
		}
	}
	return s
}

// added is when the nth run came into the library: every tenth was imported long after its start.
func added(n int) time.Time {
	at := began().Add(time.Duration(n) * time.Hour)
	if n%10 == 8 {
		at = at.AddDate(0, 0, 100)
	}
	return at
}

func TestRunFilters(t *testing.T) {
	q := queries(t, library(t))
	for _, c := range []struct {
		name   string
		filter metricsstore.RunFilter
		want   int
	}{
		{"all", metricsstore.RunFilter{}, 60},
		{"workflow", metricsstore.RunFilter{Workflow: "gemm"}, 20},
		{"live", metricsstore.RunFilter{Status: []record.Status{record.Running}}, 6},
		{"two", metricsstore.RunFilter{Status: []record.Status{record.Running, record.Failed}}, 14},
		{"tag", metricsstore.RunFilter{Tag: "four"}, 15},
		{"from", metricsstore.RunFilter{From: began().Add(50 * time.Hour)}, 10},
		{"to", metricsstore.RunFilter{To: began().Add(50 * time.Hour)}, 50},
		{"a half open hour", metricsstore.RunFilter{From: began().Add(5 * time.Hour), To: began().Add(6 * time.Hour)}, 1},
		{"nothing", metricsstore.RunFilter{From: began().Add(5 * time.Hour), To: began().Add(5 * time.Hour)}, 0},
		{"text in an id", metricsstore.RunFilter{Text: "RUN-1"}, 10},
		{"text in a note", metricsstore.RunFilter{Text: "ünu"}, 15},
		{"text in an error", metricsstore.RunFilter{Text: "disk"}, 8},
		{"text in a parameter", metricsstore.RunFilter{Text: "size=59"}, 1},
		{"all together", metricsstore.RunFilter{Workflow: "blur", Tag: "four", Text: "run-1"}, 1},
	} {
		for _, order := range []metricsstore.RunOrder{"", metricsstore.ByMakespan} {
			page, err := q.Runs(t.Context(), metricsstore.RunQuery{RunFilter: c.filter, Sort: order, Limit: 1000})
			require.NoError(t, err)
			assert.Len(t, page.Runs, c.want, "%s by %s", c.name, order)
			assert.Empty(t, page.Next)
		}
	}
}

func TestRunPages(t *testing.T) {
	q := queries(t, library(t))
	keys := map[metricsstore.RunOrder]func(*metricsstore.Run) string{
		metricsstore.ByStart:    func(r *metricsstore.Run) string { return r.Info.StartedAt.Format(time.RFC3339) },
		metricsstore.ByMakespan: func(r *metricsstore.Run) string { return fmt.Sprintf("%03d", r.Counts.MakespanNS) },
		metricsstore.ByTasks:    func(r *metricsstore.Run) string { return fmt.Sprintf("%03d", r.Counts.Tasks) },
		metricsstore.ByBytes:    func(r *metricsstore.Run) string { return fmt.Sprintf("%03d", r.Counts.OutputBytes) },
		metricsstore.ByWorkflow: func(r *metricsstore.Run) string { return r.Info.Workflow },
		metricsstore.ByStatus:   func(r *metricsstore.Run) string { return string(r.Status) },
		metricsstore.ByAdded: func(r *metricsstore.Run) string {
			var n int
			_, _ = fmt.Sscanf(string(r.Info.ID), "run-%d", &n)
			return added(n).Format(time.RFC3339)
		},
	}
	for order, key := range keys {
		for _, ascending := range []bool{false, true} {
			for _, limit := range []int{1, 7, 59, 60, 61} {
				query := metricsstore.RunQuery{Sort: order, Ascending: ascending, Limit: limit, RunFilter: metricsstore.RunFilter{To: began().Add(1000 * time.Hour)}}
				var all []metricsstore.Run
				for pages := 0; ; pages++ {
					page, err := q.Runs(t.Context(), query)
					require.NoError(t, err)
					all = append(all, page.Runs...)
					require.Less(t, pages, 61)
					if query.Cursor = page.Next; page.Next == "" {
						break
					}
					require.Len(t, page.Runs, limit)
				}
				require.Len(t, all, 60, "%s, %v, %d", order, ascending, limit)
				assert.True(t, slices.IsSortedFunc(all, func(a, b metricsstore.Run) int {
					c := cmp.Compare(key(&b), key(&a))
					if ascending {
						c = -c
					}
					if order == metricsstore.ByStart {
						return c
					}
					return cmp.Or(c, b.Info.StartedAt.Compare(a.Info.StartedAt))
				}), "%s, %v, %d", order, ascending, limit)
			}
		}
	}
}

func TestRunQueryRefuses(t *testing.T) {
	q := queries(t, library(t))
	page, err := q.Runs(t.Context(), metricsstore.RunQuery{Limit: 5})
	require.NoError(t, err)
	for name, r := range map[string]metricsstore.RunQuery{
		"order":               {Sort: "luck"},
		"limit":               {Limit: 1001},
		"negative":            {Limit: -1},
		"cursor":              {Cursor: "!"},
		"base64":              {Cursor: "AAAA"},
		"another query's":     {Cursor: page.Next, Sort: metricsstore.ByTasks},
		"another filter's":    {Cursor: page.Next, RunFilter: metricsstore.RunFilter{Tag: "four"}},
		"another direction's": {Cursor: page.Next, Ascending: true},
	} {
		_, err := q.Runs(t.Context(), r)
		require.ErrorIs(t, err, metricsstore.ErrInvalid, name)
	}
}

func TestRecords(t *testing.T) {
	g, steps := simulated(t, 11, 300)
	s := memory.New()
	recordRun(t, s, info("r"), g, steps, 512)
	q := queries(t, s)
	all := record.NewDecoder(g, mustRun(t, s, "r").Info).Metrics(nil, steps)
	node, worker := all[len(all)/2].Node, 2
	for name, query := range map[string]metricsstore.RecordQuery{
		"all":         {},
		"function":    {Function: "leaf ü/+"},
		"outcome":     {Outcomes: []record.Outcome{record.OutcomeRetrying, record.OutcomeFailed}},
		"node":        {Node: &node},
		"worker":      {Worker: &worker},
		"by time":     {Sort: metricsstore.ExecuteNS},
		"by bytes":    {Sort: metricsstore.OutputBytes, Ascending: true},
		"of nothing":  {Function: "missing"},
		"descending":  {Function: "leaf ü/+", Sort: metricsstore.QueueNS},
		"by a rarity": {Sort: metricsstore.OutputRate},
	} {
		var want []record.TaskMetrics
		for _, m := range all {
			if (query.Function == "" || m.Task.Function == query.Function) && (query.Node == nil || m.Node == node) &&
				(query.Worker == nil || m.Worker == worker) && (query.Outcomes == nil || slices.Contains(query.Outcomes, m.Outcome)) {
				want = append(want, m)
			}
		}
		if query.Sort != "" {
			slices.SortStableFunc(want, func(a, b record.TaskMetrics) int {
				v, known := query.Sort.Of(&a)
				w, other := query.Sort.Of(&b)
				if !known || !other {
					return cmp.Compare(map[bool]int{true: 0, false: 1}[known], map[bool]int{true: 0, false: 1}[other])
				}
				if query.Ascending {
					return cmp.Compare(v, w)
				}
				return cmp.Compare(w, v)
			})
		}
		query.Run = "r"
		for _, limit := range []int{0, 13, 1000} {
			query.Limit, query.Cursor = limit, ""
			var got []record.TaskMetrics
			for {
				page, err := q.Records(t.Context(), query)
				require.NoError(t, err)
				got = append(got, page.Records...)
				assert.Equal(t, len(want), page.Total)
				assert.Equal(t, uint64(len(steps)), page.AsOf)
				if query.Cursor = page.Next; page.Next == "" {
					break
				}
			}
			require.Equal(t, want, got, "%s by %d", name, limit)
		}
	}
	_, err := q.Records(t.Context(), metricsstore.RecordQuery{Run: "r", Sort: "luck"})
	require.ErrorIs(t, err, metricsstore.ErrInvalid)
	_, err = q.Records(t.Context(), metricsstore.RecordQuery{Run: "missing"})
	require.ErrorIs(t, err, metricsstore.ErrNotFound)
}

func TestDetailAndWorkers(t *testing.T) {
	g, steps := simulated(t, 11, 3)
	s := memory.New()
	r := recorder(t, metricsstore.Config{Store: s})
	require.NoError(t, r.Begin(info("r"), g))
	r.Steps("r", steps)
	want := details(4, 1)[0]
	r.Details("r", []record.Detail{want}, []record.WorkerRecord{{Worker: 3, Name: "a", Ended: 5}})
	require.NoError(t, r.End("r", succeeded()))
	q := queries(t, s)
	got, err := q.Detail(t.Context(), "r", metricsstore.DetailKey{Node: 4, Attempt: 1})
	require.NoError(t, err)
	assert.Equal(t, want, got)
	for _, k := range []metricsstore.DetailKey{{Node: 4}, {Node: 4, Attempt: 2}, {Node: 3, Attempt: 1}} {
		_, err = q.Detail(t.Context(), "r", k)
		require.ErrorIs(t, err, metricsstore.ErrNotFound)
	}
	workers, err := q.Workers(t.Context(), "r")
	require.NoError(t, err)
	assert.Equal(t, []record.WorkerRecord{{Worker: 3, Name: "a", Ended: 5}}, workers)
}
