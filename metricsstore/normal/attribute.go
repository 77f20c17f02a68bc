package normal

import (
	"fmt"
	"slices"

	"github.com/dagscope/dagscope/metricsstore"
)

// attribute is something that a change may have come with. It is new where runs before have none that is equal.
type attribute struct {
	text string // for readers
	id   string // distinguishes those of the same text
}

const (
	// near is how many runs on each side of a change are compared: not all, as other things change later.
	near = 10
	// most and few are shares of them. A change is not always found to the run.
	most, few = 0.8, 0.2
	// named is how many attributes are listed.
	named = 3
)

// attributesOf are the versions of functions of a run, its tags, its file and its graph, which each of the others may have
// changed too and comes last.
func attributesOf(r *metricsstore.Run, functions []summary) []attribute {
	var out []attribute
	for i := range functions {
		if v := functions[i].Version; v > 0 {
			out = append(out, attribute{text: fmt.Sprintf("version %d of %s", v, functions[i].Function)})
		}
	}
	for _, tag := range r.Annotation.Tags {
		out = append(out, attribute{text: "tag " + tag})
	}
	if r.Info.Source != nil {
		out = append(out, attribute{"another text of " + r.Info.Source.File, r.Info.Source.Text})
	}
	return append(out, attribute{"another graph", r.Graph.Hash})
}

// cameWith lists the attributes that most runs just after a place have, and few before.
func cameWith(history []point, at int) []string {
	before, after := history[max(0, at-near):at], history[at:min(len(history), at+near)]
	out := []string{}
	for _, a := range after[len(after)-1].run.attributes {
		isGraph := a.text == "another graph"
		if shareWith(after, a) >= most && shareWith(before, a) <= few && !(isGraph && len(out) > 0) {
			out = append(out, a.text)
		}
	}
	return out[:min(len(out), named)]
}

func shareWith(runs []point, a attribute) float64 {
	with := 0
	for _, p := range runs {
		if slices.Contains(p.run.attributes, a) {
			with++
		}
	}
	return float64(with) / float64(len(runs))
}
