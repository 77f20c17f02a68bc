//go:build unix

package layout

import (
	"os/exec"
	"syscall"
)

// killTogether starts the process in its own group, and makes cancellation kill the whole group.
func killTogether(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
