package snakemake_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/snakemake"
)

// driver is a run as Snakemake 7 reports it to the plugin, given with its file.
const driver = `
import importlib.util, sys
spec = importlib.util.spec_from_file_location("log", sys.argv[1])
log = importlib.util.module_from_spec(spec)
spec.loader.exec_module(log)
job = dict(msg=None, local=False, input=[], log=[], benchmark=None, wildcards={}, reason="", resources={"_cores": 1, "mem_mb": 5}, threads=1, priority=0, indent=False)
for n in range(3):
    log.log_handler(dict(job, level="job_info", jobid=n, name="r", output=[f"{n}, ü.txt"]))
    log.log_handler(dict(level="shellcmd", msg=f"make {n}", indent=False))
    log.log_handler(dict(level="job_finished", jobid=n))
log.log_handler(dict(level="progress", done=3, total=3))
`

// run runs Python with the plugin and an environment, and returns what it prints.
func runPlugin(t *testing.T, program string, environment ...string) string {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not on this machine")
	}
	file, err := filepath.Abs("snakemake_logger_plugin_dagscope/__init__.py")
	require.NoError(t, err)
	command := exec.CommandContext(t.Context(), python, "-B", "-c", program, file)
	command.Env = append(os.Environ(), environment...)
	out, err := command.CombinedOutput()
	require.NoError(t, err, string(out))
	return string(out)
}

// whole checks that messages are those of the driver, each once.
func whole(t *testing.T, text []byte) {
	r := one(t, "m.jsonl", text)
	require.Equal(t, record.Succeeded, r.Status)
	require.Empty(t, r.Incomplete)
	require.Len(t, r.Tasks, 3)
	require.Equal(t, "make 2", taskOf(t, r, "2").Command)
	require.Contains(t, taskOf(t, r, "2").Attempts[0].Log, "output 2, ü.txt\nresources mem_mb=5")
}

func TestPluginWritesAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "m.jsonl")
	require.Empty(t, runPlugin(t, driver, "DAGSCOPE_FILE="+file))
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	whole(t, text)
	runPlugin(t, driver, "DAGSCOPE_FILE="+file)
	text, err = os.ReadFile(file)
	require.NoError(t, err)
	runs, err := snakemake.New().Read(t.Context(), []records.File{{Part: records.Main, Open: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(text)), nil
	}}})
	require.NoError(t, err)
	require.Len(t, runs, 2, "each invocation is a run")
}

// TestPluginReports: what a server refuses for now is sent again, and what it refuses for good is said.
func TestPluginReports(t *testing.T) {
	var mu sync.Mutex
	var got []byte
	answers := []int{http.StatusServiceUnavailable, http.StatusTooManyRequests}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err != nil, r.Method != http.MethodPost, r.URL.Path != "/base/feeds/snakemake", r.Header.Get("Content-Type") != "application/x-ndjson":
			w.WriteHeader(http.StatusBadRequest)
		case r.Header.Get("Authorization") != "Bearer secret":
			http.Error(w, "this server requires a token", http.StatusUnauthorized)
		case len(answers) > 0:
			w.WriteHeader(answers[0])
			answers = answers[1:]
		default:
			got = append(got, body...)
			w.WriteHeader(http.StatusNoContent)
		}
	}))
	defer server.Close()
	url := "DAGSCOPE_URL=" + server.URL + "/base/"
	said := runPlugin(t, driver, url, "DAGSCOPE_TOKEN= secret\n", "no_proxy=*")
	require.Equal(t, 1, strings.Count(said, "dagscope: "), "the first failure is said at once: %s", said)
	require.Contains(t, said, "answered 503")
	whole(t, got)

	got = nil
	said = runPlugin(t, driver, url, "DAGSCOPE_TOKEN=wrong", "no_proxy=*")
	require.Empty(t, got)
	require.Contains(t, said, "12 of 12 messages about this run were lost: "+server.URL+"/base/feeds/snakemake answered 401 this server requires a token")
}

// TestPluginOfNine loads the plugin as Snakemake 9 does, with what it needs of Snakemake in its place.
func TestPluginOfNine(t *testing.T) {
	folder := t.TempDir()
	for name, text := range map[string]string{
		"__init__.py": "", "settings.py": "class LogHandlerSettingsBase: pass",
		"base.py": "import logging\nclass LogHandlerBase(logging.Handler): pass",
	} {
		file := filepath.Join(folder, "snakemake_interface_logger_plugins", name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	}
	file := filepath.Join(folder, "m.jsonl")
	said := runPlugin(t, `
import logging, os, sys
sys.path.insert(0, os.path.dirname(os.path.dirname(sys.argv[1])))
import snakemake_logger_plugin_dagscope as plugin
handler = plugin.LogHandler()
log = logging.getLogger("x")
log.setLevel(logging.INFO)
log.addHandler(handler)
plugin.LogHandlerSettings()
job = dict(rule_msg=None, local=True, input=[], log=[], benchmark=None, wildcards={}, reason="", resources={"mem_mb": 5}, threads=1, priority=0, indent=False)
log.info("started", extra=dict(event="workflow_started", snakefile_main="/home/user/flow/Snakefile"))
for n in range(3):
    log.info("r", extra=dict(job, event="job_info", jobid=n, rule_name="r", output=[f"{n}, ü.txt"], shellcmd=f"make {n}"))
    log.info("finished", extra=dict(event="job_finished", job_id=n))
log.info(None, extra=dict(event="progress", done=3, total=3))
log.error("odd", extra=dict(event="job_error"))
handler.close()
handler.close()
`, "DAGSCOPE_FILE="+file, "PYTHONPATH="+folder)
	require.Contains(t, said, "KeyError: 'jobid'", "what cannot be understood is said as by other handlers of logging")
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	whole(t, text)
	require.Equal(t, "flow", one(t, "m.jsonl", text).Workflow)
	require.Equal(t, 1, strings.Count(string(text), `"event": "ended"`), fmt.Sprint(string(text)))
}
