package pegasus

import (
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/lines"
)

// event is one thing that happened to a node.
type event struct {
	at      records.Moment
	kind    string // as jobstate.log calls it
	attempt int    // of the node
	value   string // Condor ID, or exit code of a verdict
	site    string
}

// eventLog is what one start of DAGMan recorded.
type eventLog struct {
	file           string
	jobstate       bool
	id             string // of DAGMan in HTCondor
	input          string // the DAG file
	started, ended records.Moment
	status         string // exit code of DAGMan, empty if it has not finished
	order          []string
	events         map[string][]event
	reasons        map[string]string // why nodes were held or failed
	attempts       map[string]int    // of dagman.out
	closed         map[string]bool   // the last attempt in dagman.out has its verdict
	cut            string
	strange        lines.Odd
	zoneless       int
	adopted        string // the dagman.out of the same run
}

func newLog(f *records.File, isJobstate bool) *eventLog {
	return &eventLog{
		file: f.Path, jobstate: isJobstate, started: records.Unknown, ended: records.Unknown, events: map[string][]event{},
		reasons: map[string]string{}, attempts: map[string]int{}, closed: map[string]bool{},
	}
}

func (l *eventLog) add(node string, e event) {
	if _, ok := l.events[node]; !ok {
		l.order = append(l.order, node)
	}
	l.events[node] = append(l.events[node], e)
}

// logReader reads a file with the logs of one or several starts of DAGMan.
type logReader struct {
	file  *records.File
	logs  []*eventLog
	count int
	block string // node of the report of an error that is being read
	last  string // node of the last event
}

// current is the log of the start that is being read.
func (r *logReader) current() *eventLog { return r.logs[len(r.logs)-1] }

func readLog(f *records.File) ([]*eventLog, error) {
	in, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return (&logReader{file: f}).read(in)
}

func (r *logReader) read(in io.Reader) ([]*eventLog, error) {
	all := lines.New(in, maxLine)
	cut := ""
	for all.Next() {
		line := string(all.Bytes())
		if !all.Ended() {
			cut = fmt.Sprintf("the file ends in the middle of line %d", all.Number())
		}
		if len(r.logs) == 0 {
			switch {
			case dagmanLine.MatchString(line):
				r.logs = append(r.logs, newLog(r.file, false))
			case strings.TrimSpace(line) == "":
				continue
			default:
				r.logs = append(r.logs, newLog(r.file, true))
			}
		}
		before := r.current().strange
		if r.current().jobstate {
			r.jobstateLine(line, all.Number())
		} else {
			r.dagmanLine(line)
		}
		if cut != "" {
			r.current().strange = before // that line is said to be cut
		}
		if r.count > records.MaxTasks*8 {
			return nil, fmt.Errorf("%s: %w: more than %d events", r.file.Path, records.ErrTooLarge, records.MaxTasks*8)
		}
	}
	if all.Err() != nil {
		return nil, all.Err()
	}
	if r.count == 0 {
		return nil, &records.Fault{Path: r.file.Path, Line: all.Number(), Byte: -1, Text: "no events of nodes, expected lines of jobstate.log or dagman.out"}
	}
	r.current().cut = cut
	return r.logs, nil
}

// jobstateLine reads the line with a number: seconds, node, event, Condor ID or exit code, site, wall time, number of the submission.
func (r *logReader) jobstateLine(line string, number int) {
	words := strings.Fields(line)
	if len(words) == 0 {
		return
	}
	seconds, err := strconv.ParseInt(words[0], 10, 64)
	if err != nil || seconds < 0 || seconds > 9e9 || len(words) < 4 {
		r.current().strange.Add(number)
		return
	}
	at := records.Moment(seconds * int64(time.Second))
	if words[1] == "INTERNAL" {
		r.internal(words[2:], at)
		return
	}
	if len(words) < 7 {
		r.current().strange.Add(number)
		return
	}
	submission, err := strconv.Atoi(words[len(words)-1])
	if err != nil {
		r.current().strange.Add(number)
		return
	}
	r.count++
	r.current().add(words[1], event{at, words[2], submission, words[3], words[4]})
}

// internal reads what jobstate.log says of DAGMan: *** DAGMAN_STARTED 96.0 ***.
func (r *logReader) internal(words []string, at records.Moment) {
	l := r.current()
	value := ""
	if len(words) > 2 {
		value = words[2]
	}
	switch words[1] {
	case "DAGMAN_STARTED":
		if l.status != "" { // the start after it
			l = newLog(r.file, true)
			r.logs = append(r.logs, l)
		}
		l.started, l.id = at, value
	case "DAGMAN_FINISHED":
		l.ended, l.status = at, value
	}
}

// The lines of dagman.out that say something about nodes.
var (
	startingUp  = regexp.MustCompile(`condor_scheduniv_exec\.(\d+\.\d+) \(\S*DAGMAN\) STARTING UP`)
	exiting     = regexp.MustCompile(`condor_scheduniv_exec\.(\d+\.\d+) .*EXITING WITH STATUS (\d+)`)
	inputFile   = regexp.MustCompile(`^DAG Input file is (.+)$`)
	ulogEvent   = regexp.MustCompile(`^Event: ULOG_(\w+) for (?:HT)?Condor (?:Node|Job) (\S+)(?: \(([\d.-]+)\))?(?: \{(\d\d/\d\d/\d\d \d\d:\d\d:\d\d)\})?`)
	running     = regexp.MustCompile(`^Running (PRE|POST) script of (?:Node|Job) (\S+?)\.\.\.`)
	scriptDone  = regexp.MustCompile(`^(PRE|POST) Script of [Nn]ode (\S+) (completed successfully|failed with (?:status|signal) (-?\d+))`)
	procDone    = regexp.MustCompile(`^Node (\S+) job proc \([\d.]+\) (completed successfully|failed with (status|signal) (\d+))`)
	holdReason  = regexp.MustCompile(`^Hold reason: (.+)$`)
	nodeOfError = regexp.MustCompile(`^Node Name: (\S+)$`)
	textOfError = regexp.MustCompile(`^Error: (.+)$`)
)

// stampLayout is how dagman.out writes moments.
const stampLayout = "01/02/06 15:04:05"

func (r *logReader) stamp(text string) (records.Moment, bool) {
	t, err := time.Parse(stampLayout, text)
	if err == nil {
		r.current().zoneless++
	}
	return records.At(t), err == nil
}

// dagmanLine reads a line of dagman.out.
func (r *logReader) dagmanLine(line string) {
	if len(line) < len(stampLayout) {
		return
	}
	t, err := time.Parse(stampLayout, line[:len(stampLayout)])
	if err != nil {
		return // what a line continues
	}
	at, text := records.At(t), strings.TrimSpace(line[len(stampLayout):])
	l := r.current()
	if m := startingUp.FindStringSubmatch(text); m != nil {
		if l.started.Known() {
			l = newLog(r.file, false)
			r.logs = append(r.logs, l)
		}
		l.started, l.id = at, m[1]
	} else if m := exiting.FindStringSubmatch(text); m != nil {
		l.ended, l.status = at, m[2]
	} else if m := inputFile.FindStringSubmatch(text); m != nil {
		l.input = m[1]
	} else if m := ulogEvent.FindStringSubmatch(text); m != nil {
		if m[4] != "" {
			at, _ = r.stamp(m[4])
		}
		r.happened(m[2], m[1], m[3], at)
	} else if m := running.FindStringSubmatch(text); m != nil {
		r.happened(m[2], m[1]+"_SCRIPT_STARTED", "", at)
	} else if m := scriptDone.FindStringSubmatch(text); m != nil {
		r.happened(m[2], m[1]+"_SCRIPT_"+verdict(m[4]), m[4], at)
	} else if m := procDone.FindStringSubmatch(text); m != nil {
		r.happened(m[1], "JOB_"+verdict(m[4]), m[4], at)
	} else {
		r.reason(text)
	}
}

func verdict(code string) string {
	if code == "" {
		return "SUCCESS"
	}
	return "FAILURE"
}

// happened adds an event. dagman.out does not number attempts: one begins with its PRE script, or its submission if that
// follows the verdict over another one.
func (r *logReader) happened(node, kind, value string, at records.Moment) {
	l := r.current()
	switch {
	case kind == "PRE_SCRIPT_STARTED", kind == "SUBMIT" && (l.closed[node] || l.attempts[node] == 0):
		l.attempts[node]++
		l.closed[node] = false
	case kind == "POST_SCRIPT_SUCCESS", kind == "POST_SCRIPT_FAILURE", kind == "JOB_SUCCESS", kind == "JOB_FAILURE", kind == "PRE_SCRIPT_FAILURE", kind == "JOB_ABORTED":
		l.closed[node] = true
	}
	r.count++
	r.last = node
	l.add(node, event{at: at, kind: kind, attempt: l.attempts[node], value: value})
}

// reason reads why a node was held or failed.
func (r *logReader) reason(text string) {
	l := r.current()
	if m := nodeOfError.FindStringSubmatch(text); m != nil {
		r.block = m[1]
	} else if m := textOfError.FindStringSubmatch(text); m != nil && r.block != "" {
		l.explain(r.block, m[1])
		r.block = ""
	} else if m := holdReason.FindStringSubmatch(text); m != nil && r.last != "" {
		l.explain(r.last, "held: "+m[1])
	}
}

func (l *eventLog) explain(node, text string) {
	if before := l.reasons[node]; before != "" && !strings.Contains(before, text) {
		text = before + "\n" + text
	}
	l.reasons[node] = short(text)
}
