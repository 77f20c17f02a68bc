package workflows

import (
	"context"
	"strconv"

	"github.com/dagscope/dagscope/engine"
)

var label = engine.Func1("label", func(_ context.Context, i int) (string, error) { return "-" + strconv.Itoa(i), nil })

var dash = engine.Func1("dash", func(_ context.Context, a string) (string, error) { return a + "-", nil })

var link = engine.Func2("link", func(_ context.Context, a, b string) (string, error) { return a + "-" + b, nil })

// diamondSkip is t3(t1, t2), t4(t1, t3), so that the edge from t1 to t4 skips a level: 4 tasks with 2 roots, 3 deep.
// It returns -1--1--2.
func diamondSkip() *engine.Workflow {
	return &engine.Workflow{
		Name:        "diamond-skip",
		Description: "Four tasks with an edge that skips a level.",
		Functions:   engine.Functions(label, link),
		Build: func(g *engine.Builder, _ engine.Args) (engine.AnyRef, error) {
			t1, t2 := label.Call(engine.Const(g, 1)), label.Call(engine.Const(g, 2))
			t3 := link.Call(t1, t2)
			return link.Call(t1, t3), nil
		},
	}
}

// lateRoot is t2(t1), t3(t1), t4(t2), t5(t3, t6), t7(t4, t5), where t6 is a root that is needed deep in the graph
// only: 7 tasks with 2 roots, 4 deep. It returns -1----1---6.
func lateRoot() *engine.Workflow {
	return &engine.Workflow{
		Name:        "late-root",
		Description: "Seven tasks, one of them a root that is only needed deep in the graph.",
		Functions:   engine.Functions(label, dash, link),
		Build: func(g *engine.Builder, _ engine.Args) (engine.AnyRef, error) {
			t1 := label.Call(engine.Const(g, 1))
			t2, t3 := dash.Call(t1), dash.Call(t1)
			t4 := dash.Call(t2)
			t6 := label.Call(engine.Const(g, 6))
			t5 := link.Call(t3, t6)
			return link.Call(t4, t5), nil
		},
	}
}
