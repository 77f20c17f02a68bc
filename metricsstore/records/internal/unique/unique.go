// Package unique makes IDs of names that can occur several times in a record: the first one stays as it is, further
// ones get a number in parentheses. The same names in the same order give the same IDs. It costs one entry of a map for
// each ID.
//
// Caveats: an ID of a further one is that of another task if the order of tasks differs between records.
package unique

import "fmt"

// Names are the names that have occurred, with how often. The zero value cannot be used; make one.
type Names map[string]int

// ID is name, or name with the smallest number from 2 that makes it unique.
func (n Names) ID(name string) string {
	n[name]++
	if n[name] == 1 {
		return name
	}
	for k := n[name]; ; k++ {
		id := fmt.Sprintf("%s (%d)", name, k)
		if n[id] == 0 {
			n[id]++
			return id
		}
	}
}
