package record_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dagscope/dagscope/engine/record"
)

// TestSourceBounded: what a run keeps of a large file is whole lines, and says that it is a part.
func TestSourceBounded(t *testing.T) {
	assert.Nil(t, (*record.Source)(nil).Bounded())
	small := &record.Source{File: "a.yaml", Text: strings.Repeat("x", record.MaxSource)}
	assert.Same(t, small, small.Bounded())
	line := strings.Repeat("é", 50) + "\n"
	large := (&record.Source{File: "a.yaml", Text: strings.Repeat(line, 1000)}).Bounded()
	assert.True(t, large.Cut)
	assert.Equal(t, strings.Repeat(line, record.MaxSource/len(line)), large.Text)
	assert.Equal(t, "a.yaml", large.File)
	assert.Empty(t, (&record.Source{Text: strings.Repeat("x", record.MaxSource+1)}).Bounded().Text, "a line is never cut")
}
