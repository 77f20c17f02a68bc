package metricsstore

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"time"

	"github.com/dagscope/dagscope/engine/record"
)

// ArchiveMagic begins every archive file of this version; its last byte is the version.
const ArchiveMagic = "dagscope-run\n\x01"

// frameKind is the kind of a frame of an archive file.
type frameKind byte

// Kinds of frames, in the order in which a file has them. The numbers are stored; they only ever grow.
const (
	runFrame        frameKind = 1 // Run as JSON; exactly one, the first
	attachmentFrame frameKind = 2 // name, data
	blockFrame      frameKind = 3 // first, Block.AppendValue
	detailFrame     frameKind = 4 // DetailKey.Append, data
	workerFrame     frameKind = 5 // WorkerRow as JSON
	endFrame        frameKind = 6 // the number of frames before it; exactly one, the last
)

// maxFrame bounds the payload of one frame, in bytes.
const maxFrame = 64 << 20

// Portable is a run as it travels in an archive file. Roll-ups do not travel: they are folded again.
type Portable struct {
	Run         Run
	Attachments map[string][]byte
	Blocks      []Block
	Details     []DetailRow
	Workers     []WorkerRow
}

// WriteArchive writes a run as an archive file, see FORMAT.md. The same run gives the same bytes. Of a run that has
// not ended, what is kept so far is written.
func WriteArchive(ctx context.Context, w io.Writer, s Store, run record.RunID) error {
	out := &frameWriter{w: bufio.NewWriterSize(w, 1<<16)}
	kept, err := s.Run(ctx, run)
	if err != nil {
		return err
	}
	kept.AddedAt = time.Time{}             // valid for this store only
	_, _ = out.w.WriteString(ArchiveMagic) // a bufio.Writer keeps its error until Flush
	if err := out.json(runFrame, kept); err != nil {
		return err
	}
	for _, name := range []string{AttachEnd, AttachShape} {
		data, err := s.Attachment(ctx, run, name)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		out.frame(attachmentFrame, append(appendBytes(nil, []byte(name)), data...))
	}
	if err := writeRows(ctx, out, s, run); err != nil {
		return err
	}
	out.frame(endFrame, binary.AppendUvarint(nil, out.frames))
	if out.err != nil {
		return out.err
	}
	return out.w.Flush()
}

func writeRows(ctx context.Context, out *frameWriter, s Store, run record.RunID) error {
	for after := uint64(0); ; {
		blocks, err := s.Log(ctx, run, after, blocksPerRead)
		if err != nil {
			return err
		}
		if len(blocks) == 0 {
			break
		}
		for i := range blocks {
			out.frame(blockFrame, blocks[i].AppendValue(binary.AppendUvarint(nil, blocks[i].First)))
			after = blocks[i].Last
		}
	}
	const page = 1024
	for from := (DetailKey{}); ; {
		rows, err := s.Details(ctx, run, from, page+1)
		if err != nil {
			return err
		}
		for i := range rows[:min(page, len(rows))] {
			out.frame(detailFrame, append(rows[i].Append(nil), rows[i].Data...))
		}
		if len(rows) <= page {
			break
		}
		from = rows[page].DetailKey
	}
	workers, err := s.Workers(ctx, run)
	if err != nil {
		return err
	}
	for i := range workers {
		if err := out.json(workerFrame, workers[i]); err != nil {
			return err
		}
	}
	return nil
}

// frameWriter writes frames: kind, length, payload, and the CRC-32C of all three.
type frameWriter struct {
	w      *bufio.Writer
	frames uint64
	err    error
}

func (o *frameWriter) frame(kind frameKind, payload []byte) {
	if len(payload) > maxFrame {
		o.err = errors.Join(o.err, invalid("a part of the run has %d bytes, an archive file can hold %d", len(payload), maxFrame))
		return
	}
	head := binary.AppendUvarint([]byte{byte(kind)}, uint64(len(payload)))
	_, _ = o.w.Write(head)
	_, _ = o.w.Write(payload)
	_, _ = o.w.Write(binary.BigEndian.AppendUint32(nil, frameSum(head, payload)))
	o.frames++
}

func (o *frameWriter) json(kind frameKind, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("metricsstore: %w", err)
	}
	o.frame(kind, b)
	return nil
}

func frameSum(head, payload []byte) uint32 {
	t := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Checksum(head, t), t, payload)
}

// ReadArchive reads an archive file of at most limit bytes, from anywhere: every frame is bounded and checked, and
// the memory is at most some times what was read. The error is ErrCorrupt, or ErrInvalid where the file is larger
// than the limit. Whether the parts fit together is checked by Archiver.Import.
func ReadArchive(r io.Reader, limit int64) (*Portable, error) {
	in := &frameReader{r: bufio.NewReader(r), left: limit}
	magic := in.bytes(len(ArchiveMagic))
	if in.err == nil && string(magic) != ArchiveMagic {
		return nil, fmt.Errorf("%w: not an archive file of version %d", ErrCorrupt, ArchiveMagic[len(ArchiveMagic)-1])
	}
	p := &Portable{Attachments: map[string][]byte{}}
	for in.err == nil {
		kind, payload := in.frame()
		if in.err != nil {
			break
		}
		if (in.frames == 1) != (kind == runFrame) {
			return nil, fmt.Errorf("%w: frame %d is of kind %d, expected the run first and once", ErrCorrupt, in.frames, kind)
		}
		if kind == endFrame {
			f := fields{rest: payload}
			if n := f.uvarint(); f.bad || n != in.frames-1 || len(f.rest) > 0 {
				return nil, fmt.Errorf("%w: %d frames before the end", ErrCorrupt, in.frames-1)
			}
			if _, err := in.r.ReadByte(); !errors.Is(err, io.EOF) {
				return nil, fmt.Errorf("%w: more follows the end", ErrCorrupt)
			}
			return p, nil
		}
		if err := p.add(kind, payload); err != nil {
			return nil, fmt.Errorf("%w: frame %d: %w", ErrCorrupt, in.frames, err)
		}
	}
	if errors.Is(in.err, ErrInvalid) {
		return nil, in.err
	}
	return nil, fmt.Errorf("%w: frame %d: %w", ErrCorrupt, in.frames+1, in.err)
}

// add adds one frame. Unknown kinds are those of later versions and are left out.
func (p *Portable) add(kind frameKind, payload []byte) error {
	in := fields{rest: payload}
	switch kind {
	case runFrame:
		return json.Unmarshal(payload, &p.Run)
	case attachmentFrame:
		name := string(in.bytes(64))
		if name != AttachShape && name != AttachEnd {
			return fmt.Errorf("attachment %q", name)
		}
		p.Attachments[name] = in.rest
	case blockFrame:
		first := in.uvarint()
		b, err := ParseBlock(first, in.rest)
		if err != nil {
			return err
		}
		p.Blocks = append(p.Blocks, b)
		return b.validate()
	case detailFrame:
		if len(payload) < DetailKeyLen {
			return io.ErrUnexpectedEOF
		}
		key, err := ParseDetailKey(payload[:DetailKeyLen])
		if err != nil {
			return err
		}
		row := DetailRow{DetailKey: key, Data: payload[DetailKeyLen:]}
		p.Details = append(p.Details, row)
		_, err = row.Unpack()
		return err
	case workerFrame:
		var row WorkerRow
		if err := json.Unmarshal(payload, &row); err != nil {
			return err
		}
		p.Workers = append(p.Workers, row)
		_, err := row.Unpack()
		return err
	}
	if in.bad {
		return io.ErrUnexpectedEOF
	}
	return nil
}

// frameReader reads frames; err means that one was cut off or malformed.
type frameReader struct {
	r      *bufio.Reader
	left   int64
	frames uint64
	err    error
}

func (in *frameReader) frame() (frameKind, []byte) {
	head := in.bytes(1)
	size := uint64(0)
	for shift := 0; in.err == nil; shift += 7 {
		b := in.bytes(1)
		if in.err != nil {
			break
		}
		head = append(head, b[0])
		size |= uint64(b[0]&0x7f) << shift
		if b[0] < 0x80 {
			break
		}
		if shift > 21 {
			in.err = fmt.Errorf("length of more than %d bytes", maxFrame)
		}
	}
	if in.err == nil && size > maxFrame {
		in.err = fmt.Errorf("%d bytes, expected at most %d", size, maxFrame)
	}
	payload := in.bytes(int(size))
	sum := in.bytes(4)
	if in.err != nil {
		return 0, nil
	}
	if binary.BigEndian.Uint32(sum) != frameSum(head, payload) {
		in.err = errors.New("checksum differs")
		return 0, nil
	}
	in.frames++
	return frameKind(head[0]), payload
}

// bytes reads exactly n bytes. Memory grows with what is read and not with the length that was announced.
func (in *frameReader) bytes(n int) []byte {
	if in.err != nil {
		return nil
	}
	if in.left -= int64(n); in.left < 0 {
		in.err = invalid("the archive file is larger than the limit")
		return nil
	}
	const step = 1 << 20
	b := make([]byte, 0, min(n, step))
	for len(b) < n && in.err == nil {
		from := len(b)
		b = append(b, make([]byte, min(step, n-from))...)
		if _, err := io.ReadFull(in.r, b[from:]); err != nil {
			in.err = io.ErrUnexpectedEOF
		}
	}
	return b
}
