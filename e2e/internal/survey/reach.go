package survey

import (
	"go/ast"
	"go/types"
	"maps"
	"slices"
	"strings"
)

// Reach names the files, sorted, that hold a function which the entries reach inside the packages of the patterns; it
// also returns the entries that do not exist. An entry is "engine/worker lane.run" or, for a plain function,
// "engine/worker newJob". A pattern is a path, or a path and "/..." for all below it, test kits apart.
//
// A function reaches what it names, called or not, and of an interface the methods of all its implementations inside
// the packages. So a file counts even when a path through it is rare.
func (t *Tree) Reach(entries, patterns []string) (files, missing []string) {
	bodies := map[*types.Func]*ast.FuncDecl{}
	info := map[*types.Func]*types.Info{}
	byName := map[string]*types.Func{}
	byMethod := map[string][]*types.Func{}
	for _, p := range t.Packages {
		if !within(patterns, p.Path) {
			continue
		}
		for _, d := range p.functions() {
			f, _ := p.Info.Defs[d.Name].(*types.Func)
			if f == nil {
				continue
			}
			name := f.Name()
			if d.Recv != nil {
				name = receiver(d.Recv.List[0].Type) + "." + name
				byMethod[f.Name()] = append(byMethod[f.Name()], f)
			}
			bodies[f], info[f], byName[p.Path+" "+name] = d, p.Info, f
		}
	}
	reached := map[*types.Func]bool{}
	var next []*types.Func
	visit := func(f *types.Func) {
		if f = f.Origin(); !reached[f] && bodies[f] != nil {
			reached[f], next = true, append(next, f)
		}
	}
	for _, name := range entries {
		if f := byName[name]; f != nil {
			visit(f)
		} else {
			missing = append(missing, name)
		}
	}
	found := map[string]bool{}
	for len(next) > 0 {
		f := next[len(next)-1]
		next = next[:len(next)-1]
		found[t.file(f.Pos())] = true
		ast.Inspect(bodies[f], func(n ast.Node) bool {
			if ident, ok := n.(*ast.Ident); ok {
				if used, ok := info[f].Uses[ident].(*types.Func); ok {
					visit(used)
					implementations(used, byMethod, visit)
				}
			}
			return true
		})
	}
	return slices.Sorted(maps.Keys(found)), missing
}

// implementations visits the methods that a call of a method of an interface can be.
func implementations(f *types.Func, byMethod map[string][]*types.Func, visit func(*types.Func)) {
	recv := f.Signature().Recv()
	if recv == nil || !types.IsInterface(recv.Type()) {
		return
	}
	asked, _ := recv.Type().Underlying().(*types.Interface)
	for _, m := range byMethod[f.Name()] {
		if types.Implements(m.Signature().Recv().Type(), asked) {
			visit(m)
		}
	}
}

// functions are the declarations that have a body.
func (p *Package) functions() (list []*ast.FuncDecl) {
	for _, f := range p.Files {
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
				list = append(list, fn)
			}
		}
	}
	return list
}

func within(patterns []string, path string) bool {
	return !IsKit(path) && slices.ContainsFunc(patterns, func(pattern string) bool {
		tree, all := strings.CutSuffix(pattern, "/...")
		return path == tree || all && strings.HasPrefix(path, tree+"/")
	})
}
