package table

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"
	logical "github.com/parquet-go/parquet-go/format"

	"github.com/dagscope/dagscope/metricsstore/records"
)

// openParquet reads the columns at the top of a Parquet file and the lists of single values there. Columns with several
// values of other kinds are not read.
func openParquet(f *records.File, r io.Reader) (s *source, err error) {
	content, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	defer guard(f, &err)
	if n := len(content); n < 12 || string(content[n-4:]) != parquetMagic || int64(binary.LittleEndian.Uint32(content[n-8:])) > int64(n-12) {
		// The library allocates the footer before it reads it.
		return nil, fault(f, 0, "a Parquet file without its end, expected a whole one")
	}
	file, err := parquet.OpenFile(bytes.NewReader(content), int64(len(content)), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, fault(f, 0, "a Parquet file that cannot be opened, expected a whole one: %v", err)
	}
	if file.NumRows() > records.MaxTasks {
		return nil, fmt.Errorf("%s: %w: it has %d rows, expected at most %d", f.Path, records.ErrTooLarge, file.NumRows(), records.MaxTasks)
	}
	if file.Metadata() != nil {
		for _, g := range file.Metadata().RowGroups {
			for _, c := range g.Columns {
				if c.MetaData.Codec == logical.Lz4Raw {
					// The library doubles its buffer for damaged pages until there is no memory left.
					return nil, fault(f, 0, "a Parquet file compressed by LZ4, which is not read, expected zstd, snappy, gzip, brotli or none")
				}
			}
		}
	}
	p := &parquetRows{file: f, groups: file.RowGroups(), buffer: make([]parquet.Row, 64)}
	s = &source{format: "Parquet", next: p.next, finish: func() (string, bool) { return "", false }}
	for _, c := range file.Root().Columns() {
		leaf := c
		for !leaf.Leaf() && len(leaf.Columns()) == 1 {
			leaf = leaf.Columns()[0]
		}
		if !leaf.Leaf() {
			continue
		}
		for len(p.columns) <= leaf.Index() {
			p.columns = append(p.columns, nil)
		}
		p.columns[leaf.Index()] = &parquetColumn{place: len(s.header), list: leaf.MaxRepetitionLevel() > 0, write: writerOf(leaf.Type())}
		s.header = append(s.header, c.Name())
	}
	p.width = len(s.header)
	return s, nil
}

// guard turns a panic of the library, which damaged pages cause, into an error about the file.
func guard(f *records.File, err *error) {
	if p := recover(); p != nil {
		*err = fault(f, 0, "a Parquet file with damaged pages, expected a whole one: %.200v", p)
	}
}

// parquetRows reads rows. It belongs to one source.
type parquetRows struct {
	file    *records.File
	groups  []parquet.RowGroup // those that are left
	rows    parquet.Rows       // of the current one
	buffer  []parquet.Row
	read    []parquet.Row // those of buffer that are left
	columns []*parquetColumn
	width   int
}

// parquetColumn is where the values of a column go.
type parquetColumn struct {
	place int
	list  bool
	write func(parquet.Value) string
}

func (p *parquetRows) next() (cells []string, _ int, err error) {
	defer guard(p.file, &err)
	for len(p.read) == 0 {
		if p.rows == nil {
			if len(p.groups) == 0 {
				return nil, 0, io.EOF
			}
			p.rows, p.groups = p.groups[0].Rows(), p.groups[1:]
		}
		n, err := p.rows.ReadRows(p.buffer)
		p.read = p.buffer[:n]
		if errors.Is(err, io.EOF) {
			err = p.rows.Close()
			p.rows = nil
		}
		if err != nil {
			return nil, 0, fault(p.file, 0, "a Parquet file whose rows cannot be read: %v", err)
		}
	}
	row := p.read[0]
	p.read = p.read[1:]
	return p.cells(row), 0, nil
}

func (p *parquetRows) cells(row parquet.Row) []string {
	cells := make([]string, p.width)
	lists := map[int][]string{}
	for _, v := range row {
		if v.IsNull() || v.Column() < 0 || v.Column() >= len(p.columns) || p.columns[v.Column()] == nil {
			continue
		}
		c := p.columns[v.Column()]
		if text := c.write(v); c.list {
			lists[c.place] = append(lists[c.place], text)
		} else {
			cells[c.place] = strings.TrimSpace(text)
		}
	}
	for place, list := range lists {
		if text, err := json.Marshal(list); err == nil {
			cells[place] = string(text)
		}
	}
	return cells
}

// writerOf writes values of a type as cells: moments as dates, with a zone if they are in UTC.
func writerOf(t parquet.Type) func(parquet.Value) string {
	unit, zone, days := time.Duration(0), "Z", false
	if annotated := t.LogicalType(); annotated != nil {
		switch l := annotated.Value.(type) {
		case *logical.TimestampType:
			if l.Unit.Value != nil {
				unit = l.Unit.Value.Duration()
			}
			if !l.IsAdjustedToUTC {
				zone = ""
			}
		case *logical.DateType:
			days = true
		case *logical.DecimalType:
			return func(v parquet.Value) string { return decimal(v, int(l.Scale)) }
		}
	} else if converted := t.ConvertedType(); converted != nil {
		switch *converted {
		case deprecated.TimestampMillis:
			unit = time.Millisecond
		case deprecated.TimestampMicros:
			unit = time.Microsecond
		case deprecated.Date:
			days = true
		case deprecated.Decimal:
			return func(parquet.Value) string { return "" } // its scale is not in the type
		}
	}
	const layout = "2006-01-02T15:04:05.999999999"
	return func(v parquet.Value) string {
		switch {
		case unit > 0 && v.Kind() == parquet.Int64:
			perSecond := int64(time.Second / unit)
			return time.Unix(v.Int64()/perSecond, v.Int64()%perSecond*int64(unit)).UTC().Format(layout) + zone
		case days && v.Kind() == parquet.Int32:
			return time.Unix(int64(v.Int32())*86400, 0).UTC().Format(time.DateOnly)
		}
		return plain(v)
	}
}

// decimal writes a number that is stored without its decimal point.
func decimal(v parquet.Value, scale int) string {
	n := new(big.Int)
	switch v.Kind() {
	case parquet.Int32, parquet.Int64:
		n.SetInt64(v.Int64())
		if v.Kind() == parquet.Int32 {
			n.SetInt64(int64(v.Int32()))
		}
	case parquet.ByteArray, parquet.FixedLenByteArray:
		raw := v.ByteArray()
		n.SetBytes(raw)
		if len(raw) > 0 && raw[0] >= 0x80 { // negative, in the complement of two
			n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(raw))))
		}
	default:
		return ""
	}
	if scale <= 0 || scale > 100 {
		return n.String()
	}
	power := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)
	return new(big.Rat).SetFrac(n, power).FloatString(scale)
}

// julian1970 is the day 1970-01-01 in the count of days that INT96 has.
const julian1970 = 2440588

// plain writes a value as its physical type has it. INT96 is a moment: nanoseconds of a day and the day.
func plain(v parquet.Value) string {
	switch v.Kind() {
	case parquet.Int96:
		n := v.Int96()
		nanos := binary.LittleEndian.Uint64(binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, n[0]), n[1]))
		t := time.Unix((int64(n[2])-julian1970)*86400, 0).UTC().Add(time.Duration(nanos % uint64(24*time.Hour)))
		return t.Format("2006-01-02T15:04:05.999999999")
	case parquet.Float:
		return strconv.FormatFloat(float64(v.Float()), 'g', -1, 32)
	case parquet.Double:
		return strconv.FormatFloat(v.Double(), 'g', -1, 64)
	case parquet.ByteArray, parquet.FixedLenByteArray:
		if b := v.ByteArray(); utf8.Valid(b) {
			return string(b)
		}
		return ""
	}
	return v.String()
}
