package invoke

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
)

func TestLastWords(t *testing.T) {
	for _, c := range []struct{ name, stderr, want string }{
		{"nothing", "", ""},
		{"other lines", "a\nnot a panic: b\n", ""},
		{"a panic", "x\npanic: boom\n\ngoroutine 1 [running]:\n", "panic: boom"},
		{"the last one", "panic: told by user code\r\nfatal error: all goroutines are asleep - deadlock!", "fatal error: all goroutines are asleep - deadlock!"},
		{"a long one", "panic: " + strings.Repeat("x", 1000) + "\nmore", "panic: " + strings.Repeat("x", lastWordsMax-7)},
		{"before many stacks", "panic: boom\n" + strings.Repeat("goroutine\n", record.MaxEvidence), "panic: boom"},
	} {
		t.Run(c.name, func(t *testing.T) { assertLastWords(t, c.want, c.stderr) })
	}
}

func assertLastWords(t *testing.T, want, stderr string) {
	t.Helper()
	for _, most := range []int{1, 7, len(stderr)} { // output arrives in pieces of any size
		kept := newTail()
		for piece := range slices.Chunk([]byte(stderr), max(1, most)) {
			_, err := kept.Write(piece)
			require.NoError(t, err)
		}
		assert.Equal(t, want, kept.lastWords(), "in pieces of %d", most)
	}
}

// TestLastWordsOfOtherEnds: what Go 1.26 prints on Linux before it exits with code 2, as seen; the ends marked so are from
// its source, since they need a broken machine.
func TestLastWordsOfOtherEnds(t *testing.T) {
	const stacks = "\ngoroutine 1 gp=0x7f061f6c1e0 m=0 mp=0x55f520 [syscall]:\nruntime.cgocall(0x48d030, 0x7f061fb9ea8)\n"
	const aborted = "SIGABRT: abort\nPC=0x7fc0f79f0eec m=6 sigcode=18446744073709551610\n"
	for _, c := range []struct{ name, stderr, want string }{
		{
			"no memory for a thread", "drink in 7\nruntime/cgo: pthread_create failed: Resource temporarily unavailable\n" + aborted + stacks,
			`SIGABRT: abort, after the line "runtime/cgo: pthread_create failed: Resource temporarily unavailable"`,
		},
		{
			"free of C", "free(): invalid pointer\n" + aborted + "signal arrived during cgo execution\n" + stacks,
			`SIGABRT: abort, after the line "free(): invalid pointer"`,
		},
		{"abort as the first line", aborted + stacks, "SIGABRT: abort"},
		{
			"a fault in C code", "drink in 7\nSIGSEGV: segmentation violation\nPC=0x48d030 m=0 sigcode=1 addr=0x8\nsignal arrived during cgo execution\n" + stacks,
			"SIGSEGV: segmentation violation",
		},
		{"a signal from outside", "SIGBUS: bus error\nPC=0x40956e m=0 sigcode=0 addr=0x332b\n" + stacks, "SIGBUS: bus error"},
		{
			"GOTRACEBACK=crash", "SIGSEGV: segmentation violation\nPC=0x40956e m=0 sigcode=0 addr=0x3903\n" + stacks +
				"\n-----\n\nSIGQUIT: quit\nPC=0x4810a3 m=2 sigcode=0\n" + stacks, "SIGSEGV: segmentation violation",
		},
		{"the table of a log", "SIGHUP: read again\nSIGTERM: stop\n", ""},
		{"the runtime out of memory", "fatal error: runtime: cannot allocate memory\n\nruntime stack:\n", "fatal error: runtime: cannot allocate memory"},
		{"no heap for its own tables", "fatal error: out of memory allocating heap arena metadata\n\nruntime stack:\n", "fatal error: out of memory allocating heap arena metadata"},
		{"from source: mmap refused", "runtime: mmap: access denied\n", "runtime: mmap: access denied"},
		{"from source: locked memory", "runtime: mmap: too much locked memory (check 'ulimit -l').\n", "runtime: mmap: too much locked memory (check 'ulimit -l')."},
		{"from source: no thread", "fatal: bad g in signal handler\n", "fatal: bad g in signal handler"},
		{
			"from source: a full stack", "fatal: morestack on g0\nSIGTRAP: trace trap\nPC=0x40956e m=0 sigcode=128\n",
			`SIGTRAP: trace trap, after the line "fatal: morestack on g0"`,
		},
	} {
		t.Run(c.name, func(t *testing.T) { assertLastWords(t, c.want, c.stderr) })
	}
}

func BenchmarkTail(b *testing.B) {
	kept := newTail()
	text := []byte(strings.Repeat(strings.Repeat("words ", 12)+"\n", 450))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		_, _ = kept.Write(text)
	}
}
