package argo_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/droptest"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/argo"
)

func TestKindsOfNodes(t *testing.T) {
	r := made(t, "kinds.yaml")
	require.Equal(t, map[string][]string{
		"a": {}, "b(0:x)": {"a"}, "b(1:y)": {"a"}, "d(0).x": {"a"}, "d(1).x": {"d(0).x"}, "e": {"a", "d(1).x"}, "f": {"e"},
	}, parents(r))
	require.Equal(t, record.OutcomeCached, task(t, r, "a").Attempts[0].Outcome)
	require.Equal(t, record.OutcomeLost, task(t, r, "b(1:y)").Attempts[0].Outcome)
	require.Equal(t, 3, task(t, r, "d(0).x").Attempts[0].Error.ExitCode)
	require.True(t, task(t, r, "f").Skipped)
	require.Equal(t, "echo x", task(t, r, "b(0:x)").Command)
	require.Contains(t, task(t, r, "b(0:x)").Attempts[0].Log, "requested cpu × time 9s")
	require.Equal(t, "approve", task(t, r, "e").Function)
	require.Equal(t, "2026-01-02", r.Params["argument day"])
	require.Equal(t, record.Failed, r.Status)
	require.Empty(t, r.Incomplete)
}

func TestHooksContainersAndEmptyGroups(t *testing.T) {
	r := made(t, "hooks.json")
	require.Equal(t, map[string][]string{
		"[0].p.one": {}, "[0].p.two": {"[0].p.one"}, "[0].p.onExit": {"[0].p.two"}, "[2].q": {"[0].p.two"},
		"onExit": {"[2].q", "[0].p.onExit"},
	}, parents(r))
	require.Equal(t, "n1", r.Workers[task(t, r, "[0].p.two").Attempts[0].Worker].Host)
	require.Equal(t, record.OutcomeCancelled, task(t, r, "[2].q").Attempts[0].Outcome)
	require.Equal(t, record.Cancelled, r.Status)
	require.Equal(t, "nightly", r.Workflow)
	require.Contains(t, r.Notes, record.Note{Kind: record.NoteLeftOut, Text: "children of nodes are not in the file", Count: 1})
}

// wide is a workflow of two step groups of n pods each.
func wide(n int) string {
	var b strings.Builder
	node := func(id, name, kind, boundary, children string) {
		fmt.Fprintf(&b, `,%q:{"name":%q,"displayName":%q,"type":%q,"phase":"Succeeded","startedAt":"2026-01-02T03:00:00Z","finishedAt":"2026-01-02T03:00:01Z","boundaryID":%q,"children":[%s]}`,
			id, name, name, kind, boundary, children)
	}
	var first, second []string
	for i := range n {
		first, second = append(first, fmt.Sprintf(`"a%d"`, i)), append(second, fmt.Sprintf(`"b%d"`, i))
		node(fmt.Sprintf("a%d", i), fmt.Sprintf("w[0].a(%d)", i), "Pod", "w", `"g1"`)
		node(fmt.Sprintf("b%d", i), fmt.Sprintf("w[1].b(%d)", i), "Pod", "w", "")
	}
	node("g0", "w[0]", "StepGroup", "w", strings.Join(first, ","))
	node("g1", "w[1]", "StepGroup", "w", strings.Join(second, ","))
	node("w", "w", "Steps", "", `"g0"`)
	return `{"kind":"Workflow","metadata":{"name":"w"},"status":{"phase":"Succeeded","startedAt":"2026-01-02T03:00:00Z","nodes":{` + b.String()[1:] + `}}}`
}

func TestWideGroupsNeedFewEdges(t *testing.T) {
	for n, want := range map[int]int{100: 100 * 100, 1000: 2000} {
		r := one(t, droptest.Sniffed(t, argo.New(), "w.json", []byte(wide(n))))
		edges := 0
		for _, task := range r.Tasks {
			edges += len(task.Parents)
		}
		require.Equal(t, want, edges)
	}
}

func TestFaults(t *testing.T) {
	const start = `{"apiVersion":"argoproj.io/v1alpha1","kind":"Workflow","metadata":{"name":"w"},`
	cases := []struct{ name, text, want string }{
		{"a manifest", start + `"spec":{}}`, "workflow w has no status.nodes"},
		{"offloaded", start + `"status":{"offloadNodeStatusVersion":"fnv:1"}}`, "in the database of Argo"},
		{"no base64", start + `"status":{"compressedNodes":"?"}}`, "not base64"},
		{"another kind", `{"kind":"CronWorkflow"}`, "no object is a Workflow"},
		{"wrong type", start + `"status":{"phase":[]}}`, "status.phase is a array, expected string"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := argo.New().Read(t.Context(), []records.File{droptest.File("w.json", records.Main, []byte(c.text))})
			require.ErrorIs(t, err, records.ErrFormat)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestCirclesAreCut(t *testing.T) {
	const text = `{"kind":"Workflow","metadata":{"name":"w"},"status":{"phase":"Succeeded","startedAt":"2026-01-02T03:00:00Z","nodes":{
		"a":{"name":"w.a","type":"Pod","phase":"Succeeded","boundaryID":"d","children":["b"]},
		"b":{"name":"w.b","type":"Pod","phase":"Succeeded","boundaryID":"d","children":["a","b"]},
		"d":{"name":"w.d","displayName":"d","type":"DAG","phase":"Succeeded","boundaryID":"e"},
		"e":{"name":"w.e","type":"DAG","phase":"Succeeded","boundaryID":"d"}}}}`
	r := one(t, droptest.File("w.json", records.Main, []byte(text)))
	require.Len(t, r.Tasks, 2)
	require.Contains(t, fmt.Sprint(r.Notes), "circle")
}
