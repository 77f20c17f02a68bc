package web

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/dagscope/dagscope/web/api"
	"github.com/dagscope/dagscope/web/layout"
)

// Config of a Server. Engine, Store and Archiver are required; the zero value of the rest means the defaults. Base, Layouts
// and Stream of the API are set by New, and Drawer is by default one without Graphviz, which writes DOT only.
type Config struct {
	api.Config
	// Dashboard is the built dashboard, as returned by static.FS; nil for none.
	Dashboard fs.FS
	// BasePath is the prefix of all paths: empty, or such as "/x".
	BasePath string
	// Token is required from every client; empty means that no token is required.
	Token string
	// Hosts are the names under which the server is reached, in addition to loopback names and its own addresses. A name
	// with a port is accepted with that port only.
	Hosts []string
	// Origins are other sites whose pages may call the API, such as https://example.org.
	Origins []string
	// Traces answers POST /v1/traces, as otlp.Receiver does; nil for nothing there. It bounds bodies itself.
	Traces http.Handler
	// Feeds answer POST /feeds/NAME, by name, as feed.Messages does. They bound bodies themselves.
	Feeds map[string]http.Handler
	// Code answers requests that submit code, below the API's path, as code.Handler does; nil for nothing there. What it
	// accepts needs no token.
	Code interface {
		http.Handler
		// Accepts reports whether a request carries a key that lets it submit code.
		Accepts(*http.Request) bool
	}
	// Version of the program, shown on pages; empty if unknown.
	Version string
	// MaxBody bounds the bodies of all requests except submissions and archives, in bytes; default 1 MiB.
	MaxBody int64
	// MaxImport bounds the files of one import, in bytes; default 4 GiB. They are kept in temporary files meanwhile.
	MaxImport int64
	// ShutdownAfter is how long Run waits for active requests before it returns; default 10 s.
	ShutdownAfter time.Duration
}

func (c Config) withDefaults() (Config, error) {
	if c.Engine == nil || c.Store == nil || c.Archiver == nil {
		return c, errors.New("web: Engine, Store or Archiver is nil, expected all three")
	}
	if c.BasePath != "" && (c.BasePath[0] != '/' || strings.HasSuffix(c.BasePath, "/") || strings.ContainsAny(c.BasePath, "?#%\\\"{}*") || !cleanPath(c.BasePath)) {
		return c, fmt.Errorf("web: BasePath is %q, expected nothing or a path such as /x", c.BasePath)
	}
	for _, o := range c.Origins {
		u, err := url.Parse(o)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || o != u.Scheme+"://"+u.Host {
			return c, fmt.Errorf("web: one of Origins is %q, expected a site such as https://example.org", o)
		}
	}
	if c.Dashboard == nil {
		c.Dashboard = embed.FS{} // empty
	}
	if c.Drawer == nil {
		drawer, err := layout.NewDrawer(layout.Config{})
		if err != nil {
			return c, err
		}
		c.Drawer = drawer
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	for _, b := range []struct {
		value *int64
		def   int64
	}{{&c.MaxBody, 1 << 20}, {&c.MaxUpload, 64 << 20}, {&c.MaxArchive, 512 << 20}, {&c.MaxImport, 4 << 30}} {
		if *b.value <= 0 {
			*b.value = b.def
		}
	}
	if c.ShutdownAfter <= 0 {
		c.ShutdownAfter = 10 * time.Second
	}
	return c, nil
}

// CheckAddress refuses an address to listen on that other machines can reach, unless a token is set.
func CheckAddress(addr, token string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("web: %q is not an address, expected one such as 127.0.0.1:8080: %w", addr, err)
	}
	if token != "" || isLoopbackName(host) {
		return nil
	}
	return fmt.Errorf("web: %q can be reached from other machines, expected a token, or an address such as 127.0.0.1:8080", addr)
}

// isLoopbackName reports whether a host name or address always means this machine.
func isLoopbackName(host string) bool {
	host = strings.ToLower(host)
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
