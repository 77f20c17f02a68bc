package otlp

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// Content types of OTLP over HTTP.
const (
	protobuf = "application/x-protobuf"
	jsonType = "application/json"
)

// retryAfter is when a request that was refused for now should be repeated.
const retryAfter = 5 * time.Second

// ServeHTTP answers POST /v1/traces as OTLP over HTTP has it, in the encoding of the request: with a partial success if
// spans were rejected, 400 for what is no request, 413 above Config.MaxBody, 415 for other encodings, 429 if the journal
// is full, and 503 if it cannot be written or another process has it. After the last two the client may try again.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	kind, _, err := mime.ParseMediaType(req.Header.Get("Content-Type"))
	if err != nil || kind != protobuf && kind != jsonType {
		refuse(w, jsonType, http.StatusUnsupportedMediaType, fmt.Sprintf("Content-Type is %.100q, expected %s or %s", req.Header.Get("Content-Type"), protobuf, jsonType))
		return
	}
	body, status, err := r.body(w, req)
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
	rejected, why, err := r.accept(req.Context(), spans)
	switch {
	case errors.Is(err, errBusy):
		refuse(w, kind, http.StatusTooManyRequests, err.Error())
	case err != nil:
		if !errors.Is(err, errOwner) {
			r.cfg.Log.Error("traces cannot be kept", "error", err)
			err = errors.New("traces cannot be kept at the moment; the server's log has more")
		}
		refuse(w, kind, http.StatusServiceUnavailable, err.Error())
	default:
		answer(w, kind, rejected, why)
	}
}

// body reads a body, decompressed.
func (r *Receiver) body(w http.ResponseWriter, req *http.Request) (body []byte, status int, err error) {
	from := io.Reader(http.MaxBytesReader(w, req.Body, r.cfg.MaxBody))
	switch encoding := req.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
	case "gzip":
		z, err := gzip.NewReader(from)
		if err != nil {
			return nil, http.StatusBadRequest, fmt.Errorf("expected a body in gzip: %w", err)
		}
		defer z.Close()
		from = z
	default:
		return nil, http.StatusUnsupportedMediaType, fmt.Errorf("Content-Encoding is %.100q, expected gzip or none", encoding)
	}
	body, err = io.ReadAll(io.LimitReader(from, r.cfg.MaxBody+1))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large), err == nil && int64(len(body)) > r.cfg.MaxBody:
		return nil, http.StatusRequestEntityTooLarge, fmt.Errorf("the body is too large, at most %d bytes are accepted", r.cfg.MaxBody)
	case err != nil:
		return nil, http.StatusBadRequest, fmt.Errorf("the body cannot be read: %w", err)
	}
	return body, 0, nil
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
		w.Header().Set("Retry-After", strconv.Itoa(int(retryAfter.Seconds())))
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
