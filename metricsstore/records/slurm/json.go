package slurm

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/dagscope/dagscope/metricsstore/records"
)

// number is a number, a text of one, or {"set": true, "infinite": false, "number": 4}, depending on the version.
type number struct {
	value int64
	set   bool
}

// UnmarshalJSON implements json.Unmarshaler.
func (n *number) UnmarshalJSON(raw []byte) error {
	*n = number{}
	var object struct {
		Set      *bool
		Infinite bool
		Number   json.Number
	}
	text := strings.Trim(string(raw), `"`)
	if raw[0] == '{' {
		if json.Unmarshal(raw, &object) != nil || object.Infinite || object.Set != nil && !*object.Set {
			return nil
		}
		text = object.Number.String()
	}
	value, err := strconv.ParseFloat(text, 64)
	if err == nil && value > -1e18 && value < 1e18 {
		*n = number{int64(value), true}
	}
	return nil
}

// words is a text or a list of texts, depending on the version.
type words string

// UnmarshalJSON implements json.Unmarshaler.
func (w *words) UnmarshalJSON(raw []byte) error {
	var one string
	var list []string
	switch {
	case json.Unmarshal(raw, &one) == nil:
		*w = words(one)
	case json.Unmarshal(raw, &list) == nil && len(list) > 0:
		*w = words(list[0])
	}
	return nil
}

// document is what sacct --json writes.
type document struct {
	Jobs []job `json:"jobs"`
}

// clock is processor time. Microseconds may be more than a second.
type clock struct {
	Seconds      number `json:"seconds"`
	Microseconds number `json:"microseconds"`
}

func (c clock) duration() time.Duration {
	if !c.Seconds.set || c.Seconds.value < 0 || c.Seconds.value > 1e9 || c.Microseconds.value < 0 || c.Microseconds.value > 1e15 {
		return -1
	}
	return time.Duration(c.Seconds.value)*time.Second + time.Duration(c.Microseconds.value)*time.Microsecond
}

// times are seconds since 1970.
type times struct {
	Elapsed    number `json:"elapsed"`
	Eligible   number `json:"eligible"`
	Start      number `json:"start"`
	End        number `json:"end"`
	Submission number `json:"submission"`
	Suspended  number `json:"suspended"`
	Total      clock  `json:"total"`
}

// state is one or several words, and why.
type state struct {
	Current words  `json:"current"`
	Reason  string `json:"reason"`
}

type exitCode struct {
	ReturnCode number `json:"return_code"`
	Signal     struct {
		ID       number `json:"id"`
		SignalID number `json:"signal_id"`
	} `json:"signal"`
}

type job struct {
	JobID number `json:"job_id"`
	Array struct {
		JobID  number `json:"job_id"`
		TaskID number `json:"task_id"`
		Task   string `json:"task"` // the numbers of those that wait
	} `json:"array"`
	Name       string   `json:"name"`
	Nodes      string   `json:"nodes"`
	Partition  string   `json:"partition"`
	Account    string   `json:"account"`
	Cluster    string   `json:"cluster"`
	WorkDir    string   `json:"working_directory"`
	SubmitLine string   `json:"submit_line"`
	Restarts   number   `json:"restart_cnt"`
	State      state    `json:"state"`
	Exit       exitCode `json:"exit_code"`
	Time       times    `json:"time"`
	Steps      []step   `json:"steps"`
	Required   struct {
		CPUs number `json:"CPUs"`
	} `json:"required"`
	TRES struct {
		Allocated []resource `json:"allocated"`
	} `json:"tres"`
}

type resource struct {
	Type  string `json:"type"`
	Name  string `json:"name"`
	Count number `json:"count"`
}

type step struct {
	State words    `json:"state"`
	Exit  exitCode `json:"exit_code"`
	Time  times    `json:"time"`
	Step  struct {
		ID   json.RawMessage `json:"id"`
		Name string          `json:"name"`
	} `json:"step"`
	TRES struct {
		Requested struct {
			Max []resource `json:"max"`
		} `json:"requested"`
		Consumed struct {
			Max []resource `json:"max"`
		} `json:"consumed"`
	} `json:"tres"`
}

func (e exitCode) exit() exit {
	signal := e.Signal.ID
	if !signal.set {
		signal = e.Signal.SignalID
	}
	return exit{int(e.ReturnCode.value), int(signal.value), e.ReturnCode.set}
}

func since(n number) records.Moment {
	if !n.set || n.value <= 0 || n.value > 9_000_000_000 {
		return records.Unknown
	}
	return records.Moment(n.value * int64(time.Second))
}

func (t *times) into(e *entry) {
	e.submit, e.eligible, e.start, e.end = since(t.Submission), since(t.Eligible), since(t.Start), since(t.End)
	if t.Elapsed.set && t.Elapsed.value >= 0 && t.Elapsed.value < 1e9 {
		e.elapsed = time.Duration(t.Elapsed.value) * time.Second
	}
	e.usage.CPU = t.Total.duration()
	if t.Suspended.value > 0 {
		e.log = append(e.log, fmt.Sprintf("suspended %d s", t.Suspended.value))
	}
}

// readJSON reads a document.
func (b *builder) readJSON(f *records.File, r io.Reader) error {
	content, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	var d document
	if err := json.Unmarshal(content, &d); err != nil {
		fault := &records.Fault{Path: f.Path, Byte: int64(len(content)), Text: err.Error() + ", expected an object with jobs as sacct --json writes it"}
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			fault.Byte = syntax.Offset
		}
		return fault
	}
	b.timed = true
	for i := range d.Jobs {
		j := &d.Jobs[i]
		e := j.entry()
		if err := b.add(e); err != nil {
			return fmt.Errorf("%s: %w", f.Path, err)
		}
		for k := range j.Steps {
			if err := b.add(j.Steps[k].entry(e.id, k)); err != nil {
				return fmt.Errorf("%s: %w", f.Path, err)
			}
		}
	}
	return nil
}

func (j *job) entry() entry {
	e := newEntry()
	e.raw = strconv.FormatInt(j.JobID.value, 10)
	e.id = e.raw
	switch array := j.Array.JobID.value; {
	case array > 0 && j.Array.TaskID.set:
		e.id = fmt.Sprintf("%d_%d", array, j.Array.TaskID.value)
	case array > 0 && j.Array.Task != "":
		e.id = fmt.Sprintf("%d_[%s]", array, strings.Trim(j.Array.Task, "[]"))
	}
	e.name, e.nodes, e.submits, e.state = j.Name, j.Nodes, j.SubmitLine, string(j.State.Current)
	e.exit, e.restarts = j.Exit.exit(), int(j.Restarts.value)
	j.Time.into(&e)
	e.cpus = int(j.Required.CPUs.value)
	for _, r := range j.TRES.Allocated {
		if r.Type == "cpu" && r.Count.value > 0 && r.Count.value < 1<<30 {
			e.cpus = int(r.Count.value)
		}
	}
	for _, p := range [][2]string{
		{"Partition", j.Partition}, {"Account", j.Account}, {"Cluster", j.Cluster}, {"WorkDir", j.WorkDir}, {"Reason", j.State.Reason},
	} {
		if p[1] != "" && p[1] != "None" {
			e.log = append(e.log, p[0]+" "+p[1])
		}
	}
	return e
}

// entry is that of a step: its ID is "12.batch" or an object, depending on the version.
func (s *step) entry(job string, place int) entry {
	e := newEntry()
	e.id, e.step = job, strconv.Itoa(place)
	var text string
	var object struct {
		StepID string `json:"step_id"`
	}
	if json.Unmarshal(s.Step.ID, &text) == nil {
		if _, after, ok := strings.Cut(text, "."); ok {
			e.step = after
		}
	} else if json.Unmarshal(s.Step.ID, &object) == nil && object.StepID != "" {
		e.step = object.StepID
	}
	e.name, e.state, e.exit = s.Step.Name, string(s.State), s.Exit.exit()
	s.Time.into(&e)
	for _, r := range s.TRES.Requested.Max {
		switch {
		case !r.Count.set || r.Count.value < 0:
		case r.Type == "mem":
			e.usage.MemoryBytes = r.Count.value
		case r.Type == "fs" && r.Name == "disk":
			e.usage.ReadBytes = r.Count.value
		}
	}
	for _, r := range s.TRES.Consumed.Max {
		if r.Type == "fs" && r.Name == "disk" && r.Count.set && r.Count.value >= 0 {
			e.usage.WrittenBytes = r.Count.value
		}
	}
	return e
}
