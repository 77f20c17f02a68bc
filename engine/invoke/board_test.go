//go:build unix

package invoke

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// twins are a board as its supervisor and as its child see it.
func twins(t require.TestingT) (supervisor, child *Board, unmapBoth func()) {
	supervisor, file, err := newBoard()
	require.NoError(t, err)
	child, err = openBoard(file)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	return supervisor, child, func() {
		require.NoError(t, supervisor.close())
		require.NoError(t, child.close())
	}
}

func TestBoardShowsWhatAProcessWasExecuting(t *testing.T) {
	supervisor, child, unmapBoth := twins(t)
	defer unmapBoth()
	child.Introduce("host:17")
	a := child.Opened("run-a", "session-a")
	b := child.Opened("run-b", "session-b")
	c := child.Opened("run-c", "session-c")
	child.Executing(0, a, 7)
	child.Executing(1, a, 9)
	child.Executing(1, b, 0) // from one node to the next, in another run
	child.Executing(2, c, 3)
	child.Executing(3, a, 4)
	child.Idle(3)
	child.Closed(c)

	name, sessions := supervisor.read()
	assert.Equal(t, "host:17", name)
	assert.Equal(t, []openSession{
		{run: "run-a", session: "session-a", running: []running{{0, 7}}},
		{run: "run-b", session: "session-b", running: []running{{1, 0}}},
	}, sessions)
}

func TestBoardWithoutPlacesKeepsQuiet(t *testing.T) {
	supervisor, child, unmapBoth := twins(t)
	defer unmapBoth()
	child.Introduce(strings.Repeat("n", 500))
	for i := range maxSessions {
		require.EqualValues(t, i, child.Opened("run", ledger.SessionID(fmt.Sprint(i))))
	}
	beyond := child.Opened("run", "beyond")
	child.Executing(0, beyond, 1)
	child.Executing(MaxSlots, 0, 2)
	child.Idle(MaxSlots)
	child.Closed(beyond)
	child.Closed(5)
	assert.EqualValues(t, 5, child.Opened("again", "again"), "a place that was given back is given out")
	child.Closed(6)
	assert.EqualValues(t, noHandle, child.Opened(record.RunID(strings.Repeat("r", runMax+1)), "s"))
	assert.EqualValues(t, noHandle, child.Opened("r", ledger.SessionID(strings.Repeat("s", sessionMax+1))))

	name, sessions := supervisor.read()
	assert.Equal(t, strings.Repeat("n", nameMax), name)
	assert.Len(t, sessions, maxSessions-1)
	for _, s := range sessions {
		assert.Empty(t, s.running)
	}
}

// TestBoardAgainstModel writes at random and compares with maps.
func TestBoardAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		supervisor, child, unmapBoth := twins(t)
		defer unmapBoth()
		open := map[uint32]openSession{}
		lanes := map[int]running{}
		handles := map[int]uint32{}
		for i := range rapid.IntRange(0, 200).Draw(t, "steps") {
			slot := rapid.IntRange(0, 5).Draw(t, "slot")
			handle := uint32(rapid.IntRange(0, 4).Draw(t, "handle"))
			_, isOpen := open[handle]
			switch rapid.IntRange(0, 3).Draw(t, "op") {
			case 0:
				l := openSession{run: record.RunID(rapid.StringN(1, 16, runMax).Draw(t, "run")), session: ledger.SessionID(fmt.Sprint("s", i))}
				open[child.Opened(l.run, l.session)] = l
			case 1:
				if isOpen {
					child.Closed(handle)
					delete(open, handle)
					for slot, of := range handles { // no lane executes anything in a session that is closed
						if of == handle {
							child.Idle(slot)
							delete(lanes, slot)
						}
					}
				}
			case 2:
				if isOpen {
					node := dag.NodeID(rapid.Uint32().Draw(t, "node"))
					child.Executing(slot, handle, node)
					lanes[slot], handles[slot] = running{slot, node}, handle
				}
			case 3:
				child.Idle(slot)
				delete(lanes, slot)
			}
		}
		var want []openSession
		for handle := range uint32(maxSessions) {
			l, ok := open[handle]
			if !ok {
				continue
			}
			for slot := range 6 {
				if r, busy := lanes[slot]; busy && handles[slot] == handle {
					l.running = append(l.running, r)
				}
			}
			want = append(want, l)
		}
		_, got := supervisor.read()
		assert.Equal(t, want, got)
	})
}

// TestBoardLayout: fields that are written with one store are aligned for it, and none overlap.
func TestBoardLayout(t *testing.T) {
	assert.Zero(t, sessionsAt%8)
	assert.Zero(t, sessionSize%8)
	assert.Zero(t, slotsAt%8)
	assert.LessOrEqual(t, 12, nameAt)
	assert.LessOrEqual(t, nameAt+1+nameMax, sessionsAt)
	assert.LessOrEqual(t, 8+runMax+sessionMax, sessionSize)
}

// TestBoardOfAMadProcess: a process that dies may have written anything anywhere.
func TestBoardOfAMadProcess(t *testing.T) {
	supervisor, child, unmapBoth := twins(t)
	defer unmapBoth()
	for range 50 {
		_, err := rand.Read(child.memory)
		require.NoError(t, err)
		for i := range maxSessions {
			child.isOpen(i).Store(1)
			child.slot(i).Store(uint64(i+1) << 32)
		}
		name, sessions := supervisor.read()
		assert.LessOrEqual(t, len(name), nameMax)
		require.Len(t, sessions, maxSessions)
		for _, s := range sessions {
			assert.NotEmpty(t, s.running)
		}
	}
}

func TestBoardRefusesOtherFiles(t *testing.T) {
	for _, c := range []struct {
		name    string
		content string
		size    int64
	}{
		{"empty", "", 0},
		{"of another size", boardMagic, 100},
		{"of something else", "something", boardSize},
		{"of another version", boardMagic + "\x7f\x7f\x7f\x7f", boardSize},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "file")
			require.NoError(t, os.WriteFile(path, []byte(c.content), 0o600))
			require.NoError(t, os.Truncate(path, c.size))
			file, err := os.OpenFile(path, os.O_RDWR, 0)
			require.NoError(t, err)
			defer func() { require.NoError(t, file.Close()) }()
			_, err = openBoard(file)
			assert.ErrorIs(t, err, ErrBoard)
		})
	}
}

func BenchmarkBoard(b *testing.B) {
	_, child, unmapBoth := twins(b)
	defer unmapBoth()
	handle := child.Opened("run", "session")
	for b.Loop() {
		child.Executing(0, handle, 1)
		child.Idle(0)
	}
}
