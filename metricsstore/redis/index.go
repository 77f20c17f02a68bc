package redis

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// The index lists what is kept. It is on another server than most runs, so no call can change both at once: a call
// announces in the index what it is about to put, then puts it, and removes from the index what is gone only after
// that. Hence all that exists is listed, wherever a call is cut off, and readers skip what is listed and does not
// exist.
//
// A removal must not hit what another call has announced and not yet put. So an announcement draws a ticket, and a
// removal fences off the latest ticket of the run first: what was announced with it, or an earlier one, and has not
// happened is refused from then on, and has to be announced again. Where the latest ticket is another one afterwards,
// nothing is removed.

// entriesPerScript is how many entries of the index one script changes.
const entriesPerScript = 1000

// announce lists a run and its roll-ups and returns the ticket.
func (s *Store) announce(ctx context.Context, h *metricsstore.Header, rollups []string) (ticket string, err error) {
	keys := []string{s.index(ticketIndex), s.index(ticketsIndex), s.index(runsIndex), s.index(rollupsIndex)}
	for part := range parts(rollups) {
		got, err := s.eval(ctx, announceScript, keys, texts(slices.Concat([]string{string(h.Info.ID), ticket, position(h)}, part)...)...)
		if err != nil {
			return "", fmt.Errorf("index: %w", err)
		}
		ticket = got.text(0)
	}
	return ticket, nil
}

// position is where a run is listed in the index.
func position(h *metricsstore.Header) string {
	p := metricsstore.Position{Started: h.Info.StartedAt.UnixNano(), Run: h.Info.ID}
	return string(p.Append(nil))
}

// parts iterates over entries, some at a time; where there are none, it yields nothing once.
func parts(entries []string) func(func([]string) bool) {
	if len(entries) == 0 {
		return func(yield func([]string) bool) { yield(nil) }
	}
	return slices.Chunk(entries, entriesPerScript)
}

// settle removes those entries of a run from the index that list nothing.
func (s *Store) settle(ctx context.Context, run record.RunID, positions, rollups []string) error {
	for part := range parts(rollups) {
		for {
			done, err := s.settlePart(ctx, run, positions, part)
			if err != nil {
				return fmt.Errorf("index: run %s: %w", run, err)
			}
			if done {
				break
			}
		}
	}
	return nil
}

// settlePart is settle for as many entries as one script can check; false where another call has announced more in
// between.
func (s *Store) settlePart(ctx context.Context, run record.RunID, positions, rollups []string) (done bool, err error) {
	ticket, err := s.ticket(ctx, run)
	if err != nil {
		return false, err
	}
	keys := s.keys(run, runPart, fencePart, rollupsPart)
	args := texts(ticket, strconv.FormatInt(fencedFor.Milliseconds(), 10))
	there, err := s.eval(ctx, fenceScript, keys, append(args, texts(rollups...)...)...)
	if err != nil {
		return false, err
	}
	gone, at := "1", ""
	if header := there.text(0); header != "" {
		var h metricsstore.Header
		if unmarshal(header, &h) != nil {
			positions = nil // nothing says where it has to be listed
		}
		gone, at = "0", position(&h)
	}
	stale := slices.DeleteFunc(slices.Clone(positions), func(p string) bool { return p == at })
	args = texts(append([]string{string(run), ticket, gone, strconv.Itoa(len(stale))}, stale...)...)
	for i, key := range rollups {
		if there.number(1+i) == 0 {
			args = append(args, key)
		}
	}
	got, err := s.eval(ctx, forgetScript, []string{s.index(ticketsIndex), s.index(runsIndex), s.index(rollupsIndex)}, args...)
	return got.word == "forgotten", err
}

// ticket is the latest one that was drawn for a run, 0 for none.
func (s *Store) ticket(ctx context.Context, run record.RunID) (string, error) {
	return ask(ctx, s, func(ctx context.Context) (string, error) {
		values, err := s.cfg.Client.HMGet(ctx, s.index(ticketsIndex), string(run)).Result()
		if err != nil || values[0] == nil {
			return "0", err
		}
		return fmt.Sprint(values[0]), nil
	})
}
