package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The tests below have several processes on one folder, of which one owns it and the others go through that one or
// take its place. None of them is configured so.

// runID is the run that a process has started.
func (p *process) runID() string {
	p.t.Helper()
	return p.await(`(?m)^(\w{20})  \S+ started with `)[1]
}

// completes waits for the end of a process that ran a workflow, which has to be recorded as a whole.
func (u *user) completes(p *process) {
	u.t.Helper()
	o := p.wait()
	require.Equal(u.t, 0, o.code, "%s: %s", p.name, o.stderr)
	var got report
	o.json(u.t, &got)
	assert.Equal(u.t, "succeeded", got.Status, p.name)
	assert.True(u.t, got.Records.Complete, "%s: %+v", p.name, got.Records)
	row := u.runs()[got.Run]
	assert.Equal(u.t, []any{"succeeded", got.Done, got.Records}, []any{row.Status, row.Succeeded, row.Records}, p.name)
	u.ranOnce(got.Run, got.Tasks)
}

// TestLookDuringARun: while a run is under way others can look at it, and at everything else.
func TestLookDuringARun(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	u.ok("run", "chain", "--set", "k=7")
	p := u.start("run", "wfformat", "--json", "--set", "file="+chains(4, 100, 0.05).file(t), "--set", "time_scale=1")
	run := p.runID()

	assert.Equal(t, "running", u.runs()[run].Status)
	seen := 0
	eventually(t, "a growing list of attempts", func() bool {
		n := len(u.attempts(run))
		assert.GreaterOrEqual(t, n, seen)
		grown := seen > 0 && n > seen
		seen = n
		return grown
	})
	u.ok("pause", run) // so that it lasts, however slow the commands are
	var live, across statistics
	u.json(&live, "stats", run)
	assert.GreaterOrEqual(t, live.Attempts, seen)
	u.json(&across, "stats")
	assert.Equal(t, []int{1, 1}, []int{across.Runs, across.LiveRuns}, "runs that have ended, runs that have not")
	assert.Equal(t, 7, across.Attempts)
	u.ok("tag", run, "watched")
	require.True(t, p.running(), "the run was to last longer")
	assert.NotEqual(t, 0, u.run("delete", run).code, "a run under way cannot be deleted")
	u.ok("resume", run)
	u.completes(p)
	assert.Contains(t, u.ok("runs", "--tag", "watched"), run)
	u.ok("check")
}

// TestRunsAtOnce: several processes run and record into one folder.
func TestRunsAtOnce(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	file := chains(4, 20, 0.02).file(t)
	var all []*process
	for _, strategy := range append(strategies(), "queue=1") {
		all = append(all, u.start("run", "wfformat", "--json", "--upload", strategy, "--set", "file="+file, "--set", "time_scale=1"))
	}
	for _, p := range all {
		u.completes(p)
	}
	assert.Len(t, u.runs(), len(all))
	var s statistics
	u.json(&s, "stats", "--group-by", "none")
	assert.Equal(t, []int{len(all), len(all) * 80}, []int{s.Runs, s.Succeeded})
	u.ok("check")
}

// TestOwnerIsKilled: the process that owns the folder dies while others record through it. They continue.
func TestOwnerIsKilled(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	file := chains(4, 60, 0.05).file(t)
	start := func() *process {
		return u.start("run", "wfformat", "--json", "--set", "file="+file, "--set", "time_scale=1")
	}
	owner := start()
	held := owner.runID()
	second, third := start(), start()
	second.runID()
	third.runID()
	eventually(t, "attempts of the owner", func() bool { return len(u.attempts(held)) > 20 })
	owner.kill()
	assert.Equal(t, -1, owner.wait().code)
	require.True(t, second.running() && third.running(), "the runs were to last longer")

	u.completes(second)
	u.completes(third)
	row := u.runs()[held]
	assert.Equal(t, "interrupted", row.Status)
	assert.Greater(t, row.Succeeded, 20)
	assert.Len(t, u.attempts(held), row.Succeeded)
	assert.Len(t, u.runs(), 3)
	u.ok("check")
}

// TestClientIsKilled: a process that records through another dies. What it had recorded stays, and the other does not
// notice.
func TestClientIsKilled(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	file := chains(4, 60, 0.05).file(t)
	owner := u.start("run", "wfformat", "--json", "--set", "file="+file, "--set", "time_scale=1")
	owner.runID()
	client := u.start("run", "wfformat", "--json", "--set", "file="+file, "--set", "time_scale=1")
	run := client.runID()
	eventually(t, "attempts of the client", func() bool { return len(u.attempts(run)) > 20 })
	client.kill()
	assert.Equal(t, -1, client.wait().code)
	eventually(t, "that the cut run is noticed", func() bool { return u.runs()[run].Status == "interrupted" })
	require.True(t, owner.running(), "the run was to last longer")
	u.completes(owner)
	row := u.runs()[run]
	assert.Greater(t, row.Succeeded, 20)
	assert.Len(t, u.attempts(run), row.Succeeded)
	u.ok("check")
}

// TestManyAtOnce: commands of all kinds start at the same moment, in a folder that is not there yet.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	var runs, looks []*process
	for range 4 {
		runs = append(runs, u.start("run", "tree-reduction", "--json", "--set", "n=200", "--set", "work=2ms", "--set", "sleep=true"))
	}
	runs[0].runID() // the folder is there
	for range 3 {
		looks = append(looks, u.start("runs"), u.start("stats"))
		time.Sleep(50 * time.Millisecond)
	}
	for _, p := range looks {
		o := p.wait()
		assert.Equal(t, 0, o.code, "%s: %s", p.name, o.stderr)
	}
	for _, p := range runs {
		u.completes(p)
	}
	u.ok("check")
}
