//go:build unix

package layout

import (
	"os/exec"
	"syscall"
)

// killTogether puts a process into a group of its own that is killed as one.
func killTogether(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
