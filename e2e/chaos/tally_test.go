//go:build unix

package chaos_test

import (
	"fmt"
	"strings"
	"time"
)

// tally counts what was done and what came of it.
type tally struct {
	runs, kills, supervised, pauses, restarts, cuts, partitions int
	uncleaned, halves                                           int // left by workers that were killed, until it expires

	breaches map[law]int // runs, or keys or processes, in which a law was broken
}

// breached counts each law that was broken once.
func (t *tally) breached(list []breach) {
	if t.breaches == nil {
		t.breaches = map[law]int{}
	}
	seen := map[law]bool{}
	for _, b := range list {
		if !seen[b.law] {
			seen[b.law] = true
			t.breaches[b.law]++
		}
	}
}

// add counts another one's together with this.
func (t *tally) add(o tally) {
	t.runs += o.runs
	t.kills += o.kills
	t.supervised += o.supervised
	t.pauses += o.pauses
	t.restarts += o.restarts
	t.cuts += o.cuts
	t.partitions += o.partitions
	t.uncleaned += o.uncleaned
	t.halves += o.halves
	if t.breaches == nil {
		t.breaches = map[law]int{}
	}
	for l, n := range o.breaches {
		t.breaches[l] += n
	}
}

// row is one line of the report.
type row struct {
	what, got, goal string
	ok              bool
}

func atLeast(what string, got, goal int) row {
	return row{what, fmt.Sprint(got), fmt.Sprintf("≥ %d", goal), got >= goal}
}

// counts are the rows about what was done.
func (t *tally) counts(p plan) []row {
	return []row{
		atLeast("runs of 200 tasks", t.runs, p.runs),
		atLeast("workers killed (SIGKILL)", t.kills, p.kills),
		atLeast("pauses beyond the lease (SIGSTOP)", t.pauses, p.pauses),
		atLeast("restarts of Redis (kill -9, AOF)", t.restarts, p.restarts),
		atLeast("acknowledgements cut before the reply", t.cuts, p.cuts),
		atLeast("partitions beyond the lease", t.partitions, p.partitions),
	}
}

// verdicts are the rows about what must not have happened.
func (t *tally) verdicts() (rows []row) {
	for _, l := range []law{lost, hung, wrong, twice, early, gap, unlawful, unfolded, leaked, ghost} {
		rows = append(rows, row{string(l), fmt.Sprint(t.breaches[l]), "0", t.breaches[l] == 0})
	}
	return rows
}

// recovery is the row about one kind of kills.
func recovery(what string, d []time.Duration, goal time.Duration) row {
	_, p99, _ := percentiles(d)
	return row{what, describe(d), "p99 ≤ " + goal.String(), len(d) > 0 && p99 <= goal}
}

// rows are those about recoveries, with leases as in production.
func (r *recoveries) rows() []row {
	return []row{
		recovery("killed → claimed again, by lease", r.again[false], 20*time.Second),
		recovery("killed → claimed again, under a supervisor", r.again[true], 2*time.Second),
	}
}

// detections are how soon it was known that a worker is dead, a line.
func (r *recoveries) detections() string {
	return fmt.Sprintf("  found dead by lease: %s; by a supervisor: %s\n", describe(r.found[false]), describe(r.found[true]))
}

// table writes rows below each other.
func table(rows []row) string {
	var b strings.Builder
	for _, r := range rows {
		mark := "ok"
		if !r.ok {
			mark = "MISSED"
		}
		fmt.Fprintf(&b, "  %-44s %-48s %-12s %s\n", r.what, r.got, r.goal, mark)
	}
	return b.String()
}
