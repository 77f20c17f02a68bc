package main

import (
	"context"
	"os"
	"path/filepath"
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
