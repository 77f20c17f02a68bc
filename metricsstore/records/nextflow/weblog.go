package nextflow

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/bounded"
)

// message is a message of -with-weblog.
type message struct {
	RunName  string         `json:"runName"`
	RunID    string         `json:"runId"`
	Event    string         `json:"event"`
	Time     string         `json:"utcTime"`
	Trace    map[string]any `json:"trace"`
	Metadata struct {
		Workflow workflow `json:"workflow"`
	} `json:"metadata"`
}

// key is the run that a message is about. The runId is that of the session, which a run with -resume has in common with
// the run that it resumes; names of runs are unique in a session.
func (m *message) key() string { return strings.TrimSpace(m.RunID + " " + m.RunName) }

// Message returns the key of the run that a message of -with-weblog is about, empty for a text that is none, and of how many
// tasks it says something.
func Message(text []byte) (key string, tasks int) {
	var m message
	if decode(text, &m) != nil || m.RunID == "" || m.RunName == "" || m.Event == "" || m.Time == "" {
		return "", 0
	}
	if m.Trace != nil {
		tasks = 1
	}
	return m.key(), tasks
}

// KeyOf returns the key of the run that was made of messages, by its parameters.
func KeyOf(params map[string]string) string {
	if params["session"] == "" {
		return ""
	}
	return (&message{RunID: params["session"], RunName: params["run"]}).key()
}

// secret matches the token of the address that messages are sent to, which can be part of the command.
var secret = regexp.MustCompile(`([?&]token=)[^&'"\s]+`)

// workflow is what a message says about the run as a whole.
type workflow struct {
	ProjectName  string `json:"projectName"`
	CommandLine  string `json:"commandLine"`
	Success      *bool  `json:"success"`
	ErrorMessage string `json:"errorMessage"`
	ErrorReport  string `json:"errorReport"`
	Stats        struct {
		Cached json.Number `json:"cachedCount"`
	} `json:"stats"`
}

// conversation is what the messages of a run have said so far.
type conversation struct {
	*listing
	traces []map[string]any // the last that is final of each attempt
	place  map[string]int
}

// readWeblog reads messages one after the other, or in one list.
func readWeblog(ctx context.Context, f *records.File) ([]*listing, error) {
	in, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	d := json.NewDecoder(in)
	d.UseNumber()
	var runs []*conversation
	byID := map[string]*conversation{}
	total := 0
	for {
		var all messages
		if err = d.Decode(&all); err != nil {
			break
		}
		for i := range all {
			key := all[i].key()
			c := byID[key]
			if c == nil {
				c = &conversation{listing: newListing(f.Path, "Nextflow weblog"), place: map[string]int{}}
				c.key = key
				runs, byID[c.key] = append(runs, c), c
			}
			c.add(&all[i])
			if total++; total > 4*records.MaxTasks {
				return nil, fmt.Errorf("%w: %s: more than %d messages", records.ErrTooLarge, f.Path, 4*records.MaxTasks)
			}
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	reason := ""
	if !errors.Is(err, io.EOF) {
		reason = fmt.Sprintf("the file cannot be read beyond byte %d: %v", d.InputOffset(), err)
	}
	return finishWeblog(f, runs, reason, d.InputOffset())
}

// add hears a message.
func (c *conversation) add(m *message) {
	if m.RunName != "" {
		c.params["run"], c.params["session"] = m.RunName, m.RunID
	}
	w := &m.Metadata.Workflow
	if w.ProjectName != "" {
		c.workflow, c.params["command"] = w.ProjectName, secret.ReplaceAllString(w.CommandLine, "$1…")
	}
	moment, _, ok := parseMoment(m.Time)
	if !ok {
		c.notes.LeftOut(1, "messages have a time in a form that is not known")
	}
	switch m.Event {
	case "started":
		c.started = moment
	case "error":
		c.status = record.Failed
	case "completed":
		c.ended = moment
		if n, err := w.Stats.Cached.Int64(); err == nil {
			c.notes.LeftOut(int(min(n, records.MaxTasks)), "tasks were cached, and Nextflow sends no messages about those")
		}
		if c.status == "" {
			c.status = record.Succeeded
		}
		if w.Success != nil && !*w.Success {
			c.status, c.failure = record.Failed, bounded.Lines(w.ErrorMessage, w.ErrorReport)
		}
	}
	if m.Trace == nil {
		return
	}
	id := cellOf(m.Trace["task_id"]) + " " + cellOf(m.Trace["hash"])
	at, known := c.place[id]
	switch {
	case !known:
		c.place[id] = len(c.traces)
		c.traces = append(c.traces, m.Trace)
	case isFinal(m.Trace) || !isFinal(c.traces[at]):
		c.traces[at] = m.Trace
	}
}

func isFinal(trace map[string]any) bool {
	return outcomes[strings.ToUpper(cellOf(trace["status"]))] != record.NoOutcome
}

// finishWeblog makes the listings. reason says why the file could not be read to its end, if so.
func finishWeblog(f *records.File, runs []*conversation, reason string, at int64) ([]*listing, error) {
	var full []*listing
	for _, c := range runs {
		for _, trace := range c.traces {
			c.addObject(trace)
		}
		if len(c.rows) == 0 {
			continue
		}
		if !c.ended.Known() {
			c.incomplete = "there is no message about the end of the run"
			if c.status == "" {
				c.status = record.Running
			}
		}
		if reason != "" {
			c.incomplete = reason
		}
		full = append(full, c.listing)
	}
	if len(full) == 0 {
		return nil, &records.Fault{
			Path: f.Path, Byte: at, Text: strings.TrimSuffix("expected messages with runId, event and a trace of a task; "+reason, "; "),
		}
	}
	return full, nil
}

// messages are one message or a list of them.
type messages []message

// UnmarshalJSON implements json.Unmarshaler.
func (m *messages) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] == '[' {
		var list []message
		err := decode(text, &list)
		*m = list
		return err
	}
	*m = make(messages, 1)
	return decode(text, &(*m)[0])
}

func decode(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return d.Decode(into)
}
