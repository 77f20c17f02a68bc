package redis

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/protocol/ledger"
	"github.com/dagscope/dagscope/engine/state/shared"
)

// session is one part in a run as :sessions holds it.
type session struct {
	name                   string
	worker                 uint32
	last, till, beat       int64
	claims, solo           uint32
	over, suspect          bool
	journal, ready, owedOf uint32
}

func decodeSession(name, raw string) (session, error) {
	u := unpacker{rest: []byte(raw)}
	s := session{name: name, worker: u.u32(), last: u.float(), till: u.float(), beat: u.float(), claims: u.u32(), solo: u.u32()}
	f := u.u8()
	s.over, s.suspect = f&1 != 0, f&2 != 0
	s.journal, s.ready, s.owedOf = u.u32(), u.u32(), u.u32()
	if u.short {
		return s, fmt.Errorf("%w session of %d bytes", errMalformed, len(raw))
	}
	return s, nil
}

// decodeSessions lists sessions, ascending by number.
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
func (b *Backend) Workers(ctx context.Context, run engine.RunID) ([]shared.Worker, error) {
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

// picture is all that is read of a ledger at one moment.
type picture struct {
	run, state, nodes, bits, arrived *redis.StringCmd
	odd, bounds, sessions            *redis.MapStringStringCmd
	blocks, due                      *redis.StringSliceCmd
	queues                           *redis.StringSliceCmd
	ready, solo                      map[ledger.Class]*redis.StringSliceCmd
	claims, mine, owed               map[uint32]*redis.StringSliceCmd
}

// Snapshot implements shared.Backend. Everything is read in one transaction; which queues and sessions there are has to
// be known before, so it is read again when it has changed in between.
func (b *Backend) Snapshot(ctx context.Context, run engine.RunID) (*ledger.State, error) {
	var p *picture
	err := retry(ctx, func() error {
		classes, workers, err := b.outline(ctx, run)
		if err != nil {
			return err
		}
		p, err = b.expose(ctx, run, classes, workers)
		return err
	})
	if errors.Is(err, redis.Nil) {
		return nil, unknown(run)
	}
	if err != nil {
		return nil, fmt.Errorf("redis: read the ledger of run %s: %w", run, err)
	}
	return p.develop()
}

var errBlurred = errors.New("redis: queues or sessions came or went while they were read")

// outline reads which queues and sessions there are.
func (b *Backend) outline(ctx context.Context, run engine.RunID) ([]ledger.Class, []session, error) {
	classes, err := b.classes(ctx, run)
	if err != nil {
		return nil, nil, err
	}
	all, err := b.conn.Client.HGetAll(ctx, b.keys.run(run)+"sessions").Result()
	if err != nil {
		return nil, nil, err
	}
	sessions, err := decodeSessions(all)
	return classes, sessions, err
}

// expose reads everything in one transaction.
func (b *Backend) expose(ctx context.Context, run engine.RunID, classes []ledger.Class, workers []session) (*picture, error) {
	base := b.keys.run(run)
	p := &picture{
		ready: map[ledger.Class]*redis.StringSliceCmd{}, solo: map[ledger.Class]*redis.StringSliceCmd{},
		claims: map[uint32]*redis.StringSliceCmd{}, mine: map[uint32]*redis.StringSliceCmd{}, owed: map[uint32]*redis.StringSliceCmd{},
	}
	cmds, err := b.conn.Client.TxPipelined(ctx, func(tx redis.Pipeliner) error {
		p.state, p.nodes, p.bits = tx.Get(ctx, base+"state"), tx.Get(ctx, base+"nodes"), tx.Get(ctx, base+"bits")
		p.arrived, p.odd, p.bounds = tx.Get(ctx, base+"arrived"), tx.HGetAll(ctx, base+"odd"), tx.HGetAll(ctx, base+"bounds")
		p.sessions, p.blocks = tx.HGetAll(ctx, base+"sessions"), tx.LRange(ctx, base+"blocks", 0, -1)
		p.due, p.queues = tx.ZRange(ctx, base+"due", 0, -1), tx.SMembers(ctx, base+"queues")
		for _, c := range classes {
			p.ready[c] = tx.LRange(ctx, numbered(base, "ready:", c), 0, -1)
			p.solo[c] = tx.LRange(ctx, numbered(base, "solo:", c), 0, -1)
		}
		for _, s := range workers {
			p.claims[s.worker] = tx.LRange(ctx, numbered(base, "claims:", s.worker), 0, -1)
			p.mine[s.worker] = tx.LRange(ctx, numbered(base, "mine:", s.worker), 0, -1)
			p.owed[s.worker] = tx.HVals(ctx, numbered(base, "owed:", s.worker))
		}
		return nil
	})
	b.commands.Add(uint64(len(cmds)) + 2)
	b.roundTrips.Add(1)
	if _, stateErr := p.state.Result(); stateErr != nil {
		return nil, stateErr
	}
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, err
	}
	if len(p.queues.Val()) != len(classes) || len(p.sessions.Val()) != len(workers) {
		return nil, errBlurred
	}
	for _, s := range workers {
		if _, ok := p.sessions.Val()[s.name]; !ok {
			return nil, errBlurred
		}
	}
	return p, nil
}

// develop makes a ledger of what was read.
func (p *picture) develop() (*ledger.State, error) {
	raw, err := p.state.Bytes()
	if err != nil {
		return nil, err
	}
	c, err := decodeCounters(raw)
	if err != nil {
		return nil, err
	}
	s := &ledger.State{}
	c.fill(s)
	for class, n := range p.bounds.Val() {
		if s.MaxConcurrent == nil {
			s.MaxConcurrent = map[ledger.Class]int{}
		}
		number, _ := strconv.Atoi(class)
		s.MaxConcurrent[ledger.Class(number)], _ = strconv.Atoi(n)
	}
	d := developer{picture: p, s: s, owners: map[uint32]ledger.SessionID{}, claimed: map[ledger.Class]int{}}
	nodes := []byte(p.nodes.Val())
	if len(nodes) < 4*int(c.nodes) { // cleaned after success
		return s, nil
	}
	for _, step := range []func() error{
		d.sessions, d.blocks, d.bits, func() error { return d.nodes(nodes, int(c.nodes)) }, d.claims, d.queues, d.retries,
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// developer makes a ledger of a picture.
type developer struct {
	*picture
	s       *ledger.State
	owners  map[uint32]ledger.SessionID // by number plus one
	holds   []uint32                    // owner of each node
	claimed map[ledger.Class]int
}

func (d *developer) sessions() error {
	all, err := decodeSessions(d.picture.sessions.Val())
	if err != nil {
		return err
	}
	for _, w := range all {
		d.owners[w.worker+1] = ledger.SessionID(w.name)
		ses := ledger.Session{
			ID: ledger.SessionID(w.name), Worker: uint16(w.worker), Last: uint64(w.last), Until: w.till, Claims: int(w.claims),
			Solo: int(w.solo), Over: w.over, Suspect: w.suspect,
		}
		for _, raw := range d.mine[w.worker].Val() {
			u := unpacker{rest: []byte(raw)}
			ses.Ready = append(ses.Ready, engine.NodeID(u.u32()))
		}
		for _, raw := range d.owed[w.worker].Val() {
			u := unpacker{rest: []byte(raw)}
			ses.Owed = append(ses.Owed, ledger.Edge{
				Offset: u.u32(), Child: engine.NodeID(u.u32()), Waits: u.u32(), Class: ledger.Class(u.u16()), End: -1, Parent: engine.NodeID(u.u32()),
			})
		}
		slices.SortFunc(ses.Owed, func(a, b ledger.Edge) int { return cmp.Compare(a.Offset, b.Offset) })
		d.s.Sessions = append(d.s.Sessions, ses)
	}
	return nil
}

func (d *developer) blocks() error {
	for _, raw := range d.picture.blocks.Val() {
		u := unpacker{rest: []byte(raw)}
		d.s.Blocks = append(d.s.Blocks, u.block())
	}
	return nil
}

func (d *developer) bits() error {
	d.s.Bits = make(ledger.Bits, (int(d.s.Edges)+63)/64)
	for i, b := range []byte(d.picture.bits.Val()) {
		for j := range 8 {
			if at := 8*i + j; b&(0x80>>j) != 0 && at < int(d.s.Edges) {
				d.s.Bits[at/64] |= 1 << (at % 64)
			}
		}
	}
	return nil
}

func (d *developer) nodes(records []byte, count int) error {
	d.s.Nodes, d.holds = make([]ledger.Node, count), make([]uint32, count)
	odd, arrived := d.odd.Val(), []byte(d.arrived.Val())
	for i := range d.s.Nodes {
		n := &d.s.Nodes[i]
		owner, f, st := uint32(binary.BigEndian.Uint16(records[4*i:])), records[4*i+2], records[4*i+3]
		if f&isOdd != 0 {
			o, err := decodeOddity([]byte(odd[strconv.Itoa(i)]))
			if err != nil {
				return err
			}
			*n = o.node
			n.Reserved.Session = d.owners[o.reserver]
		}
		n.Status = ledger.NodeStatus(st)
		n.Bad, n.Started = f&isBad != 0, f&isStarted != 0
		if f&isTelling != 0 {
			n.Telling = ledger.TellQueued
			if owner > 0 {
				n.Telling = ledger.TellClaimed
			}
			n.Class = ledger.EngineClass
		}
		n.Session, d.holds[i] = d.owners[owner], owner
		if 4*i+4 <= len(arrived) {
			n.Arrived = binary.BigEndian.Uint32(arrived[4*i:])
		}
	}
	return nil
}

// claims finds classes and moments of what is claimed in the journals, of which the latest mention of a node counts.
func (d *developer) claims() error {
	for worker, journal := range d.picture.claims {
		for _, raw := range journal.Val() {
			u := unpacker{rest: []byte(raw)}
			node, step, count := u.u32(), u.u32(), u.u32()
			class, since := ledger.Class(u.u16()), u.float()
			for range u.many(count, 0) {
				if int(node) < len(d.s.Nodes) && d.holds[node] == worker+1 && d.s.Nodes[node].Status == ledger.Claimed {
					d.s.Nodes[node].Class, d.s.Nodes[node].Since = class, since
				}
				node += step
			}
		}
	}
	for i := range d.s.Nodes {
		if n := &d.s.Nodes[i]; n.Status == ledger.Claimed {
			d.claimed[n.Class]++
		}
	}
	return nil
}

// queues lists what is ready, entry by entry.
func (d *developer) queues() error {
	for class, list := range d.ready {
		q := ledger.Queue{Class: class, Claimed: d.claimed[class]}
		delete(d.claimed, class)
		for _, raw := range list.Val() {
			q.Ready = append(q.Ready, d.entry(class, []byte(raw))...)
		}
		for _, raw := range d.solo[class].Val() {
			q.Solo = append(q.Solo, d.entry(class, []byte(raw))...)
		}
		d.s.Queues = append(d.s.Queues, q)
	}
	for class, n := range d.claimed {
		d.s.Queues = append(d.s.Queues, ledger.Queue{Class: class, Claimed: n})
	}
	slices.SortFunc(d.s.Queues, func(a, b ledger.Queue) int { return cmp.Compare(a.Class, b.Class) })
	return nil
}

// entry lists the nodes of an entry of a queue.
func (d *developer) entry(class ledger.Class, raw []byte) (nodes []engine.NodeID) {
	u := unpacker{rest: raw}
	base, step, next, total := u.u32(), u.u32(), u.u32(), u.u32()
	since, kind := u.float(), u.u8()
	offsets := []uint32{0}
	if len(u.rest) > 0 {
		offsets = offsets[:0]
		for len(u.rest) > 0 {
			offsets = append(offsets, u.u32())
		}
	}
	width := uint32(len(offsets))
	for i := next; i < total; i++ {
		id := engine.NodeID(base + i/width*step + offsets[i%width])
		nodes = append(nodes, id)
		if n := &d.s.Nodes[id]; kind <= skipKind {
			n.Class, n.Since = class, since
		}
	}
	return nodes
}

func (d *developer) retries() error {
	for _, name := range d.due.Val() {
		id, err := strconv.ParseUint(name, 10, 32)
		if err != nil {
			return fmt.Errorf("%w node %q", errMalformed, name)
		}
		d.s.Retries = append(d.s.Retries, engine.NodeID(id))
	}
	return nil
}
