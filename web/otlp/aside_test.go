package otlp_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/memory"
	"github.com/dagscope/dagscope/web/otlp"
)

// brittle is a store that panics when the run of trace 7 is kept: as a mistake of the pipeline does.
type brittle struct {
	*memory.Store
	panics atomic.Int64
}

func (s *brittle) Swap(ctx context.Context, w *metricsstore.WholeRun) error {
	if w.Header.Info.Params["trace"] == "0000000000000007" {
		s.panics.Add(1)
		panic("index out of range")
	}
	return s.Store.Swap(ctx, w)
}

// TestATraceThatPanics: it is set aside with all its lines and is not tried again, also not after a restart, and the
// others continue.
func TestATraceThatPanics(t *testing.T) {
	store, dir := &brittle{Store: memory.New()}, t.TempDir()
	var log bytes.Buffer // read after the receiver has stopped
	change := func(c *otlp.Config) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) }
	r := receive(t, store, dir, change)
	r.send(span(7, 1, 0, 1, 50), span(7, 2, 1, 10, 20), span(8, 1, 0, 1, 50), span(8, 2, 1, 10, 20))
	r.wait(8, complete)
	aside := filepath.Join(dir, "aside", "0000000000000007.jsonl")
	late := func() string {
		return r.post("application/json", []byte(request(span(7, 3, 1, 30, 40)))).Body.String()
	}
	require.Eventually(t, func() bool {
		text, err := os.ReadFile(aside)
		return err == nil && bytes.Count(text, []byte("spanId")) >= 2 && bytes.Contains([]byte(late()), []byte("rejectedSpans"))
	}, 10*time.Second, time.Millisecond)
	r.send(span(9, 1, 0, 1, 50), span(9, 2, 1, 10, 20))
	r.wait(9, complete)
	r.stop()
	require.Contains(t, log.String(), "trace=0000000000000007")
	require.Contains(t, log.String(), "index out of range")
	require.EqualValues(t, 1, store.panics.Load())

	r = receive(t, store, dir, change)
	r.send(span(10, 1, 0, 1, 50), span(10, 2, 1, 10, 20))
	r.wait(10, complete)
	require.Contains(t, late(), `"rejectedSpans":"1"`)
	require.EqualValues(t, 1, store.panics.Load(), "it is not tried again")
	w := r.post("application/json", []byte(request(span(11, 1, 0, 1, 50), span(11, 2, 1, 10, 20))))
	require.Equal(t, http.StatusOK, w.Code)
}
