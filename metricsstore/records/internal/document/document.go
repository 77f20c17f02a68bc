// Package document reads records that are one JSON document of moderate size into a value. It is for tools that write a
// summary when a run has ended, so a document that is cut off is refused.
//
// Guarantees: an error is a records.Fault with the byte at which the document is wrong, or that of the file.
//
// Costs: the text and the value are in memory at the same time; the text has at most Max bytes.
//
// Caveats: members that the value has no field for are passed over, and keys match without regard to case.
package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/dagscope/dagscope/metricsstore/records"
)

// Max bounds a document in bytes. Summaries of large builds have some 100 MB, as they list the hash of every file.
const Max = 512 << 20

// Read reads a file into a value; what says what the document should be, such as "a run summary of Turborepo".
func Read(f *records.File, into any, what string) error {
	r, err := f.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	text, err := io.ReadAll(io.LimitReader(r, Max+1))
	if err != nil {
		return err
	}
	if len(text) > Max {
		return fmt.Errorf("%s: %w: expected at most %d bytes", f.Path, records.ErrTooLarge, Max)
	}
	err = json.Unmarshal(text, into)
	if err == nil {
		return nil
	}
	fault := &records.Fault{Path: f.Path, Byte: int64(len(text)), Text: fmt.Sprintf("expected %s: %s", what, strings.TrimPrefix(err.Error(), "json: "))}
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		fault.Byte = syntax.Offset
	case errors.As(err, &kind):
		fault.Byte = kind.Offset
	}
	if len(bytes.TrimSpace(text)) == 0 {
		fault.Text = fmt.Sprintf("expected %s, and the file is empty", what)
	}
	return fault
}
