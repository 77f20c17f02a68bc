package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/dagscope/dagscope/bench/internal/redisserver"
	"github.com/dagscope/dagscope/cmd/app/bench"
	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/record"
)

// floor is how many of the commits of a shape, locality off, a server carries out a second without an engine. There is
// one commit for each task.
type floor struct {
	shape bench.Shape
	crowd float64 // by redis-benchmark -P 16 -c 50
	piped float64 // by redis-benchmark -P 16 -c 1
	plain float64 // by redis-benchmark -P 1 -c 1
	back  float64 // as they were sent, in pipelines of 16
}

// best is the strictest of those that send pipelines.
func (f floor) best() float64 { return max(f.crowd, f.piped, f.back) }

// measureFloors lets redis-benchmark send the very commits that workers have sent before.
func (r *report) measureFloors(ctx context.Context, w io.Writer, o options) error {
	fmt.Fprintln(w, "\nfloors: the commits of one worker, locality off, without an engine; commits a second, the best of all rounds")
	t := bench.Table(w)
	fmt.Fprintln(t, "\tcommits\tredis-benchmark -P 16 -c 50\t-P 16 -c 1\t-P 1 -c 1\tplayed back, pipelines of 16\t")
	for _, s := range o.shapes() {
		var recorded traffic
		err := redisserver.With(ctx, func(srv *redisserver.Server) (err error) {
			recorded, err = recordTraffic(ctx, srv, s)
			return err
		})
		if err == nil {
			err = redisserver.With(ctx, func(srv *redisserver.Server) error { return r.measureFloor(ctx, t, srv, s, recorded, o) })
		}
		if err != nil {
			return errors.Join(fmt.Errorf("%s: %w", s, err), t.Flush())
		}
	}
	return t.Flush()
}

// floorOf finds the floor of a shape, nil where it was not measured.
func (r *report) floorOf(s bench.Shape) *floor {
	for i := range r.floors {
		if r.floors[i].shape == s {
			return &r.floors[i]
		}
	}
	return nil
}

// recordTraffic lets one worker run a shape, locality off, through a wiretap.
func recordTraffic(ctx context.Context, srv *redisserver.Server, s bench.Shape) (recorded traffic, err error) {
	tap, err := newWiretap(srv.Addr)
	if err != nil {
		return recorded, err
	}
	g, err := s.Graph()
	if err != nil {
		return recorded, err
	}
	f, err := newFleet(ctx, srv, tap.url(), "", order{})
	if err != nil {
		return recorded, err
	}
	err = f.warmUp(ctx) // the server knows all scripts from then on
	var last span
	if err == nil {
		last, err = f.execute(ctx, g, engine.RunOptions{Rules: record.Rules{NoBecome: true}})
	}
	err = errors.Join(err, f.close())
	commands, tapErr := tap.stop()
	if err = errors.Join(err, tapErr); err != nil {
		return recorded, err
	}
	return split(commands, string(last.job.Info.ID))
}

func (r *report) measureFloor(ctx context.Context, w io.Writer, srv *redisserver.Server, s bench.Shape, recorded traffic, o options) error {
	way := func(depth, connections int) func() (float64, error) {
		return func() (float64, error) {
			if err := recorded.prepare(ctx, srv); err != nil {
				return 0, err
			}
			if connections == 0 {
				return recorded.playBack(ctx, srv, depth)
			}
			return recorded.benchmark(ctx, srv, depth, connections)
		}
	}
	rates, err := bench.Interleave(ctx, o.rounds, way(16, 50), way(16, 1), way(1, 1), way(16, 0))
	if err != nil {
		return err
	}
	f := floor{s, slices.Max(rates[0]), slices.Max(rates[1]), slices.Max(rates[2]), slices.Max(rates[3])}
	r.floors = append(r.floors, f)
	_, err = fmt.Fprintf(w, "%s\t%d\t%.0f\t%.0f\t%.0f\t%.0f\t\n", s, len(recorded.calls), f.crowd, f.piped, f.plain, f.back)
	return err
}

// prelude makes a script take its arguments from a list instead of from its caller, so that redis-benchmark, which sends
// the same arguments again and again, sends what was recorded, call by call.
const prelude = `local ARGV = cmsgpack.unpack(redis.call('LPOP', 'calls')) `

// prepare empties the server and does what was done before the first commit.
func (t *traffic) prepare(ctx context.Context, srv *redisserver.Server) error {
	c := redis.NewClient(&redis.Options{Addr: srv.Addr})
	err := c.FlushAll(ctx).Err()
	for _, text := range t.scripts {
		err = errors.Join(err, c.ScriptLoad(ctx, text).Err())
	}
	return errors.Join(err, c.Close(), send(ctx, srv.Addr, t.before, 1))
}

// benchmark is how many calls a second redis-benchmark gets done.
func (t *traffic) benchmark(ctx context.Context, srv *redisserver.Server, depth, connections int) (float64, error) {
	c := redis.NewClient(&redis.Options{Addr: srv.Addr})
	sha, err := c.ScriptLoad(ctx, prelude+t.script).Result()
	pipe := c.Pipeline()
	for _, call := range t.calls {
		pipe.RPush(ctx, "calls", packed(call.arguments()))
	}
	if err == nil {
		_, err = pipe.Exec(ctx)
	}
	if err = errors.Join(err, c.Close()); err != nil {
		return 0, err
	}
	host, port, err := net.SplitHostPort(srv.Addr)
	if err != nil {
		return 0, err
	}
	requests := len(t.calls) / (depth * connections) * depth * connections // it sends whole pipelines
	args := []string{"-h", host, "-p", port, "-n", strconv.Itoa(requests), "-P", strconv.Itoa(depth), "-c", strconv.Itoa(connections), "--csv"}
	args = append(args, "EVALSHA", sha, strconv.Itoa(t.calls[0].keys()))
	for _, key := range t.calls[0].words[3 : 3+t.calls[0].keys()] {
		args = append(args, string(key))
	}
	out, err := exec.CommandContext(ctx, "redis-benchmark", args...).CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("redis-benchmark: %w: %s", err, out)
	}
	return parseRate(out)
}

// packed is a list of texts as MessagePack has it.
func packed(words [][]byte) []byte {
	b := binary.BigEndian.AppendUint32([]byte{0xdd}, uint32(len(words)))
	for _, word := range words {
		b = append(binary.BigEndian.AppendUint32(append(b, 0xdb), uint32(len(word))), word...)
	}
	return b
}

// parseRate reads the rate in the last line of redis-benchmark --csv.
func parseRate(out []byte) (float64, error) {
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	fields := strings.Split(string(lines[len(lines)-1]), ",")
	if len(fields) < 2 {
		return 0, fmt.Errorf("redis-benchmark printed %q, expected a test and its rate", out)
	}
	// The name of the test is the command, whose arguments may hold commas; the rate is the first number in quotes after it.
	for _, f := range fields[1:] {
		if rate, err := strconv.ParseFloat(strings.Trim(f, `"`), 64); err == nil {
			return rate, nil
		}
	}
	return 0, fmt.Errorf("redis-benchmark printed %q, expected a rate", out)
}
