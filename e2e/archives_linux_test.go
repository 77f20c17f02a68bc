//go:build linux

package e2e

import (
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestDamagedArchives: archives that are cut off, changed on their way or made up to do harm are refused one by one;
// they cost little, and the good ones among them are imported.
func TestDamagedArchives(t *testing.T) {
	t.Parallel()
	from, to := newUser(t), newUser(t)
	from.ok("run", "tree-reduction", "--set", "n=300")
	good := from.ok("export", "last")
	bad := map[string]string{
		"only its first bytes": good[:14],
		"cut in the middle":    good[:len(good)/2],
		"without its last":     good[:len(good)-1],
		"twice":                good + good,
		"noise":                strings.Repeat("noise", 1000),
	}
	for at := 1; at < len(good); at += max(1, len(good)/20) {
		bad["changed at "+strconv.Itoa(at)] = good[:at] + string([]byte{good[at] ^ 0x10}) + good[at+1:]
	}
	for name, frames := range hostileFrames(good) {
		bad[name] = good[:14] + frames
	}
	args := []string{"import", "--json", written(t, good)}
	names := map[string]string{}
	for name, data := range bad {
		path := written(t, data)
		names[path] = name
		args = append(args, path)
	}
	importing := to.start(args...)
	peak := importing.peakBytes()
	o := importing.wait()
	assert.Equal(t, 2, o.code, o.stderr)
	assert.NotZero(t, peak)
	assert.Less(t, peak, int64(600<<20), "memory, of which the race detector needs most")
	var list importList
	o.json(t, &list)
	for _, f := range list.Files {
		if names[f.File] == "" {
			assert.Equal(t, "imported", f.Status, f.Error)
			continue
		}
		assert.Equal(t, "failed", f.Status, names[f.File])
		assert.Contains(t, o.stderr, f.File+": ", names[f.File])
		assert.NotEmpty(t, f.Error, names[f.File])
	}
	assert.Len(t, list.Files, 1+len(bad))
	assert.Len(t, to.runs(), 1)
	assert.Equal(t, from.ok("stats", "last", "--json"), to.ok("stats", "last", "--json"))
	to.ok("check")

	o = to.run("import", written(t, good[:len(good)/2]))
	assert.Equal(t, 2, o.code)
	assert.Contains(t, o.stderr, "the archive is damaged")
}

// hostileFrames follow the head of an archive. Their sums are right, so that it is the content that has to be refused.
func hostileFrames(good string) map[string]string {
	frame := func(kind byte, payload []byte) string {
		head := binary.AppendUvarint([]byte{kind}, uint64(len(payload)))
		table := crc32.MakeTable(crc32.Castagnoli)
		sum := crc32.Update(crc32.Checksum(head, table), table, payload)
		return string(head) + string(payload) + string(binary.BigEndian.AppendUint32(nil, sum))
	}
	size, n := binary.Uvarint([]byte(good[15:]))
	run := good[14 : 15+n+int(size)+4] // its first frame
	end := func(frames uint64) string { return frame(6, binary.AppendUvarint(nil, frames)) }
	long := func(n uint64, rest ...byte) []byte { return append(binary.AppendUvarint(nil, n), rest...) }
	var changed map[string]any
	if json.Unmarshal([]byte(good[15+n:15+n+int(size)]), &changed) == nil {
		changed["info"] = map[string]any{"run": "../../etc/passwd"}
	}
	elsewhere, _ := json.Marshal(changed) // it was JSON
	return map[string]string{
		"a length beyond all bounds":     "\x01" + string(long(math.MaxUint64)),
		"a length of a gigabyte":         "\x01" + string(long(1<<30)),
		"a length and nothing after":     run + "\x02" + string(long(63<<20)),
		"a block of 2^60 steps":          run + frame(3, append(long(1), long(1<<60, 1, 1, 1, 1, 1)...)) + end(2),
		"a block that is all lengths":    run + frame(3, []byte(strings.Repeat("\xff", 64))) + end(2),
		"a shape that announces 2^40":    run + frame(2, append(long(5), append([]byte("shape"), long(1<<40)...)...)) + end(2),
		"a detail with a log of 2^40":    run + frame(4, append(make([]byte, 12), append([]byte{1}, long(1<<40)...)...)) + end(2),
		"a run that is a million arrays": frame(1, []byte(strings.Repeat("[", 1_000_000))) + end(1),
		"a run by the name of a path":    frame(1, elsewhere) + end(1),
		"no run":                         end(0),
		"a run without a graph":          run + end(1),
	}
}

// peakBytes waits for the end of a process and returns the most memory that it had, sampled every few milliseconds. What
// the system reports of an ended process includes the memory of these tests, from which it was forked.
func (p *process) peakBytes() (peak int64) {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		status, _ := os.ReadFile("/proc/" + strconv.Itoa(p.cmd.Process.Pid) + "/status") // empty once it has ended
		for line := range strings.Lines(string(status)) {
			if kb, ok := strings.CutPrefix(line, "VmHWM:"); ok {
				n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(kb), "kB")), 10, 64)
				require.NoError(p.t, err)
				peak = max(peak, n<<10)
			}
		}
		select {
		case <-p.ended:
			return peak
		case <-tick.C:
		}
	}
}
