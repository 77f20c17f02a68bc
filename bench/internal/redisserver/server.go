// Package redisserver starts redis-servers for benchmarks: on a free port of loopback, without persistence, each with a
// folder of its own that is removed when it is stopped. It needs redis-server in the PATH and costs some 10 ms.
package redisserver

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

// Server is a redis-server of our own, without persistence.
type Server struct {
	Addr string // host and port
	dir  string
	cmd  *exec.Cmd
}

// Start starts one on a free port of loopback and waits until it answers.
func Start(ctx context.Context) (*Server, error) {
	dir, err := os.MkdirTemp("", "dagscope-bench-redis-")
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	s := &Server{Addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), dir: dir}
	s.cmd = exec.CommandContext(ctx, "redis-server", "--port", strconv.Itoa(port), "--bind", "127.0.0.1",
		"--save", "", "--appendonly", "no", "--dir", dir, "--maxmemory-policy", "noeviction")
	if err := s.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("expected a redis-server: %w", err), os.RemoveAll(dir))
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.Dial("tcp", s.Addr)
		if err == nil {
			return s, c.Close()
		}
		if time.Now().After(deadline) {
			return nil, errors.Join(fmt.Errorf("redis-server does not answer at %s: %w", s.Addr, err), s.Stop())
		}
	}
}

// URL is how a client reaches it.
func (s *Server) URL() string { return "redis://" + s.Addr }

func (s *Server) Stop() error {
	err := s.cmd.Process.Kill()
	_ = s.cmd.Wait() // it was killed
	return errors.Join(err, os.RemoveAll(s.dir))
}

// Usage is what a server has done since it began.
type Usage struct {
	Commands uint64 // those that scripts call included
	CPU      time.Duration
}

// Minus is what it has done since an earlier moment.
func (u Usage) Minus(o Usage) Usage { return Usage{u.Commands - o.Commands, u.CPU - o.CPU} }

// Usage asks the server, and the system for its processor time.
func (s *Server) Usage(ctx context.Context) (u Usage, err error) {
	c := redis.NewClient(&redis.Options{Addr: s.Addr})
	text, err := c.InfoMap(ctx, "commandstats").Result()
	if err = errors.Join(err, c.Close()); err != nil {
		return u, err
	}
	for _, section := range text {
		for _, value := range section {
			var calls uint64
			if _, err := fmt.Sscanf(value, "calls=%d,", &calls); err == nil {
				u.Commands += calls
			}
		}
	}
	u.CPU, err = process.ProcessorTime(s.cmd.Process.Pid)
	return u, err
}

// With calls f with a fresh server.
func With(ctx context.Context, f func(*Server) error) error {
	s, err := Start(ctx)
	if err != nil {
		return err
	}
	return errors.Join(f(s), s.Stop())
}

// freePort is one that no process listens on now.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}
