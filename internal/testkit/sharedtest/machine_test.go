package sharedtest

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
	"github.com/dagscope/dagscope/internal/testkit/ledgertest"
)

// TestDiffer: what goes through the back end comes out as the model says.
func TestDiffer(t *testing.T) {
	ops := 50_000
	if os.Getenv("DAGSCOPE_LONG") == "1" {
		ops = 1_000_000
	}
	start := time.Unix(1, 0)
	clock := start
	s := New(Config{Clock: func() time.Time { return clock }})
	b := s.Connect(nil)
	runs := 0
	_, err := ledgertest.Differ(t.Context(), func(c ledger.Config) (ledgertest.Machine, error) {
		runs++
		clear(s.runs) // those that are over
		return NewMachine(t.Context(), b, record.RunID(fmt.Sprint(runs)), c, func(now int64) { clock = start.Add(time.Duration(now)) })
	}, ledgertest.Config{Seed: 3, Ops: ops, Every: 10})
	require.NoError(t, err)
}
