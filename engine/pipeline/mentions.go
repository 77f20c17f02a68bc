package pipeline

// expressions lists those of a step that are evaluated for each of its elements. Those of the steps of a group are theirs.
func (t *step) expressions() []*expression {
	out := t.script.expressions()
	for i := range t.run {
		out = append(out, t.run[i].expressions()...)
	}
	out = append(out, t.stdin.expressions()...)
	for i := range t.env {
		out = append(out, t.env[i].value.expressions()...)
	}
	for i := range t.inputs {
		out = append(out, t.inputs[i].value.expressions()...)
	}
	if t.with != nil {
		out = append(out, t.with.expressions()...)
	}
	return out
}

// expressions lists those of an argument.
func (a *argument) expressions() []*expression {
	switch a.isSet {
	case isText:
		return a.text.expressions()
	case isList:
		var out []*expression
		for i := range a.list {
			out = append(out, a.list[i].expressions()...)
		}
		return out
	case isDict:
		var out []*expression
		for i := range a.dict {
			out = append(out, a.dict[i].value.expressions()...)
		}
		return out
	default:
		return nil
	}
}

// needed lists the names of the steps that a step, or a step of its group, needs or mentions.
func (t *step) needed() []string {
	var out []string
	for _, n := range t.needs {
		out = append(out, n.text)
	}
	mentioned := t.expressions()
	if t.foreach != nil && t.foreach.from != nil {
		mentioned = append(mentioned, t.foreach.from)
	}
	if t.foreach != nil {
		for i := range t.foreach.elements {
			mentioned = append(mentioned, t.foreach.elements[i].expressions()...)
		}
	}
	for _, e := range mentioned {
		if e.root == stepOutput {
			out = append(out, e.name)
		}
	}
	inner := map[string]bool{}
	for _, s := range t.steps {
		inner[s.name] = true
	}
	for _, s := range t.steps {
		for _, n := range s.needed() {
			if !inner[n] {
				out = append(out, n)
			}
		}
	}
	return out
}
