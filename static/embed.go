// Package static embeds the dashboard as `make static` has built it.
//
// The files lie in dist: hashed scripts and styles below assets, and Vite's list of them, from which Assets takes what
// a page has to link. A build without Node has none of them; everything here works then too, and Built says so, so that
// the server can tell how to get a dashboard. What is embedded costs its size, some hundred KiB, in the program.
//
// Caveats: the files are those of the last `make static` before the Go build, not of the sources beside them. Embedded
// files have no modification time.
package static

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
)

// all: takes names that begin with a dot along, which go:embed otherwise leaves out without a word.
//
//go:embed all:dist
var embedded embed.FS

const (
	// manifest is where Vite lists what it has built.
	manifest = ".vite/manifest.json"
	// entry is the source of the script that a page begins with.
	entry = "src/main.ts"
	// sheet is what Vite calls the styles of all scripts, where it is told not to divide them.
	sheet = "style.css"
)

// FS is what was built, without the prefix dist. It is never nil; where nothing was built it holds no asset.
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

// Pages of the dashboard, as the sources that their code begins with. Each is loaded when it is shown.
const (
	RunPage      Page = "src/view/pages/RunPage.svelte"
	RunsPage     Page = "src/view/pages/RunsPage.svelte"
	InsightsPage Page = "src/view/pages/InsightsPage.svelte"
	WorkersPage  Page = "src/view/pages/WorkersPage.svelte"
)

// Page is what the dashboard shows first at an address.
type Page string

// Linked are the paths that a page of the dashboard links, as the browser asks for them.
type Linked struct {
	Script   string   // the module to begin with
	Styles   []string // in the order in which they apply
	Preloads []string // modules that Script and the page import, so that they need not be discovered
}

// chunk is one entry of Vite's manifest.
type chunk struct {
	File    string   `json:"file"`
	CSS     []string `json:"css"`
	Imports []string `json:"imports"` // keys of other chunks that are loaded with this one
}

// Assets reads from a built dashboard, such as FS, what a page links: the script that all pages begin with, and what this
// one needs to be shown, so that the browser asks for all of it at once. A page that was not built is left out. base is
// what the paths begin with: "" or a prefix such as "/x". The error is fs.ErrNotExist where the dashboard is not built.
func Assets(dist fs.FS, base string, page Page) (Linked, error) {
	raw, err := fs.ReadFile(dist, manifest)
	if err != nil {
		return Linked{}, fmt.Errorf("static: expected a dashboard built by make static: %w", err)
	}
	var chunks map[string]chunk
	if err := json.Unmarshal(raw, &chunks); err != nil {
		return Linked{}, fmt.Errorf("static: %s: expected a list of what Vite has built: %w", manifest, err)
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

// follow adds a chunk behind what it imports, once, so that its styles win over theirs.
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
