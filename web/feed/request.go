package feed

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// RetryAfter is when a request that was refused for now should be repeated.
const RetryAfter = 5 * time.Second

// Body reads the body of a request, decompressed if it is in gzip. On an error, status is that of the answer: 413 above
// Config.MaxBody, 415 for other encodings, else 400.
func (r *Receiver) Body(w http.ResponseWriter, req *http.Request) (body []byte, status int, err error) {
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

// Refusal returns the status and the public text of the answer for an error of Accept: 429 if the journal is full, else 503.
// After both the client may try again. Errors that people have to look into are logged.
func (r *Receiver) Refusal(err error) (status int, public error) {
	switch {
	case errors.Is(err, ErrBusy):
		return http.StatusTooManyRequests, err
	case errors.Is(err, ErrOwner):
		return http.StatusServiceUnavailable, err
	}
	r.cfg.Log.Error(r.source.Records+" cannot be kept", "error", err)
	return http.StatusServiceUnavailable, fmt.Errorf("%s cannot be kept at the moment; the server's log has more", r.source.Records)
}
