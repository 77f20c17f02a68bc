package redis

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/metricsstore"
)

// The index lists what is kept. It lies on another server than most runs, so no call can change both at once: a call
// announces in the index what it is about to put, then puts it, and takes out of the index what is gone only after
// that. Hence all that is there is listed, whatever call is cut off where, and readers pass over what is listed and not
// there.
//
// Taking out must not hit what somebody else has announced and not yet put. So an announcement draws a ticket, and who
// takes out fences off the latest ticket of the run first: what was announced with it, or an earlier one, and has not
// happened is refused from then on, and has to be announced again. Where the latest ticket is another one afterwards,
// nothing is taken out.

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

// position is where a run stands in the index.
func position(h *metricsstore.Header) string {
	p := metricsstore.Position{Started: h.Info.StartedAt.UnixNano(), Run: h.Info.ID}
	return string(p.Append(nil))
}

// parts gives some entries at a time, and nothing once where there are none.
func parts(entries []string) func(func([]string) bool) {
	if len(entries) == 0 {
		return func(yield func([]string) bool) { yield(nil) }
	}
	return slices.Chunk(entries, entriesPerScript)
}

// settle takes those of the entries of a run out of the index that are not there.
func (s *Store) settle(ctx context.Context, run engine.RunID, positions, rollups []string) error {
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

// settlePart is settle for what one script can do; false where somebody has announced more in the meantime.
func (s *Store) settlePart(ctx context.Context, run engine.RunID, positions, rollups []string) (done bool, err error) {
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
			positions = nil // nothing tells where it has to be listed
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
func (s *Store) ticket(ctx context.Context, run engine.RunID) (string, error) {
	return ask(ctx, s, func(ctx context.Context) (string, error) {
		values, err := s.cfg.Client.HMGet(ctx, s.index(ticketsIndex), string(run)).Result()
		if err != nil || values[0] == nil {
			return "0", err
		}
		return fmt.Sprint(values[0]), nil
	})
}
