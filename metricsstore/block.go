package metricsstore

import (
	"bytes"
	"fmt"

	"github.com/klauspost/compress/zstd"

	"github.com/dagscope/dagscope/engine/record"
)

// Bounds of a block. They hold for what is written and are enforced on what is read.
const (
	// MaxBlockSteps bounds how many steps a block holds.
	MaxBlockSteps = 1 << 14
	// maxPacked bounds the packed steps of a block before compression, in bytes.
	maxPacked = 2 << 20
	// worthCompressing is the number of bytes from which on the frame of the compressor is worth its 13 bytes.
	worthCompressing = 256
)

// How Block.Data is written: its first byte.
const (
	plainData byte = 0 // record.AppendSteps
	zstdData  byte = 1 // the same as one zstd frame with checksum
)

// Packer packs steps into blocks. It keeps its buffers and is not safe for concurrent use.
type Packer struct {
	steps record.StepEncoder
	zstd  *zstd.Encoder
	plain []byte
}

// NewPacker makes a packer; it fails only where the compressor does.
func NewPacker() (*Packer, error) {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, fmt.Errorf("metricsstore: %w", err)
	}
	return &Packer{zstd: z}, nil
}

// Pack packs consecutive steps, 1 to MaxBlockSteps of them, into one block.
func (p *Packer) Pack(steps []record.Step) Block {
	b := Block{First: steps[0].Seq, Last: steps[len(steps)-1].Seq}
	b.From, b.To = span(steps)
	p.plain = p.steps.Append(append(p.plain[:0], plainData), steps)
	if len(p.plain) < worthCompressing {
		b.Data = bytes.Clone(p.plain)
	} else {
		b.Data = p.zstd.EncodeAll(p.plain[1:], append(make([]byte, 0, len(p.plain)/2), zstdData))
	}
	return b
}

// span finds the earliest and the latest moment. Some kinds of steps have no moment at which they were ready: 0
// counts as none.
func span(steps []record.Step) (from, to int64) {
	first := true
	for i := range steps {
		s := &steps[i]
		low, high := s.Ready, max(s.Ready, s.Claimed, s.Started, s.Ended, s.Updated)
		switch s.Kind {
		case record.AttemptEnded, record.AttemptStarted, record.FanOutExpanded:
		default:
			low = high
		}
		if low == 0 && high == 0 && len(steps) > 1 {
			continue
		}
		if first || low < from {
			from, first = low, false
		}
		to = max(to, high)
	}
	return from, to
}

// Unpacker is the inverse of Packer. It accepts bytes from anywhere: whatever they are, it allocates at most 160 MiB
// for one block. Safe for concurrent use.
type Unpacker struct{ zstd *zstd.Decoder }

// NewUnpacker makes an unpacker; it fails only where the decompressor does.
func NewUnpacker() (*Unpacker, error) {
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxPacked), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, fmt.Errorf("metricsstore: %w", err)
	}
	return &Unpacker{zstd: z}, nil
}

// Unpack appends the steps of a block to dst. If it fails, the error is ErrCorrupt, and dst is returned unchanged.
func (u *Unpacker) Unpack(dst []record.Step, b Block) ([]record.Step, error) {
	plain, err := u.plain(b.Data)
	if err != nil {
		return dst, fmt.Errorf("%w: steps %d to %d: %w", ErrCorrupt, b.First, b.Last, err)
	}
	out, err := record.DecodeSteps(plain, dst)
	if err != nil {
		return dst, fmt.Errorf("%w: steps %d to %d: %w", ErrCorrupt, b.First, b.Last, err)
	}
	steps := out[len(dst):]
	if uint64(len(steps)) != b.Last-b.First+1 || len(steps) > MaxBlockSteps {
		return dst, fmt.Errorf("%w: block of steps %d to %d holds %d steps", ErrCorrupt, b.First, b.Last, len(steps))
	}
	for i := range steps {
		if steps[i].Seq != b.First+uint64(i) {
			return dst, fmt.Errorf("%w: block of steps %d to %d holds step %d as its %dth", ErrCorrupt, b.First, b.Last, steps[i].Seq, i+1)
		}
	}
	return out, nil
}

func (u *Unpacker) plain(data []byte) ([]byte, error) {
	if len(data) == 0 || len(data) > maxPacked {
		return nil, fmt.Errorf("%d bytes, expected 1 to %d", len(data), maxPacked)
	}
	switch data[0] {
	case plainData:
		return data[1:], nil
	case zstdData:
		return u.zstd.DecodeAll(data[1:], nil)
	}
	return nil, fmt.Errorf("written as %d, expected %d or %d", data[0], plainData, zstdData)
}
