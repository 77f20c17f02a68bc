package normal

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// MaxTrendRuns is how many runs a history has at most, the latest.
const MaxTrendRuns = 300

var trendMethod = fmt.Sprintf("Makespans, and medians of the tasks of each function, one number a run. A change is where ranks before and after differ most "+
	"(Pettitt 1979, by binary segmentation), if shuffled histories differ as much with a probability below %.0f %% divided by the number of series, and by %.0f %% or more; "+
	"ratios are Hodges-Lehmann estimates with 95 %% intervals of the rank-sum test.", 100*Level, 100*Effect)

// Trend is how makespans of a workflow, and the times of its functions, changed from run to run.
type Trend struct {
	Workflow string `json:"workflow"`
	// Terms is what the runs have in common: the most frequent parameters of the workflow. Runs is how many there are,
	// Others how many of the latest runs have other parameters.
	Terms  []string `json:"terms"`
	Runs   int      `json:"n"`
	Others int      `json:"others"`
	// Needs is how many runs it takes to look for changes; absent if there are enough.
	Needs int `json:"needs,omitempty"`
	// Level is the greatest share of unchanged histories in which any series has a change.
	Level  float64  `json:"level"`
	Method string   `json:"method"`
	Series []Series `json:"series"` // first the makespan, then the functions by name
}

// Series is the history of the makespan, or of one function in all of its versions.
type Series struct {
	Function string `json:"function"` // empty for the makespan
	Runs     int    `json:"n"`        // that have the function
	Needs    int    `json:"needs,omitempty"`
	// Changes are in the order of time.
	Changes []Change `json:"changes"`
}

// Change is when a series changed its level.
type Change struct {
	// Since is when Run started, the first one after the change; Previous is the one before it.
	Since    time.Time    `json:"since"`
	Run      record.RunID `json:"run"`
	Previous record.RunID `json:"previous"`
	// Before and After are how many runs there are since the change before and until the next one.
	Before int `json:"before_n"`
	After  int `json:"after_n"`
	// Ratio is how many times as long runs take, and Low to High is its 95 % interval.
	Ratio float64 `json:"ratio"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	P     float64 `json:"p"` // how often shuffled histories differ as much, without regard to the number of series
	// With is what most runs after the change have, and most before do not.
	With []string `json:"with"`
	Text string   `json:"text"` // a sentence of all that, with days of UTC
}

// TrendQuery selects the runs of a trend.
type TrendQuery struct {
	Workflow string
	From, To time.Time // of the start, From included, To not; zero for no bound
}

// ReadTrend looks for changes in the latest runs of a workflow that succeeded and have the most frequent parameters.
func ReadTrend(ctx context.Context, q *metricsstore.Queries, query TrendQuery) (*Trend, error) {
	runs, others, err := alikeRuns(ctx, q, query)
	if err != nil {
		return nil, err
	}
	t := &Trend{
		Workflow: query.Workflow, Terms: []string{}, Runs: len(runs), Others: others, Level: Level, Method: trendMethod, Series: []Series{},
	}
	if len(runs) > 0 {
		t.Terms = append(t.Terms, runs[0].run.PeerTerms()...)
	}
	if len(runs) < MinTrendRuns {
		t.Needs = MinTrendRuns
		return t, nil
	}
	histories, err := historiesOf(ctx, q, runs)
	if err != nil {
		return nil, err
	}
	for _, function := range slices.Sorted(maps.Keys(histories)) {
		t.Series = append(t.Series, newSeries(function, histories[function], Level/float64(len(histories))))
	}
	return t, nil
}

// point is one run of a history.
type point struct {
	run *trendRun
	log float64 // of its time
}

// trendRun is a run, and what a change may have come with.
type trendRun struct {
	run        metricsstore.Run
	attributes []attribute
}

// alikeRuns are those of the latest runs that have the most frequent parameters, in the order of time, and how many of
// the others there are.
func alikeRuns(ctx context.Context, q *metricsstore.Queries, query TrendQuery) (alike []*trendRun, others int, err error) {
	page, err := q.Runs(ctx, metricsstore.RunQuery{
		RunFilter: metricsstore.RunFilter{
			Workflow: query.Workflow, Status: []record.Status{record.Succeeded}, From: query.From, To: query.To,
		},
		Limit: MaxTrendRuns,
	})
	if err != nil {
		return nil, 0, err
	}
	groups := map[string][]*trendRun{}
	var most string
	for _, r := range page.Runs {
		if !r.Comparable() {
			continue
		}
		key := strings.Join(r.PeerTerms(), "\n")
		if r.Info.Imported() != nil {
			key = r.Graph.Hash
		}
		groups[key] = append(groups[key], &trendRun{run: r})
		if len(groups[key]) > len(groups[most]) {
			most = key
		}
	}
	alike = groups[most]
	for _, g := range groups {
		others += len(g)
	}
	slices.Reverse(alike)
	return alike, others - len(alike), nil
}

// historiesOf reads the makespans, under the name "", and the medians of each function; and completes the
// attributes of the runs.
func historiesOf(ctx context.Context, q *metricsstore.Queries, runs []*trendRun) (map[string][]point, error) {
	histories := map[string][]point{}
	for _, r := range runs {
		found, err := summaries(ctx, q, r.run.Info.ID)
		if err != nil {
			return nil, err
		}
		r.attributes = attributesOf(&r.run, found)
		histories[""] = append(histories[""], point{r, logOf(float64(r.run.MakespanNS()))})
		for function, ns := range mediansByName(found) {
			histories[function] = append(histories[function], point{r, logOf(ns)})
		}
	}
	return histories, nil
}

// mediansByName has the median of each function; of several versions in one run, that of the one with most tasks.
func mediansByName(of []summary) map[string]float64 {
	medians, tasks := map[string]float64{}, map[string]uint64{}
	for i := range of {
		if d := &of[i].Buckets[0].Distribution; d.N > tasks[of[i].Function] {
			medians[of[i].Function], tasks[of[i].Function] = d.Summary.P50.Value, d.N
		}
	}
	return medians
}

func newSeries(function string, history []point, level float64) Series {
	s := Series{Function: function, Runs: len(history), Changes: []Change{}}
	if s.Runs < MinTrendRuns {
		s.Needs = MinTrendRuns
		return s
	}
	logs := make([]float64, len(history))
	for i, p := range history {
		logs[i] = p.log
	}
	for _, found := range shiftsIn(logs, level) {
		s.Changes = append(s.Changes, newChange(found, history))
	}
	return s
}

func newChange(s shift, history []point) Change {
	first, previous, last := &history[s.at].run.run, &history[s.at-1].run.run, &history[len(history)-1].run.run
	c := Change{
		Since: first.Info.StartedAt.UTC(), Run: first.Info.ID, Previous: previous.Info.ID,
		Before: s.before, After: s.after, Ratio: s.ratio, Low: s.low, High: s.high, P: s.p, With: cameWith(history, s.at),
	}
	c.Text = c.sentence(previous.Info.StartedAt.UTC(), last.Info.StartedAt.UTC())
	return c
}

// sentence has the day of the change, with the time if the previous run was on the same day, and with the year if that is
// not the one of the last run.
func (c *Change) sentence(previous, last time.Time) string {
	day := c.Since.Format("2 January")
	if c.Since.Year() != last.Year() {
		day += c.Since.Format(" 2006")
	}
	if c.Since.Truncate(24 * time.Hour).Equal(previous.Truncate(24 * time.Hour)) {
		day += c.Since.Format(", 15:04")
	}
	text := fmt.Sprintf("Since %s %s × (%s to %s)", day, ratioText(c.Ratio), ratioText(c.Low), ratioText(c.High))
	if len(c.With) > 0 {
		text += ", with " + strings.Join(c.With, ", ")
	}
	return text + fmt.Sprintf("; %d runs before, %d after.", c.Before, c.After)
}

// ratioText has two digits after the point below 10, and none above.
func ratioText(ratio float64) string {
	if ratio < 10 {
		return fmt.Sprintf("%.2f", ratio)
	}
	return fmt.Sprintf("%.0f", ratio)
}
