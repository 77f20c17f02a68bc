package templates

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// openAPI has the parts of an OpenAPI 3.1 document that the page of the API shows.
type openAPI struct {
	Info struct {
		Title       string `json:"title"`
		Version     string `json:"version"`
		Description string `json:"description"`
	} `json:"info"`
	Servers []struct {
		URL string `json:"url"`
	} `json:"servers"`
	Paths      map[string]map[string]json.RawMessage `json:"paths"` // by path and method; there may be other keys
	Components struct {
		Schemas map[string]*schema `json:"schemas"`
	} `json:"components"`
}

// prefix is the prefix of all paths.
func (d *openAPI) prefix() string {
	if len(d.Servers) == 0 {
		return ""
	}
	return strings.TrimSuffix(d.Servers[0].URL, "/")
}

type operation struct {
	Summary     string      `json:"summary"`
	Description string      `json:"description"`
	Tags        []string    `json:"tags"`
	Parameters  []parameter `json:"parameters"`
	RequestBody *struct {
		Content map[string]media `json:"content"`
	} `json:"requestBody"`
	Responses map[string]struct {
		Description string           `json:"description"`
		Content     map[string]media `json:"content"`
	} `json:"responses"`
}

type parameter struct {
	Name        string  `json:"name"`
	In          string  `json:"in"`
	Required    bool    `json:"required"`
	Description string  `json:"description"`
	Schema      *schema `json:"schema"`
}

type media struct {
	Schema *schema `json:"schema"`
}

type schema struct {
	Ref         string             `json:"$ref"`
	Type        words              `json:"type"`
	Format      string             `json:"format"`
	Description string             `json:"description"`
	Enum        []any              `json:"enum"`
	Default     any                `json:"default"`
	Examples    []any              `json:"examples"`
	Minimum     *float64           `json:"minimum"`
	Maximum     *float64           `json:"maximum"`
	MaxLength   *int               `json:"maxLength"`
	Items       *schema            `json:"items"`
	Properties  map[string]*schema `json:"properties"`
	Required    []string           `json:"required"`
	Additional  *schema            `json:"additionalProperties"`
	AnyOf       []*schema          `json:"anyOf"`
	OneOf       []*schema          `json:"oneOf"`
	AllOf       []*schema          `json:"allOf"`
	anything    bool               // the schema is the literal true
}

// UnmarshalJSON decodes a schema, which may also be true or false.
func (s *schema) UnmarshalJSON(raw []byte) error {
	if raw = bytes.TrimSpace(raw); string(raw) == "true" || string(raw) == "false" {
		s.anything = string(raw) == "true"
		return nil
	}
	type plain schema // without this method
	return json.Unmarshal(raw, (*plain)(s))
}

// words is a word or a list of words.
type words []string

// UnmarshalJSON decodes a string or a list of strings.
func (w *words) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*w = words{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(w))
}

// name is the component that a schema refers to, empty for none.
func (s *schema) name() string { return strings.TrimPrefix(s.Ref, "#/components/schemas/") }

// typeText is a type as it is printed; at most one component in it is linked.
type typeText struct{ Before, Schema, After string }

func (t typeText) String() string { return t.Before + t.Schema + t.After }

// text describes the type of a schema.
func (s *schema) text() typeText {
	switch {
	case s == nil:
		return typeText{Before: "anything"}
	case s.Ref != "":
		return typeText{Schema: s.name()}
	case len(s.AnyOf) > 0:
		return alternatives(s.AnyOf)
	case len(s.OneOf) > 0:
		return alternatives(s.OneOf)
	case len(s.AllOf) == 1:
		return s.AllOf[0].text()
	}
	if len(s.Type) == 1 && s.Type[0] == "null" {
		return typeText{Before: "null"}
	}
	t := s.single()
	if slices.Contains(s.Type, "null") {
		t.After += " | null"
	}
	return t
}

// single is text for a schema of one type, whether or not null is another.
func (s *schema) single() typeText {
	kinds := slices.DeleteFunc(slices.Clone(s.Type), func(k string) bool { return k == "null" })
	kind := strings.Join(kinds, " | ")
	switch {
	case kind == "array":
		t := s.Items.text()
		t.After += "[]"
		return t
	case kind == "object" && s.Additional != nil && (s.Additional.anything || len(s.Properties) == 0):
		t := s.Additional.text()
		return typeText{"{name: " + t.Before, t.Schema, t.After + "}"}
	case kind == "":
		return typeText{Before: "anything"}
	case s.Format != "":
		return typeText{Before: kind + " (" + s.Format + ")"}
	default:
		return typeText{Before: kind}
	}
}

// alternatives joins types; only the first component among them is linked.
func alternatives(of []*schema) typeText {
	var out typeText
	for i, s := range of {
		t, or := s.text(), ""
		if i > 0 {
			or = " | "
		}
		if out.Schema == "" {
			out = typeText{out.Before + or + t.Before, t.Schema, t.After}
		} else {
			out.After += or + t.String()
		}
	}
	return out
}

// bounds describes the values of a schema: "one of a, b", "0 to 200", "default 50".
func (s *schema) bounds() string {
	if s == nil {
		return ""
	}
	var parts []string
	if len(s.Enum) > 0 {
		values := make([]string, len(s.Enum))
		for i, v := range s.Enum {
			values[i] = fmt.Sprint(v)
		}
		parts = append(parts, "one of "+strings.Join(values, ", "))
	}
	switch {
	case s.Minimum != nil && s.Maximum != nil:
		parts = append(parts, number(*s.Minimum)+" to "+number(*s.Maximum))
	case s.Minimum != nil:
		parts = append(parts, "at least "+number(*s.Minimum))
	case s.Maximum != nil:
		parts = append(parts, "at most "+number(*s.Maximum))
	}
	if s.MaxLength != nil {
		parts = append(parts, fmt.Sprintf("at most %d characters", *s.MaxLength))
	}
	if s.Default != nil {
		parts = append(parts, "default "+asJSON(s.Default))
	}
	return strings.Join(parts, "; ")
}

// number prints whole numbers without an exponent.
func number(x float64) string { return asJSON(x) }

// asJSON formats a value of the document as JSON.
func asJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(text)
}
