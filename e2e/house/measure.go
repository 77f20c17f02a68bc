package main

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/dagscope/dagscope/e2e/internal/survey"
)

// column is what was measured of one tree.
type column struct {
	name     string
	lines    map[string]int // of Go, by purpose
	widths   []survey.Width // of the product, widest first
	exported int            // names in package engine
	comments survey.Dialect // of comments
	texts    survey.Dialect // of what the program says
	names    survey.Dialect // of what is declared
	arrows   []arrows       // by package, most back first
	passed   []string       // files on the way of a claim
	scripts  int            // Lua files of the same way
}

type arrows struct {
	path string
	survey.Arrows
}

func measure(dir string, words survey.Words) (column, error) {
	c := column{lines: map[string]int{}}
	files, err := survey.Files(dir)
	if err != nil {
		return c, err
	}
	for name, source := range files {
		c.count(name, source)
	}
	c.comments, c.texts, c.names = words.Dialect(files)
	tree, err := survey.Load(dir, module)
	if err != nil {
		return c, err
	}
	for _, w := range tree.Widths() {
		if survey.Purpose(path.Join(w.Package, "x.go")) == "product" {
			c.widths = append(c.widths, w)
		}
	}
	if p := tree.Find("engine"); p != nil {
		c.exported = len(p.Exported())
	}
	for _, p := range tree.Packages {
		if survey.Purpose(path.Join(p.Path, "x.go")) == "product" {
			c.arrows = append(c.arrows, arrows{p.Path, tree.Arrows(p)})
		}
	}
	slices.SortFunc(c.arrows, func(a, b arrows) int {
		return cmp.Or(cmp.Compare(len(b.Back), len(a.Back)), cmp.Compare(a.path, b.path))
	})
	begin, err := beginnings(tree)
	c.passed, _ = tree.Reach(begin, way())
	return c, err
}

// count adds one file to the lines.
func (c *column) count(name, source string) {
	if path.Ext(name) == ".go" {
		c.lines[survey.Purpose(name)] += strings.Count(source, "\n")
	}
	if strings.HasPrefix(name, "engine/state/redis/scripts/") {
		c.scripts++
	}
}

// beginnings reads path.txt: of each line the first alternative that the tree has.
func beginnings(tree *survey.Tree) (found []string, err error) {
	for line := range strings.Lines(entries) {
		name, alternatives, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		before := len(found)
		for alternative := range strings.SplitSeq(alternatives, "|") {
			entry := strings.TrimSpace(alternative)
			if _, missing := tree.Reach([]string{entry}, way()); len(missing) == 0 {
				found = append(found, entry)
				break
			}
		}
		if len(found) == before {
			return nil, fmt.Errorf("path.txt: none of %s exists for %s: add its new name", strings.TrimSpace(alternatives), name)
		}
	}
	return found, nil
}
