package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/rueidis"

	"github.com/dagscope/dagscope/bench/internal/redisserver"
	"github.com/dagscope/dagscope/cmd/app/bench"
)

// script stands for a call of ours: it reads and writes a little under a key of the run.
const script = `redis.call('HINCRBY', KEYS[1], 'n', 1) return redis.call('HGET', KEYS[1], 'n')`

// carrier is a way to send many scripts at once.
type carrier struct {
	name string
	// open gives a function that carries out n scripts for one goroutine.
	open func(ctx context.Context, addr string) (call func(ctx context.Context, n int) error, shut func() error, err error)
}

// pipelined is how many scripts an explicit pipeline carries.
const pipelined = 16

func carriers() []carrier {
	return []carrier{
		{"go-redis, one by one", openGoRedis(1)},
		{fmt.Sprintf("go-redis, pipelines of %d", pipelined), openGoRedis(pipelined)},
		{"go-redis, auto-pipelining", openAutoPipeline},
		{"rueidis, auto-pipelining", openRueidis(1)},
		{fmt.Sprintf("rueidis, DoMulti of %d", pipelined), openRueidis(pipelined)},
	}
}

// measureClients compares what could carry our calls, at several degrees of concurrency.
func (*report) measureClients(ctx context.Context, w io.Writer, o options) error {
	fmt.Fprintln(w, "\nclients: thousand scripts a second from one process, by how many goroutines call at a time")
	t := bench.Table(w)
	goroutines := []int{1, 8, 64}
	fmt.Fprint(t, "\t")
	for _, g := range goroutines {
		fmt.Fprintf(t, "%d\t", g)
	}
	fmt.Fprintln(t)
	err := redisserver.With(ctx, func(s *redisserver.Server) error {
		for _, c := range carriers() {
			fmt.Fprintf(t, "%s\t", c.name)
			for _, g := range goroutines {
				rate, err := c.rate(ctx, s.Addr, g, o)
				if err != nil {
					return fmt.Errorf("%s: %w", c.name, err)
				}
				fmt.Fprintf(t, "%.0f\t", rate/1000)
			}
			fmt.Fprintln(t)
		}
		return nil
	})
	return errors.Join(err, t.Flush())
}

// rate is how many scripts a second g goroutines get done, the best of all rounds.
func (c carrier) rate(ctx context.Context, addr string, g int, o options) (float64, error) {
	call, shut, err := c.open(ctx, addr)
	if err != nil {
		return 0, err
	}
	each := 64_000 / g
	if g == 1 {
		each = 16_000
	}
	if o.quick {
		each /= 8
	}
	best := 0.0
	for range o.rounds {
		began := time.Now()
		if err := together(g, func() error { return call(ctx, each) }); err != nil {
			return 0, errors.Join(err, shut())
		}
		best = max(best, float64(each*g)/time.Since(began).Seconds())
	}
	return best, shut()
}

// together calls f in n goroutines.
func together(n int, f func() error) error {
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = f() })
	}
	all.Wait()
	return errors.Join(errs...)
}

type caller = func(ctx context.Context, n int) error

func openGoRedis(size int) func(context.Context, string) (caller, func() error, error) {
	return func(ctx context.Context, addr string) (caller, func() error, error) {
		c := redis.NewClient(&redis.Options{Addr: addr})
		sha, err := c.ScriptLoad(ctx, script).Result()
		if err != nil {
			return nil, nil, errors.Join(err, c.Close())
		}
		return func(ctx context.Context, n int) error {
			for done := 0; done < n; done += size {
				p := c.Pipeline()
				for range min(size, n-done) {
					p.EvalSha(ctx, sha, []string{"{run}"}, "x")
				}
				if _, err := p.Exec(ctx); err != nil {
					return err
				}
			}
			return nil
		}, c.Close, nil
	}
}

func openAutoPipeline(ctx context.Context, addr string) (caller, func() error, error) {
	c := redis.NewClient(&redis.Options{Addr: addr})
	sha, err := c.ScriptLoad(ctx, script).Result()
	if err != nil {
		return nil, nil, errors.Join(err, c.Close())
	}
	auto, err := c.AutoPipeline()
	if err != nil {
		return nil, nil, errors.Join(err, c.Close())
	}
	return func(ctx context.Context, n int) error {
		for range n {
			if err := auto.EvalSha(ctx, sha, []string{"{run}"}, "x").Err(); err != nil {
				return err
			}
		}
		return nil
	}, func() error { return errors.Join(auto.Close(), c.Close()) }, nil
}

func openRueidis(size int) func(context.Context, string) (caller, func() error, error) {
	return func(ctx context.Context, addr string) (caller, func() error, error) {
		c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{addr}, DisableCache: true})
		if err != nil {
			return nil, nil, err
		}
		sha, err := c.Do(ctx, c.B().ScriptLoad().Script(script).Build()).ToString()
		if err != nil {
			c.Close()
			return nil, nil, err
		}
		return func(ctx context.Context, n int) error {
			for done := 0; done < n; done += size {
				batch := make(rueidis.Commands, min(size, n-done))
				for i := range batch {
					batch[i] = c.B().Evalsha().Sha1(sha).Numkeys(1).Key("{run}").Arg("x").Build()
				}
				for _, r := range c.DoMulti(ctx, batch...) {
					if err := r.Error(); err != nil {
						return err
					}
				}
			}
			return nil
		}, func() error { c.Close(); return nil }, nil
	}
}
