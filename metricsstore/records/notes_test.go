package records_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

func TestNotesCountOn(t *testing.T) {
	var n records.Notes
	n.Inferred(2, "edges were inferred")
	n.LeftOut(0, "rows have no start")
	n.Inferred(3, "edges were inferred")
	n.Remark(record.NoteRecorded, "times are in %s", "UTC")
	require.Equal(t, records.Notes{
		{Kind: record.NoteInferred, Text: "edges were inferred", Count: 5},
		{Kind: record.NoteRecorded, Text: "times are in UTC", Count: -1},
	}, n)
}
