package chrometrace

import (
	"strings"

	"github.com/dagscope/dagscope/metricsstore/records"
)

// describer writes what else the trace says about spans, a line for each fact. It changes nothing of its builder.
type describer struct {
	*builder
	line   []byte // reused
	pool   pool
	common map[commonText]string
}

// commonText is what the text that events have in common is made of: arguments, and the name of a thread.
type commonText struct{ args, lane int32 }

func newDescriber(b *builder) *describer {
	return &describer{builder: b, common: map[commonText]string{}}
}

// describe sets the Log and Common of spans, of which kept are the numbers.
func (d *describer) describe(spans []records.Span, kept []int32) {
	for i, n := range kept {
		e := d.event(n)
		at := e.args
		if last := d.spans[n].last; last != none && at == (argsAt{}) {
			at = d.events[last].args
		}
		d.line = d.args.appendOwn(d.line[:0], at)
		if len(d.bodies) > 0 {
			d.line = appendLine(d.line, d.bodies[n].log)
		}
		spans[i].Log = d.pool.text(d.line)
		spans[i].Common = d.commonOf(commonText{at.common, e.lane})
	}
}

// commonOf is a text that events have in common.
func (d *describer) commonOf(of commonText) string {
	text, ok := d.common[of]
	if ok {
		return text
	}
	d.line = d.line[:0]
	if of.args != 0 {
		d.line = appendFacts(d.line, d.args.common[of.args])
	}
	thread := d.lanes[of.lane].name
	if thread != "" && !strings.HasPrefix(thread, "thread ") {
		d.line = appendLine(d.line, "thread ", thread)
	} else {
		d.line = appendLine(d.line, thread)
	}
	text = d.pool.text(d.line)
	d.common[of] = text
	return text
}

// appendLine appends a line, if it is not empty.
func appendLine(log []byte, texts ...string) []byte {
	if texts[len(texts)-1] == "" {
		return log
	}
	if len(log) > 0 {
		log = append(log, '\n')
	}
	for _, t := range texts {
		log = append(log, t...)
	}
	return log
}
