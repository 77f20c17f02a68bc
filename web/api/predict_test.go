package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/predict"
)

// TestPrediction: the service predicts as the package does, once for each history.
func TestPrediction(t *testing.T) {
	w := newWorld(t)
	const path = "/predict?workflow=spread&parameter=n%3D20"
	var none predict.Prediction
	w.get(path, &none)
	assert.Equal(t, "not enough runs: 0 with these parameters succeeded, expected at least 5", none.Missing)
	assert.Nil(t, none.Makespan)

	var like []record.RunID
	for range predict.MinRuns {
		like = append([]record.RunID{w.run("spread", map[string]string{"n": "20"}).Run}, like...)
	}
	var got predict.Prediction
	header := w.get(path, &got).Header()
	queries, err := metricsstore.NewQueries(w.store)
	require.NoError(t, err)
	kind, err := w.engine.Workflow("spread")
	require.NoError(t, err)
	args, err := kind.Arguments(map[string]string{"n": "20"}, nil)
	require.NoError(t, err)
	last, err := w.store.Run(t.Context(), like[0])
	require.NoError(t, err)
	plan, err := predict.NewPlan(kind, args, last.EndedAt)
	require.NoError(t, err)
	want, err := predict.Launch(t.Context(), queries, plan, predict.Runs{Like: like})
	require.NoError(t, err)
	assert.Equal(t, *want, got)
	require.NotNil(t, got.Makespan)
	assert.Equal(t, http.StatusNotModified, w.request(http.MethodGet, path, nil, "If-None-Match", header.Get("ETag")).Code)

	for query, status := range map[string]int{
		"?workflow=nothing":                    http.StatusNotFound,
		"?workflow=spread&parameter=n":         http.StatusBadRequest,
		"?workflow=spread&parameter=m%3D1":     http.StatusBadRequest,
		"?workflow=spread&parameter=n%3Dmany":  http.StatusBadRequest,
		"?workflow=spread&parameter=n%3D1&x=y": http.StatusBadRequest,
	} {
		w.refused(http.MethodGet, "/predict"+query, nil, status)
	}
}

// TestRunPrediction: of a run that is under way the end is predicted, of one that has ended nothing is.
func TestRunPrediction(t *testing.T) {
	w := newWorld(t)
	live := w.submit("gate", nil)
	w.entered()
	var got predict.EndPrediction
	w.get("/runs/"+string(live.Run)+"/predict", &got)
	assert.Equal(t, live.Run, got.Run)
	assert.Nil(t, got.End)
	assert.Contains(t, got.Missing, "not enough runs: 0 ")
	w.release()
	ended := w.run("spread", nil)
	w.get("/runs/"+string(ended.Run)+"/predict", &got)
	assert.Nil(t, got.End)
	assert.Contains(t, got.Missing, "is succeeded, expected one of this engine that has not ended")
	w.refused(http.MethodGet, "/runs/unknown/predict", nil, http.StatusNotFound)
}
