package argo_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/goccy/go-yaml"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/droptest"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/argo"
)

var recordings = []string{"compressed-nodes-401.json", "dag-exhausted-retries-xfail.yaml", "steps-failed-retries.yaml", "steps-onexit.json"}

func load(t testing.TB, name string) records.File {
	return droptest.Sniffed(t, argo.New(), name, droptest.Load(t, "argo", name))
}

func one(t testing.TB, f records.File) *records.Run {
	t.Helper()
	runs := droptest.Read(t, argo.New(), f)
	require.Len(t, runs, 1)
	return runs[0]
}

func made(t testing.TB, name string) *records.Run {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return one(t, droptest.Sniffed(t, argo.New(), name, text))
}

// plain is what a count over the raw nodes finds.
type plain struct {
	tasks, attempts, failed int
	sums                    map[string]time.Duration // by template
	first, last             time.Time
}

// count counts executed nodes; those whose names end in "(n)" are attempts of one task.
func count(t *testing.T, name string) plain {
	var object map[string]any
	text := droptest.Load(t, "argo", name)
	if strings.HasSuffix(name, ".yaml") {
		require.NoError(t, yaml.Unmarshal(text, &object))
	} else {
		require.NoError(t, json.Unmarshal(text, &object))
	}
	state := object["status"].(map[string]any)
	nodes, _ := state["nodes"].(map[string]any)
	if packed, there := state["compressedNodes"].(string); there {
		raw, err := base64.StdEncoding.DecodeString(packed)
		require.NoError(t, err)
		r, err := gzip.NewReader(bytes.NewReader(raw))
		require.NoError(t, err)
		require.NoError(t, json.NewDecoder(r).Decode(&nodes))
	}
	p := plain{sums: map[string]time.Duration{}}
	tasks := map[string]bool{}
	for _, v := range nodes {
		n := v.(map[string]any)
		kind, phase := n["type"].(string), n["phase"].(string)
		if kind != "Pod" && kind != "Skipped" {
			continue
		}
		id, _, _ := strings.Cut(n["name"].(string), "(")
		tasks[id] = true
		if kind == "Skipped" {
			continue
		}
		p.attempts++
		if phase == "Failed" {
			p.failed++
		}
		start, err := time.Parse(time.RFC3339, n["startedAt"].(string))
		require.NoError(t, err)
		end, err := time.Parse(time.RFC3339, n["finishedAt"].(string))
		require.NoError(t, err)
		p.sums[n["templateName"].(string)] += end.Sub(start)
		if p.first.IsZero() || start.Before(p.first) {
			p.first = start
		}
		if end.After(p.last) {
			p.last = end
		}
	}
	p.tasks = len(tasks)
	return p
}

func TestRecordings(t *testing.T) {
	for _, name := range recordings {
		t.Run(name, func(t *testing.T) {
			want, r := count(t, name), one(t, load(t, name))
			got := plain{tasks: len(r.Tasks), sums: map[string]time.Duration{}}
			for i := range r.Tasks {
				for _, a := range r.Tasks[i].Attempts {
					got.attempts++
					if a.Outcome == record.OutcomeFailed {
						got.failed++
						require.NotEmpty(t, a.Error.Message)
					}
					got.sums[r.Tasks[i].Function] += time.Duration(a.Ended - a.Started)
					if got.first.IsZero() || a.Started.Time().Before(got.first) {
						got.first = a.Started.Time()
					}
					if a.Ended.Time().After(got.last) {
						got.last = a.Ended.Time()
					}
				}
			}
			require.Equal(t, want, got)
		})
	}
}

func TestCompressedChain(t *testing.T) {
	r := one(t, load(t, "compressed-nodes-401.json"))
	require.Equal(t, record.Succeeded, r.Status)
	require.Equal(t, "4a1883ea-c102-11ea-b8f2-0ab0445c4d24", r.Key)
	require.Equal(t, "huge-pipeline", r.Workflow)
	require.Equal(t, 36*time.Minute+6*time.Second, time.Duration(r.Ended-r.Started))
	roots := 0
	for _, task := range r.Tasks {
		if len(task.Parents) == 0 {
			roots++
		}
		require.LessOrEqual(t, len(task.Parents), 1)
	}
	require.Equal(t, 1, roots)
}

// parents returns the names of the parents of each task, by name.
func parents(r *records.Run) map[string][]string {
	all := map[string][]string{}
	for i := range r.Tasks {
		list := []string{}
		for _, p := range r.Tasks[i].Parents {
			list = append(list, r.Tasks[p].Name)
		}
		all[r.Tasks[i].Name] = list
	}
	return all
}

func task(t testing.TB, r *records.Run, name string) *records.Task {
	t.Helper()
	for i := range r.Tasks {
		if r.Tasks[i].Name == name {
			return &r.Tasks[i]
		}
	}
	require.Fail(t, "no task "+name)
	return nil
}

func TestSuccessorsHangOnTheLastAttempt(t *testing.T) {
	r := one(t, load(t, "dag-exhausted-retries-xfail.yaml"))
	require.Equal(t, map[string][]string{
		"success1": {}, "sub-dag1.fail": {"success1"}, "success2": {"sub-dag1.fail"},
	}, parents(r))
	require.True(t, task(t, r, "success2").Skipped)
	fail := task(t, r, "sub-dag1.fail")
	require.Len(t, fail.Attempts, 2)
	require.Equal(t, 1, fail.Attempts[0].Error.ExitCode)
	require.Less(t, fail.Attempts[0].Started, fail.Attempts[1].Started)
	require.Equal(t, "minikube", r.Workers[fail.Attempts[0].Worker].Host)
	require.Equal(t, "sh -c exit 1", fail.Command)
	require.Equal(t, record.Running, r.Status)
	require.Contains(t, r.Incomplete, "under way")
}

func TestEndsOfAnotherClockAreKept(t *testing.T) {
	r := one(t, load(t, "steps-failed-retries.yaml"))
	require.Equal(t, map[string][]string{"[0].fail": {}, "[0].delayed-fail": {}}, parents(r))
	for _, task := range r.Tasks {
		for _, a := range task.Attempts {
			require.Less(t, a.Ended, a.Started)
		}
	}
	require.False(t, r.Ended.Known())
}

func TestExitHandlerFollowsTheRest(t *testing.T) {
	r := one(t, load(t, "steps-onexit.json"))
	require.Equal(t, map[string][]string{
		"[0].createcluster": {}, "[1].analyze": {"[0].createcluster"}, "[2].transform": {"[1].analyze"}, "[3].train": {"[2].transform"},
		"[4].batchpredict": {"[3].train"}, "[5].confusionmatrix": {"[4].batchpredict"}, "onExit[0].deletecluster": {"[5].confusionmatrix"},
	}, parents(r))
	require.Greater(t, r.Ended, task(t, r, "[5].confusionmatrix").Attempts[0].Ended)
}

func TestCut(t *testing.T) {
	for _, name := range recordings {
		t.Run(name, func(t *testing.T) { droptest.Cut(t, argo.New(), []records.File{load(t, name)}, 0, 200) })
	}
}

func TestForeign(t *testing.T) { droptest.Foreign(t, argo.New(), "argo") }

// TestCompressedNodes has nodes as Argo 4.1 compresses them; the recordings have some in gzip.
func TestCompressedNodes(t *testing.T) {
	nodes := []byte(`{"w":{"id":"w","name":"w","displayName":"w","type":"Pod","phase":"Succeeded","startedAt":"2026-01-02T03:04:05Z","finishedAt":"2026-01-02T03:04:06Z","templateName":"t"}}`)
	encoder, err := zstd.NewWriter(nil)
	require.NoError(t, err)
	var inBrotli bytes.Buffer
	w := brotli.NewWriter(&inBrotli)
	_, err = w.Write(nodes)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	text := func(packed []byte) []byte {
		return []byte(`{"apiVersion":"argoproj.io/v1alpha1","kind":"Workflow","metadata":{"name":"w"},"status":{"phase":"Succeeded","startedAt":"2026-01-02T03:04:05Z","compressedNodes":"` +
			base64.StdEncoding.EncodeToString(packed) + `"}}`)
	}
	refused := func(packed []byte) error {
		_, err := argo.New().Read(t.Context(), []records.File{droptest.File("a.json", records.Main, text(packed))})
		require.ErrorIs(t, err, records.ErrFormat)
		return err
	}
	for name, packed := range map[string][]byte{"zstd": encoder.EncodeAll(nodes, nil), "brotli": inBrotli.Bytes()} {
		r := one(t, droptest.Sniffed(t, argo.New(), "a.json", text(packed)))
		require.Len(t, r.Tasks, 1, name)
		require.Equal(t, "w", r.Tasks[0].Name)
		require.Equal(t, "Argo workflow v1alpha1", r.Format)
		refused(packed[:len(packed)-3])
	}
	require.ErrorContains(t, refused([]byte{0x1b, 1, 2, 3}), "expected gzip, zstd or brotli")
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{"kinds.yaml", "hooks.json"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	droptest.Fuzz(f, argo.New(), "a.yaml")
}
