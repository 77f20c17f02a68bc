package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/findings"
	"github.com/dagscope/dagscope/metricsstore/predict"
)

// TestFindings: an ended run has a reason with figures, a failed one its failure before that, a live one how far it is.
func TestFindings(t *testing.T) {
	w := newWorld(t)
	ended := w.run("spread", map[string]string{"n": "20"})
	var found findings.RunFindings
	w.get(at(ended, "/findings"), &found)
	assert.Equal(t, ended.Run, found.Run)
	assert.Equal(t, ended.MakespanNS, found.Makespan)
	require.NotEmpty(t, found.Findings)
	first := found.Findings[0]
	assert.True(t, first.Reason, first.Sentence)
	assert.Equal(t, findings.Measured, first.Exactness)
	assert.EqualValues(t, ended.Tasks.Total, first.OfTasks)
	assert.InDelta(t, *first.Share, float64(*first.NS)/float64(found.Makespan), 1/float64(found.Makespan), "NS is whole")
	assert.True(t, strings.HasPrefix(first.Link, "/runs/"+string(ended.Run)), first.Link)
	tag := w.request(http.MethodGet, at(ended, "/findings"), nil).Header().Get("ETag")
	assert.Equal(t, http.StatusNotModified, w.request(http.MethodGet, at(ended, "/findings"), nil, "If-None-Match", tag).Code)

	failed := w.run("trip", map[string]string{"mode": "panic"})
	w.get(at(failed, "/findings"), &found)
	assert.Equal(t, findings.Failed, found.Findings[0].Kind)
	assert.Contains(t, found.Findings[0].Sentence, "trip failed at attempt 4: tripped on purpose.")
	assert.Equal(t, "/runs/"+string(failed.Run)+"?task=0", found.Findings[0].Link)

	live := w.submit("gate", nil)
	w.entered()
	defer w.release()
	w.get(at(live, "/findings"), &found)
	assert.Equal(t, record.Running, found.Status)
	assert.Equal(t, findings.Progress, found.Findings[0].Kind)
	assert.Contains(t, found.Findings[0].Sentence, " in, 0 of ")
	assert.Empty(t, w.request(http.MethodGet, at(live, "/findings"), nil).Header().Get("ETag"))
}

// TestExpectedEnd: the findings of a live run have when it is predicted to end, if there are enough runs like it.
func TestExpectedEnd(t *testing.T) {
	w := newWorld(t)
	for range predict.MinRuns {
		run := w.submit("gate", nil)
		w.entered()
		w.release()
		w.entered()
		w.release()
		w.finished(run.Run)
	}
	live := w.submit("gate", nil)
	w.entered()
	defer w.release()
	var before, after predict.EndPrediction
	var found findings.RunFindings
	w.get(at(live, "/predict"), &before)
	w.get(at(live, "/findings"), &found)
	w.get(at(live, "/predict"), &after)
	require.NotNil(t, before.End, before.Missing)
	require.Len(t, found.Findings, 2)
	assert.Equal(t, findings.Expected, found.Findings[1].Kind)
	assert.Contains(t, found.Findings[1].Sentence, fmt.Sprintf("from %d runs", predict.MinRuns))
	from, to := found.Findings[1].From, found.Findings[1].To
	assert.LessOrEqual(t, from, to)
	assert.True(t, before.End.P90NS <= to && to <= after.End.P90NS, "the longer it lasts, the later it ends: %d, %d, %d", before.End.P90NS, to, after.End.P90NS)
}
