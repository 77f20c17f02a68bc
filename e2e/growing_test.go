package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sendSpan has a service keep a span.
func (s *service) sendSpan(trace, id int, name string) {
	s.t.Helper()
	s.do(http.MethodPost, "/v1/traces", strings.NewReader(sentSpan(trace, id, name)), http.Header{"Content-Type": {"application/json"}}).is(http.StatusOK)
}

// TestATraceGrowsOnThePage opens the page of a trace under way, on which more of it appears without a reload: the moment
// and the task that were chosen stay, although a root that began before all others moves and renumbers them.
func TestATraceGrowsOnThePage(t *testing.T) {
	t.Parallel()
	s, b := dashboard(t, newUser(t))
	for id := 2; id <= 4; id++ {
		s.sendSpan(1, id, fmt.Sprintf("step %c", 'a'+id))
	}
	var run string
	require.Eventually(t, func() bool {
		for _, r := range s.runs() {
			if r.Status == "running" && r.Tasks.Total == 3 {
				run = r.Run
			}
		}
		return run != ""
	}, patience, 50*time.Millisecond, "it is listed while spans arrive")
	b.openRun(s, run)
	value[float64](b, `(window.stays = true, window.dagscope.seek(150), window.dagscope.selectTask("shop: step e"))`)
	b.idle()
	before := value[string](b, "location.search")
	assert.Contains(t, before, "task=")
	startedBefore := s.startedAt(run)
	for id := 5; id <= 7; id++ {
		s.sendSpan(1, id, fmt.Sprintf("step %c", 'a'+id))
		b.until("the span that was sent", fmt.Sprintf("window.dagscope.rows() === %d", id-1))
	}
	assert.Equal(t, before, value[string](b, "location.search"), "what was chosen stays")
	assert.Equal(t, "running", value[string](b, "window.dagscope.run().status"))

	s.sendSpan(1, 1, "all")
	b.until("the end", `window.dagscope.run().status === "succeeded"`)
	b.idle()
	shift := startedBefore.Sub(s.startedAt(run))
	assert.Equal(t, 100*time.Nanosecond, shift, "the root began before what was there")
	assert.Equal(t, 150+shift.Nanoseconds(), b.atNS(), "the same moment")
	assert.True(t, value[bool](b, "window.stays"), "the page was not loaded again")
	headings := value[string](b, `[...document.querySelectorAll("h2, h3")].map((h) => h.textContent).join("|")`)
	assert.Contains(t, headings, "shop: step e", "the same task")
	b.do(chromedp.Navigate("about:blank"))
	s.ends()
}

// startedAt is when a run began.
func (s *service) startedAt(run string) time.Time {
	s.t.Helper()
	var r struct {
		StartedAt time.Time `json:"started_at"`
	}
	s.do(http.MethodGet, "/api/v1/runs/"+run, nil, nil).json(&r)
	return r.StartedAt
}
