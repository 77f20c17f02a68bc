package e2e

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/montanaflynn/stats"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/dag"
)

// moments is at how many moments of each run the page is compared with the records.
const moments = 50

// attemptRow is an attempt as the API lists it.
type attemptRow struct {
	Node      dag.NodeID
	Task      string
	Epoch     int
	Attempt   int
	Function  string
	Outcome   string
	ExecuteNS int64 `json:"execute_ns"`
	UpdatedNS int64 `json:"updated_ns"`
	EndedNS   int64 `json:"ended_ns"`
}

// attemptRows lists all attempts of a run.
func (s *service) attemptRows(run string) (all []attemptRow) {
	s.t.Helper()
	for cursor := ""; ; {
		var page struct {
			Tasks []attemptRow
			Next  string
		}
		s.get("/api/v1/runs/"+run+"/tasks?limit=1000"+cursor, &page)
		all = append(all, page.Tasks...)
		if page.Next == "" {
			return all
		}
		cursor = "&cursor=" + page.Next
	}
}

// TestMomentsOfGallery: at any moment of any run of the gallery, the states and the statistics on the page are those
// that the service's own fold and the records give.
func TestMomentsOfGallery(t *testing.T) {
	s, b := dashboard(t, newUser(t), "--demo")
	s.await(`The demo has ended`)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	var list struct{ Runs []summary }
	s.get("/api/v1/runs?tag=demo&limit=100", &list)
	for _, run := range list.Runs {
		if run.Live {
			continue
		}
		t.Run(run.Workflow+" "+run.Status, func(t *testing.T) {
			b.t, s.t = t, t
			b.openRun(s, run.Run)
			b.holds(s, run.Run, r)
		})
	}
	b.t, s.t = t, t
	s.ends()
}

// holds compares the page with the service at random moments, and at those before the beginning and at the end.
func (b *tab) holds(s *service, run string, r *rand.Rand) {
	b.t.Helper()
	table, rows, end := s.tableOf(run), s.attemptRows(run), b.endNS()
	require.Equal(b.t, table.End(), end)
	at := []int64{-1, 0, end}
	for range moments {
		at = append(at, r.Int64N(end+1))
	}
	words := make([]string, len(at))
	for i, ns := range at {
		words[i] = strconv.FormatInt(ns, 10)
	}
	list := "[" + strings.Join(words, ",") + "]"
	states := value[[]map[string]string](b, list+".map((t) => window.dagscope.statesByNode(t))")
	figures := value[[][]shownStatistic](b, list+".map((t) => window.dagscope.statistics(t, 'execute_ns'))")
	for i, ns := range at {
		wrong := 0
		for node, state := range states[i] {
			id, err := strconv.ParseUint(node, 10, 32)
			require.NoError(b.t, err)
			if want := table.StateAt(dag.NodeID(id), ns).String(); state != want && wrong < 5 {
				wrong++
				b.t.Errorf("node %s at %d ns: %s on the page, %s in the log", node, ns, state, want)
			}
		}
		require.Len(b.t, states[i], table.Tasks(), "at %d ns", ns)
		if ns >= end {
			b.settled(s, run, states[i])
		}
		agree(b.t, ns, figures[i], rows)
	}
}

// settled compares the states after the end of a run with what the service counts: nothing waits any more.
func (b *tab) settled(s *service, run string, states map[string]string) {
	b.t.Helper()
	counts := map[string]int64{}
	for _, state := range states {
		counts[state]++
	}
	for _, state := range []string{"pending", "ready", "fetching", "storing", "running", "retrying"} {
		assert.Zero(b.t, counts[state], state)
	}
	var kept struct {
		Tasks struct {
			Done, Skipped int64
			NotRun        int64 `json:"not_run"`
		}
	}
	s.get("/api/v1/runs/"+run, &kept)
	assert.Equal(b.t, kept.Tasks.Done, counts["succeeded"], "succeeded")
	assert.Equal(b.t, kept.Tasks.Skipped, counts["skipped"], "skipped")
	assert.Equal(b.t, kept.Tasks.NotRun, counts["not run"], "not run")
	var list struct{ Total int64 }
	s.get("/api/v1/runs/"+run+"/tasks?state=not_run&limit=1", &list)
	assert.Equal(b.t, kept.Tasks.NotRun, list.Total, "listed as not run")
}

// shownStatistic is a line of the statistics on the page.
type shownStatistic struct {
	Function                 string
	N                        int
	P50, Mean, Min, Max, Sum *float64
}

// agree computes the statistics of a moment anew and compares them.
func agree(t *testing.T, ns int64, shown []shownStatistic, rows []attemptRow) {
	t.Helper()
	values := map[string]stats.Float64Data{}
	for _, row := range rows {
		if row.Outcome == "ok" && row.UpdatedNS <= ns {
			values[row.Function] = append(values[row.Function], float64(row.ExecuteNS))
		}
	}
	for _, line := range shown {
		v := values[line.Function]
		delete(values, line.Function)
		if !assert.Equal(t, len(v), line.N, "n of %s at %d ns", line.Function, ns) || len(v) == 0 {
			continue
		}
		slices.Sort(v)
		sum, err := v.Sum()
		require.NoError(t, err)
		for _, c := range []struct {
			name string
			got  *float64
			want float64
		}{
			{"min", line.Min, v[0]},
			{"max", line.Max, v[len(v)-1]},
			{"sum", line.Sum, sum},
			{"mean", line.Mean, sum / float64(len(v))},
			{"p50", line.P50, median(v)},
		} {
			if assert.NotNil(t, c.got, "%s of %s at %d ns", c.name, line.Function, ns) {
				assert.InDelta(t, c.want, *c.got, 1e-6*math.Abs(c.want)+1e-6, "%s of %s at %d ns", c.name, line.Function, ns)
			}
		}
	}
	assert.Empty(t, values, "functions that the page lacks at %d ns", ns)
}

// median is that of sorted values.
func median(v []float64) float64 {
	m, err := stats.Median(v)
	if err != nil {
		panic(fmt.Sprintf("no median of %d values", len(v)))
	}
	return m
}

// TestRecordingsOnPage opens each of the recorded executions: all of them have a graph, lanes and statistics.
func TestRecordingsOnPage(t *testing.T) {
	files := recordings(t)
	u := newUser(t)
	var list importList
	u.json(&list, append([]string{"import"}, files...)...)
	s, b := dashboard(t, u)
	r := rand.New(rand.NewPCG(1, 2))
	for _, f := range list.Files {
		t.Run(f.File, func(t *testing.T) {
			b.t, s.t = t, t
			b.openRun(s, f.Run)
			shown := b.counts()
			assert.Equal(t, f.Tasks, shown.Nodes)
			assert.Equal(t, f.Tasks, shown.Rows)
			assert.Positive(t, shown.Lanes)
			assert.Greater(t, b.painted("Graph"), 3, "colours of the graph")
			assert.Greater(t, b.painted("Timeline"), 3, "colours of the lanes")
			assert.Contains(t, b.seen(), "reconstructed")
			assert.Greater(t, len(strings.Split(b.find("table", "Execute by function…").text(), "\n")), 1)
			b.holds(s, f.Run, r)
		})
	}
	b.t, s.t = t, t
	s.ends()
}

// shownCounts is how much the page has to draw.
type shownCounts struct{ Nodes, Lanes, Rows int }

func (b *tab) counts() shownCounts {
	b.t.Helper()
	return value[shownCounts](b, "window.dagscope.counts()")
}

// painted is how many colours the pictures in a region of the page have.
func (b *tab) painted(region string) int {
	b.t.Helper()
	return value[int](b, `(() => {
		const colours = new Set();
		for (const canvas of document.querySelectorAll('[aria-label=`+quoted(region)+`] canvas')) {
			if (canvas.width === 0 || canvas.height === 0) continue;
			const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
			for (let i = 0; i < data.length; i += 4) if (data[i + 3] === 255) colours.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
		}
		return colours.size;
	})()`)
}
