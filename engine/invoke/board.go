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

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// MaxSlots is how many lanes a board has places for; lanes with higher slots are ignored.
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
	boardSize = slotsAt + MaxSlots*8 // for each lane, the handle of its session + 1, and the node; 0 for none
)

// noHandle is the handle of sessions for which the board has no place.
const noHandle = maxSessions

// Board is memory in which a process writes what its lanes execute, so that its supervisor can read it after the
// process has died. Both processes map it; a write is a single store, so it is never partial, even if the writer is
// killed. Safe for concurrent use by one writing process; the supervisor reads it after that process has ended.
//
// Caveats: with more than 256 sessions at a time, or MaxSlots lanes, the rest is not on the board; the death of the
// process is then only noticed when leases expire.
type Board struct {
	memory []byte // mapped; sessions are written under mu, each slot by its lane

	mu   sync.Mutex
	open [maxSessions]bool // places in use; guarded by mu
}

// ErrBoard is returned if a file is not a board, or is a board of another version.
var ErrBoard = errors.New("invoke: no board")

// newBoard maps a new, empty board; its file is for the child.
func newBoard() (*Board, *os.File, error) {
	file, err := os.CreateTemp("", "dagscope-board-")
	if err != nil {
		return nil, nil, fmt.Errorf("invoke: no file for a board: %w", err)
	}
	// An open file survives its removal, so nothing stays on the disk, even if the processes are killed.
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

// openBoard maps the board in a file that a supervisor has created.
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

// Introduce writes the worker's name, truncated to 111 bytes.
func (b *Board) Introduce(name string) {
	n := copy(b.memory[nameAt+1:nameAt+1+nameMax], name)
	b.memory[nameAt] = byte(n)
}

// Opened adds a session, before any of its nodes is executed, and returns the handle for Executing and Closed.
func (b *Board) Opened(run record.RunID, session ledger.SessionID) (handle uint32) {
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
	b.isOpen(i).Store(1) // last, so that an open session is complete
	return uint32(i)
}

// Closed removes a session. Its handle may then be used for another one.
func (b *Board) Closed(handle uint32) {
	if handle >= maxSessions {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.isOpen(int(handle)).Store(0)
	b.open[handle] = false
}

// Executing sets the node that a lane executes.
func (b *Board) Executing(slot int, handle uint32, node dag.NodeID) {
	if slot < MaxSlots && handle < maxSessions {
		b.slot(slot).Store(uint64(handle+1)<<32 | uint64(node))
	}
}

// Idle notes that a lane executes no node.
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

// openSession is a session that was open when its process died.
type openSession struct {
	run     record.RunID
	session ledger.SessionID
	running []running
}

// running is a node that was being executed.
type running struct {
	slot int
	node dag.NodeID
}

// read returns the name of the worker and the sessions that were open at its death. A failing process may have written
// anything, so lengths and handles are checked.
func (b *Board) read() (name string, sessions []openSession) {
	name = string(b.memory[nameAt+1:][:min(b.memory[nameAt], nameMax)])
	at := map[uint32]int{}
	for i := range maxSessions {
		if b.isOpen(i).Load() != 1 {
			continue
		}
		place := b.session(i)
		at[uint32(i)] = len(sessions)
		sessions = append(sessions, openSession{
			run:     record.RunID(place[8:][:min(place[4], runMax)]),
			session: ledger.SessionID(place[8+runMax:][:min(place[5], sessionMax)]),
		})
	}
	for slot := range MaxSlots {
		word := b.slot(slot).Load()
		if i, ok := at[uint32(word>>32)-1]; ok && word != 0 {
			sessions[i].running = append(sessions[i].running, running{slot, dag.NodeID(word)})
		}
	}
	return name, sessions
}
