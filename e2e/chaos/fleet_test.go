//go:build unix

package chaos_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/invoke"
)

// fleet is the worker processes: plain ones, which it starts again when it has killed them, and children of a supervisor,
// which restarts them itself.
type fleet struct {
	t          *testing.T
	dir        string // where they write what goes wrong
	supervisor *invoke.Supervisor
	stop       context.CancelFunc
	stopped    chan struct{}

	mu      sync.Mutex
	workers []*member
	started int
	strange []string // ends that were not asked for
}

// member is one worker process.
type member struct {
	name       string // as in records
	pid        int
	supervised bool
	killed     bool
	asleep     bool // stopped by SIGSTOP

	spec   workerSpec // of a plain one
	stdin  io.Closer
	exited chan struct{}
}

func newFleet(t *testing.T, dir string) *fleet {
	f := &fleet{t: t, dir: dir, stopped: make(chan struct{})}
	t.Cleanup(f.killAll)
	return f
}

// start starts a plain worker.
func (f *fleet) start(spec workerSpec) {
	f.t.Helper()
	argument, err := json.Marshal(spec)
	require.NoError(f.t, err)
	stderr, err := os.OpenFile(filepath.Join(f.dir, spec.Name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	require.NoError(f.t, err)
	cmd := exec.Command(os.Args[0], workerArgument, string(argument))
	cmd.Stderr = stderr
	cmd.SysProcAttr = dieWithParent()
	stdin, err := cmd.StdinPipe()
	require.NoError(f.t, err)
	m := &member{spec: spec, stdin: stdin, exited: make(chan struct{})}
	running := make(chan error, 1)
	go func() { // a child that is to die with its parent does so with the thread that started it
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		running <- err
		if err == nil {
			_ = cmd.Wait()
			f.ended(m, cmd.ProcessState)
		}
		_ = stderr.Close()
		close(m.exited)
	}()
	require.NoError(f.t, <-running)
	m.pid, m.name = cmd.Process.Pid, fmt.Sprintf("%s-%d", spec.Name, cmd.Process.Pid)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.workers = append(f.workers, m)
	f.started++
}

// ended notes how a plain worker ended that was not killed: only one that was asked to may end, and without an error.
func (f *fleet) ended(m *member, how *os.ProcessState) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.workers = slices.DeleteFunc(f.workers, func(other *member) bool { return other == m })
	if !m.killed && !how.Success() {
		f.strange = append(f.strange, fmt.Sprintf("%s: %s", m.spec.Name, how))
	}
}

// supervise keeps that many children under a supervisor.
func (f *fleet) supervise(n int, spec workerSpec, reaper invoke.Reaper, log io.Writer) {
	f.t.Helper()
	spec.Child = true
	argument, err := json.Marshal(spec)
	require.NoError(f.t, err)
	stderr, err := os.Create(filepath.Join(f.dir, spec.Name+".log"))
	require.NoError(f.t, err)
	f.supervisor, err = invoke.NewSupervisor(invoke.SupervisorConfig{
		Command: []string{os.Args[0], workerArgument, string(argument)}, Children: n, Reaper: reaper, SoftStop: 10 * time.Second,
		Backoff: 50 * time.Millisecond, BackoffCap: 200 * time.Millisecond, Settled: time.Second,
		Stdout: &births{f: f, spec: spec}, Stderr: stderr, Log: slog.New(slog.NewTextHandler(log, nil)),
	})
	require.NoError(f.t, err)
	ctx, stop := context.WithCancel(context.Background())
	f.stop = stop
	go func() {
		defer close(f.stopped)
		_ = f.supervisor.Run(ctx)
		_ = stderr.Close()
	}()
}

// births reads what children print: their process numbers, a line each.
type births struct {
	f    *fleet
	spec workerSpec
	mu   sync.Mutex
	rest []byte
}

func (b *births) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rest = append(b.rest, p...)
	for {
		line, rest, ok := bytes.Cut(b.rest, []byte("\n"))
		if !ok {
			return len(p), nil
		}
		b.rest = rest
		if pid, err := strconv.Atoi(string(line)); err == nil {
			b.f.mu.Lock()
			b.f.workers = append(b.f.workers, &member{name: fmt.Sprintf("%s-%d", b.spec.Name, pid), pid: pid, supervised: true})
			b.f.started++
			b.f.mu.Unlock()
		}
	}
}

// pick draws a worker that runs; nil where there is none.
func (f *fleet) pick(rng *rand.Rand, fits func(*member) bool) *member {
	f.mu.Lock()
	defer f.mu.Unlock()
	var some []*member
	for _, m := range f.workers {
		if !m.killed && fits(m) {
			some = append(some, m)
		}
	}
	if len(some) == 0 {
		return nil
	}
	return some[rng.IntN(len(some))]
}

// kill kills a worker, and starts a plain one again.
func (f *fleet) kill(m *member) {
	f.mu.Lock()
	m.killed = true
	f.workers = slices.DeleteFunc(f.workers, func(other *member) bool { return other == m })
	f.mu.Unlock()
	_ = syscall.Kill(m.pid, syscall.SIGKILL)
	if m.supervised {
		return
	}
	<-m.exited
	_ = m.stdin.Close()
	f.start(m.spec)
}

// sleep stops a worker in its tracks; wake lets it continue, unless it was killed meanwhile.
func (f *fleet) sleep(m *member) {
	f.mu.Lock()
	defer f.mu.Unlock()
	m.asleep = true
	_ = syscall.Kill(m.pid, syscall.SIGSTOP)
}

func (f *fleet) wake(m *member) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if m.asleep = false; !m.killed {
		_ = syscall.Kill(m.pid, syscall.SIGCONT)
	}
}

// end asks all workers to end, and waits for them. It returns what was strange about any of them.
func (f *fleet) end() []string {
	f.mu.Lock()
	plain := slices.DeleteFunc(slices.Clone(f.workers), func(m *member) bool { return m.supervised })
	for _, m := range plain {
		_ = syscall.Kill(m.pid, syscall.SIGCONT)
		_ = syscall.Kill(m.pid, syscall.SIGTERM)
	}
	f.mu.Unlock()
	for _, m := range plain {
		select {
		case <-m.exited:
		case <-time.After(30 * time.Second):
			f.mu.Lock()
			f.strange = append(f.strange, m.spec.Name+" did not end when it was asked to")
			f.mu.Unlock()
		}
	}
	if f.stop != nil {
		f.stop()
		<-f.stopped
	}
	return append(f.strange, f.complaints()...)
}

// complaints are lines in what workers wrote that no worker should write.
func (f *fleet) complaints() (found []string) {
	logs, _ := filepath.Glob(filepath.Join(f.dir, "*.log"))
	for _, name := range logs {
		file, err := os.Open(name)
		if err != nil {
			continue
		}
		lines := bufio.NewScanner(file)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			for _, sign := range []string{"DATA RACE", "panic:", "fatal error:", "user_script"} {
				if bytes.Contains(lines.Bytes(), []byte(sign)) {
					found = append(found, filepath.Base(name)+": "+lines.Text())
				}
			}
		}
		_ = file.Close()
	}
	return found
}

// killAll leaves no process running, however the test ends.
func (f *fleet) killAll() {
	f.mu.Lock()
	all := slices.Clone(f.workers)
	for _, m := range all {
		m.killed = true
		_ = syscall.Kill(m.pid, syscall.SIGKILL)
	}
	f.mu.Unlock()
	for _, m := range all {
		if !m.supervised {
			<-m.exited
		}
	}
	if f.stop != nil {
		f.stop()
		f.supervisor.Kill()
		<-f.stopped
	}
}
