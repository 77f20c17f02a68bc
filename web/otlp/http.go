package otlp

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/dagscope/dagscope/web/feed"
)

// Content types of OTLP over HTTP.
const (
	protobuf = "application/x-protobuf"
	jsonType = "application/json"
)

// ServeHTTP answers POST /v1/traces as OTLP over HTTP has it, in the encoding of the request: with a partial success if
// spans were rejected, 400 for what is no request, 413 above Config.MaxBody, 415 for other encodings, 429 if the journal
// is full, and 503 if it cannot be written or another process has it. After the last two the client may try again.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	kind, _, err := mime.ParseMediaType(req.Header.Get("Content-Type"))
	if err != nil || kind != protobuf && kind != jsonType {
		refuse(w, jsonType, http.StatusUnsupportedMediaType, fmt.Sprintf("Content-Type is %.100q, expected %s or %s", req.Header.Get("Content-Type"), protobuf, jsonType))
		return
	}
	body, status, err := r.Body(w, req)
	if err != nil {
		refuse(w, kind, status, err.Error())
		return
	}
	split := splitJSON
	if kind == protobuf {
		split = splitProto
	}
	spans, err := split(body)
	switch {
	case errors.Is(err, errSplit):
		refuse(w, kind, http.StatusRequestEntityTooLarge, err.Error())
		return
	case err != nil:
		refuse(w, kind, http.StatusBadRequest, err.Error())
		return
	}
	refused, err := r.Accept(req.Context(), spans.lines())
	if err != nil {
		status, err := r.Refusal(err)
		refuse(w, kind, status, err.Error())
		return
	}
	late := 0
	for _, l := range refused {
		late += l.Parts
	}
	answer(w, kind, spans.lost+late, reasons(spans.lost, late))
}

// reasons says why spans are rejected.
func reasons(lost, late int) string {
	var out []string
	if lost > 0 {
		out = append(out, fmt.Sprintf("%d spans have no valid traceId or spanId, expected 16 and 8 bytes that are not all zero", lost))
	}
	if late > 0 {
		out = append(out, fmt.Sprintf("%d spans are of traces to which nothing can be added any more: they are over, or too large", late))
	}
	return strings.Join(out, "; ")
}

// answer writes an ExportTraceServiceResponse.
func answer(w http.ResponseWriter, kind string, rejected int, why string) {
	w.Header().Set("Content-Type", kind)
	var partial map[string]string
	var encoded []byte
	if rejected > 0 || why != "" {
		partial = map[string]string{"rejectedSpans": strconv.Itoa(rejected), "errorMessage": why}
		encoded = protowire.AppendTag(nil, 1, protowire.VarintType)
		encoded = protowire.AppendVarint(encoded, uint64(rejected))
		encoded = protowire.AppendTag(encoded, 2, protowire.BytesType)
		encoded = protowire.AppendString(encoded, why)
		encoded = protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), encoded)
	}
	if kind == protobuf {
		_, _ = w.Write(encoded) // the client may be gone
		return
	}
	body := map[string]any{}
	if partial != nil {
		body["partialSuccess"] = partial
	}
	_ = json.NewEncoder(w).Encode(body)
}

// codes of google.rpc.Code by status.
var codes = map[int]int{
	http.StatusBadRequest: 3, http.StatusRequestEntityTooLarge: 3, http.StatusUnsupportedMediaType: 3,
	http.StatusTooManyRequests: 8, http.StatusServiceUnavailable: 14, http.StatusNotImplemented: 12,
}

// Refuse answers POST /v1/traces where nothing can be received, with 501 and the reason, which exporters log. They do not
// try again.
func Refuse(reason string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		kind := jsonType
		if given, _, err := mime.ParseMediaType(req.Header.Get("Content-Type")); err == nil && given == protobuf {
			kind = protobuf
		}
		refuse(w, kind, http.StatusNotImplemented, reason)
	})
}

// refuse writes a google.rpc.Status.
func refuse(w http.ResponseWriter, kind string, status int, text string) {
	w.Header().Set("Content-Type", kind)
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", strconv.Itoa(int(feed.RetryAfter.Seconds())))
	}
	w.WriteHeader(status)
	if kind == protobuf {
		body := protowire.AppendTag(nil, 1, protowire.VarintType)
		body = protowire.AppendVarint(body, uint64(codes[status]))
		body = protowire.AppendTag(body, 2, protowire.BytesType)
		_, _ = w.Write(protowire.AppendString(body, text))
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"code": codes[status], "message": text})
}
