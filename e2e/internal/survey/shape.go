package survey

import (
	"cmp"
	"go/ast"
	"slices"
)

// Width is the size of one type.
type Width struct {
	Package, Name string
	Fields        int // its own; an embedded type counts as one
	Exported      int // of these
	Methods       int // its own, those of embedded types not included; of an interface what it asks for
}

// Widths are all named types, the widest, by fields and methods together, first. Generated files do not count.
func (t *Tree) Widths() (all []Width) {
	for _, p := range t.Packages {
		byName := map[string]*Width{}
		for _, f := range p.Files {
			if !ast.IsGenerated(f) {
				count(p.Path, f, byName)
			}
		}
		for _, w := range byName {
			all = append(all, *w)
		}
	}
	slices.SortFunc(all, func(a, b Width) int {
		return cmp.Or(cmp.Compare(b.Fields+b.Methods, a.Fields+a.Methods), cmp.Compare(a.Package, b.Package), cmp.Compare(a.Name, b.Name))
	})
	return all
}

// count adds the types and methods of one file. Types inside functions count by their name, too.
func count(path string, f *ast.File, byName map[string]*Width) {
	at := func(name string) *Width {
		if byName[name] == nil {
			byName[name] = &Width{Package: path, Name: name}
		}
		return byName[name]
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.TypeSpec:
			switch s := n.Type.(type) {
			case *ast.StructType:
				// Two functions can each have a type of that name: the wider one counts.
				if all, exported := names(s.Fields); all > at(n.Name.Name).Fields {
					at(n.Name.Name).Fields, at(n.Name.Name).Exported = all, exported
				}
			case *ast.InterfaceType:
				at(n.Name.Name).Methods, _ = names(s.Methods)
			}
		case *ast.FuncDecl:
			if n.Recv != nil {
				at(receiver(n.Recv.List[0].Type)).Methods++
			}
		}
		return true
	})
}

// names counts the fields of a list, and the exported ones; one without a name is embedded and counts as one of each.
func names(list *ast.FieldList) (all, exported int) {
	for _, f := range list.List {
		if len(f.Names) == 0 {
			all, exported = all+1, exported+1
		}
		for _, name := range f.Names {
			all++
			if name.IsExported() {
				exported++
			}
		}
	}
	return all, exported
}

// receiver names the type of a method without pointer and type parameters.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// Exported are the names of a package that its documentation lists: types, functions, constants and variables,
// sorted. Fields and methods are not among them.
func (p *Package) Exported() (names []string) {
	for _, name := range p.Types.Scope().Names() {
		if ast.IsExported(name) {
			names = append(names, name)
		}
	}
	return names
}
