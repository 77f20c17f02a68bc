package survey

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Tree is the packages of one module, without their tests and in an order in which imports come first.
type Tree struct {
	Fset     *token.FileSet
	Packages []*Package
}

// Package is one folder of Go files.
type Package struct {
	Path  string // relative to the module; "." is its root
	Files []*ast.File
	Types *types.Package // incomplete where the sources do not compile
	Info  *types.Info
}

// Find returns the package of a path relative to the module, nil when the tree has none.
func (t *Tree) Find(path string) *Package {
	i := slices.IndexFunc(t.Packages, func(p *Package) bool { return p.Path == path })
	if i < 0 {
		return nil
	}
	return t.Packages[i]
}

// file returns the name, relative to the module, of the file that holds a position.
func (t *Tree) file(at token.Pos) string { return t.Fset.Position(at).Filename }

// listed is what go list says of a package.
type listed struct {
	ImportPath, Dir, Export string
	GoFiles, Imports        []string
	Standard                bool
	Module                  *struct{ Main bool }
}

// own says that a package belongs to the module itself.
func (l listed) own() bool { return l.Module != nil && l.Module.Main }

// Load reads the module in a folder. It runs go list, which compiles packages of other modules where the build cache
// does not have them.
func Load(dir, module string) (*Tree, error) {
	packages, err := goList(dir, "-deps", "./...")
	if err != nil {
		return nil, err
	}
	sources, foreign := map[string]string{}, []string(nil)
	for _, p := range packages {
		if !p.own() {
			foreign = append(foreign, p.ImportPath)
			continue
		}
		below := path.Clean(strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/"))
		for _, name := range p.GoFiles {
			source, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				return nil, err
			}
			sources[path.Join(below, name)] = string(source)
		}
	}
	compiled, err := goList(dir, append([]string{"-export"}, foreign...)...)
	if err != nil {
		return nil, err
	}
	exports := map[string]string{}
	for _, p := range compiled {
		exports[p.ImportPath] = p.Export
	}
	return check(module, sources, exports)
}

// Check makes a tree of sources by file name relative to the module. They can import each other.
func Check(module string, sources map[string]string) (*Tree, error) {
	return check(module, sources, nil)
}

func goList(dir string, args ...string) (packages []listed, err error) {
	cmd := exec.Command("go", append([]string{"list", "-e", "-json=ImportPath,Dir,Export,GoFiles,Imports,Standard,Module"}, args...)...)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list in %s: %w", dir, err)
	}
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages, nil
		} else if err != nil {
			return nil, err
		}
		packages = append(packages, p)
	}
}

// checker type-checks packages on demand, so that imports come before what imports them.
type checker struct {
	tree    *Tree
	module  string
	parsed  map[string][]*ast.File // by import path
	done    map[string]*types.Package
	foreign types.Importer
}

func check(module string, sources, exports map[string]string) (*Tree, error) {
	c := &checker{tree: &Tree{Fset: token.NewFileSet()}, module: module, parsed: map[string][]*ast.File{}, done: map[string]*types.Package{}}
	c.foreign = importer.ForCompiler(c.tree.Fset, "gc", func(path string) (io.ReadCloser, error) {
		if exports[path] == "" {
			return nil, fmt.Errorf("%s has no export data", path)
		}
		return os.Open(exports[path])
	})
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(c.tree.Fset, name, sources[name], parser.ParseComments)
		if err != nil {
			return nil, err
		}
		at := path.Join(module, path.Dir(name))
		c.parsed[at] = append(c.parsed[at], f)
	}
	for _, at := range slices.Sorted(maps.Keys(c.parsed)) {
		_, _ = c.Import(at) // the module's own packages are always found
	}
	return c.tree, nil
}

// Import implements types.Importer.
func (c *checker) Import(at string) (*types.Package, error) {
	if p := c.done[at]; p != nil {
		return p, nil
	}
	files := c.parsed[at]
	if files == nil {
		return c.foreign.Import(at)
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}}
	conf := types.Config{Importer: c, Error: func(error) {}} // what does not resolve is left out
	p, _ := conf.Check(at, c.tree.Fset, files, info)
	c.done[at] = p
	below := path.Clean(strings.TrimPrefix(strings.TrimPrefix(at, c.module), "/"))
	c.tree.Packages = append(c.tree.Packages, &Package{Path: below, Files: files, Types: p, Info: info})
	return p, nil
}
