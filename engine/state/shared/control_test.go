package shared

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// After a request the status is read again, since the answer to a commit under way may be older, and work asked for.
func TestARequestIsFollowedByACommit(t *testing.T) {
	r := idleRun(t)
	r.session.id, r.appetite = "s", dry
	r.controls.applied(control{op: ledger.Pause{}}, &ledger.Reply{Status: record.Paused})
	assert.True(t, r.due.status)
	assert.Equal(t, fed, r.appetite)
	assert.Len(t, r.kick, 1)
	assert.False(t, r.Stopping())
	r.controls.applied(control{op: ledger.Stop{}}, &ledger.Reply{Status: record.Running, Stopping: record.Cancelled})
	assert.True(t, r.Stopping())
}
