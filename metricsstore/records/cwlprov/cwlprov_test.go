package cwlprov_test

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
	"github.com/dagscope/dagscope/metricsstore/records/cwlprov"
)

func TestRealFile(t *testing.T) {
	content := droptest.Load(t, "cwlprov", "scatter8.json")
	var raw map[string]map[string]map[string]any
	var loose map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(content, &loose))
	raw = map[string]map[string]map[string]any{}
	for _, kind := range []string{"wasStartedBy", "wasEndedBy", "activity"} {
		var one map[string]map[string]any
		require.NoError(t, json.Unmarshal(loose[kind], &one))
		raw[kind] = one
	}
	starts, sums := map[any]time.Time{}, map[string]time.Duration{}
	at := func(v any) time.Time {
		m, err := time.Parse("2006-01-02T15:04:05.000000", v.(string))
		require.NoError(t, err)
		return m
	}
	for _, s := range raw["wasStartedBy"] {
		starts[s["prov:activity"]] = at(s["prov:time"])
	}
	for _, e := range raw["wasEndedBy"] {
		label := raw["activity"][e["prov:activity"].(string)]["prov:label"].(string)
		_, step, ok := strings.Cut(label, "main/")
		if ok {
			sums[strings.Split(step, "_")[0]] += at(e["prov:time"]).Sub(starts[e["prov:activity"]])
		}
	}
	r := droptest.One(t, cwlprov.New(), "primary.cwlprov.json", content)
	require.Equal(t, "c7f7bba1-c175-4da7-86d1-e62488f8be29", r.Key)
	require.Equal(t, "CWLProv of cwltool 3.1.20230209161050", r.Format)
	require.Empty(t, r.Incomplete)
	require.Equal(t, 3828170*time.Microsecond, time.Duration(r.Ended-r.Started))
	require.Len(t, r.Tasks, len(raw["activity"])-1)
	got, parents := map[string]time.Duration{}, map[string][]string{}
	for _, task := range r.Tasks {
		a := task.Attempts[0]
		require.Equal(t, record.OutcomeOK, a.Outcome)
		got[task.Function] += time.Duration(a.Ended - a.Started)
		for _, p := range task.Parents {
			parents[task.ID] = append(parents[task.ID], r.Tasks[p].ID)
		}
	}
	require.Equal(t, sums, got)
	require.ElementsMatch(t, []string{"main/b", "main/c"}, parents["main/d"])
	require.Equal(t, []string{"main/a"}, parents["main/fan_8"])
	require.Empty(t, parents["main/a"])
	require.Len(t, parents, 11)
	recordstest.Laws(t, r)
	droptest.Cut(t, cwlprov.New(), []records.File{droptest.File("a", records.Main, content)}, 0, 200)
}

// TestLog reads verdicts and commands from the standard error of the same run.
func TestLog(t *testing.T) {
	file := droptest.Sniffed(t, cwlprov.New(), "primary.cwlprov.json", droptest.Load(t, "cwlprov", "scatter8.json"))
	log := string(droptest.Load(t, "cwlprov", "timestamps.log.txt"))
	log = strings.Replace(log, "INFO [job fan_2] completed success", "\x1b[1;33mWARNING\x1b[0m [job fan_2] completed permanentFail", 1)
	r := droptest.Read(t, cwlprov.New(), file, droptest.Sniffed(t, cwlprov.New(), "log.txt", []byte(log)))[0]
	for _, task := range r.Tasks {
		want := record.OutcomeOK
		if task.ID == "main/fan_2" {
			want = record.OutcomeFailed
			require.Equal(t, "completed permanentFail", task.Attempts[0].Error.Message)
		}
		require.Equal(t, want, task.Attempts[0].Outcome)
		require.Regexp(t, `^(sh -c '|cat /)`, task.Command)
	}
	require.NotContains(t, fmt.Sprint(r.Notes), "taken as succeeded")
	recordstest.Laws(t, r)
}

const head = `{"prefix": {"wfprov": "http://purl.org/wf4ever/wfprov#", "cwlprov": "https://w3id.org/cwl/prov#"},`

// outer has a step, a nested workflow and a step after it; the file of the nested one has two.
const (
	outer = head + `"activity": {"id:w": {"prov:type": {"$": "wfprov:WorkflowRun"}, "prov:label": "Run of workflow/packed.cwl#main"},
   "id:a": {"prov:type": {"$": "wfprov:ProcessRun"}, "prov:label": "Run of workflow/packed.cwl#main/a"},
   "id:n": [{"prov:type": {"$": "wfprov:WorkflowRun"}, "prov:label": "Run of workflow/packed.cwl#main/nest"}, {}],
   "id:z": {"prov:type": {"$": "wfprov:ProcessRun"}, "prov:label": "Run of workflow/packed.cwl#main/z"}},
 "wasStartedBy": {"_:1": {"prov:activity": "id:w", "prov:time": "2026-11-30T06:00:00"}, "_:2": {"prov:activity": "id:a", "prov:starter": "id:w", "prov:time": "2026-11-30T06:00:01"},
   "_:3": {"prov:activity": "id:n", "prov:starter": "id:w", "prov:time": "2026-11-30T06:00:03"}, "_:4": {"prov:activity": "id:z", "prov:starter": "id:w", "prov:time": "2026-11-30T06:00:09"}},
 "wasEndedBy": {"_:5": {"prov:activity": "id:a", "prov:time": "2026-11-30T06:00:02"}},
 "wasGeneratedBy": {"_:6": {"prov:entity": "id:e1", "prov:activity": "id:a"}, "_:7": {"prov:entity": "id:e3", "prov:activity": "id:n"}},
 "used": {"_:8": {"prov:entity": "id:list", "prov:activity": "id:n"}, "_:9": {"prov:entity": "id:e3", "prov:activity": "id:z"}},
 "hadMember": {"_:10": {"prov:collection": "id:list", "prov:entity": "id:e1"}, "_:11": {"prov:collection": "id:list", "prov:entity": "id:list"}}}`
	inner = head + `"activity": {"id:n": {"prov:type": {"$": "wfprov:WorkflowRun"}, "prov:label": "Run of workflow/packed.cwl#nest"},
   "id:x": {"prov:type": {"$": "wfprov:ProcessRun"}, "prov:label": "Run of workflow/packed.cwl#nest/x"},
   "id:y": {"prov:type": {"$": "wfprov:ProcessRun"}, "prov:label": "Run of workflow/packed.cwl#nest/y"}},
 "wasStartedBy": {"_:1": {"prov:activity": "id:x", "prov:starter": "id:n", "prov:time": "2026-11-30T06:00:03"}, "_:2": {"prov:activity": "id:y", "prov:starter": "id:n", "prov:time": "2026-11-30T06:00:06"}},
 "wasEndedBy": {"_:1": {"prov:activity": "id:x", "prov:time": "2026-11-30T06:00:05"}, "_:2": {"prov:activity": "id:y", "prov:time": "2026-11-30T06:00:08"}},
 "wasGeneratedBy": {"_:1": {"prov:entity": "id:e2", "prov:activity": "id:x"}, "_:2": {"prov:entity": "id:e3", "prov:activity": "id:y"}},
 "used": {"_:1": {"prov:entity": "id:e2", "prov:activity": "id:y"}}}`
)

func TestNested(t *testing.T) {
	files := []records.File{
		droptest.Sniffed(t, cwlprov.New(), "p/workflow_nest.json", []byte(inner)), droptest.Sniffed(t, cwlprov.New(), "p/primary.json", []byte(outer)),
	}
	runs := droptest.Read(t, cwlprov.New(), files...)
	require.Len(t, runs, 1)
	r := runs[0]
	require.Equal(t, "main", r.Workflow)
	require.NotEmpty(t, r.Incomplete, "the workflow has no end")
	parents := map[string]string{}
	for _, task := range r.Tasks {
		for _, p := range task.Parents {
			parents[task.ID] += r.Tasks[p].ID + ";"
		}
		if task.ID == "main/z" {
			require.Equal(t, record.NoOutcome, task.Attempts[0].Outcome)
		}
	}
	require.Equal(t, map[string]string{"main/nest/nest/x": "main/a;", "main/nest/nest/y": "main/nest/nest/x;", "main/z": "main/nest/nest/y;"}, parents)
	notes := fmt.Sprint(r.Notes)
	require.Contains(t, notes, "those of a nested workflow")
	require.Contains(t, notes, "read as UTC")
	recordstest.Laws(t, r)

	alone := droptest.One(t, cwlprov.New(), "p/primary.json", []byte(outer))
	require.Len(t, alone.Tasks, 3, "the nested workflow is a process without its file")
}

func TestRefused(t *testing.T) {
	droptest.Refused(t, cwlprov.New(), "a", []byte(head), "expected one object of PROV-JSON")
	droptest.Refused(t, cwlprov.New(), "a", []byte(`{"activity": {}}`), "no activity of the type wfprov:WorkflowRun")
	droptest.Refused(t, cwlprov.New(), "a", []byte(`{"activity": {"x": 3}}`), "cannot unmarshal")
}

func TestClaims(t *testing.T) { droptest.Foreign(t, cwlprov.New(), "cwlprov") }

func FuzzRead(f *testing.F) {
	f.Add([]byte(outer), []byte(inner))
	f.Fuzz(func(t *testing.T, one, two []byte) {
		cwlprov.New().Sniff("a", one)
		droptest.Try(t, cwlprov.New(), droptest.File("a", records.Main, one), droptest.File("b", records.Main, two))
		droptest.Try(t, cwlprov.New(), droptest.File("a", records.Main, one), droptest.File("b", records.Companion, two))
	})
}
