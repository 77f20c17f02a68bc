package templates

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// hostile is a text that does harm wherever it is not escaped.
const hostile = `</script><script>alert("1")</script>'"&<b>`

// element is what a test asks of an element of a page.
type element struct {
	name string
	attr map[string]string
	text string // of it and all within, spaces as they are
}

// page is a page that was read, element by element in the order of their beginnings.
type page struct {
	source   string
	elements []*element
}

// read parses a page, in which every element has to be closed.
func read(t *testing.T, source string) page {
	t.Helper()
	p := page{source: source}
	d := xml.NewDecoder(strings.NewReader(source))
	d.Strict, d.AutoClose, d.Entity = false, append(xml.HTMLAutoClose, "input"), xml.HTMLEntity
	var open []*element
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			require.Empty(t, open)
			return p
		}
		require.NoError(t, err, source)
		switch token := token.(type) {
		case xml.StartElement:
			e := &element{name: token.Name.Local, attr: map[string]string{}}
			for _, a := range token.Attr {
				e.attr[a.Name.Local] = a.Value
			}
			open, p.elements = append(open, e), append(p.elements, e)
		case xml.EndElement:
			require.Equal(t, open[len(open)-1].name, token.Name.Local, source)
			open = open[:len(open)-1]
			for _, e := range open {
				if token.Name.Local == "td" || token.Name.Local == "th" {
					e.text += " " // as it looks
				}
			}
		case xml.CharData:
			for _, e := range open {
				e.text += string(token)
			}
		}
	}
}

// all lists the elements of a name.
func (p page) all(name string) (out []*element) {
	for _, e := range p.elements {
		if e.name == name {
			out = append(out, e)
		}
	}
	return out
}

// one is the only element of a name.
func (p page) one(t *testing.T, name string) *element {
	t.Helper()
	found := p.all(name)
	require.Len(t, found, 1, "%s in %s", name, p.source)
	return found[0]
}

// values lists an attribute of all elements of a name.
func (p page) values(name, attribute string) (out []string) {
	for _, e := range p.all(name) {
		out = append(out, e.attr[attribute])
	}
	return out
}

// rendered calls one of the functions of the package.
func rendered[D any](t *testing.T, f func(io.Writer, D) error, data D) page {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, f(&b, data))
	return read(t, b.String())
}

func TestShell(t *testing.T) {
	data := ShellData{
		Page: Page{Base: "/x"}, Script: "/x/assets/main-1.js", Styles: []string{"/x/assets/a.css", "/x/assets/b.css"},
		Preloads: []string{"/x/assets/c.js"}, Bootstrap: Bootstrap{BasePath: "/x", API: "/api/v1", Version: hostile, TokenRequired: true},
	}
	p := rendered(t, Shell, data)
	assert.Equal(t, "dagscope", p.one(t, "title").text)
	assert.Equal(t, "app", p.one(t, "div").attr["id"])
	assert.Contains(t, p.one(t, "noscript").text, "JavaScript")
	assert.Equal(t, []string{"/x/api/docs"}, p.values("a", "href"))

	var styles, preloads []string
	for _, link := range p.all("link") {
		switch link.attr["rel"] {
		case "stylesheet":
			styles = append(styles, link.attr["href"])
		case "modulepreload":
			preloads = append(preloads, link.attr["href"])
		}
	}
	assert.Equal(t, data.Styles, styles)
	assert.Equal(t, data.Preloads, preloads)

	scripts := p.all("script")
	require.Len(t, scripts, 2)
	assert.Equal(t, map[string]string{"type": "module", "src": "/x/assets/main-1.js"}, scripts[1].attr)
	assert.Equal(t, map[string]string{"type": "application/json", "id": "bootstrap"}, scripts[0].attr)
	var got Bootstrap
	require.NoError(t, json.Unmarshal([]byte(scripts[0].text), &got), scripts[0].text)
	assert.Equal(t, data.Bootstrap, got, "whatever is in it, the script ends where it should")

	data.Title = hostile
	assert.Equal(t, hostile, rendered(t, Shell, data).one(t, "title").text)
}

func TestError(t *testing.T) {
	p := rendered(t, Error, ErrorData{Page: Page{Base: "/x", Version: "v1"}, Status: 404, Detail: hostile, RequestID: "7f3a"})
	assert.Equal(t, "404 Not Found", p.one(t, "h1").text)
	assert.Equal(t, "404 Not Found · dagscope", p.one(t, "title").text)
	assert.Contains(t, p.one(t, "main").text, hostile)
	assert.Equal(t, "7f3a", p.all("code")[0].text)
	assert.Contains(t, p.values("a", "href"), "/x/")
	assert.Equal(t, "v1", p.one(t, "header").text[strings.Index(p.one(t, "header").text, "v1"):][:2])
	assert.Empty(t, rendered(t, Error, ErrorData{Status: 500}).all("code"), "no request id")
}

func TestLogin(t *testing.T) {
	p := rendered(t, Login, LoginData{Page: Page{Base: "/x"}, Next: `/runs/1?t="2"&u=3`})
	form := p.one(t, "form")
	assert.Equal(t, "post", form.attr["method"])
	assert.Equal(t, "/x/login", form.attr["action"])
	assert.Equal(t, []string{"next", "token"}, p.values("input", "name"))
	assert.Equal(t, `/runs/1?t="2"&u=3`, p.all("input")[0].attr["value"])
	assert.Equal(t, "password", p.all("input")[1].attr["type"])
	assert.Equal(t, p.all("input")[1].attr["id"], p.one(t, "label").attr["for"])
	assert.NotContains(t, p.source, "alert")
	assert.Contains(t, rendered(t, Login, LoginData{Wrong: true}).source, `role="alert">That is not the token`)
}

func TestNoDashboard(t *testing.T) {
	p := rendered(t, NoDashboard, NoDashboardData{Page{Base: "/x"}})
	assert.Equal(t, "make static && make build", p.all("pre")[0].text)
	for _, path := range []string{"/x/api/docs", "/x/api/openapi.json", "/x/api/v1/runs", "/x/metrics"} {
		assert.Contains(t, p.values("a", "href"), path)
	}
}

// TestPagesAreSafe: the policy allows neither inline script nor style, nor anything from elsewhere.
func TestPagesAreSafe(t *testing.T) {
	base := Page{Base: "/x", Version: hostile}
	for name, p := range map[string]page{
		"shell":       rendered(t, Shell, ShellData{Page: base, Script: "/x/assets/a.js"}),
		"error":       rendered(t, Error, ErrorData{Page: base, Status: 400, Detail: hostile, RequestID: hostile}),
		"login":       rendered(t, Login, LoginData{Page: base, Next: hostile, Wrong: true}),
		"nodashboard": rendered(t, NoDashboard, NoDashboardData{base}),
		"apidocs":     rendered(t, APIDocs, docsData(t)),
	} {
		assert.Equal(t, "en", p.one(t, "html").attr["lang"], name)
		assert.Empty(t, p.all("style"), name)
		for _, e := range p.elements {
			if e.name == "script" && e.attr["type"] != "application/json" {
				assert.NotEmpty(t, e.attr["src"], name)
				assert.Empty(t, e.text, name)
			}
			for attribute, value := range e.attr {
				assert.False(t, attribute == "style" || strings.HasPrefix(attribute, "on"), "%s: %s of %s", name, attribute, e.name)
				if attribute == "href" || attribute == "src" || attribute == "action" {
					assert.Regexp(t, `^(/x/|#|data:image/svg)`, value, "%s: %s", name, e.name)
				}
			}
		}
		if name != "shell" {
			assert.Contains(t, p.values("link", "href"), "/x/assets/"+linked["pages.css"].Name, name)
			assert.Equal(t, []string{"/x/assets/" + linked["theme.js"].Name}, p.values("script", "src"), name)
		}
	}
}

// TestRenderWritesNothingHalf: a page that fails writes nothing.
func TestRenderWritesNothingHalf(t *testing.T) {
	var b bytes.Buffer
	require.Error(t, render(&b, "error.html", struct{ Page }{}))
	assert.Empty(t, b.String())
	err := Error(failing{}, ErrorData{Status: 404})
	require.ErrorIs(t, err, io.ErrClosedPipe)
	assert.ErrorContains(t, err, "error.html")
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// TestThemeIsTheDashboards: the script reads the choice from where the dashboard keeps it.
func TestThemeIsTheDashboards(t *testing.T) {
	source, err := os.ReadFile("../static/src/view/state/theme.svelte.ts")
	require.NoError(t, err)
	key := regexp.MustCompile(`const KEY = ('[^']+')`)
	kept, read := key.FindSubmatch(source), key.FindSubmatch(linked["theme.js"].Content)
	require.Len(t, kept, 2)
	require.Len(t, read, 2)
	assert.Equal(t, string(kept[1]), string(read[1]))
}

// TestStylesheetColours: the pages look like the dashboard, whose colours are in its tokens.
func TestStylesheetColours(t *testing.T) {
	found, err := filepath.Glob("../static/src/tokens.css")
	require.NoError(t, err)
	if len(found) == 0 {
		t.Skip("there is no tokens.css yet")
	}
	raw, err := os.ReadFile(found[0])
	require.NoError(t, err)
	tokens := tokensOf(string(raw))
	for name, values := range tokensOf(string(linked["pages.css"].Content)) {
		if strings.HasPrefix(name, "--font") {
			continue // one theme only
		}
		require.NotEmpty(t, tokens[name], name)
		assert.Equal(t, tokens[name], values, name)
	}
}

// tokensOf lists the values that custom properties are given, in the order of the file.
func tokensOf(css string) map[string][]string {
	out := map[string][]string{}
	for _, m := range regexp.MustCompile(`(?m)(--[\w-]+):\s*([^;]+);`).FindAllStringSubmatch(css, -1) {
		out[m[1]] = append(out[m[1]], strings.ToLower(m[2]))
	}
	return out
}
