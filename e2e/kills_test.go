package e2e

import (
	"math"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// killings is how often TestKillDemo kills, and on how many folders at a time: a demonstration mostly waits.
func killings() (folders, rounds int) {
	switch {
	case os.Getenv("DAGSCOPE_LONG") != "":
		return 5, 10
	case testing.Short():
		return 3, 1
	default:
		return 5, 2
	}
}

// TestKillDemo kills the demonstration with signal 9 at any moment, again and again on the same folders. Whatever had
// been reported before stays true: each run that was said to have ended is there as a whole, each that was said to have
// started is there as far as it went, and the store is sound. DAGSCOPE_LONG=1 kills more often.
func TestKillDemo(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	folders, rounds := killings()
	said := make([]promises, folders)
	users := make([]*user, folders)
	for i := range users {
		users[i], said[i] = newUser(t), promises{}
	}
	for range rounds {
		var all []*process
		for _, u := range users {
			p := u.start("demo")
			time.AfterFunc(time.Duration(r.Int64N(int64(4*time.Second))), p.kill)
			all = append(all, p)
		}
		for i, p := range all {
			o := p.wait()
			cut := said[i].read(t, o.stderr)
			users[i].keeps(said[i], cut)
			if over := said[i].over(); len(over) > 0 {
				id := over[r.IntN(len(over))]
				assert.Equal(t, said[i][id].done, ended(users[i].attempts(id), "ok"), "attempts of %s %s", said[i][id].workflow, id)
			}
		}
	}
}

// promises are what the program has said of runs, by their ids.
type promises map[string]promise

// promise is a run that has started, and perhaps ended with a status and so many tasks.
type promise struct {
	workflow, status string
	done             int
}

// over lists the runs that were said to have ended.
func (p promises) over() (ids []string) {
	for id := range p {
		if p[id].status != "" {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids) // a seed chooses the same again
	return ids
}

// read parses what a process has said and returns the run that it was cut off in, if any.
func (p promises) read(t *testing.T, stderr string) (cut string) {
	t.Helper()
	line := regexp.MustCompile(`^(\w{20})  (\S+) (started|succeeded|failed|cancelled) (?:with|after .*: ([\d,]+) of) `)
	for text := range strings.Lines(stderr) {
		m := line.FindStringSubmatch(text)
		require.NotNil(t, m, text)
		if m[3] == "started" {
			p[m[1]] = promise{workflow: m[2]}
			cut = m[1]
			continue
		}
		done, err := strconv.Atoi(strings.ReplaceAll(m[4], ",", ""))
		require.NoError(t, err, text)
		p[m[1]] = promise{m[2], m[3], done}
		cut = ""
	}
	return cut
}

// keeps compares the store with what was said. No process has it open, so no run is under way.
func (u *user) keeps(said promises, cut string) {
	u.t.Helper()
	if _, err := os.Stat(u.data); err != nil {
		require.Empty(u.t, said, "the folder is not there")
		return // killed too early to have made it
	}
	rows := u.runs()
	u.ok("check")
	for id, p := range said {
		row, is := rows[id]
		if !assert.True(u.t, is, "%s %s is not there", p.workflow, id) {
			continue
		}
		assert.Equal(u.t, p.workflow, row.Workflow, id)
		assert.NotNil(u.t, row.EndedAt, "%s %s", p.workflow, id)
		switch {
		case p.status != "":
			assert.Equal(u.t, []any{p.status, p.done}, []any{row.Status, row.Succeeded}, "%s %s", p.workflow, id)
			assert.True(u.t, row.Records.Complete, "%s %s: %+v", p.workflow, id, row.Records)
		case row.Status == "interrupted":
		default: // it had ended, and that was not reported
			assert.Contains(u.t, []string{"succeeded", "failed", "cancelled"}, row.Status, "%s %s", p.workflow, id)
		}
	}
	for id, row := range rows {
		assert.NotContains(u.t, []string{"running", "queued", "paused"}, row.Status, "%s %s", row.Workflow, id)
		assert.LessOrEqual(u.t, row.Records.StepsKept, row.Records.Steps, "%s %s", row.Workflow, id)
	}
	if cut == "" {
		return
	}
	attempts := u.attempts(cut)
	assert.Equal(u.t, rows[cut].Succeeded, ended(attempts, "ok"), "attempts of %s", cut)
	var s statistics
	u.json(&s, "stats", cut)
	assert.Equal(u.t, []int{len(attempts), rows[cut].Succeeded}, []int{s.Attempts, s.Succeeded}, "statistics of %s", cut)
}

// TestKillKeepsWhatEnded: whatever the upload strategy, attempts that ended a while before the kill are on record, and
// none is that did not end. A while is 50 ms as promised, and some for a machine with other things to do. The strategy
// says how many of them may lack their details.
func TestKillKeepsWhatEnded(t *testing.T) {
	t.Parallel()
	const lanes, took, grace = 4, 100 * time.Millisecond, 400 * time.Millisecond
	lost := map[string]int{
		"after_each_task": lanes, // one for each slot
		"periodic=500ms":  lanes * int((500*time.Millisecond+grace)/took+1),
		"queue=50":        49 + lanes,
		"shutdown":        math.MaxInt,
	}
	file := chains(lanes, 200, took.Seconds()).file(t)
	var all []*process
	var users []*user
	var started []time.Time
	for _, strategy := range strategies() {
		u := newUser(t)
		users = append(users, u)
		p := u.start("run", "wfformat", "--upload", strategy, "--set", "file="+file, "--set", "time_scale=1")
		p.await(` started with 800 tasks`)
		all, started = append(all, p), append(started, time.Now())
	}
	time.Sleep(2 * time.Second)
	ran := make([]time.Duration, len(all))
	for i, p := range all {
		p.kill()
		ran[i] = time.Since(started[i])
	}
	for i, strategy := range strategies() {
		u := users[i]
		assert.Equal(t, -1, all[i].wait().code, strategy)
		attempts := u.attempts("last")
		last := time.Duration(0)
		for _, a := range attempts {
			last = max(last, time.Duration(a.EndedNS))
			assert.Equal(t, "ok", a.Outcome, "%s: %s", strategy, a.Name)
		}
		assert.Greater(t, last, ran[i]-grace-took, "%s: the last that is on record, of %s", strategy, ran[i])
		assert.LessOrEqual(t, len(attempts), lanes*(int(ran[i]/took)+2), strategy)
		for id, row := range u.runs() {
			assert.Equal(t, "interrupted", row.Status, "%s: %s", strategy, id)
			assert.Equal(t, len(attempts), row.Succeeded, strategy)
			assert.LessOrEqual(t, len(attempts)-row.Records.DetailsKept, lost[strategy], "%s: details that are lost: %+v", strategy, row.Records)
		}
		u.ok("check")
		u.ok("run", "chain", "--set", "k=3") // the folder can be used on
	}
}
