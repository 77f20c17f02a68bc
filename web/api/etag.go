package api

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/dagscope/dagscope/metricsstore"
)

// viewsVersion is part of every ETag; it changes with the content of responses, so that responses of older programs in
// caches are not mistaken for current ones.
const viewsVersion = 2

// runTag is the ETag of a response about an ended run, over all that it can depend on; empty for a live run.
func runTag(r *metricsstore.Run, parts ...any) string {
	if !r.Status.Final() {
		return ""
	}
	return tagOf(append([]any{r.Info.ID, r.Info.Revision, r.LastSeq, r.Steps, r.Details, r.ArchivedSeq, r.Rollup, digestOf(r)}, parts...)...)
}

// digestOf identifies the recording that an imported run was made from, which another one may take the place of.
func digestOf(r *metricsstore.Run) string {
	if r.Info.Origin == nil {
		return ""
	}
	return r.Info.Origin.Digest
}

// tagOf is a strong ETag over plain values.
func tagOf(parts ...any) string {
	b, _ := json.Marshal(append([]any{viewsVersion}, parts...)) // plain data
	return tagOfBytes(b)
}

// bodyTag is the ETag of a response by its content, for responses that depend on more than one run.
func bodyTag(body any) string {
	b, _ := json.Marshal(body) // views always have a JSON form
	return tagOfBytes(b)
}

func tagOfBytes(b []byte) string {
	sum := sha256.Sum256(b)
	return `"` + hex.EncodeToString(sum[:12]) + `"`
}

// unchanged reports whether the client already has the response with this tag. Tags of compressed responses have a suffix.
func (c *Conditional) unchanged(tag string) bool {
	if tag == "" {
		return false
	}
	for known := range strings.SplitSeq(c.IfNoneMatch, ",") {
		known = strings.TrimPrefix(strings.TrimSpace(known), "W/")
		if known == "*" || known == tag || strings.TrimSuffix(known, GzipSuffix+`"`)+`"` == tag {
			return true
		}
	}
	return false
}

// GzipSuffix is the suffix that a compressing handler must add to the ETags of responses, within the quotes.
const GzipSuffix = "-gzip"

// Values of Cache-Control: revalidate each time, or do not store.
const (
	revalidated = "private, no-cache"
	notKept     = "no-store"
)

// answered makes a response with a tag, which may be empty.
func answered[T any](tag string, body T) *answer[T] {
	a := &answer[T]{Status: http.StatusOK, ETag: tag, CacheControl: notKept, Body: body}
	if tag != "" {
		a.CacheControl = revalidated
	}
	return a
}

// notModified makes a 304 response.
func notModified[T any](tag string) *answer[T] {
	return &answer[T]{Status: http.StatusNotModified, ETag: tag, CacheControl: revalidated}
}
