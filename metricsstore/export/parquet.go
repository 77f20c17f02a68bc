package export

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// parquetAttempt is a row of what WriteParquet writes. The package comment says what the columns are.
type parquetAttempt struct {
	Run      string    `parquet:"run,dict"`
	Revision int32     `parquet:"revision"`
	Workflow string    `parquet:"workflow,dict"`
	Function string    `parquet:"function,dict"`
	Version  int32     `parquet:"version"`
	Path     []uint32  `parquet:"path,list"`
	Node     uint32    `parquet:"node"`
	Epoch    int32     `parquet:"epoch"`
	Attempt  int32     `parquet:"attempt"`
	Worker   int32     `parquet:"worker"`
	Slot     int32     `parquet:"slot"`
	Outcome  string    `parquet:"outcome,dict"`
	Started  time.Time `parquet:"started_at,timestamp(nanosecond)"`
	ParquetPhases
	ParquetBytes
	Name *string `parquet:"name"` // nil is null: none of its own
}

// ParquetPhases are the durations of a row in nanoseconds.
type ParquetPhases struct {
	Queue   int64 `parquet:"queue_ns"`
	Wait    int64 `parquet:"wait_ns"`
	Fetch   int64 `parquet:"fetch_ns"`
	Execute int64 `parquet:"execute_ns"`
	Store   int64 `parquet:"store_ns"`
	Update  int64 `parquet:"update_ns"`
}

// ParquetBytes are the sizes of a row, and what it used; nil is null: not known.
type ParquetBytes struct {
	Input       *int64 `parquet:"input_bytes"`
	Output      *int64 `parquet:"output_bytes"`
	Stored      *int64 `parquet:"stored_bytes"`
	Invocations int32  `parquet:"invocations"`
	CPU         *int64 `parquet:"cpu_ns"`
	Memory      *int64 `parquet:"memory_bytes"`
	Read        *int64 `parquet:"read_bytes"`
	Written     *int64 `parquet:"written_bytes"`
	Outside     *int64 `parquet:"outside_bytes"`
	Result      *int64 `parquet:"result_bytes"`
	System      *int64 `parquet:"system_ns"`
	Waits       *int64 `parquet:"waits"`
	Preemptions *int64 `parquet:"preemptions"`
}

// rowsInGroup bounds what is in memory at a time.
const rowsInGroup = 1 << 16

// WriteParquet writes one row for each attempt, in the order of the log, compressed by Zstandard, in row groups of
// 65,536 rows.
func WriteParquet(ctx context.Context, w io.Writer, q *metricsstore.Queries, run record.RunID) error {
	if _, err := q.Run(ctx, run); err != nil {
		return err
	}
	out := parquet.NewGenericWriter[parquetAttempt](w, parquet.Compression(&zstd.Codec{}), parquet.MaxRowsPerRowGroup(rowsInGroup),
		parquet.CreatedBy("dagscope", "1", "export"))
	rows := make([]parquetAttempt, 0, 512)
	_, err := q.EachRecord(ctx, run, func(records []record.TaskMetrics) error {
		for i := range records {
			if rows = append(rows, rowOf(&records[i])); len(rows) == cap(rows) {
				if _, err := out.Write(rows); err != nil {
					return err
				}
				rows = rows[:0]
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	_, err = out.Write(rows)
	return errors.Join(err, out.Close())
}

func rowOf(m *record.TaskMetrics) parquetAttempt {
	known := func(n int64) *int64 {
		if n < 0 {
			return nil
		}
		return &n
	}
	r := parquetAttempt{
		Run: string(m.Run), Revision: int32(m.Revision), Workflow: m.Workflow, Function: m.Task.Function, Version: int32(m.Task.Version),
		Node: uint32(m.Node), Epoch: int32(m.Epoch), Attempt: int32(m.Attempt), Worker: int32(m.Worker), Slot: int32(m.Slot),
		Outcome: m.Outcome.String(), Started: m.StartedAt.UTC(),
		ParquetPhases: ParquetPhases{int64(m.Queue), int64(m.Wait), int64(m.Fetch), int64(m.Execute), int64(m.Store), int64(m.Update)},
		ParquetBytes: ParquetBytes{
			Input: known(m.Input), Output: known(m.Output), Stored: known(m.Stored), Invocations: int32(m.Invocations),
		},
	}
	if m.Task.Name != "" {
		r.Name = &m.Task.Name
	}
	for _, p := range m.Task.Path {
		r.Path = append(r.Path, uint32(p))
	}
	if u := m.Usage; u != nil {
		r.CPU, r.Memory, r.Read, r.Written = known(int64(u.CPU)), known(u.MemoryBytes), known(u.ReadBytes), known(u.WrittenBytes)
		r.Outside, r.Result = known(u.OutsideBytes), known(u.ResultBytes)
		r.System, r.Waits, r.Preemptions = known(int64(u.System)), known(u.Waits), known(u.Preemptions)
	}
	return r
}
