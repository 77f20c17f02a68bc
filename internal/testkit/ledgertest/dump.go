package ledgertest

import (
	"fmt"
	"strings"

	"github.com/dagscope/dagscope/engine/state/ledger"
)

// Dump writes everything that matters in a state as text, one line for each part, so that two states can be compared
// and a difference can be read. It leaves out fields that have no meaning in a node's status, and untouched nodes.
func Dump(s *ledger.State) string {
	var b strings.Builder
	c := s.Counts
	fmt.Fprintf(&b, "run %s stopping=%q revision=%d seq=%d workers=%d nodes=%d edges=%d\n",
		s.Status, s.Stopping, s.Revision, s.Seq, s.Workers, len(s.Nodes), s.Edges)
	fmt.Fprintf(&b, "counts tasks=%d edges=%d open=%d claims=%d waiting=%d done=%d failed=%d skipped=%d retries=%d\n",
		c.Tasks, c.Edges, c.Open, c.Claims, c.Waiting, c.Done, c.Failed, c.Skipped, c.Retries)
	b.WriteString("bits")
	for i := range s.Edges {
		if s.Bits.Has(i) {
			fmt.Fprintf(&b, " %d", i)
		}
	}
	b.WriteByte('\n')
	for _, x := range s.Blocks {
		fmt.Fprintf(&b, "block of %d: width=%d first=%d firstEdge=%d\n", x.Expansion, x.Width, x.First, x.FirstEdge)
	}
	for i := range s.Nodes {
		if text := dumpNode(&s.Nodes[i]); text != "" {
			fmt.Fprintf(&b, "node %d %s\n", i, text)
		}
	}
	for _, q := range s.Queues {
		if len(q.Ready)+len(q.Solo) > 0 {
			fmt.Fprintf(&b, "queue %d ready=%v solo=%v\n", q.Class, q.Ready, q.Solo)
		}
	}
	fmt.Fprintf(&b, "retries %v\n", s.Retries)
	for i := range s.Sessions {
		dumpSession(&b, &s.Sessions[i])
	}
	return b.String()
}

// statusNames are as in engine/state/ledger/STATES.md.
var statusNames = [...]string{"blocked", "ready", "claimed", "waiting", "ok", "failed", "skipped", "cancelled"}

func dumpNode(n *ledger.Node) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s epoch=%d", statusNames[n.Status], n.Epoch)
	switch {
	case n.Status.Terminal():
		if n.PendingEdges != ledger.NoPendingEdges {
			fmt.Fprintf(&b, " edges=%d by=%q", n.PendingEdges, n.Session)
		}
		return b.String()
	case n.Status == ledger.Blocked && n.Awaits == 0:
		if n.Epoch == 0 && n.Arrived == 0 && len(n.Awaited) == 0 {
			return ""
		}
		fmt.Fprintf(&b, " arrived=%d bad=%t", n.Arrived, n.Bad)
	default:
		fmt.Fprintf(&b, " class=%d attempts=%d errors=%d losses=%d solo=%d bad=%t poison=%t since=%d",
			n.Class, n.Attempts, n.Errors, n.Losses, n.Solo, n.Bad, n.Poison, n.Since)
	}
	switch n.Status {
	case ledger.Claimed:
		fmt.Fprintf(&b, " by=%s started=%t", n.Session, n.Started)
	case ledger.Waiting:
		fmt.Fprintf(&b, " due=%d", n.Due)
	case ledger.Blocked:
		if n.Awaits > 0 {
			fmt.Fprintf(&b, " awaits=%d", n.Awaits)
		}
	}
	if r := &n.Reserved; r.Session != "" {
		fmt.Fprintf(&b, " reserved=%s size=%d parent=%d held=%v", r.Session, r.Size, r.Parent, r.Held)
	}
	if len(n.Awaited) > 0 {
		fmt.Fprintf(&b, " awaited=%v", n.Awaited)
	}
	return b.String()
}

func dumpSession(b *strings.Builder, ses *ledger.Session) {
	fmt.Fprintf(b, "session %s worker=%d last=%d until=%d claims=%d over=%t suspect=%t ready=%v owed=[",
		ses.ID, ses.Worker, ses.Last, ses.Until, ses.Claims, ses.Over, ses.Suspect, ses.Ready)
	for _, e := range ses.Owed {
		fmt.Fprintf(b, "{%d child=%d waits=%d class=%d parent=%d}", e.Offset, e.Child, e.Waits, e.Class, e.Parent)
	}
	b.WriteString("]\n")
}
