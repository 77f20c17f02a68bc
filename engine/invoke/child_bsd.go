//go:build unix && !linux

package invoke

import "syscall"

// apart puts a process into its own group. It only learns from its lifeline that its supervisor has ended.
func apart() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
