// Command dagscope-graphviz lays out and draws one graph with Graphviz: DOT on standard input, the drawing on standard
// output. It is a process of its own because Graphviz, compiled to WebAssembly inside, cannot be interrupted, serves
// one graph at a time, and takes a second and 50 MB to start if its compiled form is not cached: package
// web/layout starts it, one at a time, and kills it when it takes too long. No other program of dagscope links it.
//
// Exit codes: 0 ok; 1 the graph is malformed or could not be drawn, with the reason on standard error; 2 usage.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-graphviz"
)

// mostInput bounds the DOT text, in bytes: a thousand times what dagscope sends.
const mostInput = 64 << 20

// formats are the values of -format; dot, json and plain have positions.
var formats = []string{"dot", "json", "plain", "png", "svg"}

// layouts are the values of -layout.
var layouts = []string{"dot"}

// errUsage is a mistake on the command line.
var errUsage = errors.New("usage")

func main() {
	err := run(context.Background(), os.Args[1:], os.Stdin, os.Stdout)
	switch {
	case err == nil:
	case errors.Is(err, errUsage):
		fmt.Fprintln(os.Stderr, "dagscope-graphviz:", err)
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "dagscope-graphviz:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	flags := flag.NewFlagSet("dagscope-graphviz", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // main prints errors
	format := flags.String("format", "svg", "what to write: "+strings.Join(formats, ", "))
	engine := flags.String("layout", "dot", "layout engine: "+strings.Join(layouts, ", "))
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(out, "usage: dagscope-graphviz [flags] < graph.dot > drawing")
		flags.SetOutput(out)
		flags.PrintDefaults()
		return nil
	} else if err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	switch {
	case flags.NArg() > 0:
		return fmt.Errorf("%w: unexpected argument %q, the graph is read from standard input", errUsage, flags.Arg(0))
	case !slices.Contains(formats, *format):
		return fmt.Errorf("%w: -format is %q, expected one of %s", errUsage, *format, strings.Join(formats, ", "))
	case !slices.Contains(layouts, *engine):
		return fmt.Errorf("%w: -layout is %q, expected one of %s", errUsage, *engine, strings.Join(layouts, ", "))
	}
	dot, err := io.ReadAll(io.LimitReader(in, mostInput+1))
	if err != nil {
		return fmt.Errorf("reading standard input: %w", err)
	}
	if len(dot) > mostInput {
		return fmt.Errorf("more than %d bytes on standard input", mostInput)
	}
	return draw(ctx, dot, graphviz.Layout(*engine), graphviz.Format(*format), out)
}

// draw writes the drawing completely or not at all.
func draw(ctx context.Context, dot []byte, engine graphviz.Layout, format graphviz.Format, out io.Writer) error {
	if len(bytes.TrimSpace(dot)) == 0 {
		return errors.New("nothing on standard input, expected a graph in DOT")
	}
	graph, err := graphviz.ParseBytes(dot)
	if err != nil {
		return fmt.Errorf("reading the graph: %s", strings.TrimSpace(err.Error()))
	}
	if graph == nil {
		return errors.New("reading the graph: expected DOT")
	}
	g, err := newGraphviz(ctx)
	if err != nil {
		return fmt.Errorf("starting Graphviz: %w", err)
	}
	g.SetLayout(engine)
	var drawing bytes.Buffer
	if err := g.Render(ctx, graph, format, &drawing); err != nil {
		return fmt.Errorf("drawing: %w", err)
	}
	if drawing.Len() == 0 {
		return errors.New("drawing: Graphviz wrote nothing")
	}
	_, err = out.Write(drawing.Bytes())
	return err
}
