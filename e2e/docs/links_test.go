package docs

import (
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// readmeLines is how long the README may be: it is for a first look, of two minutes.
const readmeLines = 140

func TestReadmeIsShort(t *testing.T) {
	assert.LessOrEqual(t, strings.Count(read(t, "README.md"), "\n"), readmeLines)
}

// TestLinks follows each link of a Markdown file to a file of this repository, and to its headings.
func TestLinks(t *testing.T) {
	pages := markdown(t)
	require.Greater(t, len(pages), 30)
	for _, name := range pages {
		for _, problem := range brokenLinks(name, read(t, name), func(file string) (string, bool) {
			content, err := os.ReadFile(filepath.Join(root(t), file))
			if err != nil {
				info, err := os.Stat(filepath.Join(root(t), file))
				return "", err == nil && info.IsDir()
			}
			return string(content), true
		}) {
			t.Error(problem)
		}
	}
}

// TestDocsAreLinked finds each page of docs from the README or from another page of docs.
func TestDocsAreLinked(t *testing.T) {
	linked := map[string]bool{}
	pages := markdown(t)
	for _, name := range pages {
		for _, to := range links(read(t, name)) {
			file, _, _ := strings.Cut(to, "#")
			linked[path.Join(path.Dir(name), file)] = true
		}
	}
	for _, name := range pages {
		if strings.HasPrefix(name, "docs/") {
			assert.True(t, linked[name], "%s: no page links to it", name)
		}
	}
}

func TestLinksNotices(t *testing.T) {
	files := map[string]string{
		"README.md": "", "docs/a.md": "# A page\n## `Code`, and more!\n", "docs/b/README.md": "", "docs": "",
	}
	find := func(file string) (string, bool) { content, ok := files[file]; return content, ok }
	for _, good := range []string{
		"[x](docs/a.md)", "[x](docs/a.md#a-page)", "[x](docs/a.md#code-and-more)", "[x](https://example.org/nothing)",
		"![two\nlines](docs/a.md)", "```\n[x](gone.md)\n```", "`[x](gone.md)`", "[x](docs/b/../a.md)", "[x](mailto:a@b.c)",
	} {
		assert.Empty(t, brokenLinks("README.md", good, find), good)
	}
	for _, bad := range []string{"[x](gone.md)", "[x](docs/a.md#gone)", "![two\nlines](gone.png)", "[x](#gone)", "[x](../README.md)"} {
		assert.Len(t, brokenLinks("README.md", bad, find), 1, bad)
	}
	assert.Empty(t, brokenLinks("docs/b/README.md", "[x](../a.md)", find))
}

var (
	link    = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	fenced  = regexp.MustCompile("(?ms)^ *```.*?^ *```")
	code    = regexp.MustCompile("`[^`\n]*`")
	heading = regexp.MustCompile(`(?m)^#+ +(.*)$`)
	dropped = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// links are the targets of a page's links and pictures, those in code left out.
func links(page string) (targets []string) {
	page = code.ReplaceAllString(fenced.ReplaceAllString(page, ""), "code")
	for _, match := range link.FindAllStringSubmatch(page, -1) {
		targets = append(targets, match[1])
	}
	return targets
}

// brokenLinks describes the links of a page that lead nowhere. find gives a file of the repository, or an empty text for
// a folder.
func brokenLinks(name, page string, find func(file string) (content string, ok bool)) (problems []string) {
	for _, target := range links(page) {
		if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
			continue
		}
		file, anchor, _ := strings.Cut(target, "#")
		content, ok := page, true
		if file != "" {
			content, ok = find(path.Join(path.Dir(name), file))
		}
		if !ok || anchor != "" && !slices.Contains(anchors(content), anchor) {
			problems = append(problems, fmt.Sprintf("%s: %s leads nowhere", name, target))
		}
	}
	return problems
}

// anchors are what GitHub makes of a page's headings.
func anchors(page string) (names []string) {
	for _, match := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(page, ""), -1) {
		name := dropped.ReplaceAllString(strings.ToLower(match[1]), "")
		names = append(names, strings.ReplaceAll(strings.TrimSpace(name), " ", "-"))
	}
	return names
}

// markdown lists the Markdown files that belong to the repository.
func markdown(t *testing.T) (names []string) {
	t.Helper()
	err := filepath.WalkDir(root(t), func(file string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if slices.Contains([]string{"node_modules", "bin", "dist", ".git", "testdata"}, entry.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(file) == ".md" {
			name, err := filepath.Rel(root(t), file)
			names = append(names, filepath.ToSlash(name))
			return err
		}
		return nil
	})
	require.NoError(t, err)
	return names
}

// TestNotice finds each module that a program contains in NOTICE.
func TestNotice(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}{{end}}{{end}}", "./cmd/...")
	cmd.Dir = root(t)
	out, err := cmd.Output()
	require.NoError(t, err)
	modules := slices.Compact(slices.Sorted(slices.Values(strings.Fields(string(out)))))
	require.Greater(t, len(modules), 20)
	notice := read(t, "NOTICE")
	for _, module := range modules {
		assert.Regexp(t, `(?m)(^|[ ,(])`+regexp.QuoteMeta(module)+`($|[ ,):;])`, notice)
	}
}
