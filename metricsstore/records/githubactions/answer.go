package githubactions

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/dagscope/dagscope/metricsstore/records"
)

// answer is any of the objects that are read, in the spelling of the REST API and in that of gh.
type answer struct {
	Total int64 `json:"total_count"`
	Jobs  []job `json:"jobs"`
	about
}

// about is what an answer says about the workflow run itself.
type about struct {
	ID           int64  `json:"id"`
	DatabaseID   int64  `json:"databaseId"`
	Attempt      int64  `json:"run_attempt"`
	GhAttempt    int64  `json:"attempt"`
	Name         string `json:"name"`
	WorkflowName string `json:"workflowName"`
	Path         string `json:"path"`
	Event        string `json:"event"`
	Branch       string `json:"head_branch"`
	GhBranch     string `json:"headBranch"`
	Status       string `json:"status"`
	Conclusion   string `json:"conclusion"`
	Started      stamp  `json:"run_started_at"`
	GhStarted    stamp  `json:"startedAt"`
	RunNumber    int64  `json:"run_number"`
	GhRunNumber  int64  `json:"number"`
	GhWorkflow   int64  `json:"workflowDatabaseId"`
	RESTWorkflow int64  `json:"workflow_id"`
	DisplayTitle string `json:"display_title"`
	GhDisplay    string `json:"displayTitle"`
}

// id and attempt are of the run.
func (a *about) id() int64      { return cmp.Or(a.DatabaseID, a.ID) }
func (a *about) attempt() int64 { return max(a.Attempt, a.GhAttempt, 1) }

// isRun reports whether the object is a run rather than anything else with an ID.
func (a *about) isRun() bool { return a.id() != 0 && cmp.Or(a.RESTWorkflow, a.GhWorkflow) != 0 }

// job is a job of a run.
type job struct {
	ID         int64    `json:"id"`
	RunID      int64    `json:"run_id"`
	Attempt    int64    `json:"run_attempt"`
	Workflow   string   `json:"workflow_name"`
	Branch     string   `json:"head_branch"`
	URL        string   `json:"html_url"`
	Labels     []string `json:"labels"`
	Runner     string   `json:"runner_name"`
	Group      string   `json:"runner_group_name"`
	Created    stamp    `json:"created_at"`
	Steps      []step   `json:"steps"`
	DatabaseID int64    `json:"databaseId"`
	GhURL      string   `json:"url"`
	state
}

// state is what jobs and steps have in common.
type state struct {
	Name        string `json:"name"`
	Status      string `json:"status"`
	Conclusion  string `json:"conclusion"`
	Started     stamp  `json:"started_at"`
	Completed   stamp  `json:"completed_at"`
	GhStarted   stamp  `json:"startedAt"`
	GhCompleted stamp  `json:"completedAt"`
}

// step is a step of a job.
type step struct {
	Number int64 `json:"number"`
	state
}

func (s *state) started() records.Moment   { return s.Started.or(s.GhStarted) }
func (s *state) completed() records.Moment { return s.Completed.or(s.GhCompleted) }

// id and link identify the job.
func (j *job) id() int64    { return cmp.Or(j.ID, j.DatabaseID) }
func (j *job) link() string { return cmp.Or(j.URL, j.GhURL) }

// base is the name without the values of a matrix, which GitHub appends in brackets.
func (j *job) base() string {
	if at := strings.LastIndex(j.Name, " ("); at > 0 && strings.HasSuffix(j.Name, ")") {
		return j.Name[:at]
	}
	return j.Name
}

// sortSteps puts steps in the order of their numbers, which have gaps.
func (j *job) sortSteps() {
	slices.SortStableFunc(j.Steps, func(a, b step) int { return cmp.Compare(a.Number, b.Number) })
}

// stamp is a moment; one that is missing, null, or of the year 1 is not known.
type stamp struct {
	known bool
	at    records.Moment
}

// UnmarshalJSON implements json.Unmarshaler.
func (s *stamp) UnmarshalJSON(text []byte) error {
	*s = stamp{}
	var word string
	if json.Unmarshal(text, &word) != nil {
		return nil
	}
	if t, err := time.Parse(time.RFC3339Nano, word); err == nil {
		s.at = records.At(t)
		s.known = s.at.Known()
	}
	return nil
}

// moment is Unknown for a stamp that is not known.
func (s stamp) moment() records.Moment {
	if !s.known {
		return records.Unknown
	}
	return s.at
}

func (s stamp) or(other stamp) records.Moment {
	if s.known {
		return s.at
	}
	return other.moment()
}
