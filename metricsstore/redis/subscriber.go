package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/dagscope/dagscope/engine/record"
)

const (
	// subscribePatience is how long Changed waits for the subscription.
	subscribePatience = 500 * time.Millisecond
	// silence is the time without a message after which the connection is pinged; after as long again without an
	// answer, it is given up.
	silence = 10 * time.Second
)

// subscriber receives what other stores have changed. It subscribes when a caller first waits for changes.
type subscriber struct {
	store      *Store
	subscribed chan struct{} // closed when the subscription is confirmed for the first time
	first      sync.Once     // closes subscribed

	isSubscribed atomic.Bool // changes are being received

	mu     sync.Mutex
	stop   context.CancelFunc // guarded by mu; nil before the first await
	closed bool
	parts  sync.WaitGroup
}

func newSubscriber(s *Store) *subscriber {
	return &subscriber{store: s, subscribed: make(chan struct{})}
}

// await returns when the subscription has been confirmed once, or after subscribePatience: then those who wait are
// woken when it is.
func (s *subscriber) await() {
	if !s.start() {
		return
	}
	patience := time.NewTimer(subscribePatience)
	defer patience.Stop()
	select {
	case <-s.subscribed:
	case <-s.store.closing:
	case <-patience.C:
	}
}

// start subscribes unless that was done; false once the subscriber is closed.
func (s *subscriber) start() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.stop != nil {
		return !s.closed
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.parts.Go(func() { s.follow(ctx) })
	return true
}

// close ends the subscription and waits for its goroutines. The first call closes closing, too.
func (s *subscriber) close(closing chan struct{}) {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(closing)
	}
	if s.stop != nil {
		s.stop()
	}
	s.mu.Unlock()
	s.parts.Wait()
}

// follow subscribes again whenever the connection fails, until ctx ends.
func (s *subscriber) follow(ctx context.Context) {
	for wait := minWait; ; wait = min(2*wait, maxWait) {
		stood, err := s.subscribe(ctx)
		s.isSubscribed.Store(false)
		if ctx.Err() != nil {
			return
		}
		if stood {
			wait = minWait
		}
		s.store.cfg.Log.Warn("the subscription to changes in Redis was lost and is renewed", "error", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// errSilent: the connection has not answered.
var errSilent = fmt.Errorf("redis: no word within %s", 2*silence)

// subscribe handles messages until the connection fails, and reports whether it was ever confirmed.
func (s *subscriber) subscribe(ctx context.Context) (stood bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	var reading sync.WaitGroup
	defer reading.Wait()
	defer cancel()
	sub := s.store.cfg.Client.Subscribe(ctx, s.store.index(newsIndex))
	defer func() { err = errors.Join(err, sub.Close()) }()
	received := make(chan any) // messages, and an error at the end
	reading.Go(func() { receive(ctx, sub, received) })
	ticks := time.NewTicker(silence)
	defer ticks.Stop()
	for silent := 0; ; {
		select {
		case <-ctx.Done():
			return stood, ctx.Err()
		case <-ticks.C:
			if silent++; silent > 2 {
				return stood, errSilent
			}
			if err := sub.Ping(ctx); err != nil {
				return stood, err
			}
		case m := <-received:
			silent = 0
			switch m := m.(type) {
			case error:
				return stood, m
			case *goredis.Subscription:
				s.established()
				stood = true
			case *goredis.Message:
				s.handle(m.Payload)
			}
		}
	}
}

// receive passes on what comes until the connection fails or ctx ends. Closing the subscription wakes it.
func receive(ctx context.Context, sub *goredis.PubSub, received chan<- any) {
	for {
		m, err := sub.Receive(ctx)
		if err != nil {
			m = err
		}
		select {
		case received <- m:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// established is called when a subscription is confirmed: it is unknown what has changed before. Callers that begin
// to wait after that are not woken by it.
func (s *subscriber) established() {
	s.store.changes.NotifyAll()
	s.isSubscribed.Store(true)
	s.first.Do(func() { close(s.subscribed) })
}

// handle wakes those who wait for the run of a message, unless this store has sent it: then they were woken when the
// call returned.
func (s *subscriber) handle(message string) {
	sender, run, _ := strings.Cut(message, " ")
	if sender != s.store.name {
		s.store.changes.Notify(record.RunID(run))
	}
}
