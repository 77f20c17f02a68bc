package invoke

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// CallerConfig of a Caller. URL and Secret are required; the zero value of the rest means the defaults.
type CallerConfig struct {
	// URL is that of POST /invoke, such as https://workers.example.org/invoke.
	URL string
	// Secret signs requests; at least MinSecret bytes.
	Secret []byte
	// Tries is how often a request is sent that gets no answer, status 429 or status 5xx; default 4.
	Tries int
	// Backoff is the upper bound of the delay before the second try, doubled for each further one up to BackoffCap; the
	// delay is drawn evenly from 0 to the bound, but is at least that of Retry-After, up to BackoffCap. Defaults 0.5 s and
	// 10 s.
	Backoff    time.Duration
	BackoffCap time.Duration
	// Hold is how long one request may take; default 1 h.
	Hold time.Duration
	// Transport of the requests; default one like http.DefaultTransport that keeps 64 connections.
	Transport http.RoundTripper
}

func (c CallerConfig) withDefaults() (CallerConfig, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return c, fmt.Errorf("invoke: URL is %q, expected one such as https://workers.example.org/invoke", c.URL)
	}
	if len(c.Secret) < MinSecret {
		return c, fmt.Errorf("invoke: the secret has %d bytes, expected at least %d", len(c.Secret), MinSecret)
	}
	if c.Tries <= 0 {
		c.Tries = 4
	}
	if c.Backoff <= 0 {
		c.Backoff = 500 * time.Millisecond
	}
	if c.BackoffCap <= 0 {
		c.BackoffCap = 10 * time.Second
	}
	if c.Hold <= 0 {
		c.Hold = time.Hour
	}
	if c.Transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxIdleConnsPerHost = 64
		c.Transport = t
	}
	return c, nil
}

// ErrRefused is wrapped by errors of requests that the server does not accept, so that repeating them is useless.
var ErrRefused = errors.New("invoke: refused")

// Caller invokes workers over HTTP; it is the client of a Handler. Safe for concurrent use.
type Caller struct {
	cfg    CallerConfig
	client *http.Client
}

// NewCaller checks the configuration.
func NewCaller(cfg CallerConfig) (*Caller, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Caller{cfg: cfg, client: &http.Client{
		Transport: cfg.Transport,
		// No redirects: a signed hint only goes to the configured server.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Close closes idle connections.
func (c *Caller) Close() { c.client.CloseIdleConnections() }

// heldFor is how long an accepted request must have lasted to count as held when its connection breaks: a gateway may
// cut long requests.
const heldFor = 5 * time.Second

// Invoke implements Invoker. The error wraps ErrRefused if a repetition is useless. A held request whose connection
// breaks is sent again, which does not count as a try, so that an autoscaler still sees it.
func (c *Caller) Invoke(ctx context.Context, h Hint, taken func()) (Answer, error) {
	body, err := json.Marshal(request{Version: Version, Hint: h})
	if err != nil {
		return Answer{}, fmt.Errorf("invoke: a hint: %w", err)
	}
	taken = sync.OnceFunc(taken)
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Hold)
	defer cancel()
	for n := 1; ; n++ {
		var wasTaken atomic.Bool
		began := time.Now()
		answer, wait, err := c.try(ctx, body, func() {
			wasTaken.Store(true)
			taken()
		})
		held := wasTaken.Load() && time.Since(began) >= heldFor
		switch {
		case err == nil:
			return answer, nil
		case held && errors.Is(ctx.Err(), context.DeadlineExceeded):
			return Answer{}, nil // the worker continues without the request
		case held:
			n = 0
		case ctx.Err() != nil || errors.Is(err, ErrRefused) || n == c.cfg.Tries:
			return Answer{}, err
		}
		again := time.NewTimer(min(max(wait, fullJitter(c.cfg.Backoff, c.cfg.BackoffCap, max(n, 1))), c.cfg.BackoffCap))
		select {
		case <-again.C:
		case <-ctx.Done():
			again.Stop()
			return Answer{}, err
		}
	}
}

// try sends one request; wait is the delay that the server asks for before the next one.
func (c *Caller) try(ctx context.Context, body []byte, taken func()) (a Answer, wait time.Duration, err error) {
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		Got1xxResponse: func(code int, _ textproto.MIMEHeader) error {
			if code == http.StatusProcessing {
				taken()
			}
			return nil
		},
	})
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.cfg.URL, bytes.NewReader(body))
	if err != nil {
		return Answer{}, 0, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	r.Header.Set("Content-Type", "application/json")
	stamp, signature := Sign(c.cfg.Secret, time.Now(), body)
	r.Header.Set(TimeHeader, stamp)
	r.Header.Set(SignatureHeader, signature)
	w, err := c.client.Do(r)
	if err != nil {
		return Answer{}, 0, fmt.Errorf("invoke: %w", err)
	}
	defer func() { _ = w.Body.Close() }()
	return read(w)
}

// answerMax is how much of an answer is read, in bytes.
const answerMax = 64 << 10

// read decodes an answer. Platforms may replace the body of a successful answer, so any body is accepted.
func read(w *http.Response) (a Answer, wait time.Duration, err error) {
	text, err := io.ReadAll(io.LimitReader(w.Body, answerMax))
	switch {
	case err != nil:
		return Answer{}, 0, fmt.Errorf("invoke: %w", err)
	case w.StatusCode == http.StatusTooManyRequests || w.StatusCode >= 500:
		if seconds, err := strconv.Atoi(w.Header.Get("Retry-After")); err == nil && seconds > 0 {
			wait = time.Duration(min(seconds, 3600)) * time.Second
		}
		return Answer{}, wait, fmt.Errorf("invoke: answered %s: %.200q", w.Status, text)
	case w.StatusCode < 200 || w.StatusCode >= 300:
		return Answer{}, 0, fmt.Errorf("%w: answered %s: %.200q", ErrRefused, w.Status, text)
	}
	var got response
	if json.Unmarshal(text, &got) != nil {
		return Answer{}, 0, nil
	}
	return Answer{Start: got.Start, Tasks: got.Tasks, Waited: got.Waited && w.StatusCode == http.StatusOK}, 0, nil
}
