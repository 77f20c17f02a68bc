package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// Pauses between tries, which double.
const (
	minPause = time.Second
	maxPause = 5 * time.Minute
)

// maxAnswer is how much is read of an answer, so that its connection can be used again.
const maxAnswer = 64 << 10

// outcome of a try.
type outcome string

const (
	accepted outcome = "accepted"
	failed   outcome = "failed" // and will be tried again
	dropped  outcome = "dropped"
)

// deliver posts what waits, in order, until a try fails. Then all wait for a pause, as they have one receiver.
func (s *Sender) deliver(ctx context.Context) error {
	for len(s.state.Queue) > 0 && !time.Now().Before(s.next) {
		d := &s.state.Queue[0]
		err := s.post(ctx, d)
		var refusal *refusedError
		switch {
		case err == nil:
			s.pause = 0
			s.deliveries.WithLabelValues(string(d.Event), string(accepted)).Inc()
			s.cfg.Log.Info("an event was delivered", "event", d.Event, "run", d.Run, "id", d.ID)
		case ctx.Err() != nil:
			return nil
		case errors.As(err, &refusal), time.Since(d.At) > s.cfg.Patience:
			s.drop(d, err)
		default:
			s.pause = min(max(2*s.pause, minPause), maxPause)
			s.next = time.Now().Add(s.pause)
			s.deliveries.WithLabelValues(string(d.Event), string(failed)).Inc()
			s.cfg.Log.Warn("an event could not be delivered and is tried again", "event", d.Event, "run", d.Run, "id", d.ID, "after", s.pause, "error", err)
			return nil
		}
		s.state.Queue, s.dirty = s.state.Queue[1:], true
		if err := s.save(ctx, time.Now()); err != nil {
			return err
		}
	}
	return nil
}

// drop counts and logs an event that will not be delivered.
func (s *Sender) drop(d *delivery, why error) {
	s.deliveries.WithLabelValues(string(d.Event), string(dropped)).Inc()
	s.cfg.Log.Error("an event is dropped", "event", d.Event, "run", d.Run, "id", d.ID, "error", why)
}

// refusedError: the receiver will not accept the event, however often it is tried.
type refusedError struct{ status string }

func (e *refusedError) Error() string {
	return fmt.Sprintf("the receiver answers %s, expected a status of 200 to 299", e.status)
}

// post makes one try.
func (s *Sender) post(ctx context.Context, d *delivery) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.cfg.URL, bytes.NewReader(d.Body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "dagscope")
	r.Header.Set("Dagscope-Event", string(d.Event))
	r.Header.Set("Dagscope-Delivery", d.ID)
	r.Header.Set("Dagscope-Signature", Signature(s.cfg.Secret, time.Now(), d.Body))
	answer, err := s.cfg.Client.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }() // the status says everything
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, maxAnswer))
	switch code := answer.StatusCode; {
	case code/100 == 2:
		return nil
	case code == http.StatusRequestTimeout, code == http.StatusTooEarly, code == http.StatusTooManyRequests, code >= 500:
		return fmt.Errorf("the receiver answers %s", answer.Status)
	}
	return &refusedError{answer.Status}
}

// Signature is the header Dagscope-Signature of a body that is sent at a time: t=SECONDS,v1=HEX, where HEX is the
// HMAC-SHA256 of SECONDS, a full stop and the body, in hexadecimal. SECONDS count from 1970.
func Signature(secret []byte, at time.Time, body []byte) string {
	seconds := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(seconds + "."))
	mac.Write(body)
	return "t=" + seconds + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}
