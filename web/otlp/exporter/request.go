package exporter

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 64 << 10

// busyError means that the same request may be accepted later.
type busyError struct {
	after time.Duration // as the collector says, 0 if it does not
	cause error
}

func (e *busyError) Error() string { return e.cause.Error() }

func (e *busyError) Unwrap() error { return e.cause }

func compressed(body []byte) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write(body)
	if err := errors.Join(err, z.Close()); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// request makes one request. It returns why spans were rejected by a collector that has accepted it, and a busyError if it
// may be repeated, as OTLP over HTTP has it: after 429, 502, 503 and 504, and if there was no answer.
func (e *Exporter) request(ctx context.Context, packed []byte) (rejected string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.target, bytes.NewReader(packed))
	if err != nil {
		return "", err
	}
	for name, values := range e.cfg.Header {
		req.Header[name] = values
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Content-Encoding", "gzip")
	answer, err := e.cfg.Client.Do(req)
	if err != nil {
		return "", &busyError{cause: err}
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return "", &busyError{cause: err}
	}
	if answer.StatusCode >= 200 && answer.StatusCode < 300 {
		return rejectedBy(text), nil
	}
	err = fmt.Errorf("it answers %s: %.300s", answer.Status, bytes.TrimSpace(text))
	switch answer.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return "", &busyError{retryAfter(answer.Header.Get("Retry-After")), err}
	}
	return "", err
}

// rejectedBy says why spans were rejected, empty if none were.
func rejectedBy(text []byte) string {
	var answer struct {
		PartialSuccess struct {
			RejectedSpans json.RawMessage `json:"rejectedSpans"` // a string in OTLP, a number in some collectors
			ErrorMessage  string          `json:"errorMessage"`
		} `json:"partialSuccess"`
	}
	if json.Unmarshal(text, &answer) != nil {
		return ""
	}
	n := string(bytes.Trim(answer.PartialSuccess.RejectedSpans, `"`))
	if n == "" || n == "0" {
		return answer.PartialSuccess.ErrorMessage
	}
	return fmt.Sprintf("%s spans: %s", n, answer.PartialSuccess.ErrorMessage)
}

// retryAfter reads the header: seconds or a date.
func retryAfter(text string) time.Duration {
	if n, err := strconv.Atoi(text); err == nil && n > 0 {
		return time.Duration(min(n, 3600)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}
