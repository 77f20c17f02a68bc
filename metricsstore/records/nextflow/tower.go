package nextflow

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/document"
)

// renamed are the names of columns of a trace by those of tasks in JSON.
var renamed = map[string]string{
	"taskId": "task_id", "nativeId": "native_id", "pcpu": "%cpu", "pmem": "%mem", "readBytes": "read_bytes",
	"writeBytes": "write_bytes", "peakRss": "peak_rss", "peakVmem": "peak_vmem", "volCtxt": "vol_ctxt", "invCtxt": "inv_ctxt",
	"errorAction": "error_action", "cpuModel": "cpu_model",
}

// readTower reads {"tasks": [...], "workflowId": ...}, of which a workflow can have several files, each with some of its
// tasks. before are the listings read so far: tasks of the same workflow are added to them.
func readTower(ctx context.Context, f *records.File, before []*listing) ([]*listing, error) {
	in, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	l := newListing(f.Path, "Nextflow tasks of Seqera Platform")
	d := json.NewDecoder(in)
	d.UseNumber()
	err = document.Members(d, func(name string) error {
		switch name {
		case "tasks":
			return readTasks(ctx, d, l)
		case "workflowId":
			var id any
			err := d.Decode(&id)
			if id != nil {
				l.key = fmt.Sprint(id)
			}
			return err
		}
		return skip(d)
	})
	if err != nil {
		if ctx.Err() != nil || errors.Is(err, records.ErrTooLarge) {
			return nil, err
		}
		l.incomplete = fmt.Sprintf("the file cannot be read beyond byte %d: %v", d.InputOffset(), err)
	}
	if len(l.rows) == 0 {
		return nil, &records.Fault{Path: f.Path, Byte: d.InputOffset(), Text: "expected an object with a list \"tasks\" of tasks with a taskId"}
	}
	if slices.ContainsFunc(l.rows, func(r row) bool { return outcomes[r.status] == record.NoOutcome }) {
		l.status = record.Running
	}
	for _, other := range before {
		if l.key != "" && other.key == l.key && other.format == l.format {
			other.rows = append(other.rows, l.rows...)
			other.status = cmp.Or(other.status, l.status)
			for _, n := range l.notes {
				other.notes.Add(n.Kind, n.Count, n.Text)
			}
			other.incomplete = strings.Trim(other.incomplete+"; "+l.incomplete, "; ")
			return nil, nil
		}
	}
	return []*listing{l}, nil
}

func skip(d *json.Decoder) error {
	var raw json.RawMessage
	return d.Decode(&raw)
}

func readTasks(ctx context.Context, d *json.Decoder, l *listing) error {
	if t, err := d.Token(); err != nil {
		return err
	} else if t != json.Delim('[') {
		return fmt.Errorf("expected a list of tasks, got %v", t)
	}
	for d.More() {
		var object map[string]any
		if err := d.Decode(&object); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if inner, ok := object["task"].(map[string]any); ok {
			object = inner // as the API lists them
		}
		if len(l.rows) == records.MaxTasks {
			return fmt.Errorf("%w: more than %d tasks", records.ErrTooLarge, records.MaxTasks)
		}
		l.addObject(object)
	}
	_, err := d.Token()
	return err
}

// addObject reads a task or trace in JSON, which has the columns of a trace as raw values.
func (l *listing) addObject(object map[string]any) {
	values := make(map[string]string, len(object))
	names := make([]string, 0, len(object))
	for name, value := range object {
		if to, ok := renamed[name]; ok {
			name = to
		}
		text := cellOf(value)
		if text == "" {
			continue
		}
		names = append(names, name)
		values[name] = text
	}
	slices.Sort(names)
	if values["task_id"] == "" {
		l.notes.LeftOut(1, "tasks have no taskId")
		return
	}
	l.rows = append(l.rows, rowOf(func(column string) string { return values[column] }, names, &l.notes))
}

// cellOf writes a value as a cell, empty if it says nothing.
func cellOf(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		if v {
			return "true"
		}
		return ""
	case []any:
		parts := make([]string, 0, len(v))
		for _, each := range v {
			parts = append(parts, cellOf(each))
		}
		return strings.Join(parts, " ")
	}
	text, _ := json.Marshal(value)
	return string(text)
}
