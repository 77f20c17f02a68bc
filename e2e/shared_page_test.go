package e2e

import (
	"math/rand/v2"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
)

// sharedDashboard starts a Redis, two workers of two slots whose loss is noticed within seconds, a service, and a tab.
func sharedDashboard(t *testing.T) (*fleet, *service, *tab) {
	t.Helper()
	b := newTab(t)
	f := newFleet(t, 2, "--slots", "2", "--lease", "3s")
	s := f.serves()
	hasDashboard(t, s)
	s.viewer = b
	b.open(s.url + "/")
	return f, s, b
}

// TestSharedRunOnPage watches a run on two worker processes, one of which is killed: the page names the processes, shows
// what was lost and done again, and replays what it showed live, which is what the service's own fold and the records say.
func TestSharedRunOnPage(t *testing.T) {
	t.Parallel()
	f, s, b := sharedDashboard(t)
	run := s.submit(submission{Workflow: "tree-reduction", Params: map[string]string{
		"n": "64", "work": "500ms", "sleep": "true", "payload": "20000",
	}}).Run
	b.open(s.url + "/runs/" + run)
	b.until("a live run with work on both workers", `(() => {
		const d = window.dagscope;
		if (d?.run?.()?.status !== 'running' || d.counts().lanes < 4) return false;
		const states = Object.values(d.states(d.endNs()));
		return states.includes('succeeded') && states.filter((state) => state === 'running').length >= 4;
	})()`)
	require.NoError(t, f.workers[0].cmd.Process.Signal(syscall.SIGKILL))
	live := b.watchLive()
	s.ended(run)
	b.complete()

	rows := s.attemptRows(run)
	for at, states := range live {
		assert.Equal(t, states, b.seenAgain(at, states, rows), "live, and in replay, at %d ns", at)
	}
	lost := lostRows(rows)
	require.NotEmpty(t, lost)
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	b.holds(s, run, r)
	b.showsProcesses(s, run)
	b.showsLoss(lost)
	got := s.ended(run)
	assert.Equal(t, map[string]int{"succeeded": got.Tasks.Total}, tally(b.states(b.endNS())))
	s.ends()
	f.workers = f.workers[1:] // the other one was killed
	f.endWorkers()
}

// watchLive notes the states some time before now while the run on the page continues, at several moments. The last second of
// a live run may still change.
func (b *tab) watchLive() map[int64]map[string]string {
	b.t.Helper()
	seen := map[int64]map[string]string{}
	for {
		at := b.endNS() - int64(1500*time.Millisecond)
		states := b.states(at)
		if b.shown().Status != "running" {
			break
		}
		seen[at] = states
		b.frame()
		time.Sleep(200 * time.Millisecond)
	}
	require.GreaterOrEqual(b.t, len(seen), 5)
	return seen
}

// seenAgain gives the states at a moment, as they were seen before where the log has corrected itself since: a task that was
// ready, and became so again before it was claimed because its inputs were lost or the run was continued, is pending
// until then. Of tasks that were attempted again, one that was lost is so until others could have it, and one whose
// output was lost is ready again from the moment that its next attempt names.
func (b *tab) seenAgain(at int64, before map[string]string, rows []attemptRow) map[string]string {
	b.t.Helper()
	again := map[string]bool{}
	for _, row := range rows {
		again[row.Task] = again[row.Task] || row.Epoch > 0 || row.Attempt > 1
	}
	states := b.states(at)
	for task, state := range before {
		switch state + ", now " + states[task] {
		case "ready, now pending":
			states[task] = state
		case "retrying, now lost", "succeeded, now ready":
			if again[task] {
				states[task] = state
			}
		}
	}
	return states
}

// lostRows are the attempts that went down with their worker.
func lostRows(rows []attemptRow) (lost []attemptRow) {
	for _, row := range rows {
		if row.Outcome == record.OutcomeLost.String() {
			lost = append(lost, row)
		}
	}
	return lost
}

// showsProcesses looks for the names of the workers next to their lanes, and how each of them began and ended.
func (b *tab) showsProcesses(s *service, run string) {
	b.t.Helper()
	workers := b.find("table", "Workers").text()
	assert.Regexp(b.t, `(?s)w1.*lost`, workers)
	assert.Regexp(b.t, `(?s)w2.*cold`, workers)
	b.open(s.url + "/runs/" + run + "?table=lanes")
	b.complete()
	lanes := b.find("table", "Slots as of the playhead").text()
	assert.Regexp(b.t, `w[0-9]/0 w1`, lanes)
	assert.Regexp(b.t, `w[0-9]/1 w2`, lanes)
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

// showsLoss looks for what the page says of attempts that were lost: in its first line, in the log, and of the task.
func (b *tab) showsLoss(lost []attemptRow) {
	b.t.Helper()
	assert.Contains(b.t, b.seen(), "A worker was lost or cut off with ")
	row := lost[0]
	for _, at := range []struct {
		ns   int64
		want []string
	}{
		{row.UpdatedNS - 1, []string{"running"}},
		{row.UpdatedNS, []string{"retrying", "lost"}}, // the second until it may be claimed again
		{b.endNS(), []string{"succeeded"}},
	} {
		states := value[map[string]string](b, "window.dagscope.statesByNode("+number(at.ns)+")")
		assert.Contains(b.t, at.want, states[number(int64(row.Node))], "node %d at %d ns", row.Node, at.ns)
	}
	value[bool](b, "(window.dagscope.seek("+number(row.UpdatedNS)+"), true)")
	b.find("tab", "Events").click()
	b.idle()
	assert.Contains(b.t, b.find("tabpanel", "Events").text(), "lost with its worker")
}

// TestSharedRetryOnPage continues a run that was cancelled, from its page: the same page continues with the next revision,
// and shows at any moment what was so then.
func TestSharedRetryOnPage(t *testing.T) {
	f, s, b := sharedDashboard(t)
	run := s.submit(submission{Workflow: "tree-reduction", Params: map[string]string{"n": "32", "work": "200ms", "sleep": "true"}}).Run
	s.until(run, "some tasks are done", func(got summary) bool { return got.Tasks.Done >= 4 })
	s.order(run, "cancel")
	first := s.ended(run)
	require.Equal(t, "cancelled", first.Status)
	b.openRun(s, run)
	ended := b.endNS()
	before := b.states(ended)
	b.find("button", "Retry").click()
	b.until("the end of the next revision", "window.dagscope.run?.()?.revision === 1 && window.dagscope.run().status === 'succeeded' && window.dagscope.run().complete")
	b.idle()
	got := s.ended(run)
	assert.Equal(t, map[string]int{"succeeded": got.Tasks.Total}, tally(b.states(b.endNS())))
	assert.Equal(t, before, b.seenAgain(ended, before, s.attemptRows(run)), "what the first one ended as is seen at its end")
	b.holds(s, run, rand.New(rand.NewPCG(1, uint64(ended))))
	assert.Regexp(t, `The run had ended and was continued [0-9.]+.(ms|s) later`, b.seen())
	s.ends()
	f.endWorkers()
}

// TestPageWhileStoreIsAway: pages say that the store does not answer, and continue by themselves when it does again.
func TestPageWhileStoreIsAway(t *testing.T) {
	t.Parallel()
	f, s, b := sharedDashboard(t)
	b.accept("503")
	run := s.submit(submission{Workflow: "chain"}).Run
	s.ended(run)
	b.openRun(s, run)
	f.server.Freeze()
	b.until("the page says so", "document.body.innerText.includes('The store does not answer.')")
	s.do("GET", "/api/v1/runs", nil, nil).is(503)
	s.do("GET", "/api/v1/workers", nil, nil).is(503)
	f.server.Thaw()
	b.until("it takes that back", "!document.body.innerText.includes('The store does not answer.')")
	b.idle()

	f.server.Freeze()
	s.do("GET", "/api/v1/runs", nil, nil).is(503)
	b.open(s.url + "/workers")
	b.until("the page says so", "document.body.innerText.includes('The store does not answer')")
	f.server.Thaw()
	b.until("the list of workers", "document.body.innerText.includes('w2')")
	s.ends()
	f.endWorkers()
}
