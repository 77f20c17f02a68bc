package ledger

// Guards that a test can take away.
const (
	NoFence       = noFence
	BareCounter   = bareCounter
	ApplyAgain    = applyAgain
	NoReservation = noReservation
	ReapNothing   = reapNothing
	AnyEpoch      = anyEpoch
	ExpandAgain   = expandAgain
	StopAtOnce    = stopAtOnce
	OweNothing    = oweNothing
	ForgetEdges   = forgetEdges
	AwaitNothing  = awaitNothing
	KeepConsumer  = keepConsumer
)

// Guard is one of them.
type Guard = broken

// Break takes guards away.
func (s *State) Break(b broken) { s.broken |= b }

// Broken says which guards are gone.
func (s *State) Broken() Guard { return s.broken }

// AppendKey appends the key without the numbers of commits.
func (s *State) AppendKey(b []byte) []byte { return s.appendKey(b, false) }
