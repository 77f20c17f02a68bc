package redis

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

var copyScript = newScript("state", "copy")

const (
	// keepCopy is how long the copy of a ledger is kept if its reader dies.
	keepCopy = time.Minute
	// pieceSize is how many elements one command reads; requestsAtOnce is how many commands are sent in one write; a
	// server executes these without serving other clients in between.
	pieceSize      = 1000
	requestsAtOnce = 16
)

// ledgerCopy is the content of the keys of a ledger at one moment.
type ledgerCopy struct {
	state, nodes, bits, arrived, blocks []byte
	odd, bounds, sessions               map[string]string
	due                                 []string
	ready, solo                         map[ledger.Class][]string
	claims, mine, owed                  map[uint32][]string // by number of the session
}

// Snapshot implements shared.Backend. Redis copies the ledger atomically; the copy is then read in pieces, so that
// other clients do not wait for long.
func (b *Backend) Snapshot(ctx context.Context, run record.RunID) (*ledger.State, error) {
	base := b.keys.run(run)
	r := reader{b: &b.commander, base: base + "copy:" + token() + ":"}
	cmd, err := b.run(ctx, copyScript, base, []any{r.base, keepCopy.Milliseconds()})
	if err != nil {
		return nil, fmt.Errorf("redis: copy the ledger of run %s: %w", run, err)
	}
	if cmd.Val() == nil {
		return nil, unknown(run)
	}
	p, err := r.read(ctx)
	if err == nil {
		_, err = b.unlink(ctx, r.names)
	}
	if err != nil {
		return nil, fmt.Errorf("redis: read the ledger of run %s: %w", run, err)
	}
	return p.decode()
}

// reader reads the copy of a ledger, several pieces in one write. It belongs to one goroutine.
type reader struct {
	b       *commander
	base    string   // prefix of the copy's keys
	names   []string // of all keys that were read
	pending []request
}

// request reads one piece.
type request struct {
	args []any // the command
	// take processes the reply, and returns the command that reads the next piece, nil after the last one.
	take func(*redis.Cmd) (next []any, err error)
}

func (r *reader) read(ctx context.Context) (*ledgerCopy, error) {
	p := &ledgerCopy{
		odd: map[string]string{}, bounds: map[string]string{}, sessions: map[string]string{},
		ready: map[ledger.Class][]string{}, solo: map[ledger.Class][]string{},
		claims: map[uint32][]string{}, mine: map[uint32][]string{}, owed: map[uint32][]string{},
	}
	var queues []string
	r.text("state", &p.state)
	r.text("nodes", &p.nodes)
	r.text("bits", &p.bits)
	r.text("arrived", &p.arrived)
	r.fields("odd", p.odd)
	r.fields("bounds", p.bounds)
	r.fields("sessions", p.sessions)
	r.text("blocks", &p.blocks)
	r.list("zrange", "due", func(all []string) { p.due = all })
	r.ask("queues", func(cmd *redis.Cmd) (next []any, err error) {
		queues, err = cmd.StringSlice()
		return nil, err
	}, "smembers")
	if err := r.exchange(ctx); err != nil {
		return nil, err
	}
	classes, err := decodeClasses(queues)
	if err != nil {
		return nil, err
	}
	for _, c := range classes {
		r.list("lrange", numbered("", "ready:", c), func(all []string) { p.ready[c] = all })
		r.list("lrange", numbered("", "solo:", c), func(all []string) { p.solo[c] = all })
	}
	sessions, err := decodeSessions(p.sessions)
	if err != nil {
		return nil, err
	}
	for _, s := range sessions {
		r.list("lrange", numbered("", "claims:", s.worker), func(all []string) { p.claims[s.worker] = all })
		r.list("zrange", numbered("", "mine:", s.worker), func(all []string) { p.mine[s.worker] = all })
		r.list("zrange", numbered("", "owed:", s.worker), func(all []string) { p.owed[s.worker] = all })
	}
	return p, r.exchange(ctx)
}

// exchange sends all pending requests, and the further requests that their replies lead to.
func (r *reader) exchange(ctx context.Context) error {
	for len(r.pending) > 0 {
		some := r.pending[:min(len(r.pending), requestsAtOnce)]
		cmds, err := r.b.send(ctx, r.b.conn.Client, func() (cmds []redis.Cmder) {
			for _, q := range some {
				cmds = append(cmds, redis.NewCmd(ctx, q.args...))
			}
			return cmds
		})
		if err != nil {
			return err
		}
		r.pending = r.pending[len(some):]
		for i, q := range some {
			next, err := q.take(cmds[i].(*redis.Cmd))
			if err != nil {
				return err
			}
			if next != nil {
				r.pending = append(r.pending, request{next, q.take})
			}
		}
	}
	return nil
}

// ask adds a request for the first piece of a part.
func (r *reader) ask(part string, take func(*redis.Cmd) ([]any, error), command string, args ...any) {
	r.names = append(r.names, r.base+part)
	r.pending = append(r.pending, request{append([]any{command, r.base + part}, args...), take})
}

// text requests a string.
func (r *reader) text(part string, to *[]byte) {
	r.ask(part, func(cmd *redis.Cmd) (next []any, err error) {
		*to, err = text(cmd)
		return nil, err
	}, "get")
}

// fields requests a hash.
func (r *reader) fields(part string, to map[string]string) {
	r.ask(part, func(cmd *redis.Cmd) ([]any, error) {
		cursor, pairs, err := scanned(cmd)
		for pair := range slices.Chunk(pairs, 2) {
			to[pair[0]] = pair[1]
		}
		if cursor == "0" || err != nil {
			return nil, err
		}
		return []any{"hscan", r.base + part, cursor, "count", pieceSize}, nil
	}, "hscan", "0", "count", pieceSize)
}

// list requests a list or a sorted set with LRANGE or ZRANGE, and calls done with all elements.
func (r *reader) list(command, part string, done func(all []string)) {
	var all []string
	r.ask(part, func(cmd *redis.Cmd) ([]any, error) {
		some, err := cmd.StringSlice()
		if all = append(all, some...); len(some) < pieceSize || err != nil {
			done(all)
			return nil, err
		}
		return []any{command, r.base + part, len(all), len(all) + pieceSize - 1}, nil
	}, command, 0, pieceSize-1)
}
