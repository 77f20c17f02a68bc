//go:build unix

package process

import (
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
)

// guard belongs to this process, whose end it waits for.
var guard = guardian{cgroup: groupsPath}

// guardian is a shell that kills the groups of running commands when this process ends, however it ends: the kernel does so
// only for the commands themselves, not for what they started, and only on Linux. It costs 1 MiB of memory, and some
// microseconds on another processor for each command. Without a shell there is none.
type guardian struct {
	cgroup func() string // the one above those of commands, "" for none

	mu      sync.Mutex
	shell   *os.Process
	pipe    *os.File // its standard input, nil if it does not run
	refused bool     // it cannot be started
	groups  map[int]struct{}
}

// guardScript reads which groups run, and at the end of its input kills them. Its argument is the cgroup above those of
// commands, or empty.
const guardScript = `trap '' HUP INT QUIT TERM
groups=' '
while read -r change group; do
	case $change in
	+) groups="$groups$group " ;;
	-) groups="${groups%%" $group "*} ${groups#*" $group "}" ;;
	esac
done
exec 2>/dev/null
for group in $groups; do kill -9 "-$group"; done
if [ -n "$1" ]; then
	echo 1 >"$1/cgroup.kill"
	rmdir "$1"/*/ "$1"
fi
`

// guardWait bounds how long a command is delayed by a guardian that does not read, since another process has stopped it.
const guardWait = time.Second

// add has a group killed when this process ends.
func (g *guardian) add(leader int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.groups == nil {
		g.groups = map[int]struct{}{}
	}
	g.groups[leader] = struct{}{}
	g.send("+", leader)
}

// remove is for a group of which nothing is left, or which has been killed.
func (g *guardian) remove(leader int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.groups, leader)
	g.send("-", leader)
}

// send informs the shell of a change; one that has been killed is started again. The caller holds mu.
func (g *guardian) send(change string, leader int) {
	if g.pipe != nil && g.write(change, leader) {
		return
	}
	if g.refused || len(g.groups) == 0 {
		return
	}
	if err := g.start(); err != nil {
		g.refused = true
		return
	}
	for leader := range g.groups {
		g.write("+", leader)
	}
}

// write is whether the shell has been informed.
func (g *guardian) write(change string, leader int) bool {
	_ = g.pipe.SetWriteDeadline(time.Now().Add(guardWait))
	_, err := fmt.Fprintf(g.pipe, "%s %d\n", change, leader)
	if err != nil {
		_ = g.shell.Kill() // first, since it must not read the end of its input
		_, _ = g.shell.Wait()
		_ = g.pipe.Close()
		g.pipe = nil
	}
	return err == nil
}

// start starts the shell in a session of its own, where no signal for this process reaches it.
func (g *guardian) start() error {
	theirs, ours, err := os.Pipe()
	if err != nil {
		return err
	}
	defer theirs.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		_ = ours.Close()
		return err
	}
	defer null.Close()
	g.shell, err = os.StartProcess("/bin/sh", []string{"sh", "-c", guardScript, "dagscope-guardian", g.cgroup()}, &os.ProcAttr{
		Dir: "/", Env: []string{}, Files: []*os.File{theirs, null, null}, Sys: &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		_ = ours.Close()
		return err
	}
	g.pipe = ours
	return nil
}
