package e2e

import (
	"encoding/json"
	"time"
)

// What the program answers with --json, as its documentation names it. The tests know no type of the program's own, so
// a name that changes is noticed.

// report is how a run went.
type report struct {
	Run        string            `json:"run"`
	Workflow   string            `json:"workflow"`
	Params     map[string]string `json:"params"`
	Status     string            `json:"status"`
	Tasks      int               `json:"tasks"`
	Done       int               `json:"done"`
	Failed     int               `json:"failed"`
	Skipped    int               `json:"skipped"`
	Retries    int               `json:"retries"`
	MakespanNS int64             `json:"makespan_ns"`
	Result     json.RawMessage   `json:"result"`
	Error      *failure          `json:"error"`
	Records    kept              `json:"records"`
}

// failure is how an attempt failed; in lists only the first three fields are set.
type failure struct {
	Kind     string    `json:"kind"`
	Task     string    `json:"task"`
	Message  string    `json:"message"`
	Stack    string    `json:"stack"`
	ExitCode int       `json:"exit_code"`
	Signal   string    `json:"signal"`
	Worker   string    `json:"worker"`
	Slot     int       `json:"slot"`
	Attempt  int       `json:"attempt"`
	Time     time.Time `json:"time"`
}

// kept is how much of a run was recorded.
type kept struct {
	Upload      string `json:"upload"`
	Steps       int    `json:"steps"`
	StepsKept   int    `json:"steps_kept"`
	Details     int    `json:"details"`
	DetailsKept int    `json:"details_kept"`
	Complete    bool   `json:"complete"`
	Problem     string `json:"problem"`
}

// runList is the answer of runs.
type runList struct {
	Runs []runRow `json:"runs"`
	More int      `json:"more"`
}

type runRow struct {
	Params        map[string]string `json:"params"`
	Run           string            `json:"run"`
	Workflow      string            `json:"workflow"`
	Status        string            `json:"status"`
	EndedAt       *time.Time        `json:"ended_at"`
	Tasks         int               `json:"tasks"`
	Succeeded     int               `json:"succeeded"`
	Failed        int               `json:"failed"`
	Retried       int               `json:"retried"`
	Reconstructed string            `json:"reconstructed"`
	Records       kept              `json:"records"`
	Error         *failure          `json:"error"`
}

// runs lists all runs by their ids.
func (u *user) runs() map[string]runRow {
	u.t.Helper()
	var list runList
	u.json(&list, "runs", "--limit", "0")
	byID := map[string]runRow{}
	for _, r := range list.Runs {
		byID[r.Run] = r
	}
	return byID
}

// attempt is one row of tasks; a task that was skipped has the attempt 0.
type attempt struct {
	Name      string   `json:"name"`
	Node      int      `json:"node"`
	Attempt   int      `json:"attempt"`
	Worker    int      `json:"worker"`
	Slot      int      `json:"slot"`
	Outcome   string   `json:"outcome"`
	ClaimedNS int64    `json:"claimed_ns"`
	StartedNS int64    `json:"started_ns"`
	EndedNS   int64    `json:"ended_ns"`
	QueueNS   int64    `json:"queue_ns"`
	ExecuteNS int64    `json:"execute_ns"`
	UpdateNS  int64    `json:"update_ns"`
	Output    int64    `json:"output_bytes"`
	Error     *failure `json:"error"`
}

// attempts lists the attempts of a run.
func (u *user) attempts(run string) []attempt {
	u.t.Helper()
	var list struct {
		Attempts []attempt `json:"attempts"`
		More     int       `json:"more"`
	}
	u.json(&list, "tasks", run, "--limit", "0")
	return list.Attempts
}

// ended counts the attempts that ended in a way.
func ended(attempts []attempt, outcome string) int {
	n := 0
	for i := range attempts {
		if attempts[i].Outcome == outcome {
			n++
		}
	}
	return n
}

// statistics is the answer of stats.
type statistics struct {
	Run        string      `json:"run"`
	Runs       int         `json:"runs"`
	LiveRuns   int         `json:"live_runs"`
	Attempts   int         `json:"attempts"`
	Succeeded  int         `json:"succeeded"`
	Statistics []statistic `json:"statistics"`
}

type statistic struct {
	Group struct {
		Function string `json:"function"`
	} `json:"group"`
	Metric    string     `json:"metric"`
	N         int        `json:"n"`
	Mean      float64    `json:"mean"`
	Min       float64    `json:"min"`
	Max       float64    `json:"max"`
	Sum       float64    `json:"sum"`
	Exact     bool       `json:"exact"`
	Quantiles []quantile `json:"quantiles"`
}

type quantile struct {
	Q     float64 `json:"q"`
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	Exact bool    `json:"exact"`
}
