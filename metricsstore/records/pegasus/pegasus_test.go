package pegasus_test

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
	"github.com/dagscope/dagscope/metricsstore/records/pegasus"
)

func sniffed(t *testing.T, name string, content []byte) records.File {
	return droptest.Sniffed(t, pegasus.New(), name, content)
}

func byID(r *records.Run) map[string]*records.Task {
	all := map[string]*records.Task{}
	for i := range r.Tasks {
		all[r.Tasks[i].ID] = &r.Tasks[i]
	}
	return all
}

func TestRealFiles(t *testing.T) {
	for _, c := range []struct {
		folder, workflow string
		files            []string
		makespan         time.Duration
	}{
		{"held", "Drug-Combination-Therapy", []string{"jobstate.log", "workflow.dag"}, 121 * time.Second},
		{"hierarchical-failure", "hierarchical-workflow", []string{"jobstate.log", "workflow.dag", "workflow.static.bp"}, 91 * time.Second},
	} {
		t.Run(c.folder, func(t *testing.T) {
			var files []records.File
			for _, name := range c.files {
				files = append(files, sniffed(t, c.folder+"/"+name, droptest.Load(t, "pegasus", c.folder, name)))
			}
			runs := droptest.Read(t, pegasus.New(), files...)
			require.Len(t, runs, 1)
			r := runs[0]
			require.Equal(t, c.workflow, r.Workflow)
			require.Equal(t, record.Failed, r.Status)
			require.Empty(t, r.Incomplete)
			require.Equal(t, c.makespan, time.Duration(r.Ended-r.Started))

			// A plain count: attempts are pairs of node and number, a failure is a FAILURE after the last SUCCESS.
			attempts, verdicts, executed := map[string]bool{}, map[string]string{}, map[string]int{}
			for line := range strings.Lines(string(droptest.Load(t, "pegasus", c.folder, "jobstate.log"))) {
				w := strings.Fields(line)
				if w[1] == "INTERNAL" {
					continue
				}
				key := w[1] + " " + w[6]
				attempts[key] = true
				if strings.HasSuffix(w[2], "_SUCCESS") || strings.HasSuffix(w[2], "_FAILURE") {
					verdicts[key] = w[2]
				}
				if w[2] == "EXECUTE" {
					executed[key]++
				}
			}
			want, got := map[bool]int{}, map[bool]int{}
			for _, v := range verdicts {
				want[strings.HasSuffix(v, "SUCCESS")]++
			}
			nodes, edges := 0, 0
			for line := range strings.Lines(string(droptest.Load(t, "pegasus", c.folder, "workflow.dag"))) {
				switch strings.Fields(line + " .")[0] {
				case "JOB":
					nodes++
				case "PARENT":
					edges++
				}
			}
			parents, total := 0, 0
			for _, task := range r.Tasks {
				parents += len(task.Parents)
				total += len(task.Attempts)
				for _, a := range task.Attempts {
					got[a.Outcome == record.OutcomeOK]++
				}
			}
			require.Equal(t, nodes, len(r.Tasks))
			require.Equal(t, edges, parents)
			require.Equal(t, len(attempts), total)
			require.Equal(t, want, got)
			recordstest.Laws(t, r)
			droptest.Cut(t, pegasus.New(), files, 0, 200)
		})
	}
}

func TestHeld(t *testing.T) {
	jobstate := sniffed(t, "held/jobstate.log", droptest.Load(t, "pegasus", "held", "jobstate.log"))
	dagman := sniffed(t, "held/x.dag.dagman.out", droptest.Load(t, "htcondor-dagman", "held.dagman.out"))
	dag := sniffed(t, "held/x.dag", droptest.Load(t, "pegasus", "held", "workflow.dag"))
	alone := droptest.Read(t, pegasus.New(), dagman)[0]
	both := droptest.Read(t, pegasus.New(), jobstate, dagman, dag)
	require.Len(t, both, 1, "the two records of one run")
	for _, r := range []*records.Run{alone, both[0]} {
		a := byID(r)["chebi_drug_loader_ID0000001"].Attempts
		require.Len(t, a, 1)
		require.Equal(t, record.OutcomeFailed, a[0].Outcome)
		require.Equal(t, 33*time.Second, time.Duration(a[0].Started-a[0].Ready))
		require.Equal(t, 2*time.Second, time.Duration(a[0].Ended-a[0].Started))
		require.Contains(t, a[0].Error.Message, "Transfer output files failure")
		require.Contains(t, a[0].Log, "held for 44s")
		require.Equal(t, 121*time.Second, time.Duration(r.Ended-r.Started))
		recordstest.Laws(t, r)
	}
	require.Len(t, alone.Tasks, 3)
	require.Equal(t, "HTCondor DAGMan", alone.System)
	require.Contains(t, fmt.Sprint(alone.Notes), "read as UTC")
	require.Equal(t, "Drug-Combination-Therapy-0", alone.Workflow)
	require.Len(t, both[0].Tasks, 8)
	droptest.Cut(t, pegasus.New(), []records.File{dagman}, 0, 200)
}

func TestPlan(t *testing.T) {
	files := []records.File{sniffed(t, "jobstate.log", droptest.Load(t, "pegasus", "hierarchical-failure", "jobstate.log"))}
	files = append(files, sniffed(t, "w.static.bp", droptest.Load(t, "pegasus", "hierarchical-failure", "workflow.static.bp")))
	r := droptest.Read(t, pegasus.New(), files...)[0]
	tasks := byID(r)
	require.Equal(t, "wc", tasks["wc_ID0000002"].Function)
	require.Contains(t, tasks["wc_ID0000002"].Command, "-l f.d")
	require.Equal(t, "create-dir", tasks["create_dir_hierarchical-workflow_0_local"].Function)
	sub := tasks["pegasus-plan_diamond_subworkflow"]
	require.Len(t, sub.Attempts, 2)
	require.Equal(t, "the PRE script failed", sub.Attempts[0].Error.Message)
	require.Equal(t, 2*time.Second, time.Duration(sub.Attempts[0].Ended-sub.Attempts[0].Started))
	require.Contains(t, fmt.Sprint(r.Notes), "sub-workflows are one task each")
}

const dag = `# a comment
job a x.sub
JOB b x.sub
JOB c y.sub DONE
SUBDAG EXTERNAL d inner.dag
PARENT a c CHILD b d
`

// byHand has an eviction, a retry whose POST script forgives a failure, events that are not in order, and two starts.
const byHand = `100000002 INTERNAL *** MONITORD_STARTED ***
100000001 INTERNAL *** DAGMAN_STARTED 7.0 ***
100000030 a JOB_TERMINATED 8.0 site - 1
100000010 a SUBMIT 8.0 site - 1
100000011 a EXECUTE 8.0 site - 1
100000015 a JOB_EVICTED 8.0 site - 1
100000020 a EXECUTE 8.0 site - 1
100000031 a JOB_FAILURE 3 site - 1
100000040 a SUBMIT 9.0 site - 2
100000041 a EXECUTE 9.0 site - 2
100000042 a JOB_TERMINATED 9.0 site - 2
100000043 a JOB_FAILURE 4 site - 2
100000044 a POST_SCRIPT_SUCCESS 0 site - 2
100000050 INTERNAL *** DAGMAN_FINISHED 1 ***
100000060 INTERNAL *** DAGMAN_STARTED 17.0 ***
100000061 b SUBMIT 18.0 site - 1
100000062 b EXECUTE 18.0 site - 1
`

func TestByHand(t *testing.T) {
	runs := droptest.Read(t, pegasus.New(), sniffed(t, "jobstate.log", []byte(byHand)), sniffed(t, "w.dag", []byte(dag)))
	require.Len(t, runs, 2)
	tasks := byID(runs[0])
	require.Len(t, tasks, 4)
	var outcomes []record.Outcome
	for _, a := range tasks["a"].Attempts {
		outcomes = append(outcomes, a.Outcome)
	}
	require.Equal(t, []record.Outcome{record.OutcomeLost, record.OutcomeFailed, record.OutcomeOK}, outcomes)
	require.Equal(t, 4*time.Second, time.Duration(tasks["a"].Attempts[0].Ended-tasks["a"].Attempts[0].Started))
	require.Equal(t, 10*time.Second, time.Duration(tasks["a"].Attempts[1].Ended-tasks["a"].Attempts[1].Started))
	require.Equal(t, 3, tasks["a"].Attempts[1].Error.ExitCode)
	require.Equal(t, "x", tasks["b"].Function)
	require.Len(t, tasks["b"].Parents, 2)
	require.Empty(t, tasks["b"].Attempts)
	require.Equal(t, record.OutcomeCached, tasks["c"].Attempts[0].Outcome)
	require.Equal(t, "7.0@1973-03-03T09:46:41Z", runs[0].Key)
	require.Empty(t, runs[0].Incomplete)
	require.Equal(t, record.NoOutcome, byID(runs[1])["b"].Attempts[0].Outcome)
	require.NotEmpty(t, runs[1].Incomplete)
	for _, r := range runs {
		recordstest.Laws(t, r)
	}
}

func TestRefused(t *testing.T) {
	droptest.Refused(t, pegasus.New(), "jobstate.log", []byte("1 INTERNAL *** DAGMAN_STARTED 1.0 ***\n"), "no events of nodes")
	for _, text := range []string{"JOB is hard\nand so is this", "dear JOB x y", "10/11/12 08:09:10 hello\n", "ts=1 event=x\n"} {
		require.Equal(t, records.Foreign, pegasus.New().Sniff("x.dag", []byte(text)), text)
	}
}

func TestClaims(t *testing.T) { droptest.Foreign(t, pegasus.New(), "pegasus", "htcondor-dagman") }

func FuzzRead(f *testing.F) {
	f.Add([]byte(byHand), []byte(dag))
	f.Add([]byte("03/05/23 09:10:17 Event: ULOG_EXECUTE for HTCondor Node a (104.0.0) {03/05/23 09:10:16}\n"), []byte(`ts=1 event=job.edge xwf.id=1 parent.job.id="a" child.job.id="a"`))
	f.Fuzz(func(t *testing.T, log, dag []byte) {
		files := []records.File{droptest.File("a", records.Main, log), droptest.File("b", records.Companion, dag)}
		pegasus.New().Sniff("a", log)
		pegasus.New().Sniff("a", dag)
		droptest.Try(t, pegasus.New(), files...)
	})
}
