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

// page makes a report as the template of Nextflow does.
func page(outcome, trace string) []byte {
	return []byte(`<!DOCTYPE html>
<html lang="en">
<head>
  <meta name="description" content="Nextflow workflow report for run id [happy_volta]">
  <title>[happy_volta] Nextflow Workflow Report</title>
</head>
<body>
` + outcome + `
        <dt>Nextflow command</dt>
        <dd><pre class="nfcommand"><code>nextflow run org/pipe --x &quot;1&quot;</code></pre></dd>
        <dt class="col-sm-3">Workflow session</dt>
        <dd class="col-sm-9"><code>5b7ab67d-0000-0000-0000-35eab8b9f2f7</code></dd>
        <dt class="col-sm-3">Workflow repository</dt>
        <dd class="col-sm-9"><code>https://example.org/org/pipe.git</code>, revision <code>1.2</code> (commit hash <code>abc</code>)</dd>
        <dt class="col-sm-3">Nextflow version</dt>
        <dd class="col-sm-9">version 24.10.1, build 5930 (11-11-2024 10:00 UTC)</dd>
  <script type="text/javascript">
  // window.data = {} is not it

  // Nextflow report data
  window.data = { "trace":` + trace + `, "summary":[{"process":"A"}] };

  </script>

</body>
</html>
`)
}

func reported(id int, status, rest string) string {
	return fmt.Sprintf(`{"task_id":"%d","hash":"ab\/12345%d","native_id":"%d","process":"P:A","module":"-","container":"-","tag":"s%d","name":"P:A (s%d)","status":"%s",`+
		`"exit":"0","submit":"1709287200000","start":"1709287201000","complete":"1709287205000","duration":"5000","realtime":"3000","%%cpu":"99.5","%%mem":"0.1",`+
		`"rss":"1048576","peak_rss":"2097152","rchar":"10","wchar":"20","attempt":"1","script":"\n  echo \'it\' \"x\" \\\'\n","cpus":"2","hostname":"n1"%s}`, id, id, id, id, id, status, rest)
}

func TestReports(t *testing.T) {
	trace := "[\n" + reported(1, "COMPLETED", "") + "," + reported(2, "FAILED", "") + "]"
	succeeded := `Workflow execution completed successfully. One or more tasks reported an error condition.`
	r := read(t, fileOf("execution_report.html", page(succeeded, trace)))
	require.Equal(t, []string{"pipe", "Nextflow report 24.10.1", "5b7ab67d-0000-0000-0000-35eab8b9f2f7 happy_volta"}, []string{r.Workflow, r.Format, r.Key})
	require.Equal(t, `nextflow run org/pipe --x "1"`, r.Params["command"])
	require.Equal(t, []any{record.Succeeded, ""}, []any{r.Status, r.Incomplete})
	require.Len(t, r.Tasks, 2)
	require.Equal(t, `echo 'it' "x" \'`, r.Tasks[0].Command)
	a := r.Tasks[0].Attempts[0]
	require.Equal(t, date("2024-03-01 10:00:05"), a.Ended)
	require.Equal(t, date("2024-03-01 10:00:02"), a.Started)
	require.Equal(t, int64(2<<20), a.Usage.MemoryBytes)
	require.Equal(t, "n1", r.Workers[a.Worker].Host)
	require.Zero(t, noteOf(r, "no zone"))

	failed := "<h4>Workflow execution completed unsuccessfully!</h4>\n<p>The full error message was:</p>\n<pre>Error executing process &gt; A</pre>"
	r = read(t, fileOf("execution_report.html", page(failed, trace)))
	require.Equal(t, []any{record.Failed, "Error executing process > A"}, []any{r.Status, r.Error})
}

func TestTableNextToItsReport(t *testing.T) {
	table := "task_id\thash\tname\tstatus\tsubmit\tduration\trealtime\n1\tab/123451\tP:A (s1)\tCOMPLETED\t2024-03-01 11:00:00.000\t5s\t3s\n"
	files := []records.File{
		fileOf("execution_trace.txt", []byte(table)), fileOf("execution_report.html", page("", "["+reported(1, "COMPLETED", "")+"]")),
		fileOf("other.txt", []byte(strings.ReplaceAll(table, "ab/1", "cd/1"))),
	}
	runs, err := nextflow.New().Read(context.Background(), files)
	require.NoError(t, err)
	require.Len(t, runs, 2)
	require.Equal(t, int64(-1), noteOf(runs[0], "execution_trace.txt has a table of the same tasks"))
	require.Equal(t, "Nextflow trace", runs[1].Format)
}

func TestDamagedReports(t *testing.T) {
	f := nextflow.New()
	_, err := f.Read(context.Background(), []records.File{fileOf("report.html", page("", "null"))})
	require.ErrorIs(t, err, records.ErrFormat)
	require.ErrorContains(t, err, "report.maxTasks")
	whole := page("", "["+reported(1, "COMPLETED", "")+","+reported(2, "COMPLETED", "")+"]")
	for at := range whole[:len(whole)-len("</html>\n")] {
		runs, err := f.Read(context.Background(), []records.File{fileOf("report.html", whole[:at])})
		if err != nil {
			require.ErrorIs(t, err, records.ErrFormat)
			continue
		}
		require.NotEmpty(t, runs[0].Incomplete, at)
	}
}
