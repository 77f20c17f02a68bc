// Command bench measures dagscope next to others that do the same work: its engine next to a floor of plain Go, to Go
// libraries for graphs and to Dask's schedulers, and its digest next to other sketches.
//
// It is a module of its own so that the others stay out of the module that users get. Everything is measured in one
// run and on one machine, because figures of different runs cannot be compared; goals that are missed are shown and
// are no error. Dask is measured where Debian's python3 has it, and is never installed from here.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"

	"github.com/dagscope/dagscope/bench/digest"
	"github.com/dagscope/dagscope/bench/internal/process"
	"github.com/dagscope/dagscope/cmd/app/bench"
)

func main() { process.Main("bench", run, nil) }

// options of the command line.
type options struct {
	rounds int
	quick  bool
	python string
}

func run(ctx context.Context, args []string, w io.Writer) error {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(w)
	flags.IntVar(&o.rounds, "rounds", 15, "how often each way of executing a graph is measured")
	flags.BoolVar(&o.quick, "quick", false, "leave out the large graphs and measure less often")
	flags.StringVar(&o.python, "python", "/usr/bin/python3", "the python3 whose Dask is measured")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if o.quick {
		o.rounds = min(o.rounds, 3)
	}
	report, err := bench.Run(ctx, w, bench.Options{Rounds: o.rounds, Quick: o.quick, Shapes: o.shapes()})
	if err != nil {
		return err
	}
	if err := comparePeers(ctx, w, o, report); err != nil {
		return err
	}
	if err := compareDask(ctx, w, o, report); err != nil {
		return err
	}
	fmt.Fprintln(w, "\nthe digest next to other sketches")
	return digest.Compare(w)
}

// shapes are those of bench.Run and one that only the peers need: they are quadratic in the length of a chain.
func (o options) shapes() []bench.Shape {
	shapes := bench.DefaultShapes(o.quick)
	if !o.quick {
		shapes = append(shapes, bench.Shape{Kind: bench.Chain, Size: peerChain})
	}
	return shapes
}

// result finds what was measured for a shape.
func result(r bench.Report, s bench.Shape) (bench.Result, error) {
	for _, found := range r.Shapes {
		if found.Shape == s {
			return found, nil
		}
	}
	return bench.Result{}, fmt.Errorf("%s was not measured, expected it among the shapes of the report", s)
}
