package dbt

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/bounded"
	"github.com/dagscope/dagscope/metricsstore/records/internal/document"
)

// results is what a file says.
type results struct {
	path       string
	metadata   metadata
	args       map[string]any
	elapsed    time.Duration
	rows       []row
	notes      records.Notes
	incomplete string
}

// metadata say which invocation wrote a file.
type metadata struct {
	Schema     string `json:"dbt_schema_version"`
	Version    string `json:"dbt_version"`
	Generated  string `json:"generated_at"`
	Invocation string `json:"invocation_id"`
	Started    string `json:"invocation_started_at"`
	Project    string `json:"project_name"`
	Adapter    string `json:"adapter_type"`
}

// row is the result of one node.
type row struct {
	ID        string          `json:"unique_id"`
	Status    json.RawMessage `json:"status"`
	Timing    []phase         `json:"timing"`
	Thread    string          `json:"thread_id"`
	Seconds   json.RawMessage `json:"execution_time"`
	Adapter   json.RawMessage `json:"adapter_response"`
	Message   json.RawMessage `json:"message"`
	Failures  json.RawMessage `json:"failures"`
	Compiled  *string         `json:"compiled_code"`
	CompileD  *string         `json:"compiled_sql"` // before 1.3
	Relation  *string         `json:"relation_name"`
	Batches   json.RawMessage `json:"batch_results"`
	MaxLoaded *string         `json:"max_loaded_at"` // of sources
	old
}

// old are members before 0.19.
type old struct {
	Node *struct {
		ID        string `json:"unique_id"`
		DependsOn struct {
			Nodes []string `json:"nodes"`
		} `json:"depends_on"`
	} `json:"node"`
	Error json.RawMessage `json:"error"`
	Fail  json.RawMessage `json:"fail"`
	Warn  json.RawMessage `json:"warn"`
	Skip  json.RawMessage `json:"skip"`
}

type phase struct {
	Name  string `json:"name"`
	Start string `json:"started_at"`
	End   string `json:"completed_at"`
}

func readResults(path string, in io.Reader) (*results, error) {
	r := &results{path: path, elapsed: -1}
	d := json.NewDecoder(in)
	err := document.Members(d, func(name string) error {
		switch name {
		case "metadata":
			return d.Decode(&r.metadata)
		case "args":
			return d.Decode(&r.args)
		case "elapsed_time":
			var raw json.RawMessage
			err := d.Decode(&raw)
			r.elapsed = durationOf(raw)
			return err
		case "results":
			return r.readRows(d)
		}
		var skipped json.RawMessage
		return d.Decode(&skipped)
	})
	if len(r.rows) > records.MaxTasks {
		return nil, fmt.Errorf("%w: %s: more than %d results", records.ErrTooLarge, path, records.MaxTasks)
	}
	if len(r.rows) == 0 {
		reason := ""
		if err != nil {
			reason = ": " + err.Error()
		}
		return nil, &records.Fault{Path: path, Byte: d.InputOffset(), Text: "expected an object with a list \"results\" of nodes with a unique_id" + reason}
	}
	if err != nil {
		r.incomplete = fmt.Sprintf("%s cannot be read beyond byte %d: %v", path, d.InputOffset(), err)
	}
	return r, nil
}

func (r *results) readRows(d *json.Decoder) error {
	if t, err := d.Token(); err != nil {
		return err
	} else if t != json.Delim('[') {
		return fmt.Errorf("expected a list of results, got %v", t)
	}
	for d.More() {
		var one row
		if err := d.Decode(&one); err != nil {
			return err
		}
		if one.ID == "" && one.Node != nil {
			one.ID = one.Node.ID
		}
		if one.ID == "" {
			r.notes.LeftOut(1, "results have no unique_id")
			continue
		}
		if r.rows = append(r.rows, one); len(r.rows) > records.MaxTasks {
			return nil
		}
	}
	_, err := d.Token()
	return err
}

// durationOf reads seconds, -1 if there are none.
func durationOf(raw json.RawMessage) time.Duration {
	seconds, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || !(seconds >= 0 && seconds < math.MaxInt64/1e9) {
		return -1
	}
	return time.Duration(math.Round(seconds * 1e9))
}

// textOf writes a value for people: strings as they are, nothing for null.
func textOf(raw json.RawMessage) string {
	var s string
	if len(raw) == 0 || string(raw) == "null" {
		return ""
	}
	if json.Unmarshal(raw, &s) == nil {
		return bounded.Text(strings.TrimSpace(s))
	}
	return bounded.Text(string(raw))
}

// isTrue reports whether a value is true or a text.
func isTrue(raw json.RawMessage) bool {
	text := textOf(raw)
	return text != "" && text != "false"
}

// adapter lists what the database said, a line for each member.
func (o *row) adapter() string {
	var object map[string]json.RawMessage
	if json.Unmarshal(o.Adapter, &object) != nil {
		return textOf(o.Adapter)
	}
	names := make([]string, 0, len(object))
	for name := range object {
		names = append(names, name)
	}
	slices.Sort(names)
	var lines []string
	for _, name := range names {
		if value := textOf(object[name]); value != "" && name != "_message" {
			lines = append(lines, name+" "+value)
		}
	}
	return bounded.Lines(lines...)
}

var layouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999"}

// moment reads a date. dbt writes UTC, in old versions without a zone.
func (r *results) moment(text string) records.Moment {
	if text == "" {
		return records.Unknown
	}
	for i, layout := range layouts {
		if t, err := time.Parse(layout, text); err == nil {
			if i%2 == 1 {
				r.notes.Inferred(1, "dates have no zone, and are in UTC, as dbt writes them")
			}
			return records.At(t)
		}
	}
	r.notes.LeftOut(1, "dates are in a form that is not known")
	return records.Unknown
}

// argument is an argument of the command, empty if it is not recorded.
func (r *results) argument(name string) string {
	switch v := r.args[name].(type) {
	case nil:
		return ""
	case string:
		return bounded.Text(v)
	case []any:
		parts := make([]string, 0, len(v))
		for _, each := range v {
			parts = append(parts, fmt.Sprint(each))
		}
		return bounded.Text(strings.Join(parts, " "))
	default:
		var out bytes.Buffer
		e := json.NewEncoder(&out)
		_ = e.Encode(v) // it was decoded before
		return bounded.Text(strings.TrimSpace(out.String()))
	}
}
