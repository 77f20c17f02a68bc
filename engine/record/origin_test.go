package record_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
)

// TestOriginOfBefore: headers that were written before origins had notes are read as they were, and written again they
// are the same bytes.
func TestOriginOfBefore(t *testing.T) {
	const before = `{"format":"WfFormat 1.5","makespan_ns":9000000000,"explained_ns":8000000000,"undated":true,"lanes":"greedily"}`
	var o record.Origin
	require.NoError(t, json.Unmarshal([]byte(before), &o))
	assert.Equal(t, record.Origin{
		Format: "WfFormat 1.5", Makespan: 9 * time.Second, Explained: 8 * time.Second, Undated: true, Lanes: "greedily",
	}, o)
	again, err := json.Marshal(o)
	require.NoError(t, err)
	assert.Equal(t, before, string(again))
}

func TestEngine(t *testing.T) {
	for want, info := range map[string]record.RunInfo{
		"dagscope": {},
		"Spark":    {Origin: &record.Origin{Format: "Spark event log 3.5", System: "Spark"}},
		"unknown":  {Reconstructed: "All start times.", Params: map[string]string{"schema": "1.4"}}, // of an older program
	} {
		assert.Equal(t, want, info.Engine())
	}
}
