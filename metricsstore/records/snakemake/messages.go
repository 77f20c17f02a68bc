package snakemake

import (
	"bytes"
	"cmp"
	"context"
	_ "embed" // of the plugin
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/bounded"
	"github.com/dagscope/dagscope/metricsstore/records/internal/lines"
)

//go:embed snakemake_logger_plugin_dagscope/__init__.py
var plugin string

// Snippet implements records.Snippet: a file that Snakemake 7 to 9 loads, which reports what happens in messages. It was
// tried with 7.21 and 9.25.
func (format) Snippet() string { return plugin }

// message is a message of the plugin; MESSAGES.md describes them.
type message struct {
	Run   string      `json:"run"`
	Seq   int64       `json:"seq"`
	Time  json.Number `json:"time"`
	Event string      `json:"event"`

	Version   string `json:"version"`
	Command   string `json:"command"`
	Host      string `json:"host"`
	Directory string `json:"directory"`
	Snakefile string `json:"snakefile"`
	Text      string `json:"text"`
	Done      int    `json:"done"`
	Total     int    `json:"total"`

	Job       string            `json:"jobid"`
	Rule      string            `json:"rule"`
	Message   string            `json:"message"`
	Group     string            `json:"group"`
	Local     bool              `json:"local"`
	Input     []string          `json:"input"`
	Output    []string          `json:"output"`
	Log       []string          `json:"log"`
	Benchmark string            `json:"benchmark"`
	Wildcards map[string]string `json:"wildcards"`
	Reason    string            `json:"reason"`
	Priority  json.RawMessage   `json:"priority"`
	Threads   int               `json:"threads"`
	Resources map[string]any    `json:"resources"`
	Facts     map[string]string `json:"facts"`
}

// messageHead matches the beginning of a message.
var messageHead = regexp.MustCompile(`^\{\s*"dagscope"\s*:\s*"snakemake"\s*,`)

// Message returns the key of the run that a message of the plugin is about, empty for a text that is none, and how many
// attempts begin with it.
func Message(text []byte) (key string, attempts int) {
	var m struct {
		Run   string `json:"run"`
		Event string `json:"event"`
	}
	if !messageHead.Match(text) || json.Unmarshal(text, &m) != nil {
		return "", 0
	}
	if m.Event == "job" {
		attempts = 1
	}
	return m.Run, attempts
}

// KeyOf returns the key of the run that was made of messages, by its parameters.
func KeyOf(params map[string]string) string { return params["invocation"] }

// maxMessages bounds the messages of a file: some 5 are about a job.
const maxMessages = 16 * records.MaxTasks

// readMessages reads messages of any runs, a line each, in any order.
func (d *drop) readMessages(ctx context.Context, path string, in io.Reader) error {
	all := map[string][]message{}
	var order []string
	var odd lines.Odd
	text := lines.New(in, maxLine)
	torn := ""
	for text.Next() {
		if text.Number()%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if text.Number() > maxMessages {
			return fmt.Errorf("%w: %s: more than %d messages", records.ErrTooLarge, path, maxMessages)
		}
		line := bytes.TrimSpace(text.Bytes())
		if !text.Ended() {
			torn = fmt.Sprintf("the file ends in the middle of line %d, or after it", text.Number())
		}
		var m message
		switch {
		case len(line) == 0:
			continue
		case !messageHead.Match(line) || json.Unmarshal(line, &m) != nil || m.Run == "":
			if text.Ended() {
				odd.Add(text.Number())
			}
			continue
		}
		if all[m.Run] == nil {
			order = append(order, m.Run)
		}
		all[m.Run] = append(all[m.Run], m)
	}
	if err := text.Err(); err != nil {
		return err
	}
	found := false
	for _, run := range order {
		if s := d.hear(path, all[run], torn); len(s.jobs) > 0 {
			d.sheets, found = append(d.sheets, s), true
		}
	}
	d.notes.LeftOut(odd.Count, odd.Text("lines are no messages"))
	if !found {
		return &records.Fault{Path: path, Line: max(text.Number(), 1), Byte: -1, Text: "no message is about a job, expected some"}
	}
	return nil
}

// hear makes the sheet of a run. Messages that came twice count once.
func (d *drop) hear(path string, all []message, torn string) *sheet {
	slices.SortStableFunc(all, func(a, b message) int { return cmp.Compare(a.Seq, b.Seq) })
	r := &logReader{d: d, path: path, plugin: true}
	r.begin()
	r.s.format, r.s.key, r.s.incomplete = "Snakemake messages", all[0].Run, torn
	r.s.params["invocation"] = bounded.Text(all[0].Run)
	last := int64(-1)
	missing := int64(0)
	for i := range all {
		if all[i].Seq == last {
			continue
		}
		missing += all[i].Seq - last - 1
		last = all[i].Seq
		if at, ok := exactSeconds(all[i].Time.String()); ok {
			r.at = at
		}
		r.hear(&all[i])
	}
	r.s.notes.LeftOut(int(missing), "messages are missing between others")
	r.end()
	return r.s
}

// hear reads one message.
func (r *logReader) hear(m *message) {
	switch m.Event {
	case "started":
		r.s.started, r.s.host = r.at, bounded.Text(m.Host)
		r.s.format = strings.TrimSpace("Snakemake messages " + m.Version)
		r.s.params["command"], r.s.params["directory"] = bounded.Text(m.Command), bounded.Text(m.Directory)
		r.s.workflow = workflowOf(path.Join(m.Directory, "Snakefile"))
	case "workflow":
		r.s.workflow = workflowOf(m.Snakefile)
	case "text": // that people read
		r.sink = nil
		for line := range strings.Lines(m.Text) {
			if line = strings.TrimRight(line, "\r\n"); (!r.table || !r.plan(line)) && !r.state(line) {
				r.rest(line)
			}
		}
	case "progress":
		r.done.all = m.Done == m.Total
	case "job":
		r.announce(m)
	case "command":
		if j := r.s.byID[m.Job]; j != nil && j.command == "" {
			j.command = bounded.Text(m.Text)
		}
	case "finished":
		r.finish(m.Job, "")
	case "failed":
		if r.s.byID[m.Job] != nil && !r.open[m.Job] {
			return // Snakemake 9 lists all errors again at the end
		}
		b := newBlock(fails, m.Rule, 0)
		b.fields["jobid"], b.fields["message"], b.fields["log"] = m.Job, m.Message, strings.Join(m.Log, ", ")
		b.fields["output"] = strings.Join(m.Output, ", ")
		maps.Copy(b.fields, m.Facts)
		b.shell = strings.Split(m.Command, "\n")
		switch { // Snakemake says no more
		case m.Message != "":
		case m.Command != "":
			b.fields["exit"] = "the command exited with a non-zero exit code"
		default:
			b.fields["exit"] = "the job failed"
		}
		r.fail(b)
	case "ended":
		r.done.complete = true
	default:
		r.s.notes.LeftOut(1, "messages are of a kind that is not known")
	}
}

// announce begins an attempt. In contrast to a log, files are not separated by commas that may be part of them, and a
// message of the job's own hides nothing.
func (r *logReader) announce(m *message) {
	b := newBlock(starts, m.Rule, 0)
	if m.Group != "" {
		if r.group == nil || r.group.name != m.Group {
			r.group = &group{name: m.Group}
		}
		b.indent = 4
	}
	b.fields = map[string]string{
		"jobid": m.Job, "wildcards": pairs(m.Wildcards), "benchmark": m.Benchmark, "threads": fmt.Sprint(m.Threads), "reason": m.Reason,
		"input": strings.Join(m.Input, ", "), "output": strings.Join(m.Output, ", "), "log": strings.Join(m.Log, ", "),
		"priority": strings.Trim(string(m.Priority), `"`), "resources": pairs(m.Resources),
	}
	isNew := r.s.byID[m.Job] == nil
	r.start(b)
	r.sink = nil
	j := r.s.byID[m.Job]
	if j == nil || !isNew {
		return
	}
	j.inputs, j.outputs, j.command = m.Input, m.Output, bounded.Text(m.Command)
	if m.Message != "" {
		j.name = bounded.Text(m.Message)
	}
}

// pairs writes what names have, in the order of the names.
func pairs[V any](of map[string]V) string {
	out := make([]string, 0, len(of))
	for _, name := range slices.Sorted(maps.Keys(of)) {
		out = append(out, fmt.Sprintf("%s=%v", name, of[name]))
	}
	return strings.Join(out, ", ")
}
