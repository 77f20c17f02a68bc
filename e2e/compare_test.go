package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// napsPipeline has a step that takes as long as it is told.
const napsPipeline = `name: naps
params:
  nap: {type: float, default: 0.02}
steps:
  names:
    run: printf 'ann\nbob\n'
    output: lines
  greet:
    foreach: ${{ steps.names.out }}
    run: echo "hello ${{ item }}"
  nap:
    needs: [greet]
    run: sleep ${{ params.nap }}
`

// TestComparePage: of two runs, the later of which has a slower function, the page names that function first; one playhead
// moves both; and the list, the page of a run and the command line lead there.
func TestComparePage(t *testing.T) {
	u := newUser(t)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "naps.yaml"), []byte(napsPipeline), 0o600))
	s, b := dashboard(t, u, "--workflows", dir)
	base := s.ended(s.submit(submission{Workflow: "naps"}).Run)
	slow := s.ended(s.submit(submission{Workflow: "naps", Params: map[string]string{"nap": "0.5"}}).Run)
	pair := "/compare/" + base.Run + "..." + slow.Run

	b.open(s.url + "/")
	b.find("checkbox", "Choose "+slow.Name).click()
	b.find("checkbox", "Choose "+base.Name).click()
	b.find("link", "Compare").click()
	b.until("the page of both", "location.pathname.endsWith('"+pair+"')")
	b.complete()
	first := func(rows string) string {
		return value[string](b, "document.querySelector('tr["+rows+"]')?.dataset."+strings.TrimPrefix(rows, "data-"))
	}
	assert.Equal(t, "nap execute", first("data-part"), "what explains the difference")
	assert.Equal(t, "nap", first("data-function"), "what changed most")
	assert.Contains(t, b.find("heading", slow.Name+" took…").text(), "mostly by execute of nap")
	b.find("button", "nap execute").click()
	value[bool](b, "(document.querySelector('tr[data-part] + tr:not([data-part]) button').click(), true)")
	b.until("a task of it is selected", "new URLSearchParams(location.search).has('task')")

	whole := b.baseStates()
	assert.Equal(t, map[string]int{"succeeded": base.Tasks.Total}, whole)
	b.seek(0)
	assert.NotContains(t, b.baseStates(), "succeeded", "the base is shown as of the same moment")
	assert.NotContains(t, tally(b.states(b.atNS())), "succeeded")
	b.seek(base.MakespanNS * 2)
	assert.Equal(t, whole, b.baseStates(), "the base is over")
	assert.Contains(t, tally(b.states(b.atNS())), "running", "the slower run is not")
	b.do(chromedp.Reload())
	b.complete()
	assert.Equal(t, base.MakespanNS*2, b.atNS(), "the address holds the moment")

	b.openRun(s, slow.Run)
	b.press("v")
	b.until("the last good run is found", "location.pathname.endsWith('"+pair+"')")
	b.complete()
	out := u.ok("compare", base.Run, slow.Run, "--server", s.url)
	assert.Contains(t, out, s.url+pair)
	s.ends()
}

// TestCompareRefuses: runs of different workflows are not compared, and the page says why.
func TestCompareRefuses(t *testing.T) {
	s, b := dashboard(t, newUser(t))
	one := s.ended(s.submit(submission{Workflow: "fixed-times", Params: map[string]string{"unit": "1ms"}}).Run)
	other := s.ended(s.submit(submission{Workflow: "tree-reduction", Params: map[string]string{"n": "4"}}).Run)
	b.accept("422")
	b.open(s.url + "/compare/" + one.Run + "..." + other.Run)
	b.find("heading", "These runs cannot be compared")
	assert.Contains(t, b.seen(), "of different workflows")
	b.find("link", "Run "+one.Run)
	s.ends()
}

// TestCompareLive: a run that has not ended is compared so far, and completely when it has.
func TestCompareLive(t *testing.T) {
	s, b := dashboard(t, newUser(t))
	unit := func(d string) submission {
		return submission{Workflow: "fixed-times", Params: map[string]string{"unit": d}}
	}
	base := s.ended(s.submit(unit("1ms")).Run)
	live := s.submit(unit("1h"))
	s.until(live.Run, "tasks under way", func(got summary) bool { return got.Tasks.Running > 0 })
	b.do(chromedp.Navigate(s.url + "/compare/" + base.Run + "..." + live.Run))
	b.until("it says so", "document.body.innerText.includes('so far') && document.body.innerText.includes('has not ended')")
	assert.False(t, value[bool](b, "document.querySelector('tr[data-part]') !== null"), "nothing explains a makespan before there is one")
	require.Equal(t, http.StatusOK, s.do(http.MethodPost, "/api/v1/runs/"+live.Run+"/cancel", nil, nil).status)
	b.complete()
	b.until("the end is seen", "!document.body.innerText.includes('has not ended')")
	s.ends()
}

// seek moves the playhead to a moment.
func (b *tab) seek(atNS int64) {
	b.t.Helper()
	raw, err := json.Marshal(atNS)
	require.NoError(b.t, err)
	value[bool](b, "(window.dagscope.seek("+string(raw)+"), true)")
	b.idle()
}

// baseStates counts the states of the base of a comparison at the moment shown.
func (b *tab) baseStates() map[string]int {
	b.t.Helper()
	counts := map[string]int{}
	for _, state := range value[[]string](b, "window.dagscope.baseStates()") {
		counts[state]++
	}
	return counts
}
