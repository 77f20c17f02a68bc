package sharedtest

import (
	"slices"

	"github.com/dagscope/dagscope/engine/record"
)

// maxHints is how many hints are kept for one function: a sleeper that comes later looks for itself anyway.
const maxHints = 64

// wakes are hints for idle workers: those that are not taken yet, and the sleepers that wait for one.
type wakes struct {
	hints    map[string][]record.RunID // by function
	sleepers []*sleeper                // the longest first
}

// sleeper waits for one hint.
type sleeper struct {
	functions []string
	woken     chan record.RunID // of one
}

func newWakes() wakes { return wakes{hints: map[string][]record.RunID{}} }

// wake adds n hints for each of the functions.
func (s *Server) wake(id record.RunID, functions []string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range functions {
		for range n {
			i := slices.IndexFunc(s.wakes.sleepers, func(z *sleeper) bool { return slices.Contains(z.functions, f) })
			switch {
			case i >= 0:
				s.wakes.sleepers[i].woken <- id
				s.wakes.sleepers = slices.Delete(s.wakes.sleepers, i, i+1)
			case len(s.wakes.hints[f]) < maxHints:
				s.wakes.hints[f] = append(s.wakes.hints[f], id)
			}
		}
	}
}

// sleep takes a hint, or returns a sleeper that waits for one.
func (s *Server) sleep(functions []string) (record.RunID, *sleeper) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range functions {
		if hints := s.wakes.hints[f]; len(hints) > 0 {
			s.wakes.hints[f] = hints[1:]
			return hints[0], nil
		}
	}
	z := &sleeper{functions: functions, woken: make(chan record.RunID, 1)}
	s.wakes.sleepers = append(s.wakes.sleepers, z)
	return "", z
}

// rise ends the wait of a sleeper. It may have been woken in the meantime.
func (s *Server) rise(z *sleeper) record.RunID {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wakes.sleepers = slices.DeleteFunc(s.wakes.sleepers, func(other *sleeper) bool { return other == z })
	select {
	case id := <-z.woken:
		return id
	default:
		return ""
	}
}

// listener receives the names of runs with news.
type listener struct {
	runs  []record.RunID // each once
	heard chan struct{}  // of one: there are runs
}

func (s *Server) listen() *listener {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := &listener{heard: make(chan struct{}, 1)}
	s.news = append(s.news, l)
	return l
}

func (s *Server) ignore(l *listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.news = slices.DeleteFunc(s.news, func(other *listener) bool { return other == l })
}

// notify spreads news of a run; the server is locked.
func (s *Server) notify(id record.RunID) {
	for _, l := range s.news {
		if slices.Contains(l.runs, id) {
			continue
		}
		l.runs = append(l.runs, id)
		select {
		case l.heard <- struct{}{}:
		default:
		}
	}
}

// take returns the runs whose news the listener has not received.
func (s *Server) take(l *listener) []record.RunID {
	s.mu.Lock()
	defer s.mu.Unlock()
	runs := l.runs
	l.runs = nil
	return runs
}
