package invoke

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// prSetChildSubreaper makes orphaned descendants children of this process, as they are for the first process of a
// container; see prctl(2).
const prSetChildSubreaper = 36

func setSubreaper(t *testing.T, on uintptr) {
	t.Helper()
	_, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, prSetChildSubreaper, on, 0)
	require.Zero(t, errno)
}

// TestSupervisorOfAContainer: processes that a child has started do not remain as zombies.
func TestSupervisorOfAContainer(t *testing.T) {
	setSubreaper(t, 1)
	defer setSubreaper(t, 0)
	p := perform(t, "leaves a grandchild", nil)
	heir := p.up("grandchild")
	p.report()
	p.end()
	require.Eventually(t, func() bool { return !alive(heir) }, patience, time.Millisecond)
	assert.False(t, isZombie(heir))
}
