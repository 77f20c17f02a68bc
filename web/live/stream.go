package live

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/record"
)

// stream is one response of server-sent events about one run, as channel 0.
type stream struct {
	hub *Hub
	w   http.ResponseWriter
	out *http.ResponseController
	sub *subscription
	buf []byte

	store sentSilence
}

// ServeEvents responds with server-sent events about one run: texts that a socket would get are in events named
// control, frames are in base64 in events named frame. A client sends the id of such an event as Last-Event-ID to
// continue after it.
func (h *Hub) ServeEvents(w http.ResponseWriter, r *http.Request, run record.RunID) {
	out := http.NewResponseController(w)
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	wake := make(chan struct{}, 1)
	c := &client{wake: wake, force: func() {
		cancel()
		_ = out.SetWriteDeadline(time.Unix(1, 0)) // if that is not possible, a write in progress ends by its own deadline
	}}
	if !h.enter(c) {
		http.Error(w, "no more live connections are served now", http.StatusServiceUnavailable)
		return
	}
	defer h.leave(c)
	ask := command{Run: string(run)}
	ask.Incarnation, ask.After = parseEventID(r.Header.Get("Last-Event-ID"))
	sub, err := h.subscribe(ctx, ask, wake)
	if err != nil {
		p := h.problem(run, err)
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(p.Status)
		_, _ = w.Write(encode(p)) // the client may have left
		return
	}
	defer sub.end()
	header := w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store")
	// Otherwise a proxy that buffers responses would hold back the whole stream.
	header.Set("X-Accel-Buffering", "no")
	s := &stream{hub: h, w: w, out: out, sub: sub}
	s.serve(ctx, wake)
}

// parseEventID parses the id of a frame event; anything else means that the client has nothing.
func parseEventID(id string) (incarnation string, after uint64) {
	incarnation, number, _ := strings.Cut(id, ":")
	after, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return "", 0
	}
	return incarnation, after
}

func (s *stream) serve(ctx context.Context, wake chan struct{}) {
	heartbeat := time.NewTicker(s.hub.cfg.Heartbeat)
	defer heartbeat.Stop()
	err := s.control(encode(helloMessage{Type: "hello", Version: protocolVersion, HeartbeatNS: int64(s.hub.cfg.Heartbeat)}))
	for err == nil {
		idle := wake
		if text := s.store.news(s.hub); text != nil {
			if err = s.control(text); err != nil {
				break
			}
		}
		if m, ok := s.sub.next(nil); ok {
			if err = s.send(m); err != nil || m.over {
				break
			}
			idle = ready
		}
		select {
		case <-idle:
		case now := <-heartbeat.C:
			beat := heartbeatMessage{Type: "heartbeat", Now: now.UTC(), Seq: map[uint64]uint64{0: s.sub.cursor.Seq()}}
			err = s.control(encode(beat))
		case <-s.hub.closing:
			_ = s.control(encode(closingMessage{Type: "closing", Reason: "going away"})) // if it is lost, the end of the stream has the same meaning
			return
		case <-ctx.Done():
			return
		}
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		s.hub.counts.dropped.Add(1)
	}
}

func (s *stream) send(m message) error {
	if m.text != nil {
		return s.control(m.text)
	}
	s.buf = append(s.buf[:0], m.head...)
	s.buf = append(s.buf, m.body...)
	event := fmt.Appendf(nil, "event: frame\nid: %s:%d\ndata: ", s.sub.feed.incarnation, m.to)
	event = base64.StdEncoding.AppendEncode(event, s.buf)
	return s.write(append(event, "\n\n"...))
}

func (s *stream) control(text []byte) error {
	return s.write(fmt.Appendf(nil, "event: control\ndata: %s\n\n", text))
}

func (s *stream) write(event []byte) error {
	if err := s.out.SetWriteDeadline(time.Now().Add(s.hub.cfg.WriteTimeout)); err != nil {
		return err
	}
	if _, err := s.w.Write(event); err != nil {
		return err
	}
	return s.out.Flush()
}
