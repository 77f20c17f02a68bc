package junit

import (
	"encoding/xml"
	"fmt"
	"strconv"

	"github.com/dagscope/dagscope/metricsstore/records"
)

// start begins an element.
func (r *reading) start(e xml.StartElement) error {
	name := e.Name.Local
	r.sink = nil
	switch {
	case len(r.open) == 1 && name == "testsuites":
		r.name, r.time = attribute(e, "name"), seconds(attribute(e, "time"))
	case len(r.open) == 1 && name != "testsuite":
		return &xml.SyntaxError{Msg: fmt.Sprintf("the root is %q, expected testsuites or testsuite", name)}
	case r.test != nil:
		r.inTest(e)
	case name == "testsuite":
		r.startSuite(e)
	case name == "testcase" && len(r.in) > 0:
		return r.startTest(e)
	case name == "property" || name == "system-out" || name == "system-err":
		r.left++
	}
	return nil
}

// attribute is the value of an attribute, empty if it is not there.
func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func (r *reading) startSuite(e xml.StartElement) {
	s := &suite{
		name: attribute(e, "name"), host: attribute(e, "hostname"), stamp: parseStamp(attribute(e, "timestamp")),
		time: seconds(attribute(e, "time")), counted: -1,
	}
	if n, err := strconv.Atoi(attribute(e, "tests")); err == nil {
		s.counted = n
	}
	if len(r.open) == 1 {
		r.single = true
		r.time, r.name = s.time, s.name
	}
	if n := len(r.in); n > 0 {
		outer := r.in[n-1]
		outer.nested = true
		if s.host == "" {
			s.host = outer.host
		}
	}
	r.in = append(r.in, s)
}

func (r *reading) startTest(e xml.StartElement) error {
	if r.tests == records.MaxTasks {
		return fmt.Errorf("%s: %w: expected at most %d tests", r.file.Path, records.ErrTooLarge, records.MaxTasks)
	}
	r.tests++
	s := r.in[len(r.in)-1]
	if len(s.tests) == 0 {
		r.suites = append(r.suites, s)
	}
	t := test{
		class: attribute(e, "classname"), name: attribute(e, "name"), status: attribute(e, "status"),
		time: seconds(attribute(e, "time")), stamp: parseStamp(attribute(e, "timestamp")), place: attribute(e, "file"),
	}
	if line := attribute(e, "line"); line != "" && t.place != "" {
		t.place += ":" + line
	}
	if t.status == "notrun" || t.status == "disabled" {
		t.skipped = true
	}
	s.tests = append(s.tests, t)
	r.test, r.depth = &s.tests[len(s.tests)-1], len(r.open)
	return nil
}

// inTest begins an element of a test.
func (r *reading) inTest(e xml.StartElement) {
	t := r.test
	switch name := e.Name.Local; name {
	case "skipped", "disabled":
		if attribute(e, "type") == "pytest.xfail" {
			t.expected = true // it ran and failed
			return
		}
		t.skipped, t.why = true, attribute(e, "message")
	case "failure", "error", "flakyFailure", "flakyError", "rerunFailure", "rerunError":
		if len(t.failures) == records.MaxAttempts-1 {
			return
		}
		t.failures = append(t.failures, failure{
			element: name, kind: attribute(e, "type"), message: attribute(e, "message"), time: seconds(attribute(e, "time")),
		})
		r.sink = &t.failures[len(t.failures)-1].text
	case "system-out", "system-err":
		r.sink = &t.output
	case "stackTrace": // of a further try
		if n := len(t.failures); n > 0 {
			r.sink = &t.failures[n-1].text
		}
	case "property":
		t.properties.add([]byte(attribute(e, "name") + "=" + attribute(e, "value") + "\n"))
	}
}

// join adds a report of the same folder.
func (r *report) join(other *report) {
	r.suites = append(r.suites, other.suites...)
	r.tests += other.tests
	r.left += other.left
	r.torn += other.torn
	r.files++
	r.time = -1
	if r.cut == "" && other.cut != "" {
		r.cut = other.file.Path + ": " + other.cut
	}
}
