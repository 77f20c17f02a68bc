package survey

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
)

// humps are where a name gets its next word: goesOn is two, HTTPServer is, too.
var humps = regexp.MustCompile(`([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])`)

// declared are the names that a Go file declares, their words apart: of functions, types, constants, variables and
// fields. A file that cannot be parsed has none.
func declared(name, source string) (names []Passage) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, source, parser.SkipObjectResolution)
	if err != nil {
		return nil
	}
	add := func(idents ...*ast.Ident) {
		for _, i := range idents {
			names = append(names, Passage{fset.Position(i.Pos()).Line, humps.ReplaceAllString(i.Name, "$1$3 $2$4")})
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			add(n.Name)
		case *ast.TypeSpec:
			add(n.Name)
		case *ast.ValueSpec:
			add(n.Names...)
		case *ast.Field:
			add(n.Names...)
		case *ast.AssignStmt:
			for _, left := range n.Lhs {
				if ident, ok := left.(*ast.Ident); ok && n.Tok == token.DEFINE {
					add(ident)
				}
			}
		}
		return true
	})
	return names
}
