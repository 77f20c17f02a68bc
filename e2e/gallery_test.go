package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// terminate asks a process to end.
const terminate = syscall.SIGTERM

// exhibit is one run of a workflow.
type exhibit struct {
	name     string
	workflow string
	set      map[string]string
	file     []byte // of the parameter file or input, where set names one
}

// exhibits has every workflow, small enough to be run by many processes on few processors, and what makes outputs large.
func exhibits(t *testing.T) []exhibit {
	t.Helper()
	recorded, err := json.Marshal(chains(3, 8, 0.01))
	require.NoError(t, err)
	text := []byte(strings.Repeat("One word. Two words! Red red Äpfel ", 400))
	return []exhibit{
		{workflow: "tree-reduction", set: map[string]string{"n": "129"}},
		{name: "tree that sleeps", workflow: "tree-reduction", set: map[string]string{"n": "64", "work": "10ms", "sleep": "true"}},
		{name: "tree with payload", workflow: "tree-reduction", set: map[string]string{"n": "33", "payload": "70000"}},
		{workflow: "gemm", set: map[string]string{"rows": "70", "cols": "45", "inner": "600", "block": "16"}},
		{workflow: "gemm-blocked", set: map[string]string{"size": "90", "block": "30", "seed": "7"}},
		{workflow: "wordcount", set: map[string]string{"input": "text", "chunk": "1000"}, file: text},
		{workflow: "image-transform", set: map[string]string{"strips": "12"}},
		{workflow: "image-filters", set: map[string]string{"grid": "3"}},
		{workflow: "svd-tall", set: map[string]string{"rows": "1050", "cols": "20", "block": "100"}},
		{workflow: "svd-randomised", set: map[string]string{"size": "130", "block": "40", "rank": "5", "seed": "3"}},
		{workflow: "montage", set: map[string]string{"tiles": "16"}},
		{workflow: "text-analysis", set: map[string]string{"input": "text"}, file: text},
		{workflow: "fan-out-fan-in"},
		{workflow: "chain", set: map[string]string{"k": "100"}},
		{workflow: "diamond-skip"},
		{workflow: "late-root"},
		{workflow: "fixed-times", set: map[string]string{"unit": "10ms"}},
		{workflow: "wide", set: map[string]string{"width": "300"}},
		{workflow: "predict", set: map[string]string{"rows": "2000", "chunks": "20"}},
		{workflow: "flaky", set: map[string]string{"mode": "panic", "fails": "1"}},
		{workflow: "wfformat", set: map[string]string{"file": "chains.json", "time_scale": "1"}, file: recorded},
	}
}

func (x exhibit) String() string {
	if x.name != "" {
		return x.name
	}
	return x.workflow
}

// args are the arguments of the run.
func (x exhibit) args(t *testing.T, w *engine.Workflow) engine.Args {
	t.Helper()
	args, err := w.Arguments(x.set, func(name string) (engine.File, error) { return engine.File{Name: name, Data: x.file}, nil })
	require.NoError(t, err)
	return args
}

// Rules under which what the gallery's small runs move is large enough to matter.
var (
	allRules = record.Rules{ClusterBytes: 20_000, InlineBytes: 2_000, HoldFor: 20 * time.Millisecond}
	noRules  = record.Rules{
		NoBecome: true, NoClustering: true, NoDelay: true, NoInline: true, NoPreload: true, StoreAll: true,
		ClusterBytes: 20_000, InlineBytes: 2_000,
	}
)

// without are all rules but one, by the name of that one, and what must not have been done for it.
func without() map[string]struct {
	rules record.Rules
	never func(record.Savings) int64
} {
	type one = struct {
		rules record.Rules
		never func(record.Savings) int64
	}
	off := func(change func(*record.Rules)) record.Rules {
		rules := allRules
		change(&rules)
		return rules
	}
	return map[string]one{
		"become":     {off(func(r *record.Rules) { r.NoBecome = true }), func(s record.Savings) int64 { return s.Became }},
		"clustering": {off(func(r *record.Rules) { r.NoClustering = true }), func(s record.Savings) int64 { return s.Clustered }},
		"delayed io": {off(func(r *record.Rules) { r.NoDelay = true }), func(s record.Savings) int64 { return s.DelayedHeld }},
		"inline":     {off(func(r *record.Rules) { r.NoInline = true }), func(s record.Savings) int64 { return s.InlineBytes }},
		"preload":    {off(func(r *record.Rules) { r.NoPreload = true }), func(s record.Savings) int64 { return s.Preloaded }},
		"upload only when needed": {
			off(func(r *record.Rules) { r.StoreAll = true }), func(s record.Savings) int64 { return s.NotStoredBytes },
		},
	}
}

// TestGalleryOnProcesses: every workflow gives on 1, 3 and 8 worker processes what it gives in one process, with all
// rules and without any; log and records are whole, and what is deleted is gone.
func TestGalleryOnProcesses(t *testing.T) {
	t.Parallel()
	onProcesses(t, func(e *exhibition) {
		e.show("all rules", allRules)
		saved := e.show("no rules", noRules)
		for name, r := range without() {
			assert.Zero(e.t, r.never(saved), name)
		}
	})
}

// TestGalleryWithoutEachRule: the same with each rule left out by itself, and with the sizes that users get.
func TestGalleryWithoutEachRule(t *testing.T) {
	if os.Getenv("DAGSCOPE_LONG") != "1" {
		t.Skip("it takes minutes; DAGSCOPE_LONG=1 runs it")
	}
	onProcesses(t, func(e *exhibition) {
		e.show("as users get it", record.Rules{})
		for name, r := range without() {
			assert.Zero(e.t, r.never(e.show("without "+name, r.rules)), name)
		}
	})
}

// onProcesses runs the gallery on 1, 3 and 8 worker processes. Where there are 3, a service watches.
func onProcesses(t *testing.T, visit func(*exhibition)) {
	want := expected(t)
	for _, n := range []int{1, 3, 8} {
		t.Run(fmt.Sprintf("%d processes", n), func(t *testing.T) {
			f := newFleet(t, n)
			e := &exhibition{fleet: f, client: f.client(), want: want}
			if n == 3 {
				e.service = f.serves()
			}
			visit(e)
			if e.service != nil {
				e.service.ends()
			}
			f.endWorkers()
			f.ok("check", "--redis", f.server.URL())
		})
	}
}

// expected are the results in one process, by exhibit. All workflows are among them.
func expected(t *testing.T) map[string][]byte {
	t.Helper()
	known, seen, graphs := map[string]*engine.Workflow{}, map[string]bool{}, map[string]*dag.Graph{}
	for _, w := range gallery() {
		known[w.Name] = w
	}
	for _, x := range exhibits(t) {
		w := known[x.workflow]
		require.NotNil(t, w, x.workflow)
		g, err := w.Graph(x.args(t, w))
		require.NoError(t, err)
		graphs[x.String()], seen[x.workflow] = g, true
	}
	require.Equal(t, slices.Sorted(maps.Keys(known)), slices.Sorted(maps.Keys(seen)), "the workflows on show")
	return inMemory(t, graphs)
}

// exhibition is the processes that run the gallery.
type exhibition struct {
	*fleet
	client  *client
	service *service          // that has to know of every run; nil for none
	want    map[string][]byte // the results, by exhibit
}

// show runs the gallery under some rules, all workflows at once, and returns what the workers saved by them.
func (e *exhibition) show(name string, rules record.Rules) (saved record.Savings) {
	t := e.fleet.t
	t.Helper()
	begun := time.Now()
	all := exhibits(t)
	started := make([]*engine.Run, len(all))
	for i, x := range all {
		w, err := e.client.engine.Workflow(x.workflow)
		require.NoError(t, err)
		started[i], err = e.client.engine.SubmitWorkflow(t.Context(), x.workflow, x.args(t, w), engine.RunOptions{Rules: rules})
		require.NoError(t, err)
	}
	names := map[string]bool{}
	for i, x := range all {
		t.Run(name+"/"+x.String(), func(t *testing.T) {
			r := started[i]
			requireSame(t, e.want[x.String()], succeeds(t, r))
			steps := e.client.lawful(t, r)
			workers := e.client.workersOf(t, r, steps)
			for _, w := range workers {
				names[w.Name] = true
				if w.Saved != nil {
					addSavings(&saved, w.Saved)
				}
			}
			if e.service != nil {
				e.service.pagesOf(t, r, len(workers))
			}
		})
	}
	t.Logf("%s: %s, %+v", name, time.Since(begun).Round(time.Millisecond), saved)
	assert.Equal(t, len(e.workers) > 1, len(names) > 1, "several processes take part: %v", names)
	assert.NotZero(t, saved.StoredBytes+saved.NotStoredBytes, "workers report what they saved")
	e.deletes(started)
	return saved
}

// addSavings sums up what the rules did, as far as tests ask for it.
func addSavings(sum, s *record.Savings) {
	sum.Became += s.Became
	sum.Invoked += s.Invoked
	sum.Clustered += s.Clustered
	sum.DelayedHeld += s.DelayedHeld
	sum.DelayedStored += s.DelayedStored
	sum.NotStoredBytes += s.NotStoredBytes
	sum.StoredBytes += s.StoredBytes
	sum.InlineBytes += s.InlineBytes
	sum.FetchedBytes += s.FetchedBytes
	sum.Preloaded += s.Preloaded
	sum.Preload += s.Preload
	sum.Invalidated += s.Invalidated
}

// pagesOf asks a service for what the page of an ended run is made of.
func (s *service) pagesOf(t *testing.T, r *engine.Run, workers int) {
	t.Helper()
	at := "/api/v1/runs/" + string(r.ID())
	got := s.ended(string(r.ID()))
	assert.Equal(t, []any{"succeeded", r.Progress().Tasks, r.Progress().Done}, []any{got.Status, got.Tasks.Total, got.Tasks.Done})

	var lanes struct {
		Workers []struct {
			Worker  int
			Name    string
			EndedNS *int64 `json:"ended_ns"`
			Saved   *struct {
				Became         int64
				NotStoredBytes *int64 `json:"not_stored_bytes"`
			}
		}
	}
	s.get(at+"/workers", &lanes)
	require.Len(t, lanes.Workers, workers)
	known := map[int]bool{}
	for _, w := range lanes.Workers {
		known[w.Worker] = true
		assert.NotEmpty(t, w.Name)
		if assert.Equal(t, w.EndedNS != nil, w.Saved != nil); w.Saved != nil {
			assert.NotNil(t, w.Saved.NotStoredBytes)
		}
	}
	table := s.tableOf(string(r.ID()))
	ok := 0
	for i := range table.Rows() {
		row := table.Row(i)
		assert.True(t, known[int(row.Worker)], "worker %d of a row", row.Worker)
		if row.Outcome == record.OutcomeOK {
			ok++
		}
	}
	assert.Equal(t, r.Progress().Done, ok, "rows of tasks that ended well")
	for _, part := range []string{"/graph", "/timeline", "/stats", "/schedules", "/tasks", "/events"} {
		s.do("GET", at+part, nil, nil).is(200)
	}
}

// deletes deletes runs, and checks that nothing is left of them but marks that expire.
func (f *fleet) deletes(all []*engine.Run) {
	f.t.Helper()
	args := []string{"delete", "--redis", f.server.URL()}
	for _, r := range all {
		args = append(args, string(r.ID()))
	}
	f.ok(args...)
	for _, r := range all {
		assert.Empty(f.t, f.lasting(r.ID()))
	}
}
