package app

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/metricsstore/whatif"
)

// TestWhatIf: an answer for people has the error of the unchanged simulation, and one for programs has everything.
func TestWhatIf(t *testing.T) {
	w := newWorld(t)
	id := w.record("sum", "--set", "n=20")
	out := w.ok("whatif", "last", "--slots", "3", "--faster", "plus=2")
	assert.Regexp(t, `(?m)^makespan   .+ \(.+ to .+\), .+ % of the unchanged run$`, out)
	assert.Regexp(t, `(?m)^unchanged  .+ simulated, it was .+: an error of -?\d.* %$`, out)
	assert.Regexp(t, `(?m)^slots      3 on 1 worker, recorded \d+ on 1 worker$`, out)
	assert.Regexp(t, `(?m)^plus +19 `, out)
	assert.Contains(t, out, "knee: more slots gain less than a tenth")
	assert.Contains(t, out, "Each slot is taken to have a processor of its own.")

	var a whatif.Answer
	w.json(&a, "whatif", string(id), "--without-retries", "--bandwidth", "10", "--no-queue")
	assert.Equal(t, id, a.Run)
	assert.Equal(t, whatif.Question{Bandwidth: 10, WithoutRetries: true, NoQueue: true}, a.Question)
	assert.Equal(t, 19, a.N)
	assert.Len(t, a.Lanes.Node, 19)

	for want, args := range map[string][]string{
		`faster names the function "blur", expected one of plus`:    {"--faster", "blur=2"},
		"expected a function and how many times as fast it is":      {"--faster", "blur"},
		"--slots is -1, --workers 0 and --bandwidth 0, expected 0":  {"--slots=-1"},
		"no_queue gives each task a slot at once, expected no slot": {"--no-queue", "--slots", "2"},
	} {
		o := w.run(append([]string{"whatif", "last"}, args...)...)
		assert.Equal(t, exitUsage, o.code)
		assert.Contains(t, o.stderr, want)
	}
}

// TestWhatIfOfOtherTools: the rules of another tool are not known, which the answer says.
func TestWhatIfOfOtherTools(t *testing.T) {
	w := newWorld(t)
	w.imported("other")
	out := w.ok("whatif", "other", "--slots", "2")
	assert.Contains(t, out, "The rules of Spark are not known: ready tasks start in the order in which they started.")
	o := w.run("whatif", "other", "--no-become")
	assert.Equal(t, exitUsage, o.code)
	assert.Contains(t, o.stderr, "expected a run that it has executed; Spark has executed this one")
}

// TestWhy begins with the reason; of a run in which no task has ended there is nothing else to say.
func TestWhy(t *testing.T) {
	w := newWorld(t)
	w.record("sum")
	var got whyJSON
	w.json(&got, "why", "last")
	require.NotEmpty(t, got.Findings)
	assert.True(t, got.Findings[0].Reason)
	assert.Equal(t, got.Makespan, got.Phases.Total())
	out := w.ok("why", "last")
	for _, f := range got.Findings {
		assert.Contains(t, out, f.Sentence+"\n")
	}
	assert.True(t, strings.HasPrefix(out, got.Findings[0].Sentence+"\n"), out)
	assert.Contains(t, out, "\nCritical path of run ")
}
