package invoke

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// MaxSlots is how many lanes a board has places for; what others execute is not on it.
const MaxSlots = 2048

// The layout of a board, in bytes. Numbers are in the byte order of the machine, which both sides share.
const (
	boardMagic   = "dagboard"
	boardVersion = 1 // at 8, 4 bytes

	nameAt  = 16 // 1 byte of length, then the name of the worker
	nameMax = 111

	sessionsAt  = 128
	sessionSize = 136 // 4 bytes: 1 while it is open; 2 bytes: lengths; then run and session
	runMax      = 64
	sessionMax  = 64
	maxSessions = 256

	slotsAt   = sessionsAt + maxSessions*sessionSize
	boardSize = slotsAt + MaxSlots*8 // each the handle of the session and the node, 0 for none
)

// noHandle is of sessions that found no place.
const noHandle = maxSessions

// Board is where a process writes what its lanes execute, so that its supervisor can read it once the process is dead.
// It is memory that both share; a write is one store, so what was written is there however the writer ends. Safe for
// concurrent use by one writing process; the other reads it when that has ended.
//
// Caveats: beyond 256 sessions at a time, or MaxSlots lanes, what is executed is not on the board; leases then tell
// of a death, only later.
type Board struct {
	memory []byte

	mu   sync.Mutex
	open [maxSessions]bool
}

// ErrBoard: what should be a board is none, or is one of another version.
var ErrBoard = errors.New("invoke: no board")

// newBoard maps a new, empty board; the file holds it too, for a child.
func newBoard() (*Board, *os.File, error) {
	file, err := os.CreateTemp("", "dagscope-board-")
	if err != nil {
		return nil, nil, fmt.Errorf("invoke: no file for a board: %w", err)
	}
	// Who holds it open still has it, and nothing is left on the disk however everybody ends.
	err = errors.Join(os.Remove(file.Name()), file.Truncate(boardSize))
	var memory []byte
	if err == nil {
		memory, err = mapShared(file, boardSize)
	}
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("invoke: no board: %w", err), file.Close())
	}
	copy(memory, boardMagic)
	binary.NativeEndian.PutUint32(memory[8:], boardVersion)
	return &Board{memory: memory}, file, nil
}

// openBoard maps the board in a file that somebody else has made.
func openBoard(file *os.File) (*Board, error) {
	if info, err := file.Stat(); err != nil || info.Size() != boardSize {
		return nil, fmt.Errorf("%w: expected a file of %d bytes", ErrBoard, boardSize)
	}
	memory, err := mapShared(file, boardSize)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBoard, err)
	}
	b := &Board{memory: memory}
	if string(memory[:len(boardMagic)]) != boardMagic || binary.NativeEndian.Uint32(memory[8:]) != boardVersion {
		return nil, errors.Join(fmt.Errorf("%w: expected version %d of %s", ErrBoard, boardVersion, boardMagic), b.close())
	}
	return b, nil
}

func (b *Board) close() error { return unmap(b.memory) }

// Introduce writes the worker's name, which is cut at 111 bytes.
func (b *Board) Introduce(name string) {
	n := copy(b.memory[nameAt+1:nameAt+1+nameMax], name)
	b.memory[nameAt] = byte(n)
}

// Opened notes a session, before any of its nodes is executed, and gives what Executing calls it.
func (b *Board) Opened(run engine.RunID, session ledger.SessionID) (handle uint32) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.Index(b.open[:], false)
	if i < 0 || len(run) > runMax || len(session) > sessionMax {
		return noHandle
	}
	b.open[i] = true
	place := b.session(i)
	place[4], place[5] = byte(len(run)), byte(len(session))
	copy(place[8:8+runMax], run)
	copy(place[8+runMax:], session)
	b.isOpen(i).Store(1) // last, so that what is open is whole
	return uint32(i)
}

// Closed says that a session is over. Its handle is then given to another one.
func (b *Board) Closed(handle uint32) {
	if handle >= maxSessions {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.isOpen(int(handle)).Store(0)
	b.open[handle] = false
}

// Executing notes what a lane executes from now on.
func (b *Board) Executing(slot int, handle uint32, node engine.NodeID) {
	if slot < MaxSlots && handle < maxSessions {
		b.slot(slot).Store(uint64(handle+1)<<32 | uint64(node))
	}
}

// Idle notes that a lane executes nothing.
func (b *Board) Idle(slot int) {
	if slot < MaxSlots {
		b.slot(slot).Store(0)
	}
}

func (b *Board) session(i int) []byte {
	return b.memory[sessionsAt+i*sessionSize:][:sessionSize]
}

func (b *Board) isOpen(i int) *atomic.Uint32 {
	return (*atomic.Uint32)(unsafe.Pointer(&b.session(i)[0])) // aligned: see TestBoardLayout
}

func (b *Board) slot(i int) *atomic.Uint64 {
	return (*atomic.Uint64)(unsafe.Pointer(&b.memory[slotsAt+i*8])) // aligned: see TestBoardLayout
}

// left is a session of a process that is gone.
type left struct {
	run     engine.RunID
	session ledger.SessionID
	running []running
}

// running is a node that was being executed.
type running struct {
	slot int
	node engine.NodeID
}

// read gives the name of the worker and the sessions that were open at its death. What a process wrote that was going
// out of its mind is not believed further than the bounds of the board.
func (b *Board) read() (name string, sessions []left) {
	name = string(b.memory[nameAt+1:][:min(b.memory[nameAt], nameMax)])
	at := map[uint32]int{}
	for i := range maxSessions {
		if b.isOpen(i).Load() != 1 {
			continue
		}
		place := b.session(i)
		at[uint32(i)] = len(sessions)
		sessions = append(sessions, left{
			run:     engine.RunID(place[8:][:min(place[4], runMax)]),
			session: ledger.SessionID(place[8+runMax:][:min(place[5], sessionMax)]),
		})
	}
	for slot := range MaxSlots {
		word := b.slot(slot).Load()
		if i, ok := at[uint32(word>>32)-1]; ok && word != 0 {
			sessions[i].running = append(sessions[i].running, running{slot, engine.NodeID(word)})
		}
	}
	return name, sessions
}
