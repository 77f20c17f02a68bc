package templates

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// APIDocsData is what APIDocs needs.
type APIDocsData struct {
	Page
	Origin        string // where the server answers, such as "http://127.0.0.1:8080", for examples
	TokenRequired bool   // examples send a token
	Document      []byte // OpenAPI 3.1 as JSON
}

// APIDocs writes the description of an API: every operation with its parameters, bodies, responses and a call with curl,
// and every schema. It fails if the document is not OpenAPI.
func APIDocs(w io.Writer, d APIDocsData) error {
	var doc openAPI
	if err := json.Unmarshal(d.Document, &doc); err != nil {
		return fmt.Errorf("templates: expected an OpenAPI document: %w", err)
	}
	page := docsPage{
		Page: d.Page, Title: doc.Info.Title, APIVersion: doc.Info.Version, Intro: paragraphs(doc.Info.Description),
		Schemas: doc.schemas(),
	}
	c := caller{origin: d.Origin + d.Base, token: d.TokenRequired, doc: &doc}
	var err error
	if page.Groups, err = doc.groups(c); err != nil {
		return err
	}
	return render(w, "apidocs.html", page)
}

// The types below are what apidocs.html prints.
type (
	docsPage struct {
		Page
		Title, APIVersion string
		Intro             []string
		Groups            []docsGroup
		Schemas           []docsSchema
	}
	docsGroup struct {
		Name       string
		Operations []docsOperation
	}
	docsOperation struct {
		ID, Method, Class, Path, Summary string
		Text                             []string
		Parameters                       []docsField
		Bodies                           []docsBody
		Answers                          []docsAnswer
		Curl                             string
	}
	docsField struct {
		Name, In, Text, Bounds string
		Required               bool
		Type                   typeText
	}
	docsBody struct {
		Media string
		Type  typeText
	}
	docsAnswer struct {
		Status, Text string
		Bodies       []docsBody
	}
	docsSchema struct {
		ID, Name string
		Text     []string
		Type     typeText
		Fields   []docsField
	}
)

// methods are the HTTP methods of paths, in the order in which they are shown.
var methods = []string{"get", "post", "put", "patch", "delete", "head", "options"}

// groups groups the operations by their first tag, otherwise by the first part of their path that is not a version.
func (d *openAPI) groups(c caller) ([]docsGroup, error) {
	var groups []docsGroup
	for _, path := range slices.Sorted(maps.Keys(d.Paths)) {
		for _, method := range methods {
			raw, ok := d.Paths[path][method]
			if !ok {
				continue
			}
			var op operation
			if err := json.Unmarshal(raw, &op); err != nil {
				return nil, fmt.Errorf("templates: %s %s: expected an operation: %w", method, path, err)
			}
			name := subject(path)
			if len(op.Tags) > 0 {
				name = op.Tags[0]
			}
			i := slices.IndexFunc(groups, func(g docsGroup) bool { return g.Name == name })
			if i < 0 {
				i = len(groups)
				groups = append(groups, docsGroup{Name: name})
			}
			groups[i].Operations = append(groups[i].Operations, op.view(method, d.prefix()+path, c))
		}
	}
	slices.SortStableFunc(groups, func(a, b docsGroup) int { return cmp.Compare(a.Name, b.Name) })
	return groups, nil
}

// subject is the part of a path that names its subject.
func subject(path string) string {
	for part := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		if part != "api" && part != "v1" {
			return part
		}
	}
	return path
}

func (op *operation) view(method, path string, c caller) docsOperation {
	v := docsOperation{
		ID: anchor(method + " " + path), Method: strings.ToUpper(method), Class: method, Path: path,
		Summary: op.Summary, Text: paragraphs(op.Description), Curl: c.curl(method, path, op),
	}
	if v.Summary == op.Description {
		v.Summary = ""
	}
	for _, p := range op.Parameters {
		v.Parameters = append(v.Parameters, docsField{
			Name: p.Name, In: p.In, Required: p.Required, Type: p.Schema.text(), Bounds: p.Schema.bounds(),
			Text: cmp.Or(p.Description, p.Schema.description()),
		})
	}
	if op.RequestBody != nil {
		v.Bodies = bodies(op.RequestBody.Content)
	}
	for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
		r := op.Responses[status]
		v.Answers = append(v.Answers, docsAnswer{Status: status, Text: r.Description, Bodies: bodies(r.Content)})
	}
	return v
}

func bodies(content map[string]media) []docsBody {
	var out []docsBody
	for _, kind := range slices.Sorted(maps.Keys(content)) {
		out = append(out, docsBody{kind, content[kind].Schema.text()})
	}
	return out
}

// schemas lists the components, with the fields of objects.
func (d *openAPI) schemas() []docsSchema {
	var out []docsSchema
	for _, name := range slices.Sorted(maps.Keys(d.Components.Schemas)) {
		s := d.Components.Schemas[name]
		if s == nil {
			continue
		}
		v := docsSchema{ID: "schema-" + name, Name: name, Text: paragraphs(s.description()), Type: s.text()}
		for _, field := range slices.Sorted(maps.Keys(s.Properties)) {
			p := s.Properties[field]
			v.Fields = append(v.Fields, docsField{
				Name: field, Required: slices.Contains(s.Required, field), Type: p.text(), Bounds: p.bounds(), Text: p.description(),
			})
		}
		out = append(out, v)
	}
	return out
}

func (s *schema) description() string {
	if s == nil {
		return ""
	}
	return s.Description
}

// anchor turns a text into a fragment identifier.
func anchor(text string) string {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_'
	})
	return strings.Join(words, "-")
}

// paragraphs splits a text at empty lines.
func paragraphs(text string) []string {
	var out []string
	for p := range strings.SplitSeq(text, "\n\n") {
		if p = strings.TrimSpace(p); p != "" {
			out = append(out, p)
		}
	}
	return out
}
