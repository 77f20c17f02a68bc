package shared

import (
	"errors"
	"fmt"
	"slices"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// applyReply applies the answer to a commit that the ledger has applied, now or by an earlier call.
func (s *share) applyReply(d *draft, r *ledger.Reply) error {
	for _, o := range d.outs {
		s.confirmOutput(o)
	}
	for _, h := range d.handed {
		h.out.until = 0
	}
	for i, en := range d.ends {
		s.confirmEnd(en, d.call.Commit.Ends[i].More)
	}
	for _, g := range d.returns {
		n := g.at.node()
		n.phase, n.claimed, n.announced = away, false, false
	}
	for _, id := range d.call.Commit.EdgesDone {
		s.find(id).node().claimed = false
	}
	return s.applyLedger(r, d.call.Commit.Blocks)
}

func (s *share) confirmOutput(o *output) {
	if o.stage != packed {
		return
	}
	weight := o.weight()
	if o.key != "" {
		s.saved.StoredBytes += o.size
	} else {
		s.saved.InlineBytes += o.size
	}
	o.stage, o.encoded = stored, nil
	n := s.find(o.node).node()
	switch {
	case n.out != o: // it was dropped meanwhile
	case o.left <= 0 && !o.must:
		s.only -= weight
		s.used -= weight
		n.out = nil
	default:
		s.markStored(o, weight)
	}
}

func (s *share) confirmEnd(en *ending, more bool) {
	n := en.at.node()
	n.claimed = more
	n.phase = done
	s.count(en)
	if en.outcome == engine.OutcomeRetrying {
		n.phase, n.announced = away, false
	}
	if en.expands() && en.strand {
		for i := range en.at.degree() { // the ledger has their bits, and grants joins without instances
			c := en.at.child(i).node()
			c.arrived++
			c.reported++
		}
	}
}

// errRolledBack: the store has forgotten what it had acknowledged, and numbers the instances of a fan-out differently.
var errRolledBack = errors.New("shared: the store has forgotten what it had acknowledged, fan-outs among it")

// learn adds blocks, which follow the first known ones. Those that other answers have brought have to be the same.
func (s *share) learn(blocks []ledger.Block, known int) error {
	for i, b := range blocks {
		if known+i < len(s.dynamic) {
			if has := s.dynamic[known+i]; has.Expansion != b.Expansion || has.First != b.First || has.Instances != b.Width {
				return errRolledBack
			}
			continue
		}
		if int(b.First) != s.numbering.Nodes() {
			return fmt.Errorf("shared: a fan-out appends nodes from %d, expected from %d", b.First, s.numbering.Nodes())
		}
		if err := s.grow(b); err != nil {
			return err
		}
	}
	return nil
}

// applyLedger applies the status, claims and requests of an answer. Its blocks follow the first known ones.
func (s *share) applyLedger(r *ledger.Reply, known int) error {
	if known == 0 && len(r.Blocks) < len(s.dynamic) {
		return errRolledBack
	}
	if err := s.learn(r.Blocks, known); err != nil {
		return err
	}
	s.status, s.stopping, s.suspects = r.Status, r.Stopping, r.Suspects
	for _, c := range r.Claims {
		s.acceptClaim(c, s.now)
	}
	s.releaseForSuspects()
	for _, id := range r.Store {
		if o := s.find(id).node().out; o != nil && o.stage == held {
			s.handOver(o)
		}
	}
	if s.stopping != "" {
		s.releaseQueued()
		s.dropUnclaimed()
		s.handOverDelayed() // for a retry, as far as there is time before the run ends
	}
	return nil
}

// dropUnclaimed forgets ends and releases that a stopping run's ledger will not accept, since it lacks the claims.
func (s *share) dropUnclaimed() {
	s.returns = slices.DeleteFunc(s.returns, func(g *returnedClaim) bool { return !g.at.node().claimed })
	s.outbox = slices.DeleteFunc(s.outbox, func(en *ending) bool { return en.expands() && !en.at.node().claimed })
}

// count counts a committed end for Progress.
func (s *share) count(en *ending) {
	if !en.at.isTask() {
		return
	}
	switch en.outcome {
	case engine.OutcomeOK:
		s.counted.Done++
	case engine.OutcomeFailed:
		s.counted.Failed++
	case engine.OutcomeSkipped:
		s.counted.Skipped++
	case engine.OutcomeRetrying:
		s.counted.Retries++
	}
}
