package statetest_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/dagscope/dagscope/engine/state"
	"github.com/dagscope/dagscope/internal/testkit/statetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestReference(t *testing.T) {
	statetest.Test(t, func(*testing.T) state.Store { return statetest.Reference() })
}
