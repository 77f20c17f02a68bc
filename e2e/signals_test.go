package e2e

import (
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestInterrupt: Ctrl-C ends a run of an hour within a second, whatever its tasks do, and the run is recorded as
// cancelled. The tests that run in parallel come after this one, so that the second is its own.
func TestInterrupt(t *testing.T) {
	type interrupt struct {
		name string
		args []string
	}
	cases := []interrupt{
		{"asleep", []string{"fixed-times", "--set", "unit=1h"}},
		{"busy", []string{"tree-reduction", "--set", "n=100000", "--set", "work=1h"}},
		{"many and short", []string{"tree-reduction", "--set", "n=100000", "--set", "work=2ms"}},
		{"between attempts", []string{"flaky", "--set", "fails=10", "--set", "mode=timeout"}},
		{"dynamic", []string{"wfformat", "--set", "file=" + chains(3, 2, 1e5).file(t), "--set", "time_scale=1", "--set", "burn=cpu"}},
	}
	many := chains(8, 1000, 0.01).file(t)
	for _, strategy := range strategies() {
		cases = append(cases, interrupt{strategy, []string{"wfformat", "--upload", strategy, "--set", "file=" + many, "--set", "time_scale=1"}})
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			u := newUser(t)
			p := u.start(append([]string{"run", "--json"}, c.args...)...)
			p.await(` started with `)
			time.Sleep(500 * time.Millisecond) // tasks are under way
			signalled := time.Now()
			p.signal(os.Interrupt)
			o := p.wait()
			took := time.Since(signalled)
			assert.Equal(t, 130, o.code, "%s%s", o.stdout, o.stderr)
			assert.Less(t, took, time.Second)
			var got report
			o.json(t, &got)
			assert.Equal(t, "cancelled", got.Status)
			assert.True(t, got.Records.Complete, "%+v", got.Records)
			row := u.runs()[got.Run]
			assert.Equal(t, "cancelled", row.Status)
			assert.Equal(t, got.Done, row.Succeeded)
			u.ok("check")
		})
	}
}

// TestTerminate: SIGTERM loses no record: there are as many as attempts have ended, each with its detail, whatever the
// upload strategy.
func TestTerminate(t *testing.T) {
	t.Parallel()
	file := chains(8, 250, 0.01).file(t)
	var all []*process
	var users []*user
	for _, strategy := range strategies() {
		u := newUser(t)
		users = append(users, u)
		all = append(all, u.start("run", "wfformat", "--json", "--upload", strategy, "--set", "file="+file, "--set", "time_scale=1"))
	}
	for _, p := range all {
		p.await(` started with 2,000 tasks`)
	}
	time.Sleep(900 * time.Millisecond)
	for _, p := range all {
		p.signal(syscall.SIGTERM)
	}
	for i, strategy := range strategies() {
		u, o := users[i], all[i].wait()
		assert.Equal(t, 143, o.code, "%s: %s", strategy, o.stderr)
		var got report
		o.json(t, &got)
		assert.Equal(t, "cancelled", got.Status, strategy)
		assert.Equal(t, strategy, got.Records.Upload)
		assert.True(t, got.Records.Complete, "%s: %+v", strategy, got.Records)

		attempts := u.attempts(got.Run)
		require.Greater(t, got.Done, 50, "%s: too few tasks to judge", strategy)
		assert.Equal(t, got.Done, ended(attempts, "ok"), strategy)
		assert.Equal(t, len(attempts), got.Records.Details, "%s: a detail for each attempt", strategy)
		row := u.runs()[got.Run]
		assert.Equal(t, []any{"cancelled", got.Done, got.Records}, []any{row.Status, row.Succeeded, row.Records}, strategy)
		var s statistics
		u.json(&s, "stats", "last")
		assert.Equal(t, []int{len(attempts), got.Done}, []int{s.Attempts, s.Succeeded}, strategy)
	}
}

// TestSecondSignal: a user who cannot wait signals twice.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	p := u.start("run", "tree-reduction", "--set", "n=100000", "--set", "work=2ms")
	p.await(` started with `)
	p.signal(os.Interrupt)
	p.signal(syscall.SIGTERM)
	assert.Contains(t, []int{130, 143}, p.wait().code)
	u.ok("check")
}
