package runtable

// ChangesKept is how many changes a table remembers.
func ChangesKept(t *Table) int { return len(t.changes.list) }

// AppendFrame appends the next frame for a client at c, and returns the position after it. A frame holds at most
// maxRows rows and expansions; when more have changed, further frames make a batch with it.
func (t *Table) AppendFrame(dst []byte, h FrameHeader, c Cursor, maxRows int) ([]byte, Cursor) {
	body, next := t.AppendBody(nil, c, maxRows)
	return append(AppendHeader(dst, h, c, next), body...), next
}
