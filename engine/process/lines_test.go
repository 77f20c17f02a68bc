package process

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// split returns the lines of text that arrives in pieces, and how many were dropped.
func split(text string, cut func(rest string) int) (lines []string, dropped int) {
	q := newLineQueue(nil)
	s := splitter{stream: Stdout, queue: q}
	for text != "" {
		n := cut(text)
		s.write([]byte(text[:n]))
		text = text[n:]
	}
	s.end(time.Now())
	for _, l := range q.take() {
		lines, dropped = append(lines, l.Text), dropped+l.Dropped
	}
	return lines, dropped
}

func TestSplitting(t *testing.T) {
	long := strings.Repeat("x", maxLine)
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"nothing", "", nil},
		{"lines", "a\n\nb\n", []string{"a", "", "b"}},
		{"no end", "a\nb", []string{"a", "b"}},
		{"of Windows", "a\r\n\r\nb\r\n", []string{"a", "", "b"}},
		{"progress", "0 %\r50 %\r100 %\nend", []string{"0 %", "50 %", "100 %", "end"}},
		{"progress that begins lines", "\r0 %\r50 %\r100 %", []string{"0 %", "50 %", "100 %"}},
		{"two returns", "a\r\r\nb", []string{"a", "b"}},
		{"long", long + "more\nnext", []string{long, "next"}},
		{"long and drawn again", long + "more\r" + long + "more\rend\n", []string{long, long, "end"}},
		{"bytes", "\xff\n", []string{"�"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for piece := 1; piece <= max(1, len(c.text)); piece += max(1, len(c.text)/7) {
				got, dropped := split(c.text, func(rest string) int { return min(piece, len(rest)) })
				assert.Equal(t, c.want, got, "in pieces of %d", piece)
				assert.Zero(t, dropped)
			}
		})
	}
}

// TestSplittingInAnyPieces: the last lines are kept, and the others counted.
func TestSplittingInAnyPieces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "bc", "\n", "\n", strings.Repeat("\nd", 2*maxPending)}), 0, 40).Draw(t, "text"), "")
		got, dropped := split(text, func(rest string) int { return rapid.IntRange(1, len(rest)).Draw(t, "piece") })
		want := strings.Split(text, "\n")
		if want[len(want)-1] == "" {
			want = want[:len(want)-1]
		}
		left := max(0, len(want)-maxPending)
		if got == nil {
			got = []string{}
		}
		require.Equal(t, want[left:], got)
		require.Equal(t, left, dropped)
	})
}

func TestLineQueuePausesBetweenRounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var got []string
		began := time.Now()
		q := newLineQueue(func(l Line) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, fmt.Sprintf("%v: %s, %d dropped", time.Since(began), l.Text, l.Dropped))
		})
		go q.run()
		add := func(text string) { q.add(Stdout, []byte(text), time.Now()) }
		add("first")
		synctest.Wait()
		add("second")
		for i := range maxPending + 1 {
			add(fmt.Sprint(i))
		}
		time.Sleep(linePause)
		synctest.Wait()
		mu.Lock()
		require.Len(t, got, 1+maxPending)
		assert.Equal(t, []string{"0s: first, 0 dropped", "100ms: 1, 2 dropped", "100ms: 2, 0 dropped"}, got[:3])
		assert.Equal(t, fmt.Sprintf("100ms: %d, 0 dropped", maxPending), got[len(got)-1])
		got = nil
		mu.Unlock()

		time.Sleep(linePause / 2)
		add("third")
		q.close()
		assert.Equal(t, []string{"150ms: third, 0 dropped"}, got)
	})
}
