package live_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/metricsstore/memory"
	"github.com/dagscope/dagscope/web/live"
)

// TestWatch: a viewer sees the existing log, its new steps, and its end; the summary follows.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New()
		s := serve(t, store, nil)
		r := recordRun(t, store, "r", 300)
		r.more(100)
		v := s.watch("r")
		v.await("frame")
		assert.Equal(t, []string{"hello", "subscribed"}, v.texts)
		assert.Equal(t, "running", v.status)
		assert.Equal(t, uint64(100), v.copy.Seq())
		r.more(50)
		v.await("frame")
		assert.Equal(t, uint64(150), v.copy.Seq())
		assert.Equal(t, 1, v.snapshots)
		r.end()
		v.awaitEnd()
		s.requireSame(v, "r")
		for v.status != "succeeded" {
			v.await("run")
		}
		v.cut()
		s.stop()
	})
}

// TestPace: the first change after a quiet time is sent at once, the next ones 50 ms apart, and none is lost.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New()
		s := serve(t, store, nil)
		r := recordRun(t, store, "r", 2000)
		v := s.watch("r")
		v.await("frame")
		time.Sleep(time.Second)
		sent := time.Now()
		r.more(1)
		v.await("frame")
		assert.Zero(t, time.Since(sent))
		frames := v.frames
		var steady sync.WaitGroup
		steady.Go(func() {
			for range 1000 {
				time.Sleep(time.Millisecond)
				r.more(1)
			}
		})
		for v.copy.Seq() < 1001 {
			_, err := v.read()
			require.NoError(t, err)
		}
		steady.Wait()
		assert.InDelta(t, 20, v.frames-frames, 2)
		r.end()
		v.awaitEnd()
		s.requireSame(v, "r")
		v.cut()
		s.stop()
	})
}

// TestSlowReader: a viewer that stops reading is dropped after a while; neither the run nor others wait for it, and
// nothing is queued for it.
func TestSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New()
		s := serve(t, store, nil)
		r := recordRun(t, store, "r", 20_000)
		slow, fast := s.watch("r"), s.watch("r")
		slow.await("subscribed") // and then it reads nothing
		began := time.Now()
		for range 20 {
			r.more(2000)
			for fast.copy.Seq() < uint64(r.done) {
				_, err := fast.read()
				require.NoError(t, err)
			}
		}
		r.end()
		fast.awaitEnd()
		assert.Less(t, time.Since(began), 4*time.Second)
		assert.Equal(t, 2, s.hub.Stats().Clients)
		s.requireSame(fast, "r")
		for range 3 {
			fast.await("heartbeat")
		}
		stats := s.hub.Stats()
		assert.Equal(t, uint64(1), stats.Dropped)
		assert.Equal(t, 1, stats.Clients)
		require.Error(t, readAll(slow))
		assert.Less(t, slow.frames, 3)
		fast.cut()
		s.stop()
	})
}

func readAll(v *viewer) error {
	for {
		if _, err := v.read(); err != nil {
			return err
		}
	}
}

// TestSluggishReader: a client that reads, but far too slowly, gets the reason when it is dropped.
func TestSluggishReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New()
		s := serve(t, store, func(c *live.Config) { c.WriteTimeout = time.Second })
		r := recordRun(t, store, "r", 20_000)
		r.more(30_000)
		v := s.watch("r")
		v.await("subscribed")
		time.Sleep(2 * time.Second)
		assert.Equal(t, websocket.StatusTryAgainLater, v.closeStatus())
		v.cut()
		s.stop()
	})
}

// TestMergedPatches: a viewer that was busy for a while gets one larger patch instead of many.
func TestMergedPatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New()
		s := serve(t, store, nil)
		r := recordRun(t, store, "r", 500)
		v := s.watch("r")
		v.await("frame")
		for range 10 {
			r.more(40)
			time.Sleep(100 * time.Millisecond)
		}
		before := v.frames
		for v.copy.Seq() < 400 {
			_, err := v.read()
			require.NoError(t, err)
		}
		assert.LessOrEqual(t, v.frames-before, 2)
		assert.Positive(t, s.hub.Stats().Coalesced)
		r.end()
		v.awaitEnd()
		s.requireSame(v, "r")
		v.cut()
		s.stop()
	})
}

// TestSharedFrames: frames for viewers at the same cursor are encoded once.
func TestSharedFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New()
		s := serve(t, store, nil)
		r := recordRun(t, store, "r", 1200)
		var viewers []*viewer
		for range 10 {
			v := s.watch("r")
			v.await("frame")
			viewers = append(viewers, v)
		}
		for range 10 {
			r.more(100)
			for _, v := range viewers {
				v.await("frame")
			}
		}
		stats := s.hub.Stats()
		assert.Equal(t, 1, stats.Following)
		assert.Equal(t, 10, stats.Subscriptions)
		assert.GreaterOrEqual(t, stats.Frames, uint64(110))
		assert.LessOrEqual(t, stats.Encoded, uint64(25))
		for _, v := range viewers {
			assert.Equal(t, uint64(r.done), v.copy.Seq())
			v.cut()
		}
		r.end()
		s.stop()
	})
}

func TestResync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New()
		s := serve(t, store, nil)
		r := recordRun(t, store, "r", 100)
		r.more(60)
		v := s.watch("r")
		v.await("frame")
		v.say(map[string]any{"type": "resync", "channel": 1})
		v.await("frame")
		assert.Equal(t, 2, v.snapshots)
		assert.Equal(t, uint64(1), s.hub.Stats().Resyncs)
		r.end()
		v.awaitEnd()
		s.requireSame(v, "r")
		v.cut()
		s.stop()
	})
}

// TestHeartbeat: it says what was sent on each channel.
func TestHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New()
		s := serve(t, store, nil)
		r := recordRun(t, store, "r", 100)
		r.more(60)
		v := s.watch("r")
		start := time.Now()
		v.await("heartbeat")
		assert.Equal(t, 10*time.Second, time.Since(start))
		assert.Equal(t, map[string]any{"1": 60.0}, v.last["seq"])
		r.end()
		v.cut()
		s.stop()
	})
}

// TestRefusals: an invalid command gets an error, and the socket stays open.
func TestRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New()
		s := serve(t, store, nil)
		recordRun(t, store, "r", 10).end()
		v := s.open()
		say := func(command map[string]any, status float64, detail string) {
			t.Helper()
			v.say(command)
			v.await("error")
			p := v.last["problem"].(map[string]any)
			assert.Equal(t, status, p["status"])
			assert.Contains(t, p["detail"], detail)
		}
		subscribe := func(channel int, run string) map[string]any {
			return map[string]any{"type": "subscribe", "channel": channel, "topic": "run", "run": run}
		}
		say(subscribe(1, "missing"), 404, "no run missing")
		say(subscribe(1, "../../etc"), 400, "not the ID")
		say(map[string]any{"type": "subscribe", "channel": 1, "topic": "weather"}, 400, "expected run or runs")
		say(map[string]any{"type": "order"}, 400, "expected subscribe")
		require.NoError(t, v.ws.Write(context.Background(), websocket.MessageBinary, []byte("{}")))
		v.await("error")
		for channel := 1; channel <= 16; channel++ {
			v.say(subscribe(channel, "r"))
			v.ws.SetReadLimit(1 << 20)
			for v.last["type"] != "subscribed" || v.last["channel"] != float64(channel) {
				readAny(t, v)
			}
		}
		say(subscribe(7, "r"), 400, "in use")
		say(subscribe(17, "r"), 400, "at most 16")
		v.say(map[string]any{"type": "unsubscribe", "channel": 7})
		v.say(map[string]any{"type": "resync", "channel": 7}) // nothing to do
		v.say(subscribe(17, "r"))
		for v.last["channel"] != 17.0 || v.last["type"] != "subscribed" {
			readAny(t, v)
		}
		assert.Equal(t, 16, s.hub.Stats().Subscriptions)
		v.cut()
		s.stop()
	})
}

// readAny reads a message of any channel.
func readAny(t *testing.T, v *viewer) {
	t.Helper()
	kind, b, err := v.ws.Read(context.Background())
	require.NoError(t, err)
	if kind == websocket.MessageText {
		v.take(b)
	}
}

// TestOrigins: pages of other hosts may not connect unless they are listed.
func TestOrigins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, memory.New(), func(c *live.Config) { c.Origins = []string{"friend.test"}; c.MaxClients = 1 })
		from := func(origin string) *websocket.DialOptions {
			return &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {origin}}}
		}
		_, r, err := s.dial(from("https://foe.test"))
		assert.True(t, isUpgradeRefused(r, err, http.StatusForbidden), "%v", err)
		ws, _, err := s.dial(from("https://friend.test"))
		require.NoError(t, err)
		_, r, err = s.dial(nil)
		assert.True(t, isUpgradeRefused(r, err, http.StatusServiceUnavailable), "there is room for one: %v", err)
		_ = ws.CloseNow()
		s.stop()
	})
}

// TestShutdown: sockets get a message, are closed as going away, and waited for; new ones are refused.
func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New()
		s := serve(t, store, nil)
		r := recordRun(t, store, "r", 100)
		r.more(60)
		v := s.watch("r")
		v.await("frame")
		stuck := s.watch("r") // reads nothing any more
		stuck.await("subscribed")
		stopped := make(chan struct{})
		started := time.Now()
		go func() {
			defer close(stopped)
			s.stop()
		}()
		v.await("closing")
		assert.Equal(t, websocket.StatusGoingAway, v.closeStatus())
		<-stopped
		assert.LessOrEqual(t, time.Since(started), 3*time.Second)
		assert.Zero(t, s.hub.Stats().Clients)
		stuck.cut()
		r.end()
	})
}

func TestHugeCommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, memory.New(), nil)
		v := s.open()
		v.await("hello")
		_ = v.ws.Write(context.Background(), websocket.MessageText, []byte(`{"type":"`+strings.Repeat("x", 100_000)))
		_, err := v.read()
		require.Error(t, err)
		v.cut()
		s.stop()
	})
}
