package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/findings"
	"github.com/dagscope/dagscope/web/api"
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
	assert.InDelta(t, *first.Share, float64(*first.NS)/float64(found.Makespan), 1e-6)
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

// TestExpectedEnd: of a live run with five peers the findings have when it should end, unless it has outlasted them.
func TestExpectedEnd(t *testing.T) {
	var now time.Time
	w := newWorld(t, func(c *api.Config) { c.Now = func() time.Time { return now } })
	var makespans []float64
	for range 5 {
		run := w.submit("gate", nil)
		w.entered()
		w.release()
		w.entered()
		w.release()
		makespans = append(makespans, float64(w.finished(run.Run).MakespanNS))
	}
	live := w.submit("gate", nil)
	w.entered()
	defer w.release()
	for _, late := range []time.Duration{0, time.Hour} {
		now = live.StartedAt.Add(late)
		var found findings.RunFindings
		w.get(at(live, "/findings"), &found)
		expected := findings.NewExpectedEnd(makespans)
		if float64(found.AsOf) > expected.P75 {
			assert.Len(t, found.Findings, 1, "%s has outlasted its peers", late)
			continue
		}
		require.Len(t, found.Findings, 2)
		assert.Equal(t, findings.Expected, found.Findings[1].Kind)
		assert.Equal(t, [2]int64{int64(expected.P25), int64(expected.P75)}, [2]int64{found.Findings[1].From, found.Findings[1].To})
	}
}
