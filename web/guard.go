package web

import (
	"math"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/dagscope/dagscope/web/api"
	"github.com/dagscope/dagscope/web/code"
)

// policy is the content security policy of all responses.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
	"connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"

// guard checks requests, and signs browsers in. It is immutable after New.
type guard struct {
	*pages
	cookie string // the value that stands for the token
}

// check applies the checks that every request has to pass before a handler sees it.
func (g *guard) check(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		// Not no-referrer: browsers would send Origin: null with the form that signs in.
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		for _, check := range []func(*http.Request) *api.Problem{checkPath, g.checkHost, g.checkOrigin} {
			if p := check(r); p != nil {
				g.refuse(w, r, p)
				return
			}
		}
		if g.allowOrigin(w, r) {
			return
		}
		if p := g.checkBody(w, r); p != nil {
			g.refuse(w, r, p)
			return
		}
		if g.authorised(r) || g.open(r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		g.askForToken(w, r)
	})
}

// checkPath refuses paths that proxies and servers could interpret differently.
func checkPath(r *http.Request) *api.Problem {
	raw := strings.ToLower(r.URL.EscapedPath())
	for _, encoded := range []string{"%2f", "%5c", "%00"} {
		if strings.Contains(raw, encoded) {
			return api.NewProblem(http.StatusBadRequest, "the path has an encoded slash, backslash or zero, expected none")
		}
	}
	if !cleanPath(r.URL.Path) {
		return api.NewProblem(http.StatusBadRequest, "the path has a backslash, a control character, or a part that is . or .., expected none")
	}
	return nil
}

func cleanPath(path string) bool {
	for _, c := range path {
		if c < ' ' || c == 0x7f || c == '\\' {
			return false
		}
	}
	for part := range strings.SplitSeq(path, "/") {
		if part == "." || part == ".." {
			return false
		}
	}
	return true
}

// checkHost refuses host names that are not configured for this server. Otherwise a foreign name that resolves to this
// machine (DNS rebinding) would let pages of that site read ours.
func (g *guard) checkHost(r *http.Request) *api.Problem {
	host := hostOf(r.Host)
	if isLoopbackName(host) || isOwnAddress(r, host) {
		return nil
	}
	if slices.ContainsFunc(g.cfg.Hosts, func(known string) bool {
		return strings.EqualFold(known, r.Host) || strings.EqualFold(known, host)
	}) {
		return nil
	}
	return api.NewProblem(http.StatusMisdirectedRequest, "this server is not known as %q; dagscope serve --host NAME makes it so", shortened(r.Host))
}

// hostOf is a host without its port and brackets.
func hostOf(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		return h
	}
	return strings.Trim(host, "[]")
}

// isOwnAddress reports whether the host is the address at which the connection arrived, so that no name was resolved.
func isOwnAddress(r *http.Request, host string) bool {
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return false
	}
	own, err := netip.ParseAddrPort(local.String())
	return err == nil && own.Addr().Unmap().WithZone("") == ip.Unmap().WithZone("")
}

// checkOrigin refuses requests that browsers make on behalf of other sites, except when a user follows a link.
func (g *guard) checkOrigin(r *http.Request) *api.Problem {
	origin := r.Header.Get("Origin")
	if origin != "" {
		if g.knownOrigin(origin) || sameHost(origin, r.Host) {
			return nil
		}
		return api.NewProblem(http.StatusForbidden, "requests by pages of %q are not accepted; dagscope serve --origin URL accepts them", shortened(origin))
	}
	site, mode := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Sec-Fetch-Mode")
	if site == "" || site == "same-origin" || site == "none" {
		return nil
	}
	if mode == "navigate" && (r.Method == http.MethodGet || r.Method == http.MethodHead) && !isUpgrade(r) {
		return nil
	}
	return api.NewProblem(http.StatusForbidden, "the request was made by a page of another site")
}

func sameHost(origin, host string) bool {
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, host)
}

func (g *guard) knownOrigin(origin string) bool { return slices.Contains(g.cfg.Origins, origin) }

// allowOrigin sets the CORS headers by which pages of a configured other site may read the response. It reports whether
// the request was a preflight, which it has then answered.
func (g *guard) allowOrigin(w http.ResponseWriter, r *http.Request) bool {
	if len(g.cfg.Origins) > 0 {
		w.Header().Add("Vary", "Origin")
	}
	origin := r.Header.Get("Origin")
	if origin == "" || !g.knownOrigin(origin) {
		return false
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers", "ETag, Location, Retry-After, X-Request-Id")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, PATCH, DELETE")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID")
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}

// checkBody bounds what is read of a body, and refuses one that is announced to be larger.
func (g *guard) checkBody(w http.ResponseWriter, r *http.Request) *api.Problem {
	limit := g.cfg.MaxBody
	if g.cfg.Code != nil && strings.HasPrefix(r.URL.Path, g.cfg.BasePath+apiPath+codePath+"/") {
		limit = code.MaxBody
	}
	if r.Method == http.MethodPost {
		switch path := r.URL.Path; {
		case path == g.cfg.BasePath+apiPath+"/runs":
			limit = g.cfg.MaxUpload + g.cfg.MaxBody
		case path == g.cfg.BasePath+tracesPath, g.isFeed(r):
			limit = math.MaxInt64 // the receiver has a bound of its own, and answers in words of its own
		case path == g.cfg.BasePath+apiPath+"/imports":
			limit = max(g.cfg.MaxImport, g.cfg.MaxArchive) + g.cfg.MaxBody // the importer reports archives that are too large
		}
	}
	if r.ContentLength > limit {
		return api.NewProblem(http.StatusRequestEntityTooLarge, "the body has %d bytes, at most %d are accepted here", r.ContentLength, limit)
	}
	r.Body = http.MaxBytesReader(w, r.Body, limit)
	if r.ContentLength != 0 {
		// Writers in tests have no deadlines, which is harmless.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyWithin))
	}
	return nil
}

// isUpgrade reports whether the request asks to become a WebSocket.
func isUpgrade(r *http.Request) bool { return r.Header.Get("Upgrade") != "" }

// shortened limits a text chosen by the client to what may appear in responses and logs.
func shortened(text string) string {
	if len(text) > 100 {
		return strings.ToValidUTF8(text[:100], "") + "…"
	}
	return text
}
