package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/heimdalr/dag"

	"github.com/dagscope/dagscope/cmd/app/bench"
)

// peerChain is the longest chain that is asked of the libraries, the one that the quick shapes have too.
const peerChain = 1000

// peer is a Go library that executes graphs. What is prepared runs again and again.
type peer struct {
	name    string
	prepare func(s bench.Shape) (func() (int, error), error)
}

func peers() []peer { return []peer{{"heimdalr/dag v1.5.0", prepareHeimdalr}} }

// comparePeers measures each library on shapes that it can take, building left out.
func comparePeers(ctx context.Context, w io.Writer, o options, r bench.Report) error {
	fmt.Fprintln(w, "\nGo libraries, quickest ns a task, building left out (go-taskflow is not served by the module proxy)")
	t := bench.Table(w)
	fmt.Fprintln(t, "\tlibrary ns\tengine, bare\tfloor\tlibrary / engine\t")
	for _, p := range peers() {
		for _, s := range r.Shapes {
			if s.Tasks > 20_000 || s.Shape.Kind == bench.Chain && s.Shape.Size > peerChain {
				continue
			}
			ns, err := measurePeer(ctx, p, s.Shape, o.rounds)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", p.name, s.Shape, err)
			}
			bare, floor := s.Figure(bench.Bare).Makespan.Min, s.Figure(bench.Floor).Makespan.Min
			fmt.Fprintf(t, "%s, %s\t%.0f\t%.0f\t%.0f\t%.1f x\t\n", p.name, s.Shape, ns, bare, floor, ns/bare)
		}
	}
	return t.Flush()
}

func measurePeer(ctx context.Context, p peer, s bench.Shape, rounds int) (float64, error) {
	run, err := p.prepare(s)
	if err != nil {
		return 0, err
	}
	var took []float64
	for range rounds {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		began := time.Now()
		got, err := run()
		took = append(took, float64(time.Since(began))/float64(s.Tasks()))
		if err != nil {
			return 0, err
		}
		if got != s.Want() {
			return 0, fmt.Errorf("the result is %d, expected %d", got, s.Want())
		}
	}
	return bench.NewStat(took).Min, nil
}

// number is a vertex: it adds up its parents and a constant, as every task of every shape does.
type number struct{ constant int }

// heimdalr makes shapes for heimdalr/dag, whose flows begin at one vertex. A reference is a constant or a vertex.
type heimdalr struct {
	graph *dag.DAG
	begin string
	n     int
	err   error
}

type heimdalrRef struct {
	constant int
	vertex   string // empty for constants
}

func prepareHeimdalr(s bench.Shape) (func() (int, error), error) {
	m := &heimdalr{graph: dag.NewDAG()}
	m.begin = m.vertex(0)
	bench.Build(s, m)
	if m.err != nil {
		return nil, m.err
	}
	return func() (int, error) {
		results, err := m.graph.DescendantsFlow(m.begin, nil, addUp)
		if err != nil {
			return 0, err
		}
		if len(results) != 1 {
			return 0, fmt.Errorf("%d results, expected 1", len(results))
		}
		v, _ := results[0].Result.(int)
		return v, results[0].Error
	}, nil
}

func addUp(d *dag.DAG, id string, parents []dag.FlowResult) (any, error) {
	v, err := d.GetVertex(id)
	if err != nil {
		return nil, err
	}
	sum := v.(*number).constant
	for _, p := range parents {
		sum += p.Result.(int)
	}
	return sum, nil
}

func (m *heimdalr) vertex(constant int) string {
	id := strconv.Itoa(m.n)
	m.n++
	m.keep(m.graph.AddVertexByID(id, &number{constant}))
	return id
}

func (m *heimdalr) keep(err error) {
	if m.err == nil {
		m.err = err
	}
}

func (m *heimdalr) Const(v int) heimdalrRef          { return heimdalrRef{constant: v} }
func (m *heimdalr) Leaf(a heimdalrRef) heimdalrRef   { return m.Sum(a) }
func (m *heimdalr) Add(a, b heimdalrRef) heimdalrRef { return m.Sum(a, b) }
func (m *heimdalr) Sum(parts ...heimdalrRef) heimdalrRef {
	constant, root := 0, true
	for _, p := range parts {
		constant += p.constant
		root = root && p.vertex == ""
	}
	id := m.vertex(constant)
	if root {
		m.keep(m.graph.AddEdge(m.begin, id))
	}
	for _, p := range parts {
		if p.vertex != "" {
			m.keep(m.graph.AddEdge(p.vertex, id))
		}
	}
	return heimdalrRef{vertex: id}
}
