package survey

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Words are turns that comments and texts avoid.
type Words struct {
	any     *regexp.Regexp
	instead map[string]string // by turn in lower case
}

// ParseWords reads a list: a line each of turns, separated by commas, then "->" and what to write instead. Lines that
// begin with # are comments.
func ParseWords(list string) (Words, error) {
	w := Words{instead: map[string]string{}}
	var turns []string
	for n, line := range strings.Split(list, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		left, instead, ok := strings.Cut(line, "->")
		if !ok {
			return w, fmt.Errorf("line %d is %q, expected turns, -> and what to write instead", n+1, line)
		}
		for turn := range strings.SplitSeq(left, ",") {
			turn = strings.TrimSpace(turn)
			w.instead[strings.ToLower(turn)] = strings.TrimSpace(instead)
			turns = append(turns, strings.ReplaceAll(regexp.QuoteMeta(turn), " ", `\s+`))
		}
	}
	if len(turns) == 0 {
		return w, fmt.Errorf("the list has no turns")
	}
	any, err := regexp.Compile(`(?i)\b(?:` + strings.Join(turns, "|") + `)\b`)
	w.any = any
	return w, err
}

// Found are the turns in a text, in lower case and with single blanks.
func (w Words) Found(text string) (turns []string) {
	for _, turn := range w.any.FindAllString(text, -1) {
		turns = append(turns, strings.Join(strings.Fields(strings.ToLower(turn)), " "))
	}
	return turns
}

// Instead is what to write instead of a turn that was found.
func (w Words) Instead(turn string) string { return w.instead[turn] }

// Prose is what a file says to people.
type Prose struct {
	Comments []Passage // without their markers; what is on one line or in one block is one
	Texts    []Passage // string literals of three words and more, and what a component shows
}

// Passage is a piece of prose.
type Passage struct {
	Line int // where it begins, from 1; of the markup of a component 0
	Text string
}

// ProseOf reads a file by its ending: Go, TypeScript, JavaScript, Svelte, CSS, Lua, Python, shell, and none as of a
// Makefile. ok is false for all others.
func ProseOf(name, source string) (p Prose, ok bool) {
	switch path.Ext(name) {
	case ".go", ".ts", ".js":
		p.scan(source, 1, "//", "/*", "*/", "\"'`")
	case ".css":
		p.scan(source, 1, "", "/*", "*/", "\"'")
	case ".lua":
		p.scan(source, 1, "--", "--[[", "]]", "\"'")
	case ".py", ".sh", "":
		p.scan(source, 1, "#", "", "", "\"'")
	case ".svelte":
		p.scanComponent(source)
	default:
		return p, false
	}
	return p, true
}

// spoken is a text of at least three words, as people write them.
var spoken = regexp.MustCompile(`[A-Za-z]{2,}[,;:]?\s+[a-z]+[,;:]?\s+[a-z]+`)

func (p *Prose) say(line int, text string) {
	if spoken.MatchString(text) {
		p.Texts = append(p.Texts, Passage{line, text})
	}
}

// scan walks over a source that begins at a line, whose comments begin with the given markers, "" for none, and whose
// strings are in the given quotes. A string in " or ' ends with its line at the latest, so that a stray quote does no
// harm.
func (p *Prose) scan(source string, first int, line, open, closing, quotes string) {
	for at, seen := 0, 0; at < len(source); {
		first += strings.Count(source[seen:at], "\n")
		seen = at
		rest := source[at:]
		switch {
		case open != "" && strings.HasPrefix(rest, open):
			body, _, _ := strings.Cut(rest[len(open):], closing)
			p.Comments = append(p.Comments, Passage{first, body})
			at += len(open) + len(body) + len(closing)
		case line != "" && strings.HasPrefix(rest, line):
			body, _, _ := strings.Cut(rest[len(line):], "\n")
			p.Comments = append(p.Comments, Passage{first, body})
			at += len(line) + len(body)
		case strings.IndexByte(quotes, rest[0]) >= 0:
			n := quoted(rest)
			p.say(first, rest[1:max(n-1, 1)])
			at += n
		default:
			at++
		}
	}
}

// quoted is the length of the string literal that a text begins with.
func quoted(text string) int {
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && text[0] != '`':
			i++
		case text[i] == text[0]:
			return i + 1
		case text[i] == '\n' && text[0] != '`':
			return i
		}
	}
	return len(text)
}

var (
	component = regexp.MustCompile(`(?s)<(script|style)[^>]*>(.*?)</(?:script|style)>`)
	remark    = regexp.MustCompile(`(?s)<!--(.*?)-->`)
	between   = regexp.MustCompile(`[^<>{}]+`)
)

// scanComponent reads the script and the style of a Svelte component, and the words of its markup.
func (p *Prose) scanComponent(source string) {
	for _, part := range component.FindAllStringSubmatchIndex(source, -1) {
		line := "//"
		if source[part[2]:part[3]] == "style" {
			line = ""
		}
		p.scan(source[part[4]:part[5]], 1+strings.Count(source[:part[4]], "\n"), line, "/*", "*/", "\"'`")
	}
	markup := component.ReplaceAllString(source, "")
	for _, comment := range remark.FindAllStringSubmatch(markup, -1) {
		p.Comments = append(p.Comments, Passage{0, comment[1]})
	}
	for _, text := range between.FindAllString(remark.ReplaceAllString(markup, ""), -1) {
		p.say(0, text)
	}
}

// Dialect counts words, and those turns in them that should be avoided.
type Dialect struct {
	Words    int
	Findings []Finding
}

// Finding is a turn in a file.
type Finding struct {
	File    string
	Passage Passage
	Turn    string
}

// Rate is the number of findings in 10,000 words.
func (d Dialect) Rate() float64 { return float64(len(d.Findings)) * 10_000 / float64(max(d.Words, 1)) }

// Dialect reads files by name: their comments, the texts of those that are not tests, and the names that Go declares.
func (w Words) Dialect(files map[string]string) (comments, texts, names Dialect) {
	for _, name := range slices.Sorted(maps.Keys(files)) {
		prose, ok := ProseOf(name, files[name])
		if !ok || strings.Contains(files[name][:min(len(files[name]), 200)], "DO NOT EDIT") {
			continue
		}
		w.count(&comments, name, prose.Comments)
		if !strings.Contains(name, "_test.go") && !strings.Contains(name, "/test/") {
			w.count(&texts, name, prose.Texts)
		}
		if path.Ext(name) == ".go" {
			w.count(&names, name, declared(name, files[name]))
		}
	}
	return comments, texts, names
}

func (w Words) count(d *Dialect, file string, passages []Passage) {
	for _, p := range passages {
		d.Words += len(strings.Fields(p.Text))
		for _, turn := range w.Found(p.Text) {
			d.Findings = append(d.Findings, Finding{file, p, turn})
		}
	}
}
