package worker

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// report returns the output of the program, and its exit code, for arguments with which it does not start.
func report(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	w := World{Program: "w", Stdout: &out, Stderr: &err, Workflows: testWorkflows()}
	line, mistake := w.parse(args)
	if mistake == nil {
		mistake = Run(t.Context(), line.Options, w)
	}
	code = w.report(mistake)
	return code, out.String(), err.String()
}

func TestCommandLine(t *testing.T) {
	t.Setenv("DAGSCOPE_REDIS", "")
	for _, c := range []struct {
		name   string
		args   []string
		code   int
		stdout string
		stderr string
	}{
		{"help", []string{"--help"}, 0, "--children=N", ""},
		{"version", []string{"--version"}, 0, "w: dagscope ", ""},
		{"nothing", nil, 2, "", "w: --redis is missing"},
		{"an unknown flag", []string{"--colour"}, 2, "", "unknown flag --colour; see w --help"},
		{"no server", []string{"--redis", "redis://127.0.0.1:1"}, 3, "", "redis://127.0.0.1:1"},
		{"no secret", []string{"--redis", "redis://127.0.0.1:1", "--listen", ":0", "--secret-file", "/none"}, 2, "", "--secret-file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, stdout, stderr := report(t, c.args...)
			assert.Equal(t, c.code, code, stderr)
			assert.Contains(t, stdout, c.stdout)
			assert.Contains(t, stderr, c.stderr)
		})
	}
}

// TestManifests: every flag in the files of deploy is one, and Validate takes them together.
func TestManifests(t *testing.T) {
	for file, pattern := range map[string]string{
		"compose.yaml":            `command: \["--redis=.*\]`,
		"knative-service.yaml":    `(?m)^ +- --.*$`,
		"dagscope-worker.service": `ExecStart=.*`,
	} {
		t.Run(file, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join("..", "..", "..", "deploy", file))
			require.NoError(t, err)
			lines := regexp.MustCompile(pattern).FindAllString(string(text), -1)
			args := regexp.MustCompile(`--[a-z][^\s",\]]*`).FindAllString(strings.Join(lines, "\n"), -1)
			require.GreaterOrEqual(t, len(args), 3)
			t.Setenv("DAGSCOPE_REDIS", "redis://localhost")
			_, err = World{Program: "w", Stdout: new(bytes.Buffer), Stderr: new(bytes.Buffer)}.parse(args)
			assert.NoError(t, err, "%q", args)
		})
	}
}

func TestRunWithEndsAllWhenOneFails(t *testing.T) {
	broken := errors.New("broken")
	until := func(ctx context.Context) error {
		<-ctx.Done()
		return nil
	}
	err := runWith(t.Context(), until, until, func(context.Context) error { return broken })
	assert.ErrorIs(t, err, broken)

	var order []string
	ctx, stop := context.WithCancel(t.Context())
	stop()
	err = runWith(ctx, func(context.Context) error {
		order = append(order, "part")
		return broken
	}, func(ctx context.Context) error {
		<-ctx.Done()
		order = append(order, "around")
		return nil
	})
	assert.ErrorIs(t, err, broken)
	assert.Equal(t, []string{"part", "around"}, order)
}
