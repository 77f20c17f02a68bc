package workflows

import (
	"context"
	"fmt"
	"strings"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/workflows/internal/words"
)

// Widths of text-analysis.
const (
	textRanges   = 32
	textSegments = 16
)

// Measure is one aspect of a text.
type Measure struct {
	Name  string
	Value float64
}

// Analysis is all that text-analysis has found.
type Analysis struct {
	words.Finding
	Measures []Measure
}

// Report is what text-analysis returns.
type Report struct {
	Metrics map[string]float64
	Summary string
}

var (
	survey       = engine.Func1("survey", words.Survey)
	mergeSurveys = engine.Func1("merge-surveys", words.MergeTallies)
)

var segments = engine.Func1("segments", func(_ context.Context, t words.Tally) ([][]words.Entry, error) {
	return words.Segments(t, textSegments), nil
})

var stats = engine.Func1("stats", func(_ context.Context, t words.Tally) (words.Stats, error) {
	return words.Describe(t), nil
})

var analyse = engine.Func2("analyse", func(_ context.Context, all [][]words.Entry, i int) (words.Finding, error) {
	return words.Analyse(all[i]), nil
})

var overall = engine.Func2("overall", func(_ context.Context, s words.Stats, aspect string) (Measure, error) {
	v, err := words.Aspect(s, aspect)
	return Measure{Name: aspect, Value: v}, engine.NoRetry(err)
})

var mergeAnalyses = engine.Func2("merge-analyses", func(_ context.Context, f []words.Finding, m []Measure) (Analysis, error) {
	return Analysis{Finding: words.MergeFindings(f), Measures: m}, nil
})

var metrics = engine.Func1("metrics", func(_ context.Context, a Analysis) (map[string]float64, error) {
	out := map[string]float64{
		"words": float64(a.Total), "distinct_words": float64(a.Distinct), "words_used_once": float64(a.Once),
	}
	for _, m := range a.Measures {
		out[m.Name] = m.Value
	}
	return out, nil
})

var summary = engine.Func1("summary", func(_ context.Context, a Analysis) (string, error) {
	common := make([]string, len(a.Frequent))
	for i, e := range a.Frequent {
		common[i] = fmt.Sprintf("%s (%d)", e.Word, e.Count)
	}
	return fmt.Sprintf("%d words, %d different, %d of them used once; the longest is %q; the most frequent are %s",
		a.Total, a.Distinct, a.Once, a.Longest, strings.Join(common, ", ")), nil
})

var report = engine.Func2("report", func(_ context.Context, m map[string]float64, s string) (Report, error) {
	return Report{Metrics: m, Summary: s}, nil
})

// textAnalysis narrows and widens twice: 32 surveys, merge, {segments, stats}, 16 analyses and 4 overall aspects,
// merge, {metrics, summary}, report. So n = 59 with 32 roots, 7 deep. It returns a Report.
func textAnalysis(s samples) *engine.Workflow {
	return &engine.Workflow{
		Name:        "text-analysis",
		Description: "Describes the vocabulary of a text, by ranges of the text first and then by segments of the vocabulary.",
		Params:      []engine.Param{textParam(s)},
		Functions:   engine.Functions(survey, mergeSurveys, segments, stats, analyse, overall, mergeAnalyses, metrics, summary, report),
		Build: func(g *engine.Builder, args engine.Args) (engine.AnyRef, error) {
			text, err := textArg(args)
			if err != nil {
				return nil, err
			}
			tallies := make([]engine.Ref[words.Tally], textRanges)
			for i, part := range words.Ranges(text, textRanges) {
				tallies[i] = survey.Call(engine.Const(g, part))
			}
			merged := mergeSurveys.Call(engine.List(g, tallies...))
			parts, whole := segments.Call(merged), stats.Call(merged)
			findings := make([]engine.Ref[words.Finding], textSegments)
			for i := range findings {
				findings[i] = analyse.Call(parts, engine.Const(g, i))
			}
			var measures []engine.Ref[Measure]
			for _, aspect := range []string{words.WordLength, words.SentenceLength, words.Richness, words.Entropy} {
				measures = append(measures, overall.Call(whole, engine.Const(g, aspect)))
			}
			all := mergeAnalyses.Call(engine.List(g, findings...), engine.List(g, measures...))
			return report.Call(metrics.Call(all), summary.Call(all)), nil
		},
	}
}
