package app

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/dagscope/dagscope/engine"
)

// filesDirective, printed alone, makes the completion script complete file names.
const filesDirective = ":files"

// completeCommand prints completions of the last word; the scripts of the command completion call it.
type completeCommand struct {
	Words []string `arg:"" optional:""`
}

// Run prints one candidate for each line.
func (c *completeCommand) Run(s *session, app *kong.Application) error {
	words := c.Words
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	words, cut := joined(words)
	if len(words) == 0 {
		words = []string{""}
	}
	last := words[len(words)-1]
	for _, candidate := range (completer{s.workflows}).complete(app, words[:len(words)-1], last) {
		switch {
		case candidate == filesDirective:
			fmt.Fprintln(s.stdout, candidate)
		case strings.HasPrefix(candidate, last):
			fmt.Fprintln(s.stdout, strings.TrimPrefix(candidate, cut))
		}
	}
	return nil
}

// joined joins name=value, which bash splits into three words; cut is the part of the last word that bash has already.
func joined(words []string) (out []string, cut string) {
	for i := 0; i < len(words); i++ {
		if words[i] != "=" || len(out) == 0 {
			out, cut = append(out, words[i]), ""
			continue
		}
		last := &out[len(out)-1]
		*last += "="
		cut = *last
		if i+1 < len(words) {
			i++
			*last += words[i]
		}
	}
	return out, cut
}

// completer lists candidates for words of the command line, given the workflows of the program.
type completer struct{ workflows []*engine.Workflow }

// complete lists candidates for the word last, given those before it. They need not start with last.
func (c completer) complete(app *kong.Application, before []string, last string) []string {
	at := follow(app, before)
	name, value, valued := strings.Cut(last, "=")
	switch {
	case at.flag != nil:
		return c.values(at.flag.Value, at, last)
	case valued && strings.HasPrefix(name, "--"):
		f := at.find(name)
		if f == nil {
			return nil
		}
		values := c.values(f.Value, at, value)
		for i, v := range values {
			if v != filesDirective {
				values[i] = name + "=" + v
			}
		}
		return values
	case strings.HasPrefix(last, "-"):
		return at.flagNames()
	case at.argument() != nil:
		return c.values(at.argument(), at, last)
	default:
		return at.commands()
	}
}

// place is the position of the word to complete on the command line.
type place struct {
	node      *kong.Node
	flag      *kong.Flag // whose value comes next
	arguments []string   // positional ones so far
}

// follow parses the words before the one to complete.
func follow(app *kong.Application, words []string) place {
	at := place{node: app.Node}
	for _, w := range words {
		if at.flag != nil {
			at.flag = nil
			continue
		}
		if strings.HasPrefix(w, "-") {
			if f := at.find(w); f != nil && !f.IsBool() {
				at.flag = f
			}
			continue
		}
		i := slices.IndexFunc(at.node.Children, func(n *kong.Node) bool { return n.Name == w })
		if i >= 0 {
			at.node = at.node.Children[i]
		} else {
			at.arguments = append(at.arguments, w)
		}
	}
	return at
}

// find is the flag that a word names, nil for none.
func (p place) find(word string) *kong.Flag {
	for _, group := range p.node.AllFlags(true) {
		for _, f := range group {
			if word == "--"+f.Name || f.Short != 0 && word == "-"+string(f.Short) {
				return f
			}
		}
	}
	return nil
}

func (p place) flagNames() []string {
	var names []string
	for _, group := range p.node.AllFlags(true) {
		for _, f := range group {
			names = append(names, "--"+f.Name)
		}
	}
	return names
}

func (p place) commands() []string {
	var names []string
	for _, n := range p.node.Children {
		if !n.Hidden {
			names = append(names, n.Name)
		}
	}
	return names
}

// argument is the next positional argument, nil for none.
func (p place) argument() *kong.Value {
	n := len(p.node.Positional)
	switch {
	case len(p.arguments) < n:
		return p.node.Positional[len(p.arguments)]
	case n > 0 && p.node.Positional[n-1].IsCumulative():
		return p.node.Positional[n-1]
	default:
		return nil
	}
}

// values lists possible values of a flag or an argument, as far as they are known.
func (c completer) values(v *kong.Value, at place, begun string) []string {
	switch {
	case v.Enum != "":
		return v.EnumSlice()
	case v.Name == "set" && len(at.arguments) > 0:
		return c.settings(at.arguments[0])
	case v.Name == "workflow":
		return namesOf(c.workflows)
	case v.Name == "run":
		return []string{lastRun}
	case v.Name == "upload":
		return []string{"after_each_task", "periodic=2s", "queue=256", "shutdown"}
	case v.Name == "durability":
		return []string{"group", "each"}
	case v.Name == "rules":
		return completeRules(begun)
	case v.Name == "metric":
		return metricNames()
	case slices.Contains([]string{"data", "output", "file", "path", "env-dir", "find-links", "token-file", "secret-file", "workflows", "redis-ca", "redis-cert", "redis-key"}, v.Name):
		return []string{filesDirective}
	default:
		return nil
	}
}

// settings lists completions of --set for a workflow.
func (c completer) settings(workflow string) []string {
	var out []string
	for _, w := range c.workflows {
		if w.Name != workflow {
			continue
		}
		for i := range w.Params {
			p := &w.Params[i]
			switch p.Kind {
			case engine.ChoiceParam:
				for _, c := range p.Choices {
					out = append(out, p.Name+"="+c)
				}
			case engine.BoolParam:
				out = append(out, p.Name+"=true", p.Name+"=false")
			default:
				out = append(out, p.Name+"=")
			}
		}
	}
	return out
}
