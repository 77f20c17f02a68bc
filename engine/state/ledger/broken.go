package ledger

// broken names guards that are taken away. Only tests set it, to show that each guard is needed.
type broken uint16

const (
	noFence       broken = 1 << iota // what comes under a session that is over is applied all the same
	bareCounter                      // a bit that is set counts again
	applyAgain                       // a commit that was applied before is applied again
	noReservation                    // what is reserved for one session is handed out to any
	reapNothing                      // a dead session is forgotten, and so are its claims
	anyEpoch                         // what was made again already is made once more, in the same epoch
	expandAgain                      // an expansion that is repeated appends its instances again
	stopAtOnce                       // a run that is stopped ends while claims are held
	oweNothing                       // a dead session's edges that it had to set again are forgotten
	forgetEdges                      // so are the edges that were left for a later commit
	awaitNothing                     // a node that lacks an input is blocked, but not recorded as waiting for it
	keepConsumer                     // a node that lacks an input stays claimed, and keeps its slot, until the input exists
)

// again reports whether a commit that was applied before is applied again.
func (s *State) again(op *Commit) bool {
	return s.broken&applyAgain != 0 || s.broken&expandAgain != 0 && len(op.Ends) == 1 && op.Ends[0].Expand != nil
}
