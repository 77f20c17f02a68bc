package static

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestEmbedded opens what a page needs where the dashboard is built, and .keep where it is not: go:embed drops files
// without a word.
func TestEmbedded(t *testing.T) {
	_, err := fs.Stat(FS(), ".keep")
	require.NoError(t, err, "dist/.keep is committed, or a clone without a dashboard would not compile")
	linked, err := Assets(FS(), "/x", RunPage)
	if !Built() {
		require.ErrorIs(t, err, fs.ErrNotExist)
		return
	}
	require.NoError(t, err)
	require.NotEmpty(t, linked.Styles)
	for _, path := range append(append([]string{linked.Script}, linked.Styles...), linked.Preloads...) {
		name, ok := strings.CutPrefix(path, "/x/")
		require.True(t, ok, path)
		content, err := fs.ReadFile(FS(), name)
		require.NoError(t, err)
		assert.NotEmpty(t, content, name)
	}
	for _, page := range []Page{RunPage, RunsPage, ComparePage, InsightsPage, WorkersPage} {
		own, err := Assets(FS(), "/x", page)
		require.NoError(t, err)
		bare, err := Assets(FS(), "/x", "")
		require.NoError(t, err)
		assert.Greater(t, len(own.Preloads), len(bare.Preloads), "%s is not among what was built", page)
	}
}

func TestAssets(t *testing.T) {
	dist := fstest.MapFS{manifest: {Data: []byte(`{
		"style.css": {"file": "assets/style-0.css"},
		"_shared.js": {"file": "assets/shared-1.js", "css": ["assets/shared-1.css"]},
		"_chart.js": {"file": "assets/chart-2.js", "imports": ["_shared.js", "src/main.ts"]},
		"src/late.ts": {"file": "assets/late-3.js", "css": ["assets/late-3.css"], "isDynamicEntry": true},
		"src/view/pages/RunPage.svelte": {"file": "assets/run-5.js", "css": ["assets/run-5.css"], "imports": ["_draw.js", "src/main.ts"],
			"dynamicImports": ["src/late.ts"], "isDynamicEntry": true},
		"_draw.js": {"file": "assets/draw-6.js", "css": ["assets/draw-6.css"], "imports": ["_shared.js"]},
		"src/main.ts": {"file": "assets/main-4.js", "css": ["assets/main-4.css"], "imports": ["_chart.js", "_shared.js"],
			"dynamicImports": ["src/late.ts", "src/view/pages/RunPage.svelte"], "isEntry": true, "src": "src/main.ts"}}`)}}
	linked, err := Assets(dist, "/x", "src/unknown.svelte")
	require.NoError(t, err)
	assert.Equal(t, Linked{
		Script:   "/x/assets/main-4.js",
		Styles:   []string{"/x/assets/style-0.css", "/x/assets/shared-1.css", "/x/assets/main-4.css"},
		Preloads: []string{"/x/assets/shared-1.js", "/x/assets/chart-2.js"},
	}, linked)
	linked, err = Assets(dist, "", RunPage)
	require.NoError(t, err)
	assert.Equal(t, Linked{
		Script:   "/assets/main-4.js",
		Styles:   []string{"/assets/style-0.css", "/assets/shared-1.css", "/assets/main-4.css", "/assets/draw-6.css", "/assets/run-5.css"},
		Preloads: []string{"/assets/shared-1.js", "/assets/chart-2.js", "/assets/draw-6.js", "/assets/run-5.js"},
	}, linked)
}

func TestAssetsRefuses(t *testing.T) {
	for name, c := range map[string]struct{ content, want string }{
		"not JSON": {"<!doctype html>", "expected a manifest of Vite"},
		"no entry": {`{"src/other.ts": {"file": "assets/other.js"}}`, "names no file for src/main.ts"},
		"no file":  {`{"src/main.ts": {"css": ["a.css"]}}`, "names no file for src/main.ts"},
	} {
		_, err := Assets(fstest.MapFS{manifest: {Data: []byte(c.content)}}, "", "")
		assert.ErrorContains(t, err, c.want, name)
	}
}
