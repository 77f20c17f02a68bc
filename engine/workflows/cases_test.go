package workflows

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
)

// galleryCase is one run of a workflow with what is known about it. Every way to execute runs all of them.
type galleryCase struct {
	name     string
	workflow string
	set      map[string]string
	input    []byte // content of the file parameter input where set has one
	tasks    int
	roots    int
	depth    int
	attempt  int  // the attempt that succeeds where that is not the first; an execution without retries begins with it
	heavy    bool // not repeated
	large    bool // heavy, and left out with -short and with -race
	check    func(t *testing.T, args engine.Args, result any)
}

// is checks for equality.
func is(want any) func(*testing.T, engine.Args, any) {
	return func(t *testing.T, _ engine.Args, result any) { require.Equal(t, want, result) }
}

// open gives the input of a case to engine.Workflow.Arguments.
func (c galleryCase) open(name string) (engine.File, error) {
	if c.input == nil {
		return engine.File{}, errors.New("no such file")
	}
	return engine.File{Name: name, Data: c.input}, nil
}

// graph builds the case's graph.
func (c galleryCase) graph(t *testing.T) (*dag.Graph, engine.Args) {
	w := byName(t, c.workflow)
	args, err := w.Arguments(c.set, c.open)
	require.NoError(t, err)
	g, err := w.Graph(args)
	require.NoError(t, err)
	return g, args
}

func byName(t testing.TB, name string) *engine.Workflow {
	for _, w := range All() {
		if w.Name == name {
			return w
		}
	}
	require.Fail(t, "no workflow is named "+name)
	return nil
}

// galleryCases has every workflow with its defaults and at its edges.
func galleryCases() []galleryCase {
	return slices.Concat(treeCases(), gemmCases(), svdCases(), textCases(), imageCases(), montageCases(), shapeCases(), modelCases())
}

func treeCases() []galleryCase {
	var out []galleryCase
	for _, c := range []struct{ n, depth int }{{2, 1}, {3, 2}, {10, 4}, {1023, 10}, {1024, 10}, {1025, 11}, {2048, 11}} {
		out = append(out, galleryCase{
			name: strconv.Itoa(c.n), workflow: "tree-reduction", set: map[string]string{"n": strconv.Itoa(c.n)},
			tasks: c.n - 1, roots: c.n / 2, depth: c.depth, check: is(c.n * (c.n - 1) / 2),
		})
	}
	loaded := func(value, payload int) Loaded {
		return Loaded{Value: value, Payload: bytes.Repeat([]byte{byte(value)}, payload)}
	}
	return append(
		out,
		galleryCase{name: "defaults", workflow: "tree-reduction", tasks: 1023, roots: 512, depth: 10, check: is(523776)},
		galleryCase{
			name: "busy", workflow: "tree-reduction", set: map[string]string{"n": "10", "work": "200us"},
			tasks: 9, roots: 5, depth: 4, check: is(45),
		},
		galleryCase{
			name: "asleep", workflow: "tree-reduction", set: map[string]string{"n": "11", "work": "1ms", "sleep": "true"},
			tasks: 10, roots: 5, depth: 4, check: is(55),
		},
		galleryCase{
			name: "payload", workflow: "tree-reduction", set: map[string]string{"n": "33", "payload": "70000"},
			tasks: 32, roots: 16, depth: 6, check: is(loaded(528, 70000)),
		},
	)
}

func gemmCases() []galleryCase {
	gemm := func(name, rows, cols, inner, block string, tasks int) galleryCase {
		return galleryCase{
			name: name, workflow: "gemm", set: map[string]string{"rows": rows, "cols": cols, "inner": inner, "block": block},
			tasks: tasks, roots: tasks - 1, depth: 2, check: checkProduct,
		}
	}
	blocked := func(size, block, tasks, roots, depth int) galleryCase {
		return galleryCase{
			name: fmt.Sprintf("%d by %d", size, block), workflow: "gemm-blocked",
			set:   map[string]string{"size": strconv.Itoa(size), "block": strconv.Itoa(block), "seed": "7"},
			tasks: tasks, roots: roots, depth: depth, check: checkProduct,
		}
	}
	return []galleryCase{
		gemm("ragged", "70", "45", "600", "32", 7),
		gemm("defaults", "1000", "1000", "1000", "100", 101).once(),
		gemm("one value", "1", "1", "1", "100", 2),
		gemm("one block", "50", "40", "30", "50", 2),
		gemm("rows of one", "5", "3", "9", "1", 16),
		blocked(60, 20, 46, 27, 4),
		{name: "defaults", workflow: "gemm-blocked", heavy: true, tasks: 113, roots: 64, depth: 4, check: checkProduct},
		blocked(100, 30, 113, 64, 4), // p = 4, the last block is smaller
		blocked(40, 40, 2, 1, 2),
		blocked(40, 20, 13, 8, 3),
		blocked(1, 9, 2, 1, 2),
	}
}

func svdCases() []galleryCase {
	tall := func(rows, cols, block, blocks int, large bool) galleryCase {
		return galleryCase{
			name: fmt.Sprintf("%d by %d in %d", rows, cols, block), workflow: "svd-tall", large: large,
			set:   map[string]string{"rows": strconv.Itoa(rows), "cols": strconv.Itoa(cols), "block": strconv.Itoa(block)},
			tasks: 2*blocks + 2, roots: blocks, depth: 4, check: checkSVD,
		}
	}
	randomised := func(size, block, rank, p int, large bool) galleryCase {
		return galleryCase{
			name: fmt.Sprintf("%d by %d rank %d", size, block, rank), workflow: "svd-randomised", large: large,
			set:   map[string]string{"size": strconv.Itoa(size), "block": strconv.Itoa(block), "rank": strconv.Itoa(rank), "seed": "3"},
			tasks: 2*p*p + 4*p + 3, roots: p * p, depth: 9, check: checkLargest,
		}
	}
	return []galleryCase{
		tall(1050, 20, 100, 11, false), // the last block has fewer rows than the others
		tall(1005, 20, 100, 11, false), // and here fewer than columns
		tall(90, 20, 10, 9, false),     // no block has as many rows as columns
		tall(20, 20, 50, 1, false),
		tall(7, 1, 2, 4, false),
		tall(20_000, 100, 1000, 20, false).once(),
		tall(200_000, 100, 10_000, 20, true),
		randomised(200, 50, 10, 4, false),
		randomised(130, 40, 5, 4, false),
		randomised(30, 8, 30, 4, false), // as many as there are
		randomised(12, 12, 1, 1, false),
		{name: "defaults", workflow: "svd-randomised", large: true, tasks: 51, roots: 16, depth: 9, check: checkLargest},
	}
}

func textCases() []galleryCase {
	generated := generatedText().Data[:100_000]
	count := func(name, input, chunk string, chunks int) galleryCase {
		return galleryCase{
			name: name, workflow: "wordcount", set: map[string]string{"input": name, "chunk": chunk}, input: []byte(input),
			tasks: 2*chunks + 1, roots: chunks, depth: 3, check: checkCounts,
		}
	}
	analysis := func(name string, input []byte) galleryCase {
		c := galleryCase{name: name, workflow: "text-analysis", heavy: input == nil, tasks: 59, roots: 32, depth: 7, check: checkReport}
		if input != nil {
			c.set, c.input = map[string]string{"input": name}, input
		}
		return c
	}
	return []galleryCase{
		{name: "defaults", workflow: "wordcount", heavy: true, tasks: 19, roots: 9, depth: 3, check: checkCounts},
		count("generated", string(generated), "9000", 12),
		count("one word", "word", "1", 1),
		count("blanks only", " \n ", "1", 3),
		count("no white space", strings.Repeat("abc", 100), "10", 1),
		count("chunks of one", "a bb ccc bb a", "1", 5),
		count("larger than the text", "To be, or not to be: that's 'the' Question.", "1000", 1),
		count("not ASCII", "Äpfel und ÄPFEL — naïve naïve; 5 ’t don't\u00a0é é \xff x", "6", 7),
		analysis("Opticks or its stand-in", nil),
		analysis("generated", generated),
		analysis("short", []byte("One word. Two words! Red red")),
		analysis("no words", []byte("... !")),
	}
}

func imageCases() []galleryCase {
	generated, err := generatedImage()
	if err != nil {
		panic(err) // the encoder has no reason to refuse it
	}
	sample, err := newSamples().image()
	if err != nil {
		panic(err) // as above
	}
	strips := 2 // of 150 pixels
	if sample.Name == generated.Name {
		strips = 5
	}
	transform := func(name string, input []byte, set map[string]string, k int) galleryCase {
		c := galleryCase{name: name, workflow: "image-transform", set: set, tasks: 2*k + 2, roots: 1, depth: 4, check: checkStrips}
		if k == 0 {
			c.depth = 2
		}
		return c.with(input)
	}
	filters := func(name string, input []byte, grid int) galleryCase {
		return galleryCase{
			name: name, workflow: "image-filters", set: map[string]string{"grid": strconv.Itoa(grid)},
			tasks: 8*grid*grid + 2, roots: 1, depth: 8, check: checkTiles,
		}.with(input)
	}
	small, dot := encoded(100, 40), encoded(1, 1)
	return []galleryCase{
		{name: "defaults", workflow: "image-filters", tasks: 130, roots: 1, depth: 8, check: checkTiles},
		transform("of Go or its stand-in", sample.Data, nil, strips),
		transform("generated", generated.Data, nil, 5),
		transform("no strip", small, map[string]string{"strips": "0"}, 0),
		transform("one strip", small, map[string]string{"strips": "1"}, 1),
		transform("six strips", small, map[string]string{"strips": "6"}, 6),
		transform("strips of no width", small, map[string]string{"strips": "1000"}, 1000),
		transform("narrow", encoded(50, 20), nil, 1),
		transform("wide", encoded(900, 3), nil, 10),
		transform("one pixel", dot, nil, 1),
		filters("generated", generated.Data, 4),
		filters("one tile", small, 1),
		filters("uneven", encoded(50, 31), 7),
		filters("tiles without pixels", dot, 3),
	}
}

func montageCases() []galleryCase {
	generated, err := generatedImage()
	if err != nil {
		panic(err) // the encoder has no reason to refuse it
	}
	montage := func(name string, input []byte, tiles int) galleryCase {
		return galleryCase{
			name: name, workflow: "montage", set: map[string]string{"tiles": strconv.Itoa(tiles)},
			tasks: 2*tiles + 1, roots: tiles, depth: 3, check: checkMosaic,
		}.with(input)
	}
	return []galleryCase{
		{name: "defaults", workflow: "montage", tasks: 33, roots: 16, depth: 3, check: checkMosaic},
		montage("generated", generated.Data, 16),
		montage("one frame", encoded(100, 40), 1),
		montage("a last row of fewer", encoded(61, 40), 7),
		montage("more frames than pixels", encoded(1, 1), 5),
		montage("many", encoded(64, 48), 400),
	}
}

// once makes a case heavy.
func (c galleryCase) once() galleryCase {
	c.heavy = true
	return c
}

// with gives a case its input, on top of what it sets.
func (c galleryCase) with(input []byte) galleryCase {
	set := map[string]string{"input": c.name}
	for k, v := range c.set {
		set[k] = v
	}
	c.set, c.input = set, input
	return c
}

func shapeCases() []galleryCase {
	numbers := func(k int) string {
		var s strings.Builder
		for i := range k {
			fmt.Fprintf(&s, "-%d", i+1)
		}
		return s.String()
	}
	chain := func(k int) galleryCase {
		return galleryCase{
			name: strconv.Itoa(k), workflow: "chain", set: map[string]string{"k": strconv.Itoa(k)},
			tasks: k, roots: 1, depth: k, check: is(numbers(k)),
		}
	}
	longest := chain(10_000)
	longest.large = true // 250 MB of strings
	wide := func(w int) galleryCase {
		return galleryCase{
			name: strconv.Itoa(w), workflow: "wide", set: map[string]string{"width": strconv.Itoa(w)},
			tasks: w + 2, roots: 1, depth: 3, check: is(w),
		}
	}
	return []galleryCase{
		{name: "defaults", workflow: "fan-out-fan-in", tasks: 9, roots: 3, depth: 5, check: is(18766224)},
		chain(1), chain(2), chain(100), chain(2000), longest,
		{name: "defaults", workflow: "diamond-skip", tasks: 4, roots: 2, depth: 3, check: is("-1--1--2")},
		{name: "defaults", workflow: "late-root", tasks: 7, roots: 2, depth: 4, check: is("-1----1---6")},
		{
			name: "short units", workflow: "fixed-times", set: map[string]string{"unit": "2ms"},
			tasks: 16, roots: 5, depth: 6, check: is("abcde"),
		},
		wide(1), wide(1000), wide(10_000),
	}
}

// modelCases are those of predict and flaky.
func modelCases() []galleryCase {
	predict := func(rows, chunks int) galleryCase {
		return galleryCase{
			name: fmt.Sprintf("%d in %d", rows, chunks), workflow: "predict",
			set:   map[string]string{"rows": strconv.Itoa(rows), "chunks": strconv.Itoa(chunks)},
			tasks: chunks + 2, roots: 1, depth: 3, check: checkLabels,
		}
	}
	flaky := func(mode string, fails int) galleryCase {
		return galleryCase{
			name: fmt.Sprintf("%s %d", mode, fails), workflow: "flaky",
			set:     map[string]string{"mode": mode, "fails": strconv.Itoa(fails)},
			attempt: fails + 1, heavy: mode == byTimeout, tasks: 3, roots: 1, depth: 3, check: is(3),
		}
	}
	return []galleryCase{
		predict(20_000, 20), predict(7, 20), predict(1, 1), predict(10_001, 3),
		flaky(byError, 0), flaky(byError, 2), flaky(byError, 3), flaky(byPanic, 1), flaky(byTimeout, 1),
	}
}
