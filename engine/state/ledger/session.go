package ledger

import (
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

func (op Open) moment() int64 { return op.Now }

func (op Open) apply(t *transition) Reply {
	if why := op.validate(); why != "" {
		return malformed(why)
	}
	if ses := t.Session(op.Session); ses != nil {
		if ses.Over {
			return Reply{Verdict: Fenced}
		}
		return Reply{Verdict: Repeated, Worker: ses.Worker}
	}
	return Reply{Worker: t.open(op.Session, op.Now+int64(op.Lease)).Worker}
}

func (t *transition) open(id SessionID, until int64) *Session {
	t.Sessions = append(t.Sessions, Session{ID: id, Worker: t.Workers, Until: until})
	t.Workers++
	return &t.Sessions[len(t.Sessions)-1]
}

func (op Leave) moment() int64 { return op.Now }

func (op Leave) apply(t *transition) Reply {
	ses := t.live(op.Session)
	if ses == nil {
		return Reply{Verdict: Fenced}
	}
	t.resign(ses)
	for _, c := range t.Held(op.Session) {
		t.returnClaim(c.Node)
	}
	t.forget(op.Session)
	t.endRun()
	return Reply{}
}

// resign ends everything of a session except its claims: the edges that it owes are set, since no other session would
// set them, and nodes reserved for it become available to all.
func (t *transition) resign(ses *Session) {
	ses.Over = true
	owed := ses.Owed
	ses.Owed = nil
	for i := range owed {
		t.set(&owed[i], nil)
	}
	t.queueMade()
	for i := range t.Nodes {
		if t.Nodes[i].Reserved.Session == ses.ID {
			t.unhold(ses, dag.NodeID(i))
		}
	}
}

func (t *transition) forget(id SessionID) {
	t.Sessions = slices.DeleteFunc(t.Sessions, func(ses Session) bool { return ses.ID == id })
}

func (op Reap) moment() int64 { return op.Now }

func (op Reap) apply(t *transition) Reply {
	var reply Reply
	limit := op.Limit
	if limit <= 0 {
		limit = MaxReap
	}
	for _, id := range op.due(t.State) {
		if len(reply.Lost) >= limit {
			break
		}
		reply.Lost = append(reply.Lost, t.reapSession(&op, t.Session(id), limit-len(reply.Lost))...)
	}
	t.endRun()
	return reply
}

// due lists the sessions to reap.
func (op Reap) due(s *State) (due []SessionID) {
	for i := range s.Sessions {
		ses := &s.Sessions[i]
		if op.Session == ses.ID || op.Session == "" && (ses.Over || ses.Until <= op.Now) {
			due = append(due, ses.ID)
		}
	}
	return due
}

// reapSession ends a session and releases its claims, at most limit of them.
func (t *transition) reapSession(op *Reap, ses *Session, limit int) (lost []Lost) {
	v := t.examine(op, ses)
	if !ses.Over {
		t.resign(ses)
		ses.Suspect = v.rest || len(v.running) > limit
	}
	for _, c := range slices.Concat(v.running, v.others)[:min(limit, ses.Claims)] {
		lost = append(lost, t.lose(op, ses, c, v))
	}
	if ses.Claims > 0 {
		return lost
	}
	t.plain(record.Step{Kind: record.WorkerStopped, Outcome: record.OutcomeLost, Worker: ses.Worker, Ended: t.now, Became: dag.NoNode})
	t.forget(ses.ID)
	return lost
}

// verdict says which claims of a dead session may have killed its process.
type verdict struct {
	running, others []dag.NodeID // ascending
	rest            bool         // others are suspects
	culprit         dag.NodeID   // the claim that is charged with the loss, NoNode for none
}

func (t *transition) examine(op *Reap, ses *Session) verdict {
	v := verdict{culprit: dag.NoNode}
	for _, c := range t.Held(ses.ID) {
		if slices.Contains(op.Running, c.Node) {
			v.running = append(v.running, c.Node)
		} else {
			v.others = append(v.others, c.Node)
		}
	}
	if ses.Over {
		v.rest = ses.Suspect
		return v
	}
	v.rest = len(v.running) == 0
	suspects := v.running
	if v.rest {
		suspects = v.others
	}
	suspects = slices.DeleteFunc(slices.Clone(suspects), func(id dag.NodeID) bool { return !t.accusable(id) })
	if len(suspects) == 1 && (!v.rest || len(op.Running) == 0) {
		v.culprit = suspects[0]
	}
	return v
}

// accusable reports whether a node may have killed its worker: expansions and joins never do.
func (s *State) accusable(id dag.NodeID) bool {
	return s.Nodes[id].PendingEdges == NoPendingEdges && s.Nodes[id].Class != EngineClass
}

// lose releases a claim of a dead session.
func (t *transition) lose(op *Reap, ses *Session, id dag.NodeID, v verdict) Lost {
	n := &t.Nodes[id]
	l := Lost{Session: ses.ID, Worker: ses.Worker, Claim: t.claimOf(id), Charged: id == v.culprit}
	isRunning := t.accusable(id) && slices.Contains(v.running, id)
	suspect := isRunning || t.accusable(id) && v.rest
	l.Started = n.Started || isRunning || l.Charged
	edgesOnly := n.PendingEdges == EdgesClaimed
	t.unclaim(id)
	if l.Started {
		n.Attempts++
		t.plain(record.Step{
			Kind: record.AttemptEnded, Outcome: record.OutcomeLost, Announced: true, Node: id, Epoch: n.Epoch,
			Attempt: n.Attempts, Worker: ses.Worker, Ended: t.now, Updated: t.now, Became: dag.NoNode,
		})
	}
	if suspect {
		n.Solo = SoloGenerations
	}
	if l.Charged {
		n.Losses++
		l.Claim.Losses = n.Losses
		if op.Poison > 0 && int(n.Losses) >= op.Poison {
			n.Poison = true
			n.toEngine()
		}
	}
	t.requeue(id, edgesOnly)
	return l
}
