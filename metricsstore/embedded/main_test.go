package embedded

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
	"github.com/dagscope/dagscope/metricsstore"
)

// childEnv names what a child process of the tests does, and where: "role folder run".
const childEnv = "EMBEDDED_TEST_CHILD"

func TestMain(m *testing.M) {
	if job := os.Getenv(childEnv); job != "" {
		fields := strings.Fields(job)
		if err := child(fields[0], fields[1], record.RunID(fields[2])); err != nil {
			fmt.Println("failed", err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// noise is data that no compressor makes smaller.
func noise(n int) []byte {
	out := make([]byte, n)
	rng := rand.New(rand.NewPCG(uint64(n), 3))
	for i := range out {
		out[i] = byte(rng.Uint32())
	}
	return out
}

// graph is a row of tasks and their sum.
func graph(wide int) *dag.Graph {
	leaf := engine.Func1("leaf", func(_ context.Context, n int) (int, error) { return n, nil })
	sum := engine.FuncN("sum", func(_ context.Context, v []int) (int, error) { return len(v), nil })
	b := engine.NewBuilder()
	var row []engine.Ref[int]
	for i := range wide {
		row = append(row, leaf.Call(engine.Const(b, i)))
	}
	g, err := b.Compile(sum.Call(b, row...))
	if err != nil {
		panic(err)
	}
	return g
}

// began is when a run of the tests started.
func began() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func header(run record.RunID, started time.Time) metricsstore.Header {
	return metricsstore.Header{
		Info: record.RunInfo{
			ID: run, Workflow: "w", Policy: record.FailFast, Upload: "periodic=2s", SubmittedAt: started, StartedAt: started,
		},
		Status: record.Running,
	}
}

// blocksOf packs the log of a simulated run.
func blocksOf(g *dag.Graph, n int) ([]metricsstore.Block, error) {
	p, err := metricsstore.NewPacker()
	if err != nil {
		return nil, err
	}
	var out []metricsstore.Block
	for part := range slices.Chunk(enginetest.SimulateSteps(g, 7, 4), n) {
		out = append(out, p.Pack(part))
	}
	return out, nil
}

// child records a run and prints what was acknowledged, until it is done, killed, or asked to end by closing its
// input.
func child(role, dir string, run record.RunID) error {
	if job, ok := crashJobs()[role]; ok {
		return job(dir)
	}
	if role == "full" {
		return fillDisk(dir, run)
	}
	ctx := context.Background()
	cfg := Config{Dir: dir}
	if role == "each" {
		cfg.Durability = Each
	}
	s, err := Open(ctx, cfg)
	if err != nil {
		return err
	}
	ending := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(ending)
	}()
	g := graph(3000)
	if err := s.Begin(ctx, header(run, time.Now()), g.AppendShape(nil)); err != nil {
		return err
	}
	fmt.Println("begun", s.Owns())
	blocks, err := blocksOf(g, 5)
	if err != nil {
		return err
	}
	rest := blocks[:len(blocks)-1] // the last one would end the run
	for isEnding := false; len(rest) > 0 && !isEnding; rest = rest[1:] {
		b := rest[0]
		if err := s.Append(ctx, run, metricsstore.Batch{Blocks: []metricsstore.Block{b}}); err != nil {
			return err
		}
		fmt.Println("kept", b.Last)
		select {
		case <-ending:
			isEnding = true
		default:
		}
	}
	<-ending
	if err := s.Close(); err != nil {
		return err
	}
	fmt.Println("closed", 0)
	return nil
}

// process is a child.
type process struct {
	run    record.RunID
	cmd    *exec.Cmd
	stdin  io.Closer
	begun  chan struct{} // closed when its run is begun
	done   chan struct{} // closed when its output has ended
	held   bool          // the folder, when its run was begun
	kept   uint64        // the last step acknowledged; read it after done
	closed bool
	failed string
}

func start(t *testing.T, role, dir string, run record.RunID) *process {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	p := &process{run: run, cmd: exec.Command(exe), begun: make(chan struct{}), done: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), childEnv+"="+strings.Join([]string{role, dir, string(run)}, " "))
	p.cmd.Stderr = os.Stderr
	p.stdin, err = p.cmd.StdinPipe()
	require.NoError(t, err)
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	go p.listen(out)
	t.Cleanup(p.kill)
	return p
}

func (p *process) listen(out io.Reader) {
	defer close(p.done)
	begun := false
	for lines := bufio.NewScanner(out); lines.Scan(); {
		word, rest, _ := strings.Cut(lines.Text(), " ")
		switch word {
		case "begun":
			p.held, begun = rest == "true", true
			close(p.begun)
		case "kept":
			if n, err := strconv.ParseUint(rest, 10, 64); err == nil {
				p.kept = n
			}
		case "closed":
			p.closed = true
		case "failed":
			p.failed = rest
		}
	}
	if !begun {
		close(p.begun)
	}
}

// kill is kill -9, and waits until the process is gone. Doing so again does nothing.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	p.wait()
}

// end asks the process to close its store, and waits for it.
func (p *process) end() {
	_ = p.stdin.Close()
	p.wait()
}

func (p *process) wait() {
	<-p.done
	_ = p.cmd.Wait()
}
