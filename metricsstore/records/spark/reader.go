package spark

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/elements"
	"github.com/dagscope/dagscope/metricsstore/records/internal/lines"
	"github.com/dagscope/dagscope/metricsstore/records/internal/scan"
)

// maxLine is the length of the longest line that is read. Lines of jobs grow with their stages, those of SQL plans are
// longer and are not needed.
const maxLine = 32 << 20

// reader reads the files of one log.
type reader struct {
	app    *application
	done   []*application // earlier ones of the same log
	event  taskEvent      // reused
	fault  *records.Fault // the first line that is no event
	faults int
	cutOff string // where the last file that was read ends too early
}

// read reads one file. The error is one that leaves nothing to be read.
func (r *reader) read(ctx context.Context, file *records.File) error {
	content, err := file.Open()
	if err != nil {
		return fmt.Errorf("open %s: %w", file.Path, err)
	}
	defer content.Close()
	l := lines.New(content, maxLine)
	for l.Next() {
		if l.Number()&1023 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if len(bytes.TrimSpace(l.Bytes())) == 0 {
			continue
		}
		known, err := r.line(l)
		if err != nil {
			return fmt.Errorf("%s: line %d: %w", file.Path, l.Number(), err)
		}
		switch {
		case known:
		case !l.Ended():
			r.cutOff = fmt.Sprintf("%s ends in the middle of line %d", file.Base(), l.Number())
		default:
			r.damaged(file, l)
		}
	}
	switch err := l.Err(); {
	case err == nil:
		return ctx.Err()
	case errors.Is(err, records.ErrTooLarge) || ctx.Err() != nil:
		return fmt.Errorf("%s: %w", file.Path, err)
	default:
		r.cutOff = fmt.Sprintf("%s cannot be read after line %d: %v", file.Base(), l.Number(), err)
		return nil
	}
}

// damaged counts a line that is no event.
func (r *reader) damaged(file *records.File, l *lines.Reader) {
	r.faults++
	if r.fault != nil {
		return
	}
	text := "expected a JSON object with an Event of a Spark listener"
	if l.Cut() {
		text = fmt.Sprintf("the line is longer than %d bytes", maxLine)
	}
	r.fault = &records.Fault{Path: file.Path, Line: l.Number(), Byte: l.Offset(), Text: text}
}

// line reads one line and reports whether it is a whole event.
func (r *reader) line(l *lines.Reader) (bool, error) {
	line := l.Bytes()
	name := string(eventName(line))
	if name == "" || l.Cut() && used(name) {
		return false, nil
	}
	switch name {
	case "SparkListenerTaskStart", "SparkListenerTaskEnd":
		if !r.event.scan(line) {
			return false, nil
		}
		return true, r.task(name == "SparkListenerTaskEnd")
	case "SparkListenerStageSubmitted", "SparkListenerStageCompleted":
		return r.app.stageEvent(line, name == "SparkListenerStageSubmitted"), nil
	case "SparkListenerJobStart":
		return r.app.jobStart(line), nil
	}
	if !used(name) {
		if !l.Cut() && !endsAsObject(line) {
			return false, nil
		}
		if strings.HasSuffix(name, "SparkListenerSQLExecutionStart") {
			r.app.queryStart(line)
		}
		r.app.ignored++
		return true, nil
	}
	if !elements.Valid(line) {
		return false, nil
	}
	if name == "SparkListenerLogStart" && r.app.began && l.Number() > 1 {
		// Logs of several applications in one file. Rolled files may begin with this event.
		r.done = append(r.done, r.app)
		r.app = newApplication()
	}
	r.app.rare(name, gjson.ParseBytes(line))
	return true, nil
}

// task adds an event of a task.
func (r *reader) task(end bool) error {
	a := &r.app.attempts
	if len(a.keys) > records.MaxTasks {
		return fmt.Errorf("more than %d attempts: %w", records.MaxTasks, records.ErrTooLarge)
	}
	worker := r.app.worker(scan.Text(r.event.info.executor), scan.Text(r.event.info.host))
	if worker == records.None && len(r.event.info.executor) > len(`""`) {
		return fmt.Errorf("more than %d executors: %w", mostExecutors, records.ErrTooLarge)
	}
	if end {
		a.end(&r.event, worker)
	} else {
		a.start(&r.event, worker)
	}
	return nil
}

// eventName is the Event of a line, empty if it has none.
func eventName(line []byte) []byte {
	s := scan.New(line)
	if !s.Object() {
		return nil
	}
	for key, ok := s.Key(); ok; key, ok = s.Key() {
		if string(key) != "Event" {
			s.Skip()
			continue
		}
		return scan.Text(s.Skip())
	}
	return nil
}

// used reports whether an event says something that is kept.
func used(name string) bool {
	switch name {
	case "SparkListenerTaskStart", "SparkListenerTaskEnd", "SparkListenerLogStart", "SparkListenerApplicationStart", "SparkListenerApplicationEnd",
		"SparkListenerEnvironmentUpdate", "SparkListenerResourceProfileAdded",
		"SparkListenerExecutorAdded", "SparkListenerExecutorRemoved",
		"SparkListenerJobStart", "SparkListenerJobEnd", "SparkListenerStageSubmitted", "SparkListenerStageCompleted":
		return true
	}
	return false
}

// endsAsObject reports whether a line whose content is not needed can be whole.
func endsAsObject(line []byte) bool {
	line = bytes.TrimSpace(line)
	return len(line) > 0 && line[len(line)-1] == '}'
}
