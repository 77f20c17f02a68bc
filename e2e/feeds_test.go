package e2e

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// snakefile has jobs one after the other, so that there is time to see the run.
const snakefile = `
rule last:
    input: expand("b{i}", i=range(3))
    output: "c"
    shell: "sleep 0.3; cat {input} > {output}"
rule first:
    output: "a{i}"
    shell: "sleep 0.3; echo {wildcards.i} > {output}"
rule second:
    input: "a{i}"
    output: "b{i}"
    shell: "sleep 0.3; cp {input} {output}"
`

// TestSnakemakeReports: a run of Snakemake itself is on the page while it happens, and whole although the service is killed
// with signal 9 in the middle and is away for a while.
func TestSnakemakeReports(t *testing.T) {
	t.Parallel()
	snakemake, err := exec.LookPath("snakemake")
	if err != nil {
		t.Skip("snakemake is not on this machine; Debian has a package of that name")
	}
	u := newUser(t)
	folder := filepath.Join(t.TempDir(), "flow")
	require.NoError(t, os.Mkdir(folder, 0o700))
	for name, text := range map[string]string{"Snakefile": snakefile, "plugin.py": u.ok("import", "--snippet", "snakemake")} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600))
	}
	s := u.serve()
	command := exec.CommandContext(t.Context(), snakemake, "--cores", "1", "--log-handler-script", "plugin.py")
	command.Dir, command.Env = folder, append(os.Environ(), "DAGSCOPE_URL="+s.url, "no_proxy=*")
	said := &strings.Builder{}
	command.Stdout, command.Stderr = said, said
	require.NoError(t, command.Start())
	is := func(status string, succeeded int) func() bool {
		return func() bool {
			for _, r := range u.runs() {
				if r.Status == status && r.Workflow == "flow" && r.Succeeded >= succeeded {
					return true
				}
			}
			return false
		}
	}
	require.Eventually(t, is("running", 1), patience, 50*time.Millisecond, "it is there while it runs")
	before := u.runs()
	s.kill()
	s.wait()
	s = u.serve("--addr", strings.TrimPrefix(s.url, "http://"))
	require.NoError(t, command.Wait(), said)
	require.Eventually(t, is("succeeded", 7), patience, 50*time.Millisecond, "it is whole: %s", said)
	require.NotContains(t, said.String(), "were lost")
	runs := u.runs()
	require.Len(t, runs, 1)
	for id := range runs {
		require.Contains(t, before, id, "its address stays")
		require.Len(t, u.attempts(id), 7, "each job ran once")
	}
	s.ends()
	u.ok("check")
}

// TestNextflowReports sends what Nextflow sends, in the ways in which it can send a token.
func TestNextflowReports(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	file := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte("a-token-that-is-long-enough\n"), 0o600))
	s := u.serve("--token-file", file)
	json := http.Header{"Content-Type": {"application/json"}}
	say := func(event, rest string) string {
		return `{"runName":"happy_volta","runId":"b3fdc02f-bbf8-41d2-aab4-61ca93513244","event":"` + event + `","utcTime":"2026-11-30T06:00:00Z"` + rest + `}`
	}
	task := func(status, rest string) string {
		return `,"trace":{"task_id":1,"status":"` + status + `","hash":"8f/650b3e","name":"qc (1)","process":"qc","attempt":1,"submit":1796018400100,"start":1796018400200` + rest + `}`
	}
	s.do(http.MethodPost, "/feeds/nextflow", strings.NewReader(say("started", "")), json).is(http.StatusUnauthorized)
	s.do(http.MethodPost, "/feeds/nextflow?token=a-token-that-is-long-enough", strings.NewReader(say("process_started", task("RUNNING", ""))), json).is(http.StatusOK)
	basic := json.Clone()
	request := http.Request{Header: basic}
	request.SetBasicAuth("nextflow", "a-token-that-is-long-enough")
	s.do(http.MethodPost, "/feeds/nextflow", strings.NewReader(say("process_completed", task("COMPLETED", `,"complete":1796018409000,"realtime":8000`))), basic).is(http.StatusOK)
	s.do(http.MethodPost, "/feeds/nextflow", strings.NewReader(say("completed", `,"metadata":{"workflow":{"projectName":"org/pipe","success":true}}`)), basic).is(http.StatusOK)
	require.Eventually(t, func() bool {
		for _, r := range u.runs() {
			if r.Status == "succeeded" && r.Workflow == "org/pipe" && r.Succeeded == 1 {
				return true
			}
		}
		return false
	}, patience, 50*time.Millisecond)
	s.ends()
	u.ok("check")
}
