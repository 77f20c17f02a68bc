package templates

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// caller writes calls with curl.
type caller struct {
	origin string
	token  bool
	doc    *openAPI
}

// hole is a part of a path that a caller fills in.
var hole = regexp.MustCompile(`\{([^}]+)\}`)

// curl writes a call of an operation with all required parameters; values that only the user knows are in capitals.
func (c caller) curl(method, path string, op *operation) string {
	args := []string{"curl -sS"}
	if method != "get" {
		args = append(args, "-X "+strings.ToUpper(method))
	}
	if c.token {
		args = append(args, `-H "Authorization: Bearer $TOKEN"`)
	}
	if op.RequestBody != nil {
		args = append(args, c.body(op.RequestBody.Content)...)
	}
	target := hole.ReplaceAllStringFunc(path, func(name string) string { return strings.ToUpper(strings.Trim(name, "{}")) })
	query := url.Values{}
	for _, p := range op.Parameters {
		if p.In == "query" && p.Required {
			query.Set(p.Name, c.word(p.Name, p.Schema))
		}
	}
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	return strings.Join(append(args, quoted(c.origin+target)), " \\\n  ")
}

// body returns the arguments that send a body with one of the accepted content types.
func (c caller) body(content map[string]media) []string {
	if m, ok := content["application/json"]; ok {
		return []string{"-H 'Content-Type: application/json'", "-d " + quoted(asJSON(c.example("", m.Schema, 0)))}
	}
	if _, ok := content["application/merge-patch+json"]; ok {
		return []string{"-H 'Content-Type: application/merge-patch+json'", "-d '{}'"}
	}
	if _, ok := content["multipart/form-data"]; ok {
		return []string{"-F file=@FILE"}
	}
	if len(content) == 0 {
		return nil
	}
	first := slices.Min(slices.Collect(maps.Keys(content)))
	return []string{"-H " + quoted("Content-Type: "+first), "--data-binary @FILE"}
}

// word is an example value of a parameter.
func (c caller) word(name string, s *schema) string {
	if text, ok := c.example(name, s, 0).(string); ok {
		return text
	}
	return asJSON(c.example(name, s, 0))
}

// deepest is how deep examples follow schemas, which may be recursive.
const deepest = 4

// example makes a value of a schema; objects have their required fields.
func (c caller) example(name string, s *schema, depth int) any {
	switch {
	case s == nil || depth > deepest:
		return nil
	case s.Ref != "":
		return c.example(name, c.doc.Components.Schemas[s.name()], depth+1)
	case len(s.Examples) > 0:
		return s.Examples[0]
	case s.Default != nil:
		return s.Default
	case len(s.Enum) > 0:
		return s.Enum[0]
	}
	switch {
	case slices.Contains(s.Type, "object"):
		out := map[string]any{}
		for _, field := range s.Required {
			out[field] = c.example(field, s.Properties[field], depth+1)
		}
		return out
	case slices.Contains(s.Type, "array"):
		return []any{}
	case slices.Contains(s.Type, "integer"), slices.Contains(s.Type, "number"):
		return 0
	case slices.Contains(s.Type, "boolean"):
		return false
	case slices.Contains(s.Type, "string"):
		return strings.ToUpper(name)
	default:
		return nil
	}
}

// quoted quotes a text as one word of a shell.
func quoted(text string) string {
	return fmt.Sprintf("'%s'", strings.ReplaceAll(text, "'", `'\''`))
}
