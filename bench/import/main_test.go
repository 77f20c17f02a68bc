package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const sparkLog = `{"Event":"SparkListenerLogStart","Spark Version":"3.5.1"}
{"Event":"SparkListenerApplicationStart","App Name":"demo","App ID":"app-1","Timestamp":1000,"User":"u"}
{"Event":"SparkListenerJobStart","Job ID":0,"Submission Time":1000,"Stage Infos":[{"Stage ID":0,"Number of Tasks":1,"RDD Info":[{"RDD ID":1,"Parent IDs":[0]}],"Parent IDs":[]},{"Stage ID":1,"Number of Tasks":1,"RDD Info":[{"RDD ID":2}],"Parent IDs":[0]}],"Stage IDs":[0,1]}
{"Event":"SparkListenerTaskStart","Stage ID":0,"Stage Attempt ID":0,"Task Info":{"Task ID":0,"Index":0,"Launch Time":2000,"Executor ID":"1","Finish Time":0,"Accumulables":[]}}
{"Event":"SparkListenerTaskEnd","Stage ID":0,"Stage Attempt ID":0,"Task End Reason":{"Reason":"Success"},"Task Info":{"Task ID":0,"Index":0,"Launch Time":2000,"Executor ID":"1","Finish Time":3000,"Accumulables":[]},"Task Metrics":{"Executor Run Time":900}}
{"Event":"SparkListenerTaskEnd","Stage ID":1,"Stage Attempt ID":0,"Task End Reason":{"Reason":"Success"},"Task Info":{"Task ID":1,"Index":0,"Launch Time":4000,"Executor ID":"1","Finish Time":5000,"Accumulables":[]}}
{"Event":"SparkListenerApplicationEnd","Timestamp":9000}
`

// TestRepeatedSparkLogs holds that repetitions are whole, that all ways read the same of them, and that their IDs are
// their own.
func TestRepeatedSparkLogs(t *testing.T) {
	in := inputs()[0]
	path := filepath.Join(t.TempDir(), in.name)
	require.NoError(t, enlarge(path, in, []byte(sparkLog), int64(3*len(sparkLog))))
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	times := strings.Count(string(content), "SparkListenerJobStart")
	require.Greater(t, times, 2)
	require.Equal(t, 1, strings.Count(string(content), "SparkListenerApplicationEnd"))
	for _, way := range []string{wayRead, wayDecode} {
		a, err := in.read(context.Background(), path, way)
		require.NoError(t, err)
		require.Equal(t, 2*times, a.Tasks, way)
	}
	runs, _, err := in.runs(context.Background(), path)
	require.NoError(t, err)
	require.Len(t, runs, 1)
	groups := runs[0].Groups
	require.Len(t, groups, 2*times)
	require.Equal(t, []int32{2}, groups[3].After)
	second, third := runs[0].Tasks[2].Attempts[0], runs[0].Tasks[4].Attempts[0]
	require.Equal(t, third.Claimed-second.Claimed, third.Ended-second.Ended)
	require.Positive(t, third.Claimed-second.Ended)
}

func TestInputsHaveNamesOfTheirOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, in := range inputs() {
		require.False(t, seen[in.name])
		seen[in.name] = true
		require.Positive(t, in.size)
	}
}

const chromeTrace = `{"schemaVersion":1,"baseTimeNanoseconds":1735632360000000000,"deviceProperties":[],"traceEvents":[
{"ph":"M","name":"process_name","pid":1,"tid":0,"args":{"name":"python"}},
{"ph":"X","cat":"cpu_op","name":"a","pid":1,"tid":1,"ts":4203669604500.125,"dur":10.5,"args":{"External id":5}},
{"ph":"s","id":1,"cat":"ac2g","name":"ac2g","pid":1,"tid":1,"ts":4203669604500.125},
{"ph":"f","id":1,"cat":"ac2g","name":"ac2g","pid":0,"tid":7,"ts":4203669604600,"bp":"e"},
{"ph":"X","cat":"kernel","name":"k","pid":0,"tid":7,"ts":4203669604600,"dur":3,"args":{"correlation":1}}
]}`

// TestRepeatedChromeTraces holds that each repetition has its own flow, and comes after the one before.
func TestRepeatedChromeTraces(t *testing.T) {
	i := slices.IndexFunc(inputs(), func(in input) bool { return in.name == "chrome" })
	in := inputs()[i]
	path := filepath.Join(t.TempDir(), in.name)
	require.NoError(t, enlarge(path, in, []byte(chromeTrace), int64(3*len(chromeTrace))))
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	times := strings.Count(string(content), "kernel")
	require.Greater(t, times, 2)
	require.Equal(t, 1, strings.Count(string(content), "process_name"))
	for _, way := range []string{wayRead, wayDecode} {
		a, err := in.read(context.Background(), path, way)
		require.NoError(t, err)
		require.Equal(t, 2*times, a.Tasks, way)
	}
	runs, _, err := in.runs(context.Background(), path)
	require.NoError(t, err)
	require.Len(t, runs, 1)
	edges := 0
	for i := range runs[0].Tasks {
		edges += len(runs[0].Tasks[i].Parents)
	}
	require.Equal(t, times, edges)
	first, second := runs[0].Tasks[0].Attempts[0], runs[0].Tasks[2].Attempts[0]
	require.Equal(t, second.Ended-second.Started, first.Ended-first.Started)
	require.Greater(t, second.Started, first.Started)
}
