package airflow

import (
	"encoding/json"
	"time"

	"github.com/dagscope/dagscope/metricsstore/records"
)

// row is a task instance, or one try of it.
type row struct {
	DAG         string  `json:"dag_id"`
	Run         string  `json:"dag_run_id"`
	OldRun      string  `json:"run_id"`
	Execution   string  `json:"execution_date"`
	Logical     string  `json:"logical_date"`
	Task        string  `json:"task_id"`
	DisplayName string  `json:"task_display_name"`
	MapIndex    index   `json:"map_index"`
	MapName     string  `json:"rendered_map_index"`
	State       string  `json:"state"`
	Try         int64   `json:"try_number"`
	Scheduled   stamp   `json:"scheduled_when"`
	Queued      stamp   `json:"queued_when"`
	Start       stamp   `json:"start_date"`
	End         stamp   `json:"end_date"`
	Duration    seconds `json:"duration"`
	Host        string  `json:"hostname"`
	details
}

// details are what else a row says.
type details struct {
	Operator string `json:"operator"`
	Pool     string `json:"pool"`
	Slots    int64  `json:"pool_slots"`
	Queue    string `json:"queue"`
	Executor string `json:"executor"`
	Note     string `json:"note"`
}

// run names the DAG run of a row, by its ID or else by its date.
func (r *row) run() string {
	for _, id := range []string{r.Run, r.OldRun, r.Execution, r.Logical} {
		if id != "" {
			return id
		}
	}
	return ""
}

// dagRun is a run of a DAG.
type dagRun struct {
	DAG     string          `json:"dag_id"`
	Run     string          `json:"dag_run_id"`
	Logical string          `json:"logical_date"`
	Date    string          `json:"execution_date"`
	State   string          `json:"state"`
	Queued  stamp           `json:"queued_at"`
	Start   stamp           `json:"start_date"`
	End     stamp           `json:"end_date"`
	Type    string          `json:"run_type"`
	Conf    json.RawMessage `json:"conf"`
	Note    string          `json:"note"`
}

// UnmarshalJSON implements json.Unmarshaler.
func (r *dagRun) UnmarshalJSON(text []byte) error {
	type plain dagRun
	*r = dagRun{Queued: stamp{records.Unknown}, Start: stamp{records.Unknown}, End: stamp{records.Unknown}}
	return json.Unmarshal(text, (*plain)(r))
}

// index is a map index, -1 for what is not mapped.
type index struct{ number int64 }

// UnmarshalJSON implements json.Unmarshaler. The command line prints it as text.
func (i *index) UnmarshalJSON(text []byte) error {
	i.number = -1
	if len(text) > 1 && text[0] == '"' {
		text = text[1 : len(text)-1]
	}
	var n *int64
	if json.Unmarshal(text, &n) == nil && n != nil {
		i.number = *n
	}
	return nil
}

// stamp is a moment, Unknown for null and for what is none.
type stamp struct{ at records.Moment }

// UnmarshalJSON implements json.Unmarshaler.
func (s *stamp) UnmarshalJSON(text []byte) error {
	s.at = records.Unknown
	var word string
	if json.Unmarshal(text, &word) != nil {
		return nil
	}
	// The command line of early versions has a space between date and time.
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999Z07:00"} {
		if t, err := time.Parse(layout, word); err == nil {
			s.at = records.At(t)
			return nil
		}
	}
	return nil
}

// seconds is a duration, -1 if it is not recorded.
type seconds struct{ time.Duration }

// UnmarshalJSON implements json.Unmarshaler.
func (s *seconds) UnmarshalJSON(text []byte) error {
	s.Duration = -1
	var n *float64
	if json.Unmarshal(text, &n) == nil && n != nil && *n >= 0 && *n < 1e9 {
		s.Duration = time.Duration(*n * float64(time.Second))
	}
	return nil
}

// newRow is a row in which nothing is known.
func newRow() row {
	return row{
		MapIndex: index{-1}, Scheduled: stamp{records.Unknown}, Queued: stamp{records.Unknown}, Start: stamp{records.Unknown},
		End: stamp{records.Unknown}, Duration: seconds{-1},
	}
}
