package dask_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/droptest"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/dask"
)

func recording(t testing.TB) []byte {
	return droptest.Load(t, "dask-task-stream", "diamond-fan-error.json")
}

func saved(t testing.TB) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "saved-2022.12.1.json"))
	require.NoError(t, err)
	return text
}

func one(t testing.TB, text []byte) *records.Run {
	t.Helper()
	runs := droptest.Read(t, dask.New(), droptest.Sniffed(t, dask.New(), "stream.json", text))
	require.Len(t, runs, 1)
	return runs[0]
}

func task(t testing.TB, r *records.Run, id string) *records.Task {
	t.Helper()
	for i := range r.Tasks {
		if r.Tasks[i].ID == id {
			return &r.Tasks[i]
		}
	}
	require.Fail(t, "no task "+id)
	return nil
}

func parents(r *records.Run, id string) []string {
	list := []string{}
	for i := range r.Tasks {
		if r.Tasks[i].ID != id {
			continue
		}
		for _, p := range r.Tasks[i].Parents {
			list = append(list, r.Tasks[p].ID)
		}
	}
	return list
}

// plain adds up seconds of computation by worker, and counts.
type plain struct {
	tasks, failed int
	computed      map[string]float64
}

func count(t *testing.T, text []byte) plain {
	var list []map[string]any
	if text[0] == '{' {
		var object struct {
			Tasks []map[string]any `json:"tasks"`
		}
		require.NoError(t, json.Unmarshal(text, &object))
		list = object.Tasks
	} else {
		require.NoError(t, json.Unmarshal(text, &list))
	}
	p := plain{computed: map[string]float64{}}
	for _, one := range list {
		p.tasks++
		if one["status"] == "error" {
			p.failed++
		}
		for _, s := range one["startstops"].([]any) {
			if s := s.(map[string]any); s["action"] == "compute" {
				p.computed[one["worker"].(string)] += s["stop"].(float64) - s["start"].(float64)
			}
		}
	}
	return p
}

func TestCounts(t *testing.T) {
	for name, text := range map[string][]byte{"recording": recording(t), "saved": saved(t)} {
		t.Run(name, func(t *testing.T) {
			want, r := count(t, text), one(t, text)
			got := plain{computed: map[string]float64{}}
			for i := range r.Tasks {
				for _, a := range r.Tasks[i].Attempts {
					got.tasks++
					if a.Outcome == record.OutcomeFailed {
						got.failed++
					}
					got.computed[r.Workers[a.Worker].Name] += time.Duration(a.Ended - a.Started).Seconds()
				}
			}
			require.Equal(t, want.tasks, got.tasks)
			require.Equal(t, want.failed, got.failed)
			require.InDeltaMapValues(t, want.computed, got.computed, 1e-5)
			require.Empty(t, r.Incomplete)
		})
	}
}

func TestTaskStream(t *testing.T) {
	r := one(t, recording(t))
	require.Contains(t, fmt.Sprint(r.Notes), "a task stream has no dependencies")
	require.Equal(t, "fan", task(t, r, "('fan', 3)").Function)
	require.Equal(t, "retry-me", task(t, r, "retry-me").Function)
	require.Equal(t, int64(16_000_000), task(t, r, "big").OutputBytes)
	bad := task(t, r, "bad").Attempts[0]
	require.Equal(t, "ValueError('no')", bad.Error.Message)
	require.Contains(t, bad.Error.Stack, "line 12, in bad")

	use := task(t, r, "use").Attempts[0]
	require.Equal(t, 227553*time.Microsecond, use.Fetch.Round(time.Microsecond))
	require.Equal(t, "type int\ntransfer 227.553ms from tcp://127.0.0.1:36897", use.Log)
	require.Less(t, use.Claimed, use.Started)
	lanes := map[string]bool{}
	for i := range r.Tasks {
		a := r.Tasks[i].Attempts[0]
		lanes[fmt.Sprint(a.Worker, a.Lane)] = true
	}
	require.Equal(t, map[string]bool{"0 0": true, "0 1": true, "1 0": true, "1 1": true}, lanes)
}

func TestSavedWithTheGraph(t *testing.T) {
	r := one(t, saved(t))
	require.Equal(t, "00000000-0000-4000-8000-000000000003", r.Key)
	require.Equal(t, "diamond and fan", r.Workflow)
	require.Equal(t, 2, r.Workers[0].Cores)
	require.InDelta(t, 1.634, r.Makespan.Seconds(), 0.001)
	require.ElementsMatch(t, []string{"b", "c"}, parents(r, "d"))
	require.Len(t, parents(r, "total-0123456789abcdef0123456789abcdef"), 8)
	require.Equal(t, "total", task(t, r, "total-0123456789abcdef0123456789abcdef").Function)
	require.True(t, task(t, r, "after-bad").Skipped)
	require.True(t, task(t, r, "after-after").Skipped)
	require.Contains(t, task(t, r, "flaky").Attempts[0].Log, "taken back from a worker 1 times")
	require.Equal(t, []records.Input{{From: task(t, r, "use").Parents[0], Bytes: 16_000_000}}, task(t, r, "use").Inputs)
}

// TestTransfersDuringOtherTasks has a thread that computes while the data of its next task comes in.
func TestTransfersDuringOtherTasks(t *testing.T) {
	entry := func(key, periods string) string {
		return fmt.Sprintf(`{"key":%s,"worker":"w","thread":7,"status":"OK","startstops":[%s]}`, key, periods)
	}
	r := one(t, []byte("["+strings.Join([]string{
		entry(`["b", 1]`, `{"action":"transfer","start":101,"stop":102},{"action":"transfer","start":103,"stop":105},{"action":"compute","start":106,"stop":107},{"action":"disk-write","start":107,"stop":108}`),
		entry(`"a"`, `["compute",100,104]`),
		entry(`["b", 1]`, `{"action":"compute","start":110,"stop":111}`),
	}, ",")+"]"))
	b := task(t, r, "('b', 1)")
	require.Len(t, b.Attempts, 2)
	first := b.Attempts[0]
	require.Equal(t, []int64{104e9, 106e9, 107e9, 108e9}, []int64{int64(first.Claimed), int64(first.Started), int64(first.Ended), int64(first.Over)})
	require.Equal(t, time.Second, first.Fetch)
	require.Equal(t, "transfer 1s\ntransfer 2s\ndisk-write 1s", first.Log)
	require.Contains(t, fmt.Sprint(r.Notes), "while their thread executed another one")
}

func TestFunctions(t *testing.T) {
	for key, want := range map[string]string{
		"inc-abcdef01": "inc", "sum-aggregate-3f2a91c0d4": "sum-aggregate", "('rechunk-merge-0a1b2c3d4e5f60718293a4b5c6d7e8f9', 0, 1)": "rechunk-merge",
		"0123456789abcdef0123456789abcdef": "data", "('x', 1)": "x", "read_csv-9a": "read_csv", "": "data",
	} {
		text, err := json.Marshal([]map[string]any{{"key": key + " ", "worker": "w", "thread": 1, "startstops": []any{}}})
		require.NoError(t, err)
		require.Equal(t, want, one(t, text).Tasks[0].Function, key)
	}
}

func TestFaults(t *testing.T) {
	for text, want := range map[string]string{
		`[]`:                             "no tasks",
		`[{"worker":"w"}]`:               "byte 1: #: a task has no key",
		`[{"key":"a","startstops":[5]}]`: "#: ",
		`{"dependencies":[1]}`:           "dependencies: ",
		`[{"key":"a"`:                    "and has no task",
	} {
		_, err := dask.New().Read(t.Context(), []records.File{droptest.File("a.json", records.Main, []byte(text))})
		require.ErrorIs(t, err, records.ErrFormat, text)
		require.ErrorContains(t, err, want)
	}
}

func TestSnippet(t *testing.T) {
	require.Contains(t, dask.New().(records.Snippet).Snippet(), "with saved_tasks(client,")
}

func TestCut(t *testing.T) {
	for name, text := range map[string][]byte{"recording": recording(t), "saved": saved(t)} {
		t.Run(name, func(t *testing.T) {
			droptest.Cut(t, dask.New(), []records.File{droptest.Sniffed(t, dask.New(), name, text)}, 0, 200)
		})
	}
}

func TestForeign(t *testing.T) { droptest.Foreign(t, dask.New(), "dask-task-stream") }

func FuzzRead(f *testing.F) {
	text, err := os.ReadFile(filepath.Join("testdata", "saved-2022.12.1.json"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`[{"key":["b",1],"worker":"w","thread":7,"startstops":[["compute",1,2],{"action":"transfer","start":0.5,"stop":0.7}]}]`))
	droptest.Fuzz(f, dask.New(), "a.json")
}
