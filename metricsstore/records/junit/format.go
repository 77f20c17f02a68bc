package junit

import (
	"context"
	"fmt"
	"path"
	"regexp"

	"github.com/dagscope/dagscope/metricsstore/records"
)

// New returns the format of JUnit's reports.
func New() records.Format { return format{} }

type format struct{}

func (format) Name() string  { return "junit" }
func (format) Title() string { return "JUnit XML test report" }

// first is how a report begins.
var first = regexp.MustCompile(`(?s)^\s*(<\?xml[^>]*\?>\s*)?(<!--.*?-->\s*)*<testsuites?[\s/>]`)

func (format) Sniff(_ string, head []byte) records.Part {
	if first.Match(head) {
		return records.Main
	}
	return records.Foreign
}

func (format) Read(ctx context.Context, files []records.File) ([]*records.Run, error) {
	var reports []*report
	folders := map[string]*report{}
	tests := 0
	for i := range files {
		f := &files[i]
		if f.Part != records.Main {
			continue
		}
		one, err := readReport(ctx, f)
		if err != nil {
			return nil, err
		}
		if tests += one.tests; tests > records.MaxTasks {
			return nil, fmt.Errorf("%s: %w: expected at most %d tests", f.Path, records.ErrTooLarge, records.MaxTasks)
		}
		if !one.single {
			reports = append(reports, one)
			continue
		}
		folder := path.Dir(f.Path)
		if joined := folders[folder]; joined != nil {
			joined.join(one)
			continue
		}
		folders[folder] = one
		reports = append(reports, one)
	}
	var runs []*records.Run
	for _, r := range reports {
		if r.tests == 0 {
			return nil, &records.Fault{Path: r.file.Path, Byte: -1, Text: "the report has no tests, expected at least one testcase in a testsuite"}
		}
		runs = append(runs, r.run())
	}
	return runs, nil
}
