package runtable

// ChangesKept is how many changes a table remembers.
func ChangesKept(t *Table) int { return len(t.changes.list) }
