package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/embedded"
)

// imported keeps a run of another engine in the world's folder: one task was cached, the next one ran, another one was
// never begun before the record ends.
func (w *world) imported(id record.RunID) {
	w.t.Helper()
	b := engine.NewBuilder()
	sum := plus.Call(plus.Call(plus.Call(engine.Const(b, 1), engine.Const(b, 2)), engine.Const(b, 3)), engine.Const(b, 4))
	g, err := b.Compile(sum)
	require.NoError(w.t, err)
	g, err = g.WithNames([]string{"read orders", "sum of orders"})
	require.NoError(w.t, err)
	store, err := embedded.Open(w.t.Context(), embedded.Config{Dir: w.dir})
	require.NoError(w.t, err)
	defer store.Close()
	recorder, err := metricsstore.NewRecorder(metricsstore.Config{Store: store})
	require.NoError(w.t, err)
	began := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	info := record.RunInfo{
		ID: id, Workflow: "spark:etl", StartedAt: began, SubmittedAt: began,
		Origin: &record.Origin{
			Format: "Spark event log 3.5", System: "Spark", Incomplete: "the file ends in the middle of line 7",
			Notes: []record.Note{{Kind: record.NoteInferred, Text: "edges were inferred from stages", Count: 2}},
		},
	}
	second := int64(time.Second)
	end := func(node dag.NodeID, o record.Outcome, from, to int64) record.Step {
		return record.Step{
			Kind: record.AttemptEnded, Node: node, Attempt: 1, Outcome: o, Head: true, Ready: from, Claimed: from, Started: from,
			Ended: to, Updated: to, OutputBytes: 8, Became: dag.NoNode,
		}
	}
	steps := []record.Step{
		{Kind: record.RunStarted, Became: dag.NoNode},
		end(0, record.OutcomeCached, 0, 0),
		end(1, record.OutcomeOK, 0, 3*second),
		{Kind: record.RunFinished, Outcome: record.OutcomeLost, Ended: 3 * second, Became: dag.NoNode},
	}
	for i := range steps {
		steps[i].Seq = uint64(i + 1)
	}
	require.NoError(w.t, recorder.Begin(info, g))
	recorder.Steps(id, steps)
	recorder.Details(id, []record.Detail{{Node: 0, Attempt: 1, Log: []byte("restored from the cache\n")}}, nil)
	require.NoError(w.t, recorder.End(id, record.RunEnd{Status: record.Interrupted, EndedAt: began.Add(3 * time.Second)}))
}

// unendedLog is the event log of a Spark application that was under way.
const unendedLog = `{"Event":"SparkListenerLogStart","Spark Version":"3.5.0"}
{"Event":"SparkListenerApplicationStart","App Name":"etl","App ID":"app-1","Timestamp":1764322200000,"User":"u"}
{"Event":"SparkListenerJobStart","Job ID":0,"Submission Time":1764322201000,"Stage IDs":[0],"Stage Infos":[{"Stage ID":0,"Stage Attempt ID":0,"Stage Name":"count","Number of Tasks":1,"RDD Info":[],"Parent IDs":[]}]}
{"Event":"SparkListenerStageSubmitted","Stage Info":{"Stage ID":0,"Stage Attempt ID":0,"Stage Name":"count","Number of Tasks":1,"RDD Info":[],"Parent IDs":[],"Submission Time":1764322201000}}
{"Event":"SparkListenerTaskStart","Stage ID":0,"Stage Attempt ID":0,"Task Info":{"Task ID":0,"Index":0,"Attempt":0,"Launch Time":1764322202000,"Executor ID":"1","Host":"a","Locality":"ANY","Speculative":false,"Finish Time":0,"Failed":false,"Killed":false}}
{"Event":"SparkListenerTaskEnd","Stage ID":0,"Stage Attempt ID":0,"Task Type":"ResultTask","Task End Reason":{"Reason":"Success"},"Task Info":{"Task ID":0,"Index":0,"Attempt":0,"Launch Time":1764322202000,"Executor ID":"1","Host":"a","Locality":"ANY","Speculative":false,"Finish Time":1764322204000,"Failed":false,"Killed":false}}
`

// TestImportOfNothing: a folder without files is no success.
func TestImportOfNothing(t *testing.T) {
	w := newWorld(t)
	folder := t.TempDir()
	got := w.run("import", folder)
	assert.Equal(t, exitUsage, got.code)
	assert.Contains(t, got.stderr, folder+": not a file that can be imported: there is no file in it, expected one or a folder with some")
}

// TestImportSaysWhatIsMissing: an incomplete record and its notes are printed below the run, and are in the JSON.
func TestImportSaysWhatIsMissing(t *testing.T) {
	w := newWorld(t)
	file := filepath.Join(t.TempDir(), "events.jsonl")
	require.NoError(t, os.WriteFile(file, []byte(unendedLog), 0o600))
	lines := strings.Split(w.ok("import", file), "\n")
	require.Greater(t, len(lines), 3)
	assert.Contains(t, lines[0], "etl with 1 task")
	assert.Equal(t, "  incomplete: the log has no end of the application", lines[1])
	assert.Contains(t, lines[2], "  recorded: jobs were started")
	var again struct{ Files []importJSON }
	w.json(&again, "import", file)
	require.Len(t, again.Files, 1)
	assert.Equal(t, "the log has no end of the application", again.Files[0].Incomplete)
	assert.Contains(t, again.Files[0].Notes, record.Note{Kind: record.NoteRecorded, Text: "jobs were started", Count: 1})
	assert.Regexp(t, `etl +Spark +interrupted .* incomplete `, w.ok("runs"))
}

// TestImportDryRun: a dry run says what an import does, and keeps nothing, no folder either.
func TestImportDryRun(t *testing.T) {
	w := newWorld(t)
	file := filepath.Join(t.TempDir(), "events.jsonl")
	require.NoError(t, os.WriteFile(file, []byte(unendedLog), 0o600))
	got := w.ok("import", "--dry-run", file)
	assert.NoDirExists(t, w.dir)
	lines := strings.Split(got, "\n")
	require.Greater(t, len(lines), 4)
	assert.Regexp(t, `^\w{20}  etl with 1 task would be imported$`, lines[0])
	assert.Regexp(t, `^  engine Spark, started .*, took 2\.00 s$`, lines[1])
	assert.Equal(t, "  incomplete: the log has no end of the application", lines[2])
	assert.Contains(t, lines[3], "  recorded: jobs were started")

	var preview, done struct{ Files []importJSON }
	w.json(&preview, "import", "--dry-run", file)
	w.json(&done, "import", file)
	assert.Equal(t, done, preview)
	assert.Regexp(t, `^\w{20}  etl with 1 task exists already; nothing would change\n  engine Spark`, w.ok("import", "--dry-run", file))
	assert.Equal(t, exitUsage, w.run("import", "--dry-run", "--watch", file).code)
	assert.Equal(t, exitUsage, w.run("import", "--dry-run", filepath.Join(t.TempDir(), "none")).code)
}

// TestRunOfAnotherEngine: cached tasks and the engine's name are in lists, logs, filters and JSON.
func TestRunOfAnotherEngine(t *testing.T) {
	w := newWorld(t)
	w.ok("run", "sum")
	own := w.ok("runs")
	assert.NotContains(t, own, "engine", "all runs are of this one")
	w.imported("spark")
	golden(t, "imported-runs.txt", w.ok("runs", "--engine", "spark"))
	golden(t, "imported-tasks.txt", w.ok("tasks", "spark"))
	golden(t, "imported-cached.txt", w.ok("tasks", "spark", "--outcome", "cached"))
	golden(t, "imported-logs.txt", w.ok("logs", "spark"))
	assert.Contains(t, w.ok("logs", "spark", "--failed"), "nothing failed", "what was cached has not failed")

	var tasks tasksJSON
	w.json(&tasks, "tasks", "spark", "--name", "SUM")
	require.Len(t, tasks.Attempts, 1)
	assert.Equal(t, "sum of orders", tasks.Attempts[0].Name)
	assert.Equal(t, dag.Identity{Function: "plus", Path: []uint32{1}, Name: "sum of orders"}, tasks.Attempts[0].Task)
	for _, known := range []string{"read orders", "plus[0]", "0"} {
		assert.Contains(t, w.ok("logs", "spark", known), "restored from the cache", known)
	}

	var list struct{ Runs []runJSON }
	w.json(&list, "runs", "--engine", "dagscope")
	require.Len(t, list.Runs, 1)
	assert.Equal(t, "sum", list.Runs[0].Workflow)
	w.json(&list, "runs", "--engine", "Spark")
	require.Len(t, list.Runs, 1)
	r := list.Runs[0]
	assert.Equal(t, "Spark", r.Engine)
	assert.Equal(t, "the file ends in the middle of line 7", r.Incomplete)
	assert.Equal(t, []int64{3, 1, 1, 1}, []int64{r.Tasks, r.Succeeded, r.Cached, r.NotRun})

	var stats struct{ Attempts, Succeeded int64 }
	w.json(&stats, "stats", "spark")
	assert.Equal(t, []int64{2, 1}, []int64{stats.Attempts, stats.Succeeded}, "only what was executed is measured")
}
