package redis

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
	"github.com/dagscope/dagscope/engine/state/shared"
)

// session is a session of a run, as stored in the hash :sessions.
type session struct {
	name          string
	worker        uint32 // its number in the run
	last          int64  // number of its last commit
	till, beat    int64  // end of its lease, and time of its latest call
	claims, solo  uint32 // number of claims, and how many of these are of suspects
	over, suspect bool
	resigned      bool   // its owed edges are set, and its reservations are released
	journal       uint32 // nodes in :claims
	ready, owed   uint32 // entries of :mine and :owed
}

// Flags of a session.
const (
	isOver uint8 = 1 << iota
	isSuspect
	isLeaving
	isResigned
)

func decodeSession(name, raw string) (session, error) {
	u := unpacker{rest: []byte(raw)}
	s := session{name: name, worker: u.u32(), last: u.float(), till: u.float(), beat: u.float(), claims: u.u32(), solo: u.u32()}
	f := u.u8()
	s.over, s.suspect, s.resigned = f&isOver != 0, f&isSuspect != 0, f&isResigned != 0
	s.journal, s.ready, s.owed = u.u32(), u.u32(), u.u32()
	if u.short {
		return s, fmt.Errorf("%w session of %d bytes", errMalformed, len(raw))
	}
	return s, nil
}

// decodeSessions decodes the hash :sessions, in ascending order of numbers.
func decodeSessions(all map[string]string) (sessions []session, err error) {
	for name, raw := range all {
		s, err := decodeSession(name, raw)
		if err != nil {
			return nil, err
		}
		sessions = append(sessions, s)
	}
	slices.SortFunc(sessions, func(a, b session) int { return cmp.Compare(a.worker, b.worker) })
	return sessions, nil
}

// Workers implements shared.Backend.
func (b *Backend) Workers(ctx context.Context, run record.RunID) ([]shared.Worker, error) {
	base := b.keys.run(run)
	cmds, err := b.send(ctx, b.conn.Client, func() []redis.Cmder {
		return []redis.Cmder{
			redis.NewMapStringStringCmd(ctx, "hgetall", base+"sessions"), redis.NewMapStringStringCmd(ctx, "hgetall", base+"records"),
		}
	})
	if err != nil {
		return nil, fmt.Errorf("redis: list workers of run %s: %w", run, err)
	}
	c, err := b.counters(ctx, run)
	if err != nil {
		return nil, err
	}
	sessions, err := decodeSessions(cmds[0].(*redis.MapStringStringCmd).Val())
	if err != nil {
		return nil, err
	}
	records := cmds[1].(*redis.MapStringStringCmd).Val()
	var workers []shared.Worker
	for _, s := range sessions {
		if s.over {
			continue
		}
		workers = append(workers, shared.Worker{
			Session: ledger.SessionID(s.name), Number: uint16(s.worker), Record: []byte(records[s.name]), Claims: int(s.claims),
			Beat: time.UnixMicro(c.base + s.beat/int64(time.Microsecond)),
		})
	}
	return workers, nil
}
