package wfformat

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/wfformat"
	"github.com/dagscope/dagscope/internal/testkit/recordstest"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// checkRecording checks the rules of a reconstructed run, using only the graph, the steps and the instance.
func checkRecording(t require.TestingT, in *wfformat.Instance, rec *records.Recording) {
	attempts := checkLog(t, rec)
	require.Len(t, attempts, len(in.Tasks), "every task ran once")
	for i, s := range attempts {
		task := in.Tasks[i]
		require.EqualValues(t, task.Runtime, s.Ended-s.Started, "task %s took its runtime", task.ID)
		require.True(t, s.Ready <= s.Claimed && s.Claimed <= s.Started && s.Ended == s.Updated)
		latest := int64(0)
		for _, p := range task.Parents {
			latest = max(latest, attempts[p].Ended)
		}
		require.Equal(t, latest, s.Ready, "task %s was ready when its parents had ended", task.ID)
		if task.Machine != wfformat.NoMachine {
			require.EqualValues(t, task.Machine, s.Worker, "task %s ran where it was recorded", task.ID)
		}
		require.Equal(t, rec.Graph.Functions()[rec.Graph.Scope(0).Function(uint32(i))].Name(), task.Category)
	}
	checkLanes(t, rec, attempts)
	checkCores(t, in, rec, attempts)
	checkMakespan(t, in, rec, attempts)
	_, err := record.ParseRunID(string(rec.Info.ID))
	require.NoError(t, err)
	require.NotEmpty(t, rec.Info.Reconstructed)
}

// checkLog folds the steps over the graph and returns the attempts by task.
func checkLog(t require.TestingT, rec *records.Recording) []record.Step {
	scope := rec.Graph.Scope(0)
	waits := make([]int, scope.Len())
	ready := map[dag.NodeID]bool{}
	var roots []dag.NodeID
	for n := range scope.Len() {
		if waits[n] = len(scope.Parents(n)); waits[n] == 0 {
			roots = append(roots, dag.NodeID(n))
		}
	}
	attempts := make([]record.Step, scope.Len())
	started := map[uint16]bool{}
	log := recordstest.Replayed(t, rec)
	for i, s := range log.Steps {
		require.EqualValues(t, i+1, s.Seq)
		switch s.Kind {
		case record.RunStarted:
			require.Zero(t, i)
			require.Equal(t, roots, s.Readied)
		case record.WorkerStarted:
			started[s.Worker] = true
		case record.AttemptEnded:
			require.True(t, started[s.Worker])
			require.True(t, ready[s.Node], "node %d ran without being ready", s.Node)
			delete(ready, s.Node)
			attempts[s.Node] = s
			var readied []dag.NodeID
			for _, c := range scope.Children(uint32(s.Node)) {
				if waits[c]--; waits[c] == 0 {
					readied = append(readied, dag.NodeID(c))
				}
			}
			require.Equal(t, readied, s.Readied)
		case record.WorkerStopped:
			require.True(t, started[s.Worker])
		default:
			require.Equal(t, record.RunFinished, s.Kind)
			require.Equal(t, len(log.Steps)-1, i)
			require.Equal(t, record.OutcomeOK, s.Outcome)
			ended := cmp.Or(rec.Info.Origin.Makespan, time.Duration(s.Ended))
			require.Equal(t, ended, rec.End.EndedAt.Sub(rec.Info.StartedAt))
		}
		for _, n := range s.Readied {
			ready[n] = true
		}
	}
	require.Empty(t, ready)
	for _, s := range attempts {
		require.Equal(t, record.AttemptEnded, s.Kind)
	}
	checkBecame(t, attempts)
	return attempts
}

// checkBecame checks that a worker continued at once, in the same lane, and that a task that was not become was claimed.
func checkBecame(t require.TestingT, attempts []record.Step) {
	become := map[dag.NodeID]bool{}
	for _, s := range attempts {
		if s.Became == dag.NoNode {
			continue
		}
		require.Contains(t, s.Readied, s.Became)
		c := attempts[s.Became]
		require.Equal(t, []any{s.Worker, s.Slot, s.Ended}, []any{c.Worker, c.Slot, c.Claimed})
		become[s.Became] = true
	}
	for _, s := range attempts {
		require.Equal(t, !become[s.Node], s.Head)
	}
}

// checkLanes checks that no lane runs two tasks at a time.
func checkLanes(t require.TestingT, rec *records.Recording, attempts []record.Step) {
	type lane struct{ worker, slot uint16 }
	lanes := map[lane][]record.Step{}
	for _, s := range attempts {
		require.Less(t, int(s.Slot), rec.Workers[s.Worker].Slots)
		lanes[lane{s.Worker, s.Slot}] = append(lanes[lane{s.Worker, s.Slot}], s)
	}
	for _, in := range lanes {
		slices.SortFunc(in, func(a, b record.Step) int {
			return cmp.Or(cmp.Compare(a.Started, b.Started), cmp.Compare(a.Ended, b.Ended))
		})
		for i := 1; i < len(in); i++ {
			require.LessOrEqual(t, in[i-1].Ended, in[i].Started)
		}
	}
}

// checkCores checks that no machine uses more cores than it has, and that no task waits for a single core while one is
// free.
func checkCores(t require.TestingT, in *wfformat.Instance, rec *records.Recording, attempts []record.Step) {
	type change struct {
		at    int64
		cores int
	}
	changes := make([][]change, len(rec.Workers))
	for i, s := range attempts {
		if s.Started == s.Ended {
			continue
		}
		cores := min(in.Tasks[i].Cores, rec.Workers[s.Worker].Width)
		changes[s.Worker] = append(changes[s.Worker], change{s.Started, cores}, change{s.Ended, -cores})
	}
	full := make([]map[int64]bool, len(rec.Workers)) // whether all cores are busy from a moment on
	for w, all := range changes {
		require.LessOrEqual(t, rec.Workers[w].Slots, rec.Workers[w].Width)
		slices.SortFunc(all, func(a, b change) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.cores, b.cores)) })
		used := 0
		full[w] = map[int64]bool{}
		for _, c := range all {
			used += c.cores
			require.LessOrEqual(t, used, rec.Workers[w].Width)
			full[w][c.at] = used == rec.Workers[w].Width
		}
	}
	if slices.ContainsFunc(in.Tasks, func(x wfformat.Task) bool { return x.Cores > 1 || x.Machine == wfformat.NoMachine }) {
		return // a wide task may block others
	}
	for i, s := range attempts {
		for at, isFull := range full[s.Worker] {
			if at >= s.Ready && at < s.Started {
				require.True(t, isFull, "task %s waited while a core was free", in.Tasks[i].ID)
			}
		}
	}
}

// checkMakespan compares the makespan with lower bounds of any schedule.
func checkMakespan(t require.TestingT, in *wfformat.Instance, rec *records.Recording, attempts []record.Step) {
	longest := make([]time.Duration, len(in.Tasks))
	critical := time.Duration(0)
	work, cores := 0.0, 0
	for _, w := range rec.Workers {
		cores += w.Width
	}
	for i, task := range in.Tasks {
		for _, p := range task.Parents {
			longest[i] = max(longest[i], longest[p])
		}
		longest[i] += task.Runtime
		critical = max(critical, longest[i])
		work += float64(task.Runtime) * float64(min(task.Cores, rec.Workers[attempts[i].Worker].Width))
	}
	makespan := rec.Info.Origin.Explained
	require.GreaterOrEqual(t, makespan, critical)
	require.GreaterOrEqual(t, float64(makespan)*(1+1e-9), work/float64(cores))
}

func TestRecordDiamond(t *testing.T) {
	inst := parseFile(t, "testdata/diamond.json")
	rec, err := compile(inst)
	require.NoError(t, err)
	checkRecording(t, inst, rec)
	const s = int64(time.Second)
	none := dag.NoNode
	usage := func(memory, inputs, outside, results int64) *record.Usage {
		return &record.Usage{
			CPU: -1, MemoryBytes: memory, ReadBytes: -1, WrittenBytes: -1, InputBytes: inputs, OutsideBytes: outside, ResultBytes: results,
			System: -1, Waits: -1, Preemptions: -1,
		}
	}
	used := []*record.Usage{usage(-1, 1000, 1000, 0), usage(1024, 400, 0, 0), usage(-1, 600, 0, 0), usage(-1, 100000, 0, 90000)}
	used[0].CPU = 1250 * time.Millisecond
	attempt := func(seq uint64, node dag.NodeID, worker, slot uint16, ready, start, end, bytes int64, head bool, became dag.NodeID, readied ...dag.NodeID) record.Step {
		return record.Step{
			Seq: seq, Kind: record.AttemptEnded, Outcome: record.OutcomeOK, Location: record.LocationStored, Node: node, Attempt: 1,
			Worker: worker, Slot: slot, Head: head, Ready: ready, Claimed: start, Started: start, Ended: end, Updated: end,
			OutputBytes: bytes, StoredBytes: bytes, Became: became, Readied: readied, Usage: used[node],
		}
	}
	end := s * 19 / 2
	want := []record.Step{
		{Seq: 1, Kind: record.RunStarted, Became: none, Readied: []dag.NodeID{0}},
		{Seq: 2, Kind: record.WorkerStarted, Worker: 0, Became: none},
		{Seq: 3, Kind: record.WorkerStarted, Worker: 1, Became: none},
		attempt(4, 0, 0, 0, 0, 0, s*5/2, 1000, true, 1, 1, 2),
		attempt(5, 1, 0, 0, s*5/2, s*5/2, s*13/2, 70000, false, none),
		attempt(6, 2, 1, 0, s*5/2, s*5/2, s*17/2, 30000, true, none, 3),
		attempt(7, 3, 0, 0, s*17/2, s*17/2, end, 90000, true, none),
		{Seq: 8, Kind: record.WorkerStopped, Worker: 0, Ended: end, Became: none},
		{Seq: 9, Kind: record.WorkerStopped, Worker: 1, Ended: end, Became: none},
		{Seq: 10, Kind: record.RunFinished, Outcome: record.OutcomeOK, Ended: end, Became: none},
	}
	log := recordstest.Replayed(t, rec)
	require.Empty(t, gocmp.Diff(want, log.Steps))
	at := time.Date(2024, 2, 29, 11, 22, 33, 0, time.UTC)
	require.Equal(t, at, rec.Info.StartedAt)
	require.Equal(t, at, rec.Info.SubmittedAt)
	require.Equal(t, record.RunEnd{Status: record.Succeeded, EndedAt: at.Add(30 * time.Second)}, rec.End)
	require.Equal(t, "wfformat:diamond", rec.Info.Workflow)
	require.Equal(t, &record.Origin{
		Format: "WfFormat 1.5", System: "byhand", Makespan: 30 * time.Second, Explained: 9500 * time.Millisecond, Digest: rec.Info.Origin.Digest,
		Notes: []record.Note{{
			Kind: record.NoteInferred, Count: 2, Text: "workers have no recorded lanes; each of their attempts is in the lowest one that was free",
		}},
	}, rec.Info.Origin)
	require.Contains(t, rec.Info.Reconstructed, "this takes 9.5s, and 30s was recorded")
	require.Equal(t, []record.WorkerRecord{
		{Worker: 0, Name: "left-hand", Host: "left-hand", Width: 2, Slots: 1, Ended: end, CPU: 1250 * time.Millisecond},
		{Worker: 1, Name: "right-hand", Host: "right-hand", Width: 1, Slots: 1, Ended: end},
	}, rec.Workers)
	require.Equal(t, record.Detail{
		Node: 3, Attempt: 1, Log: []byte("id frame_ID04\nname frame\ncommand frame\n"),
		Inputs: []record.InputDetail{{From: 1, Source: "store", Bytes: 70000}, {From: 2, Source: "store", Bytes: 30000}},
	}, log.Details[3])
}

func TestRecordAssumes(t *testing.T) {
	for _, c := range []struct {
		name, tasks, executed, says string
		makespan                    time.Duration
		width                       int
	}{
		{"no bound without machines", ids(5), timed(5, 2), "no machine is recorded", 2 * time.Second, 5},
		{"missing runtimes take no time", ids(2), timed(1, 2), "1 of 2 tasks have no runtime", 2 * time.Second, 1},
		{"a task wider than its machine", ids(1), `{"id": "t0", "runtimeInSeconds": 2, "coreCount": 9, "machines": ["m"]}], "machines": [{"nodeName": "m", "cpu": {"coreCount": 4}}`, "each task was started as soon as", 2 * time.Second, 4},
		{"tasks without a length share a lane", `{"id": "t0"}, {"id": "t1", "parents": ["t0"]}, {"id": "t2", "parents": ["t0"]}`, `{"id": "t0", "runtimeInSeconds": 1, "machines": ["m"]}, {"id": "t1", "machines": ["m"]}, {"id": "t2", "machines": ["m"]}], "machines": [{"nodeName": "m", "cpu": {"coreCount": 1}}`, "2 of 3 tasks have no runtime", time.Second, 1},
		{"wide tasks share a machine", ids(2), `{"id": "t0", "runtimeInSeconds": 2, "coreCount": 3, "machines": ["m"]}, {"id": "t1", "runtimeInSeconds": 2, "coreCount": 2, "machines": ["m"]}], "machines": [{"nodeName": "m", "cpu": {"coreCount": 4}}`, "each task was started as soon as", 4 * time.Second, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			inst, err := wfformat.Parse(strings.NewReader(document(c.tasks, c.executed)))
			require.NoError(t, err)
			rec, err := compile(inst)
			require.NoError(t, err)
			checkRecording(t, inst, rec)
			require.Equal(t, c.makespan, rec.Info.Origin.Explained)
			require.Equal(t, c.width, rec.Workers[0].Width)
			require.Contains(t, rec.Info.Reconstructed, c.says)
		})
	}
}

// TestRecordOrder checks the order of several tasks that want the same core.
func TestRecordOrder(t *testing.T) {
	for _, c := range []struct {
		name, tasks, runtimes string
		want                  []dag.NodeID // by their ends
	}{
		{"the number decides", `{"id": "t0"}, {"id": "t1"}, {"id": "t2"}`, "1 1 1", []dag.NodeID{0, 1, 2}},
		{"before it the way to go", `{"id": "t0"}, {"id": "t1"}, {"id": "t2", "parents": ["t1"]}`, "3 1 4", []dag.NodeID{1, 0, 2}},
		{"before that the wait", `{"id": "t0"}, {"id": "t1"}, {"id": "t2", "parents": ["t0"]}`, "9 2 9", []dag.NodeID{0, 1, 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var executed []string
			for i, runtime := range strings.Fields(c.runtimes) {
				executed = append(executed, fmt.Sprintf(`{"id": "t%d", "runtimeInSeconds": %s, "machines": ["m"]}`, i, runtime))
			}
			inst, err := wfformat.Parse(strings.NewReader(document(c.tasks, strings.Join(executed, ",")+`], "machines": [{"nodeName": "m", "cpu": {"coreCount": 1}}`)))
			require.NoError(t, err)
			rec, err := compile(inst)
			require.NoError(t, err)
			checkRecording(t, inst, rec)
			var got []dag.NodeID
			for _, s := range recordstest.Replayed(t, rec).Steps {
				if s.Kind == record.AttemptEnded {
					got = append(got, s.Node)
				}
			}
			require.Equal(t, c.want, got)
		})
	}
}

func TestRunID(t *testing.T) {
	text := document(ids(1), timed(1, 1))
	id := func(text string) record.RunID {
		inst, err := wfformat.Parse(strings.NewReader(text))
		require.NoError(t, err)
		rec, err := compile(inst)
		require.NoError(t, err)
		return rec.Info.ID
	}
	require.Equal(t, id(text), id(text))
	require.NotEqual(t, id(text), id(text+"\n"), "another file is another run")
	const time45 = 9 // characters, of 5 bits each, that are determined by the time alone
	made := record.NewRunID(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC))
	require.Equal(t, made[:time45], id(text)[:time45])
	require.Len(t, id(text), len(made))
}

func TestRecordNeedsRuntimes(t *testing.T) {
	inst, err := wfformat.Parse(strings.NewReader(document(ids(2), "")))
	require.NoError(t, err)
	_, err = compile(inst)
	require.ErrorIs(t, err, wfformat.ErrInvalid)
	require.ErrorContains(t, err, "has no runtimes")
}

// TestRecordLaws draws recordings of every shape.
func TestRecordLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		inst, err := wfformat.Parse(strings.NewReader(drawDocument(t)))
		require.NoError(t, err)
		rec, err := compile(inst)
		require.NoError(t, err)
		checkRecording(t, inst, rec)
		again, err := compile(inst)
		require.NoError(t, err)
		require.Equal(t, recordstest.Replayed(t, rec).Steps, recordstest.Replayed(t, again).Steps)
	})
}

func drawDocument(t *rapid.T) string {
	n := rapid.IntRange(1, 40).Draw(t, "tasks")
	names := []string{"m0", "m1", "m2"}[:rapid.IntRange(0, 3).Draw(t, "machines")]
	wide := rapid.Bool().Draw(t, "wide")
	var tasks, executed, machines []string
	for i := range n {
		parents := map[string]bool{}
		for range rapid.IntRange(0, min(i, 4)).Draw(t, "parents") {
			parents[fmt.Sprintf(`"t%d"`, rapid.IntRange(0, i-1).Draw(t, "parent"))] = true
		}
		tasks = append(tasks, fmt.Sprintf(`{"id": "t%d", "name": "f%d", "parents": [%s]}`, i, i%3, strings.Join(slices.Sorted(maps.Keys(parents)), ",")))
		e := fmt.Sprintf(`{"id": "t%d", "runtimeInSeconds": %d`, i, rapid.IntRange(0, 3).Draw(t, "runtime"))
		if wide {
			e += fmt.Sprintf(`, "coreCount": %d`, rapid.IntRange(1, 5).Draw(t, "cores"))
		}
		if len(names) > 0 && (!wide || rapid.Bool().Draw(t, "assigned")) {
			e += fmt.Sprintf(`, "machines": [%q]`, rapid.SampledFrom(names).Draw(t, "machine"))
		}
		executed = append(executed, e+"}")
	}
	for _, m := range names {
		machines = append(machines, fmt.Sprintf(`{"nodeName": %q, "cpu": {"coreCount": %d}}`, m, rapid.IntRange(0, 4).Draw(t, "width")))
	}
	return document(strings.Join(rapid.Permutation(tasks).Draw(t, "order"), ","),
		strings.Join(executed, ",")+`], "machines": [`+strings.Join(machines, ","))
}

func TestRecordCollection(t *testing.T) {
	seen := map[record.RunID]string{}
	for _, name := range collection(t) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			inst := parseFile(t, name)
			rec, err := compile(inst)
			require.NoError(t, err)
			checkRecording(t, inst, rec)
			require.LessOrEqual(t, rec.Info.Origin.Explained, inst.Makespan,
				"what was recorded includes waiting that is not reconstructed")
			require.Empty(t, seen[rec.Info.ID])
			seen[rec.Info.ID] = name
			again, err := compile(parseFile(t, name))
			require.NoError(t, err)
			require.Equal(t, rec.Info, again.Info)
			require.Equal(t, recordstest.Replayed(t, rec), recordstest.Replayed(t, again))
			require.Equal(t, rec.Workers, again.Workers)
			require.Equal(t, rec.Graph.Hash(), again.Graph.Hash())
			t.Logf("%d tasks, %d edges, %d machines: recorded %v, reconstructed %v", len(inst.Tasks), inst.Edges(),
				len(inst.Machines), inst.Makespan, rec.Info.Origin.Explained)
		})
	}
}

// recorder keeps everything that it receives.
type recorder struct {
	calls   []string
	steps   []record.Step
	details []record.Detail
	workers []record.WorkerRecord
	fail    error
}

func (r *recorder) Begin(record.RunInfo, *dag.Graph) error {
	r.calls = append(r.calls, "begin")
	return r.fail
}

func (r *recorder) Steps(_ record.RunID, s []record.Step) {
	r.calls = append(r.calls, fmt.Sprint("steps ", len(s)))
	r.steps = append(r.steps, s...)
}

func (r *recorder) Details(_ record.RunID, d []record.Detail, w []record.WorkerRecord) {
	r.calls = append(r.calls, fmt.Sprint("details ", len(d)))
	r.details, r.workers = append(r.details, d...), append(r.workers, w...)
}

func (r *recorder) End(record.RunID, record.RunEnd) error {
	r.calls = append(r.calls, "end")
	return nil
}

func TestReplay(t *testing.T) {
	inst, err := wfformat.Parse(strings.NewReader(document(ids(1100), timed(1100, 1))))
	require.NoError(t, err)
	rec, err := compile(inst)
	require.NoError(t, err)
	var r recorder
	require.NoError(t, rec.Replay(&r))
	require.Equal(t, []string{
		"begin", "steps 512", "details 509", "steps 512", "details 512", "steps 80", "details 79", "end",
	}, r.calls)
	require.Len(t, r.steps, rec.Steps)
	require.Equal(t, recordstest.Replayed(t, rec), &recordstest.Log{Steps: r.steps, Details: r.details})
	require.Equal(t, rec.Workers, r.workers)
	full := errors.New("no room")
	r = recorder{fail: full}
	require.ErrorIs(t, rec.Replay(&r), full)
	require.Equal(t, []string{"begin"}, r.calls)
}
