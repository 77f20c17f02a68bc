package process

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestLinesApart(t *testing.T) {
	var got []Line
	l := NewLines(func(line Line) { got = append(got, line) })
	l.Write(Stdout, []byte("a\nb"))
	l.Write(Stderr, []byte("c\r\nd"))
	l.Write(Stdout, []byte("e\n"))
	l.Close()
	texts := map[Stream][]string{}
	for _, line := range got {
		assert.False(t, line.At.IsZero())
		texts[line.Stream] = append(texts[line.Stream], line.Text)
	}
	assert.Equal(t, map[Stream][]string{Stdout: {"a", "be"}, Stderr: {"c", "d"}}, texts)
}
