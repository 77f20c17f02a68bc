package records

import (
	"fmt"

	"github.com/dagscope/dagscope/engine/record"
)

// Notes are what a reader and Compile say about a record, in the order in which it was first said.
type Notes []record.Note

// Add says something about count things. What was said before with the same kind and text is counted on.
func (n *Notes) Add(kind record.NoteKind, count int64, text string) {
	if count == 0 {
		return
	}
	for i := range *n {
		if old := &(*n)[i]; old.Kind == kind && old.Text == text {
			old.Count += count
			return
		}
	}
	*n = append(*n, record.Note{Kind: kind, Text: text, Count: count})
}

// Recorded says that the file contains something. text is a sentence about many without the number that precedes it:
// "tasks have an exit code".
func (n *Notes) Recorded(count int, text string) { n.Add(record.NoteRecorded, int64(count), text) }

// Inferred says that something was concluded that the file does not say.
func (n *Notes) Inferred(count int, text string) { n.Add(record.NoteInferred, int64(count), text) }

// Repaired says that something that the file says was changed because it cannot be so.
func (n *Notes) Repaired(count int, text string) { n.Add(record.NoteRepaired, int64(count), text) }

// LeftOut says that something in the file is not in the run.
func (n *Notes) LeftOut(count int, text string) { n.Add(record.NoteLeftOut, int64(count), text) }

// Remark says something about the record as a whole.
func (n *Notes) Remark(kind record.NoteKind, format string, args ...any) {
	n.Add(kind, -1, fmt.Sprintf(format, args...))
}
