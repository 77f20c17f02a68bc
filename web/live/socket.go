package live

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/runtable"
)

// fragment is how many bytes of a message are written at a time: between fragments, the socket can be closed with a
// status.
const fragment = 32 << 10

// socket is one WebSocket. One goroutine reads commands, one writes; mu guards what they share.
type socket struct {
	hub *Hub
	ws  *websocket.Conn
	// wake has capacity 1; feeds, the board and the reader send, the writer receives.
	wake chan struct{}
	// replies has a small capacity; the reader sends and waits, the writer receives.
	replies  chan []byte
	watchdog *time.Timer   // fires if a message takes too long
	stalled  chan struct{} // closed when the watchdog has closed the socket
	head     []byte        // room for the header of a frame; owned by the writer
	store    sentSilence   // owned by the writer

	mu       sync.Mutex
	channels map[uint64]*channel // guarded by mu, with what they hold
	last     uint64              // guarded by mu: number of the channel that was served last
}

// channel is a subscription to a run or, if run is nil, to the list of runs; version is the version of the list that
// was sent last.
type channel struct {
	run     *subscription
	greeted bool
	version uint64
}

// ServeWebSocket upgrades a request to a live socket and serves it until it closes. Pages from other hosts than that of
// the request are refused, except for Config.Origins.
func (h *Hub) ServeWebSocket(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context())) // the context of the request ends with the upgrade
	defer cancel()
	wake := make(chan struct{}, 1)
	c := &client{force: cancel, wake: wake}
	if !h.enter(c) {
		http.Error(w, "no more live connections are served now", http.StatusServiceUnavailable)
		return
	}
	defer h.leave(c)
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{OriginPatterns: h.cfg.Origins})
	if err != nil {
		return // Accept has already answered
	}
	ws.SetReadLimit(maxCommand)
	s := &socket{
		hub: h, ws: ws, wake: wake, replies: make(chan []byte, 4), stalled: make(chan struct{}),
		channels: map[uint64]*channel{},
	}
	s.watchdog = time.AfterFunc(h.cfg.WriteTimeout, s.giveUp)
	var writer sync.WaitGroup
	writer.Go(func() {
		defer cancel()
		s.write(ctx)
	})
	s.read(ctx)
	cancel()
	_ = ws.CloseNow() // it is already closed, unless the writer is just closing it
	writer.Wait()
	s.leaveAll()
}

// giveUp closes a socket that takes too long.
func (s *socket) giveUp() {
	defer close(s.stalled)
	s.hub.counts.dropped.Add(1)
	_ = s.ws.Close(websocket.StatusTryAgainLater, "the client reads too slowly")
}

// read executes commands until the socket closes.
func (s *socket) read(ctx context.Context) {
	for {
		kind, data, err := s.ws.Read(ctx)
		if err != nil {
			return
		}
		var c command
		if kind != websocket.MessageText || json.Unmarshal(data, &c) != nil {
			err = s.refuse("a command is a JSON object in a text message")
		} else {
			err = s.obey(ctx, c)
		}
		if err == nil {
			continue
		}
		p := s.hub.problem(record.RunID(c.Run), err)
		select {
		case s.replies <- encode(errorMessage{Type: "error", Channel: c.Channel, Problem: p}):
		case <-ctx.Done():
			return
		}
	}
}

func (s *socket) refuse(format string, args ...any) error {
	return requestError{newProblem(http.StatusBadRequest, format, args...)}
}

// obey executes a command; the error is for the client.
func (s *socket) obey(ctx context.Context, c command) error {
	if c.Channel > runtable.MaxTime {
		return s.refuse("channel %d, expected at most %d", c.Channel, int64(runtable.MaxTime))
	}
	s.mu.Lock()
	ch, n := s.channels[c.Channel], len(s.channels)
	s.mu.Unlock()
	switch {
	case c.Type == "subscribe" && ch != nil:
		return s.refuse("channel %d is in use", c.Channel)
	case c.Type == "subscribe" && n >= maxChannels:
		return s.refuse("%d channels are in use, at most %d can be", n, maxChannels)
	case c.Type == "subscribe":
		return s.subscribe(ctx, c)
	case c.Type != "unsubscribe" && c.Type != "resync":
		return s.refuse("type %q, expected subscribe, unsubscribe or resync", c.Type)
	case ch == nil:
		return nil // the run's subscription has ended meanwhile
	case c.Type == "unsubscribe":
		s.leave(c.Channel)
	case ch.run != nil:
		s.mu.Lock()
		ch.run.resync()
		s.mu.Unlock()
	}
	return nil
}

func (s *socket) subscribe(ctx context.Context, c command) error {
	ch := &channel{}
	switch c.Topic {
	case "runs":
		s.hub.board.watch(s.wake)
		s.hub.wantPoll()
	case "run":
		sub, err := s.hub.subscribe(ctx, c, s.wake)
		if err != nil {
			return err
		}
		ch.run = sub
	default:
		return s.refuse("topic %q, expected run or runs", c.Topic)
	}
	s.mu.Lock()
	s.channels[c.Channel] = ch
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return nil
}

// leave ends a channel if it is open.
func (s *socket) leave(number uint64) {
	s.mu.Lock()
	ch := s.channels[number]
	delete(s.channels, number)
	s.mu.Unlock()
	if ch != nil {
		s.end(ch)
	}
}

func (s *socket) end(ch *channel) {
	if ch.run != nil {
		ch.run.end()
	} else {
		s.hub.board.leave(s.wake)
	}
}

func (s *socket) leaveAll() {
	for _, ch := range s.channels {
		s.end(ch)
	}
}

// write sends messages until ctx ends, the socket fails or the hub ends.
func (s *socket) write(ctx context.Context) {
	defer s.watchdog.Stop()
	s.watchdog.Stop()
	heartbeat := time.NewTicker(s.hub.cfg.Heartbeat)
	defer heartbeat.Stop()
	err := s.sendText(encode(helloMessage{Type: "hello", Version: protocolVersion, HeartbeatNS: int64(s.hub.cfg.Heartbeat)}))
	for err == nil {
		idle := s.wake
		m, ok := s.next()
		if ok {
			if err = s.send(m); err != nil {
				return
			}
			idle = ready
		}
		select {
		case <-s.hub.closing:
			s.closeGoingAway()
			return
		case <-ctx.Done():
			return
		default:
		}
		select {
		case <-idle:
		case text := <-s.replies:
			err = s.sendText(text)
		case now := <-heartbeat.C:
			err = s.sendText(s.heartbeat(now))
		case <-s.hub.closing:
		case <-ctx.Done():
		}
	}
}

// ready can always be received from.
var ready = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// next finds a message to send, from one channel after the other.
func (s *socket) next() (message, bool) {
	if text := s.store.news(s.hub); text != nil {
		return message{text: text}, true
	}
	s.mu.Lock()
	numbers := slices.Sorted(maps.Keys(s.channels))
	from, _ := slices.BinarySearch(numbers, s.last+1)
	for _, number := range append(numbers[from:], numbers[:from]...) {
		m, ok := s.nextOf(number, s.channels[number])
		if !ok {
			continue
		}
		s.last = number
		s.mu.Unlock()
		if m.over {
			s.leave(number)
		}
		return m, true
	}
	s.mu.Unlock()
	return message{}, false
}

// nextOf finds a message to send on one channel. The caller holds mu.
func (s *socket) nextOf(number uint64, ch *channel) (message, bool) {
	if ch.run != nil {
		m, ok := ch.run.next(s.head)
		if m.head != nil {
			s.head = m.head
		}
		return m, ok
	}
	if !ch.greeted {
		ch.greeted = true
		return message{text: encode(subscribedMessage{Type: "subscribed", Channel: number})}, true
	}
	var changed []json.RawMessage
	if changed, ch.version = s.hub.board.since(ch.version); len(changed) == 0 {
		return message{}, false
	}
	return message{text: encode(runsMessage{Type: "runs", Channel: number, Runs: changed})}, true
}

func (s *socket) heartbeat(now time.Time) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := heartbeatMessage{Type: "heartbeat", Now: now.UTC(), Seq: map[uint64]uint64{}}
	for number, ch := range s.channels {
		if ch.run != nil {
			m.Seq[number] = ch.run.cursor.Seq()
		}
	}
	return encode(m)
}

// closeGoingAway closes the socket as going away.
func (s *socket) closeGoingAway() {
	if s.sendText(encode(closingMessage{Type: "closing", Reason: "going away"})) == nil {
		_ = s.ws.Close(websocket.StatusGoingAway, "going away")
	}
}

func (s *socket) sendText(text []byte) error { return s.send(message{text: text}) }

var errStalled = errors.New("live: the client reads too slowly")

// send writes one message, within the time that a message may take.
func (s *socket) send(m message) error {
	s.watchdog.Reset(s.hub.cfg.WriteTimeout)
	err := s.transmit(m)
	if !s.watchdog.Stop() {
		<-s.stalled
		return errStalled
	}
	return err
}

func (s *socket) transmit(m message) error {
	ctx := context.Background() // the watchdog bounds the time: a context that ends closes the socket without a status
	if m.text != nil {
		return s.ws.Write(ctx, websocket.MessageText, m.text)
	}
	w, err := s.ws.Writer(ctx, websocket.MessageBinary)
	if err != nil {
		return err
	}
	if _, err := w.Write(m.head); err != nil {
		return err
	}
	for part := range slices.Chunk(m.body, fragment) {
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	return w.Close()
}
