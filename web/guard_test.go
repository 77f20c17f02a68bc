package web_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/templates"
	"github.com/dagscope/dagscope/web"
	"github.com/dagscope/dagscope/web/api"
	"github.com/dagscope/dagscope/web/code"
)

// route is one address with the methods that it has.
type route struct {
	path    string
	methods string
	open    bool // can be had without the token
}

// routes are all that there are, with a run in the place of {run}.
func routes(run string) []route {
	out := []route{
		{path: "/", methods: "GET HEAD"},
		{path: "/runs/" + run, methods: "GET HEAD"},
		{path: "/insights", methods: "GET HEAD"},
		{path: "/workers", methods: "GET HEAD"},
		{path: "/assets/main-abcd1234.js", methods: "GET HEAD"},
		{path: "/login", methods: "GET HEAD POST", open: true},
		{path: "/healthz", methods: "GET HEAD", open: true},
		{path: "/readyz", methods: "GET HEAD", open: true},
		{path: "/metrics", methods: "GET HEAD"},
		{path: "/api/docs", methods: "GET HEAD"},
		{path: "/api/openapi.json", methods: "GET HEAD"},
		{path: "/api/v1/live", methods: "GET HEAD"},
		{path: "/api/v1/runs", methods: "GET HEAD POST"},
		{path: "/api/v1/imports", methods: "POST"},
		{path: "/api/v1/imports/x", methods: "DELETE"},
		{path: "/v1/traces", methods: "POST"},
		{path: "/feeds/nextflow", methods: "POST"},
		{path: "/api/v1/runs/" + run, methods: "GET HEAD PATCH DELETE"},
	}
	for _, file := range templates.AllLinked() {
		out = append(out, route{path: "/assets/" + file.Name, methods: "GET HEAD", open: true})
	}
	for _, word := range []string{"cancel", "pause", "resume", "retry"} {
		out = append(out, route{path: "/api/v1/runs/" + run + "/" + word, methods: "POST"})
	}
	for _, part := range []string{
		"graph", "layout", "drawing", "events", "tasks", "tasks/0", "workers", "timeline", "stats", "archive", "export",
	} {
		out = append(out, route{path: "/api/v1/runs/" + run + "/" + part, methods: "GET HEAD"})
	}
	for _, part := range []string{"stats", "functions", "tasks", "workflows", "workflows/chain", "workers"} {
		out = append(out, route{path: "/api/v1/" + part, methods: "GET HEAD"})
	}
	return out
}

var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"}

// TestEveryRouteIsGuarded asks for every address, with every method, in every way that has to be refused.
func TestEveryRouteIsGuarded(t *testing.T) {
	w := newWorld(t, func(c *web.Config) { c.Token = token })
	bearer := []string{"Authorization", "Bearer " + token}
	run := string(w.run(bearer...).Run)
	text := strings.Repeat("x", 2<<20)
	large := func() *strings.Reader { return strings.NewReader(text) }
	for _, r := range routes(run) {
		for _, method := range methods {
			name := method + " " + r.path
			refused := func(status int, out interface {
				Header() http.Header
			}, code int, what string,
			) {
				t.Helper()
				assert.Equal(t, status, code, "%s with %s", name, what)
				assert.Contains(t, out.Header().Get("Content-Security-Policy"), "frame-ancestors 'none'", name)
				assert.Equal(t, "nosniff", out.Header().Get("X-Content-Type-Options"), name)
				assert.Equal(t, "application/problem+json", out.Header().Get("Content-Type"), "%s with %s", name, what)
				assert.NotEmpty(t, out.Header().Get("X-Request-Id"), name)
			}
			if !r.open {
				for _, wrong := range [][]string{nil, {"Authorization", "Bearer wrong"}, {"Authorization", "Basic " + token}, {"Cookie", "dagscope_token=" + token}} {
					out := w.ask(method, r.path, nil, wrong...)
					refused(http.StatusUnauthorized, out, out.Code, fmt.Sprint(wrong))
					assert.NotEmpty(t, out.Header().Get("WWW-Authenticate"))
				}
			}
			for _, host := range []string{"evil.example", "127.0.0.1.evil.example:8080", "10.1.2.3:8080", "localhost.evil"} {
				out := w.ask(method, r.path, nil, append([]string{"Host", host}, bearer...)...)
				refused(http.StatusMisdirectedRequest, out, out.Code, host)
			}
			for _, origin := range []string{"https://evil.example", "null", "http://127.0.0.1:9999", "http://127.0.0.1:8080.evil.example"} {
				out := w.ask(method, r.path, nil, append([]string{"Origin", origin}, bearer...)...)
				refused(http.StatusForbidden, out, out.Code, origin)
			}
			out := w.ask(method, r.path, nil, append([]string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"}, bearer...)...)
			refused(http.StatusForbidden, out, out.Code, "cross-site")
			out = w.ask(method, r.path, nil, append([]string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "websocket", "Upgrade", "websocket", "Connection", "Upgrade"}, bearer...)...)
			refused(http.StatusForbidden, out, out.Code, "socket")
			for _, way := range []string{"/..%2fx", "/%2e%2e/x", "/a%5cb", "/../x", "/%00"} {
				out := w.ask(method, r.path+way, nil, bearer...)
				refused(http.StatusBadRequest, out, out.Code, way)
			}
			if !slices.Contains([]string{"/api/v1/runs", "/api/v1/imports", "/v1/traces", "/feeds/nextflow"}, r.path) || method != http.MethodPost {
				out := w.ask(method, r.path, large(), bearer...)
				refused(http.StatusRequestEntityTooLarge, out, out.Code, "a large body")
			}
			if !strings.Contains(" "+r.methods+" ", " "+method+" ") {
				out := w.ask(method, r.path, nil, bearer...)
				refused(http.StatusMethodNotAllowed, out, out.Code, "that method")
				assert.Equal(t, strings.ReplaceAll(r.methods, " ", ", "), out.Header().Get("Allow"), name)
			}
		}
	}
}

// TestTokenOfFeeds: tools that know no other way send the token as a password or in the address, which is accepted where
// they send their messages and nowhere else.
func TestTokenOfFeeds(t *testing.T) {
	w := newWorld(t, func(c *web.Config) { c.Token = token })
	basic := func(password string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte("nextflow:"+password))
	}
	for _, c := range []struct {
		method, path, authorization string
		want                        int
	}{
		{"POST", "/feeds/nextflow", basic(token), 200},
		{"POST", "/feeds/nextflow", "Bearer " + token, 200},
		{"POST", "/feeds/nextflow?token=" + url.QueryEscape(token), "", 200},
		{"POST", "/feeds/nextflow", basic("wrong"), 401},
		{"POST", "/feeds/nextflow", basic(""), 401},
		{"POST", "/feeds/nextflow?token=wrong", "", 401},
		{"POST", "/feeds/nextflow?token=", "", 401},
		{"GET", "/feeds/nextflow", basic(token), 401},
		{"POST", "/feeds/other", basic(token), 401},
		{"POST", "/v1/traces", basic(token), 401},
		{"GET", "/api/v1/runs?token=" + url.QueryEscape(token), "", 401},
		{"POST", "/api/v1/runs?token=" + url.QueryEscape(token), "", 401},
		{"GET", "/api/v1/runs", basic(token), 401},
	} {
		headers := []string{}
		if c.authorization != "" {
			headers = append(headers, "Authorization", c.authorization)
		}
		assert.Equal(t, c.want, w.ask(c.method, c.path, nil, headers...).Code, "%+v", c)
	}
	assert.NotContains(t, w.log.String(), url.QueryEscape(token))
}

// TestKeysOfCode: who may submit code needs no further token, and the bodies of its requests may be larger than others.
func TestKeysOfCode(t *testing.T) {
	handler := code.New(code.Config{Dir: t.TempDir(), Keys: []string{"a key"}})
	w := newWorld(t, func(c *web.Config) { c.Token, c.Code = token, handler })
	large := func() *strings.Reader { return strings.NewReader(strings.Repeat("x", 2<<20)) }
	assert.Equal(t, http.StatusOK, w.ask(http.MethodGet, "/api/v1/runs", nil, "Authorization", "Bearer a key").Code)
	assert.Equal(t, http.StatusUnauthorized, w.ask(http.MethodPost, "/api/v1/code/runs", large(), "Authorization", "Bearer wrong").Code)
	out := w.ask(http.MethodPost, "/api/v1/code/runs", large(), "Authorization", "Bearer a key")
	assert.Equal(t, http.StatusForbidden, out.Code)
	assert.Contains(t, out.Body.String(), "this service accepts no code") // it has no runner
}

// TestOpener: pages of the dashboard may talk to windows that they open; everything else shares nothing with windows of
// other sites.
func TestOpener(t *testing.T) {
	w := newWorld(t)
	run := string(w.run().Run)
	for path, want := range map[string]string{
		"/": "same-origin-allow-popups", "/runs/" + run: "same-origin-allow-popups",
		"/api/v1/runs": "same-origin", "/nowhere": "same-origin",
	} {
		assert.Equal(t, want, w.ask(http.MethodGet, path, nil).Header().Get("Cross-Origin-Opener-Policy"), path)
	}
}

// TestEveryRouteAnswers: with the token, and by the cookie, every address answers.
func TestEveryRouteAnswers(t *testing.T) {
	w := newWorld(t, func(c *web.Config) { c.Token = token })
	bearer := []string{"Authorization", "Bearer " + token}
	run := string(w.run(bearer...).Run)
	cookie := w.cookie()
	for _, r := range routes(run) {
		if !strings.HasPrefix(r.methods, "GET") {
			continue
		}
		want := http.StatusOK
		switch {
		case strings.HasSuffix(r.path, "/live"):
			want = http.StatusUpgradeRequired
		case strings.HasSuffix(r.path, "/drawing"):
			want = http.StatusNotImplemented
		case strings.HasSuffix(r.path, "/export"):
			want = http.StatusBadRequest
		case r.path == "/login":
			want = http.StatusSeeOther
		}
		assert.Equal(t, want, w.ask(http.MethodGet, r.path, nil, bearer...).Code, r.path)
		assert.Equal(t, want, w.ask(http.MethodGet, r.path, nil, "Cookie", cookie).Code, r.path)
		head := w.ask(http.MethodHead, r.path, nil, bearer...)
		assert.Equal(t, want, head.Code, "HEAD %s", r.path)
	}
}

// cookie signs in.
func (w *world) cookie() string {
	w.t.Helper()
	out := w.ask(http.MethodPost, "/login", strings.NewReader("token="+strings.ReplaceAll(token, " ", "+")), "Content-Type", "application/x-www-form-urlencoded")
	require.Equal(w.t, http.StatusSeeOther, out.Code, out.Body.String())
	cookies := out.Result().Cookies()
	require.Len(w.t, cookies, 1)
	return cookies[0].Name + "=" + cookies[0].Value
}

func TestHosts(t *testing.T) {
	w := newWorld(t, func(c *web.Config) { c.Hosts = []string{"dagscope.example", "other.example:8443"} })
	for host, status := range map[string]int{
		"localhost": 200, "localhost:8080": 200, "app.localhost:1": 200, "127.0.0.1": 200, "127.8.9.1:80": 200, "[::1]:8080": 200,
		"dagscope.example": 200, "DAGSCOPE.example:99": 200, "other.example:8443": 200,
		"other.example": 421, "other.example:1": 421, "sub.dagscope.example": 421, "192.168.0.1": 421, "": 421, "[::2]": 421,
	} {
		out := w.ask(http.MethodGet, "/healthz", nil, "Host", host)
		assert.Equal(t, status, out.Code, "%q", host)
		if status == 421 {
			w.problem(out)
		}
	}
}

func TestOrigins(t *testing.T) {
	w := newWorld(t, func(c *web.Config) { c.Origins = []string{"https://friend.example"} })
	out := w.ask(http.MethodGet, "/api/v1/runs", nil, "Origin", "https://friend.example", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors")
	assert.Equal(t, http.StatusOK, out.Code)
	assert.Equal(t, "https://friend.example", out.Header().Get("Access-Control-Allow-Origin"))
	out = w.ask(http.MethodOptions, "/api/v1/runs", nil, "Origin", "https://friend.example", "Access-Control-Request-Method", "POST")
	assert.Equal(t, http.StatusNoContent, out.Code)
	assert.Contains(t, out.Header().Get("Access-Control-Allow-Methods"), "POST")
	out = w.ask(http.MethodOptions, "/api/v1/runs", nil, "Origin", "https://evil.example", "Access-Control-Request-Method", "POST")
	assert.Equal(t, http.StatusForbidden, out.Code)
	assert.Empty(t, out.Header().Get("Access-Control-Allow-Origin"))
	own := w.ask(http.MethodPost, "/api/v1/runs", strings.NewReader(`{"workflow":"chain"}`),
		"Content-Type", "application/json", "Origin", "http://127.0.0.1:8080", "Sec-Fetch-Site", "same-origin")
	assert.Equal(t, http.StatusCreated, own.Code)
	link := w.ask(http.MethodGet, "/", nil, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate")
	assert.Equal(t, http.StatusOK, link.Code, "a link from elsewhere")
	posted := w.ask(http.MethodPost, "/login", nil, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate")
	assert.Equal(t, http.StatusForbidden, posted.Code)
}

func TestCheckAddress(t *testing.T) {
	for addr, ok := range map[string]bool{
		"127.0.0.1:0": true, "localhost:8080": true, "[::1]:1": true, "127.9.9.9:80": true, "[::ffff:127.0.0.1]:1": true,
		":8080": false, "0.0.0.0:8080": false, "[::]:8080": false, "192.168.1.1:1": false, "example.org:80": false, "localhost.example.org:80": false,
	} {
		assert.Equal(t, ok, web.CheckAddress(addr, "") == nil, addr)
		assert.NoError(t, web.CheckAddress(addr, token))
	}
	assert.Error(t, web.CheckAddress("127.0.0.1", ""))
}

func TestConfig(t *testing.T) {
	_, err := web.New(web.Config{})
	assert.EqualError(t, err, "web: Engine, Store or Archiver is nil, expected all three")
	w := newWorld(t)
	parts := api.Config{Engine: w.engine, Store: w.store, Archiver: archiver(t, w)}
	for _, base := range []string{"x", "/x/", "/", "/x/../y", "/x?y", "/{x}"} {
		_, err := web.New(web.Config{Config: parts, BasePath: base})
		assert.ErrorContains(t, err, "BasePath is", base)
	}
	for _, origin := range []string{"example.org", "https://example.org/", "ftp://x", "https://"} {
		_, err := web.New(web.Config{Config: parts, Origins: []string{origin}})
		assert.ErrorContains(t, err, "one of Origins is", origin)
	}
}
