package redistest

import (
	"bytes"
	"net"
	"sync"
	"testing"
	"time"
)

// Proxy passes bytes between clients and one server, and misbehaves on request. Safe for concurrent use.
type Proxy struct {
	listener net.Listener
	server   string
	pumps    sync.WaitGroup

	mu       sync.Mutex
	links    map[*link]struct{} // connections that are open
	closed   bool
	delay    time.Duration
	swallow  bool
	needle   []byte // in requests whose replies are to be lost
	replies  int    // how many of them still
	lost     int
	requests int
}

// link is one connection of a client and the one to the server that belongs to it.
type link struct {
	client, server net.Conn
	doomed         bool // the reply that comes next is lost; guarded by Proxy.mu
	starved        bool // bytes were swallowed, so it is of no use any more; guarded by Proxy.mu
}

// NewProxy opens a proxy in front of a single server until the test ends.
func NewProxy(t testing.TB, s *Server) *Proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("redistest: %v", err)
	}
	p := &Proxy{listener: listener, server: s.processes[0].address, links: make(map[*link]struct{})}
	p.pumps.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// URL is where the proxy listens, as redis://host:port.
func (p *Proxy) URL() string { return "redis://" + p.listener.Addr().String() }

// LoseReplies cuts the connections of the next n requests that contain part, each once the server has begun to answer:
// the request took effect, and its sender never learns so. Lost counts them.
func (p *Proxy) LoseReplies(n int, part string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.needle, p.replies, p.lost = []byte(part), n, 0
}

// Lost is how many replies were lost since LoseReplies.
func (p *Proxy) Lost() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lost
}

// Requests is how many pieces of requests were passed on so far.
func (p *Proxy) Requests() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.requests
}

// Delay holds back every piece of a reply for d.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// Swallow drops everything that is sent in either direction, while connections stay open and new ones are accepted. When
// it is switched off, connections that missed something are cut.
func (p *Proxy) Swallow(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.swallow = on
	for l := range p.links {
		if !on && l.starved {
			l.cut()
		}
	}
}

// Cut closes every connection; clients may connect again.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.cut()
	}
}

func (p *Proxy) close() {
	p.mu.Lock()
	p.closed = true
	_ = p.listener.Close()
	for l := range p.links {
		l.cut()
	}
	p.mu.Unlock()
	p.pumps.Wait()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.pumps.Go(func() { p.connect(client) })
	}
}

// connect serves one connection until either side closes it.
func (p *Proxy) connect(client net.Conn) {
	server, err := net.Dial("tcp", p.server)
	if err != nil { // the server is down, and so is the proxy for its clients
		_ = client.Close()
		return
	}
	l := &link{client: client, server: server}
	p.mu.Lock()
	p.links[l] = struct{}{}
	closed := p.closed
	p.mu.Unlock()
	if !closed {
		p.pumps.Go(func() { l.pump(server, client, p.request) })
		l.pump(client, server, p.reply)
	}
	l.cut()
	p.mu.Lock()
	delete(p.links, l)
	p.mu.Unlock()
}

// request decides what becomes of a piece of a request.
func (p *Proxy) request(l *link, piece []byte) verdict {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests++
	if p.swallow {
		l.starved = true
		return drop
	}
	if p.replies > 0 && bytes.Contains(piece, p.needle) {
		p.replies--
		l.doomed = true
	}
	return pass
}

// reply decides what becomes of a piece of a reply.
func (p *Proxy) reply(l *link, _ []byte) verdict {
	p.mu.Lock()
	delay := p.delay
	p.mu.Unlock()
	time.Sleep(delay)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case l.doomed:
		p.lost++
		return sever
	case p.swallow:
		l.starved = true
		return drop
	}
	return pass
}

// verdict is what becomes of a piece.
type verdict int

const (
	pass verdict = iota
	drop
	sever
)

// pump moves bytes from one side to the other as decided, and cuts the link when it ends.
func (l *link) pump(to, from net.Conn, decide func(*link, []byte) verdict) {
	defer l.cut()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			switch decide(l, buffer[:n]) {
			case pass:
				if _, err := to.Write(buffer[:n]); err != nil {
					return
				}
			case sever:
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (l *link) cut() {
	_ = l.client.Close()
	_ = l.server.Close()
}
