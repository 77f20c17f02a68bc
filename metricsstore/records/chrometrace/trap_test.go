package chrometrace_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/droptest"
	"github.com/dagscope/dagscope/internal/testkit/recordstest"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/chrometrace"
)

// made reads events that were made by hand, one for each line, in a closed array.
func made(t *testing.T, events ...string) *records.Run {
	t.Helper()
	return droptest.One(t, chrometrace.New(), "made.json", []byte("[\n"+strings.Join(events, ",\n")+"\n]\n"))
}

func event1(ph, name string, ts, more string) string {
	if more != "" {
		more = "," + more
	}
	return fmt.Sprintf(`{"ph":"%s","name":"%s","ts":%s,"pid":1,"tid":1%s}`, ph, name, ts, more)
}

// drawn are the tasks of a run, each with its time in ns and what it waits for.
func drawn(r *records.Run) (tasks []string) {
	for i := range r.Tasks {
		t := &r.Tasks[i]
		s := t.ID
		for _, a := range t.Attempts {
			s += fmt.Sprintf(" %d", a.Started)
			if a.Ended.Known() {
				s += fmt.Sprintf("-%d", a.Ended)
			}
			if a.Outcome != record.OutcomeOK {
				s += " " + a.Outcome.String()
			}
		}
		for _, p := range t.Parents {
			s += " <" + r.Tasks[p].ID
		}
		tasks = append(tasks, s)
	}
	return tasks
}

func TestEventsInAnyOrder(t *testing.T) {
	r := made(
		t,
		event1("E", "in", "6", ""), event1("X", "late", "20.5", `"dur":1.25`), event1("E", "out", "9", ""),
		event1("B", "in", "2", ""), event1("B", "out", "1", ""),
	)
	require.Equal(t, []string{"out/1 1000-2000 <", "out 6000-9000 <in", "in 2000-6000 <out/1", "late 20500-21750"},
		[]string{strings.Replace(drawn(r)[0], "2000", "2000 <", 1), drawn(r)[1], drawn(r)[2], drawn(r)[3]})
	require.True(t, r.Undated)
}

func TestEndsFindTheirBeginsByName(t *testing.T) {
	r := made(
		t,
		event1("B", "a", "1", ""), event1("B", "b", "2", ""), event1("E", "a", "3", ""), event1("B", "c", "4", ""),
		event1("E", "b", "5", ""), `{"ph":"E","ts":6,"pid":1,"tid":1}`, event1("E", "nothing", "7", ""), event1("B", "open", "8", ""),
	)
	require.Equal(t, []string{"a 1000-3000", "b 2000-5000", "c 4000-6000", "open 8000 none"}, drawn(r))
	require.EqualValues(t, 1, note(r, "ends have no begin"))
	require.EqualValues(t, 1, note(r, "spans have no end"))
}

func TestBeginsAndEndsAtOneMomentNestByTheirOrder(t *testing.T) {
	r := made(t, event1("B", "a", "1", ""), event1("B", "b", "1", ""), event1("E", "b", "1", ""), event1("E", "a", "1", ""))
	require.EqualValues(t, 1, note(r, "lie within others"))
}

func TestAsynchronousEventsAreStacksOfOneID(t *testing.T) {
	async := func(ph, name string, ts, tid, id int) string {
		return fmt.Sprintf(`{"ph":"%s","cat":"c","name":"%s","ts":%d,"pid":1,"tid":%d,"id":"%d"}`, ph, name, ts, tid, id)
	}
	r := made(
		t,
		async("b", "run", 0, 1, 7), async("b", "step", 1, 1, 7), async("b", "run", 2, 1, 8), async("b", "step", 3, 2, 7),
		async("e", "step", 4, 3, 7), async("e", "step", 5, 1, 7), async("e", "run", 6, 2, 8), async("e", "run", 9, 2, 7),
		async("n", "mark", 6, 1, 7),
	)
	require.Equal(t, 4, spans(r))
	require.EqualValues(t, 2, note(r, "lie within others"), "step within step within run of 7; run of 8 is alone")
	sums := executed(r, spanName)
	require.Equal(t, map[string]float64{"run": 1 + 4 + 4, "step": 1 + 1 + 2}, sums)
	require.EqualValues(t, 1, note(r, "instant events"))
}

func TestSiblingsWithOneTimeAreNotNested(t *testing.T) {
	r := made(
		t,
		event1("X", "a", "5", `"dur":10`), event1("X", "b", "5", `"dur":10`), event1("X", "empty", "5", `"dur":0`),
		event1("X", "after", "15", `"dur":0`), event1("X", "over", "12", `"dur":10`),
	)
	require.EqualValues(t, 2, note(r, "lie within others"), "only what is empty, at the start of another or in the last one")
	require.Equal(t, map[string]float64{"a": 10, "b": 10, "empty": 0, "after": 0, "over": 10}, executed(r, spanName))
}

func TestRoundingDoesNotTearSpansApart(t *testing.T) {
	r := made(
		t,
		event1("X", "a", "10", `"dur":9`), event1("X", "in a", "11", `"dur":9`),
		event1("X", "b", "30.5", `"dur":9`), event1("X", "not in b", "31", `"dur":9`),
		event1("X", "c", "50", `"dur":9`), event1("X", "not in c", "51", `"dur":10`),
	)
	require.Equal(t, []string{"a/1 10000-11000", "a 19000-19000", "in a 11000-19000", "b 30500-39500", "not in b 31000-40000", "c 50000-59000", "not in c 51000-61000"}, edgeless(r))
	require.EqualValues(t, 1, note(r, "because of rounding"))
	require.EqualValues(t, 2, note(r, "uncertain"))
	r = made(
		t,
		event1("X", "a", "1563916713838008.25", `"dur":10.1`), event1("X", "in a", "1563916713838010.5", `"dur":7.9`),
		event1("X", "b", "1563916713839008.25", `"dur":10.1`), event1("X", "not in b", "1563916713839010.5", `"dur":9.9`),
	)
	require.EqualValues(t, 1, note(r, "lie within others"))
}

// edgeless is drawn without the edges.
func edgeless(r *records.Run) []string {
	tasks := drawn(r)
	for i := range tasks {
		tasks[i], _, _ = strings.Cut(tasks[i], " <")
	}
	return tasks
}

func TestMomentsAreReadToTheNanosecond(t *testing.T) {
	r := made(
		t,
		event1("X", "a", "1707417525509909.125", `"dur":"0.001"`), event1("X", "b", `"1707417525509909.1264"`, `"dur":2e-1`),
		event1("X", "c", "1.707417525509909e15", `"dur":1`),
	)
	require.False(t, r.Undated)
	require.Equal(t, []string{
		"c 1707417525509909000-1707417525509910000", "a 1707417525509909125-1707417525509909126 <c/1",
		"b 1707417525509909126-1707417525509909326 <c",
	}[1], strings.Replace(drawn(r)[len(drawn(r))-2], " <c", " <c", 1))
	require.EqualValues(t, -1, note(r, "read as microseconds since 1970"))
	require.Contains(t, drawn(r)[len(drawn(r))-1], "b 1707417525509909126-1707417525509909326")
}

func TestMomentsThatCannotBe(t *testing.T) {
	r := made(
		t,
		event1("X", "a", "-3000", `"dur":1000`), event1("X", "b", "-1000", `"dur":-5`), event1("X", "c", "1e300", `"dur":1`),
		event1("X", "d", `"soon"`, `"dur":1`), event1("X", "e", "4", ""), event1("X", "f", "5", `"dur":1e99`),
	)
	require.Equal(t, []string{"a -3000000--2000000", "b -1000000--1000000", "e 4000 none", "f 5000 none"}, drawn(r))
	require.EqualValues(t, 1, note(r, "negative duration"))
	require.EqualValues(t, 2, note(r, "no time that can be read"))
	require.EqualValues(t, -1, note(r, "count from an unknown moment"))
}

func TestNanosecondsAreOnlyDisplayed(t *testing.T) {
	r := droptest.One(t, chrometrace.New(), "a.json",
		[]byte(`{"displayTimeUnit":"ns","traceEvents":[`+event1("X", "a", "1", `"dur":2`)+`]}`))
	require.Equal(t, []string{"a 1000-3000"}, drawn(r))
	require.Equal(t, "a", r.Workflow, "the name of the file")
}

func TestArraysThatAreNotClosed(t *testing.T) {
	for _, end := range []string{"", ",", ",\n"} {
		r := droptest.One(t, chrometrace.New(), "a.json", []byte("["+event1("X", "a", "1", `"dur":2`)+end))
		require.Equal(t, []string{"a 1000-3000"}, drawn(r))
		require.Contains(t, r.Incomplete, "the array of events is not closed")
	}
	r := droptest.One(t, chrometrace.New(), "a.json", []byte("["+event1("X", "a", "1", `"dur":2`)+`,{"ph":"X","na`))
	require.Contains(t, r.Incomplete, "before its JSON is complete")
	r = droptest.One(t, chrometrace.New(), "a.json", []byte("["+event1("X", "a", "1", `"dur":2`)+`] trailing`))
	require.Contains(t, r.Incomplete, "no JSON from byte")
}

func TestWhatIsNoTrace(t *testing.T) {
	for text, want := range map[string]string{
		``: "ends", `[]`: "contains no spans", `{"traceEvents":[]}`: "contains no spans", `7`: "expected an array of events",
		`[{"ph":"X"}]`: "contains no spans", `{"traceEvents":[`: "is not closed", `[{"a":}`: "is not closed", `[{"a":]`: "no JSON", `[1,2`: "ends", `<html>`: "no JSON",
	} {
		droptest.Refused(t, chrometrace.New(), "a.json", []byte(text), want)
	}
	for _, text := range []string{``, `[]`, `{}`, `[{"ph":"x"}]`, `[{"name":"a"}]`, `{"spans":[]}`, `PK`} {
		require.Equal(t, records.Foreign, chrometrace.New().Sniff("trace.json", []byte(text)), text)
	}
	r := made(t, event1("X", "a", "1", `"dur":2`), `7`, `{}`, `"x"`, `{"ph":"Z","ts":1}`, event1("C", "n", "1", ""))
	require.EqualValues(t, 3, note(r, "are no events"))
	require.EqualValues(t, 1, note(r, "phase that is not known"))
	require.EqualValues(t, 1, note(r, "counter events"))
}

func TestFlows(t *testing.T) {
	at := func(ph, tid, ts, more string) string {
		return fmt.Sprintf(`{"ph":"%s","name":"%s%s","ts":%s,"pid":1,"tid":"%s"%s}`, ph, map[bool]string{true: tid}[ph == "X"], "", ts, tid, more)
	}
	r := made(
		t,
		at("X", "a", "0", `,"dur":10`), at("X", "b", "20", `,"dur":10`), at("X", "c", "40", `,"dur":10`),
		at("s", "a", "10", `,"id":1`), at("t", "b", "20", `,"id":1`), at("f", "c", "35", `,"id":1`),
		at("s", "a", "5", `,"id":2`), at("f", "b", "25", `,"id":3,"bp":"e"`), at("s", "a", "15", `,"id":4`),
		at("X", "d", "60", `,"dur":1,"bind_id":"0x9","flow_out":true`), at("X", "e", "70", `,"dur":1,"bind_id":"0x9","flow_in":true`),
	)
	require.EqualValues(t, 3, note(r, "edges are flow events"))
	require.EqualValues(t, 1, note(r, "flows begin and do not end"))
	require.EqualValues(t, 1, note(r, "flows end and have not begun"))
	require.EqualValues(t, 1, note(r, "lie in no span"))
	joined := strings.Join(drawn(r), "\n")
	require.Contains(t, joined, "b 20000-30000 <a")
	require.Contains(t, joined, "e 70000-71000 <d")
}

func TestProcessesAreWorkersAndThreadsLanes(t *testing.T) {
	r := made(
		t,
		`{"ph":"M","name":"process_name","pid":1,"args":{"name":"py"}}`, `{"ph":"M","name":"process_name","pid":"2","args":{"name":"py"}}`,
		`{"ph":"M","name":"thread_name","pid":1,"tid":9,"args":{"name":"main \"9\""}}`,
		`{"ph":"X","name":"a","ts":1,"dur":1,"pid":1,"tid":9,"args":{"x":{"y": [1]},"n":null}}`,
		`{"ph":"X","name":"b","ts":1,"dur":1,"pid":1,"tid":8,"out":"o"}`, `{"ph":"X","name":"c","ts":1,"dur":1,"pid":2}`,
	)
	require.Equal(t, []string{"py", "py, process 2"}, []string{r.Workers[0].Name, r.Workers[1].Name})
	logs := map[string]string{}
	for i := range r.Tasks {
		logs[r.Tasks[i].ID] = fmt.Sprintf("%d %d %s", r.Tasks[i].Attempts[0].Worker, r.Tasks[i].Attempts[0].Lane, r.Tasks[i].Attempts[0].Log+r.Tasks[i].Attempts[0].Common)
	}
	require.Equal(t, map[string]string{"a": "0 0 x {\"y\":[1]}\nn \nthread main \"9\"", "b": "0 1 out o", "c": "1 0 "}, logs)
}

func TestBazelVersions(t *testing.T) {
	action := `{"cat":"action processing","name":"Compiling a/b.cc","ph":"X","ts":100,"dur":50,"pid":1,"tid":2,"out":"b.o","args":{"target":"//a:b","mnemonic":"CppCompile"}}`
	merged := `{"cat":"general information","name":"merged 12 events","ph":"X","ts":200,"dur":50,"pid":1,"tid":2}`
	for other, started := range map[string]time.Time{
		`"date":"2026-02-09T17:07:35.206537Z","profile_finish_ts":1000000000000`: time.Date(2026, 2, 9, 17, 7, 35, 206_637_000, time.UTC),
		`"date":"x","profile_start_ts":"1677666095162"`:                          time.UnixMilli(1677666095162).Add(100 * time.Microsecond).UTC(),
		`"profile_finish_ts":"1677666095162000"`:                                 time.UnixMilli(1677666095162).Add(100 * time.Microsecond).UTC(),
		`"date":"Wed Oct 26 08:22:35 CEST 2022"`:                                 time.Date(2022, 10, 26, 6, 22, 35, 100_000, time.UTC),
	} {
		text := `{"otherData":{"bazel_version":"release 8.4.1","build_id":"u",` + other + `},"traceEvents":[` + merged + `,` + action + `]}`
		r := droptest.One(t, chrometrace.New(), "a", []byte(text))
		require.Equal(t, started, r.Tasks[0].Attempts[0].Started.Time(), other)
		require.Equal(t, "Bazel profile 8.4.1", r.Format)
		require.Equal(t, "u", r.Key)
		require.Equal(t, "CppCompile", r.Tasks[0].Function)
		require.Equal(t, "out b.o\ntarget //a:b\nmnemonic CppCompile", sortedLines(r.Tasks[0].Attempts[0].Log+r.Tasks[0].Attempts[0].Common))
		require.Equal(t, "merged events", r.Tasks[1].Function)
		require.EqualValues(t, -1, note(r, "slim one: 1 spans"))
	}
	r := droptest.One(t, chrometrace.New(), "a", []byte(`{"otherData":{"build_id":"u","date":"Wed Oct 26 08:22:35 IST 2022"},"traceEvents":[`+action+`]}`))
	require.True(t, r.Undated)
	require.Equal(t, 26, r.Date.Time().Day())
	require.EqualValues(t, -1, note(r, "ambiguous"))
}

// sortedLines puts what is no argument first.
func sortedLines(log string) string {
	lines := strings.Split(log, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, "out ") {
			lines[0], lines[i] = lines[i], lines[0]
		}
	}
	return strings.Join(lines, "\n")
}

func TestRayWithTaskNames(t *testing.T) {
	at := func(cat, name string, ts, dur int, args string) string {
		return fmt.Sprintf(`{"cat":"%s","name":"%s","ph":"X","pid":"10.0.0.1","tid":"worker:ab","ts":%d,"dur":%d,"args":{%s}}`, cat, name, ts, dur, args)
	}
	r := made(
		t,
		at("task::f", "task::f", 1700000000000000, 100, `"task_id":"t1"`), at("task:deserialize_arguments", "x", 1700000000000010, 5, ""),
		at("task:execute", "x", 1700000000000020, 60, ""), at("ray.get", "ray.get", 1700000000000030, 10, ""),
		at("task:store_outputs", "x", 1700000000000085, 10, ""), at("worker_idle", "worker_idle", 1700000000000100, 10, ""),
		at("task::f", "task::f", 1700000000000200, 10, `"task_id":"t1"`),
		at("task::g", "task::g", 1700000000000300, 10, `"task_id":"t2"`), at("task::g", "task::g", 1700000000000400, 10, `"task_id":"t2"`),
	)
	require.Equal(t, []string{"t1/1", "t1", "ray.get", "t1 (2)"}, []string{r.Tasks[0].ID, r.Tasks[1].ID, r.Tasks[2].ID, r.Tasks[3].ID})
	first, last := r.Tasks[0].Attempts[0], r.Tasks[1].Attempts[0]
	require.EqualValues(t, 1700000000000000000, first.Claimed)
	require.EqualValues(t, 1700000000000020000, first.Started)
	require.Equal(t, 5*time.Microsecond, first.Fetch)
	require.EqualValues(t, 1700000000000080000, last.Ended)
	require.EqualValues(t, 1700000000000100000, last.Over)
	require.Equal(t, "f", r.Tasks[1].Function)
	require.Equal(t, "10.0.0.1", r.Workers[0].Host)
	require.EqualValues(t, 2, note(r, "further attempts of it"))
	require.EqualValues(t, 1, note(r, "kept apart"), "t1 is divided")
	require.Len(t, r.Tasks[4].Attempts, 2)
	require.Len(t, r.Tasks, 5)
}

func TestClangSumsAreNoTasks(t *testing.T) {
	r := droptest.One(t, chrometrace.New(), "foo.cpp.json", []byte(`{"beginningOfTime":1700000000000000,"traceEvents":[`+
		event1("X", "ExecuteCompiler", "0", `"dur":100`)+","+event1("X", "Source", "10", `"dur":5,"args":{"detail":"a.h"}`)+","+
		event1("X", "Total Source", "0", `"dur":5,"args":{"count":1}`)+`]}`))
	require.Equal(t, 2, spans(r))
	require.False(t, r.Undated)
	require.Equal(t, "clang foo", r.Workflow)
	require.EqualValues(t, 1, note(r, "sums over others"))
	require.EqualValues(t, 1700000000000000000, r.Tasks[0].Attempts[0].Started)
}

func TestNxAndLageOutcomes(t *testing.T) {
	r := made(t, event1("X", "a#build", "1", `"dur":2,"cat":"skipped#build"`), event1("X", "b#build", "2", `"dur":2,"cat":"failed#build"`),
		event1("X", "c#build", "2", `"dur":2,"cat":"aborted#build"`), event1("X", "d#build", "3", `"dur":2,"cat":"pending#build"`))
	require.Equal(t, []string{"a#build 1000-3000 cached", "b#build 2000-4000 failed", "c#build 2000-4000 cancelled", "d#build"}, drawn(r))
	require.True(t, r.Tasks[3].Skipped)
	require.Equal(t, "lage build", r.Workflow)
	r = made(t, event1("X", "a:test", "1", `"dur":2,"args":{"target":{"project":"a","target":"test"},"status":"skipped"}`))
	require.True(t, r.Tasks[0].Skipped)
	require.Equal(t, "nx test", r.Workflow)
}

func TestTurborepoThatFailed(t *testing.T) {
	r := made(t, `{"ph":"b","name":"finish","cat":"turborepo_run","ts":5,"pid":1,"id":1,"args":{"exit_code":"1"}}`,
		`{"ph":"e","name":"finish","cat":"turborepo_run","ts":6,"pid":1,"id":1}`)
	require.Equal(t, record.Failed, r.Status)
	require.Equal(t, "exit code 1", r.Error)
	require.True(t, r.Undated)
}

func TestOwnTraces(t *testing.T) {
	text, err := os.ReadFile("../../export/testdata/trace.json")
	require.NoError(t, err)
	r := droptest.One(t, chrometrace.New(), "trace.json", text)
	recordstest.Laws(t, r)
	require.Equal(t, "r", r.Key)
	require.Equal(t, []string{
		"split 1100-2000100", `grey, "light"[0] 2001500-2002000 failed 2002300-2007000 <split`, "grey,\tthe 2nd 2001500-2005000 <split",
		"join 2008100-3000000 <grey, \"light\"[0] <grey,\tthe 2nd",
	}, drawn(r), "as they were written")
	first, retried := r.Tasks[0].Attempts[0], r.Tasks[1].Attempts
	require.Equal(t, []records.Moment{1000, 2_000_600}, []records.Moment{first.Claimed, first.Over})
	require.EqualValues(t, 400, retried[0].Fetch)
	require.EqualValues(t, 2_008_000, retried[1].Over)
	require.Equal(t, []string{"split", `grey, "light"`, `grey, "light"`, "join"}, functions(r))
}

// TestOwnTracesOfRecordings: an attempt that only executed has one phase, with the same times as the attempt.
func TestOwnTracesOfRecordings(t *testing.T) {
	r := droptest.One(t, chrometrace.New(), "trace.json", []byte(`{"otherData":{"run":"r"},"traceEvents":[
		{"name":"a","cat":"ok","ph":"X","ts":0,"dur":30,"pid":1,"tid":1,"args":{"attempt":1,"epoch":0,"node":0}},
		{"name":"execute","cat":"phase","ph":"X","ts":0,"dur":30,"pid":1,"tid":1},
		{"name":"b","cat":"failed","ph":"X","ts":30,"dur":5,"pid":1,"tid":1,"args":{"attempt":1,"epoch":0,"node":1}},
		{"name":"dependency","cat":"dependency","ph":"s","id":1,"ts":29.999,"pid":1,"tid":1},
		{"name":"dependency","cat":"dependency","ph":"f","id":1,"bp":"e","ts":30,"pid":1,"tid":1},
		{"name":"execute","cat":"phase","ph":"X","ts":30,"dur":5,"pid":1,"tid":1}]}`))
	recordstest.Laws(t, r)
	require.Equal(t, []string{"a 0-30000", "b 30000-35000 failed <a"}, drawn(r))
}

func functions(r *records.Run) (names []string) {
	for i := range r.Tasks {
		names = append(names, r.Tasks[i].Function)
	}
	return names
}

func FuzzRead(f *testing.F) {
	for _, events := range [][]string{
		{event1("B", "a", "1", ""), event1("B", "b", "2", ""), event1("E", "a", "3", "")},
		{event1("X", "a", "1", `"dur":5,"args":{"status":"success","target":{"project":"p"}}`)},
		{`{"ph":"X","cat":"action processing","name":"a","ts":1,"dur":9}`, `{"ph":"X","cat":"critical path component","name":"action 'a'","ts":1,"dur":9}`},
		{`{"ph":"s","id":1,"name":"x","ts":1}`, `{"ph":"f","id":1,"name":"x","ts":3}`, event1("X", "a", "1", `"dur":5`), event1("X", "b", "3", `"dur":5`)},
		{`{"ph":"X","cat":"link","name":"l","ts":1,"dur":2,"args":{"role":"link","timeStart":1,"workingDir":"/","command":"cc a.o","outputs":["a.o"]}}`},
		{`{"ph":"X","cat":"task","name":"t","ts":1,"dur":9}`, `{"ph":"X","cat":"task:execute","name":"t","ts":2,"dur":3}`},
	} {
		f.Add([]byte("[" + strings.Join(events, ",") + "]"))
	}
	f.Add([]byte(`{"otherData":{"build_id":"u","date":"Wed Oct 26 08:22:35 CEST 2022"},"traceEvents":[` + event1("X", "a", "1", `"dur":1`) + `]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		chrometrace.New().Sniff("trace.json", text)
		runs, err := chrometrace.New().Read(t.Context(), []records.File{droptest.File("trace.json", records.Main, text)})
		if err != nil {
			return
		}
		droptest.Check(t, runs[0])
		if _, err := records.Compile(runs[0], records.Origin{}); err == nil {
			recordstest.Laws(t, runs[0])
		}
	})
}
