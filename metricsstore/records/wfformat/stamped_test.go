package wfformat

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dagscope/dagscope/engine/wfformat"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// letters is a recording of a diamond of tasks; the texts are inserted into the executions of its tasks.
func letters(version, split, one, two, merge string) string {
	const form = `{"name": "letters", "schemaVersion": %q, "workflow": {"specification": {"tasks": [
		{"id": "split", "parents": [], "children": ["one", "two"]}, {"id": "one", "parents": ["split"], "children": ["merge"]},
		{"id": "two", "parents": ["split"], "children": ["merge"]}, {"id": "merge", "parents": ["one", "two"], "children": []}],
		"files": [], "metrics": {"numberOfTasks": 4, "maximumWidth": 2}},
		"execution": {"makespanInSeconds": 15, "executedAt": "2026-08-04T15:20:00Z", "metrics": {"sumTaskRuntimesInSeconds": 12},
		"machines": [{"nodeName": "a", "cpu": {"coreCount": 1}}], "tasks": [
		{"id": "split", "runtimeInSeconds": 2, "machines": ["a"]%s}, {"id": "one", "runtimeInSeconds": 5, "machines": ["a"]%s},
		{"id": "two", "runtimeInSeconds": 4, "machines": ["a"]%s}, {"id": "merge", "runtimeInSeconds": 1, "machines": ["a"]%s}]}}}`
	return fmt.Sprintf(form, version, split, one, two, merge)
}

func stamp(at string) string { return fmt.Sprintf(`, "executedAt": "2026-08-04T%s"`, at) }

// recordValid parses and records a document that must be valid.
func recordValid(t require.TestingT, document string) (*wfformat.Instance, *records.Recording) {
	in, err := wfformat.Parse(strings.NewReader(document))
	require.NoError(t, err)
	rec, err := compile(in)
	require.NoError(t, err)
	return in, rec
}

// claims returns the start of each task by number, in seconds.
func claims(t require.TestingT, rec *records.Recording) []float64 {
	out := make([]float64, 0, rec.Steps)
	for _, s := range checkLog(t, rec) {
		out = append(out, time.Duration(s.Claimed).Seconds())
	}
	return out
}

func TestStarts(t *testing.T) {
	for _, c := range []struct {
		name, document string
		claimed        []float64
		reconstructed  string // the expected text about it
		lanes          string
		explained      time.Duration
	}{
		{
			"all tasks have start times", letters("1.6", stamp("15:20:00Z"), stamp("15:20:03Z"), stamp("15:20:09Z"), stamp("15:20:14Z")),
			[]float64{0, 3, 9, 14},
			"", "start times are recorded; lanes are not", 12 * time.Second,
		},
		{
			"more at a time than the recorded cores", letters("1.5", stamp("15:20:00Z"), stamp("15:20:03Z"), stamp("15:20:04Z"), stamp("15:20:09Z")),
			[]float64{0, 3, 4, 9},
			"", "start times are recorded", 8 * time.Second,
		},
		{
			"in another zone, with fractions", letters("1.5", stamp("17:20:00.5+02:00"), stamp("15:20:03Z"), stamp("15:20:09Z"), stamp("15:20:14Z")),
			[]float64{0.5, 3, 9, 14},
			"", "start times are recorded", 12 * time.Second,
		},
		{
			"before the end of the parent", letters("1.5", stamp("15:20:00Z"), stamp("15:20:01Z"), stamp("15:20:09Z"), stamp("15:20:14Z")),
			[]float64{0, 1, 9, 14},
			"", "1 of the tasks started before the recorded end of a parent, by up to 1s", 11 * time.Second,
		},
		{
			"all in a zone other than the workflow's", letters("1.5", stamp("22:20:00Z"), stamp("22:20:03Z"), stamp("22:20:09Z"), stamp("22:20:14Z")),
			[]float64{0, 3, 9, 14},
			"", "start times are recorded", 12 * time.Second,
		},
		{
			"only some have one", letters("1.5", stamp("15:20:00Z"), stamp("15:20:03Z"), "", stamp("15:20:14Z")),
			[]float64{0, 2, 7, 11},
			"the recording has start times for 3 of 4 tasks only, which were not used", "", 12 * time.Second,
		},
		{
			"one cannot be read", letters("1.5", stamp("15:20:00Z"), stamp("15:20:03Z"), stamp("later"), stamp("15:20:14Z")),
			[]float64{0, 2, 7, 11},
			"for 3 of 4 tasks only", "", 12 * time.Second,
		},
		{
			"none has one", letters("1.6", "", "", "", ""),
			[]float64{0, 2, 7, 11},
			"the recording has no start times", "", 12 * time.Second,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, rec := recordValid(t, c.document)
			require.Equal(t, c.claimed, claims(t, rec))
			if c.reconstructed == "" {
				require.Empty(t, rec.Info.Reconstructed)
			}
			require.Contains(t, rec.Info.Reconstructed, c.reconstructed)
			require.Contains(t, rec.Info.Origin.Lanes, c.lanes)
			require.Equal(t, c.lanes == "", rec.Info.Origin.Lanes == "")
			require.Equal(t, c.explained, rec.Info.Origin.Explained)
			require.Equal(t, 15*time.Second, rec.Info.Origin.Makespan)
		})
	}
}

// TestStampedLaws draws start times that respect no edge, no core and no order.
func TestStampedLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in, err := wfformat.Parse(strings.NewReader(drawDocument(t)))
		require.NoError(t, err)
		for i := range in.Tasks {
			in.Tasks[i].Timed = true
			at := rapid.Int64Range(0, 6000).Draw(t, "at")
			in.Tasks[i].ExecutedAt = time.Date(2026, 1, 1, 0, 0, 0, int(at)*1e6, time.UTC)
		}
		rec, err := compile(in)
		require.NoError(t, err)
		require.Empty(t, rec.Info.Reconstructed)
		attempts := checkLog(t, rec)
		shifts := map[uint16]time.Duration{} // by worker, how far its clock was moved
		for i, s := range attempts {
			task := in.Tasks[i]
			require.EqualValues(t, task.Runtime, s.Ended-s.Started, "task %s took its runtime", task.ID)
			moved := rec.Info.StartedAt.Add(time.Duration(s.Started)).UTC().Sub(task.ExecutedAt)
			if shift, known := shifts[s.Worker]; known {
				require.Equal(t, shift, moved, "all that ran on the worker of task %s was moved by the same time", task.ID)
			}
			shifts[s.Worker] = moved
			require.True(t, moved >= 0 && moved <= 3*time.Second, "task %s was moved by %v", task.ID, moved)
			if task.Machine != wfformat.NoMachine {
				require.EqualValues(t, task.Machine, s.Worker, "task %s ran where it was recorded", task.ID)
			}
		}
		checkLanes(t, rec, attempts)
	})
}

// TestRecordWide has more tasks at a time than one worker can have lanes.
func TestRecordWide(t *testing.T) {
	const n = lanesOfAWorker + 3
	_, rec := recordValid(t, document(ids(n), timed(n, 1)))
	require.Equal(t, time.Second, rec.Info.Origin.Explained, "no task waits for a lane")
	require.Len(t, rec.Workers, 2)
	require.Equal(t, "unknown, part 2", rec.Workers[1].Name)
	require.Equal(t, []int{lanesOfAWorker, 3}, []int{rec.Workers[0].Slots, rec.Workers[1].Slots})
	checkLanes(t, rec, checkLog(t, rec))
}

// TestRecordLong has tasks that take longer than float64 distinguishes in nanoseconds.
func TestRecordLong(t *testing.T) {
	_, rec := recordValid(t, document(`{"id": "t0"}, {"id": "t1", "parents": ["t0"]}`, `{"id": "t0", "runtimeInSeconds": 9e7}, {"id": "t1", "runtimeInSeconds": 9.5e7}`))
	require.Equal(t, []float64{0, 9e7}, claims(t, rec))
	require.Equal(t, 185_000_000*time.Second, rec.Info.Origin.Explained)
}
