package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/whatif"
)

// TestWhatIf: the service answers as the package does, and once for each question.
func TestWhatIf(t *testing.T) {
	w := newWorld(t)
	id := w.run("spread", nil).Run
	path := "/runs/" + string(id) + "/whatif"
	queries, err := metricsstore.NewQueries(w.store)
	require.NoError(t, err)
	run, err := w.store.Run(t.Context(), id)
	require.NoError(t, err)

	for query, q := range map[string]whatif.Question{
		"":                                     {},
		"?slots=4&workers=2":                   {Slots: 4, Workers: 2},
		"?faster=double=2&bandwidth=10":        {Faster: map[string]float64{"double": 2}, Bandwidth: 10},
		"?no_queue=true&without_retries=true":  {NoQueue: true, WithoutRetries: true},
		"?no_become=true&slots=1&lanes=true":   {NoBecome: true, Slots: 1},
		"?faster=double%3D2&faster=total%3D.5": {Faster: map[string]float64{"double": 2, "total": 0.5}},
	} {
		want, err := whatif.Ask(t.Context(), queries, &run, q, whatif.Options{Lanes: q.NoBecome})
		require.NoError(t, err)
		var got whatif.Answer
		header := w.get(path+query, &got).Header()
		assert.Equal(t, *want, got, query)
		assert.Equal(t, http.StatusNotModified, w.request(http.MethodGet, path+query, nil, "If-None-Match", header.Get("ETag")).Code, query)
	}
	for query, detail := range map[string]string{
		"?faster=blur=2":        `faster names the function "blur", expected one of double, numbers, total`,
		"?faster=double":        `faster is "double", expected a function and how many times as fast it is, such as blur=2`,
		"?slots=2&no_queue=1":   "no_queue gives each task a slot at once, expected no slots and workers with it",
		"?slots=5000":           "query.slots: expected number <= 4096",
		"?slots=4000&workers=9": "",
	} {
		if detail == "" {
			w.get(path+query, &whatif.Answer{})
			continue
		}
		assert.Equal(t, detail, w.refused(http.MethodGet, path+query, nil, http.StatusBadRequest).Detail, query)
	}
	w.refused(http.MethodGet, "/runs/unknown/whatif", nil, http.StatusNotFound)
}
