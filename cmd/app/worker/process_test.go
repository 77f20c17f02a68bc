package worker

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/redis"
	"github.com/dagscope/dagscope/engine/state/shared"
	"github.com/dagscope/dagscope/engine/worker"
	"github.com/dagscope/dagscope/internal/testkit/redistest"
)

// patience bounds whatever a test waits for.
const patience = time.Minute

// process is a worker program under test: this test program in another role.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	first  string // line of its standard output
	stderr printed
	over   chan struct{}
}

// printed keeps what a process prints.
type printed struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (r *printed) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.Write(p)
}

func (r *printed) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.String()
}

// start starts a worker and waits until it works. It is killed with the test, if it lives.
func start(t *testing.T, server *redistest.Server, args ...string) *process {
	t.Helper()
	p := &process{t: t, over: make(chan struct{})}
	p.cmd = exec.Command(os.Args[0], append([]string{"--redis", server.URL()}, args...)...)
	p.cmd.Env = append(os.Environ(), roleVariable+"=worker")
	p.cmd.Stderr = &p.stderr
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	t.Cleanup(p.end)
	lines := bufio.NewReader(out)
	p.first, err = lines.ReadString('\n')
	require.NoError(t, err, "%s", &p.stderr)
	go func() {
		defer close(p.over)
		_, _ = io.Copy(io.Discard, lines)
		_ = p.cmd.Wait()
	}()
	return p
}

// end kills the process, if it is not over, and shows its log where the test failed.
func (p *process) end() {
	_ = p.cmd.Process.Kill()
	<-p.over
	if p.t.Failed() {
		p.t.Logf("log of the worker:\n%s", &p.stderr)
	}
}

// stops asks the process to end and gives its exit code.
func (p *process) stops() int {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(syscall.SIGTERM))
	return p.ends()
}

// ends waits for the end and gives the exit code.
func (p *process) ends() int {
	p.t.Helper()
	select {
	case <-p.over:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		require.FailNow(p.t, "the worker did not end")
		return 0
	}
}

// evidence is a recorder that keeps the errors of attempts alone.
type evidence struct {
	mu     sync.Mutex
	errors map[record.RunID][]record.ErrorRecord
}

func (*evidence) Begin(record.RunInfo, *dag.Graph) error { return nil }
func (*evidence) Steps(record.RunID, []record.Step)      {}
func (*evidence) End(record.RunID, record.RunEnd) error  { return nil }

func (e *evidence) Details(run record.RunID, details []record.Detail, _ []record.WorkerRecord) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, d := range details {
		if d.Error != nil {
			e.errors[run] = append(e.errors[run], *d.Error)
		}
	}
}

// of waits until a run is recorded, and gives the errors of its attempts that are of a kind.
func (e *evidence) of(t *testing.T, r *engine.Run, kind record.ErrorKind) []record.ErrorRecord {
	t.Helper()
	require.NoError(t, r.WaitRecorded(t.Context()))
	e.mu.Lock()
	defer e.mu.Unlock()
	var found []record.ErrorRecord
	for _, r := range e.errors[r.ID()] {
		if r.Kind == kind {
			found = append(found, r)
		}
	}
	return found
}

// submitter hands in runs and does none of their work.
func submitter(t *testing.T, server *redistest.Server, invoke func(record.RunID, map[string]int, int)) (*engine.Engine, *evidence) {
	t.Helper()
	kept := &evidence{errors: map[record.RunID][]record.ErrorRecord{}}
	c, err := redis.Dial(t.Context(), redis.DialConfig{URL: server.URL()})
	require.NoError(t, err)
	store, err := shared.New(shared.Config{Backend: redis.New(c), Invoke: invoke})
	require.NoError(t, err)
	pool, err := worker.New(worker.Config{State: store, Idle: true})
	require.NoError(t, err)
	e, err := engine.New(engine.Config{Executor: pool, Workflows: testWorkflows(), Recorder: kept})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	over := make(chan error)
	go func() { over <- e.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		assert.NoError(t, <-over)
		assert.NoError(t, c.Close())
	})
	return e, kept
}

// submit hands in a run.
func submit(t *testing.T, e *engine.Engine, workflow string, args map[string]string) *engine.Run {
	t.Helper()
	w, err := e.Workflow(workflow)
	require.NoError(t, err)
	checked, err := w.Arguments(args, nil)
	require.NoError(t, err)
	r, err := e.SubmitWorkflow(t.Context(), workflow, checked, engine.RunOptions{})
	require.NoError(t, err)
	return r
}

// wait waits for the end of a run and gives its value.
func wait(t *testing.T, r *engine.Run) (int, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return engine.Result[int](ctx, r)
}

func secretFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("s", 32)+"\n"), 0o600))
	return path
}

func TestWorkerTakesPart(t *testing.T) {
	server := redistest.Start(t)
	p := start(t, server, "--name", "w1")
	assert.Equal(t, filepath.Base(os.Args[0])+": w1 works for "+server.URL()+"\n", p.first)
	e, _ := submitter(t, server, nil)
	v, err := wait(t, submit(t, e, "squares", map[string]string{"n": "20"}))
	require.NoError(t, err)
	assert.Equal(t, 2470, v)
	present, err := ListPresent(t.Context(), server.Client(t), "dagscope:")
	require.NoError(t, err)
	require.Len(t, present, 1)
	assert.Equal(t, "w1", present[0].Name)
	assert.Equal(t, []string{"count", "die", "square", "sum"}, present[0].Functions)
	assert.Zero(t, p.stops())
	present, err = ListPresent(t.Context(), server.Client(t), "dagscope:")
	require.NoError(t, err)
	assert.Empty(t, present)
}

// TestWorkerHandsOver: tasks that a worker executes when it is stopped are finished, and the rest goes to others.
func TestWorkerHandsOver(t *testing.T) {
	server := redistest.Start(t)
	first := start(t, server, "--json", "--slots", "2")
	assert.Regexp(t, `^{"redis":"`+server.URL()+`","worker":"[^"]+:[0-9]+"}\n$`, first.first)
	e, _ := submitter(t, server, nil)
	r := submit(t, e, "squares", map[string]string{"n": "40", "ms": "50"})
	require.Eventually(t, func() bool { return r.Progress().Done >= 4 }, patience, 5*time.Millisecond)
	second := start(t, server, "--slots", "2")
	began := time.Now()
	assert.Zero(t, first.stops())
	assert.Less(t, time.Since(began), 10*time.Second)
	v, err := wait(t, r)
	require.NoError(t, err)
	assert.Equal(t, 20540, v)
	assert.Zero(t, r.Progress().Retries, "nothing was cut off")
	assert.Zero(t, second.stops())
}
