package invoke

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func newPipe(t *testing.T) (*io.PipeReader, *io.PipeWriter) {
	r, w := io.Pipe()
	t.Cleanup(func() { _, _ = r.Close(), w.Close() })
	return r, w
}

// caller makes a caller of a test server, with short delays.
func caller(t *testing.T, url string) *Caller {
	t.Helper()
	c, err := NewCaller(CallerConfig{URL: url, Secret: secret, Backoff: time.Millisecond, BackoffCap: 2 * time.Millisecond})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func TestCallerAndHandler(t *testing.T) {
	begun, release := make(chan Hint), make(chan struct{})
	_, s := server(t, func(_ context.Context, h Hint) (Answer, error) {
		begun <- h
		<-release
		return Answer{Start: Warm, Tasks: 7, Waited: true}, nil
	})
	taken := make(chan struct{})
	answers := make(chan Answer)
	want := Hint{Run: "r1", Functions: []string{"a", "b"}, Nodes: 12}
	go func() {
		a, err := caller(t, s.URL+"/invoke").Invoke(t.Context(), want, func() { close(taken) })
		assert.NoError(t, err)
		answers <- a
	}()
	assert.Equal(t, want, <-begun)
	<-taken // while the request is held
	close(release)
	assert.Equal(t, Answer{Start: Warm, Tasks: 7, Waited: true}, <-answers)
}

func TestCallerTries(t *testing.T) {
	for _, c := range []struct {
		name     string
		statuses []int // the last one is repeated
		requests int
		refused  bool
		fails    bool
	}{
		{name: "at once", statuses: []int{202}, requests: 1},
		{name: "what a platform answers by itself", statuses: []int{204}, requests: 1},
		{name: "until it works", statuses: []int{503, 429, 502, 200}, requests: 4},
		{name: "until it is no use", statuses: []int{500}, requests: 4, fails: true},
		{name: "not when refused", statuses: []int{401}, requests: 1, refused: true, fails: true},
		{name: "not when sent elsewhere", statuses: []int{307}, requests: 1, refused: true, fails: true},
		{name: "not what is too large", statuses: []int{503, 413}, requests: 2, refused: true, fails: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var n atomic.Int64
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				i := int(n.Add(1)) - 1
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(c.statuses[min(i, len(c.statuses)-1)])
			}))
			defer s.Close()
			_, err := caller(t, s.URL).Invoke(t.Context(), Hint{Run: "r1", Nodes: 1}, func() {})
			assert.EqualValues(t, c.requests, n.Load())
			assert.Equal(t, c.fails, err != nil, "%v", err)
			if c.fails {
				assert.Equal(t, c.refused, errors.Is(err, ErrRefused), "%v", err)
			}
		})
	}
}

func TestCallerWithoutServer(t *testing.T) {
	s := httptest.NewServer(nil)
	s.Close()
	_, err := caller(t, s.URL).Invoke(t.Context(), Hint{Run: "r1"}, func() { t.Error("it was not accepted") })
	assert.Error(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = caller(t, s.URL).Invoke(ctx, Hint{Run: "r1"}, func() {})
	assert.ErrorIs(t, err, context.Canceled)
}

// TestCallerWaitsAsAsked: Retry-After moves the next try, up to the cap.
func TestCallerWaitsAsAsked(t *testing.T) {
	var times [2]time.Time
	var n atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i := n.Add(1) - 1
		times[i] = time.Now()
		if i == 0 {
			w.Header().Set("Retry-After", "30")
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer s.Close()
	c, err := NewCaller(CallerConfig{URL: s.URL, Secret: secret, Backoff: time.Nanosecond, BackoffCap: 50 * time.Millisecond})
	require.NoError(t, err)
	defer c.Close()
	_, err = c.Invoke(t.Context(), Hint{Run: "r1"}, func() {})
	require.NoError(t, err)
	assert.GreaterOrEqual(t, times[1].Sub(times[0]), 50*time.Millisecond)
}

func TestCallerConfig(t *testing.T) {
	for _, url := range []string{"", "workers.example.org", "ftp://workers.example.org", "http://", "http://user:pass@host/", "http://%"} {
		_, err := NewCaller(CallerConfig{URL: url, Secret: secret})
		assert.ErrorContains(t, err, "expected one such as", url)
	}
	_, err := NewCaller(CallerConfig{URL: "http://host/invoke", Secret: []byte("short")})
	assert.ErrorContains(t, err, "expected at least 16")
}

func ExampleSign() {
	stamp, signature := Sign([]byte("correct horse battery staple"), noon, []byte(`{"version":1,"run":"r1"}`))
	fmt.Println(stamp)
	fmt.Println(signature)
	// Output:
	// 1772366400
	// sha256=f3b451bcbb790be857d404ec9ae99e6ed0c68bd571ae96eae9f4bca9208ef1ff
}
