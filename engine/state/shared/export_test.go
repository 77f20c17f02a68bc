package shared

// Runs is how many runs have goroutines here.
func (s *Store) Runs() int { return len(s.runsAlive()) }

// Held is the weight of all outputs in this process's memory.
func (s *Store) Held() int64 { return s.held.used.Load() + s.held.only.Load() }

// Own is how many runs this process knows to have created.
func (s *Store) Own() int {
	s.own.mu.Lock()
	defer s.own.mu.Unlock()
	return len(s.own.created)
}
