package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// dashboard starts the service and opens its first page.
func dashboard(t *testing.T, u *user, args ...string) (*service, *tab) {
	t.Helper()
	b := newTab(t)
	s := u.serve(args...)
	hasDashboard(t, s)
	s.viewer = b
	b.open(s.url + "/")
	return s, b
}

// hasDashboard skips the test where the program was built without one.
func hasDashboard(t *testing.T, s *service) {
	t.Helper()
	if page := s.do("GET", "/", nil, nil); strings.Contains(page.body, "make static") {
		require.False(t, requireBrowser(), "the dashboard is not built: make static")
		t.Skip("the dashboard is not built: make static")
	}
}

// prose writes a text of a size, of words that come again and again.
func prose(t *testing.T, bytes int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "prose.txt")
	line := "the quick brown fox jumps over the lazy dog while seven wizards hum quietly about graphs\n"
	require.NoError(t, os.WriteFile(path, []byte(strings.Repeat(line, bytes/len(line))), 0o600))
	return path
}

// openRun opens the page of a run that has ended and waits until all of it is there.
func (b *tab) openRun(s *service, run string) {
	b.t.Helper()
	b.do(chromedp.Navigate(s.url + "/runs/" + run))
	b.complete()
}

// complete waits until all of the run on the page is there and drawn.
func (b *tab) complete() {
	b.t.Helper()
	b.until("all of the run", "window.dagscope?.run?.()?.complete === true")
	b.idle()
}

// shownRun is what window.dagscope says of the run on the page.
type shownRun struct {
	ID, Status string
	LastSeq    uint64 `json:"last_seq"`
	Complete   bool
}

func (b *tab) shown() shownRun {
	b.t.Helper()
	return value[shownRun](b, "window.dagscope.run()")
}

// states are those of the tasks of the run on the page, at a moment.
func (b *tab) states(atNS int64) map[string]string {
	b.t.Helper()
	raw, err := json.Marshal(atNS)
	require.NoError(b.t, err)
	return value[map[string]string](b, "window.dagscope.states("+string(raw)+")")
}

// tally counts states.
func tally(states map[string]string) map[string]int {
	n := map[string]int{}
	for _, state := range states {
		n[state]++
	}
	return n
}

// endNS is where the run on the page ends, or how far it is.
func (b *tab) endNS() int64 { return int64(value[float64](b, "window.dagscope.endNs()")) }

// atNS is where the playhead stands.
func (b *tab) atNS() int64 { return int64(value[float64](b, "window.dagscope.atNs()")) }

// press presses a key.
func (b *tab) press(keys string) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(keys))
}

// TestLaunchAndWatch launches a run from the form, sees its tasks end one after the other while it runs, opens it again
// when it is over, goes to its middle, and finds that moment again at its address.
func TestLaunchAndWatch(t *testing.T) {
	u := newUser(t)
	s, b := dashboard(t, u, "--workers", "1")
	b.find("heading", "Launch a run")
	b.find("combobox", "Workflow").fill("wordcount")
	b.find("button", "input…").attach(prose(t, 24<<20))
	b.find("textbox", "chunk").fill("262144")
	b.find("button", "Launch").click()

	b.until("a run page that is live and has tasks that are done and tasks that are not", `(() => {
		const d = window.dagscope;
		if (!d?.run?.() || d.run().status !== 'running') return false;
		const states = Object.values(d.states(d.endNs()));
		const done = states.filter((s) => s === 'succeeded').length;
		return done > 5 && done < states.length - 5;
	})()`)
	run := b.shown().ID
	assert.Equal(t, "true", b.find("button", "Live").attribute("aria-pressed"))
	assert.Contains(t, value[string](b, "location.pathname"), "/runs/"+run)
	b.until("the end of the run", "window.dagscope.run().status === 'succeeded' && window.dagscope.run().complete")
	b.idle()
	got := s.ended(run)
	assert.Equal(t, map[string]int{"succeeded": got.Tasks.Total}, tally(b.states(b.endNS())), "what was seen live")

	b.open(s.url + "/")
	b.find("link", got.Name).click()
	b.until("the run's page", "window.dagscope.run?.()?.id === '"+run+"'")
	b.complete()
	end := b.endNS()
	assert.Equal(t, map[string]int{"succeeded": got.Tasks.Total}, tally(b.states(end)))
	assert.Equal(t, map[string]int{"pending": got.Tasks.Total}, tally(b.states(-1)))
	last := b.find("table", "Execute by function…").text()

	b.scrub(0.5)
	middle := b.atNS()
	require.Greater(t, middle, end/10)
	require.Less(t, middle, end*9/10)
	half := b.states(middle)
	assert.NotEqual(t, b.states(end), half)
	then := b.find("table", "Execute by function…").text()
	assert.NotEqual(t, last, then)

	b.do(chromedp.Reload())
	b.complete()
	assert.Equal(t, middle, b.atNS(), "the address holds the moment")
	assert.Equal(t, half, b.states(middle))
	assert.Equal(t, then, b.find("table", "Execute by function…").text())
	s.ends()
}

// scrub moves the playhead to a share of the run, as dragging it does.
func (b *tab) scrub(share float64) {
	b.t.Helper()
	raw, err := json.Marshal(share)
	require.NoError(b.t, err)
	value[bool](b, "(window.dagscope.seek(Math.round(window.dagscope.endNs() * "+string(raw)+")), true)")
	b.idle()
}

// TestKeys moves the playhead with the keyboard alone.
func TestKeys(t *testing.T) {
	s, b := dashboard(t, newUser(t))
	run := s.ended(s.submit(submission{Workflow: "fixed-times", Params: map[string]string{"unit": "20ms"}}).Run)
	b.openRun(s, run.Run)
	end := b.atNS()
	assert.Equal(t, b.endNS(), end)
	b.press(kb.Home)
	b.until("the start", "window.dagscope.atNs() <= 0")
	b.press(".")
	b.press(".")
	b.press(".")
	b.until("some events later", "window.dagscope.atNs() >= 0")
	b.find("button", "Next event").click()
	b.press(kb.End)
	b.until("the end", "window.dagscope.atNs() === window.dagscope.endNs()")
	b.find("button", "Start").click()
	b.find("button", "Play").click()
	b.find("button", "Pause")
	b.until("playing moves the playhead", "window.dagscope.atNs() > 0")
	b.find("button", "Play") // it stops at the end
	assert.Equal(t, end, b.atNS())
	s.ends()
}

// TestRange chooses a stretch of a run by keys, finds its figures in a table and keeps it in the address.
func TestRange(t *testing.T) {
	s, b := dashboard(t, newUser(t))
	run := s.ended(s.submit(submission{Workflow: "fixed-times", Params: map[string]string{"unit": "20ms"}}).Run)
	b.openRun(s, run.Run)
	b.press("]")
	whole := b.find("table", "Functions in the range").text()
	b.until("the range in the address", "new URL(location).searchParams.get('range')?.startsWith('0,')")
	b.scrub(0.5)
	b.press("]")
	b.idle()
	half, middle := b.find("table", "Functions in the range").text(), b.atNS()
	assert.NotEqual(t, whole, half)
	b.do(chromedp.Reload())
	b.complete()
	assert.Equal(t, half, b.find("table", "Functions in the range").text(), "the address holds the range")
	assert.Equal(t, middle, b.atNS(), "and the playhead")
	b.find("button", "Clear").click()
	b.gone("table", "Functions in the range")

	b.press("l")
	b.until("the longest task", "new URL(location).searchParams.has('task')")
	s.ends()
}

// TestCancelFromPage cancels a run by the button and sees it cancelled without loading the page again.
func TestCancelFromPage(t *testing.T) {
	s, b := dashboard(t, newUser(t))
	run := s.submit(submission{Workflow: "fixed-times", Params: map[string]string{"unit": "1h"}})
	b.do(chromedp.Navigate(s.url + "/runs/" + run.Run))
	b.until("tasks that run", `Object.values(window.dagscope?.states?.(window.dagscope.endNs()) ?? {}).includes('running')`)
	b.find("button", "Pause run").click()
	b.find("button", "Resume run").click()
	b.find("button", "Pause run")
	b.find("button", "Cancel…").click()
	b.find("button", "Keep it running").click()
	var now summary
	s.get("/api/v1/runs/"+run.Run, &now)
	assert.True(t, now.Live, "what was not confirmed goes on")
	b.find("button", "Cancel…").click()
	b.find("button", "Cancel the run").click()
	b.until("the end of the run", "window.dagscope.run().status === 'cancelled' && window.dagscope.run().complete")
	b.idle()
	b.gone("button", "Cancel…")
	b.find("button", "Run again")
	assert.Equal(t, "cancelled", s.ended(run.Run).Status)
	b.settledStates()
	s.ends()
}

// settledStates checks that at the end of its run, which it may have seen, a page shows no task that waits or runs. It
// returns how many tasks are in each state.
func (b *tab) settledStates() map[string]int {
	b.t.Helper()
	n := tally(b.states(b.endNS()))
	for _, state := range []string{"pending", "ready", "fetching", "storing", "running", "retrying"} {
		assert.Zero(b.t, n[state], state)
	}
	assert.Positive(b.t, n["not run"])
	assert.Contains(b.t, b.seen(), "not run")
	return n
}

// TestFailureOnPage: what failed is shown with its message and its stack.
func TestFailureOnPage(t *testing.T) {
	s, b := dashboard(t, newUser(t))
	run := s.ended(s.submit(submission{Workflow: "flaky", Params: map[string]string{"fails": "9", "mode": "panic"}}).Run)
	require.NotNil(t, run.Error)
	b.openRun(s, run.Run)
	assert.Equal(t, 1, tally(b.states(b.endNS()))["failed"])
	value[float64](b, "window.dagscope.selectTask("+quoted(run.Error.Task)+")")
	b.idle()
	text := b.find("group", "Error of attempt 4").text()
	assert.Contains(t, text, "panic")
	assert.Contains(t, text, run.Error.Message)
	assert.Contains(t, text, "goroutine ")
	b.open(s.url + "/?status=failed")
	b.find("link", run.Name)
	s.ends()
}

// quoted is a text in JavaScript.
func quoted(text string) string {
	raw, _ := json.Marshal(text) // a text always can be
	return string(raw)
}

// TestInterruptedOnPage: the page of a run whose service was killed shows what was recorded, as interrupted, and still
// shows it when the next service answers at the same address.
func TestInterruptedOnPage(t *testing.T) {
	u := newUser(t)
	s, b := dashboard(t, u)
	run := s.submitFile(submission{Workflow: "wfformat", Params: map[string]string{"time_scale": "1"}}, "file", chains(4, 400, 0.05).file(t)).Run
	b.do(chromedp.Navigate(s.url + "/runs/" + run))
	b.until("some tasks that are done", `Object.values(window.dagscope?.states?.(window.dagscope.endNs()) ?? {}).filter((s) => s === 'succeeded').length > 40`)
	for _, part := range []string{"WebSocket", "net::ERR"} { // while there is no service
		b.accept(part)
	}
	s.kill()
	s.wait()

	second := u.serve("--addr", strings.TrimPrefix(s.url, "http://"))
	b.until("that it was interrupted", "window.dagscope.run().status === 'interrupted' && window.dagscope.run().complete")
	b.idle()
	live := b.states(b.endNS())
	assert.Contains(t, b.seen(), "Interrupted: its process ended before the run did.")
	b.do(chromedp.Reload())
	b.complete()
	states := b.states(b.endNS())
	assert.Equal(t, live, states, "the page that saw it happen and one that comes later")
	n := b.settledStates()
	assert.Greater(t, n["succeeded"], 20)
	b.scrub(0.5)
	assert.Less(t, tally(b.states(b.atNS()))["succeeded"], n["succeeded"])
	second.ends()
}

// TestListFollows: the list of runs shows what others start, without being loaded again, and narrows as it is asked to.
func TestListFollows(t *testing.T) {
	s, b := dashboard(t, newUser(t))
	run := s.submit(submission{Workflow: "fixed-times", Params: map[string]string{"unit": "1h"}, Tags: []string{"nightly"}})
	b.find("link", run.Name)
	s.post("/api/v1/runs/"+run.Run+"/cancel", nil).is(200)
	b.until("that it is cancelled", `document.querySelector('[data-status="cancelled"]') !== null`)
	other := s.ended(s.submit(submission{Workflow: "chain", Params: map[string]string{"k": "3"}}).Run)
	b.find("link", other.Name)
	b.open(s.url + "/?tag=nightly")
	b.find("link", run.Name)
	b.gone("link", other.Name)
	s.ends()
}
