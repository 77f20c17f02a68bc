package web

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/dagscope/dagscope/templates"
	"github.com/dagscope/dagscope/web/api"
)

// asset is a file as it is sent.
type asset struct {
	data         []byte
	mediaType    string
	etag         string
	cacheControl string
}

// mediaTypes by file extension. The table of the operating system is not used, because it may contain anything.
var mediaTypes = map[string]string{
	".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".json": "application/json",
	".map": "application/json", ".svg": "image/svg+xml", ".png": "image/png", ".ico": "image/x-icon",
	".woff2": "font/woff2", ".txt": "text/plain; charset=utf-8",
}

// hashed matches names that contain a hash of the content, as Vite and package templates produce them.
var hashed = regexp.MustCompile(`-[A-Za-z0-9_-]{8,}\.[a-z0-9.]+$`)

func newAsset(name string, data []byte) *asset {
	sum := sha256.Sum256(data)
	a := &asset{data: data, mediaType: mediaTypes[path.Ext(name)], etag: `"` + hex.EncodeToString(sum[:12]) + `"`}
	if a.mediaType == "" {
		a.mediaType = "application/octet-stream"
	}
	a.cacheControl = "private, no-cache"
	if hashed.MatchString(name) {
		a.cacheControl = "private, max-age=31536000, immutable"
	}
	return a
}

func (a *asset) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("ETag", a.etag)
	h.Set("Cache-Control", a.cacheControl)
	if known(r.Header.Get("If-None-Match"), a.etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", a.mediaType)
	h.Set("Content-Length", strconv.Itoa(len(a.data)))
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(a.data) // the client may be gone
	}
}

// known reports whether an If-None-Match list contains the tag, with or without the suffix of the compressed form.
func known(list, etag string) bool {
	for tag := range strings.SplitSeq(list, ",") {
		tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
		if tag == "*" || tag == etag || strings.TrimSuffix(tag, api.GzipSuffix+`"`)+`"` == etag {
			return true
		}
	}
	return false
}

// loadAssets reads all files that pages link to, keyed by their path below the base path.
func loadAssets(dashboard fs.FS) (map[string]*asset, error) {
	out := map[string]*asset{}
	err := fs.WalkDir(dashboard, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() || strings.HasPrefix(d.Name(), ".") || strings.HasPrefix(name, ".") {
			return nil
		}
		data, err := fs.ReadFile(dashboard, name)
		if err != nil {
			return err
		}
		out["/"+name] = newAsset(name, data)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("web: the dashboard cannot be read: %w", err)
	}
	for _, file := range templates.AllLinked() {
		out["/assets/"+file.Name] = newAsset(file.Name, file.Content)
	}
	return out, nil
}

// serveAsset serves the files that pages link to.
func (p *pages) serveAsset(w http.ResponseWriter, r *http.Request) {
	a := p.assets[strings.TrimPrefix(r.URL.Path, p.cfg.BasePath)]
	if a == nil {
		p.notFound(w, r)
		return
	}
	a.serve(w, r)
}
