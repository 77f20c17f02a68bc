//go:build unix

package invoke

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// patience bounds how long a test waits for anything.
const patience = 20 * time.Second

// play is a process that tests start. A child has one session, in which it executes node 42 unless the role says
// otherwise.
func play(role string) {
	if role == "supervisor" {
		playSupervisor()
		return
	}
	board, gone, err := Adopt()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(99)
	}
	board.Introduce("player")
	handle := board.Opened("run-1", "session-1")
	board.Executing(0, handle, 42)
	switch role {
	case "exit":
		say("last words")
		os.Exit(7)
	case "killed":
		say("good bye")
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	case "panics":
		go func() { panic("boom") }()
		select {}
	case "floods":
		line := strings.Repeat("x", 1023) + "\n"
		for range 8 << 10 { // 8 MiB
			_, _ = io.WriteString(os.Stderr, line)
		}
		say("the end of the flood")
		os.Exit(3)
	case "leaves a grandchild":
		heir := exec.Command(os.Args[0], "play:forever")
		heir.Stdin, heir.Stderr = os.Stdin, os.Stderr
		if err := heir.Start(); err != nil {
			say(err.Error())
		}
		say(fmt.Sprintf("grandchild %d", heir.Process.Pid))
		os.Exit(1)
	case "two sessions":
		board.Executing(1, board.Opened("run-2", "session-2"), 43)
		board.Executing(2, handle, 44)
		os.Exit(1)
	case "obeys", "ends with its supervisor":
		terms := make(chan os.Signal, 1)
		signal.Notify(terms, syscall.SIGTERM)
		say(fmt.Sprintf("up %d", os.Getpid()))
		if role == "obeys" {
			<-terms
			board.Idle(0)
			board.Closed(handle)
			return
		}
		<-gone // the lifeline, even on Linux, where the kernel kills children as well
		Disband()
	case "ignores SIGTERM":
		signal.Ignore(syscall.SIGTERM)
		say(fmt.Sprintf("up %d", os.Getpid()))
		select {}
	}
}

func say(words string) { _, _ = fmt.Fprintln(os.Stderr, words) }

// playSupervisor keeps two children until it is killed.
func playSupervisor() {
	s, err := NewSupervisor(SupervisorConfig{
		Command: []string{os.Args[0], "play:ends with its supervisor"}, Children: 2, Reaper: new(reaper), Stderr: &lines{w: os.Stdout},
	})
	if err == nil {
		err = s.Run(context.Background())
	}
	fmt.Println(err)
}

// reaper records what is reported to it.
type reaper struct {
	reports chan reaped // read by the test
}

type reaped struct {
	run     record.RunID
	session ledger.SessionID
	running []dag.NodeID
	died    record.ErrorRecord
	at      time.Time
}

func (r *reaper) ReapSession(
	_ context.Context, run record.RunID, session ledger.SessionID, running []dag.NodeID, died record.ErrorRecord,
) error {
	r.reports <- reaped{run, session, running, died, time.Now()}
	return nil
}

// unreachable is a store that cannot be reached.
type unreachable struct{}

func (unreachable) ReapSession(ctx context.Context, _ record.RunID, _ ledger.SessionID, _ []dag.NodeID, _ record.ErrorRecord) error {
	<-ctx.Done()
	return ctx.Err()
}

// lines lets several children write, one line at a time, and a test read them.
type lines struct {
	mu   sync.Mutex
	w    io.Writer
	rest []byte
	said chan string // nil for no reader
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.w != nil {
		_, _ = l.w.Write(p)
	}
	if l.said == nil {
		return len(p), nil
	}
	l.rest = append(l.rest, p...)
	for {
		line, rest, ok := bytes.Cut(l.rest, []byte("\n"))
		if !ok {
			return len(p), nil
		}
		select {
		case l.said <- string(line):
		default: // a flood
		}
		l.rest = append([]byte(nil), rest...)
	}
}

// troupe is a supervisor under test.
type troupe struct {
	*Supervisor
	t      *testing.T
	reaper *reaper
	said   chan string
	stop   context.CancelFunc
	over   chan error
}

// perform runs a supervisor of children with a role.
func perform(t *testing.T, role string, change func(*SupervisorConfig)) *troupe {
	t.Helper()
	p := &troupe{t: t, reaper: &reaper{reports: make(chan reaped, 64)}, said: make(chan string, 1024), over: make(chan error, 1)}
	cfg := SupervisorConfig{
		Command: []string{os.Args[0], "play:" + role}, Reaper: p.reaper, Stderr: &lines{said: p.said},
		Backoff: time.Hour, BackoffCap: time.Hour, // one life for each, unless a test needs more
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	if change != nil {
		change(&cfg)
	}
	var err error
	p.Supervisor, err = NewSupervisor(cfg)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	go func() { p.over <- p.Run(ctx) }()
	t.Cleanup(p.end)
	return p
}

// end stops the supervisor and waits for it.
func (p *troupe) end() {
	p.stop()
	select {
	case err := <-p.over:
		assert.NoError(p.t, err)
		p.over <- nil // for the next call
	case <-time.After(patience):
		p.t.Error("the supervisor did not end")
	}
}

func (p *troupe) report() reaped {
	p.t.Helper()
	select {
	case r := <-p.reaper.reports:
		return r
	case <-time.After(patience):
		require.FailNow(p.t, "no report of a death")
		return reaped{}
	}
}

// up waits until a child reports that it has started, and returns its number.
func (p *troupe) up(word string) int {
	p.t.Helper()
	for {
		select {
		case line := <-p.said:
			if pid, ok := strings.CutPrefix(line, word+" "); ok {
				n, err := strconv.Atoi(pid)
				require.NoError(p.t, err)
				return n
			}
		case <-time.After(patience):
			require.FailNow(p.t, "no child is up")
		}
	}
}

func alive(pid int) bool { return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

// gone waits until a process, which need not be a child of this one, no longer exists.
func gone(t *testing.T, pid int) {
	t.Helper()
	require.Eventually(t, func() bool { return !alive(pid) || isZombie(pid) }, patience, 5*time.Millisecond, "process %d is left", pid)
}

// isZombie reports whether a process has ended but was not waited for.
func isZombie(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && strings.Contains(string(stat), ") Z ")
}

func TestSupervisorReportsDeaths(t *testing.T) {
	for _, c := range []struct {
		role              string
		code              int
		signal            string
		message, evidence string
	}{
		{"exit", 7, "", "exited with code 7", "last words\n"},
		{"killed", 0, "killed", "ended by the signal: killed", "good bye\n"},
		{"panics", 2, "", ": panic: boom", "goroutine "},
		{"floods", 3, "", "exited with code 3", "x\nthe end of the flood\n"},
	} {
		t.Run(c.role, func(t *testing.T) {
			p := perform(t, c.role, nil)
			r := p.report()
			assert.Equal(t, record.RunID("run-1"), r.run)
			assert.Equal(t, ledger.SessionID("session-1"), r.session)
			assert.Equal(t, []dag.NodeID{42}, r.running)
			assert.Equal(t, record.WorkerLostError, r.died.Kind)
			assert.Equal(t, dag.NoNode, r.died.Node)
			assert.Equal(t, "player", r.died.Worker)
			assert.Equal(t, c.code, r.died.ExitCode)
			assert.Equal(t, c.signal, r.died.Signal)
			assert.Contains(t, r.died.Message, c.message)
			assert.Contains(t, r.died.Stack, c.evidence)
			assert.LessOrEqual(t, len(r.died.Stack), record.MaxEvidence)
			if c.role == "floods" {
				assert.Len(t, r.died.Stack, record.MaxEvidence)
			}
			p.end()
			assert.Equal(t, Deaths{Started: 1, Died: 1, Reported: 1}, p.Deaths())
		})
	}
}

// TestSupervisorReportsWithinASecond counts from the signal that kills the child, even if a process that the child
// started keeps its output open. It tries three times, because the machine may be busy with something else.
func TestSupervisorReportsWithinASecond(t *testing.T) {
	within := func(die func(t *testing.T) time.Duration) {
		t.Helper()
		took := die(t)
		for range 2 {
			if took >= time.Second {
				took = min(took, die(t))
			}
		}
		assert.Less(t, took, time.Second)
	}
	within(func(t *testing.T) time.Duration {
		p := perform(t, "ignores SIGTERM", nil)
		pid := p.up("up")
		killed := time.Now()
		require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
		return p.report().at.Sub(killed)
	})
	within(func(t *testing.T) time.Duration {
		p := perform(t, "leaves a grandchild", nil)
		heir := p.up("grandchild")
		said := time.Now()
		took := p.report().at.Sub(said)
		gone(t, heir)
		return took
	})
}

func TestSupervisorReportsEverySession(t *testing.T) {
	p := perform(t, "two sessions", nil)
	got := map[record.RunID][]dag.NodeID{}
	for range 2 {
		r := p.report()
		got[r.run] = r.running
	}
	assert.Equal(t, map[record.RunID][]dag.NodeID{"run-1": {42, 44}, "run-2": {43}}, got)
}

func TestSupervisorStartsAgain(t *testing.T) {
	p := perform(t, "exit", func(c *SupervisorConfig) {
		c.Children, c.Backoff, c.BackoffCap = 2, time.Millisecond, 2*time.Millisecond
	})
	for range 6 {
		p.report()
	}
	p.end()
	d := p.Deaths()
	assert.GreaterOrEqual(t, d.Started, int64(6))
	assert.GreaterOrEqual(t, d.Reported, int64(6))
	assert.Zero(t, d.Failed)
}

func TestSupervisorEndsChildrenInGoodOrder(t *testing.T) {
	p := perform(t, "obeys", func(c *SupervisorConfig) { c.Children = 3 })
	pids := []int{p.up("up"), p.up("up"), p.up("up")}
	p.end()
	for _, pid := range pids {
		assert.False(t, alive(pid), "process %d is left", pid)
	}
	assert.Equal(t, Deaths{Started: 3}, p.Deaths(), "a child that was terminated did not die and left no session")
}

func TestSupervisorKills(t *testing.T) {
	t.Run("after the soft stop", func(t *testing.T) {
		p := perform(t, "ignores SIGTERM", func(c *SupervisorConfig) { c.SoftStop = 50 * time.Millisecond })
		pid := p.up("up")
		p.end()
		assert.False(t, alive(pid))
		assert.Equal(t, []dag.NodeID{42}, p.report().running, "what it held is given back at once")
	})
	t.Run("when terminated", func(t *testing.T) {
		p := perform(t, "ignores SIGTERM", func(c *SupervisorConfig) { c.SoftStop = time.Hour })
		pid := p.up("up")
		p.Kill()
		p.Kill()
		p.end()
		assert.False(t, alive(pid))
	})
}

func TestSupervisorGivesUpReporting(t *testing.T) {
	p := perform(t, "exit", func(c *SupervisorConfig) { c.Reaper, c.ReportTimeout = unreachable{}, 10*time.Millisecond })
	require.Eventually(t, func() bool { return p.Deaths().Failed == 1 }, patience, time.Millisecond)
	assert.Zero(t, p.Deaths().Reported)
}

// TestChildrenEndWithTheirSupervisor kills a supervisor without warning.
func TestChildrenEndWithTheirSupervisor(t *testing.T) {
	cmd := exec.Command(os.Args[0], "play:supervisor")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(out)
	var children []int
	for len(children) < 2 && lines.Scan() {
		if pid, ok := strings.CutPrefix(lines.Text(), "up "); ok {
			n, err := strconv.Atoi(pid)
			require.NoError(t, err)
			children = append(children, n)
		}
	}
	require.Len(t, children, 2)
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait() // it was killed
	for _, pid := range children {
		gone(t, pid)
	}
}

// TestAdoptNeedsASupervisor runs in a separate process, because this one may have files with those descriptors.
func TestAdoptNeedsASupervisor(t *testing.T) {
	out, err := exec.Command(os.Args[0], "play:exit").CombinedOutput()
	var ended *exec.ExitError
	require.ErrorAs(t, err, &ended)
	assert.Equal(t, 99, ended.ExitCode(), "%s", out)
	assert.Contains(t, string(out), ErrBoard.Error())
}

func TestSupervisorConfig(t *testing.T) {
	good := SupervisorConfig{Command: []string{os.Args[0]}, Reaper: new(reaper)}
	_, err := NewSupervisor(good)
	require.NoError(t, err)
	for name, spoil := range map[string]func(*SupervisorConfig){
		"no command":         func(c *SupervisorConfig) { c.Command = nil },
		"no such program":    func(c *SupervisorConfig) { c.Command = []string{"/nonexistent/program"} },
		"no reaper":          func(c *SupervisorConfig) { c.Reaper = nil },
		"less than no child": func(c *SupervisorConfig) { c.Children = -1 },
	} {
		t.Run(name, func(t *testing.T) {
			c := good
			spoil(&c)
			_, err := NewSupervisor(c)
			assert.Error(t, err)
		})
	}
}

func TestFullJitter(t *testing.T) {
	for n := 1; n < 80; n++ {
		bound := min(time.Second<<min(n-1, 20), 30*time.Second)
		longest := time.Duration(0)
		for range 200 {
			d := fullJitter(time.Second, 30*time.Second, n)
			require.GreaterOrEqual(t, d, time.Duration(0))
			longest = max(longest, d)
		}
		require.LessOrEqual(t, longest, bound)
		require.Greater(t, longest, bound/2, "delays are drawn from all of the range")
	}
}
