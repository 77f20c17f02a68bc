package app

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
)

// TestRunThere: a run that a service executes is reported, and ends, as one of this process.
func TestRunThere(t *testing.T) {
	w := newWorld(t)
	s := w.serve()
	url := strings.TrimPrefix(strings.TrimSpace(s.first), "dagscope: ")
	path := filepath.Join(t.TempDir(), "input.bin")
	require.NoError(t, os.WriteFile(path, make([]byte, 12345), 0o600))
	for _, args := range []string{
		"sum --set n=7 --tag a,b --tag c", "trip --set mode=not", "trip", "trip --set mode=panic --policy continue", "length --set input=" + path, "many",
	} {
		words := append([]string{"run"}, strings.Fields(args)...)
		here, there := w.run(append(words, "--json")...), w.run(append(words, "--json", "--server", url)...)
		assert.Equal(t, here.code, there.code, args)
		var want, got map[string]any
		decode(t, here.stdout, &want)
		decode(t, there.stdout, &got)
		assert.Equal(t, url, got["data"])
		for _, report := range []map[string]any{want, got} {
			delete(report, "run")
			delete(report, "data")
			for _, measured := range []string{"first_claim_ns", "makespan_ns"} {
				assert.Positive(t, report[measured])
				delete(report, measured)
			}
			if e, ok := report["error"].(map[string]any); ok {
				assert.NotEmpty(t, e["worker"])
				for _, differs := range []string{"time", "worker", "stack", "slot"} {
					delete(e, differs)
				}
			}
		}
		assert.Equal(t, want, got, args)
	}
	text := w.ok("run", "sum", "--server", url)
	assert.Regexp(t, `status +succeeded\n.*\n.*\nresult +55\n`, text)

	o := w.interrupt(interrupted{15}, "run", "wait", "--json", "--server", url)
	assert.Equal(t, 143, o.code, o.stderr)
	var got runReport
	decode(t, o.stdout, &got)
	assert.Equal(t, record.Cancelled, got.Status)
	s.ends()
}

func TestRunThereMistakes(t *testing.T) {
	w := newWorld(t)
	s := w.serve()
	url := strings.TrimPrefix(strings.TrimSpace(s.first), "dagscope: ")
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"run nothing --server " + url, exitUsage, `has no workflow "nothing"`},
		{"run sum --set n=x --server " + url, exitUsage, `"x" is not a whole number`},
		{"run length --set input=nothere --server " + url, exitUsage, "parameter input: expected a file that can be read"},
		{"run sum --workers 1 --server " + url, exitUsage, "--server is given with --workers or --durability, expected neither"},
		{"run sum --server http://127.0.0.1:1/", exitUnreachable, "no dagscope service answers at http://127.0.0.1:1/"},
		{"logs last --follow --limit 3", exitUsage, "--follow is given with --limit, expected one of them"},
	} {
		o := w.run(strings.Fields(c.args)...)
		assert.Equal(t, c.code, o.code, "%s: %s", c.args, o.stderr)
		assert.Contains(t, o.stderr, c.want, c.args)
	}
	s.ends()
}

// TestFollow: attempts are printed as they end, each once, until the run has ended.
func TestFollow(t *testing.T) {
	w := newWorld(t)
	ended := w.begin("wait", "--set", "time=1h")
	followed := make(chan outcome, 1)
	go func() { followed <- w.run("logs", "last", "--follow", "--json") }()
	assert.Contains(t, w.ok("logs", "last"), "when the attempt ends; --follow prints them as they end")
	select {
	case o := <-followed:
		t.Fatalf("the run is active, but the command has ended: %+v", o)
	case <-time.After(50 * time.Millisecond):
	}
	require.Eventually(t, func() bool { return w.run("cancel", "last").code == exitOK }, time.Minute, 10*time.Millisecond)
	<-ended
	o := <-followed
	require.Equal(t, exitOK, o.code, o.stderr)
	lines := strings.Split(strings.TrimSpace(o.stdout), "\n")
	require.Len(t, lines, 1, o.stdout)
	var got loggedJSON
	require.NoError(t, json.Unmarshal([]byte(lines[0]), &got))
	assert.Equal(t, "wait cancelled", fmt.Sprint(got.Task, " ", got.Outcome))
}
