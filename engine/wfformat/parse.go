package wfformat

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"strings"

	"github.com/dagscope/dagscope/engine/dag"
)

// Parse reads one recording to the end of r, compressed by gzip or not, with or without a byte order mark. Unknown members
// are skipped and a null counts as absent.
//
// It refuses, naming task and field: other schema versions; ids that are given twice; parents, children and executed
// tasks that the specification does not list; files that are not listed, if there is a list of files; cycles; negative
// or impossibly large numbers; JSON that is cut off, nested too deeply or followed by more text; more than the limits.
//
// It accepts what is known to occur in the public collection: tasks referred to by id, or by a name that only one task
// has; a machine named by a task but not described; machines described twice (the larger one counts); missing runtimes,
// core counts, sizes, dates, machines or the whole execution; sizes and cores written as fractions; dates in five
// styles. Edges may be written at the parent, at the child or at both: a list of children or parents that is absent or
// empty means nothing; a list that names any task must name all, otherwise the two sides contradict each other.
//
// Errors are ErrInvalid, ErrTooLarge, or the error that r returned.
func Parse(r io.Reader) (*Instance, error) {
	return parse(r, dag.Limits{}.WithDefaults(), MaxBytes)
}

func parse(r io.Reader, limits dag.Limits, most int) (*Instance, error) {
	unwrapped, err := Unwrap(r)
	if err != nil {
		return nil, err
	}
	source := &source{from: unwrapped, most: most, left: most, sum: sha256.New()}
	p := &parser{decoder: decoder{json.NewDecoder(source)}, limits: limits, inst: &Instance{}}
	p.json.UseNumber()
	p.links, p.fileRefs, p.makespan = 2*limits.Edges, MaxFiles, unset
	if err = p.file(); err == nil {
		err = p.resolve()
	}
	switch {
	case source.err != nil:
		return nil, source.err
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	copy(p.inst.Hash[:], source.sum.Sum(nil))
	return p.inst, nil
}

// source limits how much is read, and computes the hash of it.
type source struct {
	from io.Reader
	most int
	left int
	sum  hash.Hash
	err  error
}

func (s *source) Read(b []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.from.Read(b)
	if s.left -= n; s.left < 0 {
		s.err = fmt.Errorf("%w: more than %d bytes", ErrTooLarge, s.most)
		return 0, s.err
	}
	s.sum.Write(b[:n])
	switch {
	case errors.Is(err, ErrInvalid): // an error of gzip
		s.err = err
	case err != nil && !errors.Is(err, io.EOF):
		s.err = fmt.Errorf("reading a recording: %w", err)
	}
	return n, err
}

func (p *parser) file() error {
	p.files, p.machines = map[string]int32{}, map[string]int32{}
	var version, created string
	err := p.object(fields{
		"name":          p.text(&p.inst.Name),
		"description":   p.text(&p.inst.Description),
		"createdAt":     p.text(&created),
		"schemaVersion": func() error { return p.version(&version) },
		"runtimeSystem": p.runtimeSystem,
		"wms":           p.runtimeSystem,
		"workflow":      p.workflow,
	})
	if err != nil {
		return err
	}
	if version == "" {
		return in("schemaVersion", errors.New("is missing, expected "+versions))
	}
	p.inst.SchemaVersion, p.inst.CreatedAt = version, readTime(created)
	if _, err := p.json.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("something follows at byte %d, expected the end of the file", p.json.InputOffset())
	}
	return nil
}

// versions are the versions of the schema that can be read. The additions of 1.6, two objects called metrics, contain
// nothing that is not elsewhere in the file.
const versions = "1.4, 1.5 or 1.6"

// version accepts these versions and their patch releases, as a string or as a number.
func (p *parser) version(dst *string) error {
	t, err := p.token()
	if err != nil {
		return err
	}
	if n, ok := t.(json.Number); ok {
		t = n.String()
	}
	v, _ := t.(string)
	for _, accepted := range []string{"1.4", "1.5", "1.6"} {
		if v == accepted || strings.HasPrefix(v, accepted+".") {
			*dst = short(v)
			return nil
		}
	}
	return fmt.Errorf("is %s, expected %s", describe(t), versions)
}

func (p *parser) runtimeSystem() error {
	var name, version string
	err := p.object(fields{"name": p.text(&name), "version": p.text(&version)})
	p.inst.RuntimeSystem = short(strings.TrimSpace(name + " " + version))
	return err
}

// workflow reads both layouts: 1.5 has a specification and an execution, 1.4 has both in one.
func (p *parser) workflow() error {
	known := p.execution(&p.written)
	known["specification"] = func() error {
		return p.object(fields{"tasks": p.taskList(&p.written), "files": p.fileList})
	}
	known["execution"] = func() error { return p.object(p.execution(&p.executed)) }
	return p.object(known)
}

func (p *parser) execution(tasks *[]rawTask) fields {
	var at string
	return fields{
		"executedAt": func() error {
			err := p.text(&at)()
			p.inst.ExecutedAt = readTime(at)
			return err
		},
		"makespanInSeconds": p.number(&p.makespan, maxSeconds),
		"machines":          p.machineList,
		"tasks":             p.taskList(tasks),
	}
}

func (p *parser) taskList(dst *[]rawTask) func() error {
	return func() error {
		return p.array(func(int) error {
			if len(*dst) == p.limits.Tasks {
				return tooMany("more than %d tasks", p.limits.Tasks)
			}
			t := rawTask{runtime: unset, older: unset, cores: unset, cpu: unset, memory: unset, read: unset, wrote: unset}
			if err := p.task(&t); err != nil {
				return called(t.id, err)
			}
			*dst = append(*dst, t)
			return nil
		})
	}
}

func (p *parser) task(t *rawTask) error {
	return p.object(fields{
		"id":               p.text(&t.id),
		"name":             p.text(&t.name),
		"category":         p.text(&t.category),
		"parents":          p.texts(&t.parents, &p.links, "parents and children"),
		"children":         p.texts(&t.children, &p.links, "parents and children"),
		"inputFiles":       p.texts(&t.inputs, &p.fileRefs, "references to files"),
		"outputFiles":      p.texts(&t.outputs, &p.fileRefs, "references to files"),
		"files":            func() error { return p.ownFiles(t) },
		"runtimeInSeconds": p.number(&t.runtime, maxSeconds),
		"runtime":          p.number(&t.older, maxSeconds),
		"coreCount":        p.number(&t.cores, MaxCores),
		"cores":            p.number(&t.cores, MaxCores),
		"executedAt":       p.text(&t.at),
		"avgCPU":           p.number(&t.cpu, math.MaxFloat64),
		"memoryInBytes":    p.number(&t.memory, exact),
		"readBytes":        p.number(&t.read, exact),
		"writtenBytes":     p.number(&t.wrote, exact),
		"command":          func() error { return p.command(t) },
		"machine":          p.text(&t.machine),
		"machines": func() error {
			var names []string
			budget := MaxMachines
			err := p.texts(&names, &budget, "machines of one task")()
			if len(names) > 0 {
				t.machine = names[0]
			}
			return err
		},
	})
}

func (p *parser) command(t *rawTask) error {
	var arguments []string
	budget := MaxFiles
	err := p.object(fields{
		"program":   p.text(&t.program),
		"arguments": p.texts(&arguments, &budget, "arguments"),
	})
	t.command = cut(strings.TrimSpace(t.program+" "+strings.Join(arguments, " ")), maxCommand)
	return err
}
