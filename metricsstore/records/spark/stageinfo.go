package spark

// stageInfo is what one line says about a stage. Numbers are missing if they are not there; lists are reused.
type stageInfo struct {
	id, attempt, tasks, profile int64
	submitted, completed        int64  // milliseconds since 1970
	name, failure               []byte // with their quotes
	rdds, parents               []int64
}

// scan takes an object with the stage.
func (i *stageInfo) scan(s *scanner) {
	*i = stageInfo{
		id: missing, attempt: missing, tasks: missing, profile: missing, submitted: missing, completed: missing,
		rdds: i.rdds[:0], parents: i.parents[:0],
	}
	if !s.object() {
		return
	}
	for key, ok := s.key(); ok; key, ok = s.key() {
		switch string(key) {
		case "Stage ID":
			i.id = s.number()
		case "Stage Attempt ID":
			i.attempt = s.number()
		case "Stage Name":
			i.name = s.skip()
		case "Number of Tasks":
			i.tasks = s.number()
		case "RDD Info":
			i.scanRDDs(s)
		case "Parent IDs":
			for ok := s.list(); ok && s.more(); {
				i.parents = append(i.parents, s.number())
			}
		case "Submission Time":
			i.submitted = s.number()
		case "Completion Time":
			i.completed = s.number()
		case "Failure Reason":
			i.failure = s.skip()
		case "Resource Profile Id":
			i.profile = s.number()
		default:
			s.skip()
		}
	}
}

func (i *stageInfo) scanRDDs(s *scanner) {
	for ok := s.list(); ok && s.more(); {
		if !s.object() {
			continue
		}
		for key, ok := s.key(); ok; key, ok = s.key() {
			if string(key) == "RDD ID" {
				i.rdds = append(i.rdds, s.number())
				s.leave()
				break
			}
			s.skip()
		}
	}
}

// stageEvent takes a line that says that a stage began or ended, and reports whether it is whole.
func (a *application) stageEvent(line []byte, submitted bool) bool {
	s := scanner{line: line}
	found := false
	for key, ok := s.first(); ok; key, ok = s.key() {
		if string(key) == "Stage Info" {
			found = true
			a.info.scan(&s)
			continue
		}
		s.skip()
	}
	if found = found && s.done(); found {
		a.stages.executed(&a.info, submitted, &a.attempts.texts)
	}
	return found
}

// jobStart takes a line that says that a job began, and reports whether it is whole.
func (a *application) jobStart(line []byte) bool {
	if s := (scanner{line: line}); len(s.skip()) == 0 || !s.done() {
		return false // stages are added one by one, so the line has to be known to be whole
	}
	s := scanner{line: line}
	id := int64(missing)
	var stages []int32
	for key, ok := s.first(); ok; key, ok = s.key() {
		switch string(key) {
		case "Job ID":
			id = s.number()
		case "Stage Infos":
			for ok := s.list(); ok && s.more(); {
				a.info.scan(&s)
				if st := a.stages.planned(&a.info, &a.attempts.texts); st != nil {
					st.begun = true
					stages = append(stages, st.id)
				}
			}
		default:
			s.skip()
		}
	}
	a.jobs.count++
	a.jobs.open[id] = stages
	return true
}
