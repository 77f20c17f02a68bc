package table

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// field is what a column can mean.
type field int

const (
	fieldStart field = iota
	fieldEnd
	fieldDuration
	fieldSubmit
	fieldID
	fieldName
	fieldFunction
	fieldWorker
	fieldLane
	fieldAfter
	fieldStatus
	fieldExit
	fieldCPU
	fieldMemory
	fieldBytes
	fieldRead
	fieldWritten
	fieldCommand
	fieldError
	fieldAttempt
	fieldRun
	fieldWorkflow
	fields
)

// kind is what the cells of a column are.
type kind int

const (
	text kind = iota
	moment
	duration
	size
)

// spec says how a field is called in a mapping, and under which names of columns it is guessed, the best first.
// Synonyms that end in "*" are guessed only if the name has a unit.
type spec struct {
	name     string
	kind     kind
	synonyms string
}

var specs = [fields]spec{
	fieldStart: {"start", moment, "start started start_time started_at start_ts start_timestamp start_date time_start ts_start t_start " +
		"begin began begin_time began_at begin_ts begin_timestamp beginning execution_start actual_start launch_time launched_at starttime begintime"},
	fieldEnd: {"end", moment, "end ended end_time ended_at end_ts end_timestamp end_date time_end ts_end t_end finish finished finish_time " +
		"finished_at finish_ts complete completed completed_at completion_time complete_time stop stopped stop_time stopped_at execution_end " +
		"actual_end endtime finishtime stoptime done_at"},
	fieldDuration: {"duration", duration, "duration dur runtime run_time elapsed elapsed_time wall wall_time walltime wallclock wallclock_time " +
		"realtime real_time execution_time exec_time execution_duration run_duration time_taken took"},
	fieldSubmit: {"submit", moment, "submit submitted submit_time submitted_at submit_ts submission_time queued queued_at queued_time enqueued " +
		"enqueued_at ready ready_at ready_time scheduled scheduled_at scheduled_time created created_at creation_time submittime"},
	fieldID:   {"id", text, "id task_id taskid job_id jobid step_id span_id task_key key uid uuid"},
	fieldName: {"name", text, "name task task_name taskname job job_name jobname step step_name display_name title label"},
	fieldFunction: {"function", text, "function function_name func task_type operator operation op rule process stage kind type step_type " +
		"job_type category"},
	fieldWorker:  {"worker", text, "worker worker_name worker_id host hostname host_name machine server node_name executor executor_id instance pod runner node"},
	fieldLane:    {"lane", text, "lane slot slot_id lane_id thread thread_id thread_name tid"},
	fieldAfter:   {"after", text, "after deps dependencies depends_on depends dependency parents parent_ids predecessors upstream requires needs"},
	fieldStatus:  {"status", text, "status state result outcome final_state success"},
	fieldExit:    {"exit", text, "exit exit_code exitcode exit_status return_code returncode rc exitval"},
	fieldCPU:     {"cpu", duration, "cpu_time cputime total_cpu cpu_seconds cpu*"},
	fieldMemory:  {"memory", size, "memory* mem* max_rss* maxrss* peak_rss* rss* peak_memory* max_memory* memory_peak* memory_used*"},
	fieldBytes:   {"bytes", size, "bytes output_bytes bytes_out out_bytes output_size* size*"},
	fieldRead:    {"read", size, "read_bytes bytes_read read* bytes_in in_bytes input_bytes"},
	fieldWritten: {"written", size, "written_bytes bytes_written write_bytes written* write*"},
	fieldCommand: {"command", text, "command command_line commandline cmd script"},
	fieldError:   {"error", text, "error error_message err failure failure_reason exception"},
	fieldAttempt: {"attempt", text, "attempt attempt_number try try_number attempt_no retry retries retry_count"},
	fieldRun:     {"run", text, "run run_id dag_run_id workflow_run_id execution_id trace_id run_name"},
	fieldWorkflow: {
		"workflow", text, "workflow workflow_name pipeline pipeline_name dag dag_id flow flow_name",
	},
}

// Mapping says which columns mean what. The zero Mapping leaves everything to be guessed.
type Mapping struct {
	columns [fields]mapped
}

// mapped is the column that a field is read from. Given with an empty name: the field is not read.
type mapped struct {
	name  string
	unit  string // of numbers, or the order of dates; empty: guessed
	given bool
}

// Fields are the names that a mapping can have at its left, in the order in which help lists them.
func Fields() []string {
	names := make([]string, fields)
	for f := range fields {
		names[f] = specs[f].name
	}
	return names
}

// Parse reads a mapping such as "start=begin_ts:ms,end=end_ts:ms,name=job,after=deps": fields with the columns that
// they are in, and after a colon the unit if it is not to be guessed: ns, us, ms, s, min or h of times, B, KB, KiB, MB,
// MiB, GB or GiB of sizes, dmy or mdy of dates with slashes. A column whose name has a comma, an equals sign or a colon
// is put in double quotes. A field without a column is not read. The error says which fields exist.
func Parse(mapping string) (Mapping, error) {
	var m Mapping
	rest := strings.TrimSpace(mapping)
	for rest != "" {
		name, after, ok := strings.Cut(rest, "=")
		if !ok {
			return m, fmt.Errorf("%q has no =, expected FIELD=COLUMN with a field out of %s", rest, strings.Join(Fields(), ", "))
		}
		f := field(slices.Index(Fields(), strings.TrimSpace(name)))
		if f < 0 {
			return m, fmt.Errorf("%q is no field, expected one of %s", strings.TrimSpace(name), strings.Join(Fields(), ", "))
		}
		if m.columns[f].given {
			return m, fmt.Errorf("%s is given twice, expected one column for each field", specs[f].name)
		}
		column, remaining, err := parseColumn(specs[f], strings.TrimSpace(after))
		if err != nil {
			return m, fmt.Errorf("%s: %w", specs[f].name, err)
		}
		m.columns[f], rest = column, remaining
	}
	return m, nil
}

// parseColumn reads the column at the beginning of what follows an equals sign, and returns what follows its comma.
func parseColumn(s spec, after string) (mapped, string, error) {
	c := mapped{given: true}
	if strings.HasPrefix(after, `"`) {
		quoted, err := strconv.QuotedPrefix(after)
		if err == nil {
			c.name, err = strconv.Unquote(quoted)
		}
		if err != nil {
			return c, "", fmt.Errorf("%s is no text in double quotes", after)
		}
		end, rest, _ := strings.Cut(after[len(quoted):], ",")
		end = strings.TrimSpace(end)
		unit, isUnit := strings.CutPrefix(end, ":")
		if end != "" && (!isUnit || !s.accepts(unit)) {
			return c, "", fmt.Errorf("%q follows the column, expected a comma or %s", end, s.expectedUnits())
		}
		c.unit = unit
		return c, strings.TrimSpace(rest), nil
	}
	whole, rest, _ := strings.Cut(after, ",")
	c.name = strings.TrimSpace(whole)
	if i := strings.LastIndexByte(c.name, ':'); i >= 0 {
		if unit := strings.TrimSpace(c.name[i+1:]); s.accepts(unit) {
			c.name, c.unit = strings.TrimSpace(c.name[:i]), unit
		}
	}
	return c, strings.TrimSpace(rest), nil
}

func (s spec) accepts(unit string) bool {
	switch s.kind {
	case moment:
		return timeUnits[unit] != 0 || unit == "dmy" || unit == "mdy"
	case duration:
		return timeUnits[unit] != 0
	case size:
		return sizeUnits[strings.ToLower(unit)] != 0
	}
	return false
}

func (s spec) expectedUnits() string {
	switch s.kind {
	case moment:
		return "a unit, such as :ms, or :dmy or :mdy"
	case duration:
		return "a unit, such as :ms"
	case size:
		return "a unit, such as :MiB"
	}
	return "nothing, because it has no unit"
}

// String is the mapping as Parse reads it.
func (m Mapping) String() string {
	var parts []string
	for f, c := range m.columns {
		if !c.given {
			continue
		}
		name := c.name
		if strings.ContainsAny(name, `,=:"`) || name != strings.TrimSpace(name) {
			name = strconv.Quote(name)
		}
		if c.unit != "" {
			name += ":" + c.unit
		}
		parts = append(parts, specs[f].name+"="+name)
	}
	return strings.Join(parts, ",")
}
