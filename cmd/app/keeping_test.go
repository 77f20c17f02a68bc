package app

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/digest"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// record runs a workflow and returns the run's id.
func (w *world) record(args ...string) record.RunID {
	w.t.Helper()
	var r runReport
	o := w.run(append([]string{"run", "--json"}, args...)...)
	require.NotEmpty(w.t, o.stdout, "exit code %d: %s", o.code, o.stderr)
	decode(w.t, o.stdout, &r)
	return r.Run
}

func TestRuns(t *testing.T) {
	w := newWorld(t)
	first, second, third := w.record("sum", "--tag", "x"), w.record("trip", "--tag", "x", "--tag", "y"), w.record("sum", "--set", "n=3")
	list := func(args ...string) (ids []record.RunID, more int) {
		var got struct {
			Runs []runJSON
			More int
		}
		w.json(&got, append([]string{"runs"}, args...)...)
		for _, r := range got.Runs {
			ids = append(ids, r.Run)
		}
		return ids, got.More
	}
	for _, c := range []struct {
		args string
		want []record.RunID
		more int
	}{
		{"", []record.RunID{third, second, first}, 0},
		{"--workflow sum", []record.RunID{third, first}, 0},
		{"--status failed", []record.RunID{second}, 0},
		{"--tag x", []record.RunID{second, first}, 0},
		{"--tag x --tag y", []record.RunID{second}, 0},
		{"--limit 1", []record.RunID{third}, 2},
		{"--limit 0", []record.RunID{third, second, first}, 0},
		{"--workflow sum --limit 1", []record.RunID{third}, 1},
		{"--search N=3", []record.RunID{third}, 0},
		{"--search purpose", []record.RunID{second}, 0},
		{"--from 1h", []record.RunID{third, second, first}, 0},
		{"--to 1h", nil, 0},
		{"--from 2020-01-01 --to 2020-01-02", nil, 0},
	} {
		got, more := list(strings.Fields(c.args)...)
		assert.Equal(t, c.want, got, c.args)
		assert.Equal(t, c.more, more, c.args)
	}
	text := w.ok("runs", "--limit", "2")
	assert.Regexp(t, `^run +workflow +status +started +tasks +makespan +records +tags\n`+
		string(third)+` +sum +succeeded +20\S+ \S+ +2 +\d.*complete\n`+string(second)+` +trip +failed .*complete +x, y\n2 of 3 runs shown`, text)
	assert.Contains(t, w.ok("runs", "--workflow", "none"), "There is no such run in "+w.dir)
}

func TestRunsAreFoundByParts(t *testing.T) {
	w := newWorld(t)
	first, last := string(w.record("sum")), string(w.record("sum"))
	tag := func(text string) string {
		var got annotationJSON
		w.json(&got, "tag", text)
		return string(got.Run)
	}
	assert.Equal(t, last, tag("last"))
	assert.Equal(t, first, tag(first))
	assert.Equal(t, first, tag(first[12:]), "an end")
	assert.Equal(t, first, tag(first[:19]), "a beginning")
	o := w.run("tag", first[:3])
	assert.Equal(t, exitUsage, o.code)
	assert.Contains(t, o.stderr, `could be any of 2 runs such as `+last+", "+first+", expected more of the ID")
}

func TestRecordText(t *testing.T) {
	whole := metricsstore.Upload{Steps: 900, StepsKept: 900, Details: 100, DetailsKept: 100}
	part := metricsstore.Upload{Steps: 900, StepsKept: 900, Details: 100, DetailsKept: 97}
	for _, c := range []struct {
		run  metricsstore.Run
		want string
	}{
		{metricsstore.Run{Header: metricsstore.Header{Status: record.Succeeded, Upload: whole}}, "complete"},
		{metricsstore.Run{Header: metricsstore.Header{Status: record.Succeeded, Upload: part}}, "997 of 1,000"},
		{metricsstore.Run{Header: metricsstore.Header{Status: record.Running}}, "–"},
		{metricsstore.Run{Header: metricsstore.Header{Status: record.Interrupted, Upload: whole}}, "cut off"},
		{metricsstore.Run{Header: metricsstore.Header{Status: record.Succeeded, Info: record.RunInfo{Reconstructed: "so"}}}, "reconstructed"},
	} {
		j := newRunJSON(&c.run)
		assert.Equal(t, c.want, j.recordText())
	}
	assert.Equal(t, "complete: 900 steps, 100 details", newRecordsReport(whole).text())
	assert.Equal(t, "partial: 900 steps, 97 of 100 details", newRecordsReport(part).text())
	r := newRecordsReport(part)
	r.Problem = "the disk\nis full"
	assert.Equal(t, "partial: 900 steps, 97 of 100 details; the disk is full", r.text())
}

func TestTag(t *testing.T) {
	w := newWorld(t)
	w.record("sum", "--tag", "a")
	var got annotationJSON
	w.json(&got, "tag", "last", "b", "c", "b", "--remove", "a", "--note", "why\nnot")
	assert.Equal(t, []string{"b", "c"}, got.Tags)
	assert.Equal(t, "run   "+string(got.Run)+"\ntags  b, c\nnote  why not\n", w.ok("tag", "last"))
	w.json(&got, "tag", "last", "--note", "")
	assert.Equal(t, annotationJSON{got.Run, []string{"b", "c"}, ""}, got)
}

func TestDelete(t *testing.T) {
	w := newWorld(t)
	first, second := w.record("sum"), w.record("sum")
	o := w.run("delete", "last", "nothing")
	assert.Equal(t, exitUsage, o.code)
	assert.Contains(t, w.ok("runs"), string(second), "all or none")
	assert.Equal(t, string(second)+" is deleted\n", w.ok("delete", "last", string(second)))
	text := w.ok("runs")
	assert.NotContains(t, text, string(second))
	assert.Contains(t, text, string(first))
	assert.Contains(t, w.ok("check"), "is in order, with 1 run\n")
	assert.Regexp(t, ` took .* and takes .* now\n$`, w.ok("compact"))
}

func TestPrune(t *testing.T) {
	w := newWorld(t)
	first, second, third := w.record("sum", "--tag", "keep"), w.record("sum"), w.record("sum")
	assert.Equal(t, "0 runs deleted; the command compact frees their space\n", w.ok("prune", "--older-than", "1h", "--keep", "3", "--within", "1GiB"))
	assert.Equal(t, string(second)+" is deleted\n1 run deleted; the command compact frees their space\n", w.ok("prune", "--keep", "1"))
	text := w.ok("runs")
	assert.Contains(t, text, string(first), "it is tagged keep")
	assert.Contains(t, text, string(third))
	var got struct{ Deleted []record.RunID }
	w.json(&got, "prune", "--within", "1")
	assert.Equal(t, []record.RunID{third}, got.Deleted)
	w.json(&got, "prune", "--older-than", "1ns")
	assert.Empty(t, got.Deleted)
}

// TestPruneAll: a limit of 0 is one that nothing but what is tagged keep lies within.
func TestPruneAll(t *testing.T) {
	for _, flag := range []string{"--keep=0", "--older-than=0s"} {
		w := newWorld(t)
		kept := w.record("sum", "--tag", "keep")
		w.record("sum")
		w.record("sum")
		assert.Contains(t, w.ok("prune", flag), "2 runs deleted", flag)
		text := w.ok("runs")
		assert.Contains(t, text, string(kept), flag)
		assert.Equal(t, 1, strings.Count(text, " sum "), flag)
	}
}

// TestTagWithComma: a tag is one word of the command line, whatever stands in it.
func TestTagWithComma(t *testing.T) {
	w := newWorld(t)
	both := w.record("sum", "--tag", "a,b")
	w.record("sum", "--tag", "a", "--tag", "b")
	text := w.ok("runs", "--tag", "a,b")
	assert.Contains(t, text, string(both))
	assert.Equal(t, 1, strings.Count(text, " sum "))
	assert.Contains(t, w.ok("tag", string(both), "x,y", "--remove", "a,b"), "x,y\n")
}

func TestTasks(t *testing.T) {
	w := newWorld(t)
	w.record("trip", "--set", "mode=panic", "--policy", "continue")
	var got tasksJSON
	w.json(&got, "tasks", "last")
	require.Len(t, got.Attempts, 3)
	for i, a := range got.Attempts[:2] {
		assert.Equal(t, []any{"trip", i + 1}, []any{a.Name, a.Attempt})
		assert.Equal(t, map[bool]string{true: "failed", false: "retrying"}[i == 1], a.Outcome.String())
		require.NotNil(t, a.Error)
		assert.Equal(t, record.PanicError, a.Error.Kind)
		assert.LessOrEqual(t, a.ReadyNS, a.ClaimedNS)
		assert.LessOrEqual(t, a.ClaimedNS, a.BodyNS)
		assert.LessOrEqual(t, a.BodyNS, a.EndedNS)
		assert.Equal(t, a.EndedNS-a.BodyNS, int64(a.Execute))
	}
	assert.Equal(t, []any{"plus", record.OutcomeSkipped, 0}, []any{got.Attempts[2].Name, got.Attempts[2].Outcome, got.Attempts[2].Attempt})

	names := func(args ...string) (out []string) {
		w.json(&got, append([]string{"tasks", "last"}, args...)...)
		for _, a := range got.Attempts {
			out = append(out, a.Name)
		}
		return out
	}
	w.record("sum", "--set", "n=5")
	assert.Equal(t, []string{"plus[0]", "plus[1]", "plus[2]", "plus[3]"}, names())
	assert.Equal(t, []string{"plus[3]", "plus[2]", "plus[1]", "plus[0]"}, names("--sort", "task", "--reverse"))
	assert.Equal(t, []string{"plus[0]", "plus[1]"}, names("--sort", "ended", "--limit", "2"))
	assert.Equal(t, 2, got.More)
	assert.Empty(t, names("--function", "other"))
	assert.Empty(t, names("--outcome", "failed"))
	assert.Empty(t, names("--worker", "7"))
	assert.Len(t, names("--worker", "0", "--outcome", "ok", "--function", "plus"), 4)
	for _, by := range []string{"queue", "wait", "fetch", "execute", "store", "update", "input", "output"} {
		assert.Len(t, names("--sort", by), 4, by)
		for i := 1; i < len(got.Attempts); i++ {
			a, b := got.Attempts[i-1], got.Attempts[i]
			value := func(t attemptJSON) int64 {
				return map[string]int64{
					"queue": int64(t.Queue), "wait": int64(t.Wait), "fetch": int64(t.Fetch), "execute": int64(t.Execute),
					"store": int64(t.Store), "update": int64(t.Update), "input": t.Input, "output": t.Output,
				}[by]
			}
			assert.GreaterOrEqual(t, value(a), value(b), by)
		}
	}
	text := w.ok("tasks", "last", "--limit", "1")
	assert.Regexp(t, `^task +attempt +outcome +worker +claimed +queue +wait +fetch +execute +store +update +input +output +error\nplus\[0\] +1 +ok +0 slot \d+ +\+.*\n1 of 4 shown`, text)
}

func TestStats(t *testing.T) {
	w := newWorld(t)
	w.record("sum", "--set", "n=8")
	w.record("sum", "--set", "n=1001")
	w.record("trip")
	var got statsJSON
	w.json(&got, "stats", "--function", "plus", "--metric", "execute_ns,output_bytes")
	assert.Equal(t, []any{3, int64(1008), int64(1007)}, []any{got.Runs, got.Attempts, got.Succeeded})
	require.Len(t, got.Statistics, 2)
	execute, output := got.Statistics[0], got.Statistics[1]
	assert.Equal(t, []any{metricsstore.ExecuteNS, metricsstore.OutputBytes}, []any{execute.Metric, output.Metric})
	assert.Equal(t, uint64(1007), execute.N)
	assert.Equal(t, 2, execute.Runs)
	assert.Equal(t, []float64{8, 8, 8}, []float64{output.Min, output.Mean, output.Max})
	for _, q := range execute.Quantiles {
		assert.LessOrEqual(t, q.Low, q.Value)
		assert.LessOrEqual(t, q.Value, q.High)
		assert.True(t, q.Enough)
	}
	assert.Equal(t, []float64{0.5, 0.95, 0.99}, []float64{execute.Quantiles[0].Q, execute.Quantiles[1].Q, execute.Quantiles[2].Q})

	groups := func(args ...string) (out []uint64) {
		w.json(&got, append([]string{"stats"}, args...)...)
		for _, s := range got.Statistics {
			out = append(out, s.N)
		}
		return out
	}
	assert.Equal(t, []uint64{1007}, groups("--group-by", "workflow"))
	assert.Equal(t, []uint64{1007}, groups("--group-by", "day"))
	assert.Equal(t, []uint64{1007}, groups("--group-by", "none"))
	assert.Equal(t, []uint64{1007}, groups("--from", "1h"))
	assert.Nil(t, groups("--to", "1h"))
	assert.Nil(t, groups("--workflow", "trip"))
	assert.Nil(t, groups("--function", "trip"))

	text := w.ok("stats", "--metric", "output_bytes")
	assert.Regexp(t, `^function +n +p50 +p95 +p99 +mean +min +max\nplus +1,007 +(= 8 B) += 8 B += 8 B +8 B +8 B +8 B\n`, text)
	assert.Contains(t, text, "\noutput_bytes over 3 runs: 1,007 of 1,008 attempts, those that succeeded.\n")
	text = w.ok("stats", "--group-by", "workflow", "--metric", "execute_ns", "--metric", "output_bytes")
	assert.Regexp(t, `^workflow +metric +n .*\nsum +execute_ns +1,007 .*\nsum +output_bytes +1,007 `, text)
	text = w.ok("stats", "--group-by", "day")
	assert.Regexp(t, `^day +n .*\n20\d\d-\d\d-\d\d +1,007 `, text)
}

func TestStatsOfARun(t *testing.T) {
	w := newWorld(t)
	id := w.record("sum", "--set", "n=701")
	var got statsJSON
	w.json(&got, "stats", "last", "--quantiles", "0.5,0.999")
	assert.Equal(t, []any{id, int64(700), uint64(700)}, []any{got.Run, got.Attempts, got.Statistics[0].N})
	assert.False(t, got.Statistics[0].Exact)
	assert.True(t, got.Complete)
	for _, c := range []struct {
		args string
		n    []uint64
	}{
		{"--group-by none", []uint64{700}},
		{"--group-by worker", []uint64{700}},
		{"--function other", nil},
		{"--at 1ns", nil},
		{"--at 1h", []uint64{700}},
		{"--group-by level", slices.Repeat([]uint64{1}, 700)},
	} {
		w.json(&got, append([]string{"stats", "last"}, strings.Fields(c.args)...)...)
		var n []uint64
		for _, st := range got.Statistics {
			n = append(n, st.N)
		}
		assert.Equal(t, c.n, n, c.args)
	}
	assert.Equal(t, 699, *got.Statistics[699].Group.Level)
	text := w.ok("stats", "last", "--quantiles", "0.5,0.999")
	assert.Regexp(t, `^function +n +p50 +p99\.9 +mean +min +max\nplus +700 +[=≈] \d.* +not enough samples \(n = 700\)`, text)
	assert.Contains(t, w.ok("stats", "last", "--at", "0s"), "execute_ns over run "+string(id)+" as of 0 ns after its start.\n")
	assert.Regexp(t, `execute_ns over run \w+ up to step \d+: 700 of 700 attempts, those that succeeded.\n$`, text)
}

func TestQuantileText(t *testing.T) {
	sketch := func(values ...int64) *digest.Sketch {
		var s digest.Sketch
		s.AddSlice(values)
		return &s
	}
	text := func(s *digest.Sketch, q float64) string {
		d := metricsstore.Distribution{N: s.N(), Summary: s.Summary(), Quantiles: s.AppendQuantiles(nil, q)}
		st := newStatistic(groupJSON{}, metricsstore.ExecuteNS, 1, &d)
		return st.Quantiles[0].text(st.Metric, st.N)
	}
	assert.Equal(t, "= 2 ms", text(sketch(1e6, 2e6, 3e6), 0.5))
	assert.Equal(t, "not enough samples (n = 3)", text(sketch(1e6, 2e6, 3e6), 0.99))
	many := make([]int64, 2000)
	for i := range many {
		many[i] = int64(i+1) * 1e6
	}
	assert.Regexp(t, `^≈ (99\d ms .*|1\.0\d s) ±(0\.\d+|1) %$`, text(sketch(many...), 0.5))
	assert.Equal(t, []string{"p50", "p99.9", "p95", "p0", "p100", "p33.33333"}, []string{
		percentile(0.5), percentile(0.999), percentile(0.95), percentile(0), percentile(1), percentile(1. / 3),
	})
	assert.Equal(t, "1.50 KiB/s", quantity(metricsstore.OutputRate, 1536))
}

func TestImportOfARecording(t *testing.T) {
	w := newWorld(t)
	file := filepath.Join(t.TempDir(), "x")
	require.NoError(t, os.WriteFile(file, bakery, 0o600))
	assert.Regexp(t, `^\w{20}  wfformat:bakery with 21 tasks is imported\n  inferred: workers have no recorded lanes`, w.ok("import", file))
	var before, after struct{ Runs []runJSON }
	w.json(&before, "runs")
	assert.Contains(t, w.ok("import", file), "existed already; nothing has changed\n")
	w.json(&after, "runs")
	assert.Equal(t, before, after)
	assert.Contains(t, w.ok("runs"), "reconstructed")
	text := w.ok("stats", "last", "--function", "rise")
	assert.Regexp(t, `\nrise +6 += 1 min 33 s +`, text)
	assert.Regexp(t, `\nrise +6 += 1 min 33 s +`, w.ok("stats"), "its durations were measured")
	assert.NotContains(t, w.ok("stats"), "left out")
	assert.Contains(t, w.ok("stats", "--metric", "queue_ns"), "There are no values in 0 runs.\n")
	assert.Contains(t, w.ok("stats", "--metric", "execute_ns", "--metric", "queue_ns"),
		"1 run left out of queue_ns: imported, and their recordings do not have it.\n")
	assert.Contains(t, w.ok("stats", "last", "--at", "0s"), "There are no values")
}

// TestExportAndImport: an archive brings a run into another folder, bit by bit.
func TestExportAndImport(t *testing.T) {
	from, to := newWorld(t), newWorld(t)
	from.record("trip", "--set", "mode=panic", "--tag", "x")
	file := filepath.Join(t.TempDir(), "run.dagscope")
	assert.Regexp(t, ` is in \S+run.dagscope as archive, [\d.]+ \w+\n$`, from.ok("export", "last", "-o", file))
	assert.Regexp(t, ` is imported\n$`, to.ok("import", file))
	assert.Regexp(t, ` existed already; nothing has changed\n$`, to.ok("import", file))
	assert.Regexp(t, ` existed already; nothing has changed\n$`, from.ok("import", file))
	for _, args := range [][]string{{"runs", "--json"}, {"tasks", "last", "--json"}, {"stats", "--json"}} {
		want := from.ok(args...)
		assert.Equal(t, want, to.ok(args...), "%v", args)
	}
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(data), from.ok("export", "last"))
	left, err := filepath.Glob(filepath.Join(filepath.Dir(file), ".*"))
	require.NoError(t, err)
	assert.Empty(t, left)

	require.NoError(t, os.WriteFile(file, data[:len(data)/2], 0o600))
	o := newWorld(t).run("import", file, "--json")
	assert.Equal(t, exitUsage, o.code)
	assert.Contains(t, o.stdout, `"status": "failed"`)
	assert.Contains(t, o.stderr, "the archive is damaged")
}

func TestExportFormats(t *testing.T) {
	w := newWorld(t)
	id := w.record("sum", "--set", "n=5")
	rows, err := csv.NewReader(strings.NewReader(w.ok("export", "last", "--format", "csv"))).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 5)
	assert.Equal(t, []string{"run", string(id)}, []string{rows[0][0], rows[1][0]})

	var trace struct {
		Events []struct{ Name, Ph string } `json:"traceEvents"`
	}
	decode(t, w.ok("export", "last", "--format", "chrome"), &trace)
	spans := 0
	for _, e := range trace.Events {
		if e.Ph == "X" && strings.HasPrefix(e.Name, "plus") {
			spans++
		}
	}
	assert.GreaterOrEqual(t, spans, 4)

	kinds := map[string]int{}
	for line := range strings.Lines(w.ok("export", "last", "--format", "ndjson")) {
		var event struct{ Run, Kind string }
		decode(t, line, &event)
		assert.Equal(t, string(id), event.Run)
		kinds[event.Kind]++
	}
	assert.Equal(t, []int{1, 4, 1}, []int{kinds["run.started"], kinds["task.finished"], kinds["run.finished"]})

	file := filepath.Join(t.TempDir(), "x.csv")
	var got exportJSON
	w.json(&got, "export", "last", "--format", "csv", "--output", file)
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, exportJSON{id, "csv", file, int64(len(data))}, got)

	o := w.run("export", "last", "--json")
	assert.Equal(t, exitUsage, o.code)
	assert.Contains(t, o.stderr, "expected --output FILE")
	w.terminal = true
	o = w.run("export", "last")
	assert.Equal(t, exitUsage, o.code, "an archive would garble the terminal")
	assert.Empty(t, o.stdout)
}

func TestCompletion(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		words []string
		want  string
	}{
		{[]string{""}, "serve\nrun\nworker\nworkflows\nschema\ndemo\nruns\ntasks\nstats\nwhy\ncompare\nwhatif\npredict\nlogs\nresult\ncancel\npause\nresume\nretry\nimport\nexport\ndelete\nprune\ntag\ncompact\nenv\ncheck\nbench\nversion\ncompletion\n"},
		{[]string{"ru"}, "run\nruns\n"},
		{[]string{"run", ""}, "sum\ntrip\nwait\nlength\nmany\nwfformat\n"},
		{[]string{"run", "t"}, "trip\n"},
		{[]string{"run", "trip", "--set", ""}, "mode=error\nmode=panic\nmode=not\n"},
		{[]string{"run", "trip", "--set", "mode=p"}, "mode=panic\n"},
		{[]string{"run", "trip", "--set", "mode", "=", "p"}, "panic\n"},
		{[]string{"run", "trip", "--set", "mode", "="}, "error\npanic\nnot\n"},
		{[]string{"run", "wait", "--set", ""}, "time=\nshare=\nnot=true\nnot=false\nwhy=\n"},
		{[]string{"run", "--policy", ""}, "fail-fast\ncontinue\n"},
		{[]string{"run", "--policy=c"}, "--policy=continue\n"},
		{[]string{"run", "--policy", "=", "c"}, "continue\n"},
		{[]string{"run", "--pol"}, "--policy\n"},
		{[]string{"--json", "run", "s"}, "sum\n"},
		{[]string{"--data", "x", "run", "s"}, "sum\n"},
		{[]string{"--data", ""}, ":files\n"},
		{[]string{"--data=x"}, ":files\n"},
		{[]string{"import", ""}, ":files\n"},
		{[]string{"import", "a", "b"}, ":files\n"},
		{[]string{"export", "last", "-o", ""}, ":files\n"},
		{[]string{"serve", "--token-file", ""}, ":files\n"},
		{[]string{"serve", "--log-format=j"}, "--log-format=json\n"},
		{[]string{"tasks", ""}, "last\n"},
		{[]string{"tasks", "last", ""}, ""},
		{[]string{"stats", "--metric", "ex"}, "execute_ns\n"},
		{[]string{"run", "--durability", ""}, "group\neach\n"},
		{[]string{"completion", ""}, "bash\nzsh\nfish\n"},
		{[]string{"run", "--nothing=x"}, ""},
		{[]string{"env", ""}, "list\nprepare\nprune\n"},
		{[]string{"env", "prepare", ""}, ":files\n"},
		{[]string{"env", "list", "--env-d"}, "--env-dir\n"},
		{[]string{"runs", "--metrics", ""}, "redis\nembedded\n"},
		{[]string{"runs", "--redis-ca", ""}, ":files\n"},
		{nil, "serve\nrun\nworker\nworkflows\nschema\ndemo\nruns\ntasks\nstats\nwhy\ncompare\nwhatif\npredict\nlogs\nresult\ncancel\npause\nresume\nretry\nimport\nexport\ndelete\nprune\ntag\ncompact\nenv\ncheck\nbench\nversion\ncompletion\n"},
	} {
		assert.Equal(t, c.want, w.ok(append([]string{"__complete", "--"}, c.words...)...), "%q", c.words)
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		script := w.ok("completion", shell)
		assert.Contains(t, script, "_dagscope_complete", shell)
		assert.Contains(t, script, "__complete --", shell)
		assert.NotContains(t, script, "PROGRAM", shell)
	}
}
