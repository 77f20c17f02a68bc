package e2e

import (
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestSDK receives 2,000 spans a second from OpenTelemetry's own SDK, for ten seconds or, with DAGSCOPE_LONG=1, a minute,
// while the service is killed and started in the middle. Each span that the SDK was told is kept is there once.
func TestSDK(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes 15 s")
	}
	t.Parallel()
	lasts := 10 * time.Second
	if isLong {
		lasts = time.Minute
	}
	sender := filepath.Join(t.TempDir(), "spans")
	build := exec.Command("go", "build", "-trimpath", "-o", sender, "./spans")
	build.Dir = filepath.Join("..", "bench")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))

	u, addr := newUser(t), freeAddress(t)
	s := u.serve("--addr", addr)
	var acknowledged, failed strings.Builder
	sending := exec.Command(sender, "-url", s.url, "-for", lasts.String())
	sending.Stdout, sending.Stderr = &acknowledged, &failed
	require.NoError(t, sending.Start())
	running := func(n int) bool {
		under := 0
		for _, r := range u.runs() {
			if r.Status == "running" {
				under++
			}
		}
		return under >= n
	}
	require.Eventually(t, func() bool { return running(2) }, patience, 100*time.Millisecond, "traces under way are running runs")
	time.AfterFunc(lasts/2, s.kill)
	s.wait()
	s = u.serve("--addr", addr)
	require.NoError(t, sending.Wait(), failed.String())
	want := map[string][]string{}
	for line := range strings.Lines(acknowledged.String()) {
		trace, span, _ := strings.Cut(strings.TrimSpace(line), " ")
		want[trace] = append(want[trace], span)
	}
	total := 0
	for trace, ids := range u.received(want) {
		for _, id := range want[trace] {
			total++
			if !assert.Equal(t, 1, ids[id], "span %s of trace %s", id, trace) {
				return
			}
		}
	}
	s.ends()
	t.Logf("%d spans of %d traces were acknowledged, all are there once", total, len(want))
	assert.NotZero(t, total, "nothing was acknowledged") // how many depends on the machine
	u.ok("check")
}

// received counts the spans in the runs of traces by their IDs, once as many are there as are wanted.
func (u *user) received(want map[string][]string) map[string]map[string]int {
	u.t.Helper()
	spanID := regexp.MustCompile(`(?m)^id ([0-9a-f]{16})$`)
	found := map[string]map[string]int{}
	require.Eventually(u.t, func() bool {
		for id, r := range u.runs() {
			trace := fmt.Sprintf("%032s", r.Params["trace"])
			if len(found[trace]) >= len(want[trace]) {
				continue
			}
			ids := map[string]int{}
			var list struct{ Attempts []struct{ Log string } }
			u.json(&list, "logs", id, "--limit", "0")
			for _, a := range list.Attempts {
				for _, m := range spanID.FindAllStringSubmatch(a.Log, -1) {
					ids[m[1]]++
				}
			}
			found[trace] = ids
		}
		for trace, ids := range want {
			if len(ids) < 2 { // which is no run
				delete(want, trace)
			} else if len(found[trace]) < len(ids) {
				return false
			}
		}
		return true
	}, 4*patience, time.Second, "all that was acknowledged is in a run")
	return found
}

// freeAddress is one of the loopback on which a service can be started again.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}
