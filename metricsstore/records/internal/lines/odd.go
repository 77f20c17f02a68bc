package lines

import "strconv"

// Odd counts lines that are not as a reader expects them. Its zero value has none.
type Odd struct {
	Count int
	first int
}

// Add counts the line with a number.
func (o *Odd) Add(number int) {
	if o.Count++; o.Count == 1 {
		o.first = number
	}
}

// Text is a sentence about the lines with the place of the first one, for a note with their count.
func (o *Odd) Text(sentence string) string {
	return sentence + ", first in line " + strconv.Itoa(o.first)
}
