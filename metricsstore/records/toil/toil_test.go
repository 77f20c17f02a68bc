package toil_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/droptest"
	"github.com/dagscope/dagscope/internal/testkit/recordstest"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/toil"
)

func TestRealFile(t *testing.T) {
	content := droptest.Load(t, "toil-stats", "scatter8.json")
	var raw struct {
		Run   float64                       `json:"total_run_time"`
		Types map[string]map[string]float64 `json:"job_types"`
	}
	// The name of a type is a text among numbers.
	var loose map[string]any
	require.NoError(t, json.Unmarshal(content, &loose))
	for _, of := range loose["job_types"].(map[string]any) {
		delete(of.(map[string]any), "name")
	}
	again, err := json.Marshal(loose)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(again, &raw))
	r := droptest.One(t, toil.New(), "scatter8.json", content)
	require.True(t, r.Undated)
	require.InDelta(t, raw.Run, r.Makespan.Seconds(), 1e-9)
	require.Len(t, r.Tasks, len(raw.Types))
	for _, task := range r.Tasks {
		a, want := task.Attempts[0], raw.Types[task.Function]
		require.Equal(t, 1.0, want["total_number"])
		require.InDelta(t, want["total_time"], a.Runtime.Seconds(), 1e-9)
		require.InDelta(t, want["total_clock"], a.Usage.CPU.Seconds(), 1e-9)
		require.Equal(t, int64(want["total_memory"]*1024), a.Usage.MemoryBytes)
		require.Equal(t, 1, task.Cores)
		require.Equal(t, records.Unknown, a.Started)
	}
	rec := recordstest.Laws(t, r)
	require.Equal(t, r.Makespan, rec.Info.Origin.Makespan)
	droptest.Cut(t, toil.New(), []records.File{droptest.File("a", records.Main, content)}, 0, 200)
}

const several = `{"total_run_time": 60, "total_clock": 1, "batch_system": "slurm", "default_memory": 1, "job_types": {
 "a": {"total_number": 4, "total_time": 10, "min_time": 1, "max_time": 5, "total_clock": 8, "max_memory": 7, "total_memory": 20, "total_cores": 8},
 "b": {"total_number": 2, "total_time": 3, "min_time": 1, "max_time": 2}}}`

func TestSeveralJobsOfAType(t *testing.T) {
	r := droptest.One(t, toil.New(), "a.json", []byte(several))
	var runtimes []time.Duration
	for _, task := range r.Tasks {
		require.Equal(t, record.OutcomeOK, task.Attempts[0].Outcome)
		runtimes = append(runtimes, task.Attempts[0].Runtime)
	}
	require.Equal(t, []time.Duration{1e9, 2e9, 2e9, 5e9, 1e9, 2e9}, runtimes)
	require.Equal(t, 2*time.Second, r.Tasks[0].Attempts[0].Usage.CPU)
	require.Equal(t, int64(-1), r.Tasks[0].Attempts[0].Usage.MemoryBytes)
	require.Nil(t, r.Tasks[4].Attempts[0].Usage)
	require.Equal(t, 2, r.Tasks[0].Cores)
	require.Contains(t, fmt.Sprint(r.Notes), "have a share of the time")
	recordstest.Laws(t, r)
}

func TestRefused(t *testing.T) {
	droptest.Refused(t, toil.New(), "a", []byte(several[:90]), "byte 90")
	droptest.Refused(t, toil.New(), "a", []byte(`{"job_types": {}}`), "no job_types")
	droptest.Refused(t, toil.New(), "a", []byte(`{"job_types": {"a": {}}}`), "no jobs")
	_, err := toil.New().Read(t.Context(), []records.File{droptest.File("a", records.Main, []byte(`{"job_types": {"a": {"total_number": 1e9}}}`))})
	require.ErrorIs(t, err, records.ErrTooLarge)
}

func TestClaims(t *testing.T) { droptest.Foreign(t, toil.New(), "toil-stats") }

func FuzzRead(f *testing.F) {
	f.Add([]byte(several))
	f.Fuzz(func(t *testing.T, content []byte) {
		toil.New().Sniff("a", content)
		droptest.Try(t, toil.New(), droptest.File("a", records.Main, content))
	})
}
