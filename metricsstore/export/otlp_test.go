package export_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/export"
)

// TestOTLP: each attempt is a span in the trace of its run, and the reader of such files finds all of them again.
func TestOTLP(t *testing.T) {
	g := graph(t)
	steps := written(t, g)
	q := store(t, g, steps)
	var b, again bytes.Buffer
	require.NoError(t, export.WriteOTLP(t.Context(), &b, q, "r"))
	require.NoError(t, export.WriteOTLP(t.Context(), &again, q, "r"))
	require.Equal(t, b.String(), again.String(), "the same bytes")
	type link struct{ TraceID, SpanID string }
	var file struct {
		ResourceSpans []struct {
			ScopeSpans []struct {
				Spans []struct {
					TraceID, SpanID, ParentSpanID, Name string
					StartTimeUnixNano, EndTimeUnixNano  string
					Links                               []link
					Status                              struct {
						Code    int
						Message string
					}
				}
			}
		}
	}
	require.NoError(t, json.Unmarshal(b.Bytes(), &file))
	names, links, failed := map[string]string{}, map[string]int{}, 0
	root := ""
	for _, part := range file.ResourceSpans {
		for _, s := range part.ScopeSpans[0].Spans {
			assert.Len(t, s.TraceID, 32)
			assert.Len(t, s.SpanID, 16)
			require.NotContains(t, names, s.SpanID)
			names[s.SpanID] = s.Name
			if s.ParentSpanID == "" {
				root = s.SpanID
			}
			for _, l := range s.Links {
				require.Contains(t, names, l.SpanID, "what was waited for comes first")
				links[names[l.SpanID]+" "+s.Name]++
			}
			if s.Status.Code == 2 {
				failed++
				assert.Equal(t, "retrying", s.Status.Message)
			}
		}
	}
	assert.Equal(t, "w", names[root])
	assert.Len(t, names, 6, "five attempts and the run")
	assert.Equal(t, 1, failed)
	grey := `grey, "light"`
	assert.Equal(t, map[string]int{"split " + grey: 3, grey + " join": 2}, links)

	back, run := imported(t, "trace.json", b.Bytes())
	require.Equal(t, "OTLP JSON", run.Info.Origin.Format)
	require.Equal(t, began(), run.Info.StartedAt)
	require.EqualValues(t, 3_000_200, run.MakespanNS())
	outcomes := map[record.Outcome]int{}
	functions := map[string]int{}
	_, err := back.EachRecord(t.Context(), run.Info.ID, func(records []record.TaskMetrics) error {
		for i := range records {
			outcomes[records[i].Outcome]++
			functions[records[i].Task.Function]++
		}
		return nil
	})
	require.NoError(t, err)
	assert.Equal(t, 1, outcomes[record.OutcomeRetrying])
	assert.Equal(t, []int{1, 3, 1}, []int{functions["dagscope: split"], functions["dagscope: "+grey], functions["dagscope: join"]})
	require.ErrorIs(t, export.WriteOTLP(t.Context(), &b, q, "missing"), metricsstore.ErrNotFound)
}

// TestParquet: the rows are the records, and what is not known is null.
func TestParquet(t *testing.T) {
	g := graph(t)
	steps := written(t, g)
	steps[2].Usage = &record.Usage{CPU: 7, MemoryBytes: -1, ReadBytes: 0, WrittenBytes: -1, InputBytes: 3, OutsideBytes: -1, ResultBytes: -1, System: 2, Waits: -1, Preemptions: 5}
	q := store(t, g, steps)
	var b, again bytes.Buffer
	require.NoError(t, export.WriteParquet(t.Context(), &b, q, "r"))
	require.NoError(t, export.WriteParquet(t.Context(), &again, q, "r"))
	require.True(t, bytes.Equal(b.Bytes(), again.Bytes()), "the same bytes")
	f, err := parquet.OpenFile(bytes.NewReader(b.Bytes()), int64(b.Len()))
	require.NoError(t, err)
	require.Len(t, f.RowGroups(), 1)
	columns, from := f.Schema().Columns(), f.RowGroups()[0].Rows()
	defer func() { require.NoError(t, from.Close()) }()
	n := 0
	_, err = q.EachRecord(t.Context(), "r", func(records []record.TaskMetrics) error {
		for i := range records {
			m := &records[i]
			rows := make([]parquet.Row, 1)
			read, _ := from.ReadRows(rows)
			require.Equal(t, 1, read)
			n++
			got := map[string]any{}
			for _, v := range rows[0] {
				name := columns[v.Column()][0]
				switch {
				case v.IsNull():
					got[name] = nil
				case v.Kind() == parquet.ByteArray:
					got[name] = v.String()
				default:
					got[name] = v.Int64()
				}
			}
			want := map[string]any{
				"run": "r", "workflow": "w", "function": m.Task.Function, "outcome": m.Outcome.String(), "started_at": m.StartedAt.UnixNano(),
				"execute_ns": int64(m.Execute), "queue_ns": int64(m.Queue), "fetch_ns": int64(m.Fetch), "input_bytes": known(m.Input),
				"output_bytes": known(m.Output), "cpu_ns": nil, "memory_bytes": nil, "read_bytes": nil, "name": nil, "system_ns": nil, "waits": nil, "preemptions": nil,
			}
			if m.Task.Name != "" {
				want["name"] = m.Task.Name
			}
			if m.Usage != nil {
				want["cpu_ns"], want["memory_bytes"], want["read_bytes"] = int64(7), nil, int64(0)
				want["system_ns"], want["preemptions"] = int64(2), int64(5)
			}
			for name, value := range want {
				assert.Equal(t, value, got[name], name)
			}
			assert.Len(t, got, 33)
		}
		return nil
	})
	require.NoError(t, err)
	assert.EqualValues(t, n, f.NumRows())
	require.ErrorIs(t, export.WriteParquet(t.Context(), &b, q, "missing"), metricsstore.ErrNotFound)
}

func known(n int64) any {
	if n < 0 {
		return nil
	}
	return n
}
