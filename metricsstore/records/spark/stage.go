package spark

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/dagscope/dagscope/metricsstore/records/internal/scan"
)

// stage is one stage of the plan of a job. Stages that are skipped, because what they make is there, have numbers of
// their own: only the RDDs say which stage made it.
type stage struct {
	id       int32
	name     string // the line of the program that made it, as a rule
	work     string // what it did last, by the names of its plan
	query    int64  // the execution of SQL that it belongs to, missing if it does to none
	parents  []int32
	rdds     rddSet
	profile  int64
	tasks    int64 // of the first attempt that is known, missing if none is
	attempts []stageAttempt
	ran      bool // an attempt of the stage, or of a task of it, is recorded
	begun    bool // its beginning is: all attempts of its tasks should be
	wanted   bool // a job that failed, or has no end, contains it
}

// stageAttempt is one attempt of a stage: all tasks that were missing at the time.
type stageAttempt struct {
	number               int32
	tasks                int64
	submitted, completed int64 // milliseconds since 1970, 0 if not recorded
	failed               bool
}

// rddSet identifies a set of RDD ids, zero if there are none.
type rddSet [16]byte

// stages are those of an application by ID.
type stages struct {
	byID map[int32]*stage
	bad  int // stages without a usable ID
}

// get returns a stage, which is added if it is new.
func (s *stages) get(id int32) *stage {
	st := s.byID[id]
	if st == nil {
		if s.byID == nil {
			s.byID = map[int32]*stage{}
		}
		st = &stage{id: id, tasks: missing, profile: missing, query: missing}
		s.byID[id] = st
	}
	return st
}

// has reports whether a stage is known as planned has it.
func (s *stages) has(id int64) bool {
	if !is32(id) {
		return false
	}
	st := s.byID[int32(id)]
	return st != nil && st.tasks != missing
}

// attempt returns an attempt of the stage, which is added if it is new.
func (s *stage) attempt(number int32) *stageAttempt {
	i, found := slices.BinarySearchFunc(s.attempts, number, func(a stageAttempt, n int32) int { return cmp.Compare(a.number, n) })
	if !found {
		s.attempts = slices.Insert(s.attempts, i, stageAttempt{number: number, tasks: missing})
	}
	return &s.attempts[i]
}

// submitted is when an attempt of the stage was, 0 if that is not recorded.
func (s *stage) submitted(number int32) int64 { return s.recorded(number).submitted }

// completion is when an attempt of the stage completed, 0 if that is not recorded.
func (s *stage) completion(number int32) int64 { return s.recorded(number).completed }

// recorded is what is known about an attempt of the stage, which may be nothing.
func (s *stage) recorded(number int32) stageAttempt {
	for _, a := range s.attempts {
		if a.number == number {
			return a
		}
	}
	return stageAttempt{}
}

// completed reports whether all tasks of the stage succeeded, as recorded.
func (s *stage) completed() bool {
	if len(s.attempts) == 0 {
		return false
	}
	last := s.attempts[len(s.attempts)-1]
	return last.completed > 0 && !last.failed
}

// planned adds what a job says about a stage that it contains, and returns the stage, or nil if it has no usable ID.
func (s *stages) planned(info *stageInfo, t *texts) *stage {
	if !is32(info.id) {
		s.bad++
		return nil
	}
	st := s.get(int32(info.id))
	if st.tasks != missing {
		return st // jobs repeat the stages that they share
	}
	st.tasks = max(info.tasks, -1)
	st.name = t.keep(scan.Text(info.name))
	st.profile = info.profile
	for _, p := range info.parents {
		if is32(p) {
			st.parents = append(st.parents, int32(p))
		}
	}
	st.work = t.keep(info.work())
	st.rdds = setOf(info.rdds)
	return st
}

// executed adds what SparkListenerStageSubmitted and SparkListenerStageCompleted say.
// It returns the stage like planned.
func (s *stages) executed(info *stageInfo, submitted bool, t *texts) *stage {
	st := s.planned(info, t)
	if st == nil {
		return nil
	}
	st.ran = true
	st.begun = st.begun || submitted
	number := info.attempt
	if !is32(number) {
		number = 0
	}
	a := st.attempt(int32(number))
	a.tasks = max(a.tasks, info.tasks)
	a.submitted = max(a.submitted, info.submitted, 0)
	a.completed = max(a.completed, info.completed, 0)
	a.failed = a.failed || len(info.failure) > 2
	return st
}

// setOf is the set of the RDDs of a stage. It sorts them.
func setOf(ids []int64) rddSet {
	if len(ids) == 0 {
		return rddSet{}
	}
	slices.Sort(ids)
	var packed []byte
	for _, id := range slices.Compact(ids) {
		packed = binary.BigEndian.AppendUint64(packed, uint64(id))
	}
	sum := sha256.Sum256(packed)
	return rddSet(sum[:16])
}

// sorted are the stages in the order of their IDs.
func (s *stages) sorted() []*stage {
	all := make([]*stage, 0, len(s.byID))
	for _, st := range s.byID {
		all = append(all, st)
	}
	slices.SortFunc(all, func(a, b *stage) int { return cmp.Compare(a.id, b.id) })
	return all
}
