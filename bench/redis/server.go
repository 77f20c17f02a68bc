package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dagscope/dagscope/bench/internal/process"
)

// server is a redis-server of our own, without persistence.
type server struct {
	addr string
	dir  string
	cmd  *exec.Cmd
}

// startServer starts one on a free port of loopback and waits until it answers.
func startServer(ctx context.Context) (*server, error) {
	dir, err := os.MkdirTemp("", "dagscope-bench-redis-")
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	s := &server{addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), dir: dir}
	s.cmd = exec.CommandContext(ctx, "redis-server", "--port", strconv.Itoa(port), "--bind", "127.0.0.1",
		"--save", "", "--appendonly", "no", "--dir", dir, "--maxmemory-policy", "noeviction")
	if err := s.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("expected a redis-server: %w", err), os.RemoveAll(dir))
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.Dial("tcp", s.addr)
		if err == nil {
			return s, c.Close()
		}
		if time.Now().After(deadline) {
			return nil, errors.Join(fmt.Errorf("redis-server does not answer at %s: %w", s.addr, err), s.stop())
		}
	}
}

// url is how a client reaches it.
func (s *server) url() string { return "redis://" + s.addr }

func (s *server) stop() error {
	err := s.cmd.Process.Kill()
	_ = s.cmd.Wait() // it was killed
	return errors.Join(err, os.RemoveAll(s.dir))
}

// usage is what a server has done since it began.
type usage struct {
	commands uint64 // those that scripts call included
	cpu      time.Duration
}

func (u usage) minus(o usage) usage { return usage{u.commands - o.commands, u.cpu - o.cpu} }

// usage asks the server, and the system for its processor time.
func (s *server) usage(ctx context.Context) (u usage, err error) {
	c := redis.NewClient(&redis.Options{Addr: s.addr})
	text, err := c.InfoMap(ctx, "commandstats").Result()
	if err = errors.Join(err, c.Close()); err != nil {
		return u, err
	}
	for _, section := range text {
		for _, value := range section {
			var calls uint64
			if _, err := fmt.Sscanf(value, "calls=%d,", &calls); err == nil {
				u.commands += calls
			}
		}
	}
	u.cpu, err = process.ProcessorTime(s.cmd.Process.Pid)
	return u, err
}

// withServer calls f with a fresh server.
func withServer(ctx context.Context, f func(*server) error) error {
	s, err := startServer(ctx)
	if err != nil {
		return err
	}
	return errors.Join(f(s), s.stop())
}

// freePort is one that no process listens on now.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}
