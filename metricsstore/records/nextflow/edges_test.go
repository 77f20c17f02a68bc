package nextflow_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/nextflow"
)

// rowsOf makes a table: "name status submit duration" with submit in seconds.
func rowsOf(rows ...string) []byte {
	var out strings.Builder
	out.WriteString("task_id\thash\tname\tstatus\tsubmit\tduration\trealtime\n")
	for i, row := range rows {
		f := strings.Fields(row)
		fmt.Fprintf(&out, "%d\ta/%d\t%s\t%s\t%d\t%s\t%s\n", i+1, i, strings.ReplaceAll(f[0], "(", " ("), f[1], 1_700_000_000_000+atoi(f[2])*1000, f[3], f[3])
	}
	return []byte(out.String())
}

func atoi(text string) (n int) {
	_, _ = fmt.Sscan(text, &n)
	return n
}

// dotOf makes a graph of edges "A -> B", with operators in lower case.
func dotOf(edges ...string) []byte {
	var out strings.Builder
	index := map[string]int{}
	vertex := func(name string) string {
		if _, ok := index[name]; !ok {
			index[name] = len(index)
		}
		if strings.ToLower(name) == name {
			return fmt.Sprintf("p%d [shape=circle,label=\"\",fixedsize=true,width=0.1,xlabel=\"%s\"];\n", index[name], name)
		}
		return fmt.Sprintf("p%d [label=\"%s\"];\n", index[name], name)
	}
	out.WriteString("digraph \"dag\" {\n")
	for _, edge := range edges {
		from, to, _ := strings.Cut(edge, " -> ")
		out.WriteString(vertex(from) + vertex(to))
		fmt.Fprintf(&out, "p%d -> p%d [label=\"ch\"];\n\n", index[from], index[to])
	}
	out.WriteString("}\n")
	return []byte(out.String())
}

func connected(t *testing.T, graph []byte, rows ...string) *records.Run {
	t.Helper()
	return read(t, fileOf("trace.txt", rowsOf(rows...)), fileOf("dag.dot", graph))
}

func TestEdgesByTag(t *testing.T) {
	r := connected(t, dotOf("A -> map", "map -> B"),
		"W:A(x) COMPLETED 0 5s", "W:A(y) COMPLETED 0 3s", "W:B(x) COMPLETED 6 5s", "W:B(y) COMPLETED 6 5s", "W:B(z) COMPLETED 6 5s", "W:B(q) COMPLETED 1 5s")
	require.Equal(t, []string{"W:A (x)"}, parents(r, "W:B (x)"))
	require.Equal(t, []string{"W:A (y)"}, parents(r, "W:B (y)"))
	require.Equal(t, []string{"W:A (x)"}, parents(r, "W:B (z)"), "the last to end, as no tag is equal")
	require.Empty(t, parents(r, "W:B (q)"), "none had ended")
	require.Equal(t, int64(2), noteOf(r, "connect tasks with the same tag"))
	require.Equal(t, int64(1), noteOf(r, "come from the last task of the process before"))
	require.Equal(t, int64(1), noteOf(r, "no parent that had succeeded"))
}

func TestNumbersAreNoTags(t *testing.T) {
	r := connected(t, dotOf("A -> B"), "A(1) COMPLETED 0 5s", "A(2) COMPLETED 0 3s", "B(1) COMPLETED 3 5s", "B(2) COMPLETED 5 5s")
	require.Equal(t, []string{"A (2)"}, parents(r, "B (1)"), "submitted when A (2) ended")
	require.Equal(t, []string{"A (1)"}, parents(r, "B (2)"))
}

func TestOperatorsThatGather(t *testing.T) {
	rows := []string{
		"A(x) COMPLETED 0 5s", "A(y) COMPLETED 0 3s", "A(z) FAILED 0 1s", "A(late) COMPLETED 30 3s",
		"B(x) COMPLETED 6 5s", "B(y) COMPLETED 6 5s",
	}
	r := connected(t, dotOf("A -> collect", "collect -> B"), rows...)
	require.ElementsMatch(t, []string{"A (x)", "A (y)"}, parents(r, "B (x)"))
	require.Equal(t, int64(4), noteOf(r, "an operator between waits for all"))
	r = connected(t, dotOf("A -> map", "map -> M", "M -> B"), append(rows, "M COMPLETED 6 1s")...)
	require.ElementsMatch(t, []string{"A (x)", "A (y)"}, parents(r, "M"))
	require.Equal(t, int64(2), noteOf(r, "to the single task of a process"))
	require.Empty(t, parents(r, "B (x)"))
}

func TestRoundedDurationsOfParents(t *testing.T) {
	r := connected(t, dotOf("A -> B"), "A COMPLETED 0 60.3s", "B COMPLETED 60 5s")
	require.Empty(t, parents(r, "B"), "300 ms are more than a rounded 0.1 s")
	r = connected(t, dotOf("A -> B"), "A COMPLETED 0 5.04s", "B COMPLETED 5 5s")
	require.Equal(t, []string{"A"}, parents(r, "B"))
}

func TestCachedParents(t *testing.T) {
	r := connected(t, dotOf("A -> B", "B -> C", "A -> D"),
		"A(x) CACHED 900 5s", "A(y) CACHED 950 5s", "B(x) CACHED 990 1s", "B(y) COMPLETED 10 1s", "C(x) COMPLETED 9 5s", "C(y) COMPLETED 12 5s",
		"D(q) COMPLETED 20 5s", "D(r) COMPLETED 20 5s")
	require.Equal(t, []string{"A (x)"}, parents(r, "B (x)"))
	require.Equal(t, []string{"A (y)"}, parents(r, "B (y)"))
	require.Equal(t, []string{"B (x)"}, parents(r, "C (x)"))
	require.Equal(t, []string{"B (y)"}, parents(r, "C (y)"))
	require.Empty(t, parents(r, "D (q)"))
	require.Equal(t, int64(2), noteOf(r, "which one is not recorded"))
}

func TestRetriedParents(t *testing.T) {
	r := connected(t, dotOf("A -> B"), "A(x) FAILED 0 5s", "A(x) COMPLETED 6 5s", "A(y) COMPLETED 0 1s", "B(x) COMPLETED 12 5s", "B(y) COMPLETED 3 1s")
	require.Equal(t, []string{"A (x)"}, parents(r, "B (x)"))
	require.Len(t, r.Tasks, 4)
}

func TestGraphsGoToTheirTraces(t *testing.T) {
	runs, err := nextflow.New().Read(context.Background(), []records.File{
		fileOf("2.dot", dotOf("C -> D")), fileOf("1.txt", rowsOf("A COMPLETED 0 5s", "B COMPLETED 5 1s")), fileOf("1.dot", dotOf("A -> B")),
		fileOf("2.txt", rowsOf("C COMPLETED 0 5s", "D COMPLETED 5 1s")), fileOf("3.dot", dotOf("X -> Y")),
	})
	require.NoError(t, err)
	require.Equal(t, []string{"A"}, parents(runs[0], "B"))
	require.Equal(t, []string{"C"}, parents(runs[1], "D"))
	require.Equal(t, int64(1), noteOf(runs[1], "graphs have processes of other workflows"))
}

func TestAmbiguousProcesses(t *testing.T) {
	r := connected(t, dotOf("A -> SORT"), "W:A COMPLETED 0 5s", "W:ONE:SORT COMPLETED 5 1s", "W:TWO:SORT COMPLETED 5 1s", "W:B COMPLETED 5 1s")
	require.Zero(t, noteOf(r, "can be several of the trace"), "one of four processes is no graph of the trace")
	r = connected(t, dotOf("A -> SORT", "A -> B"), "W:A COMPLETED 0 5s", "W:ONE:SORT COMPLETED 5 1s", "W:TWO:SORT COMPLETED 5 1s", "W:B COMPLETED 5 1s")
	require.Equal(t, int64(1), noteOf(r, "can be several of the trace"))
	require.Equal(t, []string{"W:A"}, parents(r, "W:B"))
	require.Empty(t, parents(r, "W:ONE:SORT"))
}

// TestMermaid reads the graph of a real pipeline, plain and in a page as Nextflow writes it.
func TestMermaid(t *testing.T) {
	graph := sample(t, "nextflow/rnaseq-nf-dag.mmd")
	page := "<html>\n<pre class=\"mermaid\" style=\"text-align: center;\">\n" + strings.ReplaceAll(string(graph), "-->", "--&gt;") + "</pre>\n</html>\n"
	for _, content := range [][]byte{graph, []byte(page)} {
		r := read(t, fileOf("trace.txt", rowsOf("RNASEQ:INDEX(t) COMPLETED 0 5s", "RNASEQ:FASTQC(a) COMPLETED 0 3s", "RNASEQ:QUANT(a) COMPLETED 5 3s",
			"RNASEQ:FASTQC(b) COMPLETED 0 3s", "RNASEQ:QUANT(b) COMPLETED 5 3s", "MULTIQC COMPLETED 9 3s")), fileOf("dag", content))
		require.Equal(t, []string{"RNASEQ:INDEX (t)"}, parents(r, "RNASEQ:QUANT (a)"))
		require.Len(t, parents(r, "MULTIQC"), 4)
		require.Empty(t, parents(r, "RNASEQ:FASTQC (a)"))
	}
}

// TestRealGraphs: what is known about two pipelines holds for the edges of their runs.
func TestRealGraphs(t *testing.T) {
	r := read(t, fileOf("trace.txt", sample(t, "nextflow/hlatyping.trace.txt")), fileOf("dag.dot", sample(t, "nextflow/hlatyping-pipeline_dag.dot")))
	require.ElementsMatch(t, []string{"remap_to_hla (1)", "make_ot_config"}, parents(r, "run_optitype (1)"))
	require.Equal(t, []string{"get_software_versions"}, parents(r, "multiqc (1)"))
	r = read(t, fileOf("trace.txt", sample(t, "nextflow/chipseq-failed.trace.txt")), fileOf("dag.dot", sample(t, "nextflow/chipseq-pipeline_dag.dot")))
	edges := 0
	for i := range r.Tasks {
		child := &r.Tasks[i]
		for _, p := range child.Parents {
			edges++
			parent := &r.Tasks[p]
			require.LessOrEqual(t, int64(parent.Attempts[0].Ended-child.Attempts[0].Ready), int64(1e9), "%s -> %s", parent.Name, child.Name)
		}
		if child.Function == "CHIPSEQ:DEEPTOOLS_PLOTHEATMAP" {
			require.Equal(t, []string{strings.Replace(child.Name, "PLOTHEATMAP", "COMPUTEMATRIX", 1)}, parents(r, child.Name))
		}
	}
	require.Greater(t, edges, 400)
}

func TestTasksInPages(t *testing.T) {
	page := func(rows string) []byte { return []byte(`{"tasks":[` + rows + `],"workflowId":"w1","total":2}`) }
	one := `{"task":{"taskId":1,"hash":"a","status":"FAILED","process":"A","name":"A (1)","exit":2,"submit":"2024-03-01T10:00:00Z","complete":"2024-03-01T10:00:05Z","realtime":4000,"errorAction":"RETRY","attempt":1}}`
	two := `{"task":{"taskId":2,"hash":"b","status":"COMPLETED","process":"A","name":"A (1)","exit":0,"submit":"2024-03-01T12:00:06+02:00","complete":"2024-03-01T12:00:09.5+02:00","realtime":3000,"attempt":2}}`
	r := read(t, fileOf("1.json", page(one)), fileOf("2.json", page(two)))
	require.Len(t, r.Tasks, 1)
	require.Equal(t, "w1", r.Key)
	require.Equal(t, "exit code 2, error action RETRY", r.Tasks[0].Attempts[0].Error.Message)
	require.Equal(t, date("2024-03-01 10:00:06"), r.Tasks[0].Attempts[1].Ready)
	require.Empty(t, r.Status)
}

func TestWeblog(t *testing.T) {
	say := func(event, rest string) string {
		return `{"runName":"happy_volta","runId":"r-1","event":"` + event + `","utcTime":"2024-03-01T10:00:0` + fmt.Sprint(len(rest)%3) + `Z"` + rest + "}\n"
	}
	trace := func(status, rest string) string {
		return `,"trace":{"task_id":1,"hash":"a","status":"` + status + `","name":"A (1)","process":"A","submit":1709287200000,"start":1709287201000` + rest + `}`
	}
	begun := say("started", `,"metadata":{"workflow":{"projectName":"org/pipe","commandLine":"nextflow run org/pipe -with-weblog 'http://host/feeds/nextflow?token=xyz' -resume"}}`) +
		say("process_submitted", trace("SUBMITTED", "")) + say("process_started", trace("RUNNING", ""))
	ended := begun + say("process_completed", trace("COMPLETED", `,"complete":1709287205000,"realtime":3000,"%cpu":50.0,"exit":0`))
	r := read(t, fileOf("log.jsonl", []byte(begun)))
	require.Equal(t, []any{"org/pipe", "r-1 happy_volta", "running", "there is no message about the end of the run"}, []any{r.Workflow, r.Key, string(r.Status), r.Incomplete})
	require.Equal(t, "nextflow run org/pipe -with-weblog 'http://host/feeds/nextflow?token=…' -resume", r.Params["command"])
	r = read(t, fileOf("log.jsonl", []byte(ended+say("completed", `,"metadata":{"workflow":{"success":true}}`))))
	require.Equal(t, []any{"succeeded", ""}, []any{string(r.Status), r.Incomplete})
	require.Len(t, r.Tasks, 1)
	require.Equal(t, int64(3e9), int64(r.Tasks[0].Attempts[0].Runtime))
	r = read(t, fileOf("log.jsonl", []byte(ended+say("error", "")+say("completed", `,"metadata":{"workflow":{"success":false,"errorReport":"Process A terminated"}}`))))
	require.Equal(t, []any{"failed", "Process A terminated"}, []any{string(r.Status), r.Error})
	r = read(t, fileOf("log.jsonl", []byte(ended[:len(ended)-40])))
	require.Contains(t, r.Incomplete, "cannot be read beyond byte")
	r = read(t, fileOf("log.jsonl", []byte(ended+say("completed", `,"metadata":{"workflow":{"success":true,"stats":{"cachedCount":3}}}`))))
	require.Contains(t, r.Notes, record.Note{Kind: record.NoteLeftOut, Text: "tasks were cached, and Nextflow sends no messages about those", Count: 3})
}

// TestWeblogOfAResumedRun: it has the runId of the run that it resumes.
func TestWeblogOfAResumedRun(t *testing.T) {
	say := func(name, event, rest string) string {
		return `{"runName":"` + name + `","runId":"r-1","event":"` + event + `","utcTime":"2024-03-01T10:00:00Z"` + rest + "}\n"
	}
	trace := `,"trace":{"task_id":1,"hash":"a","status":"COMPLETED","name":"A","process":"A","submit":1709287200000,"complete":1709287201000}`
	runs, err := nextflow.New().Read(t.Context(), []records.File{fileOf("log.jsonl", []byte(say("one", "process_completed", trace)+say("two", "process_completed", trace)))})
	require.NoError(t, err)
	require.Len(t, runs, 2)
	require.Equal(t, []string{"r-1 one", "r-1 two"}, []string{runs[0].Key, runs[1].Key})
	for rest, tasks := range map[string]int{"": 0, trace: 1} {
		key, n := nextflow.Message([]byte(say("two", "started", rest)))
		require.Equal(t, runs[1].Key, key)
		require.Equal(t, tasks, n)
	}
	require.Equal(t, runs[1].Key, nextflow.KeyOf(runs[1].Params))
	require.Empty(t, nextflow.KeyOf(map[string]string{"run": "two"}), "of a table")
	for _, text := range []string{"", "[]", "{}", `{"runId":"r"}`, say("", "started", ""), say("two", "", ""), `{"runId":1,"event":"x"}`} {
		key, _ := nextflow.Message([]byte(text))
		require.Empty(t, key, text)
	}
}
