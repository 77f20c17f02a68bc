package simulate

// ready holds the nodes that can be claimed: in queues as the engine has them, or in the recorded order.
type ready struct {
	count    int
	recorded bool
	ranked   heapOf[rank]
	queues   []queue
	filled   set   // queues that are not empty
	latest   int32 // queue that got a node last
}

// queue is what engine/state/memory has for each processor: the newest node is claimed first, and others take from the
// older half, which begins at head.
type queue struct {
	nodes []uint32
	head  int
}

func (q *queue) len() int { return len(q.nodes) - q.head }

// rank is a node with its place in the recorded order.
type rank struct {
	order uint32
	node  uint32
}

func (r rank) before(o rank) bool { return r.order < o.order || r.order == o.order && r.node < o.node }

func (r *ready) reset(c *Conditions) {
	r.count, r.recorded, r.latest = 0, c.Recorded, 0
	r.ranked.reset()
	n := 0
	for i := range c.Workers {
		n += c.Workers[i].Queues
	}
	for len(r.queues) < n {
		r.queues = append(r.queues, queue{})
	}
	r.queues = r.queues[:n]
	for i := range r.queues {
		r.queues[i].nodes, r.queues[i].head = r.queues[i].nodes[:0], 0
	}
	r.filled.reset(n)
}

func (r *ready) push(q int32, node, order uint32) {
	r.count++
	r.latest = q
	if r.recorded {
		r.ranked.push(rank{order, node})
		return
	}
	r.queues[q].nodes = append(r.queues[q].nodes, node)
	r.filled.add(q)
}

// claim takes the next node for a lane of queue q. There must be one.
func (r *ready) claim(q int32) uint32 {
	r.count--
	if r.recorded {
		return r.ranked.pop().node
	}
	if r.queues[q].len() == 0 {
		r.steal(q)
	}
	own := &r.queues[q]
	node := own.nodes[len(own.nodes)-1]
	own.nodes = own.nodes[:len(own.nodes)-1]
	r.tidy(q)
	return node
}

// steal moves the older half of the next queue that has nodes to queue q, which is empty.
func (r *ready) steal(q int32) {
	from, ok := r.filled.next(q + 1)
	if !ok {
		from, _ = r.filled.next(0)
	}
	other, own := &r.queues[from], &r.queues[q]
	half := (other.len() + 1) / 2
	own.nodes = append(own.nodes[:0], other.nodes[other.head:other.head+half]...)
	own.head = 0
	other.head += half
	r.filled.add(q)
	r.tidy(from)
}

// tidy empties a queue that has no more nodes, so that its memory is used again.
func (r *ready) tidy(q int32) {
	if own := &r.queues[q]; own.len() == 0 {
		own.nodes, own.head = own.nodes[:0], 0
		r.filled.remove(q)
	}
}
