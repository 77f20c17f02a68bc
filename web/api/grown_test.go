package api_test

import (
	"context"
	"encoding/json"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/web/api"
)

// grow keeps a recording, in place of what is kept under the ID.
func (w *world) grow(digest string, until time.Time) {
	w.t.Helper()
	b := engine.NewBuilder()
	g, err := b.Compile(one.Call(engine.Const(b, 1)))
	require.NoError(w.t, err)
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	c := &metricsstore.Collector{}
	require.NoError(w.t, c.Begin(record.RunInfo{
		ID: "00000000000000000001", Workflow: "traced", StartedAt: at,
		Origin: &record.Origin{Format: "test", System: "test", Digest: digest, Incomplete: "more comes", GrowsUntil: until},
	}, g))
	c.Steps("00000000000000000001", enginetest.SimulateSteps(g, 1, 3))
	require.NoError(w.t, c.End("00000000000000000001", record.RunEnd{Status: record.Interrupted, EndedAt: at.Add(time.Second)}))
	require.NoError(w.t, w.store.(metricsstore.Swapper).Swap(context.Background(), c.Run()))
}

// TestARunThatGrows: a run of a recording counts as running until its time is over, and answers about it are those about
// the recording that is kept.
func TestARunThatGrows(t *testing.T) {
	var now atomic.Int64
	until := time.Date(2026, 3, 1, 12, 10, 0, 0, time.UTC)
	now.Store(until.Add(-time.Second).UnixNano())
	w := newWorld(t, func(c *api.Config) { c.Now = func() time.Time { return time.Unix(0, now.Load()) } })
	w.grow("first", until)
	const path = "/runs/00000000000000000001"
	get := func() (r api.RunSummary) { w.get(path, &r); return r }
	listed := func(status string) int {
		var list struct {
			Runs []api.RunSummary `json:"runs"`
		}
		require.NoError(t, json.Unmarshal(w.request(http.MethodGet, "/runs?status="+status, nil).Body.Bytes(), &list))
		return len(list.Runs)
	}
	run := get()
	assert.Equal(t, record.Running, run.Status)
	assert.False(t, run.Live, "there is nothing to cancel")
	assert.Nil(t, run.EndedAt)
	assert.Regexp(t, "^what has arrived so far: ", run.Records.Text)
	assert.Equal(t, "more comes", run.Imported.Value.Incomplete)
	assert.Equal(t, 1, listed("running"))
	assert.Zero(t, listed("interrupted"))

	timeline := w.request(http.MethodGet, path+"/timeline", nil)
	tag := timeline.Header().Get("ETag")
	require.NotEmpty(t, tag)
	w.grow("second", until)
	assert.NotEqual(t, tag, w.request(http.MethodGet, path+"/timeline", nil).Header().Get("ETag"), "another recording with as many steps")

	now.Store(until.UnixNano())
	assert.Equal(t, record.Interrupted, get().Status)
	assert.NotNil(t, get().EndedAt)
	assert.Equal(t, 1, listed("interrupted"))
	assert.Zero(t, listed("running"))
}
