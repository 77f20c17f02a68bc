//go:build unix

package process

import (
	"os"
	"syscall"
	"time"
)

const (
	// reapWait is how long the orphans of a killed group may take to end, which takes long on a busy machine.
	reapWait = 2 * time.Second
	// reapPause is between two checks of a group that is about to end; as long as it has not, it grows.
	reapPause, maxReapPause = time.Millisecond, 50 * time.Millisecond
)

// KillGroup kills all processes of a group.
func KillGroup(leader int) { _ = syscall.Kill(-leader, syscall.SIGKILL) }

func killGroup(leader *os.Process) { KillGroup(leader.Pid) }

// terminateGroup asks all processes of a group to end, also those that were stopped.
func terminateGroup(leader *os.Process) {
	_ = syscall.Kill(-leader.Pid, syscall.SIGTERM)
	_ = syscall.Kill(-leader.Pid, syscall.SIGCONT)
}

// ReapGroup waits for the orphans of a killed group, at most 2 s. They are children of this process if it is the init
// process of a container or a child subreaper; without a wait they would stay zombies.
func ReapGroup(leader int) {
	for end := time.Now().Add(reapWait); reapOrphans(leader) && time.Now().Before(end); {
		time.Sleep(reapPause)
	}
}

// reapOrphans reaps the processes of a group that have ended and are children of this process. The result is whether it has
// other children there.
func reapOrphans(leader int) bool {
	for {
		pid, err := syscall.Wait4(-leader, nil, syscall.WNOHANG, nil)
		switch {
		case err == syscall.EINTR, err == nil && pid > 0:
		case err != nil:
			return false
		default:
			return true
		}
	}
}

// awaitGroup waits until no process of a group runs any more. Its leader has been reaped.
func awaitGroup(leader int, wait time.Duration) {
	pause := reapPause
	for end := time.Now().Add(wait); time.Now().Before(end); time.Sleep(pause) {
		if !reapOrphans(leader) && (syscall.Kill(-leader, 0) == syscall.ESRCH || !groupRuns(leader)) {
			return
		}
		pause = min(2*pause, maxReapPause)
	}
}
