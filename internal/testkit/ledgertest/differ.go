package ledgertest

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// Machine is an implementation of a ledger, newly made from a ledger.Config.
type Machine interface {
	// Apply carries out one operation, at the operation's Now.
	Apply(ctx context.Context, op ledger.Op) (ledger.Reply, error)
	// Snapshot reads the whole state; fields that Dump does not show may be missing.
	Snapshot(ctx context.Context) (*ledger.State, error)
}

// Logger is a Machine that keeps a log: all entries, from the start of the run.
type Logger interface {
	Log(ctx context.Context) ([]ledger.Entry, error)
}

// Reviser is a Machine that can begin the next revision of a run that is over: next replaces its state.
type Reviser interface {
	Revise(ctx context.Context, now int64, next *ledger.State) error
}

// Config of Differ; the zero value means the defaults.
type Config struct {
	Seed uint64
	Ops  int // how many operations are played; default 1,000
	// Every is the number of operations between two comparisons of snapshots; default 1. Those of a run that is over are
	// always compared, unless the machine does not keep them (EndGone).
	Every   int
	EndGone bool
}

// Played counts what was played.
type Played struct {
	Runs     int
	Revised  int                    // how often a run was continued in the next revision
	Longest  int                    // most operations of a run
	Verdicts map[ledger.Verdict]int // of all operations
	Ops      map[string]int         // of each kind those that were applied
	Ended    map[string]int         // runs by their final status
}

// Differ plays random runs to the model and to machines made by create, one for each run. The error is the first
// difference, with the seed and the operation.
func Differ(ctx context.Context, create func(ledger.Config) (Machine, error), c Config) (Played, error) {
	if c.Ops <= 0 {
		c.Ops = 1000
	}
	c.Every = max(c.Every, 1)
	d := differ{
		Config: c, rng: rand.New(rand.NewPCG(c.Seed, 1)),
		played: Played{Verdicts: map[ledger.Verdict]int{}, Ops: map[string]int{}, Ended: map[string]int{}},
	}
	for d.left = c.Ops; d.left > 0; {
		if err := d.run(ctx, create); err != nil {
			return d.played, fmt.Errorf("ledgertest: seed %d, operation %d: %w", c.Seed, c.Ops-d.left, err)
		}
	}
	return d.played, nil
}

type differ struct {
	Config
	rng    *rand.Rand
	left   int
	played Played
}

// run plays one run, until it is over or no operation is left.
func (d *differ) run(ctx context.Context, create func(ledger.Config) (Machine, error)) error {
	g := newGame(rand.New(rand.NewPCG(d.rng.Uint64(), 2)))
	m, err := create(g.config)
	if err != nil {
		return fmt.Errorf("a machine cannot be made: %w", err)
	}
	log := []ledger.Entry{*g.first}
	d.played.Runs++
	n, after := 0, 0
	for ; d.left > 0; n++ {
		if after == 3 { // operations came too late
			entry, err := d.revise(ctx, g, m)
			if err != nil {
				return fmt.Errorf("run %d cannot be revised: %w", d.played.Runs, err)
			}
			if entry == nil {
				break
			}
			log, after = append(log, *entry), 0
		}
		d.left--
		op := g.next()
		entry, err := d.step(ctx, g, m, op)
		if err != nil {
			return fmt.Errorf("run %d, its operation %d, %T%+v: %w", d.played.Runs, n, op, op, err)
		}
		if entry != nil {
			log = append(log, *entry)
		}
		if g.model.Status.Final() {
			after++
		}
	}
	d.played.Longest = max(d.played.Longest, n)
	d.played.Ended[string(g.model.Status)]++
	if err := sameLog(ctx, m, log); err != nil {
		return fmt.Errorf("run %d: %w", d.played.Runs, err)
	}
	return nil
}

// revise begins the next revision of some runs that have not succeeded; nil for none.
func (d *differ) revise(ctx context.Context, g *game, m Machine) (*ledger.Entry, error) {
	r, ok := m.(Reviser)
	if !ok || g.model.Status == record.Succeeded || !g.one(3) {
		return nil, nil
	}
	d.played.Revised++
	next := g.model.Next(g.now, g.pending)
	if err := r.Revise(ctx, g.now, next.Clone()); err != nil {
		return nil, err
	}
	entry, _ := ledger.Revise(g.model, next, g.now)
	g.model = next
	return entry, next.Check()
}

// step plays one operation to both.
func (d *differ) step(ctx context.Context, g *game, m Machine, op ledger.Op) (*ledger.Entry, error) {
	want, entry := g.model.Apply(op)
	got, err := m.Apply(ctx, op)
	if err != nil {
		return nil, err
	}
	d.played.Verdicts[want.Verdict]++
	if want.Verdict == ledger.Applied {
		d.played.Ops[fmt.Sprintf("%T", op)]++
	}
	if err := sameReply(got, want); err != nil {
		return nil, fmt.Errorf("%w\nbefore:\n%s", err, Dump(g.model))
	}
	if err := g.model.Check(); err != nil {
		return nil, err
	}
	over := g.model.Status.Final()
	if d.left%d.Every == 0 && !over || over && !d.EndGone {
		state, err := m.Snapshot(ctx)
		if err != nil {
			return nil, err
		}
		if got, want := Dump(state), Dump(g.model); got != want {
			return nil, fmt.Errorf("the state is\n%sexpected\n%s", got, want)
		}
	}
	g.learn(op, want)
	return entry, nil
}

// sameReply compares replies; empty and missing lists are equal. Why is text for people.
func sameReply(got, want ledger.Reply) error {
	got.Why, want.Why = "", ""
	if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != w {
		return fmt.Errorf("the reply is\n%s, expected\n%s", g, w)
	}
	return nil
}

// sameLog compares logs, where the machine keeps one.
func sameLog(ctx context.Context, m Machine, want []ledger.Entry) error {
	l, ok := m.(Logger)
	if !ok {
		return nil
	}
	got, err := l.Log(ctx)
	if err != nil {
		return err
	}
	for i := range min(len(got), len(want)) {
		if g, w := printed(got[i]), printed(want[i]); g != w {
			return fmt.Errorf("entry %d of the log is\n%s, expected\n%s", i, g, w)
		}
	}
	if len(got) != len(want) {
		return fmt.Errorf("the log has %d entries, expected %d", len(got), len(want))
	}
	return nil
}

// printed is an entry as text, so that empty and missing lists are equal.
func printed(e ledger.Entry) string {
	block := ""
	if e.Block != nil {
		block = fmt.Sprintf("%+v", *e.Block)
	}
	return fmt.Sprintf("first=%d now=%d worker=%d steps=%d packed=%x readied=%v block=%s plain=%+v",
		e.First, e.Now, e.Worker, e.Steps, e.Packed, e.Readied, block, e.Plain)
}
