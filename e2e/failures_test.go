package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestFlakyRecovers: a task that fails twice is tried a third time, and all three attempts are on record.
func TestFlakyRecovers(t *testing.T) {
	t.Parallel()
	for mode, kind := range map[string]string{"error": "user", "panic": "panic", "timeout": "timeout"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			u := newUser(t)
			var got report
			u.json(&got, "run", "flaky", "--set", "fails=2", "--set", "mode="+mode)
			assert.Equal(t, []any{"succeeded", 3, 3, 2, "3"}, []any{got.Status, got.Tasks, got.Done, got.Retries, string(got.Result)})
			assert.Nil(t, got.Error)
			var tried []attempt
			for _, a := range u.attempts(got.Run) {
				if a.Node == 1 {
					tried = append(tried, a)
				}
			}
			require.Len(t, tried, 3)
			for i, a := range tried {
				assert.Equal(t, i+1, a.Attempt)
				if i == 2 {
					assert.Equal(t, "ok", a.Outcome)
					assert.Nil(t, a.Error)
					continue
				}
				assert.Equal(t, "retrying", a.Outcome)
				require.NotNil(t, a.Error)
				assert.Equal(t, kind, a.Error.Kind)
				assert.LessOrEqual(t, a.EndedNS, tried[i+1].ClaimedNS)
			}
		})
	}
}

// TestFailureIsReported: what always fails gives exit code 1, and says how: in the report, on the
// terminal while another program reads the report, and when asked later.
func TestFailureIsReported(t *testing.T) {
	t.Parallel()
	for mode, want := range map[string]failure{
		"error":   {Kind: "user", Message: "attempt 4 fails as asked, the first 10 do"},
		"panic":   {Kind: "panic", Message: "attempt 4 fails as asked, the first 10 do"},
		"timeout": {Kind: "timeout"},
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			u := newUser(t)
			before := time.Now()
			o := u.run("run", "flaky", "--set", "fails=10", "--set", "mode="+mode, "--json")
			assert.Equal(t, 1, o.code)
			var got report
			o.json(t, &got)
			assert.Equal(t, []any{"failed", 3, 1, 1, 3}, []any{got.Status, got.Tasks, got.Done, got.Failed, got.Retries})
			assert.Equal(t, "null", string(got.Result))
			e := got.Error
			require.NotNil(t, e)
			assert.Equal(t, want.Kind, e.Kind)
			assert.Contains(t, e.Message, want.Message)
			assert.NotEmpty(t, e.Message)
			assert.Equal(t, 4, e.Attempt)
			assert.NotEmpty(t, e.Task)
			assert.NotEmpty(t, e.Worker)
			assert.True(t, e.Time.After(before) && e.Time.Before(time.Now()), "%s", e.Time)
			if mode == "panic" {
				assert.Contains(t, e.Stack, "flaky.go:")
			}

			var missing []string
			for _, part := range []string{e.Kind, e.Message, "attempt 4", e.Worker, map[bool]string{true: "flaky.go:"}[mode == "panic"]} {
				if !strings.Contains(o.stderr, part) {
					missing = append(missing, part)
				}
			}
			assert.Empty(t, missing, "standard error, while standard output goes to a program, lacks these: %s", o.stderr)

			row := u.runs()[got.Run]
			assert.Equal(t, "failed", row.Status)
			require.NotNil(t, row.Error)
			assert.Equal(t, e.Message, row.Error.Message)
			attempts := u.attempts(got.Run)
			assert.Equal(t, []int{1, 3, 1}, []int{ended(attempts, "ok"), ended(attempts, "retrying"), ended(attempts, "failed")})
		})
	}
}

// TestFailureForPeople: without --json the report has the record, too.
func TestFailureForPeople(t *testing.T) {
	t.Parallel()
	o := newUser(t).run("run", "flaky", "--set", "fails=10", "--set", "mode=panic")
	assert.Equal(t, 1, o.code)
	all := o.stdout + o.stderr
	for _, part := range []string{"failed", "panic: attempt 4 fails as asked", "stumble", "attempt 4", "worker", "time", "flaky.go:"} {
		assert.Contains(t, all, part)
	}
}

// TestFailurePolicy: what does not depend on the failed task is finished only where that is asked for.
func TestFailurePolicy(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	for policy, skipped := range map[string]int{"fail-fast": 0, "continue": 1} {
		o := u.run("run", "flaky", "--set", "fails=10", "--policy", policy, "--json")
		assert.Equal(t, 1, o.code, policy)
		var got report
		o.json(t, &got)
		assert.Equal(t, skipped, got.Skipped, policy)
		assert.Equal(t, skipped, ended(u.attempts(got.Run), "skipped"), policy)
		assert.Equal(t, "failed", u.runs()[got.Run].Status, policy)
	}
}
