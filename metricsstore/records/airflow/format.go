package airflow

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/manifest"
)

type format struct{}

// New is the format.
func New() records.Format { return format{} }

// Name implements records.Format.
func (format) Name() string { return "airflow" }

// Title implements records.Format.
func (format) Title() string { return "Airflow task instances" }

// Sniff implements records.Format.
func (format) Sniff(_ string, head []byte) records.Part {
	start := bytes.TrimLeft(head, " \t\r\n")
	if len(start) == 0 || start[0] != '{' && start[0] != '[' {
		return records.Foreign
	}
	has := func(names ...string) bool {
		for _, n := range names {
			if !bytes.Contains(head, []byte(`"`+n+`"`)) {
				return false
			}
		}
		return true
	}
	switch {
	case has("task_instances", "dag_id", "task_id"):
		return records.Main
	case start[0] == '[' && has("dag_id", "task_id", "state", "start_date"):
		return records.Main
	case has("tasks", "downstream_task_ids"), has("edges", "nodes", "source_id", "target_id"), has("dag_id", "dag_run_id", "run_type"):
		return records.Companion
	}
	return records.Foreign
}

// Read implements records.Format.
func (format) Read(ctx context.Context, files []records.File) ([]*records.Run, error) {
	d := &drop{
		runs: map[string]*dagRun{}, rows: map[[2]string][]row{}, seen: map[[2]string]bool{}, pages: map[[2]string]map[int64]int64{},
		cursors: map[[2]string]bool{},
	}
	for i := range files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		switch err := d.readFile(&files[i]); {
		case err == nil:
		case files[i].Part == records.Companion && errors.Is(err, records.ErrFormat):
			d.unread = append(d.unread, err.Error())
		default:
			return nil, err
		}
	}
	if len(d.order) == 0 {
		return nil, records.Nothing(files, "no task instances, expected some")
	}
	var runs []*records.Run
	for _, key := range d.order {
		run, err := d.build(key)
		if err != nil {
			return nil, err
		}
		runs = append(runs, run)
	}
	return runs, nil
}

// drop is what all files say together.
type drop struct {
	order      [][2]string // DAG and run, in the order in which they were found
	rows       map[[2]string][]row
	seen       map[[2]string]bool
	runs       map[string]*dagRun // by DAG and run ID or date
	structures []*structure
	pages      map[[2]string]map[int64]int64 // of a run: rows of lists with it, by the total that these state
	cursors    map[[2]string]bool            // of a run: a page with it names a next one and has no total
	unread     []string                      // what is wrong with files that are not needed
}

// document is any of the objects that are read.
type document struct {
	Instances *[]json.RawMessage `json:"task_instances"`
	Total     int64              `json:"total_entries"`
	Cursor    string             `json:"next_cursor"`
	DAGRuns   []dagRun           `json:"dag_runs"`
	Tasks     []taskInfo         `json:"tasks"`
	Edges     []edge             `json:"edges"`
	TaskID    string             `json:"task_id"`
	RunType   string             `json:"run_type"`
}

func (d *drop) readFile(f *records.File) error {
	objects, err := manifest.Read(f)
	if err != nil {
		return err
	}
	for i := range objects {
		o := &objects[i]
		var doc document
		if err := o.Decode(&doc); err != nil {
			return err
		}
		switch {
		case doc.Instances != nil:
			err = d.addRows(o, &doc)
		case doc.TaskID != "":
			_, err = d.addRow(o, o.JSON)
		case doc.DAGRuns != nil:
			for k := range doc.DAGRuns {
				d.addRun(&doc.DAGRuns[k])
			}
		case doc.RunType != "":
			var run dagRun
			if err = o.Decode(&run); err == nil {
				d.addRun(&run)
			}
		case doc.Tasks != nil || doc.Edges != nil:
			d.structures = append(d.structures, newStructure(&doc))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *drop) addRows(o *manifest.Object, doc *document) error {
	found := map[[2]string]bool{}
	for _, raw := range *doc.Instances {
		key, err := d.addRow(o, raw)
		if err != nil {
			return err
		}
		found[key] = true
	}
	for key := range found {
		if d.pages[key] == nil {
			d.pages[key] = map[int64]int64{}
		}
		d.pages[key][doc.Total] += int64(len(*doc.Instances))
		d.cursors[key] = d.cursors[key] || doc.Cursor != ""
	}
	return nil
}

// missing is how many rows the lists with a run have on pages that were not given.
func (d *drop) missing(key [2]string) (n int64) {
	for total, found := range d.pages[key] {
		n += max(total-found, 0)
	}
	return n
}

func (d *drop) addRow(o *manifest.Object, raw json.RawMessage) (key [2]string, err error) {
	r := newRow()
	if err := json.Unmarshal(raw, &r); err != nil {
		return key, o.Fault("task instance: %v", err)
	}
	if r.Task == "" || r.DAG == "" {
		return key, o.Fault("a task instance has no task_id or no dag_id")
	}
	key = [2]string{r.DAG, r.run()}
	if !d.seen[key] {
		d.seen[key] = true
		d.order = append(d.order, key)
	}
	d.rows[key] = append(d.rows[key], r)
	return key, nil
}

// addRun keeps a DAG run by each of the names that rows may have for it.
func (d *drop) addRun(r *dagRun) {
	for _, id := range []string{r.Run, r.Date, r.Logical} {
		if id != "" {
			d.runs[r.DAG+"\x00"+id] = r
		}
	}
}

// build makes a run of the rows with a key.
func (d *drop) build(key [2]string) (*records.Run, error) {
	rows := d.rows[key]
	if len(rows) > records.MaxTasks {
		return nil, fmt.Errorf("%w: %d task instances", records.ErrTooLarge, len(rows))
	}
	b := newBuilder(key, d.runs[key[0]+"\x00"+key[1]])
	slices.SortStableFunc(rows, func(x, y row) int {
		return cmp.Or(cmp.Compare(x.Task, y.Task), cmp.Compare(x.MapIndex.number, y.MapIndex.number), cmp.Compare(x.Try, y.Try))
	})
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && rows[n].Task == rows[0].Task && rows[n].MapIndex == rows[0].MapIndex {
			n++
		}
		b.addTask(rows[:n])
		rows = rows[n:]
	}
	if err := b.addEdges(d.structures); err != nil {
		return nil, err
	}
	b.finish(d.missing(key), d.cursors[key])
	for _, text := range d.unread {
		b.run.Notes.Remark(record.NoteLeftOut, "a file that could not be read: %s", text)
	}
	return b.run, nil
}
