package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// greetingPipeline has a step that runs once and one that runs twice.
const greetingPipeline = `name: greeting
steps:
  names:
    run: printf 'ann\nbob\n'
    output: lines
  greet:
    foreach: ${{ steps.names.out }}
    run: echo "hello ${{ item }}"
`

// TestPipelineOnPage: a mistake in a file is listed with its position until it is mended; the page of a run has the file
// with the step of the selected task, and its steps select their tasks in turn.
func TestPipelineOnPage(t *testing.T) {
	u := newUser(t)
	dir := t.TempDir()
	write := func(text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "greeting.yaml"), []byte(text), 0o600))
	}
	write("name: greeting\nsteps:\n  names:\n    runs: echo\n")
	s, b := dashboard(t, u, "--workflows", dir)
	b.until("the mistake is listed", `document.body.innerText.includes('greeting.yaml:4:5')`)
	write(greetingPipeline)
	b.until("the file is mended and offered", `!document.body.innerText.includes('greeting.yaml:4:5') &&
		[...document.querySelectorAll('.launch option')].some((option) => option.value === 'greeting')`)

	run := s.submit(submission{Workflow: "greeting"}).Run
	b.openRun(s, run)
	b.find("tab", "File").click()
	b.until("the file is shown", `document.body.innerText.includes('greeting.yaml as it was submitted')`)
	selected := `new URLSearchParams(location.search).get('task')`
	b.find("button", "greet: select its tasks in turn").click()
	b.until("the first task is selected", `document.body.innerText.includes('greet: 1 of 2 tasks')`)
	b.find("button", "greet: select its tasks in turn").click()
	b.until("the second task is selected", `document.body.innerText.includes('greet: 2 of 2 tasks') && `+selected+` !== null`)
	b.idle()
	assert.Contains(t, b.seen(), "line 6 of greeting.yaml")
	s.ends()
}
