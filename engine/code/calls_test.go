package code_test

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/code"
	"github.com/dagscope/dagscope/engine/python"
	"github.com/dagscope/dagscope/engine/record"
)

// TestFunctionsAreFoundBeforeTasks: a run whose functions cannot be found fails before any of its tasks is executed, later
// runs of the same interpreters too.
func TestFunctionsAreFoundBeforeTasks(t *testing.T) {
	b := start(t, nil)
	folder := t.TempDir()
	for name, text := range map[string]string{"good.py": "def f():\n    return 1\n", "broken.py": "import good\nraise LookupError('while imported')\n"} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600))
	}
	files, err := code.Pack(folder, []string{"good.py", "broken.py"})
	require.NoError(t, err)
	bundle := code.Bundle{Files: files}
	require.NoError(t, bundle.Seal())
	execute := func(module, function string) *engine.Run {
		marked := filepath.Join(t.TempDir(), "mark")
		return b.run(func(g *engine.Builder) engine.AnyRef {
			first := call(g, b.runner, "first", code.Task{Command: []code.Template{code.Literal("touch"), code.Literal(marked)}}, code.Bundle{})
			t.Cleanup(func() {
				_, err := os.Stat(marked)
				require.Equal(t, module == "good" && function == "f", err == nil, "%s:%s", module, function)
			})
			nothing := code.Value{Codec: python.CBOR, Data: []byte{0x82, 0x80, 0xa0}}
			last := call(g, b.runner, "last", code.Task{Call: &code.Call{Module: module, Function: function, Arguments: nothing}, Bundle: bundle.Hash}, bundle)
			return engine.List(g, first, last)
		})
	}
	require.Equal(t, record.Succeeded, execute("good", "f").End().Status)
	for _, c := range []struct{ module, function, want string }{
		{"nomodule", "f", "nomodule:f: there is no module nomodule, expected it in one of"},
		{"good", "g", "good:g: there is no function g in "},
		{"broken", "f", "broken:f cannot be imported: LookupError: while imported\nTraceback"},
	} {
		r := execute(c.module, c.function)
		require.Equal(t, record.Failed, r.End().Status)
		require.Equal(t, record.EnvironmentError, r.End().First.Kind)
		require.Contains(t, r.End().First.Message, c.want)
	}
	require.Equal(t, record.Succeeded, execute("good", "f").End().Status, "it works on")
}

// TestArguments: a function gets its arguments as they were written, however they are sent.
func TestArguments(t *testing.T) {
	b := start(t, nil)
	folder := t.TempDir()
	text := "def f(*args, **named):\n    return [repr(args), repr(named), len(args) > 1 and args[0] is args[1]]\n"
	require.NoError(t, os.WriteFile(filepath.Join(folder, "shown.py"), []byte(text), 0o600))
	files, err := code.Pack(folder, []string{"shown.py"})
	require.NoError(t, err)
	bundle := code.Bundle{Files: files}
	require.NoError(t, bundle.Seal())
	first := cbor.Tag{Number: python.HoleTag, Content: uint64(0)}
	for want, template := range map[[3]any]any{
		{"([7, 8], 61000, 'a')", "{}", false}:           []any{[]any{first, python.HoleTag, "a"}, map[string]any{}},
		{"([7, 8], 1, -300, 2.5)", "{}", false}:         []any{[]any{first, 1, -300, 2.5}, map[string]any{}},
		{"([7, 8], [7, 8])", "{}", true}:                []any{[]any{first, first}, map[string]any{}},
		{"([[7, 8]],)", "{'n': [7, 8]}", false}:         []any{[]any{[]any{first}}, map[string]any{"n": first}},
		{"(1000, 100000, [7, 8], None)", "{}", false}:   []any{[]any{1000, 100000, first, nil}, map[string]any{}},
		{"([7, 8], 18446744073709551615)", "{}", false}: []any{[]any{first, uint64(math.MaxUint64)}, map[string]any{}},
	} {
		arguments, err := python.Encode(template)
		require.NoError(t, err)
		holes := []code.Template{{{Hole: &code.Operand{}}}}
		got, _ := b.one(code.Task{Call: &code.Call{Module: "shown", Function: "f", Arguments: arguments, Holes: holes}, Bundle: bundle.Hash}, bundle, []int{7, 8})
		require.Equal(t, want[:], got)
	}
}
