package junit

import (
	"strings"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// remark adds the notes about a report.
func (r *report) remark(out *records.Run, p placement) {
	n := &out.Notes
	skipped, untimed, surplus, expected, meson := 0, 0, 0, 0, false
	reasons := map[string]bool{}
	for _, s := range r.suites {
		for i := range s.tests {
			t := &s.tests[i]
			switch {
			case t.skipped && len(t.failures) == 0:
				if !reason(n, reasons, t.why) {
					skipped++
				}
			case t.time < 0:
				untimed++
			}
			if t.expected {
				expected++
			}
			meson = meson || t.class != "" && (strings.HasPrefix(t.name, t.class+" / ") || strings.HasPrefix(t.name, t.class+":"))
		}
		if !s.nested && s.counted > len(s.tests) {
			surplus += s.counted - len(s.tests)
		}
	}
	n.Remark(record.NoteLeftOut, "reports of tests have no dependencies")
	switch p {
	case inSuites:
		n.Inferred(r.tests, "tests have no moments and were placed one after the other from the time stamp of their suite")
	case nowhere:
		n.Inferred(len(out.Workers), "machines have as many cores as tests ran at a time on average, or one")
	}
	if out.Undated && out.Date.Known() {
		n.Remark(record.NoteLeftOut, "time stamps have no zone")
	}
	n.Recorded(skipped, "tests were skipped")
	n.Recorded(expected, "tests failed as expected and count as succeeded")
	n.Repaired(r.torn, "errors in teardown are elements of their own and were joined with the tests that they are of")
	n.LeftOut(untimed, "tests have no duration")
	n.LeftOut(surplus, "tests are counted by their suite and not in it; pytest counts an error in teardown again")
	n.LeftOut(r.left, "properties and outputs of suites are not in the run")
	if meson {
		n.Remark(record.NoteLeftOut, "meson writes tests that ran into their timeout like ones that passed")
	}
	n.Inferred(r.again, "tests have the name of another one and are tasks of their own")
	if r.files > 1 {
		n.Recorded(r.files, "reports of one folder are one run")
	}
}

// reason notes why a test was skipped, unless there are many reasons.
func reason(n *records.Notes, known map[string]bool, why string) bool {
	if why == "" || len(why) > 200 || !known[why] && len(known) == 20 {
		return false
	}
	known[why] = true
	n.Recorded(1, "tests were skipped: "+why)
	return true
}
