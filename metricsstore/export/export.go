// Package export writes recorded runs in the formats of other programs: CSV for spreadsheets and SQL, NDJSON for
// scripts, the trace format of Chrome for Perfetto, WfFormat for WfCommons and everything that reads its instances, OTLP
// JSON for backends of traces, and Parquet for DuckDB, pandas and the like.
//
// Writers stream: they read the log once and keep a block of it in memory, whatever the size of the run; WfFormat alone
// keeps some 300 bytes for each task and 16 for each dependency, since it names the children of a task before they ran.
// The same archived run gives the same bytes; a live run is written as far as it is kept.
//
// Columns of Parquet are those of CSV, under the same names. Text: run, workflow, function, outcome, and name, which is
// null (in CSV empty) where a task has no recorded name of its own. Signed 32 bits: revision, version, epoch, attempt,
// worker, slot, invocations. Unsigned 32 bits: node, and path as a list. A timestamp in nanoseconds, UTC: started_at.
// Signed 64 bits, nanoseconds where the name ends with ns, bytes where it ends with bytes, else numbers: all others; those from
// input_bytes to stored_bytes and from cpu_ns on are null where they are not known.
//
// In OTLP a run is one trace and an attempt a span whose status is ok where it has left an output, else an error, with
// an exception as event if one is kept. Workers are resources. Keys of attributes begin with dagscope; they are the names
// of the columns. Not in it: the logs of tasks, skipped tasks, and how wide a fan-out was. The trace of an undated run is
// in 1970.
//
// WfFormat has one execution of a task. Not in it are: attempts that failed, were lost or cancelled; tasks without a
// successful attempt, but for their edges, so a failed run has fewer executions than tasks, and its description says so;
// that a task was cached or skipped; phases other than the execution; lanes; stacks, logs and results; fan-outs and
// joins, which become edges; bytes that the log does not know. What an imported run does not keep is not in it either:
// the cores that a task asked for. Of the recorded commands of other tools, which may have several lines, the first is
// written. IDs have the characters of the schema only; names keep the rest. Start times that were made up on import are
// left out, and the start of an undated run is 1970. Files stand for sizes that were passed on, and their names are made
// up; with more than 64 readers that read different parts each has a file of its own, and then they may exceed what the
// task wrote.
//
// Caveats: CSV and NDJSON cannot be imported again; for that use metricsstore.WriteArchive, which also loses nothing. Unknown byte counts are empty in
// CSV and -1 in NDJSON, never 0; what is only measured of some runs (cpu_ns and the columns after it, see
// record.Usage) is absent from NDJSON where it was not. Texts are written as they are: a spreadsheet may take a name
// that begins with '=' for a formula.
package export

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// header names the columns of CSV; units are in the names.
func header() []string {
	return []string{
		"run", "revision", "workflow", "function", "version", "path", "node", "epoch", "attempt", "worker", "slot", "outcome",
		"started_at", "queue_ns", "wait_ns", "fetch_ns", "execute_ns", "store_ns", "update_ns",
		"input_bytes", "output_bytes", "stored_bytes", "invocations",
		"cpu_ns", "memory_bytes", "read_bytes", "written_bytes", "outside_bytes", "result_bytes",
		"name", "system_ns", "waits", "preemptions",
	}
}

// WriteCSV writes one line for each attempt, in the order of the log, after a line of names. The path of a task is
// written with slashes.
func WriteCSV(ctx context.Context, w io.Writer, q *metricsstore.Queries, run record.RunID) error {
	out := csv.NewWriter(w)
	if err := out.Write(header()); err != nil {
		return err
	}
	_, err := q.EachRecord(ctx, run, func(records []record.TaskMetrics) error {
		for i := range records {
			if err := out.Write(row(&records[i])); err != nil {
				return err
			}
		}
		return nil
	})
	out.Flush()
	return errors.Join(err, out.Error())
}

func row(m *record.TaskMetrics) []string {
	ns := func(d time.Duration) string { return strconv.FormatInt(int64(d), 10) }
	bytes := func(n int64) string {
		if n < 0 {
			return ""
		}
		return strconv.FormatInt(n, 10)
	}
	var path []string
	for _, p := range m.Task.Path {
		path = append(path, strconv.FormatUint(uint64(p), 10))
	}
	out := []string{
		string(m.Run), strconv.Itoa(m.Revision), m.Workflow, m.Task.Function, strconv.Itoa(m.Task.Version), strings.Join(path, "/"),
		strconv.FormatUint(uint64(m.Node), 10), strconv.Itoa(m.Epoch), strconv.Itoa(m.Attempt), strconv.Itoa(m.Worker),
		strconv.Itoa(m.Slot), m.Outcome.String(), m.StartedAt.UTC().Format(time.RFC3339Nano),
		ns(m.Queue), ns(m.Wait), ns(m.Fetch), ns(m.Execute), ns(m.Store), ns(m.Update),
		bytes(m.Input), bytes(m.Output), bytes(m.Stored), strconv.Itoa(m.Invocations),
	}
	used, more := make([]string, 6), make([]string, 3)
	if u := m.Usage; u != nil {
		used = []string{
			bytes(int64(u.CPU)), bytes(u.MemoryBytes), bytes(u.ReadBytes), bytes(u.WrittenBytes), bytes(u.OutsideBytes), bytes(u.ResultBytes),
		}
		more = []string{bytes(int64(u.System)), bytes(u.Waits), bytes(u.Preemptions)}
	}
	return slices.Concat(out, used, []string{m.Task.Name}, more)
}

// WriteRecords writes one JSON object for each attempt, in the order of the log, each on a line of its own.
func WriteRecords(ctx context.Context, w io.Writer, q *metricsstore.Queries, run record.RunID) error {
	out := bufio.NewWriter(w)
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	_, err := q.EachRecord(ctx, run, func(records []record.TaskMetrics) error {
		for i := range records {
			if err := lines.Encode(&records[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return errors.Join(err, out.Flush())
}

// WriteEvents writes one JSON object for each event, in the order of their numbers, each on a line of its own.
func WriteEvents(ctx context.Context, w io.Writer, q *metricsstore.Queries, run record.RunID) error {
	decoder, log, err := q.Decode(ctx, run)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	var events []record.Event
	for {
		steps, err := log.Next(ctx)
		if errors.Is(err, io.EOF) {
			return out.Flush()
		}
		if err != nil {
			return errors.Join(err, out.Flush())
		}
		events = decoder.Events(events[:0], steps)
		for i := range events {
			if err := lines.Encode(&events[i]); err != nil {
				return err
			}
		}
		if err := decoder.Err(); err != nil {
			return errors.Join(fmt.Errorf("%w: run %s: %w", metricsstore.ErrCorrupt, run, err), out.Flush())
		}
	}
}
