package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// secretOf writes a secret that signs requests into a file.
func (u *user) secretOf(letter string) (path string) {
	u.t.Helper()
	path = filepath.Join(u.t.TempDir(), letter)
	require.NoError(u.t, os.WriteFile(path, []byte(strings.Repeat(letter, 32)+"\n"), 0o600))
	return path
}

// TestServiceInvokes: a service whose workers come only when they are invoked gets a whole run done by them. One with
// another secret is refused, and loses nothing by that: the run waits until a process invokes that may.
func TestServiceInvokes(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 0)
	right, wrong := f.secretOf("r"), f.secretOf("w")
	w := f.work("--listen", "127.0.0.1:0", "--secret-file", right, "--slots", "2", "--for", "20s")
	url := w.awaitIn(w.stdout, `works for \S+ when invoked at (http://\S+/invoke)`)[1]

	stranger := f.serves("--invoke", url, "--secret-file", wrong)
	run := stranger.submit(submission{Workflow: "tree-reduction", Params: map[string]string{"n": "64", "work": "2ms"}}).Run
	w.await(`an invocation was refused.* status=401`)
	assert.Zero(t, stranger.summaryOf(run).Tasks.Done)
	stranger.ends()

	g := newFleetOn(f)
	s := g.serves("--invoke", url, "--secret-file", right)
	got := s.ended(run)
	assert.Equal(t, "succeeded", got.Status, "it was found, and workers were invoked for it")
	for range 2 {
		began := time.Now()
		got = s.ended(s.submit(submission{Workflow: "tree-reduction", Params: map[string]string{"n": "64", "work": "2ms"}}).Run)
		assert.Equal(t, []any{"succeeded", 63}, []any{got.Status, got.Tasks.Done})
		t.Logf("from the submit to the end, which invoked workers brought about: %s", time.Since(began).Round(time.Millisecond))
	}
	s.ends()
	f.endWorkers()
}

// newFleetOn is another user of the Redis of a fleet.
func newFleetOn(f *fleet) *fleet { return &fleet{user: newUser(f.t), server: f.server} }

// lacks are the functions that no live worker has, though tasks of a run wait for them.
func (s *service) lacks(run string) []string {
	s.t.Helper()
	var got struct {
		Missing []struct {
			Function string `json:"function"`
			Tasks    int    `json:"tasks"`
		} `json:"missing_functions"`
	}
	s.get("/api/v1/runs/"+run, &got)
	names := []string{}
	for _, m := range got.Missing {
		assert.Positive(s.t, m.Tasks)
		names = append(names, m.Function)
	}
	return names
}

// TestWorkersWithoutTheFunction: they never claim a task that they could not execute, the run says what no worker has, and
// continues with the first worker that has it.
func TestWorkersWithoutTheFunction(t *testing.T) {
	t.Parallel()
	f := newPoisoned(t)
	able := newFleetOn(f)
	s := able.serves()
	run := s.submit(submission{Workflow: "chain", Params: map[string]string{"k": "5"}}).Run

	o := f.run("run", "drinks", "--redis", f.server.URL(), "--metrics", "embedded", "--workers", "0", "--json")
	require.Zero(t, o.code, "the worker works: %s", o.stderr)
	assert.Empty(t, s.lacks(run), "somebody may come: workers are replaced")
	if isLong {
		until(t, 90*time.Second, func() bool { return len(s.lacks(run)) > 0 })
		assert.True(t, f.workers[0].running())
	}
	f.stop(f.workers[0])
	until(t, patience, func() bool { return len(s.lacks(run)) > 0 })
	missing := s.lacks(run)
	assert.Len(t, missing, 1)
	now := s.summaryOf(run)
	assert.Equal(t, []int{0, 0, 0}, []int{now.Tasks.Done, now.Tasks.Running, now.Attempts}, "none is claimed: %+v", now)
	t.Logf("no worker has %v", missing)

	able.work()
	assert.Equal(t, "succeeded", s.ended(run).Status)
	assert.Empty(t, s.lacks(run))
	s.ends()
	able.endWorkers()
}

// until waits so long for a yes.
func until(t *testing.T, most time.Duration, yes func() bool) {
	t.Helper()
	require.Eventually(t, yes, most, 100*time.Millisecond)
}
