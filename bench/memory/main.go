// Command memory measures what runs that have ended leave in the memory of the service, and what a statistic over all
// runs costs as there are more of them: it submits runs of four empty tasks over REST, reads the resident memory of the
// process, asks for statistics, and submits and lists beside many runs that are kept. With -against it builds the program at another commit,
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
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"time"
)

// Goals as shares of what was before runs were forgotten once they are archived, and their statistics merged.
const (
	memoryGoal     = 0.08
	statisticsGoal = 0.2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "memory:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, w io.Writer) (err error) {
	flags := flag.NewFlagSet("memory", flag.ContinueOnError)
	flags.SetOutput(w)
	runs := flags.Int("runs", 5000, "how many runs are submitted")
	kept := flags.Int("kept", 50_000, "beside how many runs calls are measured; 0 leaves that out")
	against := flags.String("against", "", "a commit that is built and measured as well")
	if err := flags.Parse(args); err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "dagscope-memory-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	fmt.Fprintln(w, "runs of four empty tasks are submitted over REST; memory in MB, without pages of files beside it")
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
	verdict(w, "memory", now.memory.Resident/before.memory.Resident, memoryGoal)
	verdict(w, "time of a statistic", float64(now.statistics)/float64(before.statistics), statisticsGoal)
	return nil
}

func verdict(w io.Writer, what string, share, goal float64) {
	word := "met   "
	if share > goal {
		word = "MISSED"
	}
	fmt.Fprintf(w, "%s  %s by that of before: %.3f, goal <= %g\n", word, what, share, goal)
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
		if err := command(ctx, "..", "git", "worktree", "add", "--detach", source, commit); err != nil {
			return figures{}, err
		}
		defer func() { _ = command(context.WithoutCancel(ctx), "..", "git", "worktree", "remove", "--force", source) }()
	}
	program := programAt(folder, commit)
	if err := command(ctx, source, "go", "build", "-o", program, "./cmd/dagscope"); err != nil {
		return figures{}, err
	}
	s, err := serve(ctx, program, filepath.Join(folder, "data-"+name))
	if err != nil {
		return figures{}, err
	}
	last, err := s.load(ctx, runs, func(f figures) {
		fmt.Fprintf(w, "%-10s %6d runs  %7.1f runs/s  memory %7.1f (%.1f)  statistic %v\n",
			name, f.runs, f.rate, f.memory.Resident, f.memory.Own, f.statistics.Round(10*time.Microsecond))
	})
	return last, errors.Join(err, s.end())
}

// command runs a program in a folder; its error has what the program said.
func command(ctx context.Context, in, name string, args ...string) error {
	c := exec.CommandContext(ctx, name, args...)
	c.Dir = in
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}
