package docs

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/metricsstore/importer"
)

var quoted = regexp.MustCompile("`([^`]+)`")

// TestFormats: the page of formats has a row for each format that can be imported, and for no other.
func TestFormats(t *testing.T) {
	page, err := os.ReadFile("../../docs/formats.md")
	require.NoError(t, err)
	var listed, known []string
	for line := range strings.Lines(string(page)) {
		cell, _, isRow := strings.Cut(strings.TrimPrefix(line, "| "), " | ")
		if !isRow || !strings.HasPrefix(line, "| `") {
			continue
		}
		for _, name := range quoted.FindAllStringSubmatch(cell, -1) {
			listed = append(listed, name[1])
		}
	}
	for _, f := range importer.Formats() {
		known = append(known, f.Name())
	}
	slices.Sort(listed)
	slices.Sort(known)
	require.Equal(t, known, listed)
}
