package api

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/dagscope/dagscope/metricsstore"
)

// viewsVersion is part of every ETag; it changes with what answers hold, so that caches of older programs are not
// taken for ours.
const viewsVersion = 1

// runTag names an answer about an ended run by all that it can depend on; empty for a live run, whose answers change.
func runTag(r *metricsstore.Run, parts ...any) string {
	if !r.Status.Final() {
		return ""
	}
	return tagOf(append([]any{r.Info.ID, r.Info.Revision, r.LastSeq, r.Steps, r.Details, r.ArchivedSeq, r.Rollup}, parts...)...)
}

// tagOf is a strong ETag over plain values.
func tagOf(parts ...any) string {
	b, _ := json.Marshal(append([]any{viewsVersion}, parts...)) // plain data
	return tagOfBytes(b)
}

// bodyTag is the ETag of an answer by its content, for what depends on more than the run.
func bodyTag(body any) string {
	b, _ := json.Marshal(body) // a view, which always can be written
	return tagOfBytes(b)
}

func tagOfBytes(b []byte) string {
	sum := sha256.Sum256(b)
	return `"` + hex.EncodeToString(sum[:12]) + `"`
}

// unchanged finds tag among those that are known. The compressed form of an answer has a suffix of its own.
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

// GzipSuffix is what whoever compresses answers has to put at the end of their ETags, within the quotes.
const GzipSuffix = "-gzip"

// How long answers may be kept: asked for again each time, or not at all.
const (
	revalidated = "private, no-cache"
	notKept     = "no-store"
)

// answered is an answer with a tag, which may be empty.
func answered[T any](tag string, body T) *answer[T] {
	a := &answer[T]{Status: http.StatusOK, ETag: tag, CacheControl: notKept, Body: body}
	if tag != "" {
		a.CacheControl = revalidated
	}
	return a
}

// notModified says that what is known still holds.
func notModified[T any](tag string) *answer[T] {
	return &answer[T]{Status: http.StatusNotModified, ETag: tag, CacheControl: revalidated}
}
