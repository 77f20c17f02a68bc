package sharedtest

import (
	"bytes"
	"fmt"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
	"github.com/dagscope/dagscope/engine/state/shared"
)

func (s *Server) finish(id record.RunID, end []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.find(id)
	if err != nil {
		return nil, err
	}
	if !r.state.Status.Final() {
		return nil, fmt.Errorf("sharedtest: run %s is %s, expected it to be over", id, r.state.Status)
	}
	if r.end == nil {
		s.finished++
		r.end, r.finished = bytes.Clone(end), s.finished
		s.notify(id)
	}
	return r.end, nil
}

// ended gives a run that was finished; the server is locked.
func (s *Server) ended(id record.RunID) (*run, error) {
	r, err := s.find(id)
	if err == nil && r.end == nil {
		err = fmt.Errorf("sharedtest: run %s is not finished, expected it to be", id)
	}
	return r, err
}

func (s *Server) clean(id record.RunID, frontier []dag.NodeID) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.ended(id)
	if err != nil {
		return 0, err
	}
	return r.clean(frontier), nil
}

func (s *Server) delete(id record.RunID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.ended(id)
	if err != nil {
		return err
	}
	for hash := range r.new.Constants {
		if s.constants[hash].runs--; s.constants[hash].runs == 0 {
			delete(s.constants, hash)
		}
	}
	delete(s.runs, id)
	return nil
}

func (s *Server) snapshot(id record.RunID) (*ledger.State, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.find(id)
	if err != nil {
		return nil, err
	}
	return r.state.Clone(), nil
}

func (s *Server) revise(id record.RunID, state *ledger.State) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.find(id)
	if err != nil {
		return err
	}
	next := state.Clone()
	if r.end == nil {
		return fmt.Errorf("%w: %s is not finished", execution.ErrRunExists, id)
	}
	entry, ok := ledger.Revise(r.state, next, s.now(r))
	if !ok {
		return fmt.Errorf("%w: revision %d of %s does not follow revision %d", execution.ErrRunExists, next.Revision, id, r.state.Revision)
	}
	r.state, r.end, r.first, r.finished = next, nil, nil, 0
	r.append(entry)
	s.notify(id)
	return nil
}

func (s *Server) workers(id record.RunID) ([]shared.Worker, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.find(id)
	if err != nil {
		return nil, err
	}
	var out []shared.Worker
	for _, ses := range r.state.Sessions {
		if w := r.sessions[ses.ID]; w != nil && !ses.Over {
			out = append(out, shared.Worker{Session: ses.ID, Number: ses.Worker, Record: w.record, Beat: w.beat, Claims: ses.Claims})
		}
	}
	return out, nil
}
