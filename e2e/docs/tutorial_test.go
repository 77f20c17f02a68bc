package docs

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// patience bounds one command of the tutorial; builds are the longest.
const patience = 5 * time.Minute

// TestTutorial writes the files of docs/tutorial.md, runs its commands and compares what they print.
func TestTutorial(t *testing.T) {
	if testing.Short() {
		t.Skip("builds two programs")
	}
	page := read(t, "docs/tutorial.md")
	dir := tutorialModule(t)
	files, commands := tutorialFiles(page), tutorialCommands(page)
	require.Len(t, files, 2)
	require.Greater(t, len(commands), 8)
	for name, content := range files {
		write(t, filepath.Join(dir, name), content)
	}
	for _, c := range commands {
		assert.Equal(t, timeless(c.output), timeless(execute(t, dir, c.line)), "$ %s", c.line)
	}
}

// TestReadmeProgram builds the program of the README and runs it as the README says.
func TestReadmeProgram(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	program := goBlock.FindStringSubmatch(read(t, "README.md"))
	require.NotNil(t, program, "the README has no block of Go")
	dir := tutorialModule(t)
	write(t, filepath.Join(dir, "main.go"), program[1])
	assert.Contains(t, execute(t, dir, "go run . run squares"), "result    25\n")
}

// tutorialModule makes a module that takes dagscope from this tree.
func tutorialModule(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	mod := regexp.MustCompile(`(?m)^(module|ignore) .*$`).ReplaceAllString(read(t, "go.mod"), "")
	mod = "module example.org/primes\n" + mod +
		"\nrequire github.com/dagscope/dagscope v0.0.0\nreplace github.com/dagscope/dagscope => " + root(t) + "\n"
	write(t, filepath.Join(dir, "go.mod"), mod)
	write(t, filepath.Join(dir, "go.sum"), read(t, "go.sum"))
	return dir
}

var (
	goBlock      = regexp.MustCompile("(?s)```go\n(.*?)```")
	fileBlock    = regexp.MustCompile("(?s)<!-- file: (\\S+) -->\n```go\n(.*?)```")
	consoleBlock = regexp.MustCompile("(?s)```console\n(.*?)```")
)

// tutorialFiles are the blocks that are named as files, by name.
func tutorialFiles(page string) map[string]string {
	files := map[string]string{}
	for _, block := range fileBlock.FindAllStringSubmatch(page, -1) {
		files[block[1]] = block[2]
	}
	return files
}

// command is one line that the page runs, and what it shows for it.
type command struct{ line, output string }

// tutorialCommands are the commands of the console blocks: lines that begin with "$ ".
func tutorialCommands(page string) (commands []command) {
	for _, block := range consoleBlock.FindAllStringSubmatch(page, -1) {
		for line := range strings.Lines(block[1]) {
			if text, ok := strings.CutPrefix(line, "$ "); ok {
				commands = append(commands, command{line: strings.TrimSpace(text)})
			} else if last := len(commands) - 1; last >= 0 {
				commands[last].output += line
			}
		}
	}
	return commands
}

// execute runs a line without a shell and gives what it prints on both outputs. It may fail: the page shows that too.
func execute(t *testing.T, dir, line string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	words := strings.Fields(line)
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Dir = dir
	own := func(v string) bool { return strings.HasPrefix(v, "DAGSCOPE_") }
	cmd.Env = append(slices.DeleteFunc(os.Environ(), own), "GOFLAGS=-mod=mod", "NO_COLOR=1")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	_ = cmd.Run()
	require.NoError(t, ctx.Err(), "$ %s did not end within %s:\n%s", line, patience, out.String())
	return out.String()
}

// volatile is what differs from run to run, and what stands for it.
var volatile = []struct {
	pattern *regexp.Regexp
	name    string
}{
	{regexp.MustCompile(`\b[0-9a-z]{20}\b`), "RUN"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?`), "DATE"},
	// Within a duration there is one space, between columns there are two.
	{regexp.MustCompile(`\d[\d.,]* (?:ns|µs|ms|s|min|h)\b(?: \d+ (?:ns|µs|ms|s|min|h)\b)*`), "TIME"},
	{regexp.MustCompile(`slot \d+`), "slot N"},
	{regexp.MustCompile(`\d+ steps, \d+ details`), "N steps, N details"},
	{regexp.MustCompile(`up to step \d+`), "up to step N"},
	{regexp.MustCompile(`[≈=] TIME`), "= TIME"},
	{regexp.MustCompile(`[ \t]+`), " "},
	{regexp.MustCompile(`(?m) $|^\n`), ""},
}

// timeless replaces what differs from run to run, and the spaces that align it.
func timeless(output string) string {
	for _, v := range volatile {
		output = v.pattern.ReplaceAllString(output, v.name)
	}
	return strings.TrimSpace(output)
}

func TestTimelessNotices(t *testing.T) {
	same := [][2]string{
		{"makespan  464 ms 472 µs\n", "makespan   1.08 s"},
		{"a  = 1 ms 682 µs  = 3 ms 876 µs", "a  = 861 µs 475 ns  = 12 ns"},
		{"06h2s18q4364szf2vfya  x", "06h2s1g490gqbs8kkkdg  x\n\n"},
		{"report 1 +10 ms 205 µs  0 ns  5 µs 829 ns  8 B", "report 1 +9 µs 1 ns  3 ns  1 s  8 B"},
	}
	for _, pair := range same {
		assert.Equal(t, timeless(pair[0]), timeless(pair[1]))
	}
	for _, pair := range [][2]string{{"9592 primes", "9593 primes"}, {"8 B", "9 B"}, {"count[0]", "count[1]"}, {"a = 1 ns", "b = 1 ns"}, {"1 ns", "1 B"}, {"1 ns  2 ns", "1 ns"}} {
		assert.NotEqual(t, timeless(pair[0]), timeless(pair[1]))
	}
}
