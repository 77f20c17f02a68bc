package e2e

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// pkg is one folder of Go files. Files of every build constraint belong to it.
type pkg struct {
	path  string // relative to the module
	name  string // of the production code, else of the tests
	files []file
}

type file struct {
	name   string // relative to the module
	syntax *ast.File
	tokens *token.FileSet
	lines  int
}

// parse makes packages, sorted by path, of sources by file name relative to the module.
func parse(sources map[string]string) ([]pkg, error) {
	byPath := map[string]*pkg{}
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		tokens := token.NewFileSet()
		syntax, err := parser.ParseFile(tokens, name, sources[name], parser.ParseComments)
		if err != nil {
			return nil, err
		}
		p := byPath[path.Dir(name)]
		if p == nil {
			p = &pkg{path: path.Dir(name)}
			byPath[p.path] = p
		}
		f := file{name: name, syntax: syntax, tokens: tokens, lines: strings.Count(sources[name], "\n")}
		if p.name == "" || !f.isTest() {
			p.name = strings.TrimSuffix(syntax.Name.Name, "_test")
		}
		p.files = append(p.files, f)
	}
	var packages []pkg
	for _, key := range slices.Sorted(maps.Keys(byPath)) {
		packages = append(packages, *byPath[key])
	}
	return packages, nil
}

func (p pkg) production() []file {
	return slices.DeleteFunc(slices.Clone(p.files), file.isTest)
}

// comment is the longest package comment; a package of tests alone may have it there.
func (p pkg) comment() string {
	files := p.production()
	if len(files) == 0 {
		files = p.files
	}
	longest := ""
	for _, f := range files {
		if text := f.syntax.Doc.Text(); len(text) > len(longest) {
			longest = text
		}
	}
	return longest
}

func (f file) isTest() bool { return strings.HasSuffix(f.name, "_test.go") }

func (f file) generated() bool { return ast.IsGenerated(f.syntax) }

func (f file) line(at token.Pos) int { return f.tokens.Position(at).Line }

// uses finds names of the standard packages wanted, under whatever name they are imported.
func (f file) uses(wanted, names []string) []string {
	local, found := map[string]string{}, []string(nil)
	for _, spec := range f.syntax.Imports {
		to, err := strconv.Unquote(spec.Path.Value)
		if err != nil || !slices.Contains(wanted, to) {
			continue
		}
		switch {
		case spec.Name == nil:
			local[to] = to
		case spec.Name.Name == ".":
			found = append(found, "all of "+to) // any name of it could follow
		default:
			local[spec.Name.Name] = to
		}
	}
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		selector, ok := n.(*ast.SelectorExpr)
		if !ok || !slices.Contains(names, selector.Sel.Name) {
			return true
		}
		// An identifier with an object is a variable that hides the import.
		if x, ok := selector.X.(*ast.Ident); ok && x.Obj == nil && local[x.Name] != "" {
			found = append(found, local[x.Name]+"."+selector.Sel.Name)
		}
		return true
	})
	return found
}

// goList parses every package of the module that go list names below the root.
func goList(t *testing.T, module string) []pkg {
	t.Helper()
	sources := map[string]string{}
	for _, dir := range packageFolders(t, module) {
		entries, err := os.ReadDir(filepath.Join(root(t), dir))
		require.NoError(t, err)
		for _, entry := range entries {
			name := entry.Name()
			if filepath.Ext(name) != ".go" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") {
				continue
			}
			source, err := os.ReadFile(filepath.Join(root(t), dir, name))
			require.NoError(t, err)
			sources[path.Join(dir, name)] = string(source)
		}
		// go test remembers a pass until something that the test opened changes, and what
		// go list opens it does not see: opening the parents makes it notice a new folder.
		for parent := dir; parent != "."; {
			parent = path.Dir(parent)
			_, err := os.ReadDir(filepath.Join(root(t), parent))
			require.NoError(t, err)
		}
	}
	packages, err := parse(sources)
	require.NoError(t, err)
	return packages
}

// packageFolders asks go list, with -e so that a package which does not compile is held to
// the rules as well.
func packageFolders(t *testing.T, module string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-e", "-json=ImportPath", "./...")
	cmd.Dir, cmd.Stderr = root(t), os.Stderr
	out, err := cmd.Output()
	require.NoError(t, err)
	var folders []string
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var listed struct{ ImportPath string }
		err := decoder.Decode(&listed)
		if errors.Is(err, io.EOF) {
			return folders
		}
		require.NoError(t, err)
		folder, ok := strings.CutPrefix(listed.ImportPath+"/", module+"/")
		require.True(t, ok, "%s is not in %s", listed.ImportPath, module)
		folders = append(folders, path.Clean(folder))
	}
}

// root is the folder of go.mod.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("..")
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(dir, "go.mod"))
	return dir
}
