package templates

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"
)

// ReportData is the data of Report.
type ReportData struct {
	Page
	Title   string
	Lead    string // what became of the run, in a sentence or two
	Failure string // why it failed; empty if it did not
	Busy    BusySlots
	// Functions are in the order in which they are shown, and FunctionsLeftOut is how many others there are.
	Functions        []FunctionTimes
	FunctionsLeftOut int
	// Script and Styles are those of the dashboard for reports.
	Script, Styles []byte
	// Pack is what the script shows, Archive the run as an archive file.
	Pack, Archive []byte
	// Magic is what the file begins with, instead of its document type, and ArchiveLine the line before the archive.
	Magic, ArchiveLine string
}

// BusySlots is an area of SVG: how many slots were busy over time.
type BusySlots struct {
	Path          string // in the coordinates of Width and Height; empty for none
	Width, Height int
	Most          int
	End           string // the moment at the right
}

// FunctionTimes is a row of the table of functions, as text.
type FunctionTimes struct{ Name, N, Median, P95, Longest, Sum string }

// reportPage is what the template sees.
type reportPage struct {
	ReportData
	Policy           string
	Sheet            template.CSS
	Loader           template.JS
	Packed, Archived template.HTML
}

// Report writes a run as a page that is one file and needs no network, which its own policy forbids: the policy allows the
// scripts and styles in it by their hashes, and nothing else. Without script it has a table and a chart.
func Report(w io.Writer, d ReportData) error {
	loader, err := files.ReadFile("report.js")
	if err != nil {
		return fmt.Errorf("templates: %w", err)
	}
	sheet, err := files.ReadFile("report.css")
	if err != nil {
		return fmt.Errorf("templates: %w", err)
	}
	var packed strings.Builder
	for _, part := range []struct {
		id      string
		content []byte
	}{{"styles", d.Styles}, {"script", d.Script}, {"pack", d.Pack}} {
		text, err := zipped(part.content)
		if err != nil {
			return err
		}
		fmt.Fprintf(&packed, "<script type=\"application/octet-stream\" id=%q>%s</script>\n", part.id, text)
	}
	if _, err := io.WriteString(w, d.Magic); err != nil {
		return fmt.Errorf("templates: %w", err)
	}
	return render(w, "report.html", reportPage{
		ReportData: d, Policy: reportPolicy([][]byte{loader, d.Script}, [][]byte{sheet, d.Styles}),
		Sheet: template.CSS(sheet), Loader: template.JS(loader), Packed: template.HTML(packed.String()), //nolint:gosec // our own files and base64
		Archived: template.HTML(d.ArchiveLine + "\n" + base64.StdEncoding.EncodeToString(d.Archive) + "\n</script>"), //nolint:gosec // a constant and base64
	})
}

// reportPolicy allows scripts and styles by their content, and no request at all.
func reportPolicy(scripts, styles [][]byte) string {
	hashes := func(of [][]byte) (out string) {
		for _, content := range of {
			sum := sha256.Sum256(content)
			out += " 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
		}
		return out
	}
	return "default-src 'none'; script-src" + hashes(scripts) + "; style-src" + hashes(styles) + "; img-src data:; base-uri 'none'; form-action 'none'"
}

// zipped is content after gzip, in base64.
func zipped(content []byte) (string, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return "", fmt.Errorf("templates: %w", err)
	}
	if _, err := z.Write(content); err != nil {
		return "", fmt.Errorf("templates: %w", err)
	}
	if err := z.Close(); err != nil {
		return "", fmt.Errorf("templates: %w", err)
	}
	return base64.StdEncoding.EncodeToString(b.Bytes()), nil
}
