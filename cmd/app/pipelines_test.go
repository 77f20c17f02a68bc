package app

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/pipeline"
	"github.com/dagscope/dagscope/engine/record"
)

const greeting = "description: says hello\nparams: {name: world}\nsteps:\n  hello: {run: 'echo \"hello ${{ params.name }}\"', output: text}\n"

// catalogueJSON is the answer about workflows, of the API and of the command.
type catalogueJSON struct {
	Workflows []struct {
		Name, File string
		Source     *record.Source
	}
	Broken []pipeline.Broken
}

// TestServePipelines: the service executes pipelines of a folder, and follows the changes of their files.
func TestServePipelines(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	write("greeting.yaml", greeting)
	s := w.serve("--workflows", dir)
	url := strings.TrimPrefix(strings.TrimSpace(s.first), "dagscope: ")
	assert.Contains(t, w.ok("run", "greeting", "--set", "name=you", "--server", url), `hello you`)

	catalogue := func() (list catalogueJSON) {
		response, err := http.Get(url + "api/v1/workflows")
		require.NoError(t, err)
		defer func() { _ = response.Body.Close() }()
		require.NoError(t, json.NewDecoder(response.Body).Decode(&list))
		return list
	}
	list := catalogue()
	require.Len(t, list.Workflows, len(w.workflows)+1)
	require.NotNil(t, list.Workflows[len(w.workflows)].Source)
	assert.Equal(t, greeting, list.Workflows[len(w.workflows)].Source.Text)
	assert.Empty(t, list.Broken)

	write("greeting.yaml", strings.Replace(greeting, "run:", "rum:", 1))
	require.Eventually(t, func() bool { return len(catalogue().Broken) == 1 }, time.Minute, 20*time.Millisecond)
	broken := catalogue().Broken[0]
	assert.Equal(t, filepath.Join(dir, "greeting.yaml"), broken.File)
	assert.Equal(t, "greeting", broken.Kept)
	assert.Equal(t, 4, broken.Mistakes[0].Line)
	assert.Contains(t, w.ok("run", "greeting", "--server", url), `hello world`, "its last version without mistakes")

	write("greeting.yaml", strings.Replace(greeting, "hello $", "good day $", 1))
	require.Eventually(t, func() bool { return len(catalogue().Broken) == 0 }, time.Minute, 20*time.Millisecond)
	assert.Contains(t, w.ok("run", "greeting", "--server", url), `good day world`)
	o := s.ends()
	assert.Equal(t, exitOK, o.code, o.stderr)
	assert.Contains(t, o.stderr, "a pipeline has mistakes")
}

// TestWorkflowsOfFolder: the command lists pipelines, and mistakes fail it once the others are listed.
func TestWorkflowsOfFolder(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "greeting.yaml"), []byte(greeting), 0o600))
	assert.Regexp(t, `greeting\n +says hello\n`, w.ok("workflows", "greeting", "--workflows", dir))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "wrong.yaml"), []byte("steps:\n  a: {rum: x}\n"), 0o600))
	o := w.run("workflows", "--workflows", dir, "--json")
	assert.NotEqual(t, exitOK, o.code)
	assert.Contains(t, o.stderr, filepath.Join(dir, "wrong.yaml")+`:2:7: the step a has no field "rum"`)
	var list catalogueJSON
	decode(t, o.stdout, &list)
	require.Len(t, list.Broken, 1)
	require.Len(t, list.Workflows, len(w.workflows)+1)
	assert.Equal(t, "greeting.yaml", list.Workflows[len(w.workflows)].File)
	_, err := os.Stat(w.dir)
	require.ErrorIs(t, err, os.ErrNotExist, "a question creates nothing")
}

// TestFoldersMistakes: what cannot be offered is refused before anything is opened.
func TestFoldersMistakes(t *testing.T) {
	w := newWorld(t)
	none := filepath.Join(t.TempDir(), "none")
	for _, args := range [][]string{{"serve", "--workflows", none, "--addr", "127.0.0.1:0"}, {"workflows", "--workflows", none}} {
		o := w.run(args...)
		assert.Equal(t, exitUsage, o.code)
		assert.Contains(t, o.stderr, "--workflows: expected a folder that can be read")
	}
	o := w.run("serve", "--workflows", t.TempDir(), "--redis", "redis://127.0.0.1:1")
	assert.Equal(t, exitUsage, o.code)
	assert.Contains(t, o.stderr, "--workflows is given with --redis and without --secret-file")
}

// TestSchema: the command prints what editors need, as one JSON document.
func TestSchema(t *testing.T) {
	w := newWorld(t)
	assert.JSONEq(t, string(pipeline.Schema()), w.ok("schema", "pipeline"))
	assert.Equal(t, exitUsage, w.run("schema", "run").code)
}
