package redistest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// process is one redis-server.
type process struct {
	binary  string
	dir     string
	config  string // a file, "" for none
	args    []string
	address string

	cmd    *exec.Cmd
	output *bytes.Buffer // to be read once exited is closed
	exited chan struct{} // closed when the process is gone
}

// launch starts a process on a port that was free a moment ago, and tries others if another process took it.
func launch(binary, dir, config string, args []string) (*process, error) {
	const tries = 10
	var failures error
	for range tries {
		port, err := freePort()
		if err != nil {
			return nil, err
		}
		p := &process{binary: binary, dir: dir, config: config, args: args, address: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}
		err = p.start()
		if err == nil {
			return p, nil
		}
		failures = errors.Join(failures, err)
	}
	return nil, failures
}

// busPort is how much higher than a server's port the one is by which a cluster talks among itself.
const busPort = 10_000

// freePort finds a port that is free, together with its bus port. Both are below those that the kernel gives to outgoing
// connections, so that the port is still free when a killed server comes back.
func freePort() (int, error) {
	for range 100 {
		port := 11_000 + rand.IntN(10_000)
		if free(port) && free(port+busPort) {
			return port, nil
		}
	}
	return 0, errors.New("no free port between 11000 and 21000")
}

func free(port int) bool {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	return l.Close() == nil
}

func (p *process) port() string {
	_, port, _ := net.SplitHostPort(p.address)
	return port
}

// start runs the process and waits until it answers.
func (p *process) start() error {
	var args []string
	if p.config != "" {
		args = append(args, p.config)
	}
	args = append(args,
		"--port", p.port(), "--bind", "127.0.0.1", "--dir", p.dir, "--save", "", "--appendonly", "no",
		"--maxmemory-policy", "noeviction", "--daemonize", "no", "--logfile", "",
	)
	p.output = new(bytes.Buffer)
	p.exited = make(chan struct{})
	p.cmd = exec.Command(p.binary, append(args, p.args...)...)
	p.cmd.Dir = p.dir
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	dieWithParent(p.cmd)
	started := make(chan error, 1)
	go p.watch(started)
	if err := <-started; err != nil {
		return fmt.Errorf("start %s: %w", filepath.Base(p.binary), err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	exited := p.exited
	go func() {
		select {
		case <-exited:
			cancel()
		case <-ctx.Done():
		}
	}()
	if err := waitFor(ctx, p.address, p.isOurs); err != nil {
		p.kill()
		return fmt.Errorf("redis-server on %s does not answer: %w; it said:\n%s", p.address, err, p.output)
	}
	return nil
}

// watch starts the process and waits for its end, on one thread: on Linux a child that is to die with its parent dies
// with the thread that started it, and Go ends threads as it likes unless a goroutine is locked to them.
func (p *process) watch(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := p.cmd.Start()
	started <- err
	if err == nil {
		_ = p.cmd.Wait() // how it ended does not matter: it was killed, or start reports its output
	}
	close(p.exited)
}

// isOurs fails if the server of another process answers on the port.
func (p *process) isOurs(c *redis.Client) error {
	info, err := c.InfoMap(context.Background(), "server").Result()
	if err != nil {
		return err
	}
	if got, want := info["Server"]["process_id"], strconv.Itoa(p.cmd.Process.Pid); got != want {
		return fmt.Errorf("process %s answers there, not %s", got, want)
	}
	return nil
}

// kill ends the process, frozen or not, and waits until it is gone.
func (p *process) kill() {
	if p.cmd.Process != nil {
		_ = p.cmd.Process.Kill() // it may have ended by itself
	}
	<-p.exited
}

// waitFor calls ready with a client of the address until it succeeds or ctx ends; the error is then ready's last one.
func waitFor(ctx context.Context, address string, ready func(*redis.Client) error) error {
	for {
		err := attempt(ctx, address, ready)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// attempt connects before the client does, which would print that the server does not listen yet.
func attempt(ctx context.Context, address string, ready func(*redis.Client) error) error {
	probe, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return err
	}
	_ = probe.Close()
	client := redis.NewClient(&redis.Options{Addr: address, MaxRetries: -1})
	defer func() { _ = client.Close() }()
	if err := client.Ping(ctx).Err(); err != nil {
		return err
	}
	return ready(client)
}
