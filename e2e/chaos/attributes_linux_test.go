package chaos_test

import "syscall"

// dieWithParent has the kernel kill the process, paused or not, when the thread that starts it is gone.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
