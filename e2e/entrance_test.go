package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestTokenInBrowser signs in, below a path prefix, and gets to the page that was asked for, live.
func TestTokenInBrowser(t *testing.T) {
	u := newUser(t)
	token := "a-token-of-some-length"
	file := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte(token), 0o600))
	b := newTab(t)
	s := u.serve("--token-file", file, "--base-path", "/scope")
	s.viewer = b
	s.header.Set("Authorization", "Bearer "+token)
	hasDashboard(t, s)
	run := s.submit(submission{Workflow: "fixed-times", Params: map[string]string{"unit": "1h"}})

	b.accept("401") // of the page that asks for the token
	b.do(chromedp.Navigate(s.url + "/runs/" + run.Run))
	b.find("textbox", "Token").fill("not the token at all")
	b.find("button", "Sign in").click()
	b.find("alert", "")
	assert.Contains(t, b.seen(), "That is not the token of this server.")
	b.find("textbox", "Token").fill(token)
	b.find("button", "Sign in").click()
	b.until("the run's page, live", `Object.values(window.dagscope?.states?.(window.dagscope.endNs()) ?? {}).includes('running')`)
	assert.Equal(t, "/scope/runs/"+run.Run, value[string](b, "location.pathname"))
	assert.NotContains(t, value[string](b, "document.cookie"), token, "no script can read it")
	b.find("button", "Cancel…").click()
	b.find("button", "Cancel the run").click()
	b.until("the end of the run", "window.dagscope.run().status === 'cancelled' && window.dagscope.run().complete")
	b.find("link", "Workers").click()
	b.find("table", "Live workers")
	assert.Equal(t, "/scope/workers", value[string](b, "location.pathname"))
	s.ends()
}

// TestSocketsBlocked: where there are no sockets, a run is watched all the same.
func TestSocketsBlocked(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	command(b, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: `
		window.WebSocket = class extends EventTarget {
			constructor() { super(); queueMicrotask(() => { for (const kind of ['error', 'close']) { const e = new Event(kind); this['on' + kind]?.(e); this.dispatchEvent(e); } }); }
			send() {} close() {}
		};`})
	s := newUser(t).serve()
	hasDashboard(t, s)
	s.viewer = b
	run := s.submit(submission{Workflow: "fixed-times", Params: map[string]string{"unit": "2s"}})
	b.do(chromedp.Navigate(s.url + "/runs/" + run.Run))
	b.until("tasks that are done in a run that goes on", `(() => {
		const d = window.dagscope;
		return d?.run?.()?.status === 'running' && Object.values(d.states(d.endNs())).includes('succeeded');
	})()`)
	b.complete()
	assert.Equal(t, map[string]int{"succeeded": s.ended(run.Run).Tasks.Total}, tally(b.states(b.endNS())))
	s.ends()
}

// TestOwnPages: the pages that the server writes itself are whole, and say what they should.
func TestOwnPages(t *testing.T) {
	b := newTab(t)
	s := newUser(t).serve()
	s.viewer = b
	b.do(chromedp.Navigate(s.url + "/api/docs"))
	b.find("heading", "dagscope…")
	b.find("link", "POST /api/v1/runs").click()
	assert.Contains(t, b.seen(), "curl -sS")
	background := func() string { return value[string](b, "getComputedStyle(document.body).backgroundColor") }
	assert.Equal(t, "rgb(246, 246, 244)", background(), "the stylesheet is there")
	b.find("button", "Theme: auto").click()
	b.find("button", "Theme: light").click()
	b.find("button", "Theme: dark")
	assert.Equal(t, "rgb(16, 18, 20)", background())
	b.do(chromedp.Navigate(s.url + "/"))
	b.find("button", "Theme: dark")
	s.do(http.MethodGet, "/api/openapi.json", nil, nil).is(http.StatusOK)
	s.ends()
}
