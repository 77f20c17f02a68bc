package app

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/predict"
)

// TestPredict: without enough runs the command says so, and with them how long the next one takes.
func TestPredict(t *testing.T) {
	w := newWorld(t)
	w.record("sum", "--set", "n=20")
	out := w.ok("predict", "sum", "--set", "n=20")
	assert.Regexp(t, `(?m)^expected  not enough runs: 1 with these parameters succeeded, expected at least 5$`, out)
	for range predict.MinRuns - 1 {
		w.record("sum", "--set", "n=20")
	}
	out = w.ok("predict", "sum", "--set", "n=20")
	assert.Regexp(t, `(?m)^expected  .+ \(.+ to .+, 8 runs in 10\)$`, out)
	assert.Regexp(t, `(?m)^from      5 runs with these parameters$`, out)
	assert.Regexp(t, `(?m)^plus +8 B to 16 B +90 `, out)

	var p predict.Prediction
	w.json(&p, "predict", "sum", "--set", "n=30")
	assert.Equal(t, metricsstore.WorkflowPeers, p.Peers)
	assert.Equal(t, predict.MethodUncorrected, p.Method)
	assert.Equal(t, 29, p.Tasks)
	assert.NotNil(t, p.Makespan)

	o := w.run("predict", "sum", "--set", "m=20")
	assert.Equal(t, exitUsage, o.code)
	assert.Contains(t, o.stderr, `has no parameter "m", expected n`)
	assert.Equal(t, exitUsage, w.run("predict", "nothing").code)
}
