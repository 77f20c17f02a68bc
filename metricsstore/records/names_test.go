package records_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/recordstest"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// namesIn lists the names of the nodes of a recording as its shape keeps them, without those that have none.
func namesIn(t *testing.T, rec *records.Recording) []string {
	t.Helper()
	g, err := dag.DecodeShape(rec.Graph.AppendShape(nil))
	require.NoError(t, err)
	var out []string
	for i := range g.Named() {
		if name := g.Name(dag.NodeID(i)); name != "" {
			out = append(out, name)
		}
	}
	return out
}

func TestTasksKeepTheirNames(t *testing.T) {
	type task struct{ id, name, function, command string }
	cases := map[string]struct {
		tasks []task
		want  []string
	}{
		"names":                {[]task{{"model.shop.orders", "orders", "model", ""}, {"model.shop.items", "items", "model", ""}}, []string{"orders", "items"}},
		"IDs":                  {[]task{{"web#build", "", "build", ""}, {"api#build", "", "build", ""}}, []string{"web#build", "api#build"}},
		"the function's name":  {[]task{{"1", "compile", "compile", ""}, {"2", "compile", "compile", ""}}, nil},
		"the end of it":        {[]task{{"1", "GET /", "web: GET /", ""}, {"2", "foo", "wf.foo", ""}}, nil},
		"the end of a word":    {[]task{{"1", "tests", "unittests", ""}}, []string{"tests"}},
		"derived functions":    {[]task{{"sort_1", "", "", ""}, {"sort_2", "", "", ""}}, []string{"sort_1", "sort_2"}},
		"IDs of WfFormat":      {[]task{{"mAdd_ID0000001", "mAdd", "mAdd", ""}}, []string{"mAdd_ID0000001"}},
		"IDs that are counted": {[]task{{"poll", "poll", "poll", ""}, {"poll (2)", "poll", "poll", ""}}, nil},
		"IDs of machines":      {[]task{{"86a8b1916aaed5dc", "", "f", ""}, {"9d3a5f0e-77ab-4c1e-9f00-0123456789ab", "", "f", ""}, {"17", "", "f", ""}}, nil},
		"commands":             {[]task{{"1", "", "gzip", "gzip a\nrm a"}, {"2", "", "gzip", "gzip"}}, []string{"gzip a"}},
		"again": {
			[]task{{"a.Test", "Test", "a", ""}, {"b.Test", "Test", "b", ""}, {"7", "go", "f", ""}, {"8", "go", "f", ""}},
			[]string{"a.Test", "b.Test", "go", "go (2)"},
		},
		"what cannot be seen": {[]task{{"1", " a\tb\x00\xff ", "f", ""}, {"2", "\u202e", "f", ""}}, []string{"a_b__", "_"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			run := newRun(len(c.tasks))
			for i, task := range c.tasks {
				to := &run.Tasks[i]
				to.ID, to.Name, to.Function, to.Command = task.id, task.name, task.function, task.command
			}
			require.Equal(t, c.want, namesIn(t, recordstest.Laws(t, run)))
		})
	}
}

func TestNamesOfTasksInGroups(t *testing.T) {
	run := newRun(3)
	run.Groups = []records.Group{{Name: "extract", Ready: records.Unknown}}
	for i := range run.Tasks {
		run.Tasks[i].Group, run.Tasks[i].Parents = 0, nil
	}
	require.Empty(t, namesIn(t, recordstest.Laws(t, run)), "IDs of tasks in groups are numbers")
	run.Tasks[1].Name = "extract[europe]"
	rec := recordstest.Laws(t, run)
	require.Equal(t, []string{"extract[europe]"}, namesIn(t, rec))
	walker := record.NewWalker(rec.Graph)
	steps := recordstest.Replayed(t, rec).Steps
	for i := range steps {
		_, err := walker.Next(&steps[i])
		require.NoError(t, err)
	}
	n := walker.Numbering()
	require.Equal(t, dag.Identity{Function: "extract", Path: []uint32{1}, Name: "extract[europe]"}, n.Identity(n.Locate(ends(t, rec)[1].Node)))
}

func TestLongNamesAreCutInTheMiddle(t *testing.T) {
	run := newRun(2)
	for i := range run.Tasks {
		run.Tasks[i].Name, run.Tasks[i].Function = strings.Repeat("ä/", 200)+"main.c", "cc"
	}
	names := namesIn(t, recordstest.Laws(t, run))
	require.Regexp(t, "^(ä/)+ä?….*ä/main.c$", names[0])
	require.Less(t, len(names[0]), dag.MaxName)
	require.Equal(t, names[0]+" (2)", names[1])
}

func TestFailuresHaveTheNameOfTheirTask(t *testing.T) {
	run := newRun(2)
	run.Tasks[1].Name, run.Tasks[1].Function = "orders", "model"
	run.Tasks[1].Attempts[0].Outcome = record.OutcomeFailed
	rec := recordstest.Laws(t, run)
	require.Equal(t, "orders", rec.End.First.Name)
	require.Equal(t, "orders", rec.End.First.TaskLabel())
	require.Equal(t, "model", rec.End.First.Task)
}

func TestNamesBeyondTheLimitAreLeftOut(t *testing.T) {
	const n = dag.MaxNames/180 + 3
	run := newRun(n)
	for i := range run.Tasks {
		run.Tasks[i].Name, run.Tasks[i].Function = fmt.Sprintf("%0180d", i), "f"
	}
	rec, err := records.Compile(run, records.Origin{})
	require.NoError(t, err)
	require.Len(t, namesIn(t, rec), n-3)
	require.EqualValues(t, 3, noteOf(rec, "names of tasks are left out, as all of them together are too long"))
}
