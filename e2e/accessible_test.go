package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// violation is what axe has found against one of its rules.
type violation struct {
	ID, Impact, Help string
	Nodes            []struct {
		HTML           string
		FailureSummary string
	}
}

// TestAccessible: axe finds nothing serious on any page, in either theme.
func TestAccessible(t *testing.T) {
	axe, err := os.ReadFile(filepath.Join(root(t), "static", "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		require.False(t, requireBrowser(), "axe-core is not installed: make static")
		t.Skip("axe-core is not installed: make static")
	}
	u := newUser(t)
	recorded := u.importsJobs()
	s, b := dashboard(t, u)
	var last summary
	for range 3 {
		last = s.ended(s.submit(submission{Workflow: "image-filters"}).Run)
	}
	failed := s.ended(s.submit(submission{Workflow: "flaky", Params: map[string]string{"fails": "9"}}).Run)
	live := s.submit(submission{Workflow: "fixed-times", Params: map[string]string{"unit": "1h"}})
	s.until(live.Run, "tasks under way", func(got summary) bool { return got.Tasks.Running > 0 })
	command(b, page.SetBypassCSP, page.SetBypassCSPParams{Enabled: true}) // for axe alone
	pages := map[string]string{
		"runs": "/", "no runs": "/?q=nothing+is+named+so", "run": "/runs/" + last.Run, "failed run": "/runs/" + failed.Run + "?task=1",
		"imported run": "/runs/" + recorded, "comparison": "/compare/last-good..." + last.Run, "live run": "/runs/" + live.Run,
		"insights": "/insights", "workers": "/workers", "no such page": "/nothing", "api": "/api/docs",
	}
	b.accept("404") // of the page that is not there
	for _, theme := range []string{"light", "dark"} {
		command(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
		})
		for name, path := range pages {
			t.Run(name+" "+theme, func(t *testing.T) {
				b.t, s.t = t, t
				b.show(name, s.url+path)
				for _, v := range b.violations(string(axe)) {
					if v.Impact == "serious" || v.Impact == "critical" {
						assert.Fail(t, v.ID+": "+v.Help, "%+v", v.Nodes)
					}
				}
			})
		}
	}
	b.t, s.t = t, t
	s.ends()
}

// show opens one of the pages and waits until nothing on it changes.
func (b *tab) show(name, url string) {
	b.t.Helper()
	b.do(chromedp.Navigate(url))
	switch name {
	case "api":
	case "run", "failed run", "imported run", "comparison":
		b.complete()
	case "live run", "no such page": // the one never rests, the other has nothing to load
		b.until("the page has something to show", "document.querySelector('main')?.innerText.trim().length > 20")
	default:
		b.idle()
	}
	b.until("nothing moves", "document.getAnimations().length === 0")
}

// violations runs axe on the page.
func (b *tab) violations(axe string) []violation {
	b.t.Helper()
	value[bool](b, axe+"; true")
	return value[[]violation](b, `axe.run(document, { resultTypes: ['violations'] }).then((r) => r.violations.map((v) => ({
		id: v.id, impact: v.impact, help: v.help,
		nodes: v.nodes.slice(0, 3).map((n) => ({ html: n.html, failureSummary: n.failureSummary })) })))`)
}
