package docs

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/internal/testkit/pythontest"
)

var yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// pipelineUser runs pipelines with a program that it has built.
type pipelineUser struct {
	t            *testing.T
	program, dir string
}

func newPipelineUser(t *testing.T) *pipelineUser {
	t.Helper()
	if testing.Short() {
		t.Skip("builds the program")
	}
	u := &pipelineUser{t: t, program: filepath.Join(t.TempDir(), "dagscope"), dir: t.TempDir()}
	build := exec.Command("go", "build", "-o", u.program, "./cmd/dagscope")
	build.Dir = root(t)
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	return u
}

// result runs a pipeline and returns its result.
func (u *pipelineUser) result(args ...string) any {
	u.t.Helper()
	cmd := exec.Command(u.program, append([]string{"run", "--json"}, args...)...)
	cmd.Dir = u.dir
	out, err := cmd.Output()
	var report struct {
		Status string
		Result any
	}
	require.NoError(u.t, json.Unmarshal(out, &report), "%v %s", err, out)
	require.Equal(u.t, "succeeded", report.Status)
	return report.Result
}

// TestPipelinesOfPages runs the first pipeline of the README and that of docs/pipelines.md on a folder whose names are known.
func TestPipelinesOfPages(t *testing.T) {
	u := newPipelineUser(t)
	names := filepath.Join(u.dir, "names")
	for _, name := range []string{"a", "a longer name", "four"} {
		write(t, filepath.Join(names, name), "")
	}
	for _, page := range []string{"README.md", "docs/pipelines.md"} {
		block := yamlBlock.FindStringSubmatch(read(t, page))
		require.NotNil(t, block, "%s has no block of YAML", page)
		write(t, filepath.Join(u.dir, "page.yaml"), block[1])
		require.EqualValues(t, len("a longer name"), u.result("page.yaml", "--set", "folder="+names), page)
	}
}

var (
	pythonBlock = regexp.MustCompile("(?s)```python\n(.*?)```\n\nAs `(.*?)`, `(.*?)`\\sprints `(.*?)`")
	programs    = regexp.MustCompile(`\bpython3\b`)
)

// TestPythonOfReadme runs the Python program of the README by the command that is printed below it.
func TestPythonOfReadme(t *testing.T) {
	python := pythontest.Find(t)
	u := newPipelineUser(t)
	block := pythonBlock.FindStringSubmatch(read(t, "README.md"))
	require.NotNil(t, block, "the README has no block of Python that is followed by a command and its result")
	write(t, filepath.Join(u.dir, block[2]), block[1])
	require.NoError(t, os.Mkdir(filepath.Join(u.dir, "bin"), 0o700))
	require.NoError(t, os.Symlink(u.program, filepath.Join(u.dir, "bin", "dagscope")))
	require.NoError(t, os.Symlink(filepath.Join(root(t), "python"), filepath.Join(u.dir, "python")))
	cmd := exec.CommandContext(t.Context(), "sh", "-c", programs.ReplaceAllLiteralString(block[3], python))
	cmd.Dir = u.dir
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	out, err := cmd.Output()
	require.NoError(t, err, "%s", out)
	require.Equal(t, block[4]+"\n", string(out))
}

// TestExamples runs the example pipelines.
func TestExamples(t *testing.T) {
	t.Setenv("PATH", filepath.Dir(pythontest.FindNumpy(t))+string(os.PathListSeparator)+os.Getenv("PATH"))
	u := newPipelineUser(t)
	write(t, filepath.Join(u.dir, "texts", "one.md"), "1\n2\n")
	write(t, filepath.Join(u.dir, "texts", "two.md"), "1\n")
	for _, c := range []struct {
		file string
		set  []string
		want any
	}{
		{"lines.yaml", []string{"--set", "pattern=*.md", "--set", "folder=" + filepath.Join(u.dir, "texts")}, 3.0},
		{"words.yaml", []string{"--set", "chunks=3"}, map[string]any{"a": 150.0, "graph": 150.0, "task": 100.0, "when": 100.0, "done": 100.0}},
		{"report.yaml", []string{"--set", "texts=3"}, []any{"the most frequent words:", `{"a":6,"line":6,"of":6}`}},
		{"gemm.yaml", []string{"--set", "n=64", "--set", "blocks=3"}, map[string]any{"correct": true, "trace": 84110.0}},
	} {
		require.Equal(t, c.want, u.result(append([]string{filepath.Join(root(t), "examples", c.file)}, c.set...)...), c.file)
	}
}
