package cwlprov

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// format reads provenance. It has no state.
type format struct{}

// New is the format of the provenance that cwltool writes.
func New() records.Format { return format{} }

// Name implements records.Format.
func (format) Name() string { return "cwlprov" }

// Title implements records.Format.
func (format) Title() string { return "CWL provenance (PROV-JSON)" }

// Sniff implements records.Format.
func (format) Sniff(_ string, head []byte) records.Part {
	head = bytes.TrimLeft(head, " \t\r\n")
	if isLog(head) {
		return records.Companion
	}
	if len(head) == 0 || head[0] != '{' || !bytes.Contains(head, []byte(`"prefix"`)) ||
		!bytes.Contains(head, []byte("wf4ever/wfprov#")) || !bytes.Contains(head, []byte("w3id.org/cwl/prov")) {
		return records.Foreign
	}
	return records.Main
}

// Read implements records.Format.
func (format) Read(ctx context.Context, files []records.File) ([]*records.Run, error) {
	var all []*document
	var logs []*jobLog
	for i := range files {
		if files[i].Part == records.Companion {
			l, err := readJobLog(&files[i])
			if err != nil {
				return nil, err
			}
			logs = append(logs, l)
		}
		if files[i].Part != records.Main {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		d, err := readDocument(&files[i])
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(all, func(other *document) bool { return other.root == d.root }) {
			all = append(all, d)
		}
	}
	nested := map[string]*document{} // by the activity that the file is about
	for _, d := range all {
		for _, other := range all {
			if _, ok := other.Activities[d.root]; ok && other != d {
				nested[d.root] = d
			}
		}
	}
	var runs []*records.Run
	for _, d := range all {
		if nested[d.root] == nil || len(nested) == len(all) { // in a circle, each is a run
			b := newBuilder(d, nested)
			if len(logs) == 1 && len(all)-len(nested) == 1 {
				b.log = logs[0]
			}
			runs = append(runs, b.build())
		}
	}
	return runs, nil
}

// builder makes a run of a document and those of its nested workflows.
type builder struct {
	run        *records.Run
	root       *document
	nested     map[string]*document
	docs       []*document
	prefix     []string // of the names of processes in each of docs
	place      map[string]int32
	inner      map[string][]int32 // tasks in a nested workflow, by its activity
	started    map[string]records.Moment
	ended      map[string]records.Moment
	generators map[string][]string // activities that generated an entity
	members    map[string][]string
	used       map[string][]string // entities by activity
	plans      map[string]string
	zoneless   int
	names      map[string]bool
	log        *jobLog // nil if there is none that is certainly of this run
}

func newBuilder(d *document, nested map[string]*document) *builder {
	b := &builder{
		run: records.NewRun("CWL", "CWLProv"), root: d, nested: nested, place: map[string]int32{}, inner: map[string][]int32{},
		started: map[string]records.Moment{}, ended: map[string]records.Moment{}, generators: map[string][]string{},
		members: map[string][]string{}, used: map[string][]string{}, plans: map[string]string{}, names: map[string]bool{},
	}
	b.include(d, "")
	return b
}

// include adds a document and, before the processes of it are made, all that is nested in it.
func (b *builder) include(d *document, prefix string) {
	if slices.Contains(b.docs, d) {
		return
	}
	b.docs, b.prefix = append(b.docs, d), append(b.prefix, prefix)
	for _, id := range slices.Sorted(maps.Keys(d.Activities)) {
		if inner := b.nested[id]; inner != nil && id != d.root {
			b.include(inner, prefix+labelOf(d.Activities[id])+"/")
		}
	}
}

// each calls do for relations in the order of their names, so that the same bytes give the same run.
func each(all relations, do func(relation)) {
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for _, r := range all[name] {
			do(r)
		}
	}
}

// index reads the relations of all documents.
func (b *builder) index() {
	stamp := func(to map[string]records.Moment, r relation) {
		m, zone := moment(r.Time)
		if m.Known() && !zone {
			b.zoneless++
		}
		if _, ok := to[string(r.Activity)]; !ok && m.Known() {
			to[string(r.Activity)] = m
		}
	}
	add := func(to map[string][]string, seen map[[2]word]bool, key, value word) {
		if !seen[[2]word{key, value}] {
			seen[[2]word{key, value}] = true
			to[string(key)] = append(to[string(key)], string(value))
		}
	}
	generated, used := map[[2]word]bool{}, map[[2]word]bool{}
	for _, d := range b.docs {
		each(d.Started, func(r relation) { stamp(b.started, r) })
		each(d.Ended, func(r relation) { stamp(b.ended, r) })
		each(d.Generated, func(r relation) { add(b.generators, generated, r.Entity, r.Activity) })
		each(d.Used, func(r relation) { add(b.used, used, r.Activity, r.Entity) })
		each(d.Members, func(r relation) {
			b.members[string(r.Collection)] = append(b.members[string(r.Collection)], string(r.Entity))
		})
		each(d.Associated, func(r relation) {
			if r.Plan != "" {
				b.plans[string(r.Activity)] = string(r.Plan)
			}
		})
	}
}

func (b *builder) build() *records.Run {
	b.index()
	b.describe()
	for i, d := range b.docs {
		for _, id := range slices.Sorted(maps.Keys(d.Activities)) {
			if id == d.root || b.nested[id] != nil || b.place[id] > 0 {
				continue
			}
			b.process(d, id, b.prefix[i])
		}
	}
	if len(b.run.Tasks) == 0 { // a tool that was run alone
		b.process(b.root, b.root.root, "")
	}
	b.edges()
	b.run.Notes.Inferred(b.zoneless, "moments have no zone and were read as UTC")
	return b.run
}

func (b *builder) describe() {
	r, root := b.run, b.root.root
	r.Key = strings.TrimPrefix(root, "id:")
	label := labelOf(b.root.Activities[root])
	r.Workflow = cmp.Or(label, "main")
	for _, id := range slices.Sorted(maps.Keys(b.root.Agents)) {
		for _, a := range b.root.Agents[id] {
			if a.is("wfprov:WorkflowEngine") && len(a.Label) > 0 {
				r.Format = "CWLProv of " + string(a.Label[0])
				r.Params = map[string]string{"engine": string(a.Label[0])}
			}
		}
	}
	r.Started, r.Ended = b.span(b.root, root)
	if !r.Ended.Known() {
		r.Incomplete = "the provenance does not say that the workflow has ended"
	}
}

// span is when an activity began and ended.
func (b *builder) span(d *document, id string) (start, end records.Moment) {
	start, end = records.Unknown, records.Unknown
	if m, ok := b.started[id]; ok {
		start = m
	}
	if m, ok := b.ended[id]; ok {
		end = m
	}
	for _, a := range d.Activities[id] {
		if !start.Known() {
			start, _ = moment(a.Start)
		}
		if !end.Known() {
			end, _ = moment(a.End)
		}
	}
	return start, end
}

// labelOf is the name in a label such as "Run of workflow/packed.cwl#main/fan_2".
func labelOf(all several[thing]) string {
	for _, a := range all {
		if len(a.Label) > 0 {
			label := string(a.Label[0])
			if _, after, ok := strings.Cut(label, "#"); ok {
				return after
			}
			return strings.TrimPrefix(label, "Run of ")
		}
	}
	return ""
}

// scattered is how cwltool ends the names of a step that is run several times.
var scattered = regexp.MustCompile(`_\d+$`)

// function is the step that a plan such as wf:main/fan_2 is of: the file describes wf:main/fan alone.
func (b *builder) function(d *document, plan string) string {
	if _, ok := d.Entities[plan]; !ok {
		if bare := scattered.ReplaceAllString(plan, ""); d.Entities[bare] != nil {
			plan = bare
		}
	}
	return plan[strings.LastIndexAny(plan, "/:")+1:]
}

func (b *builder) process(d *document, id, prefix string) {
	name := prefix + cmp.Or(labelOf(d.Activities[id]), strings.TrimPrefix(id, "id:"))
	if b.names[name] {
		name += " " + strings.TrimPrefix(id, "id:")
	}
	b.names[name] = true
	task := records.NewTask(name)
	task.Function = b.function(d, cmp.Or(b.plans[id], name))
	a := records.NewAttempt()
	a.Started, a.Ended = b.span(d, id)
	job := name[strings.LastIndexByte(name, '/')+1:]
	verdict := ""
	if b.log != nil && !b.log.repeated[job] {
		verdict, task.Command = b.log.verdicts[job], b.log.commands[job]
	}
	switch {
	case !a.Ended.Known():
	case verdict == "success":
		a.Outcome = record.OutcomeOK
	case verdict != "":
		a.Outcome = record.OutcomeFailed
		a.Error = &records.Failure{Message: "completed " + verdict}
	default:
		a.Outcome = record.OutcomeOK
		b.run.Notes.Inferred(1, "processes have ended, and are taken as succeeded because the provenance does not say more")
	}
	a.Log = "activity " + strings.TrimPrefix(id, "id:")
	task.Attempts = []records.Attempt{a}
	b.place[id] = int32(len(b.run.Tasks)) + 1
	b.inner[d.root] = append(b.inner[d.root], int32(len(b.run.Tasks)))
	b.run.Tasks = append(b.run.Tasks, task)
}
