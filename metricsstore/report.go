package metricsstore

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
)

// A report is an HTML page of a run that also has its archive; web/report writes it.
const (
	// ReportMagic begins every report.
	ReportMagic = "<!doctype html>\n<!-- dagscope report 1 -->\n"
	// ReportArchive is the line after which a report has the archive, in base64 up to the next <.
	ReportArchive = `<script type="application/vnd.dagscope.archive" id="archive">`
)

// ReportedArchive returns the archive within a report, to be read by ReadArchive. The error is ErrCorrupt where there is
// none.
func ReportedArchive(report io.Reader) (io.Reader, error) {
	in := bufio.NewReader(report)
	for inLine := false; ; {
		line, more, err := in.ReadLine()
		switch {
		case errors.Is(err, io.EOF):
			return nil, fmt.Errorf("%w: the report is cut off before its archive", ErrCorrupt)
		case err != nil:
			return nil, err
		case !inLine && string(line) == ReportArchive:
			return base64.NewDecoder(base64.StdEncoding, &untilMarkup{in: in}), nil
		}
		inLine = more
	}
}

// untilMarkup reads the text of an element of HTML.
type untilMarkup struct {
	in    io.Reader
	ended bool
}

// Read implements io.Reader.
func (u *untilMarkup) Read(b []byte) (int, error) {
	if u.ended {
		return 0, io.EOF
	}
	n, err := u.in.Read(b)
	if end := bytes.IndexByte(b[:n], '<'); end >= 0 {
		u.ended = true
		return end, io.EOF
	}
	return n, err
}
