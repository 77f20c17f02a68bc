package pipeline

import (
	"bytes"
	"errors"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/dagscope/dagscope/engine"
)

// MaxFile bounds a pipeline file, in bytes.
const MaxFile = 1 << 20

const tooLarge = "the file is larger than 1 MiB"

// Fields of a pipeline file, of a parameter, and of an environment.
var (
	pipelineFields    = []string{"name", "description", "params", "files", "environments", "steps", "result"}
	paramFields       = []string{"type", "default", "help", "choices", "min", "max"}
	environmentFields = []string{"path", "python", "find-links"}
)

// Parse reads a pipeline file. file is its name, for messages and, without the extension, the default of the pipeline's
// name. The error is an *Error.
func Parse(file string, text []byte) (*Pipeline, error) {
	r := &reader{anchors: map[string]ast.Node{}}
	p := &Pipeline{file: file, Source: string(text), Name: strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)), nameAt: position{1, 1}}
	// The library counts lines of Windows twice within scripts.
	root, err := parseYAML(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")))
	if err != nil {
		return nil, yamlError(file, err)
	}
	for _, f := range r.fields(root, "the pipeline", pipelineFields) {
		switch f.key {
		case "name":
			p.Name, p.nameAt = r.text(f), at(f.value)
		case "description":
			p.Description = strings.TrimSpace(r.text(f))
		case "params":
			p.Params = r.params(f)
		case "files":
			for _, n := range r.texts(f) {
				p.Files = append(p.Files, r.pattern(n))
			}
		case "environments":
			p.Environments = r.environments(f)
		case "steps":
			p.Steps = r.steps(f, "")
		case "result":
			p.Result = r.expression(f)
		}
	}
	if !workflowName.MatchString(p.Name) {
		r.wrong.add(p.nameAt, "the name of the pipeline is %q, expected letters, digits, - and _, as in a command line", p.Name)
	}
	if len(p.Steps) == 0 && len(r.wrong) == 0 {
		r.wrong.add(position{1, 1}, "the pipeline has no steps, expected at least one below steps:")
	}
	c := &checker{p: p, wrong: &r.wrong}
	c.check()
	return p, r.wrong.err(file)
}

var workflowName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,99}$`)

func parseYAML(text []byte) (ast.Node, error) {
	if len(text) > MaxFile {
		return nil, &Error{Mistakes: []Mistake{{1, 1, tooLarge}}}
	}
	if line := tooDeep(text); line > 0 {
		return nil, &Error{Mistakes: []Mistake{{line, 1, "values are nested too deep here"}}}
	}
	parsed, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, err
	}
	switch {
	case len(parsed.Docs) > 1:
		return nil, &Error{Mistakes: []Mistake{{at(parsed.Docs[1].Body).line, 1, "a second document begins here, expected one"}}}
	case len(parsed.Docs) == 0 || parsed.Docs[0].Body == nil:
		return nil, &Error{Mistakes: []Mistake{{1, 1, "the file is empty, expected steps:"}}}
	}
	return parsed.Docs[0].Body, nil
}

// tooDeep returns the line where lists and mappings are nested so deep that reading them would take too much memory, 0 for
// none. Brackets in texts count as well: none of a sensible file has a thousand that are not closed.
func tooDeep(text []byte) (line int) {
	const most = 1000
	line, depth, start, inStart := 1, 0, 0, true
	for _, c := range text {
		switch {
		case c == '\n':
			line, start, inStart = line+1, 0, true
			continue
		case c == '[' || c == '{':
			depth++
		case (c == ']' || c == '}') && depth > 0:
			depth--
		}
		if inStart = inStart && (c == ' ' || c == '-' || c == '?'); inStart {
			start++
		}
		if depth > most || start > most {
			return line
		}
	}
	return 0
}

// yamlError gives an error of the YAML library our form.
func yamlError(file string, err error) error {
	var own *Error
	var syntax yaml.Error
	switch {
	case errors.As(err, &own):
		own.File = file
		return own
	case errors.As(err, &syntax) && syntax.GetToken() != nil && syntax.GetToken().Position != nil:
		p := syntax.GetToken().Position
		return &Error{file, []Mistake{{p.Line, p.Column, syntax.GetMessage() + ", expected YAML"}}}
	default:
		return &Error{file, []Mistake{{1, 1, err.Error()}}}
	}
}

// kinds are the types of parameters by their names in files, which are those of engine.
var kinds = []engine.ParamKind{
	engine.TextParam, engine.IntParam, engine.FloatParam, engine.BoolParam, engine.DurationParam, engine.ChoiceParam, engine.FileParam,
}

// params reads the parameters: a mapping each, or the default value.
func (r *reader) params(f field) []engine.Param {
	var out []engine.Param
	for _, e := range r.fields(f.value, "params", nil) {
		if !isName(e.key) {
			r.wrong.add(e.at, "a parameter has the name %q, expected letters, digits, - and _", e.key)
		}
		switch n := e.value.(type) {
		case *ast.MappingNode, *ast.MappingValueNode:
			out = append(out, r.param(e))
		case *ast.IntegerNode:
			out = append(out, engine.Param{Name: e.key, Kind: engine.IntParam, Default: r.text(e)})
		case *ast.FloatNode:
			out = append(out, engine.Param{Name: e.key, Kind: engine.FloatParam, Default: r.text(e)})
		case *ast.BoolNode:
			out = append(out, engine.Param{Name: e.key, Kind: engine.BoolParam, Default: r.text(e)})
		case nil, *ast.NullNode:
			out = append(out, engine.Param{Name: e.key, Kind: engine.TextParam})
		case *ast.SequenceNode:
			r.wrong.add(at(n), "the parameter %s is a list, expected a default value or a mapping with type:", e.key)
		default:
			out = append(out, engine.Param{Name: e.key, Kind: engine.TextParam, Default: r.text(e)})
		}
	}
	return out
}

func (r *reader) param(e field) engine.Param {
	p := engine.Param{Name: e.key, Kind: engine.TextParam}
	hasDefault := false
	for _, f := range r.fields(e.value, "the parameter "+e.key, paramFields) {
		switch f.key {
		case "type":
			p.Kind = choice(r, f, kinds)
		case "default":
			p.Default, hasDefault = r.text(f), true
		case "help":
			p.Help = r.text(f)
		case "choices":
			for _, n := range r.texts(f) {
				p.Choices = append(p.Choices, n.text)
			}
		case "min", "max":
			r.bound(f, &p)
		}
	}
	switch {
	case p.Kind == engine.ChoiceParam && len(p.Choices) == 0:
		r.wrong.add(e.at, "the parameter %s is a choice without choices, expected a list of texts", e.key)
	case p.Kind == engine.ChoiceParam && !hasDefault:
		p.Default = p.Choices[0]
	case p.Kind == engine.FileParam && hasDefault:
		r.wrong.add(e.at, "the parameter %s is a file with a default, expected none: files are given when the pipeline is run", e.key)
	case p.Kind == engine.BoolParam && !hasDefault:
		p.Default = "false"
	case !hasDefault && p.Kind != engine.TextParam && p.Kind != engine.FileParam:
		r.wrong.add(e.at, "the parameter %s has no default, expected one of type %s", e.key, p.Kind)
	}
	return p
}

// bound reads min or max.
func (r *reader) bound(f field, p *engine.Param) {
	var v float64
	switch n := f.value.(type) {
	case *ast.IntegerNode:
		switch i := n.Value.(type) {
		case uint64:
			v = float64(i)
		case int64:
			v = float64(i)
		}
	case *ast.FloatNode:
		v = n.Value
	default:
		r.wrong.add(at(f.value), "%s is %s, expected a number", f.key, describe(f.value))
	}
	if f.key == "min" {
		p.Min = v
	} else {
		p.Max = v
	}
}

// environments reads them: the path of a lock file or folder, or a mapping.
func (r *reader) environments(f field) []environmentFile {
	var out []environmentFile
	for _, e := range r.fields(f.value, "environments", nil) {
		env := environmentFile{name: e.key, at: e.at}
		switch e.value.(type) {
		case *ast.MappingNode, *ast.MappingValueNode:
			for _, g := range r.fields(e.value, "the environment "+e.key, environmentFields) {
				switch g.key {
				case "path":
					env.path = r.pattern(name{r.text(g), at(g.value)})
				case "python":
					env.python = r.text(g)
				case "find-links":
					env.findLinks = r.text(g)
				}
			}
		default:
			env.path = r.pattern(name{r.text(e), at(e.value)})
		}
		if env.path == "" {
			r.wrong.add(e.at, "the environment %s has no path, expected a lock file such as requirements.txt, or a folder", e.key)
		}
		out = append(out, env)
	}
	return out
}

// pattern refuses a path that leaves the folder of the pipeline.
func (r *reader) pattern(n name) string {
	clean := filepath.ToSlash(filepath.Clean(n.text))
	if n.text == "" || !filepath.IsLocal(filepath.FromSlash(clean)) {
		r.wrong.add(n.at, "the path is %q, expected one below the folder of the pipeline", n.text)
	}
	return clean
}
