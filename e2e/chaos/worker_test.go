//go:build unix

package chaos_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/invoke"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
	"github.com/dagscope/dagscope/engine/state/redis"
	"github.com/dagscope/dagscope/engine/state/shared"
	"github.com/dagscope/dagscope/engine/worker"
)

// TestMain is a worker, where that is what the process was started as.
func TestMain(m *testing.M) {
	if len(os.Args) != 3 || os.Args[1] != workerArgument {
		goleak.VerifyTestMain(m)
		return
	}
	if err := beWorker(os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

const workerArgument = "chaos-worker"

// workerSpec is the configuration of a worker process.
type workerSpec struct {
	Name  string        `json:"name"` // its process number is appended
	URL   string        `json:"url"`
	Lease time.Duration `json:"lease"` // 0 for the one of production
	Pace  time.Duration `json:"pace"`
	Width int           `json:"width"`
	Child bool          `json:"child"` // of a supervisor
}

// beWorker takes part in all runs until a signal, or until its parent process has ended.
func beWorker(argument string) error {
	var spec workerSpec
	if err := json.Unmarshal([]byte(argument), &spec); err != nil {
		return err
	}
	pace = spec.Pace
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	name := fmt.Sprintf("%s-%d", spec.Name, os.Getpid())
	board, err := attach(spec, name)
	if err != nil {
		return err
	}
	var conn *redis.Connection
	err = again(ctx, func() (err error) { // Redis may just be dead
		conn, err = redis.Dial(ctx, redis.DialConfig{URL: spec.URL})
		return err
	})
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil)).With("worker", name)
	store, err := shared.New(shared.Config{Backend: keeper{redis.New(conn), conn}, Lease: spec.Lease, Board: board, Log: log})
	if err != nil {
		return err
	}
	pool, err := worker.New(worker.Config{
		State: store, Width: spec.Width, MaxSlots: 16, Name: name, SoftStop: 2 * time.Second, Grace: 5 * time.Second,
		Backoff: 20 * time.Millisecond, Find: func(_ string, function engine.Signature) *engine.Function { return functions[function.Name] },
	})
	if err != nil {
		return err
	}
	fmt.Printf("%d\n", os.Getpid()) // says which process the child of a supervisor is
	return errors.Join(pool.Run(ctx), conn.Close())
}

// attach makes a worker end with the process that started it. The board is that of a supervisor.
func attach(spec workerSpec, name string) (shared.Board, error) {
	if !spec.Child {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin) // it ends with the process that started this one
			os.Exit(3)
		}()
		return nil, nil
	}
	board, gone, err := invoke.Adopt()
	if err != nil {
		return nil, err
	}
	board.Introduce(name)
	go func() {
		<-gone
		invoke.Disband()
	}()
	return board, nil
}

// keeper keeps, of each run that is about to be cleaned, what state it ended in.
type keeper struct {
	*redis.Backend
	conn *redis.Connection
}

// keptState is the key of the state in which a run ended.
func keptState(run record.RunID) string { return "chaos:state:" + string(run) }

// cleaned is the key that says that a run was cleaned to the end.
func cleaned(run record.RunID) string { return "chaos:cleaned:" + string(run) }

// Clean implements shared.Backend.
func (k keeper) Clean(ctx context.Context, run record.RunID, frontier []dag.NodeID) (int, error) {
	if err := k.keep(ctx, run); err != nil {
		return 0, err
	}
	n, err := k.Backend.Clean(ctx, run, frontier)
	if err == nil {
		err = again(ctx, func() error { return k.conn.Client.Set(ctx, cleaned(run), n, time.Hour).Err() })
	}
	return n, err
}

// isCleaned reports whether Clean came to its end.
func (k keeper) isCleaned(ctx context.Context, run record.RunID) bool {
	return k.conn.Client.Exists(ctx, cleaned(run)).Val() == 1
}

// again repeats a call while Redis is away; a key that is not there is an answer.
func again(ctx context.Context, call func() error) error {
	for begun := time.Now(); ; {
		err := call()
		if err == nil || errors.Is(err, goredis.Nil) || time.Since(begun) > time.Minute {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// keep writes the state down unless that was done before: cleaning may be repeated.
func (k keeper) keep(ctx context.Context, run record.RunID) error {
	state, err := k.Snapshot(ctx, run)
	if err != nil || len(state.Nodes) == 0 {
		return err
	}
	data, err := json.Marshal(state)
	if err != nil {
		return err
	}
	return again(ctx, func() error { return k.conn.Client.SetNX(ctx, keptState(run), data, time.Hour).Err() })
}

// stateKept reads what keep has written; nil where nothing was.
func (k keeper) stateKept(ctx context.Context, run record.RunID) (*ledger.State, error) {
	var raw []byte
	err := again(ctx, func() (err error) {
		raw, err = k.conn.Client.Get(ctx, keptState(run)).Bytes()
		return err
	})
	if errors.Is(err, goredis.Nil) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var state ledger.State
	return &state, json.Unmarshal(raw, &state)
}
