package invoke

import "syscall"

// apart gives a process a group of its own, and an end when its supervisor's comes.
func apart() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
