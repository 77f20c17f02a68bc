package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// summed is what a service says of a run.
type summed struct {
	Run      string `json:"run"`
	Workflow string `json:"workflow"`
	Engine   string `json:"engine"`
	Status   string `json:"status"`
	Attempts int    `json:"attempts"`
	Retries  int    `json:"retries"`
	Edges    int    `json:"edges"`
	Tasks    struct{ Total, Done, Failed int }
}

func (s *service) runs() []summed {
	s.t.Helper()
	var list struct{ Runs []summed }
	s.do(http.MethodGet, "/api/v1/runs", nil, nil).json(&list)
	return list.Runs
}

// TestRunsAsTraces sends runs from a command and from a service to another service, which shows them as they were.
func TestRunsAsTraces(t *testing.T) {
	t.Parallel()
	collector := newUser(t).serve()
	sender := newUser(t)
	sender.ok("run", "tree-reduction", "--set", "n=64", "--otlp-endpoint", collector.url)
	s := sender.serve("--otlp-endpoint", collector.url+"/v1/traces")
	s.do(http.MethodPost, "/api/v1/runs", strings.NewReader(`{"workflow":"tree-reduction","params":{"n":"128"}}`), http.Header{"Content-Type": {"application/json"}}).is(http.StatusCreated)
	byTasks := func(runs []summed) map[int]summed {
		out := map[int]summed{}
		for _, r := range runs {
			if r.Status == "succeeded" {
				out[r.Tasks.Total] = r
			}
		}
		return out
	}
	require.Eventually(t, func() bool { return len(byTasks(collector.runs())) == 2 && len(byTasks(s.runs())) == 2 }, patience, 100*time.Millisecond)
	own, received := byTasks(s.runs()), byTasks(collector.runs())
	for tasks, want := range own {
		got, there := received[tasks]
		require.True(t, there, "a run of %d tasks", tasks)
		assert.Equal(t, "OpenTelemetry", got.Engine)
		assert.Equal(t, "dagscope: tree-reduction", got.Workflow)
		want.Run, want.Engine, want.Workflow = got.Run, got.Engine, got.Workflow
		assert.Equal(t, want, got)
	}
	s.ends()
	collector.ends()
}
