package importer_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/metricsstore/importer"
	"github.com/dagscope/dagscope/metricsstore/memory"
)

// sparkLog is the event log of an application with one task, in two parts.
func sparkLog(app string) [2]string {
	return [2]string{
		`{"Event":"SparkListenerLogStart","Spark Version":"3.5.0"}
{"Event":"SparkListenerApplicationStart","App Name":"etl","App ID":"` + app + `","Timestamp":1764322200000,"User":"u"}
{"Event":"SparkListenerStageSubmitted","Stage Info":{"Stage ID":0,"Stage Attempt ID":0,"Stage Name":"count","Number of Tasks":1,"RDD Info":[],"Parent IDs":[],"Submission Time":1764322201000}}
`, `{"Event":"SparkListenerTaskEnd","Stage ID":0,"Stage Attempt ID":0,"Task Type":"ResultTask","Task End Reason":{"Reason":"Success"},"Task Info":{"Task ID":0,"Index":0,"Attempt":0,"Launch Time":1764322202000,"Executor ID":"1","Host":"a","Locality":"ANY","Speculative":false,"Finish Time":1764322204000,"Failed":false,"Killed":false}}
{"Event":"SparkListenerApplicationEnd","Timestamp":1764322205000}
`,
	}
}

// TestRunsOfOneDropHaveTheirFiles: a run has the path and the digest of its own files, whatever else is dropped.
func TestRunsOfOneDropHaveTheirFiles(t *testing.T) {
	a, b, c := sparkLog("app-1"), sparkLog("app-2"), sparkLog("app-3")
	table := "name,start,end\ncompile,2026-01-01T10:00:00Z,2026-01-01T10:00:02Z\n"
	type file struct{ path, content string }
	runs := map[string][]file{
		"a/log":                        {{"a/log", a[0] + a[1]}},
		"b/log":                        {{"b/log", b[0] + b[1]}},
		"eventlog_v2_c/events_1_app-3": {{"eventlog_v2_c/appstatus_app-3", ""}, {"eventlog_v2_c/events_1_app-3", c[0]}, {"eventlog_v2_c/events_2_app-3", c[1]}},
		"x.csv":                        {{"x.csv", table}},
		"y.csv":                        {{"y.csv", strings.Replace(table, "compile", "link", 1)}},
	}
	digests := func(files ...file) map[string]string {
		var drop importer.Drop
		defer func() { require.NoError(t, drop.Close()) }()
		for _, f := range files {
			require.NoError(t, drop.AddStream(f.path, strings.NewReader(f.content)))
		}
		results, err := newImporter(t, memory.New()).Import(t.Context(), &drop)
		require.NoError(t, err)
		out := map[string]string{}
		for _, r := range results {
			require.NoError(t, r.Err, r.Path)
			out[r.Path] = fmt.Sprint(r.Run.Info.ID, " ", r.Run.Info.Origin.Digest)
		}
		return out
	}
	var all []file
	alone := map[string]string{}
	for path, files := range runs {
		all = append(all, files...)
		got := digests(files...)
		require.Contains(t, got, path)
		alone[path] = got[path]
	}
	require.Equal(t, alone, digests(all...))
	rolled := runs["eventlog_v2_c/events_1_app-3"]
	rolled[2].content += "\n"
	require.NotEqual(t, alone["eventlog_v2_c/events_1_app-3"], digests(rolled...)["eventlog_v2_c/events_1_app-3"], "each of its files counts")
}
