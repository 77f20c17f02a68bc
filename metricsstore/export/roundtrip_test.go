package export_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/export"
)

// TestOTLPThereAndBack: a run that is written as spans and read again has its tasks, attempts and edges.
func TestOTLPThereAndBack(t *testing.T) {
	g := graph(t)
	q := store(t, g, written(t, g))
	var b bytes.Buffer
	require.NoError(t, export.WriteOTLP(t.Context(), &b, q, "r"))
	back, run := imported(t, "trace.json", b.Bytes())
	assert.Equal(t, attemptsOf(t, q, "r", ""), attemptsOf(t, back, run.Info.ID, "dagscope: "))
	graph, err := back.Graph(t.Context(), run.Info.ID)
	require.NoError(t, err)
	assert.Equal(t, 4, graph.Edges(), "from split to two tasks, and from those to join")
	assert.Equal(t, record.Succeeded, run.Status)
}

// seen is what an attempt has in both.
type seen struct {
	Function                           string
	Outcome                            record.Outcome
	Attempt, Slot                      int
	Queue, Claim, Execute, Start, Over int64
}

func attemptsOf(t *testing.T, q *metricsstore.Queries, id record.RunID, prefix string) map[seen]int {
	t.Helper()
	out := map[seen]int{}
	_, err := q.EachRecord(t.Context(), id, func(records []record.TaskMetrics) error {
		for i := range records {
			m := &records[i]
			out[seen{
				m.Task.Function[len(prefix):], m.Outcome, m.Attempt, m.Slot, int64(m.Queue), m.StartedAt.Add(-m.Fetch - m.Wait).UnixNano(),
				int64(m.Execute), m.StartedAt.UnixNano(), m.StartedAt.Add(m.Execute + m.Store + m.Update).UnixNano(),
			}]++
		}
		return nil
	})
	require.NoError(t, err)
	return out
}
