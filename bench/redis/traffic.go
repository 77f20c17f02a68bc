package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/dagscope/dagscope/bench/internal/redisserver"
)

// command is one command on the wire, with its own bytes and its words.
type command struct {
	raw   []byte
	words [][]byte
}

// is reports whether it is called name, whatever the case.
func (c command) is(name string) bool { return strings.EqualFold(string(c.words[0]), name) }

// keys is how many keys a call of a script has.
func (c command) keys() int {
	n, err := strconv.Atoi(string(c.words[2]))
	if err != nil || len(c.words) < 3+n {
		return 0
	}
	return n
}

// arguments are what a call of a script has after its keys.
func (c command) arguments() [][]byte { return c.words[3+c.keys():] }

// readCommand reads an array of bulk strings, as all clients send.
func readCommand(r *bufio.Reader) (command, error) {
	var c command
	n, err := c.number(r, '*')
	if err != nil {
		return c, err
	}
	for range n {
		size, err := c.number(r, '$')
		if err != nil {
			return c, err
		}
		word := make([]byte, size+2)
		if _, err := io.ReadFull(r, word); err != nil {
			return c, err
		}
		c.raw = append(c.raw, word...)
		c.words = append(c.words, word[:size])
	}
	return c, nil
}

// number reads a line of a mark and a number.
func (c *command) number(r *bufio.Reader, mark byte) (int, error) {
	line, err := r.ReadBytes('\n')
	if err != nil {
		return 0, err
	}
	if len(line) < 4 || line[0] != mark {
		return 0, fmt.Errorf("a client sent %q, expected %q and a number", line, mark)
	}
	c.raw = append(c.raw, line...)
	return strconv.Atoi(string(bytes.TrimSpace(line[1:])))
}

// wiretap forwards connections to a server and keeps the commands that pass, in the order in which they passed.
type wiretap struct {
	listener net.Listener
	target   string

	mu       sync.Mutex
	commands []command
	err      error
	running  sync.WaitGroup
}

func newWiretap(target string) (*wiretap, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	t := &wiretap{listener: l, target: target}
	t.running.Go(t.accept)
	return t, nil
}

func (t *wiretap) url() string { return "redis://" + t.listener.Addr().String() }

func (t *wiretap) accept() {
	for {
		client, err := t.listener.Accept()
		if err != nil {
			return // it was closed
		}
		server, err := net.Dial("tcp", t.target)
		if err != nil {
			t.fail(errors.Join(err, client.Close()))
			continue
		}
		t.running.Go(func() { _, _ = io.Copy(client, server); _ = client.Close() }) // ends when either side does
		t.running.Go(func() { t.listen(client, server) })
	}
}

// listen forwards what the client sends, command by command.
func (t *wiretap) listen(client, server net.Conn) {
	defer server.Close()
	for r := bufio.NewReader(client); ; {
		c, err := readCommand(r)
		if err != nil {
			return // the client has gone
		}
		t.mu.Lock()
		t.commands = append(t.commands, c)
		_, err = server.Write(c.raw)
		t.mu.Unlock()
		if err != nil {
			t.fail(err)
			return
		}
	}
}

func (t *wiretap) fail(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.err = errors.Join(t.err, err)
}

// stop ends it once its clients have gone, and gives what passed.
func (t *wiretap) stop() ([]command, error) {
	err := t.listener.Close()
	t.running.Wait()
	return t.commands, errors.Join(err, t.err)
}

// traffic is what was sent for one run, without what waits.
type traffic struct {
	scripts []string  // all that were taught
	script  string    // the text of the most frequent one
	before  []command // before the first call of that
	calls   []command // of that
}

// waits are commands that block.
var waits = []string{"BLPOP", "XREAD"}

// split finds the traffic of a run among all commands. Scripts have been taught by runs before it.
func split(commands []command, run string) (t traffic, err error) {
	count, texts, most := map[string]int{}, map[string]string{}, ""
	var of []command
	for _, c := range commands {
		switch {
		case c.is("EVAL"):
			sum := sha1.Sum(c.words[1])
			texts[hex.EncodeToString(sum[:])] = string(c.words[1])
			t.scripts = append(t.scripts, string(c.words[1]))
		case slices.ContainsFunc(waits, c.is) || !bytes.Contains(c.raw, []byte(run)):
			continue
		case c.is("EVALSHA"):
			sha := string(c.words[1])
			if count[sha]++; count[sha] > count[most] {
				most = sha
			}
		}
		of = append(of, c)
	}
	for _, c := range of {
		switch {
		case c.is("EVALSHA") && string(c.words[1]) == most:
			t.calls = append(t.calls, c)
		case len(t.calls) == 0 && bytes.Contains(c.raw, []byte(run)):
			t.before = append(t.before, c)
		}
	}
	if t.script = texts[most]; t.script == "" {
		return t, fmt.Errorf("%d commands were recorded, expected a script among them", len(commands))
	}
	return t, nil
}

// playBack sends the calls in pipelines and gives how many a second are answered.
func (t *traffic) playBack(ctx context.Context, srv *redisserver.Server, depth int) (float64, error) {
	began := time.Now()
	err := send(ctx, srv.Addr, t.calls, depth)
	return float64(len(t.calls)) / time.Since(began).Seconds(), err
}

// send sends commands in pipelines. An error of the server ends it.
func send(ctx context.Context, addr string, commands []command, depth int) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	replies := bufio.NewReaderSize(conn, 1<<16)
	for rest := commands; len(rest) > 0; rest = rest[min(depth, len(rest)):] {
		if err := exchange(conn, replies, rest[:min(depth, len(rest))]); err != nil {
			return err
		}
	}
	return nil
}

// exchange sends commands in one write and reads a reply for each.
func exchange(conn net.Conn, replies *bufio.Reader, commands []command) error {
	var raw []byte
	for _, c := range commands {
		raw = append(raw, c.raw...)
	}
	if _, err := conn.Write(raw); err != nil {
		return err
	}
	for range commands {
		if err := skipReply(replies); err != nil {
			return err
		}
	}
	return nil
}

// skipReply reads one reply of protocol 2 or 3; what the server refuses is an error.
func skipReply(r *bufio.Reader) error {
	line, err := r.ReadBytes('\n')
	if err != nil {
		return err
	}
	n, _ := strconv.Atoi(string(bytes.TrimSpace(line[1:]))) // of kinds without a number it is not used
	switch line[0] {
	case '-':
		return fmt.Errorf("the server answered %s", bytes.TrimSpace(line))
	case '$', '=':
		if n >= 0 {
			_, err = r.Discard(n + 2)
		}
	case '*', '~', '>':
		for i := 0; i < n && err == nil; i++ {
			err = skipReply(r)
		}
	case '%':
		for i := 0; i < 2*n && err == nil; i++ {
			err = skipReply(r)
		}
	}
	return err
}
