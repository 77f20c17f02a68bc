package spark

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/dagscope/dagscope/metricsstore/records/internal/scan"
)

// stageInfo is what one line says about a stage. Numbers are missing if they are not there; lists are reused.
type stageInfo struct {
	id, attempt, tasks, profile int64
	submitted, completed        int64  // milliseconds since 1970
	name, failure               []byte // with their quotes
	rdds, parents               []int64
	scopes                      []scope
}

// scope is the part of a plan that made an RDD.
type scope struct {
	rdd  int64
	name []byte
}

// scan takes an object with the stage. Of a stage that is known it leaves out the RDDs, which are most of it.
func (i *stageInfo) scan(s *scan.Scanner, known *stages) {
	*i = stageInfo{
		id: missing, attempt: missing, tasks: missing, profile: missing, submitted: missing, completed: missing,
		rdds: i.rdds[:0], parents: i.parents[:0], scopes: i.scopes[:0],
	}
	if !s.Object() {
		return
	}
	for key, ok := s.Key(); ok; key, ok = s.Key() {
		switch string(key) {
		case "Stage ID":
			i.id = s.Int()
		case "Stage Attempt ID":
			i.attempt = s.Int()
		case "Stage Name":
			i.name = s.Skip()
		case "Number of Tasks":
			i.tasks = s.Int()
		case "RDD Info":
			if known.has(i.id) {
				s.Skip()
			} else {
				i.scanRDDs(s)
			}
		case "Parent IDs":
			for in := s.List(); in && s.More(); {
				i.parents = append(i.parents, s.Int())
			}
		case "Submission Time":
			i.submitted = s.Int()
		case "Completion Time":
			i.completed = s.Int()
		case "Failure Reason":
			i.failure = s.Skip()
		case "Resource Profile Id":
			i.profile = s.Int()
		default:
			s.Skip()
		}
	}
}

func (i *stageInfo) scanRDDs(s *scan.Scanner) {
	for in := s.List(); in && s.More(); {
		if !s.Object() {
			continue
		}
		id := int64(missing)
		for key, ok := s.Key(); ok; key, ok = s.Key() {
			if string(key) == "RDD ID" {
				id = s.Int()
				i.rdds = append(i.rdds, id)
				continue
			}
			if string(key) == "Scope" {
				i.scopes = append(i.scopes, scope{id, scopeName(s.Skip())})
				s.Leave()
				break
			}
			s.Skip()
		}
	}
}

// scopeName is the name in a scope, which is JSON in a JSON string.
func scopeName(raw []byte) []byte {
	_, name, _ := bytes.Cut(raw, []byte(`\"name\":\"`))
	name, _, _ = bytes.Cut(name, []byte(`\"`))
	return name
}

// work names the part of the plan with which the stage ended, and the last code that was generated for it, whose numbers
// tell the stages of one query apart: "Exchange after WholeStageCodegen (2)".
func (i *stageInfo) work() []byte {
	slices.SortStableFunc(i.scopes, func(a, b scope) int { return cmp.Compare(b.rdd, a.rdd) })
	var last []byte
	for _, s := range i.scopes {
		switch {
		case bytes.HasPrefix(s.name, []byte("WholeStageCodegen")) && last == nil:
			return s.name
		case bytes.HasPrefix(s.name, []byte("WholeStageCodegen")):
			return slices.Concat(last, []byte(" after "), s.name)
		case last == nil && len(s.name) > 0 && string(s.name) != "mapPartitionsInternal":
			last = s.name
		}
	}
	return last
}

// stageEvent takes a line that says that a stage began or ended, and reports whether it is whole.
func (a *application) stageEvent(line []byte, submitted bool) bool {
	s := scan.New(line)
	found, query := false, int64(missing)
	for key, ok := s.First(); ok; key, ok = s.Key() {
		switch string(key) {
		case "Stage Info":
			found = true
			a.info.scan(&s, &a.stages)
		case "Properties":
			members(&s, queryProperty, &query, "", nil)
		default:
			s.Skip()
		}
	}
	if !found || !s.Done() {
		return false
	}
	if st := a.stages.executed(&a.info, submitted, &a.attempts.texts); st != nil {
		st.query = max(st.query, query)
	}
	return true
}

// queryProperty is the setting with the ID of the execution of SQL that a job belongs to.
const queryProperty = "spark.sql.execution.id"

// queryStart takes a line that says that an execution of SQL began, of which the beginning suffices: it contains all
// plans.
func (a *application) queryStart(line []byte) {
	s := scan.New(line)
	id, name := int64(missing), []byte(nil)
	for key, ok := s.First(); ok && (id == missing || name == nil); key, ok = s.Key() {
		switch string(key) {
		case "executionId":
			id = s.Int()
		case "description":
			name = scan.Text(s.Skip())
		default:
			s.Skip()
		}
	}
	if id == missing || s.Broken() {
		return
	}
	name, _, _ = bytes.Cut(bytes.TrimSpace(name), []byte("\n"))
	a.queries[id] = a.attempts.texts.keep(name[:min(len(name), longestQuery)])
}

// longestQuery bounds the name of an execution, which can be the text of a query.
const longestQuery = 120

// jobStart takes a line that says that a job began, and reports whether it is whole.
func (a *application) jobStart(line []byte) bool {
	s := scan.New(line)
	id, query := int64(missing), int64(missing)
	infos := a.infos[:0]
	for key, ok := s.First(); ok; key, ok = s.Key() {
		switch string(key) {
		case "Job ID":
			id = s.Int()
		case "Stage Infos":
			for in := s.List(); in && s.More(); {
				if len(infos) == cap(infos) {
					infos = append(infos, stageInfo{})
				} else {
					infos = infos[:len(infos)+1] // with the lists that it had
				}
				infos[len(infos)-1].scan(&s, &a.stages)
			}
		case "Properties":
			members(&s, queryProperty, &query, "", nil)
		default:
			s.Skip()
		}
	}
	a.infos = infos
	if !s.Done() {
		return false
	}
	stages := make([]int32, 0, len(infos))
	for i := range infos {
		if st := a.stages.planned(&infos[i], &a.attempts.texts); st != nil {
			st.begun = true
			st.query = max(st.query, query)
			stages = append(stages, st.id)
		}
	}
	a.jobs.count++
	a.jobs.open[id] = stages
	return true
}
