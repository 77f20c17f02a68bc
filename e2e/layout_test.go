package e2e

import (
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// layoutPage is where the folders are described.
const layoutPage = "docs/architecture.md"

// opened are the top folders whose own folders the page names as well.
func opened() []string { return []string{"cmd", "engine", "internal", "metricsstore"} }

// TestLayout compares the section "## Layout" of that page with the tree.
func TestLayout(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root(t), layoutPage))
	require.NoError(t, err)
	for _, difference := range layoutDifferences(layoutNames(string(page)), gitFiles(t)) {
		t.Error(difference)
	}
}

// layoutRow is a line that begins with folders in backticks, in a fence, a list or a table.
var (
	layoutRow  = regexp.MustCompile("^\\s*(?:[|*-]\\s*)?((?:`[^`]+`[\\s,·]*)+)")
	layoutName = regexp.MustCompile("`([^`]+)`")
)

// layoutNames reads the folders at the beginning of the lines under "## Layout".
func layoutNames(page string) []string {
	var names []string
	inside, fenced := false, false
	for line := range strings.Lines(page) {
		fence := strings.HasPrefix(strings.TrimSpace(line), "```")
		if fence {
			fenced = !fenced
		}
		if !fenced && strings.HasPrefix(line, "## ") {
			inside = strings.TrimSpace(line) == "## Layout"
		}
		row := layoutRow.FindStringSubmatch(line)
		if fence || !inside || row == nil {
			continue
		}
		for _, name := range layoutName.FindAllStringSubmatch(row[1], -1) {
			names = append(names, strings.TrimSuffix(strings.TrimSuffix(name[1], "..."), "/"))
		}
	}
	return names
}

// layoutDifferences lists the names that are not folders of files, those that occur twice, and
// the folders of the first two levels that are not named. A deeper folder may be named.
func layoutDifferences(names, files []string) []string {
	if len(names) == 0 {
		return []string{layoutPage + ": no folder in backticks begins a line under ## Layout"}
	}
	all, wanted := foldersOf(files)
	var differences []string
	named := map[string]bool{}
	for _, name := range names {
		if named[name] {
			differences = append(differences, layoutPage+": names "+name+" twice")
		}
		if !all[name] {
			differences = append(differences, layoutPage+": names "+name+", which does not exist")
		}
		named[name] = true
	}
	for _, folder := range slices.Sorted(maps.Keys(wanted)) {
		if !named[folder] {
			differences = append(differences, layoutPage+": does not name "+folder)
		}
	}
	return differences
}

// foldersOf are all folders that hold files, and those that the page has to name. A
// folder such as cmd, opened and without a file of its own, is described by what is in it.
func foldersOf(files []string) (all, wanted map[string]bool) {
	all, wanted = map[string]bool{}, map[string]bool{}
	for _, name := range files {
		for folder := path.Dir(name); folder != "."; folder = path.Dir(folder) {
			all[folder] = true
			top, below, nested := strings.Cut(folder, "/")
			isOpened := slices.Contains(opened(), top)
			switch {
			case strings.HasPrefix(folder, "."), below == "internal", below == "testdata":
			case !nested:
				wanted[folder] = wanted[folder] || !isOpened || folder == path.Dir(name)
			case isOpened && !strings.Contains(below, "/"):
				wanted[folder] = true
			}
		}
	}
	maps.DeleteFunc(wanted, func(_ string, is bool) bool { return !is })
	return all, wanted
}

func TestLayoutNotices(t *testing.T) {
	page := "# x\n`before`\n## Layout\nText.\n\n| folder | holds |\n| --- | --- |\n| `cmd/app`, `cmd/dagscope` | mains, not `this` |\n" +
		"```\n`engine`   vocabulary\n# no heading\n`engine/state/`  and `that`\nplain\n```\n### Still inside\n- `digest/...`\n## Tests\n`after`\n"
	names := []string{"cmd/app", "cmd/dagscope", "engine", "engine/state", "digest"}
	assert.Equal(t, names, layoutNames(page))

	files := []string{
		"go.mod", ".ci/run", "cmd/app/a.go", "cmd/dagscope/main.go", "engine/a.go", "engine/internal/q/a.go",
		"engine/state/memory/a.go", "engine/testdata/x", "digest/deeper/a.go",
	}
	assert.Empty(t, layoutDifferences(names, files))
	assert.Empty(t, layoutDifferences(append(names, "engine/state/memory"), files), "deeper folders may be named")

	assert.Len(t, layoutDifferences(nil, files), 1, "no layout at all")
	assert.Equal(t, []string{layoutPage + ": does not name web"}, layoutDifferences(names, append(files, "web/a.go")))
	assert.Equal(t, []string{layoutPage + ": does not name engine/plan"}, layoutDifferences(names, append(files, "engine/plan/a.go")))
	assert.Equal(t, []string{layoutPage + ": names web, which does not exist"}, layoutDifferences(append(names, "web"), files))
	assert.Equal(t, []string{layoutPage + ": does not name engine"}, layoutDifferences([]string{"cmd/app", "cmd/dagscope", "engine/state", "digest"}, files))
	assert.Empty(t, layoutDifferences(append(names, "cmd"), files), "a folder that its own folders describe may be named too")
	assert.Equal(t, []string{layoutPage + ": names digest twice"}, layoutDifferences(append(names, "digest"), files))
}
