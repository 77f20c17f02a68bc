package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/dagscope/dagscope/engine"
)

// Bounds of a submission.
const (
	maxRequest   = 1 << 20 // of the JSON, in bytes
	maxParts     = 64      // of a form
	maxFileName  = 255
	requestPart  = "request"
	formOverhead = 1 << 20 // headers of parts and the JSON
)

// submitted is a submission with its files, by parameter.
type submitted struct {
	Submission
	files map[string]engine.File
}

// sum is the same for equal requests, however their forms are encoded.
func (s *submitted) sum() [sha256.Size]byte {
	b, _ := json.Marshal(s.Submission) // plain data
	for _, name := range slices.Sorted(maps.Keys(s.files)) {
		f := s.files[name]
		b = fmt.Appendf(b, "\n%q %q %s", name, f.Name, f.Hash())
	}
	return sha256.Sum256(b)
}

// readSubmission reads JSON or a form from an untrusted request.
func (h *submitHandlers) readSubmission(w http.ResponseWriter, r *http.Request) (*submitted, error) {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case err == nil && kind == "application/json":
		body, err := readBounded(http.MaxBytesReader(w, r.Body, maxRequest), maxRequest)
		if err != nil {
			return nil, err
		}
		return h.parseSubmission(body)
	case err == nil && kind == "multipart/form-data" && params["boundary"] != "":
		body := http.MaxBytesReader(w, r.Body, h.cfg.MaxUpload+formOverhead)
		return h.readForm(multipart.NewReader(body, params["boundary"]))
	}
	return nil, NewProblem(http.StatusUnsupportedMediaType,
		"the body is %q, expected application/json or multipart/form-data", cut(r.Header.Get("Content-Type"), 80))
}

// parseSubmission reads the JSON of a submission.
func (h *submitHandlers) parseSubmission(body []byte) (*submitted, error) {
	var tree any
	if err := json.Unmarshal(body, &tree); err != nil {
		return nil, NewProblem(http.StatusBadRequest, "body: expected JSON: %v", err)
	}
	schema := h.schemas.Map()["Submission"]
	at, found := huma.NewPathBuffer(nil, 0), huma.ValidateResult{}
	at.Push("body")
	huma.Validate(h.schemas, schema, at, huma.ModeWriteToServer, tree, &found)
	if len(found.Errors) > 0 {
		m := huma.NewError(http.StatusUnprocessableEntity, "the body is not a submission", found.Errors...)
		return nil, fromHuma(m.(*huma.ErrorModel), wording{registry: h.schemas, body: schema})
	}
	s := &submitted{files: map[string]engine.File{}}
	strict := json.NewDecoder(bytes.NewReader(body))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&s.Submission); err != nil {
		return nil, NewProblem(http.StatusUnprocessableEntity, "body: %v", err)
	}
	return s, nil
}

// readForm reads the parts of a form: the request, and files named by their parameters.
func (h *submitHandlers) readForm(form *multipart.Reader) (*submitted, error) {
	var s *submitted
	files := map[string]engine.File{}
	left := h.cfg.MaxUpload
	for n := 0; ; n++ {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, malformedForm(err)
		}
		name := part.FormName()
		switch _, twice := files[name]; {
		case n == maxParts:
			return nil, NewProblem(http.StatusUnprocessableEntity, "the form has more than %d parts", maxParts)
		case name == "" || twice || name == requestPart && s != nil:
			return nil, NewProblem(http.StatusUnprocessableEntity, "the form has two parts named %q, or one without a name", cut(name, 64))
		case name == requestPart:
			body, err := readBounded(part, maxRequest)
			if err != nil {
				return nil, err
			}
			if s, err = h.parseSubmission(body); err != nil {
				return nil, err
			}
		default:
			data, err := readBounded(part, left)
			if err != nil {
				return nil, err
			}
			left -= int64(len(data))
			files[name] = engine.File{Name: fileName(part.FileName(), name), Data: data}
		}
	}
	if s == nil {
		return nil, NewProblem(http.StatusUnprocessableEntity, "the form has no part named %s, expected one with the JSON of the submission", requestPart)
	}
	s.files = files
	return s, nil
}

func malformedForm(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return err
	}
	return NewProblem(http.StatusBadRequest, "the form is malformed: %v", err)
}

// readBounded reads everything, up to limit bytes.
func readBounded(r io.Reader, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, malformedForm(err)
	}
	if int64(len(b)) > limit {
		return nil, &http.MaxBytesError{Limit: limit}
	}
	return b, nil
}

// fileName is the last part of a name that a client chose, without path separators and control characters.
func fileName(given, otherwise string) string {
	name := path.Base(strings.ReplaceAll(given, `\`, "/"))
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, ""))
	if name == "" || name == "." || name == ".." || name == "/" {
		return otherwise
	}
	for len(name) > maxFileName {
		name = strings.ToValidUTF8(name[:maxFileName], "")
	}
	return name
}

// arguments checks the parameters of a submission. Files are accepted from its form only: text for a file parameter would
// be a path on the server.
func (s *submitted) arguments(w *engine.Workflow) (engine.Args, error) {
	set := maps.Clone(s.Params)
	if set == nil {
		set = map[string]string{}
	}
	for i := range w.Params {
		p := &w.Params[i]
		text, isText := set[p.Name]
		f, isFile := s.files[p.Name]
		switch {
		case p.Kind == engine.FileParam && isText:
			return engine.Args{}, NewProblem(http.StatusUnprocessableEntity,
				"body.params.%s: %q is a path, expected the file itself as the part %s of a form: the server reads no files of its own", p.Name, cut(text, 80), p.Name)
		case p.Kind != engine.FileParam && isFile:
			return engine.Args{}, NewProblem(http.StatusUnprocessableEntity, "the part %s of the form is a file, expected the parameter's value in params", p.Name)
		case isFile:
			set[p.Name] = p.Name // open finds it by this
			if p.DefaultFile != nil {
				if def, err := p.DefaultFile(); err == nil && def.Name == f.Name {
					f.Name = "uploaded " + f.Name // so that a retry can see that it was not the default
					s.files[p.Name] = f
				}
			}
		}
	}
	for name := range s.files {
		if !slices.ContainsFunc(w.Params, func(p engine.Param) bool { return p.Name == name }) {
			return engine.Args{}, NewProblem(http.StatusUnprocessableEntity, "the form has a part %q, which is not a parameter of workflow %s", cut(name, 64), w.Name)
		}
	}
	args, err := w.Arguments(set, func(param string) (engine.File, error) { return s.files[param], nil })
	if err != nil {
		return args, parameterProblem(w, set, err)
	}
	return args, nil
}

// parameterProblem converts an error of engine.Workflow's Arguments or Graph and locates the parameter that caused it, so
// that a form can show it there.
func parameterProblem(w *engine.Workflow, set map[string]string, err error) error {
	p := NewProblem(http.StatusUnprocessableEntity, "%s", plain(err))
	var argument *engine.ParameterError
	if errors.As(err, &argument) {
		p.Errors = []ProblemError{{Message: plain(argument.Err), Location: "body.params." + argument.Param}}
		return p
	}
	for _, name := range slices.Sorted(maps.Keys(set)) {
		if !slices.ContainsFunc(w.Params, func(p engine.Param) bool { return p.Name == name }) {
			p.Errors = []ProblemError{{Message: p.Detail, Location: "body.params." + cut(name, 64)}}
			break
		}
	}
	return p
}
