package e2e

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/e2e/internal/survey"
)

// limits are how wide types, how tangled files and how large an API may be. An exception is a name and its reason.
type limits struct {
	fields, methods int
	wide            map[string]string // types that may be wider, by the last element of the path and name

	back    float64           // of all arrows between the files of a package, those that run back
	files   int               // of packages up to this size no arrows are counted
	tangled map[string]string // packages that may have more

	exported map[string]int // names that a package may export
}

// shape is what this tree is held to.
func shape() limits {
	const seam = "its methods are those of the seam that it implements and their steps; its few fields are set once"
	return limits{
		fields: 20, methods: 30,
		wide: map[string]string{
			"digest.Sketch":          "everything that can be asked of a sketch is a method, and its columns are one value",
			"client.Client":          "a method for each operation of the API that programs call, over two fields",
			"dag.Graph":              "its methods are the accessors of an immutable value",
			"dag.Scope":              "columns of an immutable value in compressed rows, and their accessors",
			"ledger.transition":      "one method for each case of the specification, over five fields",
			"memory.lane":            "a lane's part of the protocol, which is one case for each way an attempt can end",
			"memory.run":             "the state of a run in one process, changed by lanes without locks between them",
			"redis.counters":         "one field for each figure of a script's reply",
			"metricsstore.recording": "a run that is being recorded, owned by one goroutine",
			"embedded.database":      seam,
			"embedded.walk":          "one method for each kind of entry that a check visits",
			"live.feed":              "what the viewers of one run share, under one lock",
		},
		exported: map[string]int{"engine": 60, "web/api": 48},
		back:     0.10, files: 10,
		tangled: map[string]string{
			"digest":              "a sketch adds, merges and moves its grid by itself; the three files are one algorithm",
			"engine/worker":       "a pool, its lanes and its jobs call each other at each step",
			"engine/state/memory": "a lane and its run call each other at each step",
			"web/live":            "hub, feed and subscription end each other",
		},
	}
}

func TestShape(t *testing.T) {
	tree, err := survey.Load(root(t), dagscope().module)
	require.NoError(t, err)
	l := shape()
	for _, offence := range slices.Concat(l.wideTypes(tree), l.tangledPackages(tree), l.largePackages(tree), l.needless(tree)) {
		t.Error(offence)
	}
}

// needless names exceptions that nothing needs any more.
func (l limits) needless(tree *survey.Tree) (offences []string) {
	strict := l
	strict.wide, strict.tangled = nil, nil
	found := strings.Join(slices.Concat(strict.wideTypes(tree), strict.tangledPackages(tree)), "\n") + "\n"
	for _, name := range slices.Sorted(maps.Keys(l.wide)) {
		if !strings.Contains(found, "/"+name+" has ") && !strings.Contains(found, "type "+name+" has ") {
			offences = append(offences, "type "+name+" needs no exception in e2e/shape_test.go")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(l.tangled)) {
		if !strings.Contains("\n"+found, "\n"+name+": ") {
			offences = append(offences, name+" needs no exception in e2e/shape_test.go")
		}
	}
	return offences
}

// wideTypes names types with too many fields or methods. Structs whose fields are all exported and which have at most
// three methods are configurations, views and records: who uses them names one field at a time, so they may be long.
func (l limits) wideTypes(tree *survey.Tree) (offences []string) {
	for _, w := range tree.Widths() {
		name := path.Base(w.Package) + "." + w.Name
		long := w.Fields > l.fields && !(w.Exported == w.Fields && w.Methods <= 3)
		if (long || w.Methods > l.methods) && l.wide[name] == "" {
			offences = append(offences, fmt.Sprintf("type %s has %d fields and %d methods, expected at most %d and %d, or a reason in e2e/shape_test.go",
				w.Package+"."+w.Name, w.Fields, w.Methods, l.fields, l.methods))
		}
	}
	return offences
}

// tangledPackages names packages too many of whose arrows between files run back.
func (l limits) tangledPackages(tree *survey.Tree) (offences []string) {
	for _, p := range tree.Packages {
		if len(p.Files) <= l.files || l.tangled[p.Path] != "" {
			continue
		}
		if a := tree.Arrows(p); a.Share() > l.back {
			offences = append(offences, fmt.Sprintf("%s: %d of %d arrows between its files run back, expected at most %.0f %%, or a reason in e2e/shape_test.go: %v",
				p.Path, len(a.Back), a.Total, 100*l.back, a.Back))
		}
	}
	return offences
}

// largePackages names packages that export too much.
func (l limits) largePackages(tree *survey.Tree) (offences []string) {
	for _, name := range slices.Sorted(maps.Keys(l.exported)) {
		p := tree.Find(name)
		if p == nil {
			offences = append(offences, name+" does not exist, and has a limit of names")
		} else if n := len(p.Exported()); n > l.exported[name] {
			offences = append(offences, fmt.Sprintf("%s exports %d names, expected at most %d", name, n, l.exported[name]))
		}
	}
	return offences
}

// TestShapeNotices tries each limit on a tree that exceeds it by one and on one that reaches it.
func TestShapeNotices(t *testing.T) {
	l := limits{
		fields: 3, methods: 4, wide: map[string]string{"web.allowed": "a reason"},
		back: 0.25, files: 2, tangled: map[string]string{"loose": "a reason"},
		exported: map[string]int{"engine": 2},
	}
	engine := func(more string) map[string]string {
		return map[string]string{"engine/a.go": "package engine\n\ntype A int\n\nfunc F() {}\n" + more}
	}
	with := func(source string) map[string]string {
		sources := engine("")
		sources["web/a.go"] = "package web\n\n" + source
		return sources
	}
	methods := func(n int) (text string) {
		for i := range n {
			text += fmt.Sprintf("func (t *T[P]) m%d() {}\n", i)
		}
		return text
	}
	// Of a.go, b.go and c.go each uses the next; what is added can use one before.
	files := func(folder, back string) map[string]string {
		sources := engine("")
		sources[folder+"/a.go"] = "package p\n\nfunc a() { b(); c() }\n"
		sources[folder+"/b.go"] = "package p\n\nfunc b() { c(); x() }\nfunc y() {}\n"
		sources[folder+"/c.go"] = "package p\n\nfunc c() {" + back + "}\n"
		sources[folder+"/x.go"] = "package p\n\nfunc x() {}\n"
		return sources
	}
	cases := []struct {
		name      string
		bad, good map[string]string
	}{
		{"a field too many", with("type t struct{ a, b, c, d int }"), with("type t struct{ a, b, c int }")},
		{"an embedded one counts", with("type t struct{ error; a, b, c int }"), with("type t struct{ error; a, b int }")},
		{"inside a function", with("func f() { type t struct{ a, b, c, d int } }"), with("func f() { type t struct{ a, b, c int } }")},
		{"records may be long", with("type t struct{ A, B, C, d int }"), with("type t struct{ A, B, C, D int }")},
		{
			"a record with methods is none",
			with("type T[P any] struct{ A, B, C, D int }\n" + methods(4)), with("type T[P any] struct{ A, B, C, D int }\n" + methods(3)),
		},
		{"a method too many", with("type T[P any] int\n" + methods(5)), with("type T[P any] int\n" + methods(4))},
		{"of an interface", with("type i interface{ a(); b(); c(); d(); e() }"), with("type i interface{ a(); b(); c(); d() }")},
		{"a reason", with("type t struct{ a, b, c, d int }"), with("type allowed struct{ a, b, c, d int }")},
		{"arrows back", files("tight", "a(); b()"), files("tight", "a()")},
		{"back through a method", files("tight", "a(); m(0).y()}\ntype m int\nfunc (m) y() { y()"), files("tight", "a(); m(0).y()}\ntype m int\nfunc (m) y() {")},
		{"a package with a reason", files("tight", "a(); b()"), files("loose", "a(); b()")},
		{"a name too many", engine("const C = 1\n"), engine("const c = 1\n")},
		{"methods are no names", engine("var V A\n"), engine("func (A) M() {}\n")},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			assert.Len(t, l.offences(t, c.bad), 1, "the offending tree")
			assert.Empty(t, l.offences(t, c.good), "the tree that keeps the limit")
		})
	}
	assert.Len(t, l.offences(t, map[string]string{"web/a.go": "package web\n"}), 1, "the package with a limit is gone")

	used := files("loose", "a(); b()")
	used["web/a.go"] = "package web\n\ntype allowed struct{ a, b, c, d int }\n"
	assert.Empty(t, l.needless(tree(t, used)))
	assert.Len(t, l.needless(tree(t, engine(""))), 2, "neither exception is needed")
}

func (l limits) offences(t *testing.T, sources map[string]string) []string {
	t.Helper()
	fabricated := tree(t, sources)
	return slices.Concat(l.wideTypes(fabricated), l.tangledPackages(fabricated), l.largePackages(fabricated))
}

func tree(t *testing.T, sources map[string]string) *survey.Tree {
	t.Helper()
	tree, err := survey.Check("example.org/house", sources)
	require.NoError(t, err)
	return tree
}
