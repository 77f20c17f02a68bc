package e2e

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// patience bounds every process: one that takes longer is killed, and its test fails.
const patience = time.Minute

// built is where programs under test are built.
var built struct {
	folder  string // set by TestMain, which removes it
	once    sync.Once
	problem string // why there is no program; set by once
}

// program is the path of the program under test. A main package cannot be imported, so the first test that needs the
// program builds it: rules that only read the sources are checked without a build.
func program(t *testing.T) string {
	t.Helper()
	path := filepath.Join(built.folder, "dagscope")
	built.once.Do(func() { built.problem = build(built.folder, path) })
	require.Empty(t, built.problem)
	return path
}

func TestMain(m *testing.M) {
	flag.Parse()
	// The tests mostly wait for processes, which mostly wait as well.
	if err := flag.Set("test.parallel", strconv.Itoa(max(4, 2*runtime.GOMAXPROCS(0)))); err != nil {
		panic(err)
	}
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "dagscope-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	built.folder = dir
	code := m.Run()
	chrome.close()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// build makes the program with the race detector; -short leaves that out, and with it the need for a C compiler. Users
// of other names may execute the result.
func build(dir, path string) (problem string) {
	if err := os.Chmod(dir, 0o755); err != nil {
		return err.Error()
	}
	args := []string{"build", "-o", path}
	if !testing.Short() {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, "./cmd/dagscope")...)
	cmd.Dir = ".."
	if !testing.Short() {
		cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Sprintf("%v: %v\n%s", cmd.Args, err, out)
	}
	return ""
}

// user calls the program as a shell would, with a data folder of its own.
type user struct {
	t       *testing.T
	program string // path; empty for dagscope
	data    string
	lasts   time.Duration // bounds each process; 0 for patience
	stdin   io.Reader
	as      *syscall.SysProcAttr // nil for the user who runs the test
}

func newUser(t *testing.T) *user {
	t.Helper()
	return &user{t: t, data: filepath.Join(t.TempDir(), "data")}
}

// process is the program under way. What it does is watched by a goroutine until it is over.
type process struct {
	t              *testing.T
	cmd            *exec.Cmd
	name           string
	stdout, stderr *writing
	began          time.Time
	took           time.Duration
	late           error         // of its context
	ended          chan struct{} // closed when it is over and the fields above are set
}

// start starts the program. It is over when the test is.
func (u *user) start(args ...string) *process {
	u.t.Helper()
	path := u.program
	if path == "" {
		path = program(u.t)
	}
	ctx, cancel := context.WithTimeout(context.Background(), cmp.Or(u.lasts, patience))
	cmd := exec.CommandContext(ctx, path, append([]string{"--data", u.data}, args...)...)
	p := &process{
		t: u.t, cmd: cmd, name: "dagscope " + strings.Join(args, " "), stdout: newWriting(), stderr: newWriting(), began: time.Now(),
		ended: make(chan struct{}),
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr, cmd.WaitDelay = u.stdin, p.stdout, p.stderr, u.as, 5*time.Second
	cmd.Dir = built.folder
	// The race detector waits for a second at each exit unless it is switched off.
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", "TZ=UTC", "COLUMNS=100", "NO_COLOR=1", "DAGSCOPE_DATA=")
	if err := cmd.Start(); err != nil {
		cancel()
		require.NoError(u.t, err)
	}
	go func() {
		_ = cmd.Wait() // ProcessState has its outcome
		p.took, p.late = time.Since(p.began), ctx.Err()
		cancel()
		close(p.ended)
	}()
	u.t.Cleanup(func() {
		p.kill()
		<-p.ended
	})
	return p
}

// kill ends it as kill -9 does, if it is still running.
func (p *process) kill() { _ = p.cmd.Process.Kill() }

// signal asks it to end.
func (p *process) signal(s os.Signal) {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(s), p.name)
}

// running reports whether it has not ended.
func (p *process) running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// await waits until standard error matches a pattern and returns its parts.
func (p *process) await(pattern string) []string {
	p.t.Helper()
	return p.awaitIn(p.stderr, pattern)
}

func (p *process) awaitIn(w *writing, pattern string) []string {
	p.t.Helper()
	re := regexp.MustCompile(pattern)
	for {
		over := !p.running()
		text, more := w.read()
		if parts := re.FindStringSubmatch(text); parts != nil {
			return parts
		}
		require.False(p.t, over, "%s ended before it wrote %s:\n%s", p.name, pattern, text)
		select {
		case <-more:
		case <-p.ended:
		}
	}
}

// outcome is what a process has left.
type outcome struct {
	code           int // -1 where it was killed
	stdout, stderr string
	took           time.Duration
}

// wait waits for its end. Whatever it was asked to do, it must neither race with itself nor crash.
func (p *process) wait() outcome {
	p.t.Helper()
	<-p.ended
	stdout, _ := p.stdout.read()
	stderr, _ := p.stderr.read()
	require.NoError(p.t, p.late, "%s was not over in time:\n%s", p.name, stderr)
	o := outcome{p.cmd.ProcessState.ExitCode(), stdout, stderr, p.took}
	if crash := crashed.FindStringIndex(stderr); crash != nil {
		p.t.Errorf("%s: %.1500s", p.name, stderr[crash[0]:])
		o.stderr = stderr[:crash[0]] // so that what is compared to it says something else
		if o.code == racedExitCode {
			o.code = 0
		}
	}
	return o
}

// crashed matches where the race detector or the runtime reports.
var crashed = regexp.MustCompile(`(?m)^(=+\n)?(WARNING: DATA RACE|fatal error: |panic: |goroutine 1 \[)`)

// racedExitCode is in place of 0 where the race detector has found something.
const racedExitCode = 66

// run calls the program and waits for its end.
func (u *user) run(args ...string) outcome {
	u.t.Helper()
	return u.start(args...).wait()
}

// ok calls the program, which has to succeed, and returns what it printed.
func (u *user) ok(args ...string) string {
	u.t.Helper()
	o := u.run(args...)
	require.Equal(u.t, 0, o.code, "%v: %s%s", args, o.stdout, o.stderr)
	return o.stdout
}

// json calls the program with --json and reads what it printed.
func (u *user) json(v any, args ...string) {
	u.t.Helper()
	o := outcome{stdout: u.ok(append(args, "--json")...)}
	o.json(u.t, v)
}

// json reads one value, which is all that was printed.
func (o outcome) json(t *testing.T, v any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(o.stdout))
	require.NoError(t, d.Decode(v), "%s%s", o.stdout, o.stderr)
	_, err := d.Token()
	require.ErrorIs(t, err, io.EOF, "one value: %s", o.stdout)
}

// writing is what a process has written so far. Safe for concurrent use.
type writing struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{} // closed when there is more
}

func newWriting() *writing { return &writing{more: make(chan struct{})} }

func (w *writing) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.more)
	w.more = make(chan struct{})
	return w.text.Write(b)
}

func (w *writing) read() (string, <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String(), w.more
}

// eventually polls until the answer is yes, or fails the test.
func eventually(t *testing.T, what string, yes func() bool) {
	t.Helper()
	for end := time.Now().Add(patience / 2); !yes(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			require.NoError(t, errors.New("it never came: "+what))
		}
	}
}
