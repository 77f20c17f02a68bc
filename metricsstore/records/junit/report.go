package junit

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/dagscope/dagscope/metricsstore/records"
)

// report is the content of one file, or of several with one suite each.
type report struct {
	file   *records.File
	single bool // the root is a testsuite
	files  int
	name   string
	time   time.Duration // of the root, -1 if it has none
	suites []*suite      // those that have tests
	tests  int
	cut    string // why the rest could not be read
	again  int    // tests with the name of another one
	torn   int    // errors in teardown that are elements of their own
	left   int    // texts and properties of suites
}

// suite is a testsuite with its own tests, without those of suites in it.
type suite struct {
	name, host string
	stamp      stamp
	time       time.Duration // -1 if it has none
	tests      []test
	counted    int // as its attribute says, -1 if it does not
	nested     bool
}

// test is a testcase.
type test struct {
	class, name, status string
	place               string // file and line
	time                time.Duration
	stamp               stamp
	skipped             bool
	why                 string // it was skipped
	expected            bool   // it failed and was expected to
	failures            []failure
	output              text
	properties          text
}

// failure is a failure or error of a test, or a further try of it.
type failure struct {
	element, kind, message string
	time                   time.Duration
	text                   text
}

// stamp is a time stamp. Without a zone, it is as if it was in UTC.
type stamp struct {
	at    records.Moment
	zoned bool
}

// text is the beginning of a text.
type text struct{ b []byte }

func (t *text) add(b []byte) {
	t.b = append(t.b, b[:min(len(b), max(0, records.MaxText-len(t.b)))]...)
}

func (t *text) String() string { return strings.TrimSpace(string(t.b)) }

// seconds is a duration in seconds, -1 if it is none. Surefire separates thousands by commas.
func seconds(s string) time.Duration {
	n, err := strconv.ParseFloat(strings.ReplaceAll(s, ",", ""), 64)
	if err != nil || !(n >= 0 && n < 1e9) {
		return -1
	}
	return time.Duration(n * float64(time.Second))
}

func parseStamp(s string) stamp {
	s = strings.Replace(strings.TrimSpace(s), " ", "T", 1)
	if at, err := time.Parse(time.RFC3339, s); err == nil {
		return stamp{records.At(at), true}
	}
	if at, err := time.Parse("2006-01-02T15:04:05", s); err == nil {
		return stamp{records.At(at), false}
	}
	return stamp{at: records.Unknown}
}

// reading is the state of reading one file.
type reading struct {
	*report
	open  []string // elements
	in    []*suite // suites that are open
	test  *test
	depth int   // of the test's element
	sink  *text // where text goes, or nil
	ended bool
}

// maxDepth bounds how deep elements may be in each other.
const maxDepth = 1000

// readReport reads a file.
func readReport(ctx context.Context, f *records.File) (*report, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	source := &source{in: r}
	in := xml.NewDecoder(source)
	in.CharsetReader = charset
	state := &reading{report: &report{file: f, files: 1, time: -1}}
	for n := 0; ; n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		token, err := in.RawToken()
		if err == nil {
			err = state.take(token)
		}
		if err == nil {
			continue
		}
		if state.ended && errors.Is(err, io.EOF) {
			return state.report, nil
		}
		var syntax *xml.SyntaxError
		cut := errors.Is(err, io.EOF) || errors.As(err, &syntax) && syntax.Msg == "unexpected EOF"
		if source.err != nil {
			return nil, source.err // of reading, or a limit
		}
		return state.broken(in, err, cut)
	}
}

// source remembers why a file could not be read, which the decoder does not tell from what is wrong in it.
type source struct {
	in  io.Reader
	err error
}

// Read implements io.Reader.
func (s *source) Read(b []byte) (int, error) {
	n, err := s.in.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// broken is what is left of a file that cannot be read to its end.
func (r *reading) broken(in *xml.Decoder, err error, cut bool) (*report, error) {
	line, _ := in.InputPos()
	what := err.Error()
	if cut {
		what = "the file ends before the report does"
	}
	if r.tests == 0 && !r.ended {
		return nil, &records.Fault{Path: r.file.Path, Line: line, Byte: in.InputOffset(), Text: what + "; expected a report with testsuite and testcase"}
	}
	r.cut = fmt.Sprintf("line %d: %s", line, what)
	return r.report, nil
}

// take takes the next token.
func (r *reading) take(token xml.Token) error {
	switch t := token.(type) {
	case xml.StartElement:
		if len(r.open) == maxDepth {
			return &xml.SyntaxError{Msg: "elements are too deep in each other"}
		}
		if r.ended {
			return &xml.SyntaxError{Msg: "expected nothing after the report"}
		}
		r.open = append(r.open, t.Name.Local)
		return r.start(t)
	case xml.EndElement:
		n := len(r.open) - 1
		if n < 0 || r.open[n] != t.Name.Local {
			return &xml.SyntaxError{Msg: "</" + t.Name.Local + "> ends another element than the last one"}
		}
		r.end(t.Name.Local)
		r.open = r.open[:n]
		r.ended = n == 0
	case xml.CharData:
		if r.sink != nil {
			r.sink.add(t)
		}
	}
	return nil
}

// end ends an element.
func (r *reading) end(name string) {
	r.sink = nil
	switch {
	case r.test != nil && len(r.open) == r.depth:
		r.mergeTeardown()
		r.test = nil
	case r.test == nil && name == "testsuite":
		r.in = r.in[:len(r.in)-1]
	}
}

// mergeTeardown joins a test that has ended with the one before it if both are one test of pytest, which writes an error
// in the teardown of a test that has failed as a test of its own.
func (r *reading) mergeTeardown() {
	s := r.in[len(r.in)-1]
	n := len(s.tests)
	if n < 2 || len(r.test.failures) != 1 || !strings.HasPrefix(r.test.failures[0].message, "failed on teardown") {
		return
	}
	before := &s.tests[n-2]
	if before.name != r.test.name || before.class != r.test.class || len(before.failures) == 0 {
		return
	}
	before.failures = append(before.failures, r.test.failures[0])
	s.tests = s.tests[:n-1]
	r.tests--
	r.torn++
}

// charset reads the encodings that reports have.
func charset(name string, in io.Reader) (io.Reader, error) {
	switch strings.ToLower(name) {
	case "utf-8", "us-ascii", "ascii":
		return in, nil
	case "iso-8859-1", "latin1", "windows-1252":
		return &latin{in: in}, nil
	}
	return nil, &xml.SyntaxError{Msg: fmt.Sprintf("the encoding is %q, expected UTF-8 or ISO-8859-1", name)}
}

// latin makes UTF-8 of ISO-8859-1.
type latin struct {
	in   io.Reader
	rest []byte
}

func (l *latin) Read(p []byte) (int, error) {
	if len(l.rest) == 0 {
		var buf [1024]byte
		n, err := l.in.Read(buf[:])
		for _, b := range buf[:n] {
			l.rest = append(l.rest, string(rune(b))...)
		}
		if n == 0 {
			return 0, err
		}
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}
