package webhook_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/memory"
	"github.com/dagscope/dagscope/web/api"
	"github.com/dagscope/dagscope/web/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "a secret of some length"

// receiver answers requests without a network, so that tests have their own time.
type receiver struct {
	answer func(n int) int // the status of the nth answer, from 1; 0 for none

	mu       sync.Mutex
	times    []time.Time
	ids      []string
	accepted []map[string]any
	paths    []string
}

func (r *receiver) RoundTrip(q *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.times, r.ids, r.paths = append(r.times, time.Now()), append(r.ids, q.Header.Get("Dagscope-Delivery")), append(r.paths, q.URL.Path)
	if !genuine(q.Header.Get("Dagscope-Signature"), body) {
		return nil, errors.New("the signature is wrong")
	}
	status := r.answer(len(r.times))
	if status == 0 {
		return nil, errors.New("nothing listens there")
	}
	if status == http.StatusOK {
		var payload map[string]any
		if err := json.Unmarshal(body, &payload); err != nil {
			return nil, err
		}
		r.accepted = append(r.accepted, payload)
	}
	header := http.Header{"Location": {"http://elsewhere.test/"}}
	return &http.Response{StatusCode: status, Status: http.StatusText(status), Header: header, Body: io.NopCloser(strings.NewReader(""))}, nil
}

// genuine checks a signature as docs/webhooks.md says.
func genuine(signature string, body []byte) bool {
	at, sum, ok := strings.Cut(strings.TrimPrefix(signature, "t="), ",v1=")
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(at + "." + string(body)))
	seconds, err := time.ParseDuration(at + "s")
	age := time.Since(time.Unix(0, 0).Add(seconds))
	return ok && err == nil && age >= 0 && age < time.Minute && hex.EncodeToString(mac.Sum(nil)) == sum
}

// got lists the IDs of the accepted events.
func (r *receiver) got() (ids []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.accepted {
		ids = append(ids, p["id"].(string))
	}
	return ids
}

func accepts(int) int { return http.StatusOK }

// outbox is one in memory, which can be made to fail.
type outbox struct {
	mu   sync.Mutex
	data []byte
	err  error
}

func (o *outbox) Load(context.Context) ([]byte, error) { return o.data, o.err }

func (o *outbox) Save(_ context.Context, data []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		o.data = data
	}
	return o.err
}

// world is a store, and what the API says about its runs.
type world struct {
	metricsstore.Store
	t      *testing.T
	outbox *outbox
	log    bytes.Buffer

	mu     sync.Mutex
	broken error
	slow   map[record.RunID]bool
	peers  []time.Duration // how long those of each run took
	paused bool
}

func newWorld(t *testing.T) *world {
	return &world{Store: memory.New(), t: t, outbox: &outbox{}, slow: map[record.RunID]bool{}}
}

// reports is world as what answers about runs.
type reports struct{ *world }

func (r reports) Run(ctx context.Context, id record.RunID) (api.RunSummary, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.broken != nil {
		return api.RunSummary{}, r.broken
	}
	kept, err := r.Store.Run(ctx, id)
	if err != nil {
		return api.RunSummary{}, api.NewProblem(http.StatusNotFound, "there is no run %s", id)
	}
	s := api.RunSummary{Run: id, Workflow: kept.Info.Workflow, Status: kept.Status, Revision: kept.Info.Revision, StartedAt: kept.Info.StartedAt}
	if r.paused {
		s.Status = record.Paused
	}
	if kept.Status == record.Failed {
		s.Error.Value = &api.RunError{Message: "out of luck"}
	}
	if r.slow[id] {
		s.Standing.Value = &api.Standing{Slow: true, Runs: 20}
	}
	return s, nil
}

func (r reports) Runs(_ context.Context, query url.Values) (out api.RunList, err error) {
	require.NotEmpty(r.t, query.Get("before"))
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, d := range r.peers {
		out.Runs = append(out.Runs, api.RunSummary{EndedAt: new(time.Time{}.Add(d))})
	}
	return out, nil
}

func (w *world) begin(id record.RunID, revision int) {
	w.t.Helper()
	require.NoError(w.t, w.Begin(w.t.Context(), metricsstore.Header{
		Info: record.RunInfo{ID: id, Workflow: "w", StartedAt: time.Unix(0, 0), Revision: revision}, Status: record.Running,
	}, []byte("shape")))
}

func (w *world) end(id record.RunID, status record.Status) {
	w.t.Helper()
	r, err := w.Store.Run(w.t.Context(), id)
	require.NoError(w.t, err)
	r.Status, r.EndedAt, r.Rollup = status, time.Now(), r.Rollup+1
	require.NoError(w.t, w.Acquire(w.t.Context(), id, metricsstore.Lease{Owner: "o", Until: time.Now().Add(time.Hour)}, time.Now()))
	require.NoError(w.t, w.Archive(w.t.Context(), id, metricsstore.Archive{Owner: "o", Header: r.Header}))
}

// ended begins and ends a run.
func (w *world) ended(id record.RunID, status record.Status) {
	w.t.Helper()
	w.begin(id, 0)
	w.end(id, status)
}

// sending runs a sender to a receiver while f works, and returns what it counts.
func (w *world) sending(r *receiver, change func(*webhook.Config), f func()) map[string]float64 {
	w.t.Helper()
	cfg := webhook.Config{
		Store: w, Runs: reports{w}, Outbox: w.outbox, URL: "http://receiver.test/hook", Secret: []byte(secret), Page: "http://x/",
		Client: &http.Client{Transport: r, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		Log:    slog.New(slog.NewTextHandler(&w.log, nil)),
	}
	if change != nil {
		change(&cfg)
	}
	s, err := webhook.New(w.t.Context(), cfg)
	require.NoError(w.t, err)
	ctx, cancel := context.WithCancel(w.t.Context())
	var running sync.WaitGroup
	running.Go(func() { assert.NoError(w.t, s.Run(ctx)) })
	synctest.Wait() // the first look
	f()
	cancel()
	running.Wait()
	registry := prometheus.NewRegistry()
	require.NoError(w.t, registry.Register(s))
	families, err := registry.Gather()
	require.NoError(w.t, err)
	counts := map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			key := family.GetName()
			if labels := m.GetLabel(); len(labels) == 2 {
				key = labels[0].GetValue() + " " + labels[1].GetValue()
			}
			counts[key] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return counts
}

func TestEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r := newWorld(t), &receiver{answer: accepts}
		w.slow["slow"] = true
		counts := w.sending(r, nil, func() {
			for id, status := range map[record.RunID]record.Status{
				"failed": record.Failed, "cut": record.Interrupted, "slow": record.Succeeded, "fine": record.Succeeded, "stopped": record.Cancelled,
			} {
				w.ended(id, status)
			}
			time.Sleep(2 * time.Second)
			w.begin("failed", 1)
			w.end("failed", record.Failed)
			time.Sleep(2 * time.Second)
		})
		assert.ElementsMatch(t, []string{"failed-failed-0", "failed-cut-0", "slow-slow-0", "failed-failed-1"}, r.got())
		assert.Equal(t, 3.0, counts["failed accepted"])
		assert.Equal(t, 1.0, counts["slow accepted"])
		assert.Equal(t, 0.0, counts["dagscope_webhook_waiting"])
		assert.Equal(t, "/hook", r.paths[0])
		assert.Equal(t, 4, strings.Count(w.log.String(), "an event was delivered"))
		for _, p := range r.accepted {
			run := p["run"].(map[string]any)
			assert.Equal(t, "http://x/runs/"+run["id"].(string), run["url"])
			assert.Equal(t, p["id"] == "slow-slow-0", p["standing"] != nil)
			assert.Equal(t, run["status"] == "failed", p["error"] != nil)
		}
	})
}

func TestOnlyWantedEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r := newWorld(t), &receiver{answer: accepts}
		w.slow["slow"] = true
		w.sending(r, func(c *webhook.Config) { c.Events = []webhook.Event{webhook.Slow} }, func() {
			w.ended("slow", record.Succeeded)
			w.ended("failed", record.Failed)
			time.Sleep(2 * time.Second)
		})
		assert.Equal(t, []string{"slow-slow-0"}, r.got())
	})
}

// TestLate: a run is late once, after the deadline and not before, unless it is paused or has too few peers.
func TestLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r := newWorld(t), &receiver{answer: accepts}
		since := time.Since(time.Unix(0, 0)) // the runs of the test have begun so long ago
		for range 48 {
			w.peers = append(w.peers, since+time.Minute)
		}
		wait := func(d time.Duration, change func()) {
			time.Sleep(d)
			w.mu.Lock()
			defer w.mu.Unlock()
			change()
		}
		w.sending(r, nil, func() {
			w.begin("unknown", 0)
			wait(10*time.Minute, func() { w.peers = append(w.peers, since+20*time.Minute) })
			w.begin("r", 0)
			wait(10*time.Minute-5*time.Second, func() { assert.Empty(t, r.accepted); w.paused = true })
			wait(10*time.Second, func() { assert.Empty(t, r.accepted, "it is paused"); w.paused = false })
			wait(5*time.Minute, func() {})
		})
		require.Equal(t, []string{"late-r-0"}, r.got())
		late := r.accepted[0]["late"].(map[string]any)
		assert.Equal(t, 49.0, late["runs"])
		assert.Equal(t, 0.02, late["false_alarms"])
		assert.Equal(t, float64(since+20*time.Minute), late["deadline_ns"])
		w.end("unknown", record.Succeeded)
		w.sending(r, nil, func() { time.Sleep(time.Minute) })
		assert.Len(t, r.got(), 1, "after a restart")
	})
}

// TestRetries: a delivery is tried again with growing pauses and the same ID, and those after it wait.
func TestRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r := newWorld(t), &receiver{answer: func(n int) int { return []int{0, 500, 429, 503, 200}[min(n-1, 4)] }}
		counts := w.sending(r, nil, func() {
			w.ended("a", record.Failed)
			time.Sleep(1500 * time.Millisecond)
			w.ended("b", record.Failed)
			time.Sleep(time.Minute)
		})
		assert.Equal(t, []string{"failed-a-0", "failed-b-0"}, r.got())
		assert.Equal(t, []string{"failed-a-0", "failed-a-0", "failed-a-0", "failed-a-0", "failed-a-0", "failed-b-0"}, r.ids)
		for i := range 3 {
			assert.Greater(t, r.times[i+2].Sub(r.times[i+1]), r.times[i+1].Sub(r.times[i])*3/2, "pause %d", i)
		}
		assert.Equal(t, 4.0, counts["failed failed"])
		assert.Equal(t, 2.0, counts["failed accepted"])
	})
}

// TestRefusals: what the receiver refuses is dropped, a redirect is not followed, and what was never accepted ends.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		status int
		tries  int
	}{{400, 1}, {410, 1}, {307, 1}, {0, 13}} {
		synctest.Test(t, func(t *testing.T) {
			w, r := newWorld(t), &receiver{answer: func(int) int { return c.status }}
			counts := w.sending(r, func(c *webhook.Config) { c.Patience = 20 * time.Minute }, func() {
				w.ended("a", record.Failed)
				time.Sleep(time.Hour)
			})
			assert.Equal(t, 1.0, counts["failed dropped"])
			assert.Len(t, r.paths, c.tries, c.status)
			assert.NotContains(t, r.paths, "/")
			assert.Contains(t, w.log.String(), "an event is dropped")
		})
	}
}

func TestQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, up := newWorld(t), atomic.Bool{}
		r := &receiver{answer: func(int) int {
			if up.Load() {
				return 200
			}
			return 503
		}}
		counts := w.sending(r, func(c *webhook.Config) { c.Queue = 3 }, func() {
			for _, id := range []record.RunID{"a", "b", "c", "d", "e"} {
				w.ended(id, record.Failed)
				time.Sleep(2 * time.Second)
			}
			up.Store(true)
			time.Sleep(10 * time.Minute)
		})
		assert.Equal(t, []string{"failed-a-0", "failed-b-0", "failed-c-0"}, r.got())
		assert.Equal(t, 2.0, counts["failed dropped"])
	})
}

// TestRestarts: what was noticed and not delivered, what was not judged, and what ended meanwhile is delivered by the next
// sender.
func TestRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, down := newWorld(t), &receiver{answer: func(int) int { return 503 }}
		w.sending(down, nil, func() {
			w.begin("open", 0)
			w.ended("waits", record.Failed)
			time.Sleep(2 * time.Second)
			w.mu.Lock()
			w.broken = api.NewProblem(http.StatusServiceUnavailable, "the store does not answer")
			w.mu.Unlock()
			w.ended("unjudged", record.Failed)
			time.Sleep(2 * time.Second)
		})
		assert.Empty(t, down.got())
		w.broken = nil
		w.end("open", record.Failed)
		w.ended("meanwhile", record.Failed)
		time.Sleep(24 * time.Hour)
		up := &receiver{answer: accepts}
		w.sending(up, nil, func() { time.Sleep(time.Minute) })
		assert.ElementsMatch(t, []string{"failed-waits-0", "failed-unjudged-0", "failed-open-0", "failed-meanwhile-0"}, up.got())
		w.sending(up, nil, func() { time.Sleep(time.Minute) })
		assert.Len(t, up.got(), 4, "nothing is delivered again")
	})
}

// TestOutboxThatFails: nothing is posted that is not kept.
func TestOutboxThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r := newWorld(t), &receiver{answer: accepts}
		w.sending(r, nil, func() {
			w.outbox.mu.Lock()
			w.outbox.err = errors.New("no space left")
			w.outbox.mu.Unlock()
			w.ended("a", record.Failed)
			time.Sleep(5 * time.Second)
			assert.Empty(t, r.got())
			w.outbox.mu.Lock()
			w.outbox.err = nil
			w.outbox.mu.Unlock()
			time.Sleep(2 * time.Second)
		})
		assert.Equal(t, []string{"failed-a-0"}, r.got())
		assert.Contains(t, w.log.String(), "no space left")
	})
}

// TestRunThatCannotBeJudged: it does not keep others from being judged.
func TestRunThatCannotBeJudged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r := newWorld(t), &receiver{answer: accepts}
		w.sending(r, nil, func() {
			w.mu.Lock()
			w.broken = api.NewProblem(http.StatusInternalServerError, "corrupt")
			w.mu.Unlock()
			w.ended("a", record.Failed)
			time.Sleep(2 * time.Second)
			w.mu.Lock()
			w.broken = nil
			w.mu.Unlock()
			w.ended("b", record.Failed)
			time.Sleep(2 * time.Second)
		})
		assert.Equal(t, []string{"failed-b-0"}, r.got())
		assert.Contains(t, w.log.String(), "corrupt")
	})
}

func TestConfig(t *testing.T) {
	w := newWorld(t)
	good := webhook.Config{Store: w, Runs: reports{w}, Outbox: w.outbox, URL: "http://receiver.test/hook", Secret: []byte(secret)}
	for want, change := range map[string]func(*webhook.Config){
		"":                               func(*webhook.Config) {},
		"Outbox is nil":                  func(c *webhook.Config) { c.Outbox = nil },
		"expected an address":            func(c *webhook.Config) { c.URL = "receiver.test" },
		"expected at least 16":           func(c *webhook.Config) { c.Secret = []byte("short") },
		"expected failed, slow or late":  func(c *webhook.Config) { c.Events = []webhook.Event{"early"} },
		"the outbox holds something":     func(c *webhook.Config) { c.Outbox = &outbox{data: []byte("x")} },
		"has version 7, expected 1":      func(c *webhook.Config) { c.Outbox = &outbox{data: []byte(`{"version":7}`)} },
		"outbox cannot be read: on fire": func(c *webhook.Config) { c.Outbox = &outbox{err: errors.New("on fire")} },
	} {
		cfg := good
		change(&cfg)
		_, err := webhook.New(t.Context(), cfg)
		if want == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, want)
	}
}

func TestSignature(t *testing.T) {
	// As Python computes it: hmac.new(b"a secret of some length", b"1700000000.{}", "sha256").hexdigest()
	assert.Equal(t, "t=1700000000,v1=9008b8e96ac884fb56cbbbb39d8c4b578c2c6de7951cbcce7f1f18311f3cd9f2", webhook.Signature([]byte(secret), time.Unix(1_700_000_000, 0), []byte("{}")))
}
