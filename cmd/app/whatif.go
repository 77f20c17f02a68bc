package app

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/whatif"
)

// whatIfCommand simulates an ended run under other conditions.
type whatIfCommand struct {
	RunID          string   `arg:"" name:"run" help:"ID, an end or a beginning of one, or last."`
	Slots          int      `placeholder:"N" help:"How many tasks each worker executes at a time (default as recorded)."`
	Workers        int      `placeholder:"N" help:"How many workers, each with the slots of the widest one or --slots (default as recorded)."`
	Faster         []string `placeholder:"FUNCTION=N" help:"A function is N times as fast, such as blur=2. Can be repeated."`
	Bandwidth      float64  `placeholder:"N" help:"Inputs are fetched and outputs stored N times as fast."`
	WithoutRetries bool     `help:"Only the last attempt of each task is made."`
	NoQueue        bool     `help:"A task that is ready has a slot at once."`
	NoBecome       bool     `help:"A slot does not continue with a task that its own task made ready."`
	targetFlags
}

// Validate is called by kong.
func (c *whatIfCommand) Validate() error {
	if c.Slots < 0 || c.Workers < 0 || c.Bandwidth < 0 {
		return fmt.Errorf("--slots is %d, --workers %d and --bandwidth %g, expected 0 or more", c.Slots, c.Workers, c.Bandwidth)
	}
	return c.check()
}

// Run prints the answer.
func (c *whatIfCommand) Run(ctx context.Context, s *session) error {
	faster, err := whatif.ParseFaster(c.Faster)
	if err != nil {
		return err
	}
	q := whatif.Question{
		Slots: c.Slots, Workers: c.Workers, Faster: faster, Bandwidth: c.Bandwidth, WithoutRetries: c.WithoutRetries,
		NoQueue: c.NoQueue, NoBecome: c.NoBecome,
	}
	return s.withRun(ctx, c.targetFlags, c.RunID, func(store metricsstore.Store, r *metricsstore.Run) error {
		queries, err := metricsstore.NewQueries(store)
		if err != nil {
			return err
		}
		a, err := whatif.Ask(ctx, queries, r, q, whatif.Options{Lanes: s.flags.JSON})
		if err != nil {
			return err
		}
		if s.flags.JSON {
			return s.printJSON(a)
		}
		return printWhatIf(s.stdout, a)
	})
}

func printWhatIf(w io.Writer, a *whatif.Answer) error {
	if err := whatIfFacts(a).print(w); err != nil {
		return err
	}
	fmt.Fprintln(w)
	if err := sensitivityTable(a).print(w); err != nil {
		return err
	}
	if a.FunctionsLeft > 0 {
		fmt.Fprintf(w, "%s of which all attempts took less time are left out.\n", plural(int64(a.FunctionsLeft), "function"))
	}
	if a.Curve != nil {
		fmt.Fprintln(w)
		if err := curveTable(a).print(w); err != nil {
			return err
		}
	}
	for _, note := range a.Notes {
		fmt.Fprintf(w, "\n%s", note)
	}
	if len(a.Notes) > 0 {
		fmt.Fprintln(w)
	}
	return nil
}

func whatIfFacts(a *whatif.Answer) *facts {
	ns := func(n int64) string { return duration(time.Duration(n)) }
	f := &facts{}
	f.add("run", "%s", a.Run)
	f.add("makespan", "%s (%s to %s), %s of the unchanged run", ns(a.MakespanNS), ns(a.LowNS), ns(a.HighNS), percentOf(a.Ratio))
	was := "it was"
	if a.Error.Reconstructed != "" {
		was = "reconstructed"
	}
	f.add("unchanged", "%s simulated, %s %s: an error of %s", ns(a.Error.SimulatedNS), was, ns(a.Error.RealNS), percentOf(a.Error.Share))
	f.add("slots", "%s, recorded %s", slotsText(a.Workers), slotsText(a.Recorded))
	p := &a.Path
	f.add("path", "%s; execute %s, queue %s, wait %s, fetch %s, store %s, retries %s, held up %s",
		plural(int64(len(p.Steps)+p.StepsLeft), "task"), ns(p.ExecuteNS), ns(p.QueueNS), ns(p.WaitNS), ns(p.FetchNS), ns(p.StoreNS), ns(p.RetriesNS), ns(p.HeldNS))
	f.add("method", "%s of %s, claimed by %s", a.Method, plural(int64(a.N), "attempt"), map[string]string{
		"engine": "the rules of the engine", "recorded": "the order of the recording",
	}[a.Order])
	return f
}

// slotsText is such as 4 on 1 worker.
func slotsText(workers []whatif.WorkerSlots) string {
	sum := 0
	for _, w := range workers {
		sum += w.Slots
	}
	return fmt.Sprintf("%s on %s", count(int64(sum)), plural(int64(len(workers)), "worker"))
}

func percentOf(share float64) string {
	text := fmt.Sprintf("%.1f %%", 100*share)
	return strings.Replace(text, "-0.0", "0.0", 1)
}

func sensitivityTable(a *whatif.Answer) *table {
	t := newTable(left("function"), right("attempts"), right("execute"), right("10 % faster"), right("shorter run"))
	for i := range a.Functions {
		f := &a.Functions[i]
		t.add(oneLine(f.Function, 48), count(int64(f.Attempts)), duration(time.Duration(f.ExecuteNS)), duration(time.Duration(f.MakespanNS)), percentOf(f.Shorter))
	}
	return t
}

func curveTable(a *whatif.Answer) *table {
	t := newTable(right("slots a worker"), right("makespan"), left(""))
	for _, p := range a.Curve.Points {
		mark := ""
		if p.Slots == a.Curve.Knee {
			mark = "knee: more slots gain less than a tenth"
		}
		t.add(count(int64(p.Slots)), duration(time.Duration(p.MakespanNS)), mark)
	}
	t.add("no queue", duration(time.Duration(a.Curve.LeastNS)), "")
	return t
}
