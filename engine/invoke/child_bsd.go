//go:build unix && !linux

package invoke

import "syscall"

// apart gives a process a group of its own. That its supervisor has ended it learns from its lifeline alone.
func apart() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
