package e2e

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestWebhookSurvivesKill: a service that is killed between an event and its delivery leaves it to the next one, which also
// delivers the event of a run that has ended while there was none.
func TestWebhookSurvivesKill(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte("a-secret-of-some-length\n"), 0o600))
	var up atomic.Bool
	refused, accepted := make(chan string, 1000), make(chan string, 1000)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var event struct {
			ID string
		}
		if err := json.NewDecoder(r.Body).Decode(&event); err != nil || !up.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			refused <- event.ID
			return
		}
		accepted <- event.ID
	}))
	defer receiver.Close()
	next := func(of <-chan string) string {
		select {
		case id := <-of:
			return id
		case <-time.After(patience):
			require.Fail(t, "no event arrives")
			return ""
		}
	}
	args := []string{"--webhook", receiver.URL, "--webhook-secret-file", secret}
	fail := func() { require.Equal(t, 1, u.run("run", "flaky", "--set", "fails=10").code) }

	s := u.serve(args...)
	fail()
	first := next(refused)
	require.Regexp(t, "^failed-", first)
	s.kill()
	assert.Equal(t, -1, s.wait().code)
	fail()
	up.Store(true)
	s = u.serve(args...)
	assert.Equal(t, first, next(accepted))
	second := next(accepted)
	assert.Regexp(t, "^failed-", second)
	assert.NotEqual(t, first, second)
	s.ends()
}
