package metricsstore_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/metricsstore"
)

func TestParseStrategy(t *testing.T) {
	for _, c := range []struct {
		text string
		want metricsstore.Strategy
		back string
	}{
		{"", metricsstore.Strategy{Every: 2 * time.Second}, "periodic=2s"},
		{"periodic", metricsstore.Strategy{Every: 2 * time.Second}, "periodic=2s"},
		{"periodic=250ms", metricsstore.Strategy{Every: 250 * time.Millisecond}, "periodic=250ms"},
		{"periodic=90s", metricsstore.Strategy{Every: 90 * time.Second}, "periodic=1m30s"},
		{"periodic=1h", metricsstore.Strategy{Every: time.Hour}, "periodic=1h"},
		{"queue", metricsstore.Strategy{Kind: metricsstore.Queue, Length: 256}, "queue=256"},
		{"queue=1", metricsstore.Strategy{Kind: metricsstore.Queue, Length: 1}, "queue=1"},
		{"after_each_task", metricsstore.Strategy{Kind: metricsstore.AfterEachTask}, "after_each_task"},
		{"shutdown", metricsstore.Strategy{Kind: metricsstore.Shutdown}, "shutdown"},
	} {
		got, err := metricsstore.ParseStrategy(c.text)
		require.NoError(t, err, c.text)
		assert.Equal(t, c.want, got, c.text)
		assert.Equal(t, c.back, got.String(), c.text)
		again, err := metricsstore.ParseStrategy(got.String())
		require.NoError(t, err)
		assert.Equal(t, got, again)
	}
	for text, expected := range map[string]string{
		"periodic=":         "expected periodic=DURATION from 10ms to 1h0m0s",
		"periodic=2":        "expected periodic=DURATION",
		"periodic=1ms":      "expected periodic=DURATION",
		"periodic=2h":       "expected periodic=DURATION",
		"queue=0":           "expected queue=N from 1 to 16384",
		"queue=-1":          "expected queue=N",
		"queue=9999999":     "expected queue=N",
		"queue=x":           "expected queue=N",
		"shutdown=1":        "expected after_each_task, periodic=2s, queue=256 or shutdown",
		"Periodic":          "expected after_each_task",
		"after_each_task=":  "expected after_each_task",
		"never":             "expected after_each_task",
		" periodic=2s":      "expected after_each_task",
		"periodic=2s=3s":    "expected periodic=DURATION",
		"after each task\n": "expected after_each_task",
	} {
		_, err := metricsstore.ParseStrategy(text)
		require.ErrorIs(t, err, metricsstore.ErrInvalid, "%q", text)
		assert.ErrorContains(t, err, expected, "%q", text)
	}
}

func TestStrategyAsText(t *testing.T) {
	var s struct{ Upload metricsstore.Strategy }
	require.NoError(t, json.Unmarshal([]byte(`{"Upload":"queue=7"}`), &s))
	assert.Equal(t, 7, s.Upload.Length)
	b, err := json.Marshal(s)
	require.NoError(t, err)
	assert.JSONEq(t, `{"Upload":"queue=7"}`, string(b))
	require.Error(t, json.Unmarshal([]byte(`{"Upload":"7"}`), &s))
}
