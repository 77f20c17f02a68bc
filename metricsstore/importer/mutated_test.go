package importer_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/internal/testkit/droptest"
	"github.com/dagscope/dagscope/internal/testkit/recordstest"
	"github.com/dagscope/dagscope/metricsstore/importer"
	"github.com/dagscope/dagscope/metricsstore/records"
)

var (
	mutateFor  = flag.Duration("mutate", time.Second, "for how long TestMutatedRecords reads damaged records")
	mutateSeed = flag.Uint64("mutate-seed", 0, "the seed of TestMutatedRecords; 0 for one by the clock")
)

// maxMutated bounds the records that are damaged, in bytes, so that a few large ones do not take all of the time.
const maxMutated = 1 << 20

// sample is a real record of a format.
type sample struct {
	path   string
	text   []byte
	format records.Format
}

// TestMutatedRecords damages real records of all formats and reads them: readers return, with an error about the file
// or with runs that keep the laws.
func TestMutatedRecords(t *testing.T) {
	samples := readSamples(t)
	seed := *mutateSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	random := rand.New(rand.NewPCG(seed, 0))
	done := 0
	t.Cleanup(func() { t.Logf("seed %d, record %d", seed, done) })
	for end := time.Now().Add(*mutateFor); time.Now().Before(end); done++ {
		s := samples[random.IntN(len(samples))]
		text := mutate(random, s.text, samples[random.IntN(len(samples))].text)
		began := time.Now()
		readMutated(t, s, text)
		require.Less(t, time.Since(began), 30*time.Second, s.path)
	}
}

func readSamples(t *testing.T) (samples []sample) {
	t.Helper()
	root := droptest.Traces(t)
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		short, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		text := droptest.Load(t, short)
		for _, format := range importer.Formats() {
			if len(text) <= maxMutated && format.Sniff(path, text[:min(len(text), 64<<10)]) == records.Main {
				samples = append(samples, sample{short, text, format})
			}
		}
		return nil
	}))
	require.NotEmpty(t, samples)
	return samples
}

func readMutated(t *testing.T, s sample, text []byte) {
	t.Helper()
	allowed := func(err error) {
		require.True(t, errors.Is(err, records.ErrFormat) || errors.Is(err, records.ErrTooLarge), "%s: %v", s.path, err)
	}
	runs, err := s.format.Read(context.Background(), []records.File{droptest.File(s.path, records.Main, text)})
	if err != nil {
		allowed(err)
		return
	}
	require.NotEmpty(t, runs, s.path)
	for _, r := range runs {
		if _, err := records.Compile(r, records.Origin{}); err != nil {
			allowed(err)
			continue
		}
		recordstest.Laws(t, r)
	}
}

// odd are values that tools do not write, or only where they are wrong; the numbers among them come first.
var odd = []string{
	"-1", "0", "1e400", "-1e400", "NaN", "Infinity", "9223372036854775807", "-9223372036854775808", "18446744073709551616",
	"9223372036854775", "9223372036", "1e18", "1e300", "0.0000001", "4294967296", "65536", "2147483648", "null", `""`, "[]", "{}", "true",
	"0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "\x00", "\xff", "\n", "\r\n", ",", "\t", `"`, "}", "{", "[", "]",
}

const oddNumbers = 17

// mutate damages a text in a few places. other is where it takes foreign pieces from.
func mutate(random *rand.Rand, text, other []byte) []byte {
	out := bytes.Clone(text)
	for range 1 + random.IntN(4) {
		if len(out) == 0 {
			return out
		}
		at := random.IntN(len(out))
		switch random.IntN(8) {
		case 0:
			out[at] ^= 1 << random.IntN(8)
		case 1:
			out = out[:at]
		case 2:
			out = insert(out, at, []byte(odd[random.IntN(len(odd))]))
		case 3, 4:
			out = replaceNumber(random, out, at)
		case 5:
			out = exchange(random, out, "\n", 1)
		case 6:
			out = exchange(random, out, `"`, 2)
		case 7:
			from := random.IntN(len(other))
			out = insert(out, at, other[from:from+random.IntN(min(100, len(other)-from)+1)])
		}
	}
	return out
}

func insert(text []byte, at int, piece []byte) []byte {
	return bytes.Join([][]byte{text[:at], piece, text[at:]}, nil)
}

// replaceNumber puts an odd value in place of the first number after a byte.
func replaceNumber(random *rand.Rand, text []byte, at int) []byte {
	from := bytes.IndexAny(text[at:], "0123456789")
	if from < 0 {
		return text
	}
	before, rest := text[:at+from], text[at+from:]
	value := odd[random.IntN(oddNumbers)]
	if random.IntN(4) == 0 {
		value = strconv.FormatUint(random.Uint64(), 10)
	}
	return bytes.Join([][]byte{before, []byte(value), bytes.TrimLeft(rest, "0123456789.-+eE")}, nil)
}

// exchange swaps, repeats or removes parts of a text between separators; step 2 takes those in quotation marks.
func exchange(random *rand.Rand, text []byte, separator string, step int) []byte {
	parts := bytes.Split(text, []byte(separator))
	if len(parts) < 2*step+1 {
		return text
	}
	part := func() int { return step - 1 + step*random.IntN(len(parts)/step) }
	i, j := min(part(), len(parts)-1), min(part(), len(parts)-1)
	switch random.IntN(3) {
	case 0:
		parts[i], parts[j] = parts[j], parts[i]
	case 1:
		parts[i] = parts[j]
	default:
		if step == 1 {
			parts[i] = bytes.Join([][]byte{parts[i], parts[i]}, []byte(separator))
		}
	}
	return bytes.Join(parts, []byte(separator))
}
