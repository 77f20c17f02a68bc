package web

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/dagscope/dagscope/templates"
	"github.com/dagscope/dagscope/web/api"
)

// cookieAge is how long a browser keeps the cookie, in seconds: 30 days.
const cookieAge = 30 * 24 * 3600

// maxLogin bounds the body of a login, in bytes.
const maxLogin = 16 << 10

// cookieValue is the value of the cookie. The token cannot be derived from it, and a new token invalidates it.
func cookieValue(token string) string {
	m := hmac.New(sha256.New, []byte(token))
	m.Write([]byte("dagscope cookie"))
	return hex.EncodeToString(m.Sum(nil))
}

// same compares two texts of which one is secret, in constant time.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// authorised reports whether a request carries the token, or none is required, or it may even submit code.
func (g *guard) authorised(r *http.Request) bool {
	if g.cfg.Token == "" || g.cfg.Code != nil && g.cfg.Code.Accepts(r) {
		return true
	}
	if scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		return same(strings.TrimSpace(token), g.cfg.Token)
	}
	if token, ok := g.tokenOfFeed(r); ok {
		return same(token, g.cfg.Token)
	}
	for _, c := range r.CookiesNamed(api.TokenCookie) {
		if same(c.Value, g.cookie) {
			return true
		}
	}
	return false
}

// isFeed reports whether a request sends messages of a tool.
func (g *guard) isFeed(r *http.Request) bool {
	name, ok := strings.CutPrefix(r.URL.Path, g.cfg.BasePath+feedsPath)
	return ok && r.Method == http.MethodPost && g.cfg.Feeds[name] != nil
}

// tokenOfFeed is the token as tools can send it that know no other way: the password of Basic authentication with any
// name, or the parameter token of the address. Other paths accept neither: browsers repeat passwords by themselves, also
// for other sites, and addresses end up in histories and logs.
func (g *guard) tokenOfFeed(r *http.Request) (token string, ok bool) {
	if !g.isFeed(r) {
		return "", false
	}
	if _, password, ok := r.BasicAuth(); ok {
		return password, true
	}
	token = r.URL.Query().Get("token")
	return token, token != ""
}

// open reports whether a path needs no token: health checks, the login page, and what it links to.
func (g *guard) open(path string) bool {
	path = strings.TrimPrefix(path, g.cfg.BasePath)
	return path == "/healthz" || path == "/readyz" || path == "/login" ||
		slices.ContainsFunc(templates.AllLinked(), func(f templates.Linked) bool { return path == "/assets/"+f.Name })
}

// askForToken answers a request without the token: a browser that navigates is redirected to the login form.
func (g *guard) askForToken(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet && g.navigates(r) {
		http.Redirect(w, r, g.cfg.BasePath+"/login?next="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
		return
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="dagscope"`)
	api.WriteProblem(w, r, api.NewProblem(http.StatusUnauthorized, "this server requires a token: Authorization: Bearer TOKEN"))
}

// showLogin answers GET /login.
func (g *guard) showLogin(w http.ResponseWriter, r *http.Request) {
	next := g.next(r.URL.Query().Get("next"))
	if g.authorised(r) {
		http.Redirect(w, r, next, http.StatusSeeOther)
		return
	}
	g.loginPage(w, r, http.StatusOK, templates.LoginData{Next: next})
}

// login answers POST /login: it exchanges the token for the cookie.
func (g *guard) login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxLogin)
	if err := r.ParseForm(); err != nil {
		g.refuse(w, r, api.NewProblem(http.StatusBadRequest, "the body is not a form, expected one with the fields token and next"))
		return
	}
	next := g.next(r.PostForm.Get("next"))
	if g.cfg.Token != "" && !same(strings.TrimSpace(r.PostForm.Get("token")), g.cfg.Token) {
		if g.navigates(r) {
			g.loginPage(w, r, http.StatusUnauthorized, templates.LoginData{Next: next, Wrong: true})
			return
		}
		g.refuse(w, r, api.NewProblem(http.StatusUnauthorized, "that is not the token of this server"))
		return
	}
	if g.cfg.Token != "" {
		http.SetCookie(w, &http.Cookie{
			Name: api.TokenCookie, Value: g.cookie, Path: g.cfg.BasePath + "/", MaxAge: cookieAge,
			HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteStrictMode,
		})
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}

func (g *guard) loginPage(w http.ResponseWriter, r *http.Request, status int, d templates.LoginData) {
	d.Page = g.page()
	g.render(w, r, status, func(b *pageBuffer) error { return templates.Login(b, d) })
}

// next validates the path to continue to after a login: a path of this server, otherwise the first page.
func (g *guard) next(path string) string {
	home := g.cfg.BasePath + "/"
	u, err := url.Parse(path)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(path, home) || strings.HasPrefix(path, "//") ||
		strings.ContainsAny(path, "\\\r\n\t") || !cleanPath(u.Path) {
		return home
	}
	return path
}
