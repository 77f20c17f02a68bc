package nextflow

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/lines"
)

// tableFormat is the format of runs that were read from tables.
const tableFormat = "Nextflow trace"

// System is the tool that runs are listed by.
const System = "Nextflow"

// listing is what a file says about one run.
type listing struct {
	path       string
	format     string
	key        string
	workflow   string
	params     map[string]string
	rows       []row
	notes      records.Notes
	odd        lines.Odd // rows that are not as the header says
	started    records.Moment
	ended      records.Moment
	status     record.Status
	failure    string
	incomplete string
}

func newListing(path, format string) *listing {
	return &listing{path: path, format: format, params: map[string]string{}, started: records.Unknown, ended: records.Unknown}
}

// keyOfRows identifies the run of a table by its first task that was executed: rows are only ever added at the end, and
// no two runs execute the same task at the same millisecond.
func (l *listing) keyOfRows() string {
	for i := range l.rows {
		r := &l.rows[i]
		if r.status != "CACHED" && r.hash != "" && r.when.submit.Known() {
			return r.hash + "@" + strconv.FormatInt(int64(r.when.submit), 10)
		}
	}
	return ""
}

// dull are the words of file names that say nothing about the pipeline.
var dull = regexp.MustCompile(`(?i)execution|traces?|pipeline|info|results?|report|nextflow|tasks?|weblog|tower|running|\d{4}-\d\d-\d\d([_T]\d\d-?\d\d-?\d\d)?|\.(txt|tsv|csv|json|jsonl|gz|zst|zstd|log)\b|\.\d+$`)

// name is what runs of the same pipeline are compared by: the recorded name, the workflow that all processes are in, or
// else what the name of the file or of its folder says.
func (l *listing) name() string {
	if l.workflow != "" {
		return l.workflow
	}
	if entry := l.entry(); entry != "" {
		return entry
	}
	for at := l.path; at != "." && at != "/" && at != ""; at = path.Dir(at) {
		if word := strings.Trim(dull.ReplaceAllString(path.Base(at), ""), "-_. "); len(word) > 1 {
			return word
		}
	}
	return "pipeline"
}

// entry is the first part of the names of all processes, if they are in a workflow and it is the same.
func (l *listing) entry() string {
	entry := ""
	for i := range l.rows {
		first, _, inside := strings.Cut(l.rows[i].process, ":")
		if !inside || i > 0 && first != entry {
			return ""
		}
		entry = first
	}
	return entry
}

// final are the states in which a task stays.
var outcomes = map[string]record.Outcome{
	"COMPLETED": record.OutcomeOK, "CACHED": record.OutcomeCached, "FAILED": record.OutcomeFailed,
	"ABORTED": record.OutcomeCancelled, "NEW": record.NoOutcome, "PENDING": record.NoOutcome, "SUBMITTED": record.NoOutcome,
	"RUNNING": record.NoOutcome,
}

// merge keeps one row of those that say the same of one attempt at different times: the last that is final, in the
// place of the first.
func (l *listing) merge() {
	type attempt struct{ id, hash string }
	seen := make(map[attempt]int, len(l.rows))
	kept := l.rows[:0]
	repeated := 0
	for _, r := range l.rows {
		key := attempt{r.id, r.hash}
		at, again := seen[key]
		if r.id == "" || !again {
			seen[key] = len(kept)
			kept = append(kept, r)
			continue
		}
		repeated++
		if outcomes[r.status] != record.NoOutcome || outcomes[kept[at].status] == record.NoOutcome {
			kept[at] = r
		}
	}
	l.rows = kept
	l.notes.Repaired(repeated, "rows repeat a task with the same hash: the last one was read")
}

// ids gives each row an ID that is unique in the run.
func (l *listing) ids() []string {
	ids := make([]string, len(l.rows))
	taken := make(map[string]bool, len(l.rows))
	doubled, unnumbered := 0, 0
	for i := range l.rows {
		id := l.rows[i].id
		if id == "" {
			id = "row " + strconv.Itoa(i+1)
			unnumbered++
		}
		if taken[id] {
			doubled++
			for n := 2; taken[id]; n++ {
				id = fmt.Sprintf("%s.%d", l.rows[i].id, n+i)
			}
		}
		taken[id] = true
		ids[i] = id
	}
	l.notes.Repaired(doubled, "tasks have a task_id that another one has too, with another hash")
	l.notes.Inferred(unnumbered, "tasks have no task_id: they are named by their rows")
	return ids
}

// missing counts the numbers below the greatest task_id that no row has.
func (l *listing) missing() int {
	numbers := make([]int, 0, len(l.rows))
	for i := range l.rows {
		n, err := strconv.Atoi(l.rows[i].id)
		if err != nil || n < 1 || n > 1<<31 {
			return 0
		}
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	numbers = slices.Compact(numbers)
	return numbers[len(numbers)-1] - len(numbers)
}
