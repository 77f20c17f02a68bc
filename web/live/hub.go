package live

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// Hub serves live views. Safe for concurrent use.
type Hub struct {
	cfg    Config
	unpack *metricsstore.Unpacker
	counts counts
	faults faults
	board  *board
	silent atomic.Int64 // since when the store has not answered, in Unix ns; 0 while it does
	// closing is closed by Run when it ends; clients receive.
	closing chan struct{}
	// wanted has capacity 1; every part that wants a summary soon sends, Run receives.
	wanted chan struct{}
	parts  sync.WaitGroup // the goroutines of clients and feeds

	mu      sync.Mutex
	closed  bool // guarded by mu, like all fields below
	feeds   map[record.RunID]*feed
	leaves  uint64               // how often the last subscriber of a feed has left
	clients map[*client]struct{} // open sockets and streams
}

// client is a socket or a stream; force ends it without a further message, and wake makes it look for messages to send.
type client struct {
	force func()
	wake  chan<- struct{} // of capacity 1
}

// counts are the counters of Stats.
type counts struct {
	frames, bytes, encoded, coalesced, resyncs, dropped atomic.Uint64
}

// New returns a hub, or an error that says what is wrong with the configuration. Call Run for it to work.
func New(cfg Config) (*Hub, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	u, err := metricsstore.NewUnpacker()
	if err != nil {
		return nil, err
	}
	return &Hub{
		cfg: cfg, unpack: u, faults: faults{log: cfg.Log}, board: newBoard(), closing: make(chan struct{}), wanted: make(chan struct{}, 1),
		feeds: map[record.RunID]*feed{}, clients: map[*client]struct{}{},
	}, nil
}

// Run polls summaries until ctx ends. Then it closes all sockets as going away, ends all streams, and returns when all
// goroutines have returned. New clients are then refused.
func (h *Hub) Run(ctx context.Context) error {
	h.keepPolling(ctx)
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	close(h.closing)
	force := time.AfterFunc(goodbye, h.forceAll)
	defer force.Stop()
	h.mu.Lock()
	for _, f := range h.feeds {
		f.stop()
	}
	h.mu.Unlock()
	h.parts.Wait()
	return nil
}

// forceAll ends the clients that have not left by themselves.
func (h *Hub) forceAll() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.clients {
		c.force()
	}
}

// Stats returns figures, in time proportional to the number of feeds.
func (h *Hub) Stats() Stats {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := Stats{
		Clients: len(h.clients), Feeds: len(h.feeds),
		Frames: h.counts.frames.Load(), Bytes: h.counts.bytes.Load(), Encoded: h.counts.encoded.Load(),
		Coalesced: h.counts.coalesced.Load(), Resyncs: h.counts.resyncs.Load(), Dropped: h.counts.dropped.Load(),
	}
	for _, f := range h.feeds {
		s.Subscriptions += f.uses
		s.Rows += f.rows()
		if f.following {
			s.Following++
		}
	}
	return s
}

// enter registers a client; it returns false if there are too many or the hub has ended.
func (h *Hub) enter(c *client) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || len(h.clients) >= h.cfg.MaxClients {
		return false
	}
	h.clients[c] = struct{}{}
	h.parts.Add(1)
	return true
}

func (h *Hub) leave(c *client) {
	h.mu.Lock()
	delete(h.clients, c)
	h.mu.Unlock()
	h.parts.Done()
}

// watch finds or starts the feed of a run for one more subscriber, which has to call release.
func (h *Hub) watch(ctx context.Context, run record.RunID) (*feed, error) {
	kept, err := h.cfg.Store.Run(ctx, run)
	if err != nil {
		return nil, err
	}
	if f := h.use(&kept, nil); f != nil {
		return f, nil
	}
	g, err := h.cfg.Queries.Graph(ctx, run)
	if err != nil {
		return nil, err
	}
	if f := h.use(&kept, g); f != nil {
		return f, nil
	}
	return nil, metricsstore.ErrClosed
}

// use finds the feed of a run in its stored form, or makes one if a graph is given. It returns nil if there is neither,
// and once the hub has ended.
func (h *Hub) use(kept *metricsstore.Run, g *dag.Graph) *feed {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil
	}
	f := h.feeds[kept.Info.ID]
	if f == nil || f.incarnation != incarnation(kept.Info) {
		if g == nil {
			return nil
		}
		if f != nil {
			f.stop()
			f.refuse(errReplaced)
		}
		f = newFeed(h, kept.Info, g)
		h.feeds[kept.Info.ID] = f
	}
	f.uses++
	if !f.following && f.canGrow(kept) {
		h.start(f)
	}
	h.wantPoll()
	return f
}

// start makes a feed follow its log. The caller holds mu.
func (h *Hub) start(f *feed) {
	ctx, stop := context.WithCancel(context.Background())
	f.stop, f.following = stop, true
	h.parts.Go(func() {
		defer stop()
		f.follow(ctx)
		h.mu.Lock()
		defer h.mu.Unlock()
		f.following = false
		h.evict()
	})
}

// release removes a subscriber. The feed follows the log for Config.Keep longer, in case a client reconnects.
func (h *Hub) release(f *feed) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if f.uses--; f.uses > 0 {
		return
	}
	h.leaves++
	f.left = h.leaves
	left := h.leaves
	time.AfterFunc(h.cfg.Keep, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if f.uses == 0 && f.left == left && f.following {
			f.stop()
			h.drop(f)
		}
	})
	h.evict()
}

// evict drops tables of ended runs that have no subscribers, beginning with those whose subscribers left first, until
// the rest is small enough. The caller holds mu.
func (h *Hub) evict() {
	var idle []*feed
	rows := 0
	for _, f := range h.feeds {
		if f.uses == 0 && !f.following {
			idle = append(idle, f)
			rows += f.rows()
		}
	}
	slices.SortFunc(idle, func(a, b *feed) int { return cmp.Compare(a.left, b.left) })
	for _, f := range idle {
		if rows <= h.cfg.CacheRows {
			return
		}
		rows -= f.rows()
		h.drop(f)
	}
}

// forget drops a feed that has failed, so that the next subscriber starts a new one.
func (h *Hub) forget(f *feed) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drop(f)
}

// drop is forget; the caller holds mu.
func (h *Hub) drop(f *feed) {
	if h.feeds[f.run] == f {
		delete(h.feeds, f.run)
	}
}
