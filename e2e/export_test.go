package e2e

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// exported are runs of all kinds: with a fan-out, with retries, failed by a panic, with many tasks at once, imported.
func exported(t *testing.T, u *user) (runs []string) {
	t.Helper()
	for _, args := range [][]string{
		{"image-transform", "--set", "strips=7", "--tag", "x"},
		{"flaky", "--set", "fails=1"},
		{"flaky", "--set", "fails=10", "--set", "mode=panic", "--policy", "continue"},
		{"tree-reduction", "--set", "n=1500", "--set", "payload=10"},
		{"fixed-times", "--set", "unit=30ms"},
	} {
		o := u.run(append([]string{"run", "--json"}, args...)...)
		var got report
		o.json(t, &got)
		runs = append(runs, got.Run)
	}
	var list importList
	u.json(&list, "import", chains(3, 4, 60).file(t))
	return append(runs, list.Files[0].Run)
}

// TestExport compares every format with what the commands say of the same runs.
func TestExport(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	runs := exported(t, u)
	for name, check := range map[string]func(*testing.T, *user, []string){"archive": archives, "tables": tables, "trace": traces} {
		t.Run(name, func(t *testing.T) { check(t, &user{t: t, data: u.data}, runs) })
	}
}

// archives: what one folder exports another imports, and answers all questions in the same words.
func archives(t *testing.T, from *user, runs []string) {
	to := newUser(t)
	dir := t.TempDir()
	for _, run := range runs {
		path := filepath.Join(dir, run)
		from.ok("export", run, "--output", path)
		var list importList
		to.json(&list, "import", path)
		require.Len(t, list.Files, 1)
		assert.Equal(t, []string{"imported", run}, []string{list.Files[0].Status, list.Files[0].Run})
		for _, args := range [][]string{
			{"stats", run, "--metric", "execute_ns", "--metric", "queue_ns", "--metric", "output_bytes", "--quantiles", "0,0.5,0.99,1"},
			{"tasks", run, "--limit", "0"},
		} {
			args = append(args, "--json")
			assert.Equal(t, from.ok(args...), to.ok(args...), "%v", args)
		}
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.True(t, string(data) == from.ok("export", run), "the same bytes on standard output")
		to.json(&list, "import", path)
		assert.Equal(t, "unchanged", list.Files[0].Status)
	}
	for _, args := range [][]string{{"runs", "--json", "--limit", "0"}, {"stats", "--json"}} {
		assert.Equal(t, from.ok(args...), to.ok(args...), "%v", args)
	}
	to.ok("check")
}

// tables: CSV has a line for each attempt, NDJSON an object for each event without a gap, and the ends of attempts
// among them.
func tables(t *testing.T, u *user, runs []string) {
	for _, run := range runs {
		attempts := slices.DeleteFunc(u.attempts(run), func(a attempt) bool { return a.Attempt == 0 }) // skipped
		rows, err := csv.NewReader(strings.NewReader(u.ok("export", run, "--format", "csv"))).ReadAll()
		require.NoError(t, err)
		require.Len(t, rows, 1+len(attempts))
		column := func(name string) int { return slices.Index(rows[0], name) }
		sum := int64(0)
		for _, row := range rows[1:] {
			assert.Equal(t, run, row[column("run")])
			ns, err := strconv.ParseInt(row[column("execute_ns")], 10, 64)
			require.NoError(t, err)
			sum += ns
		}
		for _, a := range attempts {
			sum -= a.ExecuteNS
		}
		assert.Zero(t, sum, "the sums of execute_ns differ")

		ends := 0
		lines := strings.Split(strings.TrimSuffix(u.ok("export", run, "--format", "ndjson"), "\n"), "\n")
		for i, line := range lines {
			var e struct {
				Run  string
				Seq  int
				Kind string
			}
			require.NoError(t, json.Unmarshal([]byte(line), &e), line)
			require.Equal(t, []any{run, i + 1}, []any{e.Run, e.Seq})
			if slices.Contains([]string{"task.finished", "task.failed", "task.retrying"}, e.Kind) {
				ends++
			}
		}
		assert.Equal(t, len(attempts), ends, "ends of attempts among the events")
	}
}

// traceEvent has the fields of a trace event that are checked.
type traceEvent struct {
	Name, Cat, Ph string
	TS, Dur       float64
	TID           int
	Args          struct{ Node, Attempt int }
}

// traces: a trace for Chrome and Perfetto is JSON with a thread for each slot, in which attempts do not overlap.
func traces(t *testing.T, u *user, runs []string) {
	type key struct{ node, attempt int }
	for _, run := range runs {
		var trace struct {
			TraceEvents []traceEvent `json:"traceEvents"`
		}
		text := outcome{stdout: u.ok("export", run, "--format", "chrome")}
		text.json(t, &trace)
		slots, used := map[key]int{}, map[int]bool{}
		for _, a := range u.attempts(run) {
			if a.Attempt > 0 {
				slots[key{a.Node, a.Attempt}], used[a.Slot] = a.Slot, true
			}
		}
		threads, ends := map[int]int{}, map[int]float64{}
		shown := 0
		for _, e := range trace.TraceEvents {
			if e.Ph != "X" || e.Cat == "phase" {
				continue
			}
			shown++
			slot, is := slots[key{e.Args.Node, e.Args.Attempt}]
			require.True(t, is, "%+v", e)
			if tid, known := threads[slot]; known {
				assert.Equal(t, tid, e.TID, "slot %d has one thread", slot)
			}
			threads[slot] = e.TID
			const rounding = 1e-3 // of a microsecond
			assert.GreaterOrEqual(t, e.TS+rounding, ends[e.TID], "%s begins before the one before it in slot %d has ended", e.Name, slot)
			ends[e.TID] = e.TS + e.Dur
		}
		assert.Len(t, slots, shown, "attempts")
		assert.Len(t, threads, len(used), "slots")
		assert.Len(t, ends, len(used), "threads")
	}
}
