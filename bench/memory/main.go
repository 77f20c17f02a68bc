// Command memory measures what runs that have ended leave in the memory of the service, and what a statistic over all
// runs costs as there are more of them: it submits runs of four empty tasks over REST, reads the resident memory of the
// process, asks for statistics, and submits and lists with many runs kept. With -against it builds the program at another commit,
// too, in a worktree that is removed afterwards, and does the same there, so that both are measured in one run. Goals
// that are missed are shown and are no error. It needs Linux, and git for -against.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/dagscope/dagscope/bench/internal/process"
	"github.com/dagscope/dagscope/cmd/app/bench"
)

// Goals as shares of what was before runs were forgotten once they are archived, and their statistics merged.
const (
	memoryGoal     = 0.08
	statisticsGoal = 0.2
)

func main() { process.Main("memory", run, nil) }

func run(ctx context.Context, args []string, w io.Writer) (err error) {
	flags := flag.NewFlagSet("memory", flag.ContinueOnError)
	flags.SetOutput(w)
	runs := flags.Int("runs", 5000, "how many runs are submitted")
	kept := flags.Int("kept", 50_000, "with how many kept `runs` calls are measured; 0 leaves that out")
	against := flags.String("against", "", "a commit that is built and measured as well")
	if err := flags.Parse(args); err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "dagscope-memory-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	fmt.Fprintln(w, "runs of four empty tasks are submitted over REST; memory in MB, in parentheses without pages of files")
	now, err := measureAt(ctx, w, folder, "", *runs)
	if err != nil {
		return err
	}
	if *kept > 0 {
		if err := compareKept(ctx, w, programAt(folder, ""), folder, *kept); err != nil {
			return err
		}
	}
	if *against == "" {
		return nil
	}
	before, err := measureAt(ctx, w, folder, *against, *runs)
	if err != nil {
		return err
	}
	fmt.Fprintln(w, bench.AtMost("memory by that of before", float64(now.memory.Resident)/float64(before.memory.Resident), memoryGoal))
	fmt.Fprintln(w, bench.AtMost("time of a statistic by that of before", float64(now.statistics)/float64(before.statistics), statisticsGoal))
	return nil
}

// programAt is where the program of a commit is built.
func programAt(folder, commit string) string {
	return filepath.Join(folder, "dagscope-"+cmp.Or(commit, "now"))
}

// measureAt builds the program of a commit, or what is there now, and measures it.
func measureAt(ctx context.Context, w io.Writer, folder, commit string, runs int) (figures, error) {
	name, source := "now", ".."
	if commit != "" {
		name, source = commit, filepath.Join(folder, "source")
		if err := process.Command(ctx, "..", "git", "worktree", "add", "--detach", source, commit); err != nil {
			return figures{}, err
		}
		defer func() {
			_ = process.Command(context.WithoutCancel(ctx), "..", "git", "worktree", "remove", "--force", source)
		}()
	}
	program := programAt(folder, commit)
	if err := process.Build(ctx, source, program); err != nil {
		return figures{}, err
	}
	s, err := serve(ctx, program, filepath.Join(folder, "data-"+name))
	if err != nil {
		return figures{}, err
	}
	last, err := s.load(ctx, runs, func(f figures) {
		fmt.Fprintf(w, "%-10s %6d runs  %7.1f runs/s  memory %7.1f (%.1f)  statistic %v\n",
			name, f.runs, f.rate, inMB(f.memory.Resident), inMB(f.memory.Own), f.statistics.Round(10*time.Microsecond))
	})
	return last, errors.Join(err, s.Stop())
}
