package parallel

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/lines"
)

// format reads job logs. It has no state.
type format struct{}

// New is the format of job logs of GNU parallel.
func New() records.Format { return format{} }

// Name implements records.Format.
func (format) Name() string { return "parallel" }

// Title implements records.Format.
func (format) Title() string { return "GNU parallel job log" }

const (
	header  = "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand"
	columns = 9
	maxLine = 4 << 20
)

// Sniff implements records.Format.
func (format) Sniff(_ string, head []byte) records.Part {
	if first, _, _ := bytes.Cut(head, []byte("\n")); string(bytes.TrimRight(first, "\r")) == header {
		return records.Main
	}
	return records.Foreign
}

// Read implements records.Format.
func (format) Read(ctx context.Context, files []records.File) ([]*records.Run, error) {
	var runs []*records.Run
	for i := range files {
		if files[i].Part != records.Main {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		found, err := readFile(&files[i])
		if err != nil {
			return nil, err
		}
		for _, run := range found {
			run.Path = files[i].Path
		}
		runs = append(runs, found...)
	}
	return runs, nil
}

// job is a line of the log.
type job struct {
	number, host  string
	start         records.Moment
	runtime       time.Duration
	sent, got     int64
	value, signal int
	command       string
}

func (j *job) end() records.Moment { return j.start.Add(j.runtime) }

// log is what is read from a file.
type log struct {
	jobs    []job
	strange lines.Odd
	cut     string
}

func readFile(f *records.File) ([]*records.Run, error) {
	in, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	var l log
	if err := l.read(f, in); err != nil {
		return nil, err
	}
	if len(l.jobs) == 0 {
		return nil, &records.Fault{Path: f.Path, Line: 2, Byte: -1, Text: "no jobs after the header, expected a line for each"}
	}
	var runs []*records.Run
	for rest := l.jobs; len(rest) > 0; {
		n := firstRun(rest)
		runs = append(runs, newRun(f, rest[:n]))
		rest = rest[n:]
	}
	for i, r := range runs {
		r.Notes.LeftOut(l.strange.Count, l.strange.Text("lines are not as a job log has them"))
		if len(runs) > 1 {
			r.Notes.Remark(record.NoteInferred, "this is run %d of %d in the file, which begin where the number of a job occurs again", i+1, len(runs))
		}
	}
	runs[len(runs)-1].Incomplete = l.cut
	return runs, nil
}

// read reads the lines. One without a number at its beginning continues the command of the job before it.
func (l *log) read(f *records.File, in io.Reader) error {
	all := lines.New(in, maxLine)
	if !all.Next() || string(all.Bytes()) != header {
		if all.Err() != nil {
			return all.Err()
		}
		return &records.Fault{Path: f.Path, Line: 1, Byte: -1, Text: "no header, expected names of columns that begin with Seq, Host and Starttime"}
	}
	for all.Next() {
		line := string(all.Bytes())
		if !all.Ended() {
			l.cut = fmt.Sprintf("the file ends in the middle of line %d", all.Number())
		}
		j, ok := parse(line)
		switch {
		case ok:
			l.jobs = append(l.jobs, j)
		case !all.Ended():
		case len(l.jobs) > 0 && strings.Count(line, "\t") < columns-1:
			if last := &l.jobs[len(l.jobs)-1]; len(last.command) < records.MaxText {
				last.command = short(last.command + "\n" + line)
			}
		default:
			l.strange.Add(all.Number())
		}
		if len(l.jobs) > records.MaxTasks {
			return fmt.Errorf("%s: %w: more than %d jobs", f.Path, records.ErrTooLarge, records.MaxTasks)
		}
	}
	return all.Err()
}

func parse(line string) (job, bool) {
	cells := strings.SplitN(line, "\t", columns)
	if len(cells) < columns {
		return job{}, false
	}
	for i := range cells[:columns-1] {
		cells[i] = strings.TrimSpace(cells[i])
	}
	if _, err := strconv.ParseUint(cells[0], 10, 63); err != nil {
		return job{}, false
	}
	start, started := nanoseconds(cells[2])
	runtime, ran := nanoseconds(cells[3])
	j := job{
		number: cells[0], host: cells[1], start: records.Moment(start), runtime: time.Duration(runtime), sent: -1, got: -1,
		command: short(cells[8]),
	}
	if n, err := strconv.ParseInt(cells[4], 10, 64); err == nil && n >= 0 {
		j.sent = n
	}
	if n, err := strconv.ParseInt(cells[5], 10, 64); err == nil && n >= 0 {
		j.got = n
	}
	var wrong error
	if j.value, wrong = strconv.Atoi(cells[6]); wrong != nil {
		return job{}, false
	}
	j.signal, wrong = strconv.Atoi(cells[7])
	return j, wrong == nil && started && ran
}

// nanoseconds reads seconds with up to nine decimals.
func nanoseconds(text string) (int64, bool) {
	whole, fraction, _ := strings.Cut(text, ".")
	s, err := strconv.ParseUint(whole, 10, 33)
	if err != nil || len(fraction) > 9 {
		return 0, false
	}
	n, err := strconv.ParseUint((fraction + "000000000")[:9], 10, 30)
	if err != nil || s > 4e9 { // after the year 2096
		return 0, false
	}
	return int64(s)*1e9 + int64(n), true
}

func short(text string) string {
	if len(text) > records.MaxText {
		return strings.ToValidUTF8(text[:records.MaxText], "")
	}
	return text
}

// firstRun is the number of jobs of the first run. Lines are in the order of ends: the run ends at the last line before
// a number occurs again after which nothing that was begun before ran any more.
func firstRun(jobs []job) int {
	seen := make(map[string]bool, len(jobs))
	for again := range jobs {
		if !seen[jobs[again].number] {
			seen[jobs[again].number] = true
			continue
		}
		ends := make([]records.Moment, again) // the latest until each job
		for i := range ends {
			ends[i] = jobs[i].end()
			if i > 0 {
				ends[i] = max(ends[i], ends[i-1])
			}
		}
		begin := records.Moment(math.MaxInt64)
		for i := again; i > 0; i-- {
			if begin = min(begin, jobs[i].start); begin >= ends[i-1] {
				return i
			}
		}
		return again // the two overlap, as those of two runs at a time do
	}
	return len(jobs)
}

func newRun(f *records.File, jobs []job) *records.Run {
	r := records.NewRun("GNU parallel", "GNU parallel job log")
	r.Key = jobs[0].number + "@" + jobs[0].start.Time().Format(time.RFC3339Nano)
	base := path.Base(f.Path)
	r.Workflow = strings.TrimSuffix(base, path.Ext(base))
	workers := map[string]int32{}
	for i := range jobs {
		j := &jobs[i]
		task := records.NewTask(j.number)
		task.Command, task.Function = j.command, program(j.command)
		a := records.NewAttempt()
		a.Started, a.Ended, a.Outcome = j.start, j.end(), record.OutcomeOK
		if j.value != 0 || j.signal != 0 {
			a.Outcome = record.OutcomeFailed
			a.Error = &records.Failure{ExitCode: j.value, Message: fmt.Sprintf("exit value %d", j.value)}
			if j.signal != 0 {
				a.Error.Signal = strconv.Itoa(j.signal)
				a.Error.Message = "ended by signal " + a.Error.Signal
			}
		}
		host := j.host
		if host == ":" || host == "" {
			host = "local"
		}
		if _, ok := workers[host]; !ok && len(workers) < records.MaxWorkers-1 {
			workers[host] = r.AddWorker(host)
		}
		if w, ok := workers[host]; ok {
			a.Worker = w
		}
		if j.sent > 0 {
			task.Inputs = []records.Input{{From: records.None, Bytes: j.sent}}
		}
		task.OutputBytes, task.ResultBytes = j.got, j.got
		task.Attempts = []records.Attempt{a}
		r.Tasks = append(r.Tasks, task)
	}
	r.Notes.Remark(record.NoteLeftOut, "a job log has no attempts before the last one of a job, and no jobs that were stopped with the run")
	return r
}

// program is the first word of a command that is no assignment.
func program(command string) string {
	for word := range strings.FieldsSeq(command) {
		if name, _, ok := strings.Cut(word, "="); ok && !strings.ContainsAny(name, `/"'$`) {
			continue
		}
		return path.Base(strings.Trim(word, `"'(;`))
	}
	return ""
}
