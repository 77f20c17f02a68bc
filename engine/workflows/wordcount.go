package workflows

import (
	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/workflows/internal/words"
)

var (
	normaliseText = engine.Func1("normalise-text", words.Normalise)
	countWords    = engine.Func1("count-words", words.Count)
	mergeCounts   = engine.Func1("merge-counts", words.Merge)
)

// wordcount cuts a text into C chunks: C × normalise, C × count, one merge, so n = 2C + 1 with C roots, 3 deep. It
// returns how often each word stands in the text, a map[string]int.
func wordcount(s samples) *engine.Workflow {
	return &engine.Workflow{
		Name:        "wordcount",
		Description: "Counts the words of a text, chunk by chunk.",
		Params: []engine.Param{
			textParam(s),
			intParam("chunk", 64<<10, 1, 64<<20, "bytes of a chunk, which then extends to the next white space"),
		},
		Functions: engine.Functions(normaliseText, countWords, mergeCounts),
		Build: func(g *engine.Builder, args engine.Args) (engine.AnyRef, error) {
			text, err := textArg(args)
			if err != nil {
				return nil, err
			}
			chunks := words.Chunks(text, args.Int("chunk"))
			if err := checkTasks(2*len(chunks)+1, "choose a larger chunk"); err != nil {
				return nil, err
			}
			counts := make([]engine.Ref[map[string]int], len(chunks))
			for i, chunk := range chunks {
				counts[i] = countWords.Call(normaliseText.Call(engine.Const(g, chunk)))
			}
			return mergeCounts.Call(engine.List(g, counts...)), nil
		},
	}
}
