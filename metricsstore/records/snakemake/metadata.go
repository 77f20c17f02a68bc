package snakemake

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/bounded"
	"github.com/dagscope/dagscope/metricsstore/records/internal/document"
)

// longGap is a time without any job that suggests that what follows is another invocation.
const longGap = 10 * time.Minute

// maxRecord bounds a file of one record, in bytes.
const maxRecord = 256 << 20

// readRecord reads the file of one output.
func (d *drop) readRecord(path string, in io.Reader) error {
	text, err := io.ReadAll(io.LimitReader(in, maxRecord+1))
	if err != nil {
		return err
	}
	if len(text) > maxRecord {
		return &records.Fault{Path: path, Byte: maxRecord, Text: fmt.Sprintf("the record of an output is larger than %d bytes", maxRecord)}
	}
	var m metadata
	if err := json.Unmarshal(text, &m); err != nil {
		return &records.Fault{Path: path, Byte: -1, Text: "expected the record of an output, a JSON object with rule, input, starttime and endtime: " + err.Error()}
	}
	d.addOutput(path, nameOfRecord(path), m)
	return nil
}

// readRecords reads an object with the records of many outputs.
func (d *drop) readRecords(path string, in io.Reader) error {
	decoder := json.NewDecoder(in)
	before := len(d.outputs)
	err := document.Members(decoder, func(name string) error {
		var m metadata
		if err := decoder.Decode(&m); err != nil {
			return err
		}
		d.addOutput(path, name, m)
		return nil
	})
	if err == nil {
		return nil
	}
	if len(d.outputs) == before {
		return &records.Fault{Path: path, Byte: decoder.InputOffset(), Text: "expected records of outputs by file names: " + err.Error()}
	}
	d.incomplete = fmt.Sprintf("%s cannot be read beyond byte %d: %v", path, decoder.InputOffset(), err)
	return nil
}

// nameOfRecord is the encoded path of an output. Long ones are cut into folders that begin with "@".
func nameOfRecord(path string) string {
	parts := strings.Split(path, "/")
	name := parts[len(parts)-1]
	for i := len(parts) - 2; i >= 0 && strings.HasPrefix(parts[i], "@"); i-- {
		name = parts[i][1:] + name
	}
	return name
}

func (d *drop) addOutput(file, name string, m metadata) {
	o := output{path: name, metadata: m}
	decoded, err := base64.URLEncoding.DecodeString(name)
	if err != nil {
		decoded, err = base64.StdEncoding.DecodeString(name)
	}
	if err == nil {
		o.path = string(decoded)
	} else {
		d.notes.LeftOut(1, "outputs have a file name that is not the encoded path")
	}
	o.path = bounded.Text(o.path)
	var startOK, endOK bool
	o.start, startOK = secondsOf(m.Start)
	o.end, endOK = secondsOf(m.End)
	if !startOK || !endOK {
		d.notes.LeftOut(1, "outputs have no start or no end")
	}
	if d.folder == "" {
		d.folder = file
	}
	d.outputs = append(d.outputs, o)
}

func secondsOf(raw json.RawMessage) (records.Moment, bool) {
	if len(raw) == 0 || string(raw) == "null" {
		return records.Unknown, false
	}
	return exactSeconds(string(raw))
}

// metadata makes the sheet of all outputs.
func (d *drop) metadata() *sheet {
	s := newSheet("Snakemake metadata", d.folder)
	s.incomplete = d.incomplete
	slices.SortStableFunc(d.outputs, func(a, b output) int { return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.path, b.path)) })
	last := map[string]*job{}
	shared, open := 0, 0
	for i := range d.outputs {
		o := &d.outputs[i]
		key := o.Rule + "\x00" + string(o.Hash)
		if j := last[key]; j != nil && len(o.Hash) > 0 && string(o.Hash) != "null" && o.sameJob(j) {
			j.outputs = append(j.outputs, o.path)
			j.name = strings.Join(j.outputs, ", ")
			j.attempts[0].Started = min(j.attempts[0].Started, o.start)
			j.attempts[0].Ended = max(j.attempts[0].Ended, o.end)
			shared++
			continue
		}
		if s.byID[o.path] != nil {
			s.notes.LeftOut(1, "outputs have a second record")
			continue
		}
		j := s.job(o.path)
		o.fill(j)
		if o.Incomplete {
			open++
		}
		last[key] = j
	}
	s.notes.Recorded(shared, "outputs were made by the job of another one")
	s.notes.Recorded(open, "jobs had not ended when the metadata were written, or were interrupted")
	s.notes.Remark(record.NoteLeftOut, "metadata have only the last success of each output: neither failed jobs nor earlier attempts")
	s.notes.Remark(record.NoteInferred, "moments are those of marker files and outputs, so jobs of run: rules, which write them late, seem to start late")
	s.noteGaps()
	if len(s.jobs) > 0 && s.jobs[0].attempts[0].Started.Known() {
		s.key = fmt.Sprintf("%s@%d", s.jobs[0].id, int64(s.jobs[0].attempts[0].Started))
	}
	return s
}

// sameJob reports whether the output was made by a job that made others: they are written while it runs. Hashes alone
// do not show it, as they recur in later invocations.
func (o *output) sameJob(j *job) bool {
	a := &j.attempts[0]
	return o.start.Known() && a.Started.Known() && o.start <= a.Ended && o.end >= a.Started && slices.Equal(o.Input, j.inputs)
}

func (o *output) fill(j *job) {
	j.rule, j.name, j.inputs, j.outputs = o.Rule, o.path, o.Input, []string{o.path}
	if o.Shell != nil {
		j.command = *o.Shell
	}
	if len(o.Log) > 0 {
		j.log = append(j.log, "log "+strings.Join(o.Log, ", "))
	}
	if o.Conda != nil {
		j.log = append(j.log, "conda env "+*o.Conda)
	}
	if o.Image != nil {
		j.log = append(j.log, "container "+*o.Image)
	}
	a := records.NewAttempt()
	a.Started, a.Ended, a.Outcome = o.start, o.end, record.OutcomeOK
	if o.Incomplete {
		a.Outcome, a.Ended = record.NoOutcome, records.Unknown
	}
	j.attempts = append(j.attempts, a)
}

// noteGaps counts the long times in which no job ran: jobs are in the order of their starts.
func (s *sheet) noteGaps() {
	gaps := 0
	until := records.Unknown
	for _, j := range s.jobs {
		a := &j.attempts[0]
		if until.Known() && a.Started.Known() && a.Started > until.Add(longGap) {
			gaps++
		}
		until = max(until, a.Ended, a.Started)
	}
	s.notes.Inferred(gaps, "times of more than ten minutes without a job: the outputs may be of several invocations")
}
