package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/internal/testkit/redistest"
)

// poisonProgram builds a user's own program, with tasks that take down what executes them. It does without the race
// detector, whose own memory could not be bounded.
var poisonProgram = sync.OnceValues(func() (string, error) {
	path := filepath.Join(built.folder, "poison")
	cmd := exec.Command("go", "build", "-o", path, "./e2e/testdata/poison")
	cmd.Dir = ".."
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%v: %w\n%s", cmd.Args, err, out)
	}
	return path, nil
})

// newPoisoned starts a Redis with one worker of the user's own program.
func newPoisoned(t *testing.T, args ...string) *fleet {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: it builds another program")
	}
	program, err := poisonProgram()
	require.NoError(t, err)
	f := &fleet{user: newUser(t), server: redistest.Start(t)}
	f.program, f.lasts = program, 5*time.Minute
	f.work(args...).awaitIn(f.workers[0].stdout, "works for")
	return f
}

// isLong says that tests may take minutes.
var isLong = os.Getenv("DAGSCOPE_LONG") == "1"

// drinks has a poison and six innocent tasks executed by the workers, and returns how that went.
func (f *fleet) drinks(kind, policy string, more ...string) (report, []attempt) {
	f.t.Helper()
	u := newUser(f.t)
	u.program, u.lasts = f.program, f.lasts
	o := u.run(append([]string{
		"run", "drinks", "--json", "--set", "kind=" + kind, "--policy", policy,
		"--redis", f.server.URL(), "--metrics", "embedded", "--workers", "0",
	}, more...)...)
	require.Equal(f.t, 1, o.code, "%s%s", o.stdout, o.stderr)
	var r report
	o.json(f.t, &r)
	assert.True(f.t, r.Records.Complete, "%+v", r.Records)
	return r, u.attempts(r.Run)
}

// innocent checks that no task but the poison was blamed, and that the others did what the policy says.
func innocent(t *testing.T, policy string, r report, attempts []attempt) {
	t.Helper()
	naps := 0
	for _, a := range attempts {
		if a.Name == "drink" || a.Name == "gather" {
			continue
		}
		assert.Contains(t, []string{"ok", "lost", "cancelled"}, a.Outcome, "%+v", a)
		if a.Outcome == "ok" {
			naps++
		}
	}
	assert.Equal(t, "failed", r.Status)
	assert.Equal(t, "drink", r.Error.Task)
	assert.Equal(t, []int{naps, 1}, []int{r.Done, r.Failed}, "%+v", attempts)
	if policy == "continue" {
		assert.Equal(t, []int{6, 1}, []int{naps, r.Skipped})
	}
}

// stop ends a worker that may have written anything, and counts the processes that it has lost.
func (f *fleet) stop(p *process) (deaths int) {
	f.t.Helper()
	p.signal(syscall.SIGTERM)
	<-p.ended
	require.NoError(f.t, p.late)
	assert.Zero(f.t, p.cmd.ProcessState.ExitCode())
	return p.deaths()
}

// deaths counts the processes that a supervisor has lost.
func (p *process) deaths() int {
	text, _ := p.stderr.read()
	return len(regexp.MustCompile(`a worker process has ended`).FindAllString(text, -1))
}

// outOfMemory matches what the Go runtime says at the limit: of an allocation, or now and then of a new thread, for whose
// stack C wants several MiB.
const outOfMemory = `(fatal error: .*(out of|cannot allocate) memory|SIGABRT: abort, after the line "runtime/cgo: pthread_create failed: .*")`

// TestPoisonUnderASupervisor: a task that takes its process down does so three times, whatever it does, and what is
// recorded says how. The others of the run finish, or end with it, as its policy says.
func TestPoisonUnderASupervisor(t *testing.T) {
	t.Parallel()
	f := newPoisoned(t, "--children", "2", "--memory", "256MiB")
	deaths := 0
	for _, c := range []struct {
		kind, signal string
		code         int
		how, stack   string
	}{
		{kind: "exit", code: 3, how: `exited with code 3`, stack: `famous last words\n$`},
		{kind: "panic", code: 2, how: `exited with code 2 .*: panic: in a goroutine`, stack: `goroutine \d+`},
		// The peak is left out where it is not above that of the supervisor, whose own peak its children begin with.
		{kind: "memory", code: 2, how: `exited with code 2 .*(, its memory peaked at \d{3} MiB)?: ` + outOfMemory, stack: `main\.init`},
		{kind: "segfault", code: 2, how: `exited with code 2 .*: fatal error: fault`, stack: `SIGSEGV`},
		{kind: "flood", signal: "killed", how: `ended by the signal: killed`, stack: `flood \nthe last drop\n$`},
	} {
		for _, policy := range []string{"continue", "fail-fast"} {
			t.Run(c.kind+" "+policy, func(t *testing.T) {
				f := *f
				f.t = t
				deaths += 3
				before := time.Now()
				r, attempts := f.drinks(c.kind, policy)
				innocent(t, policy, r, attempts)
				e := r.Error
				assert.Equal(t, "poison", e.Kind)
				assert.Regexp(t, `^it has taken down 3 workers that ran it alone; the last time, the worker process \d+ `+c.how, e.Message)
				assert.Equal(t, []any{c.code, c.signal}, []any{e.ExitCode, e.Signal})
				assert.Regexp(t, c.stack, e.Stack)
				assert.LessOrEqual(t, len(e.Stack), 64<<10)
				assert.Regexp(t, `^w1:\d+$`, e.Worker)
				assert.True(t, e.Time.After(before) && e.Time.Before(time.Now()), "%s", e.Time)
				var drunk []string
				for _, a := range attempts {
					if a.Name != "drink" {
						assert.NotEqual(t, "lost", a.Outcome, "each process executes one task at a time: %+v", a)
						continue
					}
					drunk = append(drunk, fmt.Sprint(a.Attempt, " ", a.Outcome))
					require.NotNil(t, a.Error)
					assert.Regexp(t, c.how, a.Error.Message)
				}
				assert.Equal(t, []string{"1 lost", "2 lost", "3 lost", "4 failed"}, drunk)
			})
		}
	}
	assert.Equal(t, deaths, f.stop(f.workers[0]))
	noneLeft(t, f.workers[0])
}

// TestPoisonThatDoesNotStop: a task that ignores its timeout is abandoned, and its process is replaced.
func TestPoisonThatDoesNotStop(t *testing.T) {
	t.Parallel()
	f := newPoisoned(t, "--children", "1")
	r, attempts := f.drinks("loop", "continue")
	innocent(t, "continue", r, attempts)
	assert.Equal(t, "timeout", r.Error.Kind)
	assert.Contains(t, r.Error.Message, "no result within the timeout of 1s: the body ignored that its context was cancelled")
	for _, a := range attempts {
		assert.Equal(t, min(a.Attempt, 1), a.Attempt, "none was lost: %+v", a)
	}
	assert.Equal(t, 1, f.stop(f.workers[0]), "the only child had to make room for six naps")
	noneLeft(t, f.workers[0])
}

// TestPoisonByLeases: without a supervisor it is unknown which task took down a process that executed several. The
// first loss is charged to none; then each suspect is tried alone, and three losses convict.
func TestPoisonByLeases(t *testing.T) {
	t.Parallel()
	kinds, lease := []string{"exit"}, "2500ms"
	if isLong {
		kinds, lease = []string{"exit", "flood"}, "15s"
	}
	f := newPoisoned(t, "--slots", "4", "--lease", lease)
	for _, kind := range kinds {
		for _, policy := range []string{"continue", "fail-fast"} {
			t.Run(kind+" "+policy, func(t *testing.T) {
				f := *f
				f.t = t
				stopped := make(chan struct{})
				deaths := make(chan int)
				go func() { deaths <- f.restart(stopped, "--slots", "4", "--lease", lease) }()
				r, attempts := f.drinks(kind, policy)
				close(stopped)
				assert.Equal(t, 4, <-deaths, "one that is charged to none, and three")
				innocent(t, policy, r, attempts)
				assert.Equal(t, "poison", r.Error.Kind)
				assert.Equal(t, "it has taken down 3 workers that ran it alone; the last time, its worker died, or was cut off from the store", r.Error.Message)
				assert.NotEmpty(t, r.Error.Worker)
			})
			if !isLong {
				break
			}
		}
	}
}

// restart starts a worker again whenever it has ended, as an init system does, and counts how often a poison was why.
func (f *fleet) restart(stop <-chan struct{}, args ...string) (deaths int) {
	u := *f.user
	u.lasts = 5 * time.Minute
	for again := 1; ; {
		p := f.workers[len(f.workers)-1]
		select {
		case <-p.ended:
			if text, _ := p.stderr.read(); strings.Contains(text, "drink in ") {
				deaths++
			}
			f.workers = append(f.workers, u.start(append([]string{"worker", "--redis", f.server.URL(), "--name", fmt.Sprint("again", again)}, args...)...))
			again++
		case <-stop:
			return deaths
		}
	}
}

// napping matches the line of a task that has begun.
var napping = regexp.MustCompile(`(?m)^nap (\d+) in (\d+)$`)

// TestSupervisedRecovery: what a process executed that is killed is executed again within two seconds of the kill.
func TestSupervisedRecovery(t *testing.T) {
	t.Parallel()
	kills := 5
	if isLong {
		kills = 60
	}
	f := newPoisoned(t, "--children", "2")
	p := f.workers[0]
	u := newUser(t)
	u.program, u.lasts = f.program, f.lasts
	run := u.start("run", "drinks", "--json", "--set", "naps=2", "--set", "for=10m", "--rules", "poison=1000",
		"--redis", f.server.URL(), "--metrics", "embedded", "--workers", "0")
	var took []time.Duration
	for begun := 2; begun < 2+kills; begun++ {
		executes := map[string]int{} // each process one of them, so that the other cannot take over
		for _, nap := range p.naps(begun) {
			pid, err := strconv.Atoi(nap[2])
			require.NoError(t, err)
			executes[nap[1]] = pid
		}
		at := time.Now()
		victim := executes[strconv.Itoa(begun%2)]
		require.NoError(t, syscall.Kill(victim, syscall.SIGKILL))
		p.naps(begun + 1)
		took = append(took, time.Since(at))
	}
	slices.Sort(took)
	t.Logf("from the kill until its task has begun again, of %d: p50 %s, most %s", len(took), took[len(took)/2], took[len(took)-1])
	assert.LessOrEqual(t, took[len(took)/2], 2*time.Second)
	if isLong { // on a machine that has nothing else to do
		assert.LessOrEqual(t, took[len(took)-1], 2*time.Second)
	}
	run.signal(syscall.SIGINT) // naps are long, so that none ends by itself
	assert.Contains(t, run.wait().stdout, `"cancelled"`)
	assert.Equal(t, len(took), f.stop(p))
}

// naps waits until so many naps have begun.
func (p *process) naps(n int) [][]string {
	p.t.Helper()
	for {
		text, more := p.stderr.read()
		if all := napping.FindAllStringSubmatch(text, -1); len(all) >= n {
			return all
		}
		select {
		case <-more:
		case <-time.After(patience):
			require.FailNow(p.t, "no more tasks begin", "%d are expected: %s", n, text)
		}
	}
}

// noneLeft checks that no process is left that a supervisor had started.
func noneLeft(t *testing.T, p *process) {
	t.Helper()
	text, _ := p.stderr.read()
	for _, m := range regexp.MustCompile(`a worker process has started.* pid=(\d+)`).FindAllStringSubmatch(text, -1) {
		pid, err := strconv.Atoi(m[1])
		require.NoError(t, err)
		assert.ErrorIs(t, syscall.Kill(pid, 0), syscall.ESRCH, "process %d is left", pid)
	}
}
