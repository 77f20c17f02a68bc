package importer_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/metricsstore/importer"
	"github.com/dagscope/dagscope/metricsstore/memory"
)

// importAll imports files under a path each, and returns the paths by outcome; those that failed are under "".
func importAll(t *testing.T, add func(*importer.Drop)) map[importer.Outcome][]string {
	t.Helper()
	var drop importer.Drop
	defer func() { require.NoError(t, drop.Close()) }()
	add(&drop)
	results, err := newImporter(t, memory.New()).Import(t.Context(), &drop)
	require.NoError(t, err)
	out := map[importer.Outcome][]string{}
	for _, r := range results {
		out[r.Outcome] = append(out[r.Outcome], r.Path)
	}
	return out
}

func recordingOf(name string) string { return strings.Replace(recording, `"one"`, `"`+name+`"`, 1) }

const damagedRecording = `{"schemaVersion": "1.6", "workflow": {"specification": {"tasks": [{"id": `

// TestDamagedAmongGood: files that are at fault take none of the good ones with them, whether the error names them or
// not, and however many there are.
func TestDamagedAmongGood(t *testing.T) {
	for _, n := range []int{1, 30} {
		got := importAll(t, func(d *importer.Drop) {
			for i := range n {
				require.NoError(t, d.AddStream(fmt.Sprintf("a%d.json", i), strings.NewReader(recordingOf(fmt.Sprint("run", i)))))
				require.NoError(t, d.AddStream(fmt.Sprintf("b%d.json", i), strings.NewReader(damagedRecording)))
				require.NoError(t, d.AddStream(fmt.Sprintf("b%d.xml", i), strings.NewReader(`<testsuite><testcase name="a" time="1"/></testsuite>`)))
				require.NoError(t, d.AddStream(fmt.Sprintf("a%d.xml", i), strings.NewReader(`<testsuite><testcas`)))
			}
		})
		require.Len(t, got[""], 2*n)
		for _, path := range got[""] {
			require.Regexp(t, `^(b\d+\.json|a\d+\.xml)$`, path)
		}
	}
}

// TestEqualPaths: files of one name in a tar file are different ones.
func TestEqualPaths(t *testing.T) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, text := range []string{recordingOf("one"), recordingOf("two"), damagedRecording, recordingOf("one")} {
		require.NoError(t, w.WriteHeader(&tar.Header{Name: "../run.json", Mode: 0o600, Size: int64(len(text))}))
		_, err := w.Write([]byte(text))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	got := importAll(t, func(d *importer.Drop) { require.NoError(t, d.AddStream("x.tar", &b)) })
	require.Equal(t, map[importer.Outcome][]string{
		importer.Imported: {"run.json", "2/run.json"}, "": {"3/run.json"}, importer.Unchanged: {"4/run.json"},
	}, got)
}

// TestSparse refuses a tar file of 2,560 bytes with an entry of a terabyte.
func TestSparse(t *testing.T) {
	pax := ""
	for _, field := range []string{
		"major=0", "minor=1", "name=big", "size=1099511627776", "numblocks=1", "map=1099511627776,0",
	} {
		line := " GNU.sparse." + field + "\n"
		pax += fmt.Sprint(len(line)+2, line)
	}
	var b bytes.Buffer
	block := func(name string, kind byte, content string) {
		var plain bytes.Buffer
		w := tar.NewWriter(&plain)
		require.NoError(t, w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Size: int64(len(content)), Format: tar.FormatUSTAR}))
		head := plain.Bytes()[:512]
		sum := 0
		for _, c := range head {
			sum += int(c)
		}
		for _, c := range head[148:156] {
			sum += ' ' - int(c)
		}
		sum += int(kind) - int(head[156])
		head[156] = kind
		copy(head[148:156], fmt.Sprintf("%06o\x00 ", sum))
		b.Write(head)
		b.WriteString(content + strings.Repeat("\x00", (512-len(content)%512)%512))
	}
	block("pax", tar.TypeXHeader, pax)
	block("sparse", tar.TypeReg, "")
	b.Write(make([]byte, 1024))
	var drop importer.Drop
	defer func() { require.NoError(t, drop.Close()) }()
	err := drop.AddStream("x.tar", &b)
	require.ErrorIs(t, err, importer.ErrFile)
	require.ErrorContains(t, err, "big has holes")
}
