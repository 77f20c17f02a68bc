package api_test

import (
	"encoding/base64"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/metricsstore/analysis"
	"github.com/dagscope/dagscope/web/api"
)

func TestCriticalPath(t *testing.T) {
	w := newWorld(t)
	run := w.run("spread", nil)
	var path api.CriticalPath
	w.get(at(run, "/critical-path"), &path)
	var phases analysis.PathPhases
	for i := range path.Steps {
		phases.Add(&path.Steps[i].PathPhases)
	}
	require.Len(t, path.Steps, 3)
	assert.Equal(t, "total", path.Steps[2].Task)
	assert.Equal(t, path.Phases, phases)
	assert.Equal(t, path.MakespanNS, phases.Total())
	assert.Equal(t, run.MakespanNS, path.MakespanNS)

	var chain api.LongestChain
	w.get(at(run, "/longest-chain"), &chain)
	require.Len(t, chain.Tasks, 3)
	sum := int64(0)
	for _, task := range chain.Tasks {
		sum += *task.ExecuteNS
	}
	assert.Equal(t, chain.ExecuteNS, sum)

	live := w.submit("gate", nil)
	w.entered()
	for _, part := range []string{"/critical-path", "/longest-chain"} {
		assert.Contains(t, w.refused(http.MethodGet, at(live, part), nil, http.StatusConflict).Detail, "expected one that has ended", part)
	}
	w.release()
}

func TestCompare(t *testing.T) {
	w := newWorld(t)
	a, b := w.run("spread", nil), w.run("spread", map[string]string{"n": "12"})
	path := "/compare?a=" + string(a.Run) + "&b=" + string(b.Run)
	var c api.Comparison
	out := w.get(path, &c)
	rest := c.Decomposition.Rest
	for _, p := range c.Decomposition.Parts {
		rest += p.Difference
	}
	assert.Equal(t, b.MakespanNS-a.MakespanNS, rest, "parts and rest add up")
	assert.Equal(t, [3]int{12, 2, 0}, [3]int{c.Alignment.Aligned, c.Alignment.Added, c.Alignment.Removed})
	assert.Len(t, c.Functions, 3)
	assert.Nil(t, c.Functions[0].Interval, "one pair proves nothing")
	ratios, err := base64.StdEncoding.DecodeString(c.Columns.Ratio)
	require.NoError(t, err)
	assert.Len(t, ratios, 4*c.Columns.Nodes)
	tag := out.Header().Get("ETag")
	require.NotEmpty(t, tag)
	assert.Equal(t, http.StatusNotModified, w.request(http.MethodGet, path, nil, "If-None-Match", tag).Code)

	for range 4 {
		w.run("spread", nil)
	}
	last := w.run("spread", nil)
	w.get("/compare?last=5&a="+string(last.Run), &c)
	require.NotNil(t, c.Against)
	assert.Equal(t, 5, c.Against.N)
	assert.NotContains(t, c.Against.Runs, last.Run)
	assert.NotNil(t, c.Functions[0].Interval)
	w.get("/compare?against=last-good&a="+string(last.Run), &c)
	assert.Equal(t, 1, c.Against.N)

	live := w.submit("gate", nil)
	w.entered()
	var soFar api.Comparison
	w.get("/compare?a="+string(live.Run)+"&b="+string(live.Run), &soFar)
	assert.Nil(t, soFar.Decomposition, "nothing explains a makespan before there is one")
	assert.False(t, soFar.Run.Ended)
	assert.Contains(t, soFar.Evidence, "has not ended")
	w.release()

	other := w.run("many", nil)
	for query, want := range map[string]struct {
		status int
		detail string
	}{
		"a=" + string(a.Run):                             {http.StatusBadRequest, "expected one"},
		"a=" + string(a.Run) + "&b=x&last=3":             {http.StatusBadRequest, "2 of them are given"},
		"a=" + string(a.Run) + "&against=last-good":      {http.StatusNotFound, "no earlier good run"},
		"a=" + string(a.Run) + "&b=" + string(other.Run): {http.StatusUnprocessableEntity, "different workflows"},
		"a=" + string(a.Run) + "&b=00000000000000000000": {http.StatusNotFound, "no such run"},
	} {
		assert.Contains(t, w.refused(http.MethodGet, "/compare?"+query, nil, want.status).Detail, want.detail, query)
	}
}
