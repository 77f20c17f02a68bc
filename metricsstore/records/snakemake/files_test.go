package snakemake_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/droptest"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/snakemake"
)

// metadataFile is the file of an output in a folder of metadata.
func metadataFile(path, rule, hash string, start, end float64, rest string, inputs ...string) records.File {
	list := strings.Join(inputs, `","`)
	if list != "" {
		list = `"` + list + `"`
	}
	name := base64.URLEncoding.EncodeToString([]byte(path))
	folder := ""
	for len(name) > 255 {
		folder, name = folder+"@"+name[:254]+"/", name[254:]
	}
	text := fmt.Sprintf(`{"version":null,"code":"","rule":%q,"input":[%s],"log":[],"params":[],"shellcmd":null,"incomplete":false,"starttime":%f,"endtime":%f,"job_hash":%s%s}`,
		rule, list, start, end, hash, rest)
	return droptest.File(".snakemake/metadata/"+folder+name, records.Main, []byte(text))
}

func TestFoldersOfMetadata(t *testing.T) {
	long := strings.Repeat("folder/", 60) + "x?.txt"
	runs := droptest.Read(t, snakemake.New(),
		metadataFile("b.txt", "b", "7", 1000000010, 1000000011, "", "a1.txt", long, "given.txt"),
		metadataFile("a2.txt", "a", "5", 1000000000.5, 1000000002, ""),
		metadataFile("a1.txt", "a", "5", 1000000000, 1000000001.25, `,"conda_env":"name: x","log":["a.log"]`),
		metadataFile("old.txt", "a", "5", 900000000, 900000001, ""), // an earlier job whose hash was used again
		metadataFile(long, "c", "null", 1000000000, 1000000001, ""),
		metadataFile("null.txt", "c", "null", 1000000000, 1000000001, ""))
	require.Len(t, runs, 1)
	r := runs[0]
	require.Len(t, r.Tasks, 5)
	a := taskOf(t, r, "a1.txt")
	require.Equal(t, "a1.txt, a2.txt", a.Name)
	require.Equal(t, 2*time.Second, time.Duration(a.Attempts[0].Ended-a.Attempts[0].Started))
	require.Equal(t, "log a.log\nconda env name: x", a.Attempts[0].Log)
	require.ElementsMatch(t, []string{a.Name, long}, parents(r, taskOf(t, r, "b.txt")))
	require.Equal(t, int64(1), noteOf(r, "made by no job of the run"))
	require.Equal(t, int64(1), noteOf(r, "more than ten minutes without a job"))
	require.Equal(t, "old.txt@900000000000000000", r.Key)
}

func TestMetadataOfJobsThatDidNotEnd(t *testing.T) {
	text := `{"rule":"a","input":[],"shellcmd":"x","incomplete":true,"starttime":1000000000.1,"endtime":null,"job_hash":1}`
	r := droptest.One(t, snakemake.New(), base64.URLEncoding.EncodeToString([]byte("a.txt")), []byte(text))
	require.Equal(t, record.NoOutcome, r.Tasks[0].Attempts[0].Outcome)
	require.Equal(t, records.Unknown, r.Tasks[0].Attempts[0].Ended)
	require.Equal(t, records.Moment(1000000000100000000), r.Tasks[0].Attempts[0].Started)
	require.Equal(t, int64(1), noteOf(r, "had not ended"))
	require.Equal(t, int64(1), noteOf(r, "no start or no end"))
}

func TestOneDamagedFileOfMany(t *testing.T) {
	f := snakemake.New()
	good := metadataFile("a.txt", "a", "5", 1000000000, 1000000001, "")
	bad := droptest.File("broken", records.Main, []byte(`{"rule":"b","input":[],"incomplete":false,"starttime":1,"endtime":`))
	runs := droptest.Read(t, f, bad, good)
	require.Len(t, runs, 1)
	require.Equal(t, int64(-1), noteOf(runs[0], "a file could not be read: broken"))
	_, err := f.Read(context.Background(), []records.File{bad})
	require.ErrorIs(t, err, records.ErrFormat)
}

func TestBenchmarks(t *testing.T) {
	text := load(t, "benchmark-repeat2.tsv")
	r := one(t, "benchmarks/b.tsv", text)
	require.True(t, r.Undated)
	require.Len(t, r.Tasks, strings.Count(string(text), "\n")-1)
	require.Equal(t, 1350400*time.Microsecond, r.Tasks[0].Attempts[0].Runtime)
	require.Equal(t, []int32{0}, r.Tasks[1].Parents)
	require.Equal(t, int64(5138022), r.Tasks[1].Attempts[0].Usage.MemoryBytes)

	runs := droptest.Read(t, snakemake.New(), droptest.File("log.txt", records.Main, load(t, "log.txt")), droptest.File("work/bench/b.tsv", records.Main, text))
	require.Len(t, runs, 1)
	b := taskOf(t, runs[0], "2").Attempts[0]
	require.Equal(t, 10*time.Millisecond, b.Usage.CPU)
	require.Contains(t, b.Log, "benchmark 2 of 2: 1.3045s")
	runs = droptest.Read(t, snakemake.New(), droptest.File("log.txt", records.Main, load(t, "log.txt")), droptest.File("other.tsv", records.Main, text))
	require.Len(t, runs, 2)

	short := "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\trule_name\n0.01\t0:00:00\tNA\tNA\tNA\tNA\t-\t0.00\tNA\tNA\tmap\n"
	r = one(t, "b.tsv", []byte(short))
	require.Equal(t, int64(-1), r.Tasks[0].Attempts[0].Usage.MemoryBytes)
	require.Zero(t, r.Tasks[0].Attempts[0].Usage.WrittenBytes)
	require.Equal(t, "rule_name map", r.Tasks[0].Attempts[0].Log)
}

func TestCutRecords(t *testing.T) {
	f := snakemake.New()
	for _, name := range []string{"log.txt", "failed-retries.log.txt", "metadata-c4-joined.json", "stats-c4.json"} {
		droptest.Cut(t, f, []records.File{droptest.Sniffed(t, f, name, load(t, name))}, 0, 200)
	}
	for _, name := range []string{"run-rule-fails.txt", "group-fails.txt", "interrupted.txt"} {
		droptest.Cut(t, f, []records.File{droptest.Sniffed(t, f, name, made(t, name))}, 0, 200)
	}
	droptest.CutLines(t, f, "b.tsv", load(t, "benchmark-repeat2.tsv"), 200)
}

func TestWhatIsNoRecord(t *testing.T) {
	f := snakemake.New()
	droptest.Refused(t, f, "x", []byte("Building DAG of jobs...\nNothing to be done (all requested files are present and up to date).\nComplete log: x\n"), "nothing was to be done")
	droptest.Refused(t, f, "x", []byte("Building DAG of jobs...\n"), "expected jobs")
	droptest.Refused(t, f, "x", []byte("s\th:m:s\tmax_rss\n"), "expected lines of a benchmark")
	droptest.Refused(t, f, "x", []byte(`{"total_runtime": 1, "rules": {"a": {"mean-runtime": 1}}}`), "expected statistics")
	droptest.Refused(t, f, "x", []byte("hello"), "expected messages or a log of Snakemake")
}

func TestSniff(t *testing.T) {
	f := snakemake.New()
	require.NotEmpty(t, f.Title())
	for name, part := range map[string]records.Part{
		"benchmark-repeat2.tsv": records.Main, "failed-retries.log.txt": records.Main, "log.txt": records.Main, "metadata-c4-joined.json": records.Main,
		"stats-c4.json": records.Main, "dag.dot": records.Companion,
	} {
		require.Equal(t, part, f.Sniff(name, load(t, name)), name)
	}
	require.Equal(t, records.Foreign, f.Sniff("x", []byte(`{"rule": 1}`)))
	droptest.Foreign(t, f, "snakemake")
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("Select jobs to execute...\n[Mon Nov 30 06:15:02 2026]\nrule f:\n    output: f.txt\n    jobid: 2\n\n[Mon Nov 30 06:15:03 2026]\nError in rule f:\n    jobid: 2\n    shell:\n        x\n        (command exited with non-zero exit code)\n"))
	f.Add([]byte("Job stats:\njob count\n--- ---\na 2\ntotal 2\n\n[Mon Nov 30 06:15:02 2026]\n\ngroup job g (jobs in lexicogr. order):\n    [Mon Nov 30 06:15:02 2026]\n    rule a:\n        jobid: 1\n[Mon Nov 30 06:15:02 2026]\nError in group g:\n    jobs:\n        rule a:\n            jobid: 1\nComplete log: x\n"))
	f.Add([]byte(`{"YQ==":{"rule":"a","input":["b"],"incomplete":false,"starttime":1.5,"endtime":2,"job_hash":1}}`))
	f.Add([]byte(`{"total_runtime":1,"rules":{"a":{"mean-runtime":1,"min-runtime":1,"max-runtime":1}},"files":{"x":{"start-time":"Mon Nov 30 07:05:01 2026","stop-time":"","duration":1,"priority":0}}}`))
	f.Add([]byte("s\th:m:s\tmax_rss\n1\t0:00:01\t2.5\n"))
	droptest.Fuzz(f, snakemake.New(), "x")
}

func TestNamesOfWorkflows(t *testing.T) {
	for path, want := range map[string]string{
		"traces/snakemake/log.txt": "workflow", "rnaseq/.snakemake/log/2026-11-30T061303.642791.snakemake.log": "rnaseq", "mapping.log": "mapping",
	} {
		require.Equal(t, want, one(t, path, made(t, "group.txt")).Workflow, path)
	}
}
