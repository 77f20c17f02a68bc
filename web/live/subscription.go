package live

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/runtable"
)

// subscription is one client's view of one run. Its owner, a socket or a stream, serialises the calls of its methods;
// the feed only calls wakeOwner.
type subscription struct {
	feed    *feed
	channel uint64
	wake    chan<- struct{} // of its owner, of capacity 1

	greeting []byte // to be sent before anything else
	cursor   runtable.Cursor
	begun    bool   // a whole batch has been sent
	complete bool   // the client has been informed that the log is complete
	version  uint64 // of the summary that was sent last
}

// subscribe starts a view of a run. A client that already has a part of the same incarnation continues after that part.
func (h *Hub) subscribe(ctx context.Context, c command, wake chan<- struct{}) (*subscription, error) {
	run, err := record.ParseRunID(c.Run)
	if err != nil {
		return nil, requestError{newProblem(http.StatusBadRequest, "%q is not the ID of a run", c.Run)}
	}
	summary, err := h.cfg.Runs.Summary(ctx, run)
	if err != nil {
		h.wantPoll() // because the store may have stopped answering
		return nil, err
	}
	f, err := h.watch(ctx, run)
	if err != nil {
		return nil, err
	}
	s := &subscription{feed: f, channel: c.Channel, wake: wake}
	if c.Incarnation == f.incarnation {
		s.cursor = runtable.At(c.After)
	}
	s.version = f.setSummary(summary)
	s.greeting = encode(subscribedMessage{
		Type: "subscribed", Channel: c.Channel, Run: summary, Incarnation: f.incarnation, Revision: f.info.Revision,
	})
	f.mu.Lock()
	f.watchers[s] = struct{}{}
	f.mu.Unlock()
	s.wakeOwner()
	return s, nil
}

// end releases the feed.
func (s *subscription) end() {
	s.feed.mu.Lock()
	delete(s.feed.watchers, s)
	s.feed.mu.Unlock()
	s.feed.hub.release(s.feed)
}

// wakeOwner makes the owner call next.
func (s *subscription) wakeOwner() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// resync starts over with a snapshot.
func (s *subscription) resync() {
	s.cursor, s.begun = runtable.Cursor{}, false
	s.feed.hub.counts.resyncs.Add(1)
	s.wakeOwner()
}

// next returns the message to be sent now, if any; head is room for the header of a frame. If over is set in a message,
// it is the last one.
func (s *subscription) next(head []byte) (m message, ok bool) {
	f := s.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case s.greeting != nil:
		m.text, s.greeting = s.greeting, nil
	case f.failure != nil:
		m.text, m.over = s.failureMessage(f.failure), true
	case s.version != f.version:
		s.version = f.version
		m.text = encode(runMessage{Type: "run", Channel: s.channel, Run: f.summary})
	case s.hasFrame():
		m.head, m.body = s.frame(head)
		m.to = s.cursor.Seq()
	default:
		return m, false
	}
	return m, true
}

// hasFrame reports whether the client is not up to date. The caller holds the feed's mu.
func (s *subscription) hasFrame() bool {
	f := s.feed
	if !f.caughtUp {
		return false
	}
	if s.cursor.Seq() > f.table.Seq() { // the client has steps that this log does not have
		s.cursor, s.begun = runtable.Cursor{}, false
	}
	return !s.begun || s.cursor.More() || s.cursor.Seq() < f.table.Seq() || s.complete != f.complete
}

// frame returns the next frame. The caller holds the feed's mu.
func (s *subscription) frame(head []byte) (header, data []byte) {
	f, c := s.feed, s.cursor
	b := f.bodyAt(c)
	header = runtable.AppendHeader(head[:0], runtable.FrameHeader{Channel: s.channel, Now: f.now(), Complete: f.complete}, c, b.next)
	s.cursor = b.next
	if !b.next.More() {
		s.begun, s.complete = true, f.complete
	}
	counts := &f.hub.counts
	counts.frames.Add(1)
	counts.bytes.Add(uint64(len(header) + len(b.data)))
	if s.begun && !c.More() && c.Seq() > 0 && c.Seq() < f.sent {
		counts.coalesced.Add(1)
	}
	return header, b.data
}

func (s *subscription) failureMessage(err error) []byte {
	return encode(errorMessage{Type: "error", Channel: s.channel, Problem: s.feed.hub.problem(s.feed.run, err)})
}

// problem is what clients get for an error; errors whose cause they must not see are logged.
func (h *Hub) problem(run record.RunID, err error) problem {
	p, known := problemOf(run, err)
	if !known {
		h.cfg.Log.LogAttrs(context.Background(), slog.LevelError, "run cannot be watched", slog.String("run", string(run)), slog.Any("error", err))
	}
	return p
}

// message is either a text or a frame in two parts; the body is shared and must not be modified.
type message struct {
	text       []byte
	head, body []byte
	to         uint64
	over       bool
}
