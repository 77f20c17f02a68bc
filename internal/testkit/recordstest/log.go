package recordstest

import (
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// Log is what a recording passes on when it is replayed.
type Log struct {
	Steps   []record.Step
	Details []record.Detail
}

// Replayed returns the log of a recording, of which steps are as many as it says.
func Replayed(t require.TestingT, rec *records.Recording) *Log {
	c := &collector{}
	require.NoError(t, rec.Replay(c))
	require.Len(t, c.log.Steps, rec.Steps)
	return &c.log
}

// collector is a record.Recorder that keeps all that it gets.
type collector struct{ log Log }

func (*collector) Begin(record.RunInfo, *dag.Graph) error { return nil }

func (c *collector) Steps(_ record.RunID, steps []record.Step) {
	c.log.Steps = append(c.log.Steps, steps...)
}

func (c *collector) Details(_ record.RunID, details []record.Detail, _ []record.WorkerRecord) {
	c.log.Details = append(c.log.Details, details...)
}

func (*collector) End(record.RunID, record.RunEnd) error { return nil }
