package dbt_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/droptest"
	"github.com/dagscope/dagscope/internal/testkit/recordstest"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/dbt"
)

var samples = []string{"1.0-error-without-times", "1.5-test-failures", "1.9-build", "1.12-docs-generate"}

func pair(t testing.TB, folder string) []records.File {
	t.Helper()
	f := dbt.New()
	return []records.File{
		droptest.Sniffed(t, f, folder+"/manifest.json", droptest.Load(t, "dbt", folder, "manifest.json")),
		droptest.Sniffed(t, f, folder+"/run_results.json", droptest.Load(t, "dbt", folder, "run_results.json")),
	}
}

func one(t testing.TB, files ...records.File) *records.Run {
	t.Helper()
	runs := droptest.Read(t, dbt.New(), files...)
	require.Len(t, runs, 1)
	recordstest.Laws(t, runs[0])
	return runs[0]
}

func noteOf(r *records.Run, part string) int64 {
	for _, n := range r.Notes {
		if strings.Contains(n.Text, part) {
			return n.Count
		}
	}
	return 0
}

func taskOf(t testing.TB, r *records.Run, id string) *records.Task {
	t.Helper()
	for i := range r.Tasks {
		if r.Tasks[i].ID == id {
			return &r.Tasks[i]
		}
	}
	require.Fail(t, "no task "+id)
	return nil
}

func parents(t testing.TB, r *records.Run, id string) []string {
	out := []string{}
	for _, p := range taskOf(t, r, id).Parents {
		out = append(out, r.Tasks[p].ID)
	}
	return out
}

// TestResultsAreReadAsAPlainCountReadsThem compares counts, and for each kind the time between the first and last stamp.
func TestResultsAreReadAsAPlainCountReadsThem(t *testing.T) {
	for _, folder := range samples {
		t.Run(folder, func(t *testing.T) {
			var plain struct {
				Elapsed  float64 `json:"elapsed_time"`
				Metadata struct {
					ID string `json:"invocation_id"`
				}
				Results []struct {
					ID            string `json:"unique_id"`
					Status        string
					ExecutionTime float64 `json:"execution_time"`
					Timing        []struct {
						Started   time.Time `json:"started_at"`
						Completed time.Time `json:"completed_at"`
					}
				}
			}
			require.NoError(t, json.Unmarshal(droptest.Load(t, "dbt", folder, "run_results.json"), &plain))
			failed, sums := 0, map[string]time.Duration{}
			for _, x := range plain.Results {
				if x.Status == "error" || x.Status == "fail" {
					failed++
				}
				kind := strings.Split(x.ID, ".")[0]
				if len(x.Timing) == 0 {
					sums[kind] += time.Duration(x.ExecutionTime * 1e9)
					continue
				}
				sums[kind] += x.Timing[len(x.Timing)-1].Completed.Sub(x.Timing[0].Started)
			}
			r := one(t, pair(t, folder)...)
			require.Len(t, r.Tasks, len(plain.Results))
			require.Equal(t, plain.Metadata.ID, r.Key)
			require.InDelta(t, plain.Elapsed, r.Makespan.Seconds(), 1e-6)
			require.InDelta(t, plain.Elapsed, time.Duration(r.Ended-r.Started).Seconds(), 1e-6)
			gotFailed, got := 0, map[string]time.Duration{}
			for i := range r.Tasks {
				a := &r.Tasks[i].Attempts[0]
				if a.Outcome == record.OutcomeFailed {
					gotFailed++
					require.NotEmpty(t, a.Error.Message)
				}
				if a.Ended.Known() {
					got[r.Tasks[i].Function] += time.Duration(a.Ended - a.Claimed)
				} else {
					got[r.Tasks[i].Function] += a.Runtime
				}
			}
			require.Equal(t, failed, gotFailed)
			require.Len(t, got, len(sums))
			for kind, sum := range sums {
				require.InDelta(t, sum.Seconds(), got[kind].Seconds(), 1e-6, kind)
			}
		})
	}
}

// TestDependenciesOfRealRuns: no node begins before all that it waits for have ended.
func TestDependenciesOfRealRuns(t *testing.T) {
	for _, folder := range samples[:3] {
		r := one(t, pair(t, folder)...)
		for i := range r.Tasks {
			for _, p := range r.Tasks[i].Parents {
				before, after := &r.Tasks[p].Attempts[0], &r.Tasks[i].Attempts[0]
				if before.Ended.Known() && after.Claimed.Known() {
					require.LessOrEqual(t, before.Ended, after.Claimed, "%s before %s", r.Tasks[p].ID, r.Tasks[i].ID)
				}
			}
		}
	}
	r := one(t, pair(t, "1.9-build")...)
	require.Positive(t, noteOf(r, "dbt build tests a node before"))
	require.Positive(t, noteOf(r, "dependencies on hooks"))
	require.Equal(t, "jaffle_shop build", r.Workflow)
	require.Equal(t, int64(0), noteOf(r, "another invocation"))
	hook := taskOf(t, r, "operation.elementary.elementary-on-run-start-0")
	require.Equal(t, hook.Attempts[0].Claimed, hook.Attempts[0].Started, "the work of hooks lies in compile")
}

func TestErrorsWithoutTimes(t *testing.T) {
	r := one(t, pair(t, "1.0-error-without-times")...)
	a := taskOf(t, r, "model.jaffle_shop.test_insert_overwrite").Attempts[0]
	require.Equal(t, []records.Moment{records.Unknown, records.Unknown}, []records.Moment{a.Started, a.Ended})
	require.Equal(t, "9.394618034s", a.Runtime.String())
	require.Contains(t, a.Error.Message, "Database Error in model test_insert_overwrite")
	require.Equal(t, int64(-1), noteOf(r, "the manifest is of another invocation"))
	require.Equal(t, int64(1), noteOf(r, "nodes are not in the manifest"))
	require.Equal(t, int64(1), noteOf(r, "a duration and no moments"))
}

func TestCompiledIsNotRun(t *testing.T) {
	r := one(t, pair(t, "1.12-docs-generate")...)
	require.Equal(t, "jaffle_shop docs generate", r.Workflow)
	require.Equal(t, int64(-1), noteOf(r, "dbt docs generate only compiles"))
	require.Equal(t, "2026-08-10T07:03:39.116699Z", r.Params["invoked"])
}

func TestTestsThatFailed(t *testing.T) {
	r := one(t, pair(t, "1.5-test-failures")...)
	a := taskOf(t, r, "test.transform.unique_gppd_power_plants_list_name.37c2d0f477").Attempts[0]
	require.Equal(t, "Got 2483 results, configured to fail if != 0", a.Error.Message)
	require.Contains(t, a.Log, "failures 2483")
}

func TestCutRecords(t *testing.T) {
	for _, folder := range samples {
		files := pair(t, folder)
		droptest.Cut(t, dbt.New(), files, 1, 100)
		droptest.Cut(t, dbt.New(), files[1:], 0, 100)
	}
	// What is left of a manifest can be too little to know it as one.
	text := droptest.Load(t, "dbt", "1.9-build", "manifest.json")
	files := pair(t, "1.9-build")
	for _, at := range droptest.Places(t, len(text), 200) {
		files[0] = droptest.File("1.9-build/manifest.json", records.Companion, text[:at])
		r := droptest.Read(t, dbt.New(), files...)[0]
		require.True(t, r.Incomplete != "" || noteOf(r, "a file could not be read") != 0 || noteOf(r, "would show them") != 0, at)
	}
}

func TestSniff(t *testing.T) {
	f := dbt.New()
	require.NotEmpty(t, f.Title())
	for _, folder := range samples {
		files := pair(t, folder)
		require.Equal(t, []records.Part{records.Companion, records.Main}, []records.Part{files[0].Part, files[1].Part})
	}
	require.Equal(t, records.Foreign, f.Sniff("run_results.json", []byte(`{"results":[]}`)))
	droptest.Foreign(t, f, "dbt")
}

// result makes a result; begin and end are seconds. An end below 0 makes one without timing.
func result(id, status string, begin, end float64, rest string) string {
	stamp := func(s float64) string {
		return time.Unix(1_700_000_000, 0).Add(time.Duration(s * 1e9)).UTC().Format("2006-01-02T15:04:05.000000Z")
	}
	timing := fmt.Sprintf(`{"name":"compile","started_at":%q,"completed_at":%q},{"name":"execute","started_at":%q,"completed_at":%q}`,
		stamp(begin), stamp(begin+0.1), stamp(begin+0.2), stamp(end))
	if end < 0 {
		timing = ""
	}
	return fmt.Sprintf(`{"status":%q,"timing":[%s],"thread_id":"Thread-2 (worker)","execution_time":0,"message":null,"failures":null,"unique_id":%q%s}`,
		status, timing, id, rest)
}

func resultsOf(args string, rows ...string) records.File {
	return droptest.File("target/run_results.json", records.Main, []byte(`{"metadata":{"dbt_schema_version":"https://schemas.getdbt.com/dbt/run-results/v6.json",`+
		`"dbt_version":"1.9.0","generated_at":"2023-11-14T23:00:00Z","invocation_id":"i-1"},"results":[`+strings.Join(rows, ",")+`],"elapsed_time":100.5,"args":`+args+`}`))
}

// manifestOf makes a manifest of "id < id id" lines.
func manifestOf(invocation string, lines ...string) records.File {
	var nodes []string
	for _, line := range lines {
		id, before, _ := strings.Cut(line, " <")
		list, _ := json.Marshal(strings.Fields(before))
		nodes = append(nodes, fmt.Sprintf(`%q:{"name":"n","resource_type":"model","unique_id":%q,"depends_on":{"macros":[],"nodes":%s},"config":{"materialized":"table"},"compiled_code":"select 1"}`, id, id, list))
	}
	return droptest.File("target/manifest.json", records.Companion, []byte(`{"metadata":{"dbt_schema_version":"https://schemas.getdbt.com/dbt/manifest/v12.json","invocation_id":"`+
		invocation+`","project_name":"shop"},"nodes":{`+strings.Join(nodes, ",")+`}}`))
}

func TestStatuses(t *testing.T) {
	r := one(t, resultsOf(`{"which":"build"}`,
		result("model.p.ok", "success", 0, 1, ""), result("test.p.warned.1", "warn", 1, 2, `,"message":"Got 2"`), result("model.p.bad", "error", 2, 3, `,"message":"boom"`),
		result("model.p.skipped", "skipped", 0, -1, `,"message":"Skipping due to fail_fast"`), result("model.p.part", "partial success", 3, 4, `,"batch_results":{"failed":[1]}`),
		result("model.p.same", "reused", 0, -1, ""), result("model.p.new", "odd", 4, 5, ""), result("saved_query.p.q", "no-op", 5, 6, ""), result("model.p.ok", "success", 7, 8, "")))
	require.Equal(t, "p build", r.Workflow)
	want := map[string]record.Outcome{
		"model.p.ok": record.OutcomeOK, "test.p.warned.1": record.OutcomeOK, "model.p.bad": record.OutcomeFailed, "model.p.part": record.OutcomeFailed,
		"model.p.same": record.OutcomeCached, "model.p.new": record.NoOutcome, "saved_query.p.q": record.OutcomeOK,
	}
	for id, outcome := range want {
		require.Equal(t, outcome, taskOf(t, r, id).Attempts[0].Outcome, id)
	}
	skipped := taskOf(t, r, "model.p.skipped")
	require.True(t, skipped.Skipped)
	require.Empty(t, skipped.Attempts, "its thread did not run it")
	require.Equal(t, int64(1), noteOf(r, `skipped with the message "Skipping due to fail_fast"`))
	require.Equal(t, int64(1), noteOf(r, "tests warned"))
	require.Equal(t, int64(1), noteOf(r, `the status "odd"`))
	require.Equal(t, int64(1), noteOf(r, "more than one result"))
	require.Contains(t, taskOf(t, r, "model.p.part").Attempts[0].Log, `batch_results {"failed":[1]}`)
	require.Equal(t, int64(-1), noteOf(r, "manifest.json next to them would show them"))
}

func TestBuildTestsBeforeWhatDependsOnIt(t *testing.T) {
	lines := []string{
		"model.p.a <", "model.p.eph < model.p.a", "model.p.b < model.p.eph", "model.p.c < model.p.b", "test.p.a.1 < model.p.a", "test.p.ab.1 < model.p.a model.p.b",
		"model.p.side <", "unit_test.p.c.u < model.p.c", "operation.p.p-on-run-start-0 <", "operation.p.p-on-run-end-0 <",
	}
	rows := []string{
		result("operation.p.p-on-run-start-0", "success", 0, 1, ""),
		result("model.p.a", "success", 1, 2, ""), result("test.p.a.1", "pass", 2, 3, ""), result("model.p.b", "success", 3, 4, ""), result("test.p.ab.1", "pass", 4, 5, ""),
		result("unit_test.p.c.u", "pass", 5, 6, ""), result("model.p.c", "success", 6, 7, ""), result("model.p.side", "success", 1, 2, ""),
		result("operation.p.p-on-run-end-0", "success", 8, 9, ""),
	}
	r := one(t, manifestOf("i-1", lines...), resultsOf(`{"which":"build"}`, rows...))
	require.ElementsMatch(t, []string{"model.p.a", "test.p.a.1"}, parents(t, r, "model.p.b"), "over the ephemeral model")
	require.ElementsMatch(t, []string{"model.p.b", "test.p.ab.1", "unit_test.p.c.u"}, parents(t, r, "model.p.c"))
	require.ElementsMatch(t, []string{"model.p.b"}, parents(t, r, "unit_test.p.c.u"))
	require.Equal(t, []string{"operation.p.p-on-run-start-0"}, parents(t, r, "model.p.side"))
	require.ElementsMatch(t, []string{"model.p.c", "model.p.side"}, parents(t, r, "operation.p.p-on-run-end-0"))
	require.Equal(t, int64(1), noteOf(r, "over nodes that are not in the results"))
	require.Equal(t, int64(2), noteOf(r, "dbt build tests a node before"))
	require.Equal(t, []any{"shop build", "select 1"}, []any{r.Workflow, taskOf(t, r, "model.p.a").Command})
	require.Equal(t, r.Tasks[1].Attempts[0].Lane, r.Tasks[2].Attempts[0].Lane)

	r = one(t, manifestOf("i-2", lines...), resultsOf(`{"which":"run"}`, rows...))
	require.Equal(t, []string{"model.p.a"}, parents(t, r, "model.p.b"), "dbt run has no tests between")
	require.Empty(t, taskOf(t, r, "model.p.a").Command, "of another invocation")
}

func TestSeveralInvocations(t *testing.T) {
	other := `{"metadata":{"dbt_schema_version":"https://schemas.getdbt.com/dbt/sources/v3.json","generated_at":"2023-11-14T23:00:00Z","invocation_id":"i-2"},"elapsed_time":3,` +
		`"results":[{"unique_id":"source.p.raw.t","status":"warn","max_loaded_at":"2023-11-01T00:00:00Z","timing":[],"thread_id":"Thread-1","execution_time":1.5}]}`
	runs := droptest.Read(t, dbt.New(), resultsOf(`{}`, result("model.p.a", "success", 0, 1, "")), droptest.File("sources.json", records.Main, []byte(other)),
		manifestOf("i-1", "model.p.a <"))
	require.Len(t, runs, 2)
	require.Equal(t, []string{"shop", "p source freshness"}, []string{runs[0].Workflow, runs[1].Workflow})
	require.Contains(t, runs[1].Tasks[0].Attempts[0].Log, "max_loaded_at 2023-11-01T00:00:00Z")
	require.Equal(t, 1500*time.Millisecond, runs[1].Tasks[0].Attempts[0].Runtime)
}

// TestBeforeMetadata reads what dbt wrote before 0.19, which has no metadata and a node in each result.
func TestBeforeMetadata(t *testing.T) {
	text := `{"results":[{"node":{"unique_id":"model.p.a","depends_on":{"nodes":[]}},"error":null,"fail":null,"skip":false,"status":"CREATE VIEW","execution_time":1.25,"thread_id":"Thread-1","timing":[]},` +
		`{"node":{"unique_id":"model.p.b","depends_on":{"nodes":["model.p.a"]}},"error":"Database Error","fail":null,"skip":false,"status":"ERROR","execution_time":0.5,"thread_id":"Thread-1","timing":[` +
		`{"name":"compile","started_at":"2020-11-01T10:00:00.000000","completed_at":"2020-11-01T10:00:01.000000"},{"name":"execute","started_at":"2020-11-01T10:00:01.000000","completed_at":"2020-11-01T10:00:02.000000"}]},` +
		`{"node":{"unique_id":"model.p.c","depends_on":{"nodes":["model.p.b"]}},"error":null,"skip":true,"status":null,"execution_time":0,"thread_id":"Thread-1","timing":[]}],"elapsed_time":2.5}`
	r := one(t, droptest.Sniffed(t, dbt.New(), "run_results.json", []byte(text)))
	require.Equal(t, []string{"model.p.a"}, parents(t, r, "model.p.b"))
	require.Equal(t, "Database Error", taskOf(t, r, "model.p.b").Attempts[0].Error.Message)
	require.True(t, taskOf(t, r, "model.p.c").Skipped)
	require.Equal(t, int64(4), noteOf(r, "dates have no zone"))
}

func TestWhatIsNoRecord(t *testing.T) {
	f := dbt.New()
	head := `{"metadata":{"dbt_schema_version":"https://schemas.getdbt.com/dbt/run-results/v6.json"},`
	droptest.Refused(t, f, "x", []byte(head+`"results":[]}`), "expected an object with a list \"results\"")
	droptest.Refused(t, f, "x", []byte(head+`"results":{}}`), "expected a list of results")
	droptest.Refused(t, f, "x", []byte("{}"), "expected run_results.json")
}

func FuzzRead(f *testing.F) {
	content := func(file records.File) []byte {
		in, err := file.Open()
		require.NoError(f, err)
		defer in.Close()
		text := make([]byte, file.Size)
		_, err = in.Read(text)
		require.NoError(f, err)
		return text
	}
	f.Add(content(resultsOf(`{"which":"build"}`, result("model.p.a", "success", 0, 1, ""), result("test.p.a.1", "fail", 1, 2, ""))), content(manifestOf("i-1", "model.p.a <", "test.p.a.1 < model.p.a")))
	f.Fuzz(func(t *testing.T, text, manifest []byte) {
		files := []records.File{droptest.File("run_results.json", records.Main, text)}
		if dbt.New().Sniff("manifest.json", manifest) == records.Companion {
			files = append(files, droptest.File("manifest.json", records.Companion, manifest))
		}
		droptest.Try(t, dbt.New(), files...)
	})
}
