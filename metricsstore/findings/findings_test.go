package findings_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dagscope/dagscope/metricsstore/analysis"
	"github.com/dagscope/dagscope/metricsstore/findings"
)

// kinds are all kinds of findings.
var kinds = []findings.Kind{
	findings.Full, findings.Chain, findings.Serial, findings.Straggler, findings.Moving, findings.Engine, findings.Again, findings.Backoff,
	findings.Waiting, findings.Absent, findings.Blocked, findings.Unready, findings.Paused, findings.Continued, findings.Failed, findings.Cancelled,
	findings.Interrupted, findings.EndUnknown, findings.Unexplained, findings.Cached, findings.Lost, findings.Function, findings.Solo,
	findings.Starved, findings.NoTime, findings.NothingDone, findings.Progress, findings.Expected,
}

// TestFigures checks the figures of every finding of the vectors, which have every kind.
func TestFigures(t *testing.T) {
	seen := map[findings.Kind]int{}
	for _, c := range append(handmade(t), simulated(t)...) {
		r := analysis.New(c.Table(t), c.Workers, c.Recorded)
		report := findings.Of(r, c.at, &c.context)
		assert.NotEmpty(t, report.Findings, c.Name)
		for _, f := range report.Findings {
			seen[f.Kind]++
			checkFigures(t, c.Name, r, report, &f)
		}
	}
	for _, kind := range kinds {
		assert.Positive(t, seen[kind], "no vector has %s", kind)
	}
	assert.Len(t, seen, len(kinds), "all kinds are known here")
}

func checkFigures(t *testing.T, name string, r *analysis.Run, report *findings.RunFindings, f *findings.Finding) {
	t.Helper()
	about := name + ": " + f.Sentence
	assert.True(t, strings.HasSuffix(f.Sentence, ".") || strings.Contains(f.Sentence, "…"), "%s ends as a sentence", about)
	assert.NotContains(t, f.Sentence, "–", "%s: all values are known", about)
	assert.LessOrEqual(t, f.Tasks, f.OfTasks, about)
	assert.Equal(t, r.Table.Tasks(), f.OfTasks, about)
	assert.LessOrEqual(t, f.From, f.To, about)
	assert.Equal(t, f.NS == nil, f.Share == nil, about)
	if f.Bound == findings.AtLeast {
		assert.LessOrEqual(t, *f.NS, report.Makespan, "%s: what happened took at least as long as its bound", about)
	}
	if f.NS != nil && f.Kind != findings.Unexplained && f.Kind != findings.Function {
		assert.GreaterOrEqual(t, *f.NS, int64(0), about)
		assert.InDelta(t, *f.Share, float64(*f.NS)/float64(report.Makespan), 1/float64(report.Makespan), about)
		assert.False(t, math.IsNaN(*f.Share), about)
	}
	for _, task := range f.Named {
		assert.Contains(t, f.Sentence, task.Task, about)
		assert.True(t, r.Numbering.IsTask(task.Node), about)
	}
}

// TestExactness says where moments come from.
func TestExactness(t *testing.T) {
	for _, c := range handmade(t) {
		want := findings.Measured
		if recording := c.context.Recording; recording != nil {
			want = findings.Recorded
			if recording.Inferred {
				want = findings.Inferred
			}
			if recording.Reconstructed {
				want = findings.Reconstructed
			}
		}
		for _, f := range findings.Of(analysis.New(c.Table(t), c.Workers, c.Recorded), c.at, &c.context).Findings {
			assert.Equal(t, want, f.Exactness, "%s: %s", c.Name, f.Sentence)
			assert.Equal(t, want == findings.Reconstructed && f.Kind == findings.Serial, strings.HasPrefix(f.Sentence, "As reconstructed, "), f.Sentence)
		}
	}
}
