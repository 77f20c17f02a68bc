package api_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/web/api"
	"github.com/dagscope/dagscope/web/live"
)

var _ live.Runs = (*api.API)(nil)

func TestNews(t *testing.T) {
	w := newWorld(t)
	changed := func() (ids []record.RunID) {
		t.Helper()
		all, err := w.api.Changed(t.Context())
		require.NoError(t, err)
		for _, raw := range all {
			var s api.RunSummary
			require.NoError(t, json.Unmarshal(raw, &s))
			ids = append(ids, s.Run)
		}
		return ids
	}
	old := w.run("spread", nil)
	live := w.submit("gate", nil)
	w.entered()
	assert.Equal(t, []record.RunID{live.Run}, changed(), "at first those that are live")
	assert.NotContains(t, changed(), old.Run)
	w.send(http.MethodPatch, "/runs/"+string(old.Run), map[string]string{"note": "x"}, http.StatusOK, nil)
	assert.Contains(t, changed(), old.Run)
	fresh := w.run("spread", nil)
	assert.Contains(t, changed(), fresh.Run)
	assert.NotContains(t, changed(), fresh.Run)
	w.post("/runs/"+string(live.Run)+"/cancel", nil, http.StatusOK, nil)
	w.finished(live.Run)
	assert.Equal(t, []record.RunID{live.Run}, changed())
	assert.Empty(t, changed())

	raw, err := w.api.Summary(t.Context(), fresh.Run)
	require.NoError(t, err)
	var s, same api.RunSummary
	require.NoError(t, json.Unmarshal(raw, &s))
	w.get("/runs/"+string(fresh.Run), &same)
	assert.Equal(t, same, s)
	_, err = w.api.Summary(t.Context(), "nobody")
	assert.ErrorIs(t, err, metricsstore.ErrNotFound)
	w.send(http.MethodDelete, "/runs/"+string(fresh.Run), nil, http.StatusNoContent, nil)
	_, err = w.api.Summary(t.Context(), fresh.Run)
	assert.ErrorIs(t, err, metricsstore.ErrNotFound, "a deleted one is as good as none")
}
