package invoke

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
)

var (
	secret = []byte("correct horse battery staple")
	noon   = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

// nothing is Work that returns immediately.
func nothing(context.Context, Hint) (Answer, error) {
	return Answer{Start: Cold, Tasks: 3, Waited: true}, nil
}

func newTestHandler(t *testing.T, work func(context.Context, Hint) (Answer, error)) *Handler {
	t.Helper()
	h, err := NewHandler(HandlerConfig{Secret: secret, Work: work, Name: "w1", MaxHeld: 2, Now: func() time.Time { return noon }})
	require.NoError(t, err)
	return h
}

// signed is a request that the handler accepts.
func signed(body string, at time.Time) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/invoke", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	stamp, signature := Sign(secret, at, []byte(body))
	r.Header.Set(TimeHeader, stamp)
	r.Header.Set(SignatureHeader, signature)
	return r
}

const hint = `{"version":1,"run":"r1","functions":["blur"],"nodes":4}`

func TestHandlerAnswers(t *testing.T) {
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	of := func(body string, at time.Time) (signature string) {
		_, signature = Sign(secret, at, []byte(body))
		return signature
	}
	for _, c := range []struct {
		name   string
		body   string
		at     time.Duration // from noon
		change func(*http.Request)
		want   int
		says   string
	}{
		{name: "a hint", want: 200, says: `{"worker":"w1","start":"cold","waited":true,"tasks":3}`},
		{name: "a hint of a later caller", body: `{"version":1,"run":"r1","colour":"red"}`, want: 200},
		{name: "clocks just near enough", at: -5 * time.Minute, want: 200},
		{name: "a fast clock", at: 5 * time.Minute, want: 200},
		{name: "with a character set", change: header("Content-Type", "application/json; charset=utf-8"), want: 200},
		{name: "too old", at: -5*time.Minute - time.Second, want: 401},
		{name: "too new", at: 5*time.Minute + time.Second, want: 401},
		{name: "no time", change: header(TimeHeader, ""), want: 401},
		{name: "no number", change: header(TimeHeader, "noon"), want: 401},
		{name: "another writing of the time", change: header(TimeHeader, fmt.Sprintf("+%d", noon.Unix())), want: 401},
		{name: "a time beyond all clocks", change: header(TimeHeader, "9223372036854775807"), want: 401},
		{name: "another time", change: header(TimeHeader, fmt.Sprint(noon.Unix()+1)), want: 401},
		{name: "no signature", change: header(SignatureHeader, ""), want: 401},
		{name: "a short signature", change: header(SignatureHeader, "sha256=00"), want: 401},
		{name: "no digits", change: header(SignatureHeader, "sha256="+strings.Repeat("x", 64)), want: 401},
		{name: "another algorithm", change: header(SignatureHeader, "md5="+strings.Repeat("0", 64)), want: 401},
		{name: "a signature of another body", change: header(SignatureHeader, of("{}", noon)), want: 401, says: "expected a request that is signed"},
		{name: "a signature with a bit more", change: header(SignatureHeader, of(hint, noon)+"00"), want: 401},
		{name: "no JSON", body: "blur", want: 400, says: "not a hint"},
		{name: "no version", body: `{"run":"r1"}`, want: 400, says: "version is 0, expected 1 to 1"},
		{name: "a later version", body: `{"version":2,"run":"r1"}`, want: 400, says: "version is 2"},
		{name: "no run", body: `{"version":1}`, want: 400, says: "not a run id"},
		{name: "no run id", body: `{"version":1,"run":"../r1"}`, want: 400},
		{name: "less than no node", body: `{"version":1,"run":"r1","nodes":-1}`, want: 400},
		{name: "too large", body: strings.Repeat(" ", MaxBody) + hint, want: 413},
		{name: "as large as can be", body: hint + strings.Repeat(" ", MaxBody-len(hint)), want: 200},
		{name: "too large by its own account", change: func(r *http.Request) { r.ContentLength = MaxBody + 1 }, want: 413},
		{name: "too large without saying so", body: strings.Repeat(" ", MaxBody+1), change: func(r *http.Request) { r.ContentLength = -1 }, want: 413},
		{name: "a form", change: header("Content-Type", "application/x-www-form-urlencoded"), want: 415},
		{name: "another method", change: func(r *http.Request) { r.Method = http.MethodPut }, want: 405},
		{name: "another path", change: func(r *http.Request) { r.URL.Path = "/" }, want: 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newTestHandler(t, nothing)
			body := hint
			if c.body != "" {
				body = c.body
			}
			r := signed(body, noon.Add(c.at))
			if c.change != nil {
				c.change(r)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			got := finalStatus(w)
			assert.Equal(t, c.want, got, w.Body.String())
			assert.Contains(t, w.Body.String(), c.says)
			if got == 200 {
				assert.Equal(t, "cold", w.Header().Get(StartHeader))
			}
			assert.Zero(t, h.Held())
		})
	}
}

// finalStatus returns the status of an answer: a recorder mistakes the interim status for the final one, so the body is
// used.
func finalStatus(w *httptest.ResponseRecorder) int {
	if w.Code != http.StatusProcessing {
		return w.Code
	}
	var r response
	if json.Unmarshal(w.Body.Bytes(), &r) == nil && r.Waited {
		return 200
	}
	return 0
}

func TestHandlerGivesTheHintToWork(t *testing.T) {
	var got Hint
	h := newTestHandler(t, func(_ context.Context, hint Hint) (Answer, error) {
		got = hint
		return Answer{Waited: true}, nil
	})
	h.ServeHTTP(httptest.NewRecorder(), signed(hint, noon))
	assert.Equal(t, Hint{Run: "r1", Functions: []string{"blur"}, Nodes: 4}, got)
	h.ServeHTTP(httptest.NewRecorder(), signed(`{"version":1,"run":"r2"}`, noon))
	assert.Equal(t, Hint{Run: "r2", Nodes: 1}, got)
}

// TestHandlerRepeated: a replayed request is an ordinary hint.
func TestHandlerRepeated(t *testing.T) {
	n := 0
	h := newTestHandler(t, func(context.Context, Hint) (Answer, error) {
		n++
		return Answer{Waited: true}, nil
	})
	for range 3 {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, signed(hint, noon))
		assert.Equal(t, 200, finalStatus(w))
	}
	assert.Equal(t, 3, n)
}

// server serves a handler on a real connection.
func server(t *testing.T, work func(context.Context, Hint) (Answer, error)) (*Handler, *httptest.Server) {
	t.Helper()
	h, err := NewHandler(HandlerConfig{Secret: secret, Work: work, Name: "w1", MaxHeld: 2, ReadTimeout: 300 * time.Millisecond})
	require.NoError(t, err)
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return h, s
}

// post sends a signed hint and returns the status and the body of the answer.
func post(t *testing.T, s *httptest.Server) (int, string) {
	t.Helper()
	r := signed(hint, time.Now())
	r.RequestURI = ""
	var err error
	r.URL, err = r.URL.Parse(s.URL + "/invoke")
	require.NoError(t, err)
	w, err := s.Client().Do(r)
	require.NoError(t, err)
	defer func() { _ = w.Body.Close() }()
	var body bytes.Buffer
	_, err = body.ReadFrom(w.Body)
	require.NoError(t, err)
	return w.StatusCode, body.String()
}

func TestHandlerHoldsRequests(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	h, s := server(t, func(context.Context, Hint) (Answer, error) {
		begun <- struct{}{}
		<-release
		return Answer{Start: Warm, Tasks: 1, Waited: true}, nil
	})
	statuses := make(chan int, 2)
	for range 2 {
		go func() {
			status, _ := post(t, s)
			statuses <- status
		}()
	}
	<-begun
	<-begun
	assert.Equal(t, 2, h.Held())
	status, body := post(t, s)
	assert.Equal(t, 202, status, "enough wait already")
	assert.Contains(t, body, `"waited":false`)

	time.Sleep(2 * h.cfg.ReadTimeout) // the bound on reading the body does not apply to the work
	h.Drain()
	status, _ = post(t, s)
	assert.Equal(t, 503, status)
	w, err := s.Client().Get(s.URL + "/healthz")
	require.NoError(t, err)
	defer func() { _ = w.Body.Close() }()
	assert.Equal(t, 503, w.StatusCode)
	close(release)
	assert.Equal(t, 200, <-statuses, "a request that waits is not cut")
	assert.Equal(t, 200, <-statuses)
}

func TestHandlerHealth(t *testing.T) {
	h := newTestHandler(t, nothing)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/healthz", nil))
	assert.Equal(t, 200, w.Code)
	assert.JSONEq(t, `{"service":"dagscope-worker","status":"ok","worker":"w1","held":0}`, w.Body.String())
}

func TestHandlerOfWorkThatFails(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{{engine.ErrClosed, 503}, {errors.New("the store is gone"), 500}} {
		_, s := server(t, func(context.Context, Hint) (Answer, error) { return Answer{}, c.err })
		status, body := post(t, s)
		assert.Equal(t, c.want, status)
		assert.NotContains(t, body, "store", "causes are for the log")
	}
}

// TestHandlerOfSlowSenders: a body that does not arrive blocks no other request.
func TestHandlerOfSlowSenders(t *testing.T) {
	_, s := server(t, nothing)
	read, write := newPipe(t)
	r := signed(hint, time.Now())
	slow, err := http.NewRequest(http.MethodPost, s.URL+"/invoke", read)
	require.NoError(t, err)
	slow.Header = r.Header
	go func() { _, _ = write.Write([]byte("{")) }() // and no further ones
	w, err := s.Client().Do(slow)
	if err == nil {
		defer func() { _ = w.Body.Close() }()
		assert.Equal(t, 400, w.StatusCode)
	}
}

func TestHandlerConfig(t *testing.T) {
	_, err := NewHandler(HandlerConfig{Secret: secret[:MinSecret-1], Work: nothing})
	assert.ErrorContains(t, err, "expected at least 16")
	_, err = NewHandler(HandlerConfig{Secret: secret})
	assert.ErrorContains(t, err, "Work is nil")
}

func FuzzHandler(f *testing.F) {
	f.Add([]byte(hint), "1772366400", "sha256=00")
	f.Add([]byte(`{"version":1,"run":"r","nodes":99999999999999999999}`), "-1", "")
	f.Fuzz(func(t *testing.T, body []byte, stamp, signature string) {
		h := newTestHandler(t, nothing)
		for _, r := range []*http.Request{signed(string(body), noon), httptest.NewRequest(http.MethodPost, "/invoke", bytes.NewReader(body))} {
			isSigned := r.Header.Get(SignatureHeader) != ""
			if !isSigned {
				r.Header = http.Header{"Content-Type": {"application/json"}, TimeHeader: {stamp}, SignatureHeader: {signature}}
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			status := finalStatus(w)
			if _, genuine := Sign(secret, noon, body); !isSigned && signature != genuine {
				assert.Equal(t, 401, status)
			}
			assert.Contains(t, []int{200, 400, 401, 413}, status)
		}
	})
}
