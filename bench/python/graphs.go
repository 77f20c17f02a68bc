package main

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/dagscope/dagscope/bench/internal/script"
	"github.com/dagscope/dagscope/cmd/app/bench"
)

//go:embed peers/contest.py
var contestText string

//go:embed peers/ways.py
var waysText string

//go:embed peers/work.py
var workText string

// Names of ways in the script.
const (
	ours        = "dagscope"
	distributed = "dask distributed"
	processes   = "dask processes"
	unfused     = "dask unfused"
)

// Goals: how many times the tasks a second of Dask, and how much longer than the quickest of its schedulers.
const (
	distributedGoal = 8.0
	processesGoal   = 3.0
	gemmGoal        = 1.1
)

// contestLine is what the script prints: versions first, then one line for each way of each work.
type contestLine struct {
	Python, Numpy, Dask string // Numpy and Dask are "" where they are not installed

	Way   string
	Work  string
	Size  int
	Tasks int
	Wall  float64 `json:"wall_s"`
	Error string  // why a way cannot do it, "" if it can
}

// works are the graphs and their sizes; those of noops have tasks that do next to nothing.
func (o options) works() []string {
	if o.quick {
		return []string{"tree:64", "fan:200", "chain:50", "naps:16", "gemm:256"}
	}
	return []string{"tree:1024", "fan:10000", "chain:1000", "naps:256", "gemm:2048"}
}

var noops = []string{"tree", "fan", "chain"}

// measureGraphs executes graphs in every way.
func measureGraphs(ctx context.Context, w io.Writer, o options) (goals []bench.Goal, err error) {
	err = withProgram(ctx, func(program, packages string) error {
		env := []string{"DAGSCOPE_BIN=" + program, "PYTHONPATH=" + packages}
		lines, err := script.Run[contestLine](ctx, o.python, contestFiles(), env, strconv.Itoa(o.rounds), strings.Join(o.works(), ","))
		if err != nil {
			return err
		}
		at, contest := lines[0], lines[1:]
		for _, l := range contest {
			if l.Way == ours && l.Error != "" {
				return fmt.Errorf("%s %d: %s", l.Work, l.Size, l.Error)
			}
		}
		fmt.Fprintf(w, "\ngraphs on Python %s, numpy %s, Dask %s, with two workers; quickest of %d rounds, from the first call to the result\n",
			at.Python, orNone(at.Numpy), orNone(at.Dask), o.rounds)
		goals = contestGoals(contest)
		return printContest(w, contest)
	})
	return goals, err
}

// contestFiles are the program and what it imports.
func contestFiles() []script.File {
	return []script.File{{Name: "contest.py", Text: contestText}, {Name: "ways.py", Text: waysText}, {Name: "work.py", Text: workText}}
}

func orNone(version string) string {
	if version == "" {
		return "not installed"
	}
	return version
}

func printContest(w io.Writer, lines []contestLine) error {
	t := bench.Table(w)
	fmt.Fprintln(t, "\ttasks\tms\tus a task\tby dagscope's\t")
	for _, l := range lines {
		if l.Error != "" {
			fmt.Fprintf(t, "%s %d, %s\t\t%s\t\t\t\n", l.Work, l.Size, l.Way, l.Error)
			continue
		}
		first, _ := find(lines, l.Work, ours)
		took := time.Duration(l.Wall * float64(time.Second))
		fmt.Fprintf(t, "%s %d, %s\t%d\t%.1f\t%.1f\t%.2f x\t\n", l.Work, l.Size, l.Way, l.Tasks,
			float64(took)/float64(time.Millisecond), float64(took)/float64(time.Microsecond)/float64(l.Tasks), l.Wall/first.Wall)
	}
	return t.Flush()
}

// contestGoals are those of the ways that were measured.
func contestGoals(lines []contestLine) (goals []bench.Goal) {
	for _, peer := range []struct {
		way  string
		goal float64
	}{{distributed, distributedGoal}, {processes, processesGoal}, {unfused, processesGoal}} {
		for _, work := range noops {
			first, _ := find(lines, work, ours)
			if l, ok := find(lines, work, peer.way); ok {
				name := fmt.Sprintf("%s %d, tasks a second / %s", work, l.Size, peer.way)
				goals = append(goals, bench.AtLeast(name, l.Wall/first.Wall, peer.goal))
			}
		}
	}
	best := 0.0
	for _, l := range lines {
		if l.Work == "gemm" && l.Error == "" && strings.HasPrefix(l.Way, "dask") && (best == 0 || l.Wall < best) {
			best = l.Wall
		}
	}
	if first, ok := find(lines, "gemm", ours); ok && best > 0 {
		goals = append(goals, bench.AtMost("gemm, time / that of Dask's quickest", first.Wall/best, gemmGoal))
	}
	return goals
}

// find returns what a way has measured, and whether it has.
func find(lines []contestLine, work, way string) (contestLine, bool) {
	for _, l := range lines {
		if l.Work == work && l.Way == way {
			return l, l.Error == ""
		}
	}
	return contestLine{}, false
}
