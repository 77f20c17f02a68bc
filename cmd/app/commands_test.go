package app

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
)

func TestRun(t *testing.T) {
	w := newWorld(t)
	var got runReport
	w.json(&got, "run", "sum", "--set", "n=100", "--workers", "2", "--tag", "a", "--tag", "b", "--upload", "queue=7", "--durability", "each")
	assert.Equal(t, "5050", string(got.Result))
	assert.Equal(t, runReport{
		Run: got.Run, Workflow: "sum", Params: map[string]string{"n": "100"}, Tags: []string{"a", "b"}, Status: record.Succeeded,
		Tasks: 99, Done: 99, runSpan: got.runSpan, Result: got.Result, ResultType: "int", Data: w.dir,
		Records: recordsReport{Upload: "queue=7", Steps: got.Records.Steps, StepsKept: got.Records.Steps, Complete: true},
	}, got)
	assert.Positive(t, got.MakespanNS)
	assert.GreaterOrEqual(t, got.Records.Steps, int64(99))
}

func TestRunForPeople(t *testing.T) {
	w := newWorld(t)
	o := w.run("run", "sum")
	assert.Equal(t, exitOK, o.code)
	for _, line := range []string{"workflow  sum n=10\n", "status    succeeded\n", "tasks     9 of 9 done\n", "result    55\n", "records   complete: "} {
		assert.Contains(t, o.stdout, line)
	}
	assert.Regexp(t, `^(\w{20})  sum started with 9 tasks\n\w{20}  sum succeeded after \d.*: 9 of 9 tasks done\n$`, o.stderr)
	assert.NotContains(t, o.stdout+o.stderr, "\x1b")

	o = w.run("run", "many")
	assert.Contains(t, o.stdout, "result    (a []int of ")
}

func TestRunFails(t *testing.T) {
	w := newWorld(t)
	o := w.run("run", "trip", "--set", "mode=panic", "--policy", "continue")
	assert.Equal(t, exitFailed, o.code)
	for _, part := range []string{
		"status    failed\n", "tasks     0 of 2 done, 1 failed, 1 skipped, 1 retried\n", "error     panic: tripped on purpose for good\n",
		"  task    trip, attempt 2\n", "  worker  ", ", slot ", "  time    20", "  stack\n    goroutine ", "app_test.go:",
	} {
		assert.Contains(t, o.stdout, part)
	}
	var got struct {
		Status string
		Result any
		Error  struct {
			Kind, Task, Message, Stack, Worker string
			Attempt                            int
			Time                               time.Time
		}
	}
	o = w.run("--json", "run", "trip")
	assert.Equal(t, exitFailed, o.code)
	decode(t, o.stdout, &got)
	assert.Equal(t, "failed", got.Status)
	assert.Nil(t, got.Result)
	assert.Equal(t, "user", got.Error.Kind)
	assert.Equal(t, "tripped on purpose", got.Error.Message)
	assert.Equal(t, 1, got.Error.Attempt)
	assert.WithinDuration(t, time.Now(), got.Error.Time, time.Minute)
}

func TestRunReadsFiles(t *testing.T) {
	w := newWorld(t)
	path := filepath.Join(t.TempDir(), "input.bin")
	require.NoError(t, os.WriteFile(path, make([]byte, 12345), 0o600))
	var got runReport
	w.json(&got, "run", "length", "--set", "input="+path)
	assert.Equal(t, "12345", string(got.Result))
	assert.Equal(t, map[string]string{"input": "input.bin"}, got.Params)
}

// TestInterrupt: what Ctrl-C cancels is recorded before the program ends.
func TestInterrupt(t *testing.T) {
	for _, c := range []struct {
		cause error
		code  int
	}{
		{context.Canceled, 130}, {interrupted{2}, 130}, {interrupted{15}, 143},
	} {
		w := newWorld(t)
		o := w.interrupt(c.cause, "run", "wait", "--json")
		assert.Equal(t, c.code, o.code, "%s%s", o.stdout, o.stderr)
		var got runReport
		decode(t, o.stdout, &got)
		assert.Equal(t, record.Cancelled, got.Status)
		assert.True(t, got.Records.Complete)
		var runs struct{ Runs []runJSON }
		w.json(&runs, "runs", "--status", "cancelled")
		require.Len(t, runs.Runs, 1)
		assert.Equal(t, got.Run, runs.Runs[0].Run)
	}
}

// TestMistakes: whatever is wrong with a command line gives the exit code and says what was expected.
//
// Long: one table with a row for each mistake.
func TestMistakes(t *testing.T) {
	w := newWorld(t)
	w.ok("run", "sum")
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	for _, c := range []struct {
		args string
		code int
		want string // in the message
	}{
		{"frobnicate", 2, "unexpected argument frobnicate; commands are serve, run, worker, workflows, schema, demo"},
		{"runns", 2, `did you mean one of "run", "runs"?`},
		{"run", 2, `expected "<workflow>"`},
		{"run summ", 2, `there is no workflow "summ", expected one of sum, trip, wait, length, many, wfformat`},
		{"run sum --set", 2, "--set: missing value, expecting"},
		{"run sum --set n", 2, `expected "<key>=<value>" but got "n"`},
		{"run sum --set m=1", 2, `no parameter "m", expected n`},
		{"run sum --set n=1", 2, "1 is out of range, expected 2 to 5000"},
		{"run sum --set n=many", 2, `"many" is not a whole number`},
		{"run trip --set mode=x", 2, `"x" is not one of error, panic, not`},
		{"run wait --set time=1", 2, `"1" is not a duration such as 10ms`},
		{"run wait --set share=2", 2, "2 is out of range, expected 0 to 1"},
		{"run wait --set not=2", 2, `"2" is neither true nor false`},
		{"run length", 2, "required, expected a file"},
		{"run length --set input=/nowhere", 2, "expected a file that can be read: open /nowhere: no such file"},
		{"run wfformat --set file=" + file("x.json", `{"name": 1}`), 2, "invalid recording"},
		{"run sum --workers x", 2, "expected a valid 64 bit int but got \"x\""},
		{"run sum --workers=-1", 2, "--workers is -1, expected at least 1"},
		{"run sum --deadline 0s", 2, "--deadline is 0s, expected more than 0"},
		{"run sum --policy never", 2, `--policy must be one of "fail-fast","continue"`},
		{"run sum --upload sometimes", 2, "expected after_each_task, periodic=2s, queue=256 or shutdown"},
		{"run sum --upload queue=0", 2, "expected queue=N from 1 to"},
		{"run sum --durability never", 2, "expected group or each"},
		{"run sum --colour", 2, "unknown flag --colour"},
		{"workflows summ", 2, `there is no workflow "summ", expected one of sum`},
		{"runs --status bad", 2, `--status must be one of`},
		{"runs --from yesterday", 2, `"yesterday" is not a time, expected 2006-01-02`},
		{"runs --from 1h --to 2h", 2, "expected --from to be earlier"},
		{"runs --limit=-1", 2, "--limit is -1, expected 0 or more"},
		{"tasks", 2, `expected "<run>"`},
		{"tasks zzz", 2, `there is no run "zzz", expected an ID`},
		{"tasks last --sort size", 2, `--sort must be one of "claimed"`},
		{"tasks last --outcome good", 2, `--outcome must be one of`},
		{"stats --metric speed", 2, `--metric is "speed", expected queue_ns, wait_ns`},
		{"stats --quantiles 1.5", 2, "--quantiles has 1.5, expected numbers from 0 to 1"},
		{"stats --quantiles x", 2, "--quantiles"},
		{"stats --group-by moon", 2, `--group-by must be one of`},
		{"stats --group-by level", 2, "--group-by is level, expected a run with it"},
		{"stats last --group-by day", 2, "expected function, worker, level or none for a run"},
		{"stats --at 1s", 2, "--at is 1s, expected a run with it"},
		{"stats last --workflow sum", 2, "expected either them or a run"},
		{"import /nowhere", 2, "/nowhere: expected a file that can be read"},
		{"import " + file("empty", " \n"), 2, "empty, expected an archive or a recording"},
		{"import " + file("noise", "abc"), 2, "expected an archive or a recording of a known format"},
		{"import " + file("y.json", `{"schemaVersion": "1.2"}`), 2, "invalid recording"},
		{"export last --format pdf", 2, `--format must be one of "archive"`},
		{"export nothing", 2, `there is no run "nothing"`},
		{"export last -o " + dir + "/no/where", 2, "expected a file that can be written"},
		{"delete", 2, `expected "<run> ..."`},
		{"prune", 2, "expected --older-than, --keep or --within"},
		{"prune --keep=-1", 2, "--keep is -1, expected 0 or more"},
		{"prune --older-than=-1h", 2, "--older-than is -1h0m0s, expected 0s or more"},
		{"prune --within 0", 2, `"0" is not a size of 1 byte or more`},
		{"prune --within 5MB", 2, "expected bytes, or a number with KiB"},
		{"delete nothing", 2, `there is no run "nothing"`},
		{"tag", 2, `expected "<run>"`},
		{"tag nothing x", 2, `there is no run "nothing"`},
		{"bench --rounds=-1", 2, "--rounds is -1, expected at least 1"},
		{"completion tcsh", 2, `<shell> must be one of "bash","zsh","fish"`},
		{"version now", 2, "unexpected argument now"},
	} {
		o := w.run(strings.Fields(c.args)...)
		assert.Equal(t, c.code, o.code, c.args)
		assert.Contains(t, o.stderr, c.want, c.args)
		assert.Empty(t, o.stdout, c.args)
		assert.True(t, strings.HasPrefix(o.stderr, "dagscope"), c.args)
	}
}

// TestUnreachable: where the store cannot be had, nothing is done, and the exit code says why.
func TestUnreachable(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(t *testing.T, dir string)
		want string
	}{
		{"missing", func(*testing.T, string) {}, "expected a folder with records, which the commands serve, run, demo and import create: "},
		{"a file", func(t *testing.T, dir string) { require.NoError(t, os.WriteFile(dir, nil, 0o600)) }, "data"},
		{"damaged", func(t *testing.T, dir string) {
			require.NoError(t, os.Mkdir(dir, 0o700))
			require.NoError(t, os.WriteFile(filepath.Join(dir, "dagscope.db"), bytes.Repeat([]byte("noise"), 9999), 0o600))
		}, "not a data file"},
	} {
		w := newWorld(t)
		c.make(t, w.dir)
		commands := [][]string{{"runs"}, {"tasks", "last"}, {"stats"}, {"delete", "x"}, {"tag", "x"}, {"compact"}, {"export", "last"}}
		if c.name != "missing" {
			commands = append(commands, []string{"run", "sum"}, []string{"demo"}, []string{"import", "x"})
		}
		if c.name == "damaged" { // which is what check is there to find
			o := w.run("check")
			assert.Equal(t, exitFailed, o.code)
			assert.Contains(t, o.stdout, "is damaged:")
		} else {
			commands = append(commands, []string{"check"})
		}
		for _, args := range commands {
			o := w.run(args...)
			assert.Equal(t, exitUnreachable, o.code, "%s: %v", c.name, args)
			assert.Contains(t, o.stderr, c.want, "%s: %v", c.name, args)
			assert.Empty(t, o.stdout, "%s: %v", c.name, args)
		}
	}
}

func TestHelp(t *testing.T) {
	w := newWorld(t)
	golden(t, "help.txt", w.ok())
	for _, command := range []string{"serve", "run", "worker", "workflows", "demo", "runs", "tasks", "stats", "why", "compare", "import", "export", "delete", "prune", "tag", "compact", "check", "bench", "version", "completion"} {
		golden(t, "help-"+command+".txt", w.ok(command, "--help"))
	}
	for _, command := range []string{"list", "prepare", "prune"} {
		golden(t, "help-env-"+command+".txt", w.ok("env", command, "--help"))
	}
}

func TestWorkflows(t *testing.T) {
	w := newWorld(t)
	golden(t, "workflows.txt", w.ok("workflows", "sum", "trip", "wait", "length", "many"))
	golden(t, "workflows.json", w.ok("workflows", "--json", "sum", "trip", "wait", "length", "many"))
	assert.True(t, strings.HasPrefix(w.ok("workflows", "trip"), "trip\n"))
}

func TestVersion(t *testing.T) {
	w := newWorld(t)
	assert.Regexp(t, `^dagscope: dagscope .*, go1\.\d+.*, \w+/\w+\n$`, w.ok("version"))
	var got map[string]any
	w.json(&got, "version")
	for _, key := range []string{"program", "version", "revision", "modified", "go", "platform"} {
		assert.Contains(t, got, key)
	}
}

// shape replaces what differs between runs in JSON, so that names and structure can be held against a golden file.
func shape(t *testing.T, text string) string {
	t.Helper()
	var v any
	decode(t, text, &v)
	out, err := json.MarshalIndent(shapeOf(v), "", "  ")
	require.NoError(t, err)
	return string(out) + "\n"
}

func shapeOf(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = shapeOf(v[k])
		}
		return v
	case []any:
		if len(v) > 0 {
			return []any{shapeOf(v[0])}
		}
		return v
	case float64:
		return "number"
	case string:
		return "text"
	default:
		return v
	}
}

func TestJSONShapes(t *testing.T) {
	w := newWorld(t)
	golden(t, "run.json", shape(t, w.ok("run", "sum", "--json")))
	failed := w.run("run", "trip", "--json")
	golden(t, "run-failed.json", shape(t, failed.stdout))
	golden(t, "runs.json", shape(t, w.ok("runs", "--json")))
	golden(t, "tasks.json", shape(t, w.ok("tasks", "last", "--json")))
	golden(t, "stats.json", shape(t, w.ok("stats", "--json")))
	golden(t, "stats-run.json", shape(t, w.ok("stats", "last", "--json", "--group-by", "worker", "--metric", "queue_ns")))
	golden(t, "compare.json", shape(t, w.ok("compare", "last", "last", "--json")))
	golden(t, "compare-html.json", shape(t, w.ok("compare", "last", "last", "--json", "--html", filepath.Join(t.TempDir(), "compared.html"))))
	golden(t, "tag.json", shape(t, w.ok("tag", "last", "slow", "--note", "why", "--json")))
	golden(t, "check.json", shape(t, w.ok("check", "--json")))
	golden(t, "compact.json", shape(t, w.ok("compact", "--json")))
	file := filepath.Join(t.TempDir(), "bakery.json")
	require.NoError(t, os.WriteFile(file, bakery, 0o600))
	golden(t, "import.json", shape(t, w.ok("import", file, "--json")))
	golden(t, "why.json", shape(t, w.ok("why", "last", "--json"))) // of a recording, which always has the same findings
	golden(t, "delete.json", shape(t, w.ok("delete", "last", "--json")))
}

// TestInterruptedBefore: a context that ends before anything was done gives the code of its signal, and says so.
func TestInterruptedBefore(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(interrupted{15})
	for _, args := range [][]string{{"run", "sum"}, {"demo"}, {"import", "x"}} {
		o := w.runUntil(ctx, args...)
		assert.Equal(t, 143, o.code, "%v", args)
		assert.Equal(t, "dagscope: ended by the signal terminated\n", o.stderr, "%v", args)
		assert.Empty(t, o.stdout, "%v", args)
	}
}

func TestMakespanText(t *testing.T) {
	for _, c := range []struct {
		claim, makespan time.Duration
		want            string
	}{
		{time.Millisecond, time.Microsecond, "1 µs"}, // the engine's own
		{99 * time.Millisecond, time.Second, "1.00 s"},
		{100 * time.Millisecond, time.Second, "1.00 s, from the first claim on, which came after 100 ms"},
		{0, 0, "0 ns"},
	} {
		p := runSpan{int64(c.claim), int64(c.makespan)}
		assert.Equal(t, c.want, p.makespanText())
	}
}
