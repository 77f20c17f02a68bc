package githubactions

import (
	"cmp"
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/dagscope/dagscope/metricsstore/records/internal/manifest"
)

// workflow is a workflow file, as far as it says which job needs which.
type workflow struct {
	Path string
	Name string                `json:"name"`
	Jobs map[string]definition `json:"jobs"`
	keys []string
}

// definition is a job in a workflow file.
type definition struct {
	Name  any             `json:"name"`
	Needs json.RawMessage `json:"needs"`
	Uses  string          `json:"uses"`

	needs []string
	fixed int            // how much of the names is the same for all
	names *regexp.Regexp // the names that its jobs may have
}

// placeholder is what GitHub puts values in for.
var placeholder = regexp.MustCompile(`\$\{\{.*?\}\}`)

func readWorkflow(o *manifest.Object, path string) (*workflow, error) {
	w := &workflow{Path: path}
	if err := o.Decode(w); err != nil {
		return nil, err
	}
	for key, d := range w.Jobs {
		var one string
		if json.Unmarshal(d.Needs, &one) == nil && one != "" {
			d.needs = []string{one}
		} else if json.Unmarshal(d.Needs, &d.needs) != nil {
			d.needs = nil
		}
		name, isText := d.Name.(string)
		if !isText || name == "" {
			name = key
		}
		// A name without values has those of the matrix appended; a called workflow's jobs have theirs behind a slash.
		parts := placeholder.Split(name, -1)
		for i := range parts {
			d.fixed += len(parts[i])
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		called := ""
		if d.Uses != "" {
			called = `( / .*)?`
		}
		var err error
		if d.names, err = regexp.Compile(`(?s)^` + strings.Join(parts, `.*?`) + `( \(.*\))?` + called + `$`); err != nil {
			return nil, o.Fault("the name of job %s is no text", key)
		}
		w.Jobs[key] = d
		w.keys = append(w.keys, key)
	}
	// A longer name is the better match: "build" and "build-docs" both begin alike.
	slices.SortFunc(w.keys, func(a, b string) int {
		return cmp.Or(cmp.Compare(w.Jobs[b].fixed, w.Jobs[a].fixed), cmp.Compare(a, b))
	})
	return w, nil
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

// key is the job of the file that a job of a run is of, by its name, or empty.
func (w *workflow) key(name string) string {
	if _, there := w.Jobs[name]; there && text(w.Jobs[name].Name) == "" {
		return name
	}
	for _, key := range w.keys {
		if w.Jobs[key].names.MatchString(name) {
			return key
		}
	}
	return ""
}
