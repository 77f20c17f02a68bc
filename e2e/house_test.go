package e2e

import (
	"fmt"
	"go/ast"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// house is what the tree is held to; architecture_test.go fills it in.
type house struct {
	module                   string
	arrows                   []arrow
	backEnds, pickers        []string
	testKits                 []string
	childrenOnTop            []string
	foundations              []string
	standardOnly             []string
	readers                  []string
	flagParsers, environment []string
	noNames                  []string
	sentences, mainSentences int
	fileLines, functionLines int
}

// arrow says what the packages of one tree may import of the module.
type arrow struct {
	from string
	to   []string
}

// rule is one law of the house; offences lists each breach in a package as one line.
type rule struct {
	name     string
	offences func(pkg) []string
}

func (h house) rules() []rule {
	return []rule{
		{"arrows", h.crookedArrows},
		{"back ends", h.pickedBackEnds},
		{"test kits", h.misplacedKits},
		{"children on top", h.importedChildren},
		{"standard library only", h.foreignImports},
		{"flags and environment", h.readEnvironment},
		{"package names", h.vagueNames},
		{"package comments", h.thinComments},
		{"file length", h.longFiles},
		{"function length", h.longFunctions},
	}
}

func (h house) crookedArrows(p pkg) []string {
	a, ok := h.arrowOf(p.path)
	if !ok {
		return []string{fmt.Sprintf("%s: no row in the table of arrows speaks of it", p.path)}
	}
	return h.ours(p, func(to string) string {
		if slices.ContainsFunc(a.to, func(pattern string) bool { return matches(pattern, to) }) {
			return ""
		}
		return fmt.Sprintf("imports %s, but %s may import of ours only %q", to, a.from, a.to)
	})
}

// arrowOf finds the row with the longest pattern, so that an inner tree can differ.
func (h house) arrowOf(path string) (arrow, bool) {
	var best arrow
	for _, a := range h.arrows {
		if matches(a.from, path) && len(a.from) > len(best.from) {
			best = a
		}
	}
	return best, best.from != ""
}

func (h house) pickedBackEnds(p pkg) []string {
	if within(h.pickers, p.path) || within(h.testKits, p.path) {
		return nil
	}
	return h.ours(p, func(to string) string {
		for _, backEnd := range h.backEnds {
			if matches(backEnd, to) && !matches(backEnd, p.path) {
				return fmt.Sprintf("imports the back end %s, which only %q picks", to, h.pickers)
			}
		}
		return ""
	})
}

// misplacedKits keeps test kits, which may import back ends, out of production and in their place.
func (h house) misplacedKits(p pkg) []string {
	if within(h.testKits, p.path) {
		return nil
	}
	offences := h.ours(p, func(to string) string {
		if !within(h.testKits, to) {
			return ""
		}
		return fmt.Sprintf("imports the test kit %s outside a test", to)
	})
	if strings.HasSuffix(path.Base(p.path), "test") {
		offences = append(offences, fmt.Sprintf("%s: a package for tests, expected in %q", p.path, h.testKits))
	}
	return offences
}

func (h house) importedChildren(p pkg) []string {
	if !within(h.childrenOnTop, p.path) {
		return nil
	}
	return h.ours(p, func(to string) string {
		below, ok := strings.CutPrefix(to, p.path+"/")
		if !ok || slices.Contains(strings.Split(below, "/"), "internal") || within(h.foundations, to) {
			return ""
		}
		return fmt.Sprintf("imports its child %s, which should import it instead", to)
	})
}

func (h house) foreignImports(p pkg) []string {
	if !within(h.standardOnly, p.path) {
		return nil
	}
	return p.imports(func(to string) string {
		first, _, _ := strings.Cut(to, "/")
		if to != "C" && (h.isOurs(to) || !strings.Contains(first, ".")) {
			return ""
		}
		return fmt.Sprintf("imports %s, which is not of Go's own library", to)
	})
}

func (h house) readEnvironment(p pkg) []string {
	if within(h.readers, p.path) || p.name == "main" {
		return nil
	}
	offences := p.imports(func(to string) string {
		if !slices.Contains(h.flagParsers, to) {
			return ""
		}
		return fmt.Sprintf("imports %s, but flags are read in %q alone", to, h.readers)
	})
	for _, f := range p.production() {
		for _, use := range f.uses([]string{"os", "syscall"}, h.environment) {
			offences = append(offences, fmt.Sprintf("%s: uses %s, but the environment is read in %q alone", f.name, use, h.readers))
		}
	}
	return offences
}

func (h house) vagueNames(p pkg) []string {
	for _, name := range append(strings.Split(p.path, "/"), p.name) {
		if slices.Contains(h.noNames, name) {
			return []string{fmt.Sprintf("%s: %q says nothing of what is inside", p.path, name)}
		}
	}
	return nil
}

func (h house) thinComments(p pkg) []string {
	want := h.sentences
	if p.name == "main" {
		want = h.mainSentences
	}
	if got := sentences(p.comment()); got < want {
		return []string{fmt.Sprintf("%s: the package comment has %d sentences, want at least %d", p.path, got, want)}
	}
	return nil
}

var (
	sentenceEnd = regexp.MustCompile(`[^\s.!?][.!?]['")\]]*(\s|$)`)
	// reasoned is a comment that gives a reason for a function's length.
	reasoned = regexp.MustCompile(`\bLong:\s+\w`)
)

// sentences counts full stops and their like at the end of words.
func sentences(text string) int {
	text = strings.NewReplacer("e.g.", "", "i.e.", "", "cf.", "", "vs.", "").Replace(text)
	return len(sentenceEnd.FindAllString(text, -1))
}

func (h house) longFiles(p pkg) []string {
	var offences []string
	for _, f := range p.files {
		if f.lines > h.fileLines && !f.generated() {
			offences = append(offences, fmt.Sprintf("%s: %d lines, split it before %d", f.name, f.lines, h.fileLines))
		}
	}
	return offences
}

func (h house) longFunctions(p pkg) []string {
	var offences []string
	for _, f := range p.files {
		if f.generated() {
			continue
		}
		for _, d := range f.syntax.Decls {
			lines := f.line(d.End()) - f.line(d.Pos()) + 1
			fn, ok := d.(*ast.FuncDecl)
			if !ok || lines <= h.functionLines || reasoned.MatchString(fn.Doc.Text()) {
				continue
			}
			offences = append(offences, fmt.Sprintf("%s: %s has %d lines; over %d it needs a comment with \"Long:\" and the reason",
				f.name, fn.Name.Name, lines, h.functionLines))
		}
	}
	return offences
}

// ours applies verdict to every import of the module's own packages in production code.
func (h house) ours(p pkg, verdict func(to string) string) []string {
	return p.imports(func(to string) string {
		if !h.isOurs(to) {
			return ""
		}
		return verdict(strings.TrimPrefix(strings.TrimPrefix(to, h.module), "/"))
	})
}

func (h house) isOurs(importPath string) bool {
	return matches(h.module+"/...", importPath)
}

func within(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return matches(pattern, path) })
}

// matches reads patterns as go list does: "x/..." is x and all below it.
func matches(pattern, path string) bool {
	tree, ok := strings.CutSuffix(pattern, "...")
	if !ok {
		return pattern == path
	}
	return strings.HasPrefix(path+"/", tree)
}

// imports applies verdict to every import in production code; "" is no offence.
func (p pkg) imports(verdict func(to string) string) []string {
	var offences []string
	for _, f := range p.production() {
		for _, spec := range f.syntax.Imports {
			to, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				offences = append(offences, fmt.Sprintf("%s: import %s: %v", f.name, spec.Path.Value, err))
			} else if breach := verdict(to); breach != "" {
				offences = append(offences, fmt.Sprintf("%s: %s", f.name, breach))
			}
		}
	}
	return offences
}
