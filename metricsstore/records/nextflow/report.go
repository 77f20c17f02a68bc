package nextflow

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"path"
	"regexp"
	"strings"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/bounded"
	"github.com/dagscope/dagscope/metricsstore/records/internal/document"
)

// maxReport bounds a report, in bytes: by default one with more than 10,000 tasks leaves them all out.
const maxReport = 1 << 30

// reportTitle is at the beginning of a report.
var reportTitle = regexp.MustCompile(`<title>\[([^\]<]*)\] Nextflow Workflow Report</title>`)

// reportFacts are what a report says about the run as a whole, in the text for people.
var reportFacts = map[string]*regexp.Regexp{
	"session":    regexp.MustCompile(`Workflow session</dt>\s*<dd[^>]*>\s*<code>([^<]*)<`),
	"command":    regexp.MustCompile(`class="nfcommand">\s*<code>([^<]*)<`),
	"version":    regexp.MustCompile(`Nextflow version</dt>\s*<dd[^>]*>\s*version ([^,<]*)`),
	"repository": regexp.MustCompile(`Workflow repository</dt>\s*<dd[^>]*>\s*<code>([^<]*)<`),
	"revision":   regexp.MustCompile(`revision <code>([^<]*)<`),
	"script":     regexp.MustCompile(`Script name</dt>\s*<dd[^>]*>\s*<samp>([^<]*)<`),
	"started":    regexp.MustCompile(`id="workflow_start">([^<]*)<`),
	"completed":  regexp.MustCompile(`id="workflow_complete">([^<]*)<`),
}

var errorReport = regexp.MustCompile(`(?s)The full error message was:</p>\s*<pre>(.*?)</pre>`)

// readReport reads the page of -with-report, which contains the raw trace of all tasks as a value of JavaScript.
func readReport(ctx context.Context, f *records.File) ([]*listing, error) {
	in, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, maxReport+1))
	if err != nil {
		return nil, err
	}
	fault := func(at int, text string) error { return &records.Fault{Path: f.Path, Byte: int64(at), Text: text} }
	if len(text) > maxReport {
		return nil, fault(maxReport, fmt.Sprintf("the report is larger than %d bytes", maxReport))
	}
	begin := bytes.LastIndex(text, []byte("window.data = {"))
	if begin < 0 {
		return nil, fault(len(text), "expected \"window.data = {\" with the trace of the tasks")
	}
	l := newListing(f.Path, "Nextflow report")
	l.describe(text[:begin])
	script := plainJSON(text[begin+len("window.data = "):])
	d := json.NewDecoder(bytes.NewReader(script))
	d.UseNumber()
	err = document.Members(d, func(name string) error {
		if name == "trace" {
			return readTasks(ctx, d, l)
		}
		return skip(d)
	})
	switch {
	case ctx.Err() != nil || errors.Is(err, records.ErrTooLarge):
		return nil, err
	case len(l.rows) == 0:
		return nil, fault(begin, "expected tasks in the report, which leaves them all out if they are more than report.maxTasks")
	case err != nil:
		l.incomplete = fmt.Sprintf("the file cannot be read beyond byte %d: %v", begin+int(d.InputOffset()), err)
	case !bytes.Contains(text[begin:], []byte("</html>")):
		l.incomplete = "the file ends before the end of the page"
	}
	return []*listing{l}, nil
}

// describe reads the facts about the run. The name of a run is unique on the machine, its session is shared by those
// that resume it.
func (l *listing) describe(text []byte) {
	found := func(pattern *regexp.Regexp) string {
		if m := pattern.FindSubmatch(text); m != nil {
			return bounded.Text(strings.TrimSpace(html.UnescapeString(string(m[1]))))
		}
		return ""
	}
	for name, pattern := range reportFacts {
		if value := found(pattern); value != "" {
			l.params[name] = value
		}
	}
	if name := found(reportTitle); name != "" {
		l.params["run"] = name
		l.key = strings.TrimSpace(l.params["session"] + " " + name)
	}
	if version := l.params["version"]; version != "" {
		l.format += " " + version
		delete(l.params, "version")
	}
	for _, name := range []string{"repository", "script"} {
		if l.workflow == "" && l.params[name] != "" {
			l.workflow = strings.TrimSuffix(strings.TrimSuffix(path.Base(l.params[name]), ".git"), ".nf")
		}
	}
	switch {
	case bytes.Contains(text, []byte("Workflow execution completed unsuccessfully!")):
		l.status, l.failure = record.Failed, found(errorReport)
	case bytes.Contains(text, []byte("Workflow execution completed successfully")):
		l.status = record.Succeeded
	}
}

// plainJSON removes what strings of JavaScript escape and JSON does not allow to be escaped.
func plainJSON(script []byte) []byte {
	out := make([]byte, 0, len(script))
	for i := 0; i < len(script); i++ {
		if script[i] == '\\' && i+1 < len(script) {
			if script[i+1] != '\'' {
				out = append(out, '\\')
			}
			i++
		}
		out = append(out, script[i])
	}
	return out
}

// dropRepeated leaves out tables whose tasks are all in another listing of the same drop, which says more about them.
func dropRepeated(lists []*listing) []*listing {
	type attempt struct{ id, hash string }
	owner := map[attempt]*listing{}
	for _, l := range lists {
		if l.format == tableFormat {
			continue
		}
		for i := range l.rows {
			owner[attempt{l.rows[i].id, l.rows[i].hash}] = l
		}
	}
	kept := lists[:0]
	for _, l := range lists {
		var same *listing
		if l.format == tableFormat && l.rows[0].hash != "" {
			same = owner[attempt{l.rows[0].id, l.rows[0].hash}]
			for i := range l.rows {
				if owner[attempt{l.rows[i].id, l.rows[i].hash}] != same {
					same = nil
				}
			}
		}
		if same == nil {
			kept = append(kept, l)
			continue
		}
		same.notes.Remark(record.NoteLeftOut, "%s has a table of the same tasks, of which all is in this record too", l.path)
	}
	return kept
}
