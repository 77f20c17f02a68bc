// Command import measures how fast records of other tools are read and how much memory their runs take: it makes large
// files in a temporary folder, by repeating real records with fresh IDs, and reads each with its format, with `jq -c .`
// and with encoding/json/v2 into structs, in turns, each in a process of its own. Ratios are of the quickest rounds; the
// time of processors is shown next to them, since readers use two of these and peers one.
// Goals that are missed are shown and are no error. It needs Linux; without jq its column is missing.
//
// Another format is one more element of inputs. The real records are no part of the repository: -traces names their
// folder, and an input whose record is not there is left out, and said to be.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/dagscope/dagscope/bench/internal/process"
	"github.com/dagscope/dagscope/cmd/app/bench"
)

// Goals.
const (
	jqGoal   = 5.0       // times the throughput of jq -c
	jsonGoal = 2.0       // times that of encoding/json/v2
	taskGoal = 300       // bytes that a run holds for each attempt
	fixed    = 64 << 20  // bytes on top of those
	mb       = 1_000_000 // what rates are in
)

func main() { process.Main("import", run, child) }

func run(ctx context.Context, args []string, w io.Writer) (err error) {
	flags := flag.NewFlagSet("import", flag.ContinueOnError)
	flags.SetOutput(w)
	scale := flags.Float64("scale", 1, "how large the files are, as a `share` of their usual size")
	rounds := flags.Int("rounds", 3, "how often everything is measured")
	only := flags.String("only", "", "the `name` of the only input that is measured")
	traces := flags.String("traces", filepath.Join("..", "..", "shared", "traces"), "the `folder` of real records")
	if err := flags.Parse(args); err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "dagscope-import-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	for _, in := range inputs() {
		if *only != "" && *only != in.name {
			continue
		}
		source, err := load(filepath.Join(*traces, filepath.FromSlash(in.source)))
		if errors.Is(err, os.ErrNotExist) {
			fmt.Fprintf(w, "%s: left out, because %s is not here; -traces names the folder of real records\n", in.name, in.source)
			continue
		}
		if err != nil {
			return err
		}
		path := filepath.Join(folder, in.name)
		if err := enlarge(path, in, source, int64(*scale*float64(in.size))); err != nil {
			return err
		}
		if err := measure(ctx, w, in, path, *rounds); err != nil {
			return err
		}
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return nil
}

// measure measures all ways of reading one file and prints what they took.
func measure(ctx context.Context, w io.Writer, in input, path string, rounds int) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "\n%s, %d MB, %s repeated; the best of %d rounds\n", in.name, info.Size()/mb, in.source, rounds)
	ways, names := waysOf(ctx, w, in, path)
	samples, err := bench.Interleave(ctx, rounds, ways...)
	if err != nil {
		return err
	}
	rates := map[string]float64{}
	t := bench.Table(w)
	fmt.Fprintln(t, "way\tMB/s\tprocessor s\tattempts/s\tattempts\tpeak MB\tkept MB\tbytes an attempt\t")
	for i, name := range names {
		best := slices.MinFunc(samples[i], func(a, b answer) int { return int(a.Took - b.Took) })
		rates[name] = float64(info.Size()) / mb / best.Took.Seconds()
		best.print(t, name, rates[name])
		if name == wayRead {
			defer best.goals(w, rates)
		}
	}
	return t.Flush()
}

// print writes a row of the table.
func (a *answer) print(w io.Writer, name string, rate float64) {
	fmt.Fprintf(w, "%s\t%.0f\t%.2f", name, rate, a.Busy.Seconds())
	if a.Tasks > 0 {
		fmt.Fprintf(w, "\t%.0f\t%d", float64(a.Tasks)/a.Took.Seconds(), a.Tasks)
	} else {
		fmt.Fprint(w, "\t\t")
	}
	if a.Peak > 0 {
		fmt.Fprintf(w, "\t%d", a.Peak/mb)
	} else {
		fmt.Fprint(w, "\t")
	}
	if a.Kept > 0 {
		fmt.Fprintf(w, "\t%d\t%d", a.Kept/mb, a.Kept/int64(max(a.Tasks, 1)))
	} else {
		fmt.Fprint(w, "\t\t")
	}
	fmt.Fprintln(w, "\t")
}

// goals compares what reading took with what it may take.
func (a *answer) goals(w io.Writer, rates map[string]float64) {
	read := rates[wayRead]
	if jq := rates[wayJQ]; jq > 0 {
		fmt.Fprintln(w, bench.AtLeast("throughput by that of jq -c", read/jq, jqGoal))
	}
	fmt.Fprintln(w, bench.AtLeast("throughput by that of encoding/json/v2", read/rates[wayDecode], jsonGoal))
	fmt.Fprintln(w, bench.AtMost(fmt.Sprintf("memory kept by %d bytes an attempt and %d MiB", taskGoal, fixed>>20),
		float64(a.Kept)/float64(taskGoal*a.Tasks+fixed), 1))
}
