package bench

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// Table starts a table of right-aligned columns.
func Table(w io.Writer) *tabwriter.Writer {
	return tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
}

func (r Report) print(w io.Writer) {
	fmt.Fprintf(w, "%s, %d rounds; ns a task as quickest / median; ratios of the quickest to the floor's\n", r.Machine, r.Rounds)
}

func (r Result) print(w io.Writer) {
	fmt.Fprintf(w, "\n%s: %d tasks\n", r.Shape, r.Tasks)
	t := Table(w)
	fmt.Fprintln(t, "\tmakespan ns\t\tdrained ns\t\tCPU ns\tbytes\t")
	for _, f := range r.Modes {
		fmt.Fprintf(t, "%s\t%s\t%.2f x\t%s\t%.2f x\t%s\t%.0f\t\n",
			f.Mode, f.Makespan, f.MakespanRatio, f.Drained, f.DrainedRatio, f.CPU, f.Bytes.Median)
	}
	t.Flush()
}

// String gives the quickest and the median.
func (s Stat) String() string { return fmt.Sprintf("%.0f / %.0f", s.Min, s.Median) }

func (b Blocking) print(w io.Writer) {
	fmt.Fprintf(w, "\nblocking %s, %d levels of %s on %d processors: %s / %s, %.3f x its depth\n",
		b.Shape, b.Levels, time.Duration(b.SleepNS), blockingWidth,
		time.Duration(b.Makespan.Min).Round(10*time.Microsecond), time.Duration(b.Makespan.Median).Round(10*time.Microsecond), b.Ratio)
}

func (l Live) print(w io.Writer) {
	fmt.Fprintf(w, "live bytes a task, %s: graph %.0f, with the state of a run that begins %.0f, that has ended %.0f, with its log %.0f\n",
		l.Shape, l.Graph, l.Begun, l.Ended, l.Logged)
}

func (r Report) printGoals(w io.Writer) {
	fmt.Fprintln(w)
	for _, g := range r.Goals {
		fmt.Fprintln(w, g)
	}
}
