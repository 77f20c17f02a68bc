package simulate

import "math/bits"

// lanes are the lanes of all workers, those of one worker next to each other.
type lanes struct {
	from     []int64
	workerOf []int32
	queueOf  []int32
	first    []int32 // lane of each worker
	owner    []int32 // worker of each queue
	idle     set
}

func (l *lanes) len() int { return len(l.from) }

func (l *lanes) reset(workers []Worker) {
	l.from, l.workerOf, l.queueOf = l.from[:0], l.workerOf[:0], l.queueOf[:0]
	l.first, l.owner = l.first[:0], l.owner[:0]
	for w := range workers {
		l.first = append(l.first, int32(len(l.from)))
		for slot, from := range workers[w].Lanes {
			l.from = append(l.from, from)
			l.workerOf = append(l.workerOf, int32(w))
			l.queueOf = append(l.queueOf, int32(len(l.owner)+slot%workers[w].Queues))
		}
		for range workers[w].Queues {
			l.owner = append(l.owner, int32(w))
		}
	}
	l.idle.reset(len(l.from))
}

// grow adds a lane to the last worker.
func (l *lanes) grow() int32 {
	last := len(l.from) - 1
	l.from = append(l.from, 0)
	l.workerOf = append(l.workerOf, l.workerOf[last])
	l.queueOf = append(l.queueOf, l.queueOf[last])
	l.idle.extend(len(l.from))
	return int32(last + 1)
}

func (l *lanes) free(lane int32) { l.idle.add(lane) }
func (l *lanes) take(lane int32) { l.idle.remove(lane) }

// lowestIdle is the first idle lane of a worker, else that of any; of a worker the lowest one is woken first.
func (l *lanes) lowestIdle(worker int32) (lane int32, ok bool) {
	if lane, ok = l.idle.next(l.first[worker]); ok && l.workerOf[lane] == worker {
		return lane, true
	}
	return l.idle.next(0)
}

// set is a set of small numbers.
type set struct {
	words []uint64
	n     int
}

func (s *set) reset(length int) {
	s.words, s.n = s.words[:0], 0
	s.extend(length)
}

func (s *set) extend(length int) {
	for len(s.words)*64 < length {
		s.words = append(s.words, 0)
	}
}

func (s *set) add(i int32) {
	if bit := uint64(1) << (i % 64); s.words[i/64]&bit == 0 {
		s.words[i/64] |= bit
		s.n++
	}
}

func (s *set) remove(i int32) {
	if bit := uint64(1) << (i % 64); s.words[i/64]&bit != 0 {
		s.words[i/64] &^= bit
		s.n--
	}
}

// next is the least member from i on.
func (s *set) next(i int32) (int32, bool) {
	if s.n == 0 || int(i/64) >= len(s.words) {
		return 0, false
	}
	word := s.words[i/64] &^ (1<<(i%64) - 1)
	for w := int(i / 64); ; word = s.words[w] {
		if word != 0 {
			return int32(w*64 + bits.TrailingZeros64(word)), true
		}
		if w++; w == len(s.words) {
			return 0, false
		}
	}
}
