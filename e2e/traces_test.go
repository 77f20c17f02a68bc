package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sentSpan is a span in OTLP's JSON, one of a trace with a root that ends last.
func sentSpan(trace, id int, name string) string {
	parent := fmt.Sprintf("%016x", 1)
	start, end := 1_700_000_000_000_000_001+id*100, 1_700_000_000_000_000_001+id*100+90
	if id == 1 {
		parent, end = "", start+1_000_000_000
	}
	return fmt.Sprintf(`{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeSpans":[{"spans":[`+
		`{"traceId":"%032x","spanId":"%016x","parentSpanId":"%s","name":"%s","startTimeUnixNano":"%d","endTimeUnixNano":"%d"}]}]}]}`,
		trace+1, id, parent, name, start, end)
}

// TestKillTraces kills a service with signal 9 while clients send spans, again and again on one folder. Each span that
// was acknowledged is in the run of its trace once, with a trace that was complete before, and one whose root is sent in
// the end.
func TestKillTraces(t *testing.T) {
	t.Parallel()
	const traces = 3
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	u := newUser(t)
	var mu sync.Mutex
	acknowledged := map[string]bool{}
	next := 2
	send := func(s *service) bool {
		mu.Lock()
		id, name := next, fmt.Sprintf("span-%d-end", next)
		next++
		mu.Unlock()
		response, err := s.client.Post(s.url+"/v1/traces", "application/json", strings.NewReader(sentSpan(id%traces, id, name)))
		if err != nil {
			return false // it was killed
		}
		defer func() { _ = response.Body.Close() }()
		if response.StatusCode == http.StatusOK {
			mu.Lock()
			acknowledged[name] = true
			mu.Unlock()
		}
		return response.StatusCode == http.StatusOK
	}
	rounds := 4
	if testing.Short() {
		rounds = 1
	}
	for range rounds {
		s := u.serve()
		time.AfterFunc(time.Duration(random.Int64N(int64(3*time.Second)))+200*time.Millisecond, s.kill)
		var clients sync.WaitGroup
		for range 4 {
			clients.Go(func() {
				for send(s) {
					time.Sleep(10 * time.Millisecond) // so that there are runs to be made meanwhile
				}
			})
		}
		clients.Wait()
		s.wait()
	}
	require.NotEmpty(t, acknowledged)
	s := u.serve()
	for trace := range traces {
		s.do(http.MethodPost, "/v1/traces", strings.NewReader(sentSpan(trace, 1, "root")), http.Header{"Content-Type": {"application/json"}}).is(http.StatusOK)
	}
	require.Eventually(t, func() bool {
		done := 0
		for _, r := range u.runs() {
			if r.Status == "succeeded" && r.Workflow == "shop: root" {
				done++
			}
		}
		return done == traces
	}, patience, 100*time.Millisecond, "each trace becomes a whole run")
	s.ends()
	seen := map[string]int{}
	runs := u.runs()
	assert.Len(t, runs, traces, "a trace is one run")
	spanName := regexp.MustCompile(`span-\d+-end`)
	for id := range runs {
		for _, a := range u.attempts(id) {
			if name := spanName.FindString(a.Name); name != "" {
				seen[name]++
			}
		}
	}
	for name := range acknowledged {
		assert.Equal(t, 1, seen[name], "%s, of %d that were acknowledged", name, len(acknowledged))
	}
	t.Logf("%d spans were acknowledged, %d are kept", len(acknowledged), len(seen))
	u.ok("check")
}
