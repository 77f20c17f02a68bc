package memory

import (
	"testing"

	"github.com/dagscope/dagscope/engine/state"
	"github.com/dagscope/dagscope/internal/testkit/statetest"
)

func TestStore(t *testing.T) {
	statetest.Test(t, func(*testing.T) state.Store { return New() })
}
