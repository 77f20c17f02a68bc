package ledgertest

import (
	"fmt"

	"github.com/dagscope/dagscope/engine/state/ledger"
)

// At is an operation at another moment: a store's clock replaces that of the caller.
func At(op ledger.Op, now int64) ledger.Op {
	switch op := op.(type) {
	case ledger.Open:
		op.Now = now
		return op
	case ledger.Commit:
		op.Now = now
		return op
	case ledger.Reap:
		op.Now = now
		return op
	case ledger.Invalidate:
		op.Now = now
		return op
	case ledger.Leave:
		op.Now = now
		return op
	case ledger.Stop:
		op.Now = now
		return op
	case ledger.Pause:
		op.Now = now
		return op
	case ledger.Resume:
		op.Now = now
		return op
	}
	panic(fmt.Sprintf("ledgertest: %T is an unknown operation", op))
}

// Moment is the Now of an operation.
func Moment(op ledger.Op) int64 {
	switch op := op.(type) {
	case ledger.Open:
		return op.Now
	case ledger.Commit:
		return op.Now
	case ledger.Reap:
		return op.Now
	case ledger.Invalidate:
		return op.Now
	case ledger.Leave:
		return op.Now
	case ledger.Stop:
		return op.Now
	case ledger.Pause:
		return op.Now
	case ledger.Resume:
		return op.Now
	}
	panic(fmt.Sprintf("ledgertest: %T is an unknown operation", op))
}
