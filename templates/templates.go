// Package templates renders the pages that the server generates: the shell of the dashboard, the page of an error, the
// login form, the page of a build without a dashboard, the description of the API, and the report of a run.
//
// Every function renders into memory first and writes only complete pages, so that a failing template never leaves half a
// page. All data is escaped for its context, so that names and messages can contain anything. No page but a report
// has inline script or style, so all of them work under a policy that allows neither; AllLinked returns the files that they
// link. Their only script applies the theme chosen in the dashboard; without it they follow the theme of the system.
// Templates are parsed once, when the package is initialised. A page costs about ten microseconds, that of the API about a
// hundred.
package templates

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io"
	"maps"
	"net/http"
	"slices"
)

//go:embed *.html pages.css theme.js report.css report.js
var files embed.FS

// Linked is a file that the pages link as Page.Base + "/assets/" + Name. The name depends on the content, so it can be
// cached for ever. The content must not be modified.
type Linked struct {
	Name    string
	Content []byte
}

// linked has the stylesheet and the script of all pages except the shell, by the names of their sources.
var linked = map[string]Linked{"pages.css": link("pages", ".css"), "theme.js": link("theme", ".js")}

func link(name, ext string) Linked {
	content, err := files.ReadFile(name + ext)
	if err != nil {
		panic(err) // it is embedded
	}
	sum := sha256.Sum256(content)
	return Linked{Name: name + "-" + hex.EncodeToString(sum[:4]) + ext, Content: content}
}

// AllLinked returns the files that pages link, sorted by name.
func AllLinked() []Linked {
	return slices.SortedFunc(maps.Values(linked), func(a, b Linked) int { return cmp.Compare(a.Name, b.Name) })
}

// pages are the parsed templates.
var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"linked":     func(source string) string { return linked[source].Name },
	"statusText": http.StatusText,
}).ParseFS(files, "*.html"))

// Page has the data of every page.
type Page struct {
	Base    string // the path prefix under which the server answers, "" or such as "/x"
	Version string // of the program; empty if unknown
}

// Bootstrap is what the dashboard needs to know before its first request.
type Bootstrap struct {
	BasePath      string `json:"base_path"`
	API           string `json:"api"` // below BasePath
	Version       string `json:"version"`
	TokenRequired bool   `json:"token_required"`
}

// ShellData is the data of Shell. The paths are those of static.Linked.
type ShellData struct {
	Page
	Title     string // default dagscope
	Script    string
	Styles    []string
	Preloads  []string
	Bootstrap Bootstrap
}

// Shell writes the page of the dashboard.
func Shell(w io.Writer, d ShellData) error {
	if d.Title == "" {
		d.Title = "dagscope"
	}
	return render(w, "shell.html", d)
}

// ErrorData is the data of Error.
type ErrorData struct {
	Page
	Status    int    // an HTTP status code
	Detail    string // what happened and what was expected
	RequestID string // empty for none
}

// Error writes the page of an error. It does not set the status of the response.
func Error(w io.Writer, d ErrorData) error { return render(w, "error.html", d) }

// LoginData is the data of Login.
type LoginData struct {
	Page
	Next  string // the path to continue to
	Wrong bool   // the submitted token was wrong
}

// Login writes the form that asks for the token and posts it, as token, with next, to Page.Base + "/login".
func Login(w io.Writer, d LoginData) error { return render(w, "login.html", d) }

// NoDashboardData is the data of NoDashboard.
type NoDashboardData struct{ Page }

// NoDashboard writes the page of a program that was built without the dashboard: how to build it, and what else works.
func NoDashboard(w io.Writer, d NoDashboardData) error { return render(w, "nodashboard.html", d) }

// render writes a page completely or not at all.
func render(w io.Writer, name string, data any) error {
	var page bytes.Buffer
	if err := pages.ExecuteTemplate(&page, name, data); err != nil {
		return fmt.Errorf("templates: %w", err)
	}
	if _, err := w.Write(page.Bytes()); err != nil {
		return fmt.Errorf("templates: %s: %w", name, err)
	}
	return nil
}
