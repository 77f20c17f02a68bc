package e2e

import (
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// requireBrowser reports whether tests that need a browser, or the dashboard, fail where there is none: make test says so.
func requireBrowser() bool { return os.Getenv("REQUIRE_BROWSER") == "1" }

// TestBrowserNotices: the harness finds elements by role and name, fills and clicks them, and hears what a page complains
// of: errors, exceptions, files that are missing, and rules of its policy that it breaks.
func TestBrowserNotices(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Security-Policy", "default-src 'self'; script-src 'self' 'nonce-x'")
		_, _ = w.Write([]byte(`<!doctype html><html lang="en"><title>x</title><label>Name <input id="n"></label>
			<label>Kind <select id="k"><option value="a">first</option><option value="b">second</option></select></label>
			<button>Send</button><button aria-label="Send twice">Send</button><output id="o"></output>
			<script nonce="x">
				window.dagscope = { idle: () => true };
				document.querySelector('button').onclick = () => {
					document.getElementById('o').textContent = document.getElementById('n').value + document.getElementById('k').value;
					console.error('an error'); console.log('no complaint');
					document.body.append(Object.assign(document.createElement('img'), { src: '/missing.png' }));
					document.body.append(Object.assign(document.createElement('script'), { textContent: 'window.bad = true' }));
					setTimeout(() => { throw new Error('an exception'); });
				};
			</script>`))
	}))
	defer server.Close()
	b := newTab(t)
	b.open(server.URL)
	b.find("textbox", "Name").fill("old")
	b.find("textbox", "Name").fill("Tom")
	b.find("combobox", "Kind").fill("second")
	assert.Len(t, b.all("button", ""), 2)
	b.find("button", "Send").click()
	b.until("the text", "document.getElementById('o').textContent === 'Tomb'")
	assert.Equal(t, "Tomb", b.find("status", "").text())
	eventually(t, "four complaints", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return len(b.complaints) >= 4
	})
	b.mu.Lock()
	defer b.mu.Unlock()
	heard := ""
	for _, c := range b.complaints {
		heard += c + "\n"
	}
	b.complaints = nil
	for _, part := range []string{"an error", "an exception", "missing.png", "Content Security Policy"} {
		require.Contains(t, heard, part)
	}
	require.NotContains(t, heard, "no complaint")
}
