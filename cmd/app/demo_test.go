package app

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/wfformat"
	"github.com/dagscope/dagscope/engine/workflows"
)

// TestDemo runs the built-in workflows, all of which are in it.
func TestDemo(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	w := newWorld(t)
	w.workflows = append(workflows.All(), wfformat.Workflow())
	o := w.run("demo", "--json")
	require.Equal(t, exitOK, o.code, o.stderr)
	var got demoJSON
	decode(t, o.stdout, &got)
	seen := map[string][]record.Status{}
	for _, r := range got.Runs {
		seen[r.Workflow] = append(seen[r.Workflow], r.Status)
		assert.True(t, r.Records.Complete, r.Workflow)
		if r.Status == record.Succeeded {
			assert.Equal(t, r.Tasks, r.Done, r.Workflow)
		}
	}
	for _, wf := range w.workflows {
		want := []record.Status{record.Succeeded}
		switch wf.Name {
		case "flaky":
			want = append(want, record.Failed)
		case "fixed-times":
			want = append(want, record.Cancelled)
		}
		assert.Equal(t, want, seen[wf.Name], wf.Name)
	}
	assert.Greater(t, len(got.Functions), 20)
	for i, f := range got.Functions {
		assert.Equal(t, []float64{0.5, 0.95, 0.99}, []float64{f.Quantiles[0].Q, f.Quantiles[1].Q, f.Quantiles[2].Q})
		assert.True(t, i == 0 || f.Quantiles[0].Value <= got.Functions[i-1].Quantiles[0].Value, "the slowest first")
	}
	var runs struct{ Runs []runJSON }
	w.json(&runs, "runs", "--tag", "demo", "--limit", "0")
	assert.Len(t, runs.Runs, len(got.Runs))
}

// TestDemoOfOthers: of other workflows, those that need a file are skipped, and the rest is executed and reported.
func TestDemoOfOthers(t *testing.T) {
	w := newWorld(t)
	w.workflows = testWorkflows()[3:5] // length and many
	o := w.run("demo")
	require.Equal(t, exitOK, o.code, o.stderr)
	assert.Contains(t, o.stderr, "length is skipped: it needs a file\n")
	assert.Regexp(t, `^run +workflow +status +tasks +retried +makespan +records +result\n\w+ +many +succeeded +1 +0 +\S+ .*complete +\(a \[\]int of `, o.stdout)
	assert.Regexp(t, `\nfunction +n +p50 +p95 +p99 +mean +min +max\nmany +1 += .*not enough samples \(n = 1\)`, o.stdout)
	assert.Contains(t, o.stdout, "\nThe records are in "+w.dir+". ")
}

// TestDemoInterrupted: Ctrl-C ends it with a report of what it has done.
func TestDemoInterrupted(t *testing.T) {
	w := newWorld(t)
	w.workflows = testWorkflows()[2:3] // wait
	o := w.interrupt(context.Canceled, "demo", "--json")
	assert.Equal(t, exitInterrupted, o.code)
	var got demoJSON
	decode(t, o.stdout, &got)
	require.Len(t, got.Runs, 1)
	assert.Equal(t, record.Cancelled, got.Runs[0].Status)
}
