package makeflow_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/droptest"
	"github.com/dagscope/dagscope/internal/testkit/recordstest"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/makeflow"
)

func sniffed(t *testing.T, name, content string) records.File {
	return droptest.Sniffed(t, makeflow.New(), name, []byte(content))
}

func TestRealFiles(t *testing.T) {
	log := droptest.Load(t, "makeflow", "two-runs.makeflowlog")
	begun, total, ended := map[string]int{}, 0, 0
	for line := range strings.Lines(string(log)) {
		var at, state, job int
		var node string
		if n, _ := fmt.Sscan(line, &at, &node, &state, &job); n != 4 {
			continue
		}
		if state == 1 {
			begun[node] = at
		} else {
			total += at - begun[node]
			ended++
		}
	}
	files := []records.File{sniffed(t, "wf.mf.makeflowlog", string(log)), sniffed(t, "wf.mf", string(droptest.Load(t, "makeflow", "wf.mf")))}
	runs := droptest.Read(t, makeflow.New(), files...)
	require.Len(t, runs, 1, "the second run had nothing to do")
	r := runs[0]
	require.Contains(t, fmt.Sprint(r.Notes), "runs in the file had nothing to do")
	require.Len(t, r.Tasks, len(begun))
	require.Equal(t, record.Succeeded, r.Status)
	require.Equal(t, "wf", r.Workflow)
	require.Equal(t, 3399818*time.Microsecond, time.Duration(r.Ended-r.Started))
	edges, sum := 0, time.Duration(0)
	for _, task := range r.Tasks {
		edges += len(task.Parents)
		require.Len(t, task.Attempts, 1)
		require.Equal(t, record.OutcomeOK, task.Attempts[0].Outcome)
		sum += time.Duration(task.Attempts[0].Ended - task.Attempts[0].Started)
	}
	require.Equal(t, len(r.Tasks), ended)
	require.Equal(t, time.Duration(total)*time.Microsecond, sum)
	require.Equal(t, 12, edges)
	d := r.Tasks[3]
	require.Equal(t, "d.txt d2.txt", d.Name)
	require.Equal(t, int64(8), d.OutputBytes)
	require.Equal(t, []records.Input{{From: 1, Bytes: 2}, {From: 2, Bytes: 2}}, d.Inputs)
	require.Equal(t, int64(600), r.Tasks[10].ResultBytes)
	require.Contains(t, d.Command, "cat b.txt c.txt > d.txt")
	recordstest.Laws(t, r)

	// Cut within the second run, which has no nodes, the first is whole.
	first, _, _ := strings.Cut(string(log), "# FILE 1796020971345393")
	droptest.Cut(t, makeflow.New(), []records.File{droptest.File("wf.mf.makeflowlog", records.Main, []byte(first)), files[1]}, 0, 200)
}

const (
	workflow = "CATEGORY=prepare\nOUT = a.txt\n# comment\n$(OUT): in.txt \\\n  in2.txt->x\n\tLOCAL cp in.txt $(OUT)\nCATEGORY=\"use\"\nb.txt: a.txt\n\tfalse\n"
	log      = `# STARTED 1796020966000000
1796020966100000 0 1 77 1 1 0 0 0 2
# FILE 1796020966100001 a.txt 1 1073741824
1796020966200000 0 3 77 1 0 0 1 0 2
1796020966200001 0 0 77 2 0 0 0 0 2
1796020966300000 0 1 78 1 1 0 0 0 2
# FILE 1796020966300001 a.txt 2 5
1796020966400000 0 2 78 1 0 1 0 0 2
1796020966500000 1 1 79 0 1 1 0 0 2
1796020966600000 1 3 79 0 0 1 1 0 2
# COMPLETED 1796020966700000
# STARTED 1796020967000000
1796020967100000 1 1 80 0 1 1 0 0 2
1796020967200000 1 4 80 0 0 1 0 1 2
# ABORTED 1796020967300000
`
)

func TestByHand(t *testing.T) {
	runs := droptest.Read(t, makeflow.New(), sniffed(t, "x.makeflowlog", log), sniffed(t, "y.mf", workflow))
	require.Len(t, runs, 2)
	require.Equal(t, record.Failed, runs[0].Status)
	require.Contains(t, fmt.Sprint(runs[0].Notes), "the log says COMPLETED, but nodes failed")
	a, b := runs[0].Tasks[0], runs[0].Tasks[1]
	require.Len(t, a.Attempts, 2)
	require.Equal(t, record.OutcomeFailed, a.Attempts[0].Outcome)
	require.Equal(t, record.OutcomeOK, a.Attempts[1].Outcome)
	require.Equal(t, "prepare", a.Function)
	require.Equal(t, "use", b.Function)
	require.Equal(t, "LOCAL cp in.txt a.txt", a.Command)
	require.Equal(t, int64(5), a.OutputBytes)
	require.Equal(t, []int32{0}, b.Parents)
	require.Equal(t, record.Cancelled, runs[1].Status)
	require.Equal(t, record.OutcomeCached, runs[1].Tasks[0].Attempts[0].Outcome)
	require.Equal(t, record.OutcomeCancelled, runs[1].Tasks[1].Attempts[0].Outcome)
	require.NotEqual(t, runs[0].Key, runs[1].Key)
	for _, r := range runs {
		recordstest.Laws(t, r)
	}
}

func TestOtherWorkflow(t *testing.T) {
	r := droptest.Read(t, makeflow.New(), sniffed(t, "x.makeflowlog", log), sniffed(t, "y.mf", workflow+"c.txt: b.txt\n\ttrue\n"))[0]
	require.Contains(t, fmt.Sprint(r.Notes), "has 3 rules and the log counts 2 nodes")
	require.Empty(t, r.Tasks[1].Parents)

	named := "# NODE 0 x\n# TARGETS 0 a.txt\n# NODE 1 y\n# PARENTS 1 0\n# COMMAND 1 false now\n" + log
	r = droptest.Read(t, makeflow.New(), sniffed(t, "x.makeflowlog", named))[0]
	require.Equal(t, []int32{0}, r.Tasks[1].Parents)
	require.Equal(t, "false now", r.Tasks[1].Command)
}

func TestRefused(t *testing.T) {
	droptest.Refused(t, makeflow.New(), "a", []byte("# STARTED 1796020966000000\n# COMPLETED 1796020966000001\n"), "no node was submitted")
	require.Equal(t, records.Foreign, makeflow.New().Sniff("Makefile", []byte(workflow)))
}

func TestClaims(t *testing.T) { droptest.Foreign(t, makeflow.New(), "makeflow") }

func FuzzRead(f *testing.F) {
	f.Add([]byte(log), []byte(workflow))
	f.Fuzz(func(t *testing.T, log, rules []byte) {
		makeflow.New().Sniff("a.mf", log)
		droptest.Try(t, makeflow.New(), droptest.File("a.makeflowlog", records.Main, log), droptest.File("a", records.Companion, rules))
	})
}
