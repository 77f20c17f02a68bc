package main

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"

	"github.com/dagscope/dagscope/bench/internal/script"
	"github.com/dagscope/dagscope/cmd/app/bench"
)

//go:embed dask_peer.py
var daskPeer string

// daskLine is what the script prints: its surroundings first, then one line for each thing measured.
type daskLine struct {
	Dask, Numpy, Python, BLAS string

	Scheduler string
	API       string // delayed, or graph where a scheduler is called without what programs use it through
	Shape     string
	Size      int
	Tasks     int
	Work      string
	Wall      float64 `json:"wall_s"`
	CPU       float64 `json:"cpu_s"`
	Words     int
	Distinct  int
}

// dask runs the script.
type dask struct{ python string }

func (d dask) missing(ctx context.Context) bool {
	return exec.CommandContext(ctx, d.python, "-c", "import dask, dask.array, numpy").Run() != nil
}

func (d dask) run(ctx context.Context, rounds int, args ...string) ([]daskLine, error) {
	files := []script.File{{Name: "dask_peer.py", Text: daskPeer}}
	return script.Run[daskLine](ctx, d.python, files, nil, append([]string{strconv.Itoa(rounds)}, args...)...)
}

// compareDask measures Dask's schedulers where there are any.
func compareDask(ctx context.Context, w io.Writer, o options, r bench.Report) error {
	d := dask{o.python}
	if d.missing(ctx) {
		fmt.Fprintf(w, "\nDask is not measured: %s has none. To have it: apt-get install python3-dask python3-numpy\n", o.python)
		return nil
	}
	rounds := min(o.rounds, 5)
	if err := d.compareScheduling(ctx, w, rounds, r); err != nil {
		return err
	}
	return d.compareWorkloads(ctx, w, rounds)
}

// cpuGoal is how many times less processor time than Dask a task should take.
const cpuGoal = 60

func (d dask) compareScheduling(ctx context.Context, w io.Writer, rounds int, r bench.Report) error {
	var shapes []string
	for _, s := range r.Shapes {
		if s.Tasks <= 20_000 {
			shapes = append(shapes, s.Shape.Kind+":"+strconv.Itoa(s.Shape.Size))
		}
	}
	lines, err := d.run(ctx, rounds, strings.Join(shapes, ","))
	if err != nil {
		return err
	}
	l := lines[0]
	fmt.Fprintf(w, "\nDask %s on Python %s, numpy %s with BLAS %s; quickest processor time a task\n", l.Dask, l.Python, l.Numpy, l.BLAS)
	t := bench.Table(w)
	fmt.Fprintln(t, "\tDask us\tengine us, bare\tDask / bare\twith archive\tDask / archive\t")
	least := map[bench.Shape]float64{}
	for _, l := range lines[1:] {
		s := bench.Shape{Kind: l.Shape, Size: l.Size}
		ours, err := result(r, s)
		if err != nil {
			return err
		}
		ns := l.CPU * 1e9 / float64(l.Tasks)
		bare, archive := ours.Figure(bench.Bare).CPU.Min, ours.Figure(bench.Archive).CPU.Min
		fmt.Fprintf(t, "%s of %s, %s\t%.1f\t%.2f\t%.0f x\t%.2f\t%.0f x\t\n",
			l.Scheduler, l.API, s, ns/1e3, bare/1e3, ns/bare, archive/1e3, ns/archive)
		if ratio, seen := least[s]; l.API == "delayed" && (!seen || ns/bare < ratio) {
			least[s] = ns / bare
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, s := range r.Shapes {
		if ratio, seen := least[s.Shape]; seen {
			fmt.Fprintln(w, bench.AtLeast(s.Shape.String()+", processor time of Dask's best, delayed / bare", ratio, cpuGoal))
		}
	}
	return nil
}
