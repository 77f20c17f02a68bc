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

	"github.com/dagscope/dagscope/engine"
)

const (
	// standPatience is how long Changed waits for the subscription to stand.
	standPatience = 500 * time.Millisecond
	// silence is after how long without a word the connection is asked whether it is still there; as long again
	// without an answer, and it is given up.
	silence = 10 * time.Second
)

// news is the subscription that tells what other stores have changed. It is made when somebody first wants to know.
type news struct {
	store  *Store
	stands chan struct{} // closed when it stands for the first time
	first  sync.Once     // closes stands

	standing atomic.Bool // changes are heard of

	mu     sync.Mutex
	stop   context.CancelFunc // nil before the first listen
	closed bool
	parts  sync.WaitGroup
}

func newNews(s *Store) *news { return &news{store: s, stands: make(chan struct{})} }

// listen returns when the subscription stands, or stood once, or after standPatience: then those who wait are woken
// when it does.
func (n *news) listen() {
	if !n.start() {
		return
	}
	patience := time.NewTimer(standPatience)
	defer patience.Stop()
	select {
	case <-n.stands:
	case <-n.store.closing:
	case <-patience.C:
	}
}

// start makes the subscription where there is none; false once it is closed.
func (n *news) start() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed || n.stop != nil {
		return !n.closed
	}
	ctx, stop := context.WithCancel(context.Background())
	n.stop = stop
	n.parts.Go(func() { n.follow(ctx) })
	return true
}

// close ends the subscription. The first call closes closing, too.
func (n *news) close(closing chan struct{}) {
	n.mu.Lock()
	if !n.closed {
		n.closed = true
		close(closing)
	}
	if n.stop != nil {
		n.stop()
	}
	n.mu.Unlock()
	n.parts.Wait()
}

// follow subscribes again and again.
func (n *news) follow(ctx context.Context) {
	for wait := minWait; ; wait = min(2*wait, maxWait) {
		stood, err := n.subscribe(ctx)
		n.standing.Store(false)
		if ctx.Err() != nil {
			return
		}
		if stood {
			wait = minWait
		}
		n.store.cfg.Log.Warn("Redis does not tell of changes and is asked again", "error", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// errSilent: the connection has not answered.
var errSilent = fmt.Errorf("redis: no word within %s", 2*silence)

// subscribe passes on what it hears until the connection fails, and tells whether it ever stood.
func (n *news) subscribe(ctx context.Context) (stood bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	var reading sync.WaitGroup
	defer reading.Wait()
	defer cancel()
	sub := n.store.cfg.Client.Subscribe(ctx, n.store.index(newsIndex))
	defer func() { err = errors.Join(err, sub.Close()) }()
	heard := make(chan any) // messages, and an error at the end
	reading.Go(func() { receive(ctx, sub, heard) })
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
		case m := <-heard:
			silent = 0
			switch m := m.(type) {
			case error:
				return stood, m
			case *goredis.Subscription:
				n.stand()
				stood = true
			case *goredis.Message:
				n.hear(m.Payload)
			}
		}
	}
}

// receive hands on what comes until the connection fails or ctx ends. Closing the subscription wakes it.
func receive(ctx context.Context, sub *goredis.PubSub, heard chan<- any) {
	for {
		m, err := sub.Receive(ctx)
		if err != nil {
			m = err
		}
		select {
		case heard <- m:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// stand is called when a subscription stands: nobody knows what has changed before. Those who come to wait only after
// that are not woken by it.
func (n *news) stand() {
	n.store.told.TellAll()
	n.standing.Store(true)
	n.first.Do(func() { close(n.stands) })
}

// hear wakes those who wait for the run that a message is about, unless the store itself has sent it: then they were
// woken when the call returned.
func (n *news) hear(message string) {
	sender, run, _ := strings.Cut(message, " ")
	if sender != n.store.name {
		n.store.told.Tell(engine.RunID(run))
	}
}
