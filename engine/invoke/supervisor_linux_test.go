package invoke

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// prSetChildSubreaper makes orphans of descendants this process's own, as they are of the first process of a container;
// see prctl(2).
const prSetChildSubreaper = 36

func setSubreaper(t *testing.T, on uintptr) {
	t.Helper()
	_, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, prSetChildSubreaper, on, 0)
	require.Zero(t, errno)
}

// TestSupervisorOfAContainer: no zombies remain of what a child has started.
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
