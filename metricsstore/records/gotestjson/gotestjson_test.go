package gotestjson_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/droptest"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/gotestjson"
)

const failing = "go-test-json/failing-tests.jsonl"

func TestClaims(t *testing.T) {
	droptest.Foreign(t, gotestjson.New(), "go-test-json")
	require.Equal(t, records.Main, gotestjson.New().Sniff("", []byte("# pkg\n{\"Action\":\"run\",\"Package\":\"a\",\"Test\":\"T\"}\n")))
	require.Equal(t, records.Foreign, gotestjson.New().Sniff("", []byte(`{"Action":"run","Name":"a"}`)))
}

// plain counts in the raw file: tests that have ended by result, packages too, and the time from the first to the last
// event.
func plain(t *testing.T, raw string) (ends map[string]int, span time.Duration) {
	ends = map[string]int{}
	var first, last time.Time
	for l := range strings.Lines(raw) {
		var e map[string]any
		require.NoError(t, json.Unmarshal([]byte(l), &e))
		if s, ok := e["Time"].(string); ok {
			at, err := time.Parse(time.RFC3339Nano, s)
			require.NoError(t, err)
			if first.IsZero() {
				first = at
			}
			last = at
		}
		switch e["Action"] {
		case "pass", "fail", "skip":
			ends[e["Action"].(string)]++
		}
	}
	return ends, last.Sub(first)
}

// last are the attempts that end the spans of a run by ID, without the periods before.
func last(r *records.Run) map[string]records.Attempt {
	all := map[string]records.Attempt{}
	for _, task := range r.Tasks {
		if !strings.Contains(task.Name, ", part ") || !strings.HasSuffix(task.ID, "/1") && !strings.HasSuffix(task.ID, "/2") && !strings.HasSuffix(task.ID, "/3") {
			all[task.ID] = task.Attempts[0]
		}
	}
	return all
}

func TestFailing(t *testing.T) {
	raw := droptest.Load(t, failing)
	r := droptest.One(t, gotestjson.New(), failing, raw)
	ends, span := plain(t, string(raw))
	attempts := last(r)
	failed := 0
	first, end := records.Moment(1<<62), records.Moment(0)
	for _, task := range r.Tasks {
		a := task.Attempts[0]
		if a.Outcome == record.OutcomeFailed {
			failed++
		}
		first, end = min(first, a.Started), max(end, a.Ended)
	}
	require.Equal(t, ends["fail"], failed)
	require.Len(t, attempts, ends["pass"]+ends["fail"]+ends["skip"])
	require.Equal(t, span, time.Duration(end-first))
	require.Equal(t, "go test example.org/demo/...", r.Workflow)
	require.Equal(t, record.Failed, r.Status)
	require.Empty(t, r.Incomplete)

	// It continued at .133630780, took 0.15 s, printed that at .284827258, and the event of its end came at .384563185.
	slow := attempts["example.org/demo/a.TestPar/s#02"]
	require.Equal(t, "05:59:48.133630780", slow.Started.Time().Format("15:04:05.000000000"))
	require.Equal(t, "05:59:48.284827258", slow.Ended.Time().Format("15:04:05.000000000"))
	require.Equal(t, "05:59:48.082429122", slow.Ready.Time().Format("15:04:05.000000000"))
	droptest.CutLines(t, gotestjson.New(), failing, raw, 200)
}

func load(t *testing.T, name string) *records.Run {
	raw, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	return droptest.One(t, gotestjson.New(), name, raw)
}

// What does not build has no output of its own; the compiler's is there.
func TestBuild(t *testing.T) {
	r := load(t, "failed.jsonl")
	c := last(r)["example.org/demo/c"]
	require.Equal(t, record.OutcomeFailed, c.Outcome)
	require.Contains(t, c.Error.Message, "c/c_test.go:3:32: declared and not used: x\n")
	require.Equal(t, "b_test.go:3: no", last(r)["example.org/demo/b.TestB"].Error.Message)
}

// One test panics while another one runs, of which there is no end.
func TestPanic(t *testing.T) {
	r := load(t, "panic.jsonl")
	y, x := last(r)["example.org/demo/p.TestY"], last(r)["example.org/demo/p.TestX"]
	require.Equal(t, record.PanicError, y.Error.Kind)
	require.Equal(t, "p_test.go:4: hello\npanic: boom [recovered, repanicked]", y.Error.Message)
	require.Contains(t, y.Error.Stack, "p.TestY(")
	require.Equal(t, record.OutcomeLost, x.Outcome)
	require.Equal(t, last(r)["example.org/demo/p"].Ended, x.Ended)
}

// Tests that are run twice are two tests, and benchmarks have no end.
func TestBenchmarks(t *testing.T) {
	r := load(t, "benchmarks.jsonl")
	attempts := last(r)
	require.Contains(t, attempts, "example.org/demo/q.TestOK/sub (2)")
	k := attempts["example.org/demo/q.BenchmarkW/k"]
	require.Equal(t, record.OutcomeOK, k.Outcome)
	require.Equal(t, "18:46:10.499013469", k.Ended.Time().Format("15:04:05.000000000"))
	require.Empty(t, r.Status)
}

func TestCached(t *testing.T) {
	for id, a := range last(load(t, "cached.jsonl")) {
		require.Equal(t, record.OutcomeCached, a.Outcome, id)
	}
}

func one(t *testing.T, lines ...string) *records.Run {
	return droptest.One(t, gotestjson.New(), "x", []byte(strings.Join(lines, "\n")+"\n"))
}

// Before Go 1.20, ends of subtests came with that of the test that started them, and packages had no start.
func TestOld(t *testing.T) {
	r := one(t, `# a`, `a.go:1: wrong`,
		`{"Time":"2020-01-02T03:04:05Z","Action":"run","Package":"a","Test":"T"}`,
		`{"Time":"2020-01-02T03:04:05Z","Action":"run","Package":"a","Test":"T/s"}`,
		`{"Time":"2020-01-02T03:04:09Z","Action":"output","Package":"a","Test":"T/s","Output":"    --- PASS: T/s (0.50s)\n"}`,
		`{"Time":"2020-01-02T03:04:09Z","Action":"pass","Package":"a","Test":"T/s","Elapsed":0.5}`,
		`{"Time":"2020-01-02T03:04:09Z","Action":"pass","Package":"a","Test":"T","Elapsed":4}`)
	require.Equal(t, "2020-01-02T03:04:05.5Z", last(r)["a.T/s"].Ended.Time().Format(time.RFC3339Nano))
	require.Equal(t, "1 packages have not ended", r.Incomplete)
	require.Contains(t, fmt.Sprint(r.Notes), "{left out lines are no events, first in line 1; the first one with text is: # a 2}")
	require.Equal(t, "go test a", r.Workflow)
}

func TestFaults(t *testing.T) {
	droptest.Refused(t, gotestjson.New(), "x", []byte(`{"Action":"run","Package":1}`+"\n"), "x: line 1: expected an event with Action, Package and Time")
	r := one(t, `a.go:1: wrong`, `{"Action":"start","Package":"a"}`, `{"Time":"2020-01-02T03:04:05Z","Action":"fail","Package":"a"}`)
	require.Equal(t, "a.go:1: wrong", r.Error)
	droptest.Refused(t, gotestjson.New(), "x", []byte("ok a 1s\n"), "x: there are no tests, expected events with Action and Package")
	// Cached results may have no time at all.
	r = one(t, `{"Action":"output","Package":"a","Output":"ok  \ta\t(cached)\n"}`, `{"Action":"pass","Package":"a","Elapsed":0}`)
	require.Equal(t, record.OutcomeCached, r.Tasks[0].Attempts[0].Outcome)
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"Time":"2020-01-02T03:04:05Z","Action":"run","Package":"a","Test":"T/s"}
{"Time":"2020-01-02T03:04:05Z","Action":"pause","Package":"a","Test":"T/s"}
{"Time":"2020-01-02T03:04:06Z","Action":"cont","Package":"a","Test":"T/s"}
{"Time":"2020-01-02T03:04:09Z","Action":"fail","Package":"a","Test":"T/s","Elapsed":0.5}
{"Time":"2020-01-02T03:04:07Z","Action":"pass","Package":"a"}
`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		droptest.Try(t, gotestjson.New(), droptest.File("x", records.Main, raw))
	})
}
