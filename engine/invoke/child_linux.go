package invoke

import "syscall"

// apart puts a process into its own group, and has the kernel kill it when its supervisor ends.
func apart() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
