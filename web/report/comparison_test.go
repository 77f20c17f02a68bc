package report_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/compare"
	"github.com/dagscope/dagscope/web/report"
)

var (
	policyOf  = regexp.MustCompile(`Content-Security-Policy" content="([^"]*)"`)
	widths    = regexp.MustCompile(`<rect class="\w+" x="[^"]*" width="([^"]*)"`)
	sheetText = regexp.MustCompile(`(?s)<style>(.*?)</style>`)
	cells     = regexp.MustCompile(`<tr><td>makespan</td><td></td><td>([^<]*)</td><td>([^<]*)</td><td(?: class="bad")?>([^<]*)</td></tr>`)
)

// TestComparison: the page of two runs has what the comparison has, escaped, with the longer path as wide as the picture;
// its policy allows its own sheet and nothing else.
func TestComparison(t *testing.T) {
	s := newService(t, dashboard())
	queries, err := metricsstore.NewQueries(s.store)
	require.NoError(t, err)
	base, err := s.store.Run(t.Context(), s.run("tree-reduction", 8))
	require.NoError(t, err)
	run, err := s.store.Run(t.Context(), s.run("tree-reduction", 8))
	require.NoError(t, err)
	c, err := compare.RunWithBase(t.Context(), queries, []metricsstore.Run{base}, &run)
	require.NoError(t, err)
	c.Evidence = `<b>"1"</b>`
	var b bytes.Buffer
	require.NoError(t, report.WriteComparison(&b, c, "v1.2.3"))
	page := b.String()

	policy := html.UnescapeString(policyOf.FindStringSubmatch(page)[1])
	assert.Contains(t, policy, "default-src 'none';")
	assert.NotRegexp(t, `connect-src|unsafe|http|\*`, policy)
	sum := sha256.Sum256([]byte(sheetText.FindStringSubmatch(page)[1]))
	assert.Contains(t, policy, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
	assert.NotRegexp(t, `<script|<b>| style=|(src|href)="?(https?:)?//`, page)
	assert.Contains(t, page, "v1.2.3")

	assert.Len(t, cells.FindAllStringSubmatch(page, -1), 1)
	for _, f := range c.Functions {
		assert.Contains(t, page, fmt.Sprintf("<tr><td>%s</td><td>%d</td><td>%d</td><td>%.2f</td>", f.Function, f.BaseTasks, f.RunTasks, *f.Ratio))
	}
	for _, part := range c.Decomposition.Parts {
		assert.Contains(t, page, fmt.Sprintf("<tr><td>%s</td><td>%s</td>", part.Function, part.Phase))
	}
	longest := 0.0
	for _, bar := range strings.Split(page, `<svg class="path"`)[1:] {
		sum := 0.0
		for _, m := range widths.FindAllStringSubmatch(bar, -1) {
			width, err := strconv.ParseFloat(m[1], 64)
			require.NoError(t, err)
			sum += width
		}
		longest = max(longest, sum)
	}
	assert.InDelta(t, 960, longest, 0.01)
}

// TestComparisonOfALiveRun: there is nothing that explains a makespan yet, and the page says so.
func TestComparisonOfALiveRun(t *testing.T) {
	c := &compare.Comparison{Evidence: "so far", Alignment: compare.Alignment{Method: "identity"}, Run: compare.Compared{Run: "b", Tasks: 3}, Base: compare.Compared{Run: "a"}}
	var b bytes.Buffer
	require.NoError(t, report.WriteComparison(&b, c, ""))
	assert.Contains(t, b.String(), "Run b, 0 of 3 tasks executed, against run a.")
	assert.NotRegexp(t, `<table>|<svg`, b.String())
}
