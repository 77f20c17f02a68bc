package process

import (
	"os"
	"syscall"
)

// meter measures and bounds a command: with a cgroup where one can be made, and by watching the processes.
type meter struct {
	limit  int64
	groups *groupFolder // nil for none, as group
	group  *cgroup
	watch  *watch
}

// newMeter prepares for a command whose memory is limited, unless limit is 0.
func newMeter(limit int64) *meter {
	m := &meter{limit: limit, groups: groups()}
	if m.groups != nil {
		m.group, _ = m.groups.newGroup(limit) // without one it is only watched
	}
	return m
}

// start starts a program in the cgroup, or without one if the kernel refuses.
func (m *meter) start(program string, args []string, attr *os.ProcAttr) (*os.Process, error) {
	attr.Sys = attributes()
	if m.group != nil {
		attr.Sys.UseCgroupFD, attr.Sys.CgroupFD = true, m.group.folder
		if child, err := startProgram(program, args, attr); err == nil {
			return child, nil
		}
		m.remove(&Usage{})
		attr.Sys = attributes()
	}
	return startProgram(program, args, attr)
}

// attributes puts a command into a group of its own, and has the kernel kill it when the thread that started it ends, as it
// does with this process.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// started begins to watch. It calls exceeded if the command uses more than its limit and no cgroup enforces that.
func (m *meter) started(child *os.Process, exceeded func()) {
	limit := m.limit
	if m.group != nil && m.group.memory {
		limit = 0
	}
	m.watch = newWatch(child.Pid, limit, exceeded)
}

// ended reads what is known of a process until it is reaped.
func (m *meter) ended(u *Usage, child *os.Process) {
	u.PeakMemory = m.watch.stop()
	readBytes(u, child.Pid)
}

// remove releases the cgroup. It kills the processes that have left the process group, and adds what all of them used, after the others have ended.
// The result is whether the kernel ended them because they exceeded the limit.
func (m *meter) remove(u *Usage) (outOfMemory bool) {
	if m.group == nil {
		return false
	}
	defer func() { m.group = nil }()
	outOfMemory = m.group.measure(u)
	m.groups.release(m.group)
	return outOfMemory
}
