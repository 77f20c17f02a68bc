package live_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/memory"
	"github.com/dagscope/dagscope/metricsstore/runtable"
)

// listener is a client of server-sent events.
type listener struct {
	t      *testing.T
	cancel context.CancelFunc
	lines  *bufio.Reader
	id     string
	copy   *viewer // its table
}

func (s *service) listen(run record.RunID, id string, v *viewer) *listener {
	ctx, cancel := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://dagscope.test/events/"+string(run), nil)
	require.NoError(s.t, err)
	if id != "" {
		r.Header.Set("Last-Event-ID", id)
	}
	answer, err := s.http.Do(r)
	require.NoError(s.t, err)
	require.Equal(s.t, http.StatusOK, answer.StatusCode)
	require.Equal(s.t, "text/event-stream", answer.Header.Get("Content-Type"))
	return &listener{t: s.t.(*testing.T), cancel: cancel, lines: bufio.NewReader(answer.Body), id: id, copy: v}
}

// event reads one event; its name is that of the message for control events, "" at the end.
func (l *listener) event() string {
	var name, data string
	for {
		line, err := l.lines.ReadString('\n')
		if err != nil {
			return ""
		}
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch key {
		case "event":
			name = value
		case "data":
			data = value
		case "id":
			l.id = value
		case "":
			if name == "control" {
				return l.copy.take([]byte(data))
			}
			b, err := base64.StdEncoding.DecodeString(data)
			require.NoError(l.t, err)
			f, err := runtable.DecodeFrame(b)
			require.NoError(l.t, err)
			require.NoError(l.t, l.copy.copy.Apply(f))
			if f.Snapshot {
				l.copy.snapshots++
			}
			return name
		}
	}
}

// TestStreamResumes: a stream that is cut off continues where it ended.
func TestStreamResumes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New()
		s := serve(t, store, nil)
		r := recordRun(t, store, "r", 1500)
		r.more(1000)
		v := &viewer{t: t}
		id := ""
		for i := range 10 {
			l := s.listen("r", id, v)
			for l.event() != "frame" {
			}
			if i%2 == 0 {
				r.more(10)
				for l.event() != "frame" {
				}
			}
			id = l.id
			l.cancel()
			r.more(50)
		}
		assert.Equal(t, 1, v.snapshots)
		r.end()
		l := s.listen("r", id, v)
		for !v.copy.Ended() {
			require.NotEmpty(t, l.event())
		}
		s.requireSame(v, "r")
		for v.status != "succeeded" {
			require.NotEmpty(t, l.event())
		}
		start := time.Now()
		for l.event() != "heartbeat" {
		}
		assert.LessOrEqual(t, time.Since(start), 10*time.Second)
		stopped := make(chan struct{})
		go func() {
			defer close(stopped)
			s.stop()
		}()
		for event := l.event(); event != "closing"; event = l.event() {
			require.NotEmpty(t, event)
		}
		assert.Empty(t, l.event(), "the stream ends with the hub")
		l.cancel()
		<-stopped
	})
}

func TestStreamOfUnknownRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, memory.New(), nil)
		answer, err := s.http.Get("http://dagscope.test/events/missing")
		require.NoError(t, err)
		defer answer.Body.Close()
		assert.Equal(t, http.StatusNotFound, answer.StatusCode)
		assert.Equal(t, "application/problem+json", answer.Header.Get("Content-Type"))
		var p map[string]any
		require.NoError(t, json.NewDecoder(answer.Body).Decode(&p))
		assert.Equal(t, "there is no run missing", p["detail"])
		s.stop()
	})
}

// TestStalledStream: a stream whose client does not read is dropped.
func TestStalledStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New()
		s := serve(t, store, nil)
		r := recordRun(t, store, "r", 6000)
		r.more(5000)
		l := s.listen("r", "", &viewer{t: t})
		l.event()
		time.Sleep(time.Minute)
		synctest.Wait()
		stats := s.hub.Stats()
		assert.Zero(t, stats.Clients)
		assert.Equal(t, uint64(1), stats.Dropped)
		l.cancel()
		r.end()
		s.stop()
	})
}
