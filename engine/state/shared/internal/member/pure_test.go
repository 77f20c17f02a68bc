package member

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// allowed are the imports of the package. Of time it uses units and durations only.
var allowed = map[string]bool{
	"cmp": true, "errors": true, "fmt": true, "iter": true, "slices": true, "sort": true, "strconv": true, "time": true,
	"github.com/dagscope/dagscope/engine/codec": true, "github.com/dagscope/dagscope/engine/dag": true,
	"github.com/dagscope/dagscope/engine/execution": true, "github.com/dagscope/dagscope/engine/record": true,
	"github.com/dagscope/dagscope/engine/state":        true,
	"github.com/dagscope/dagscope/engine/state/ledger": true,
}

var units = map[string]bool{"Duration": true, "Millisecond": true, "Second": true}

// impurities lists what a file has that depends on anything but its arguments: imports, clocks, goroutines, channels.
func impurities(f *ast.File) (list []string) {
	for _, i := range f.Imports {
		if name, _ := strconv.Unquote(i.Path.Value); !allowed[name] {
			list = append(list, "import of "+name)
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			list = append(list, "a go statement")
		case *ast.ChanType, *ast.SelectStmt, *ast.SendStmt:
			list = append(list, "a channel")
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && !units[n.Sel.Name] {
				list = append(list, "time."+n.Sel.Name)
			}
		}
		return true
	})
	return list
}

func TestTheStateIsPure(t *testing.T) {
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	files := 0
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		files++
		f, err := parser.ParseFile(token.NewFileSet(), e.Name(), nil, 0)
		require.NoError(t, err)
		assert.Empty(t, impurities(f), e.Name())
	}
	assert.Greater(t, files, 5)
}

func TestImpuritiesAreFound(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "x.go", `package x
import ("sync"; "time")
var mu sync.Mutex
func f(c chan int) { go f(nil); _ = time.Now(); _ = time.Second }
`, 0)
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{"import of sync", "a channel", "a go statement", "time.Now"}, impurities(f))
}
