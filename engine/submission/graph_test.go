package submission_test

import (
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/code"
	"github.com/dagscope/dagscope/engine/submission"
	"github.com/dagscope/dagscope/python"
)

type (
	object = map[string]any
	node   = []any
)

var (
	none = []byte{1, 0xf6}                                  // None
	args = []byte{1, 0x82, 0x81, 0xd9, 0xee, 0x48, 0, 0xa0} // one hole
)

// described is a description of nodes with the functions f and g, changed.
func described(t testing.TB, nodes []node, result int, change func(object)) []byte {
	t.Helper()
	g := object{
		"version": 1, "name": "x", "archive": "", "nodes": nodes, "result": result,
		"functions": []object{
			{"module": "m", "name": "f", "retries": 2, "timeout_ns": 0, "pickle": false},
			{"module": "m", "name": "g", "retries": 0, "timeout_ns": 5, "pickle": true},
		},
	}
	if change != nil {
		change(g)
	}
	data, err := cbor.Marshal(g)
	require.NoError(t, err)
	return data
}

// nested is a fan-out in a fan-out over the result of f, which is read as a whole too.
var nested = []node{
	{0, 0, none, []int{}},
	{1, 0, args, []int{0}},
	{3, 1, nil, []int{}},
	{1, 0, args, []int{2}},
	{3, 3, nil, []int{}},
	{1, 1, args, []int{4}},
	{4, 5, nil, []int{}},
	{4, 6, nil, []int{}},
	{1, 0, args, []int{1}},
	{2, 0, nil, []int{7, 8, 0}},
}

func runner(t testing.TB) *code.Runner {
	t.Helper()
	r, err := code.New(code.Config{Dir: t.TempDir(), Environments: t.TempDir(), Package: python.FS()})
	require.NoError(t, err)
	return r
}

func TestBuild(t *testing.T) {
	g, err := submission.Decode(described(t, nested, 9, nil))
	require.NoError(t, err)
	graph, err := g.Build(runner(t), code.Bundle{})
	require.NoError(t, err)
	options := map[string]int{}
	for _, f := range graph.Functions() {
		options[f.Name()] = f.Options().Retries
	}
	assert.Equal(t, map[string]int{"m.f": 2, "m.f.elements": 2, "m.g": 0, "dagscope.collect": 3}, options)
	assert.Equal(t, "[]python.Value", graph.ResultType().Name())
}

// TestEnvironment: every task has the environment of its graph, those of this package too.
func TestEnvironment(t *testing.T) {
	spec := object{"name": "r", "kind": "python-requirements", "files": object{"requirements.txt": []byte("six==1.16\n")}, "find_links": "/wheels"}
	g, err := submission.Decode(described(t, nested, 9, func(g object) { g["environment"] = spec }))
	require.NoError(t, err)
	graph, err := g.Build(runner(t), code.Bundle{Hash: "of the files alone"})
	require.NoError(t, err)
	tasks := 0
	for _, c := range graph.Constants() {
		switch v := c.Value.(type) {
		case code.Task:
			tasks++
			require.Equal(t, "packages", v.Environment)
			require.Len(t, v.Bundle, 64)
		case code.Bundle:
			require.Equal(t, *g.Environment, v.Environments["packages"])
		}
	}
	require.Equal(t, 6, tasks, "four calls, and two that make one value of a list")
}

func TestDecodeRefuses(t *testing.T) {
	with := func(more ...node) []node { return append(append([]node{}, nested...), more...) }
	deep := []node{{0, 0, none, []int{}}}
	for i := range 33 {
		deep = append(deep, node{3, i, nil, []int{}})
	}
	for name, c := range map[string]struct {
		nodes  []node
		result int
		change func(object)
		want   string
	}{
		"version":         {nested, 9, func(g object) { g["version"] = 2 }, "it has version 2, expected 1"},
		"name":            {nested, 9, func(g object) { g["name"] = "a\nb" }, "expected 1 to 100 printable bytes"},
		"unknown key":     {nested, 9, func(g object) { g["more"] = 1 }, "unknown field"},
		"module":          {nested, 9, func(g object) { g["functions"].([]object)[0]["module"] = "os;x" }, "expected names as Python has them"},
		"retries":         {nested, 9, func(g object) { g["functions"].([]object)[1]["retries"] = -1 }, "m.g has -1 retries"},
		"environment":     {nested, 9, func(g object) { g["environment"] = object{"kind": "python-requirements"} }, "no file requirements.txt"},
		"npm":             {nested, 9, func(g object) { g["environment"] = object{"kind": "npm"} }, "of the kind npm, expected one of Python"},
		"no result":       {nested, 10, nil, "the result: it mentions node 10, expected one that precedes it"},
		"negative":        {nested, -1, nil, "the result: it mentions node -1"},
		"later":           {with(node{1, 0, args, []int{11}}), 9, nil, "node 10: it mentions node 11"},
		"inner":           {with(node{1, 0, args, []int{5}}), 9, nil, "node 10: it mentions node 5, which is in a fan-out that has ended"},
		"inner result":    {nested, 2, nil, "the result: it mentions node 2, which is in a fan-out that has ended"},
		"function":        {with(node{1, 2, args, []int{0}}), 9, nil, "node 10: function 2, expected one below 2"},
		"kind":            {with(node{5, 0, nil, []int{}}), 9, nil, "node 10: it is of kind 5"},
		"value":           {with(node{0, 0, []byte{9, 0}, []int{}}), 9, nil, "node 10: the codec 9"},
		"empty value":     {with(node{0, 0, []byte{}, []int{}}), 9, nil, "node 10: "},
		"array arguments": {with(node{1, 0, []byte{2, 0, 0, 0, 0, 0, 0, 0, 0}, []int{0}}), 9, nil, "node 10: its arguments are encoded as array"},
		"no beginning":    {with(node{4, 0, nil, []int{}}), 9, nil, "node 10: it ends a fan-out, and none is open"},
		"no end":          {with(node{3, 0, nil, []int{}}), 9, nil, "the fan-out of node 10 has no end"},
		"deep":            {deep, 0, nil, "node 33: fan-outs nest more than 32 deep"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := submission.Decode(described(t, c.nodes, c.result, c.change))
			require.ErrorIs(t, err, submission.ErrMalformed)
			assert.ErrorContains(t, err, c.want)
		})
	}
}

// FuzzDecode: what is accepted can be built, or says why not.
func FuzzDecode(f *testing.F) {
	f.Add(described(f, nested, 9, nil))
	f.Add(described(f, nested[:2], 1, nil))
	f.Add([]byte{0xa0})
	f.Add([]byte("not a description"))
	r := runner(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := submission.Decode(data)
		if err != nil {
			require.ErrorIs(t, err, submission.ErrMalformed)
			return
		}
		graph, err := g.Build(r, code.Bundle{})
		require.Equal(t, err == nil, graph != nil)
	})
}
