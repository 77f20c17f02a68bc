package chrometrace_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/internal/testkit/droptest"
	"github.com/dagscope/dagscope/internal/testkit/recordstest"
	"github.com/dagscope/dagscope/metricsstore/records/chrometrace"
)

// TestMadeRecordings reads what tools wrote here, with paths replaced: `node --trace-event-categories
// v8,node,node.async_hooks,node.fs.sync`, and `lage build test --profile` with a package whose build fails.
func TestMadeRecordings(t *testing.T) {
	text, err := os.ReadFile("testdata/node-20.json")
	require.NoError(t, err)
	r := droptest.One(t, chrometrace.New(), "node.json", text)
	recordstest.Laws(t, r)
	var doc struct{ TraceEvents []event }
	require.NoError(t, json.Unmarshal(text, &doc))
	require.Equal(t, len(phase(doc.TraceEvents, "X"))+len(phase(doc.TraceEvents, "B"))+len(phase(doc.TraceEvents, "b")), spans(r))
	require.EqualValues(t, len(phase(doc.TraceEvents, "I")), note(r, "instant events"))
	require.Zero(t, note(r, "have no end"))
	require.Equal(t, "node", r.Workflow)

	text, err = os.ReadFile("testdata/lage-2.17-failed.json")
	require.NoError(t, err)
	r = droptest.One(t, chrometrace.New(), "lage.json", text)
	recordstest.Laws(t, r)
	outcomes := map[string]string{}
	for i := range r.Tasks {
		outcomes[r.Tasks[i].ID] = "never ran"
		if !r.Tasks[i].Skipped {
			outcomes[r.Tasks[i].ID] = r.Tasks[i].Attempts[0].Outcome.String()
		}
	}
	require.Equal(t, map[string]string{
		"core#build": "failed", "core#test": "never ran", "app#build": "never ran", "app#test": "never ran",
	}, outcomes)
}
