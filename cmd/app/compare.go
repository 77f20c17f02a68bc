package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/compare"
	"github.com/dagscope/dagscope/web/report"
)

// compareCommand shows what changed from one run to another.
type compareCommand struct {
	Base string `arg:"" name:"run" help:"ID, an end or a beginning of one, or last. Without a second run, it is compared with earlier runs."`
	To   string `arg:"" optional:"" name:"other" help:"The run that the first one is the base of."`
	Last int    `placeholder:"N" help:"Without a second run: compare with the last N earlier runs of the workflow that succeeded (default 1)."`
	HTML string `placeholder:"FILE" help:"Write the comparison to this file, as one page without network and script."`
	targetFlags
}

// Validate is called by kong.
func (c *compareCommand) Validate() error {
	if c.Last < 0 || c.Last > compare.MaxSet {
		return fmt.Errorf("--last is %d, expected 1 to %d", c.Last, compare.MaxSet)
	}
	if c.Last > 0 && c.To != "" {
		return errors.New("--last and a second run are given, expected one of them")
	}
	return c.check()
}

// Run prints the comparison.
func (c *compareCommand) Run(ctx context.Context, s *session) error {
	compared, err := c.compare(ctx, s)
	if err != nil {
		return err
	}
	if c.HTML != "" {
		return c.write(s, compared)
	}
	if s.flags.JSON {
		return s.printJSON(compared)
	}
	if err := printComparison(s, compared); err != nil || c.Server == "" {
		return err
	}
	_, err = fmt.Fprintf(s.stdout, "%s/compare/%s...%s\n", strings.TrimSuffix(c.Server, "/"), c.pageBase(compared), compared.Run.Run)
	return err
}

// comparisonJSON describes the file that was written.
type comparisonJSON struct {
	Base  record.RunID `json:"base"`
	Run   record.RunID `json:"run"`
	File  string       `json:"file"`
	Bytes int64        `json:"bytes"`
}

// write writes the page of a comparison completely or not at all, and says so.
func (c *compareCommand) write(s *session, compared *compare.Comparison) error {
	n, err := writeFile(c.HTML, func(w io.Writer) error { return report.WriteComparison(w, compared, programVersion()) })
	if err != nil {
		return err
	}
	if s.flags.JSON {
		return s.printJSON(comparisonJSON{compared.Base.Run, compared.Run.Run, c.HTML, n})
	}
	_, err = fmt.Fprintf(s.stdout, "%s compared with %s is in %s, %s\n", compared.Run.Run, compared.Base.Run, c.HTML, size(n))
	return err
}

// pageBase is the base of a comparison in the address of its page: a run, or so many earlier ones.
func (c *compareCommand) pageBase(compared *compare.Comparison) string {
	if c.Last > 1 {
		return fmt.Sprintf("last-%d", c.Last)
	}
	return string(compared.Base.Run)
}

func (c *compareCommand) compare(ctx context.Context, s *session) (out *compare.Comparison, err error) {
	if c.Server != "" {
		return c.remote(ctx)
	}
	return out, s.withStore(ctx, c.storeFlags, func(store metricsstore.Store) error {
		first, err := findRun(ctx, store, c.Base)
		if err != nil {
			return err
		}
		queries, err := metricsstore.NewQueries(store)
		if err != nil {
			return err
		}
		if c.To == "" {
			earlier, err := compare.Earlier(ctx, queries, &first, max(1, c.Last))
			if err != nil {
				return err
			}
			out, err = compare.RunWithSet(ctx, queries, earlier, &first)
			return err
		}
		other, err := findRun(ctx, store, c.To)
		if err != nil {
			return err
		}
		out, err = compare.RunWithBase(ctx, queries, []metricsstore.Run{first}, &other)
		return err
	})
}

// remote asks a service.
func (c *compareCommand) remote(ctx context.Context) (*compare.Comparison, error) {
	service, err := c.service()
	if err != nil {
		return nil, err
	}
	a, err := service.find(ctx, c.Base)
	if err != nil {
		return nil, err
	}
	query := url.Values{"a": {string(a)}, "last": {strconv.Itoa(max(1, c.Last))}}
	if c.To != "" {
		b, err := service.find(ctx, c.To)
		if err != nil {
			return nil, err
		}
		query = url.Values{"a": {string(a)}, "b": {string(b)}}
	}
	out, err := service.Compare(ctx, query)
	if err != nil {
		return nil, serviceError(err)
	}
	return &out, nil
}

// shownName bounds names in tables.
const shownName = 40

// shownParts is how many rows of each table are printed.
const shownParts = 8

func printComparison(s *session, c *compare.Comparison) error {
	base := fmt.Sprintf("run %s", c.Base.Run)
	if c.Against != nil {
		base = fmt.Sprintf("%s, of median makespan among %s", base, plural(int64(c.Against.N), "run"))
	}
	if d := c.Decomposition; d == nil {
		fmt.Fprintf(s.stdout, "Run %s, %s of %s executed, against %s.\n%s\n\n",
			c.Run.Run, count(int64(c.Run.Executed)), plural(int64(c.Run.Tasks), "task"), base, c.Evidence)
	} else {
		fmt.Fprintf(s.stdout, "Run %s took %s, %s against %s of %s.\n%s\n\n",
			c.Run.Run, duration(time.Duration(c.Run.MakespanNS)), signed(d.Difference), duration(time.Duration(c.Base.MakespanNS)), base, c.Evidence)
		if err := printDecomposition(s, d); err != nil {
			return err
		}
	}
	functions := newTable(left("function"), right("n before"), right("n now"), right("times as long"), right("95 % of resamples"), right("P(slower)"), right("changed"))
	for i := range c.Functions[:min(shownParts, len(c.Functions))] {
		f := &c.Functions[i]
		functions.add(oneLine(f.Function, shownName), count(int64(f.BaseTasks)), count(int64(f.RunTasks)), figure(f.Ratio), between(f.Interval), figure(f.Slower), signed(f.Changed))
	}
	if err := functions.print(s.stdout); err != nil {
		return err
	}
	a := &c.Alignment
	_, err := fmt.Fprintf(s.stdout, "\n%s aligned by %s, %d added, %d removed.\n", plural(int64(a.Aligned), "task"), a.Method, a.Added, a.Removed)
	return err
}

// printDecomposition prints the parts of the difference of two makespans; they and what is left add up to it.
func printDecomposition(s *session, d *compare.Decomposition) error {
	parts := newTable(left("critical path"), left("phase"), right("before"), right("now"), right("difference"))
	other := d.Difference - d.Rest
	for _, p := range d.Parts[:min(shownParts, len(d.Parts))] {
		parts.add(oneLine(p.Function, shownName), p.Phase, duration(time.Duration(p.Base)), duration(time.Duration(p.Run)), signed(p.Difference))
		other -= p.Difference
	}
	if other != 0 {
		parts.add("others", "", "", "", signed(other))
	}
	if d.Rest != 0 {
		parts.add("not explained", "", "", "", signed(d.Rest))
	}
	if err := parts.print(s.stdout); err != nil {
		return err
	}
	_, err := fmt.Fprintln(s.stdout)
	return err
}

// signed is a difference with its sign.
func signed(ns int64) string {
	if ns > 0 {
		return "+" + duration(time.Duration(ns))
	}
	return duration(time.Duration(ns))
}

// figure is a number that may not be known.
func figure(x *float64) string {
	if x == nil {
		return "–"
	}
	return fmt.Sprintf("%.2f", *x)
}

func between(interval *[2]float64) string {
	if interval == nil {
		return "–"
	}
	return fmt.Sprintf("%.2f to %.2f", interval[0], interval[1])
}
