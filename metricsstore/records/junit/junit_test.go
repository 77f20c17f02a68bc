package junit_test

import (
	"encoding/xml"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/droptest"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/junit"
)

const (
	pytest = "pytest-junit/teardown-error.xml"
	meson  = "meson-test/testlog.junit.xml"
)

func TestClaims(t *testing.T) {
	droptest.Foreign(t, junit.New(), "pytest-junit", "meson-test")
	require.Equal(t, records.Foreign, junit.New().Sniff("testlog.json", droptest.Load(t, "meson-test/testlog.json")))
	require.Equal(t, records.Main, junit.New().Sniff("x", []byte("<?xml version=\"1.0\"?>\n<!-- by hand -->\n<testsuite>")))
	require.Equal(t, records.Foreign, junit.New().Sniff("x.xml", []byte("<suite><testsuite/></suite>")))
}

// counts are the numbers of tests by how they ended, and the milliseconds by class.
type counts struct {
	tests, failed, skipped int
	sums                   map[string]int64
}

// plain counts in the raw file.
func plain(t *testing.T, raw []byte) counts {
	var doc struct {
		Cases []struct {
			Class   string     `xml:"classname,attr"`
			Time    float64    `xml:"time,attr"`
			Failure []struct{} `xml:"failure"`
			Error   []struct{} `xml:"error"`
			Skipped []struct{} `xml:"skipped"`
		} `xml:"testsuite>testcase"`
	}
	require.NoError(t, xml.Unmarshal(raw, &doc))
	c := counts{sums: map[string]int64{}}
	for _, one := range doc.Cases {
		c.tests++
		c.failed += min(1, len(one.Failure)+len(one.Error))
		c.skipped += len(one.Skipped)
		c.sums[one.Class] += int64(one.Time * 1000)
	}
	return c
}

func count(r *records.Run) counts {
	c := counts{tests: len(r.Tasks), sums: map[string]int64{}}
	for _, task := range r.Tasks {
		if task.Skipped {
			c.skipped++
		}
		for _, a := range task.Attempts {
			if a.Outcome == record.OutcomeFailed {
				c.failed++
			}
			c.sums[task.Function] += int64(a.Runtime.Seconds() * 1000)
		}
	}
	return c
}

func TestPytest(t *testing.T) {
	raw := droptest.Load(t, pytest)
	r := droptest.One(t, junit.New(), pytest, raw)
	require.Equal(t, plain(t, raw), count(r))
	require.Equal(t, []int{7, 2, 1}, []int{count(r).tests, count(r).failed, count(r).skipped})
	require.Equal(t, record.Failed, r.Status)
	require.Equal(t, "pytest", r.Workflow)
	require.Equal(t, 1056*time.Millisecond, r.Makespan)
	require.True(t, r.Undated)
	require.Equal(t, "2026-11-30T06:45:01.62908Z", r.Date.Time().Format(time.RFC3339Nano))
	require.Equal(t, records.Moment(605*time.Millisecond), r.Tasks[1].Attempts[0].Started)
	require.Equal(t, []records.Worker{{Name: "vm", Host: "vm", Cores: 1, CPU: -1, Started: records.Unknown, Ended: records.Unknown}}, r.Workers)
	failed := r.Tasks[4].Attempts[0].Error
	require.Equal(t, "assert 0", failed.Message)
	require.True(t, strings.HasSuffix(failed.Stack, "test_x.py:8: AssertionError"))
	require.Equal(t, "test_x.test_td", r.Tasks[6].ID)
	require.Equal(t, `failed on teardown with "RuntimeError"`, r.Tasks[6].Attempts[0].Error.Message)
	require.Contains(t, fmt.Sprint(r.Notes), "pytest counts an error in teardown again 1}")
}

// The suite says that it took less time than its tests, which ran two at a time.
func TestMeson(t *testing.T) {
	raw := droptest.Load(t, meson)
	r := droptest.One(t, junit.New(), meson, raw)
	require.Equal(t, plain(t, raw), count(r))
	require.Equal(t, []string{"demo:fan / t1", "demo:fan / t1 (2)"}, []string{r.Tasks[0].ID, r.Tasks[1].ID})
	require.Equal(t, records.Unknown, r.Tasks[0].Attempts[0].Started)
	require.Equal(t, 2, r.Workers[0].Cores)
	require.Zero(t, r.Makespan)
	require.Contains(t, fmt.Sprint(r.Notes), "meson writes tests that ran into their timeout like ones that passed")
}

func TestCuts(t *testing.T) {
	for _, path := range []string{pytest, meson} {
		raw := []byte(strings.TrimSpace(string(droptest.Load(t, path))))
		droptest.Cut(t, junit.New(), []records.File{droptest.Sniffed(t, junit.New(), path, raw)}, 0, 200)
	}
}

func one(t *testing.T, text string) *records.Run {
	return droptest.One(t, junit.New(), "report.xml", []byte(text))
}

// Surefire runs tests again: what is flaky passed in the end.
func TestTries(t *testing.T) {
	r := one(t, `<testsuite name="A"><testcase classname="a.B" name="c" time="1,002.5"><flakyFailure message="m1" type="T"><stackTrace>at x</stackTrace></flakyFailure><flakyError time="2"/></testcase>
		<testcase classname="a.B" name="d" time="3"><failure type="T">first
line</failure><rerunFailure message="m2"><stackTrace>at y</stackTrace><system-out>o</system-out></rerunFailure></testcase></testsuite>`)
	c, d := r.Tasks[0].Attempts, r.Tasks[1].Attempts
	require.Len(t, c, 3)
	require.Equal(t, &records.Failure{Message: "T: m1", Stack: "at x"}, c[0].Error)
	require.Equal(t, []time.Duration{-1, 2 * time.Second, 1002500 * time.Millisecond}, []time.Duration{c[0].Runtime, c[1].Runtime, c[2].Runtime})
	require.Equal(t, record.OutcomeOK, c[2].Outcome)
	require.Len(t, d, 2)
	require.Equal(t, &records.Failure{Message: "T: first", Stack: "first\nline"}, d[0].Error)
	require.Equal(t, record.OutcomeFailed, d[1].Outcome)
	require.Equal(t, "o", d[1].Log)
	require.Equal(t, "A", r.Workflow)
	require.True(t, r.Undated)
	require.False(t, r.Date.Known())
}

// CTest has states, and suites in suites inherit their machine. Several failures of one try are one.
func TestStates(t *testing.T) {
	r := one(t, `<testsuites name="all" time="4"><testsuite name="s" hostname="h" time="2" tests="3"><testsuite name="in" time="8">
		<testcase name="t1" classname="t1" time="2.5" status="fail"><failure message="Timeout"/><properties/><system-out>out &amp; more</system-out></testcase>
		<testcase name="t2" status="notrun" time="0"/><testcase name="t3" time="-1"><skipped/></testcase>
		<testcase name="t4" time="5.5" file="a.py" line="3"><error/><failure message="two"/><system-err><![CDATA[<err>]]></system-err></testcase></testsuite></testsuite></testsuites>`)
	require.Equal(t, record.TimeoutError, r.Tasks[0].Attempts[0].Error.Kind)
	require.Equal(t, "out & more", r.Tasks[0].Attempts[0].Log)
	require.True(t, r.Tasks[1].Skipped && r.Tasks[2].Skipped)
	require.Equal(t, "in.t4", r.Tasks[3].ID)
	require.Len(t, r.Tasks[3].Attempts, 1)
	require.Equal(t, "error\ntwo", r.Tasks[3].Attempts[0].Error.Message)
	require.Equal(t, "a.py:3\n<err>", r.Tasks[3].Attempts[0].Log)
	require.Equal(t, "h", r.Workers[0].Name)
	require.Equal(t, 2, r.Workers[0].Cores)
	require.Zero(t, r.Makespan, "a report is not shorter than one of its tests")
}

// GoogleTest has a stamp for each test. Stamps with a zone date the run.
func TestStamps(t *testing.T) {
	r := one(t, `<testsuites><testsuite name="s" timestamp="2026-01-02T03:04:05.000" time="9">
		<testcase name="a" status="run" result="completed" time="1.5" timestamp="2026-01-02T03:04:05.5"/>
		<testcase name="b" time="1" timestamp="2026-01-02T03:04:09"/></testsuite></testsuites>`)
	require.True(t, r.Undated)
	require.Equal(t, records.Moment(500*time.Millisecond), r.Tasks[0].Attempts[0].Started)
	require.Equal(t, records.Moment(2*time.Second), r.Tasks[0].Attempts[0].Ended)
	require.Equal(t, records.Moment(4*time.Second), r.Tasks[1].Attempts[0].Started)
	r = one(t, `<testsuites><testsuite name="s" timestamp="2026-01-02T03:04:05+01:00"><testcase name="a" time="1"/><testcase name="b" time="1"/></testsuite></testsuites>`)
	require.False(t, r.Undated)
	require.Equal(t, "2026-01-02T02:04:06Z", r.Tasks[1].Attempts[0].Started.Time().Format(time.RFC3339))
}

func load(t *testing.T, name string) *records.Run {
	raw, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	return droptest.One(t, junit.New(), name, raw)
}

// A report of CTest 3.25: output is apart from failures, tests that did not run have the reason, classes are names.
func TestCTest(t *testing.T) {
	r := load(t, "ctest.xml")
	require.Equal(t, "ctest", r.Workflow)
	require.Equal(t, record.Failed, r.Status)
	require.Equal(t, "out", r.Tasks[1].Attempts[0].Log)
	require.Equal(t, "test", r.Tasks[1].Function)
	skipped := 0
	for _, task := range r.Tasks {
		if task.Skipped {
			skipped++
		}
	}
	require.Equal(t, 4, skipped)
	require.Contains(t, fmt.Sprint(r.Notes), "tests were skipped: Unable to find executable 1}")
}

// A report of pytest 7.2: a test that was expected to fail is written as skipped, and one that failed twice, also in
// its teardown, as two.
func TestPytestTwice(t *testing.T) {
	r := load(t, "pytest.xml")
	require.Len(t, r.Tasks, 10)
	require.Equal(t, "failed as expected", r.Tasks[6].Attempts[0].Log)
	require.True(t, r.Tasks[7].Skipped)
	last := r.Tasks[9]
	require.Equal(t, "test_x.test_td2", last.ID)
	require.Len(t, last.Attempts, 1)
	require.Equal(t, "assert 0\nfailed on teardown with \"RuntimeError: td\"", last.Attempts[0].Error.Message)
}

// Surefire and Gradle write a report for each class.
func TestFolder(t *testing.T) {
	text := `<testsuite name="%s" time="2"><testcase name="t" classname="%s" time="1"/></testsuite>`
	files := []records.File{}
	for _, name := range []string{"reports/A.xml", "reports/B.xml", "other/C.xml"} {
		files = append(files, droptest.Sniffed(t, junit.New(), name, fmt.Appendf(nil, text, name, name)))
	}
	runs := droptest.Read(t, junit.New(), files...)
	require.Len(t, runs, 2)
	require.Len(t, runs[0].Tasks, 2)
	require.Equal(t, "reports", runs[0].Workflow)
	require.Equal(t, "other/C.xml", runs[1].Workflow)
}

func TestFaults(t *testing.T) {
	for text, want := range map[string]string{
		`<testsuites/>`:       "the report has no tests, expected at least one testcase in a testsuite",
		`<testsuite><testcas`: "line 1: byte 19: the file ends before the report does; expected a report with testsuite and testcase",
		`<suite/>`:            `the root is "suite", expected testsuites or testsuite`,
		`<testsuite></a>`:     "</a> ends another element than the last one",
		`<?xml version="1.0" encoding="UTF-16"?><testsuite/>`: `the encoding is "UTF-16", expected UTF-8 or ISO-8859-1`,
		`<?xml version="1.1"?><testsuite/>`:                   "only version 1.0 is supported",
		strings.Repeat("<testsuite>", 1001):                   "elements are too deep in each other",
	} {
		droptest.Refused(t, junit.New(), "report.xml", []byte(text), want)
	}
	r := one(t, "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><testsuite><testcase name=\"\xe9\"/></testsuite>")
	require.Equal(t, "é", r.Tasks[0].Name)
	r = one(t, "<testsuite><testcase name=\"a\"/>\n<testcase name=\"b\">\x01</testcase></testsuite>")
	require.Contains(t, r.Incomplete, "line 2: ")
	require.Empty(t, r.Status)
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`<testsuites time="3"><testsuite hostname="h" timestamp="2026-01-02T03:04:05"><testcase name="a" time="1"><failure message="m">x</failure></testcase></testsuite></testsuites>`))
	f.Add([]byte(`<testsuite><testcase name="a"><rerunFailure><stackTrace>s</stackTrace></rerunFailure><property name="a" value="b"/><skipped/></testcase></testsuite>`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		droptest.Try(t, junit.New(), droptest.File("x", records.Main, raw))
	})
}
