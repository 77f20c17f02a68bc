package spark

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"slices"

	"github.com/tidwall/gjson"
)

// stage is one stage of the plan of a job. Stages that are skipped, because what they make is there, have numbers of
// their own: only the RDDs say which stage made it.
type stage struct {
	id       int32
	name     string
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
		st = &stage{id: id, tasks: missing, profile: missing}
		s.byID[id] = st
	}
	return st
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
func (s *stage) submitted(number int32) int64 {
	for _, a := range s.attempts {
		if a.number == number {
			return a.submitted
		}
	}
	return 0
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
func (s *stages) planned(info gjson.Result, t *texts) *stage {
	id := integer(info.Get("Stage ID"))
	if !is32(id) {
		s.bad++
		return nil
	}
	st := s.get(int32(id))
	if st.tasks != missing {
		return st // jobs repeat the stages that they share
	}
	st.tasks = integer(info.Get("Number of Tasks"))
	st.name = t.keep([]byte(info.Get("Stage Name").String()))
	st.profile = integer(info.Get("Resource Profile Id"))
	info.Get("Parent IDs").ForEach(func(_, parent gjson.Result) bool {
		if p := integer(parent); is32(p) {
			st.parents = append(st.parents, int32(p))
		}
		return true
	})
	st.rdds = setOf(info.Get("RDD Info"))
	return st
}

// executed adds what SparkListenerStageSubmitted and SparkListenerStageCompleted say.
func (s *stages) executed(info gjson.Result, submitted bool, t *texts) {
	st := s.planned(info, t)
	if st == nil {
		return
	}
	st.ran = true
	st.begun = st.begun || submitted
	number := integer(info.Get("Stage Attempt ID"))
	if !is32(number) {
		number = 0
	}
	a := st.attempt(int32(number))
	a.tasks = max(a.tasks, integer(info.Get("Number of Tasks")))
	a.submitted = max(a.submitted, integer(info.Get("Submission Time")), 0)
	a.completed = max(a.completed, integer(info.Get("Completion Time")), 0)
	a.failed = a.failed || info.Get("Failure Reason").String() != ""
}

// setOf is the set of the RDDs of a stage.
func setOf(infos gjson.Result) rddSet {
	var ids []int64
	infos.ForEach(func(_, rdd gjson.Result) bool {
		ids = append(ids, integer(rdd.Get("RDD ID")))
		return true
	})
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

// integer is a number, or a text that stands for one, missing if it is none.
func integer(r gjson.Result) int64 {
	if r.Type != gjson.Number && r.Type != gjson.String {
		return missing
	}
	if f := r.Float(); math.IsNaN(f) || math.Abs(f) > 1<<62 {
		return missing
	}
	return r.Int()
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
