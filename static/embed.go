// Package static embeds the dashboard as built by `make static`.
//
// The files are in dist: hashed scripts and styles below assets, and Vite's manifest, from which Assets reads what a page
// has to link. A build without Node.js has none of them; all functions work nevertheless, and Built returns false, so that
// the server can explain how to get a dashboard. The embedded files add their size, a few hundred KiB, to the program.
//
// Caveats: the files are those of the last `make static` before the Go build, not necessarily of the current sources.
// Embedded files have no modification time.
package static

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
)

// all: includes names that begin with a dot, which go:embed otherwise leaves out silently.
//
//go:embed all:dist
var embedded embed.FS

const (
	// manifest is the path of the list of built files.
	manifest = ".vite/manifest.json"
	// entry is the source of the script that every page loads first.
	entry = "src/main.ts"
	// sheet is the name in the manifest of the styles of all scripts, if Vite does not split them.
	sheet = "style.css"
)

// FS returns the built files, without the prefix dist. It is never nil; without a build it has no assets.
func FS() fs.FS {
	dist, err := fs.Sub(embedded, "dist")
	if err != nil {
		panic(err) // dist is a constant and a valid path
	}
	return dist
}

// Built reports whether the dashboard was built into this program.
func Built() bool {
	_, err := fs.Stat(embedded, "dist/"+manifest)
	return err == nil
}

// Report returns script and styles of the dashboard for reports, from a built dashboard such as FS. The error is
// fs.ErrNotExist if it is not built.
func Report(dist fs.FS) (script, styles []byte, err error) {
	for _, file := range []struct {
		name string
		into *[]byte
	}{{"report/report.js", &script}, {"report/report.css", &styles}} {
		if *file.into, err = fs.ReadFile(dist, file.name); err != nil {
			return nil, nil, fmt.Errorf("static: expected a dashboard built by make static: %w", err)
		}
	}
	return script, styles, nil
}

// Pages of the dashboard, as the entry points of their code. Each is loaded when it is shown.
const (
	RunPage      Page = "src/view/pages/RunPage.svelte"
	RunsPage     Page = "src/view/pages/RunsPage.svelte"
	ComparePage  Page = "src/view/pages/ComparePage.svelte"
	InsightsPage Page = "src/view/pages/InsightsPage.svelte"
	WorkersPage  Page = "src/view/pages/WorkersPage.svelte"
)

// Page is the page that the dashboard shows first at an address.
type Page string

// Linked are the paths that a page of the dashboard links, as the browser asks for them.
type Linked struct {
	Script   string   // the first module
	Styles   []string // in the order in which they apply
	Preloads []string // modules that Script and the page import, so that the browser need not discover them
}

// chunk is one entry of Vite's manifest.
type chunk struct {
	File    string   `json:"file"`
	CSS     []string `json:"css"`
	Imports []string `json:"imports"` // keys of other chunks that are loaded with this one
}

// Assets reads from a built dashboard, such as FS, what a page links: the script that all pages load first, and what this
// page imports, so that the browser can request all of it at once. A page that was not built is left out. base is the
// prefix of paths: empty, or such as "/x". The error is fs.ErrNotExist if the dashboard is not built.
func Assets(dist fs.FS, base string, page Page) (Linked, error) {
	raw, err := fs.ReadFile(dist, manifest)
	if err != nil {
		return Linked{}, fmt.Errorf("static: expected a dashboard built by make static: %w", err)
	}
	var chunks map[string]chunk
	if err := json.Unmarshal(raw, &chunks); err != nil {
		return Linked{}, fmt.Errorf("static: %s: expected a manifest of Vite: %w", manifest, err)
	}
	main, ok := chunks[entry]
	if !ok || main.File == "" {
		return Linked{}, fmt.Errorf("static: %s names no file for %s", manifest, entry)
	}
	linked := Linked{Script: base + "/" + main.File}
	if styles := chunks[sheet].File; styles != "" {
		linked.Styles = append(linked.Styles, base+"/"+styles)
	}
	seen := map[string]bool{}
	linked.follow(chunks, entry, base, seen)
	linked.follow(chunks, string(page), base, seen)
	return linked, nil
}

// follow adds a chunk once, after what it imports, so that its styles override theirs.
func (l *Linked) follow(chunks map[string]chunk, key, base string, seen map[string]bool) {
	if seen[key] {
		return
	}
	seen[key] = true
	for _, imported := range chunks[key].Imports {
		l.follow(chunks, imported, base, seen)
	}
	c := chunks[key]
	for _, css := range c.CSS {
		l.Styles = append(l.Styles, base+"/"+css)
	}
	if key != entry && c.File != "" {
		l.Preloads = append(l.Preloads, base+"/"+c.File)
	}
}
