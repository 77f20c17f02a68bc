package metricsstore_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/memory"
)

// TestCollector: what is collected and swapped in is what a Recorder keeps of the same run.
func TestCollector(t *testing.T) {
	g, steps := simulated(t, 7, 900)
	i := info("r")
	i.Upload, i.Origin = "shutdown", &record.Origin{System: "test"}
	end := succeeded()
	end.Status, end.ResultText = record.Failed, strings.Repeat("ü", 3000)
	end.First = &record.ErrorRecord{Kind: record.UserError, Message: strings.Repeat("m", 5000), Stack: "long"}
	play := func(r record.Recorder) {
		require.NoError(t, r.Begin(i, g))
		for from := 0; from < len(steps); from += 512 {
			r.Steps("r", steps[from:min(from+512, len(steps))])
		}
		r.Details("r", details(0, 5), []record.WorkerRecord{{Worker: 0, Name: "a", Ended: 9}})
		require.NoError(t, r.End("r", end))
	}
	recorded, swapped := memory.New(), memory.New()
	play(recorder(t, metricsstore.Config{Store: recorded}))
	collector := &metricsstore.Collector{}
	play(collector)
	require.NoError(t, swapped.Swap(t.Context(), collector.Run()))

	want, got := mustRun(t, recorded, "r"), mustRun(t, swapped, "r")
	assert.WithinDuration(t, want.AddedAt, got.AddedAt, time.Minute)
	got.AddedAt, got.Upload.Calls = want.AddedAt, want.Upload.Calls
	assert.Equal(t, want, got)
	assert.Equal(t, allSteps(t, recorded, "r"), allSteps(t, swapped, "r"))
	assert.Equal(t, rollups(t, recorded), rollups(t, swapped))
	for _, name := range []string{metricsstore.AttachEnd, metricsstore.AttachShape} {
		was, err := recorded.Attachment(t.Context(), "r", name)
		require.NoError(t, err)
		is, err := swapped.Attachment(t.Context(), "r", name)
		require.NoError(t, err)
		assert.Equal(t, was, is, name)
	}
	wasRows, err := recorded.Details(t.Context(), "r", metricsstore.DetailKey{}, 0)
	require.NoError(t, err)
	isRows, err := swapped.Details(t.Context(), "r", metricsstore.DetailKey{}, 0)
	require.NoError(t, err)
	assert.Equal(t, wasRows, isRows)
	assert.Len(t, isRows, 5)
}

func TestCollectorRefusesStepsThatDoNotFit(t *testing.T) {
	g, _ := simulated(t, 7, 30)
	c := &metricsstore.Collector{}
	require.NoError(t, c.Begin(info("r"), g))
	c.Steps("r", []record.Step{{Seq: 1, Kind: record.FanOutExpanded, Outcome: record.OutcomeOK, Node: 1 << 30, Width: 1, Became: dag.NoNode}})
	require.ErrorIs(t, c.End("r", succeeded()), metricsstore.ErrCorrupt)
}

func TestStatusOfARunThatGrows(t *testing.T) {
	until := began().Add(time.Minute)
	h := metricsstore.Header{Status: record.Interrupted}
	assert.Equal(t, record.Interrupted, h.StatusAt(until))
	h.Info.Origin = &record.Origin{GrowsUntil: until}
	assert.Equal(t, record.Running, h.StatusAt(until.Add(-1)))
	assert.Equal(t, record.Interrupted, h.StatusAt(until))
}
