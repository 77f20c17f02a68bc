package remake

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/bounded"
	"github.com/dagscope/dagscope/metricsstore/records/internal/lines"
	"github.com/dagscope/dagscope/metricsstore/records/internal/unique"
)

// New returns the format of remake's profiles.
func New() records.Format { return format{} }

type format struct{}

func (format) Name() string  { return "remake" }
func (format) Title() string { return "remake profile" }

func (format) Sniff(_ string, head []byte) records.Part {
	if bytes.HasPrefix(head, []byte("version: 1\ncreator: remake ")) {
		return records.Main
	}
	return records.Foreign
}

func (format) Read(ctx context.Context, files []records.File) ([]*records.Run, error) {
	return records.ReadEach(ctx, files, func(f *records.File) (*records.Run, error) { return read(ctx, f) })
}

// target is one target of a profile.
type target struct {
	name   string
	place  string
	recipe time.Duration // -1 if the profile ends before it
	needs  []string
}

// profile is the content of a file.
type profile struct {
	header  map[string]string
	file    string
	targets []target
	call    bool // the next line of times is that of a call
	calls   int
}

// maxLine bounds a line in bytes.
const maxLine = 1 << 20

// read reads one profile.
func read(ctx context.Context, f *records.File) (*records.Run, error) {
	in, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	p := &profile{header: map[string]string{}}
	cut := false
	l := lines.New(in, maxLine)
	for l.Next() {
		if l.Number()%4096 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if cut = !l.Ended(); cut {
			break
		}
		if !p.add(string(l.Bytes())) {
			return nil, &records.Fault{Path: f.Path, Line: l.Number(), Byte: -1, Text: "expected a line, a wall time and a recipe time in microseconds"}
		}
		if len(p.targets) > records.MaxTasks || p.calls > records.MaxEdges {
			return nil, fmt.Errorf("%s: line %d: %w: expected at most %d targets with %d calls", f.Path, l.Number(), records.ErrTooLarge, records.MaxTasks, records.MaxEdges)
		}
	}
	if err := l.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", f.Path, err)
	}
	if len(p.targets) == 0 {
		return nil, &records.Fault{Path: f.Path, Line: l.Number(), Byte: -1, Text: "the profile has no targets, expected lines with fn= and their times"}
	}
	r := p.run()
	r.Path = f.Path
	if cut || p.targets[len(p.targets)-1].recipe < 0 {
		r.Incomplete = fmt.Sprintf("the file ends in line %d, before the times of a target", l.Number())
	}
	return r, nil
}

// add adds a line and reports whether it is what it should be.
func (p *profile) add(s string) bool {
	n := len(p.targets) - 1
	if key, value, ok := strings.Cut(s, ": "); ok && n < 0 {
		p.header[key] = value
		return true
	}
	switch key, value, _ := strings.Cut(s, "="); {
	case key == "fl":
		p.file = value
	case key == "fn":
		p.targets = append(p.targets, target{name: value, recipe: -1})
	case key == "cfn" && n >= 0:
		p.targets[n].needs = append(p.targets[n].needs, value)
		p.calls++
	case key == "calls":
		p.call = true
	case s != "" && s[0] >= '0' && s[0] <= '9' && n >= 0:
		return p.times(&p.targets[n], s)
	}
	return true
}

// times takes a line of times, of a target or of one of its calls, which repeat those of what is called.
func (p *profile) times(t *target, s string) bool {
	if p.call {
		p.call = false
		return true
	}
	columns := strings.Fields(s)
	if len(columns) != 3 {
		return false
	}
	us, err := strconv.ParseInt(columns[2], 10, 64)
	if err != nil || us < 0 || us > 1e15 {
		return false
	}
	t.recipe = time.Duration(us) * time.Microsecond
	t.place = p.file + ":" + columns[0]
	return true
}

// slots finds the flag of the command that says how many recipes run at a time.
var slots = regexp.MustCompile(` (?:-j|--jobs=?) ?(\d*)`)

// run makes a run of a profile.
func (p *profile) run() *records.Run {
	r := records.NewRun("remake", "remake profile "+strings.TrimPrefix(p.header["creator"], "remake "))
	r.Workflow = "make " + cmp.Or(strings.Trim(path.Base(path.Dir(p.file)), "./"), "targets")
	r.Undated = true
	if command := p.header["cmd"]; command != "" {
		r.Params = map[string]string{"command": bounded.Text(command)}
	}
	if us, err := strconv.ParseInt(p.header["summary"], 10, 64); err == nil && us > 0 && us < 1e15 {
		r.Makespan = time.Duration(us) * time.Microsecond
	}
	p.addTargets(r, p.machine(r))
	return r
}

// machine adds the worker of all recipes.
func (p *profile) machine(r *records.Run) int32 {
	worker := r.AddWorker("make")
	r.Workers[worker].Cores = 1
	if m := slots.FindStringSubmatch(p.header["cmd"]); m != nil {
		r.Workers[worker].Cores, _ = strconv.Atoi(m[1]) // 0 for no bound
		r.Workers[worker].Cores = min(r.Workers[worker].Cores, records.MaxWorkers)
	}
	return worker
}

// addTargets adds the targets.
func (p *profile) addTargets(r *records.Run, worker int32) {
	number := map[string]int32{}
	for i := range p.targets {
		number[p.targets[i].name] = int32(i)
	}
	names := unique.Names{}
	strange := 0
	for i := range p.targets {
		t := &p.targets[i]
		out := records.NewTask(names.ID(t.name))
		for _, need := range t.needs {
			if n, known := number[need]; known && n != int32(i) {
				out.Parents = append(out.Parents, n)
			} else {
				strange++
			}
		}
		slices.Sort(out.Parents)
		out.Parents = slices.Compact(out.Parents)
		if t.recipe >= 0 {
			a := records.NewAttempt()
			a.Runtime, a.Outcome, a.Worker, a.Log = t.recipe, record.OutcomeOK, worker, bounded.Text(t.place)
			out.Attempts = []records.Attempt{a}
		}
		r.Tasks = append(r.Tasks, out)
	}
	r.Notes.Remark(record.NoteLeftOut, "wall times of targets include what they waited for, so they do not say when recipes ran")
	r.Notes.Remark(record.NoteLeftOut, "prerequisites that were already being made for another target may be missing")
	r.Notes.Remark(record.NoteLeftOut, "whether recipes failed is not in the profile")
	r.Notes.LeftOut(strange, "calls name targets that are not in the profile")
}
