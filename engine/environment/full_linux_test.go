package environment

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestFullDisk: a disk that gets full while packages are unpacked is named as the cause, and nothing is left on it.
func TestFullDisk(t *testing.T) {
	needPython(t)
	disk := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=2M", "tmpfs", disk).CombinedOutput(); err != nil {
		t.Skipf("no small disk can be mounted, which takes root: %v %s", err, out)
	}
	t.Cleanup(func() {
		out, err := exec.Command("umount", disk).CombinedOutput()
		assert.NoError(t, err, "%s", out)
	})
	wheels := t.TempDir()
	wheel{name: "large", version: "1.0", files: map[string]string{"large/data": strings.Repeat("x", 8<<20)}}.write(t, wheels)
	wheel{name: "small", version: "1.0"}.write(t, wheels)
	failed := mustFail(t, disk, requirements(wheels, "large"))
	assert.Equal(t, "the disk is full: No space left on device", failed.Reason)

	e, err := open(t, disk).Prepare(t.Context(), requirements(wheels, "small"), nil)
	require.NoError(t, err, "there is space again")
	e.Release()
}
