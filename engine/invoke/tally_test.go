package invoke

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTally(t *testing.T) {
	var y Tally
	y.Executing(0, y.Opened("run", "session"), 1)
	y.Executing(0, 0, 2) // what it became
	y.Executing(3, 0, 3)
	assert.EqualValues(t, 3, y.Executed())
	assert.EqualValues(t, 2, y.Busy())
	y.Idle(0)
	y.Idle(0)
	y.Idle(1)
	assert.EqualValues(t, 1, y.Busy())
	y.Executing(MaxSlots, 0, 4)
	y.Idle(MaxSlots)
	y.Idle(3)
	y.Closed(0)
	assert.EqualValues(t, 4, y.Executed())
	assert.Zero(t, y.Busy())
}
