// Package bounded shortens texts of records to what is kept of them. It cuts at the end, never within a character, and
// makes valid UTF-8 of what is not. It costs a copy only for texts that have to be changed.
//
// Caveats: that a text was shortened is not marked in it.
package bounded

import (
	"strings"
	"unicode/utf8"

	"github.com/dagscope/dagscope/metricsstore/records"
)

// Text is text or its beginning, at most records.MaxText bytes of valid UTF-8.
func Text(text string) string {
	if len(text) > records.MaxText {
		end := records.MaxText
		for end > records.MaxText-utf8.UTFMax && !utf8.RuneStart(text[end]) {
			end--
		}
		text = text[:end]
	}
	if valid := strings.ToValidUTF8(text, "\uFFFD"); len(valid) <= records.MaxText {
		return valid
	}
	return strings.ToValidUTF8(text, "?")
}

// Lines joins what is not empty, a line for each, to at most records.MaxText bytes.
func Lines(lines ...string) string {
	var b strings.Builder
	for _, l := range lines {
		if l == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(l)
		if b.Len() > records.MaxText {
			break
		}
	}
	return Text(b.String())
}
