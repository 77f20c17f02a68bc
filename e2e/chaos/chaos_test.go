//go:build unix

package chaos_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// What make chaos sets; the tests are short without.
var (
	full    = flag.Bool("full", false, "go on until the goals of make chaos are reached")
	forTime = flag.Duration("for", time.Hour, "with -full: begin nothing more after this time")
	partOf  = flag.String("part", "", "with -full: bulk or production alone, and no verdict about counts")
	seedOf  = flag.Uint64("seed", 0, "what is done is drawn from it; 0 for a new one")
)

// seed is the one asked for, or a new one.
func seed() uint64 {
	if *seedOf != 0 {
		return *seedOf
	}
	return rand.Uint64N(1 << 32)
}

// play carries out one plan.
func play(t *testing.T, p plan) *world {
	w := newWorld(t, p)
	w.wreak(context.Background())
	for _, strange := range w.fleet.end() {
		w.tally.breached([]breach{{ghost, strange}})
		t.Errorf("%s: %s", ghost, strange)
	}
	w.sweep(context.Background())
	w.say("%s: %+v", p.name, w.tally)
	return w
}

// TestChaos is the short form: nothing is lost, whatever dies.
func TestChaos(t *testing.T) {
	if *full {
		t.Skip("the full form is asked for")
	}
	if testing.Short() {
		t.Skip("it starts many processes")
	}
	p := plan{
		name: "short", seed: seed(), runs: 6, kills: 30, pauses: 6, restarts: 2, cuts: 50, partitions: 2, plain: 2, supervised: 2, concurrent: 2,
		tasks: 200, lease: time.Second, pace: 20 * time.Millisecond, interval: 100 * time.Millisecond, patience: time.Minute,
		until: time.Now().Add(2 * time.Minute),
	}
	w := play(t, p)
	rows := append(w.tally.counts(p), w.tally.verdicts()...)
	for _, r := range rows {
		assert.True(t, r.ok, r.what)
	}
	t.Logf("seed %d, %s\n%s", p.seed, time.Since(w.began).Round(time.Millisecond), table(rows))
}

// TestFullChaos reaches the goals: most of it with short leases, so that it ends today, and then what a death costs with
// those of production.
func TestFullChaos(t *testing.T) {
	if !*full {
		t.Skip("it takes about half an hour: make chaos")
	}
	began, until := time.Now(), time.Now().Add(*forTime)
	bulk := plan{
		name: "short leases", seed: seed(), runs: 100, kills: 1000, pauses: 200, restarts: 30, cuts: 1000, partitions: 30, plain: 3, supervised: 3,
		concurrent: 4, tasks: 200, lease: time.Second, pace: 40 * time.Millisecond, interval: 150 * time.Millisecond,
		patience: 5 * time.Minute, until: until,
	}
	production := plan{
		name: "leases of production", seed: bulk.seed + 1, runs: 16, kills: 120, pauses: 4, plain: 4, supervised: 4, concurrent: 8,
		tasks: 200, pace: 300 * time.Millisecond, interval: 1500 * time.Millisecond, measured: true, patience: 15 * time.Minute,
		until: until,
	}
	switch *partOf {
	case "bulk":
		play(t, bulk)
	case "production":
		r := play(t, production).recoveries
		fmt.Print(table(r.rows()), r.detections())
	default:
		first, second := play(t, bulk), play(t, production)
		total := first.tally
		total.add(second.tally)
		report(t, bulk, total, second.recoveries, began, !time.Now().Before(until))
	}
}

// report prints what was reached next to the goals. Counts are excused where time was up.
func report(t *testing.T, p plan, total tally, r *recoveries, began time.Time, isCut bool) {
	counts := append(total.counts(p), r.rows()...)
	verdicts := total.verdicts()
	fmt.Printf("\nmake chaos: seed %d, %s\n%s%s%s", p.seed, time.Since(began).Round(time.Second), table(counts), table(verdicts), r.detections())
	fmt.Printf("  kills under a supervisor: %d; left by kills until they expire: %d runs not cleaned, %d keys half sent\n",
		total.supervised, total.uncleaned, total.halves)
	if isCut {
		fmt.Printf("  cut short after %s (CHAOS_S): what was not reached is no failure\n", *forTime)
		counts = nil
	}
	for _, row := range append(counts, verdicts...) {
		if !row.ok {
			t.Errorf("%s: %s, expected %s", row.what, row.got, row.goal)
		}
	}
}
