package nextflow_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/droptest"
	"github.com/dagscope/dagscope/internal/testkit/recordstest"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/nextflow"
)

// shared is the folder of real records, which is not part of the repository.
const shared = "../../../../shared/traces"

func sample(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(shared, name))
	if err != nil {
		t.Skipf("no real records: %v", err)
	}
	return content
}

// fileOf makes a file of a drop, with the part that the format says it is.
func fileOf(name string, content []byte) records.File {
	return records.File{
		Path: name, Size: int64(len(content)), Part: nextflow.New().Sniff(name, content[:min(len(content), 64<<10)]),
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
	}
}

// read reads one run.
func read(t testing.TB, files ...records.File) *records.Run {
	t.Helper()
	runs, err := nextflow.New().Read(context.Background(), files)
	require.NoError(t, err)
	require.Len(t, runs, 1)
	droptest.Check(t, runs[0])
	recordstest.Laws(t, runs[0])
	return runs[0]
}

func table(t testing.TB, lines ...string) *records.Run {
	t.Helper()
	return read(t, fileOf("trace.txt", []byte(strings.Join(lines, "\n")+"\n")))
}

func noteOf(r *records.Run, part string) int64 {
	for _, n := range r.Notes {
		if strings.Contains(n.Text, part) {
			return n.Count
		}
	}
	return 0
}

// count is what a plain reading of a table finds.
type count struct {
	rows, failed, cached int
	realtime             map[string]float64 // seconds, by process
	first, last          float64            // seconds since 1970
}

// seconds reads "4h 41m 19s".
func seconds(text string) float64 {
	total := 0.0
	for _, part := range strings.Fields(text) {
		for _, unit := range []struct {
			name string
			size float64
		}{{"ms", 0.001}, {"s", 1}, {"m", 60}, {"h", 3600}} {
			if n, err := strconv.ParseFloat(strings.TrimSuffix(part, unit.name), 64); err == nil && strings.HasSuffix(part, unit.name) {
				total += n * unit.size
				break
			}
		}
	}
	return total
}

func plainCount(t *testing.T, content []byte) count {
	c := count{realtime: map[string]float64{}, first: 1e18}
	for _, line := range strings.Split(strings.TrimSpace(string(content)), "\n")[1:] {
		cells := strings.Split(line, "\t")
		c.rows++
		switch cells[4] {
		case "FAILED":
			c.failed++
		case "CACHED":
			c.cached++
		}
		c.realtime[strings.Split(cells[3], " (")[0]] += seconds(cells[8])
		at, err := time.Parse("2006-01-02 15:04:05.000", cells[6])
		require.NoError(t, err)
		begin := float64(at.UnixMilli()) / 1000
		c.first, c.last = min(c.first, begin), max(c.last, begin+seconds(cells[7]))
	}
	return c
}

func counted(r *records.Run) count {
	c := count{realtime: map[string]float64{}, first: 1e18}
	for i := range r.Tasks {
		for _, a := range r.Tasks[i].Attempts {
			c.rows++
			switch a.Outcome {
			case record.OutcomeFailed:
				c.failed++
			case record.OutcomeCached:
				c.cached++
			}
			c.realtime[r.Tasks[i].Function] += a.Runtime.Seconds()
			c.first, c.last = min(c.first, float64(a.Ready)/1e9), max(c.last, float64(a.Ended)/1e9)
		}
	}
	return c
}

func TestTablesAreReadAsAPlainCountReadsThem(t *testing.T) {
	for _, name := range []string{"chipseq-failed", "hlatyping", "hours", "retries-4-attempts"} {
		t.Run(name, func(t *testing.T) {
			content := sample(t, "nextflow/"+name+".trace.txt")
			want, got := plainCount(t, content), counted(read(t, fileOf(name+".trace.txt", content)))
			require.InDelta(t, want.first, got.first, 1e-3)
			require.InDelta(t, want.last, got.last, 1e-3)
			require.Len(t, got.realtime, len(want.realtime))
			for process, sum := range want.realtime {
				require.InDelta(t, sum, got.realtime[process], 1e-6, process)
			}
			require.Equal(t, []int{want.rows, want.failed, want.cached}, []int{got.rows, got.failed, got.cached})
		})
	}
}

func TestRetriesWithoutANumberAreFoundByName(t *testing.T) {
	r := read(t, fileOf("t", sample(t, "nextflow/retries-4-attempts.trace.txt")))
	require.Len(t, r.Tasks, 1)
	require.Len(t, r.Tasks[0].Attempts, 4)
	require.Equal(t, int64(3), noteOf(r, "the same name had failed before"))
	require.Equal(t, 2, r.Tasks[0].Attempts[3].Error.ExitCode)
	require.Equal(t, "1", r.Tasks[0].ID)
}

func TestTowerTasksAreReadAsAPlainCountReadsThem(t *testing.T) {
	content := sample(t, "nextflow/tower-tasks-running.json")
	var plain struct {
		WorkflowID string `json:"workflowId"`
		Tasks      []struct {
			Process, Status, Script string
			Realtime                int64
			Submit, Complete        *time.Time
		}
	}
	require.NoError(t, json.Unmarshal(content, &plain))
	r := read(t, fileOf("tasks.json", content))
	require.Len(t, r.Tasks, len(plain.Tasks))
	require.Equal(t, plain.WorkflowID, r.Key)
	require.Equal(t, record.Running, r.Status)
	open := 0
	for i, p := range plain.Tasks {
		a := r.Tasks[i].Attempts[0]
		require.Equal(t, p.Process, r.Tasks[i].Function)
		require.Equal(t, strings.Fields(p.Script), strings.Fields(r.Tasks[i].Command))
		require.Equal(t, records.At(*p.Submit), a.Ready)
		if p.Status == "RUNNING" {
			open++
			require.Equal(t, record.NoOutcome, a.Outcome)
			require.Equal(t, records.Unknown, a.Ended)
			require.Nil(t, a.Error)
			continue
		}
		require.Equal(t, record.OutcomeOK, a.Outcome)
		require.Equal(t, records.At(*p.Complete), a.Ended)
		require.Equal(t, time.Duration(p.Realtime)*time.Millisecond, a.Runtime)
		require.Equal(t, a.Runtime, time.Duration(a.Ended-a.Started))
		require.GreaterOrEqual(t, a.Started, a.Claimed)
	}
	require.Positive(t, open)
	require.Equal(t, int64(open), noteOf(r, "had not ended when the record was written"))
	require.Zero(t, noteOf(r, "no zone"))
}

// TestCutRecords: a cut record is refused, or incomplete, or has whole rows only: a table has no mark at its end.
func TestCutRecords(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	for _, name := range []string{"chipseq-failed.trace.txt", "hlatyping.trace.txt", "retries-4-attempts.trace.txt", "tower-tasks-running.json"} {
		content := sample(t, "nextflow/"+name)
		for range 200 {
			cut := content[:rnd.IntN(len(content))]
			runs, err := nextflow.New().Read(context.Background(), []records.File{fileOf(name, cut)})
			if err != nil {
				require.ErrorIs(t, err, records.ErrFormat, "%s at %d", name, len(cut))
				continue
			}
			if runs[0].Incomplete == "" {
				require.True(t, strings.HasSuffix(name, ".txt") && cut[len(cut)-1] == '\n', "%s at %d", name, len(cut))
			}
		}
	}
}

func TestSniff(t *testing.T) {
	f := nextflow.New()
	require.NotEmpty(t, f.Title())
	_ = sample(t, "README.md")
	own := map[string]records.Part{
		"chipseq-failed.trace.txt": records.Main, "hlatyping.trace.txt": records.Main, "hours.trace.txt": records.Main,
		"retries-4-attempts.trace.txt": records.Main, "tower-tasks-running.json": records.Main,
		"chipseq-pipeline_dag.dot": records.Companion, "hlatyping-pipeline_dag.dot": records.Companion, "rnaseq-nf-dag.mmd": records.Companion,
	}
	require.NoError(t, filepath.WalkDir(shared, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		want := records.Foreign
		if filepath.Base(filepath.Dir(path)) == f.Name() {
			want = own[filepath.Base(path)]
		}
		require.Equal(t, want, f.Sniff(filepath.Base(path), content[:min(len(content), 64<<10)]), path)
		return nil
	}))
	for _, header := range []string{"task_id\thash\tname\tstatus", "name\tstatus\trealtime", "hash\texit\tpeak_rss\tname\tsubmit"} {
		require.Equal(t, records.Main, f.Sniff("x", []byte(header+"\n")), header)
	}
	for _, other := range []string{"", "name\tstatus\texit\n", "task_id\tcolour\tname\n", `{"tasks":[]}`, "digraph g {\na -> b\n}"} {
		require.Equal(t, records.Foreign, f.Sniff("trace.txt", []byte(other)), other)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("task_id\thash\tname\tstatus\tsubmit\tduration\trealtime\tscript\n1\tab/cdef01\tA (x)\tCOMPLETED\t2024-01-01 00:00:00.000\t1m 1s\t1s\techo\n"), []byte("digraph \"g\" {\np0 [label=\"A\"];\np1 [label=\"B\"];\np0 -> p1;\n}\n"))
	f.Add([]byte(`{"tasks":[{"taskId":1,"hash":"a","status":"RUNNING","submit":"2019-06-24T07:19:07.646+02:00","name":"A"}],"workflowId":"1"}`), []byte("flowchart TB\n    v0([A])\n    v1([B])\n    v0 --> v1\n"))
	f.Add([]byte(`{"runName":"x","runId":"1","event":"process_completed","utcTime":"2019-06-24T07:19:07Z","trace":{"task_id":1,"hash":"a","status":"COMPLETED"}}`), []byte("x"))
	f.Add(page("", "["+reported(1, "COMPLETED", "")+"]"), []byte("x"))
	f.Fuzz(func(t *testing.T, main, graph []byte) {
		files := []records.File{fileOf("main", main)}
		if g := fileOf("graph", graph); g.Part == records.Companion {
			files = append(files, g)
		}
		runs, err := nextflow.New().Read(context.Background(), files)
		if err != nil {
			require.True(t, errors.Is(err, records.ErrFormat) || errors.Is(err, records.ErrTooLarge), err)
			return
		}
		for _, r := range runs {
			ids := map[string]bool{}
			for i := range r.Tasks {
				require.False(t, ids[r.Tasks[i].ID])
				ids[r.Tasks[i].ID] = true
				for _, p := range r.Tasks[i].Parents {
					require.NotEqual(t, int32(i), p)
					require.Less(t, int(p), len(r.Tasks))
				}
			}
		}
	})
}
