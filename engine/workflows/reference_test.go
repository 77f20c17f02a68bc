package workflows

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/mat"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/workflows/internal/matrix"
	"github.com/dagscope/dagscope/engine/workflows/internal/raster"
)

// Each check compares a result with what one pass over the whole input gives, computed in another way.

func checkProduct(t *testing.T, args engine.Args, result any) {
	text := args.Text()
	p := Product{Seed: uint64(args.Int("seed"))}
	if _, blocked := text["size"]; blocked {
		p.Rows, p.Inner, p.Cols = args.Int("size"), args.Int("size"), args.Int("size")
	} else {
		p.Rows, p.Inner, p.Cols = args.Int("rows"), args.Int("inner"), args.Int("cols")
	}
	a, b := p.factors()
	var want mat.Dense
	want.Mul(a.Block(0, 0, p.Rows, p.Inner).Dense(), b.Block(0, 0, p.Inner, p.Cols).Dense())
	got := result.(matrix.Matrix)
	require.Equal(t, []int{p.Rows, p.Cols}, []int{got.Rows, got.Cols})
	require.LessOrEqual(t, relativeDistance(&want, got.Dense()), 1e-9)
}

// relativeDistance is ‖a−b‖/‖a‖ in the Frobenius norm.
func relativeDistance(a, b mat.Matrix) float64 {
	var d mat.Dense
	d.Sub(a, b)
	return mat.Norm(&d, 2) / mat.Norm(a, 2)
}

func checkSVD(t *testing.T, args engine.Args, result any) {
	rows, cols := args.Int("rows"), args.Int("cols")
	x := matrix.Uniform{Rows: rows, Cols: cols, Seed: uint64(args.Int("seed"))}.Block(0, 0, rows, cols).Dense()
	parts := result.(map[string][]matrix.Matrix)
	values, v := parts["small"][1], parts["small"][2].Dense()
	u := matrix.Stack(parts["u"]...).Dense()

	var scaled, product, gram mat.Dense
	scaled.Apply(func(_, j int, e float64) float64 { return e * values.Data[j] }, u)
	product.Mul(&scaled, v.T())
	require.Less(t, relativeDistance(x, &product), 1e-10, "X and U·Σ·Vᵀ")
	gram.Mul(u.T(), u)
	require.Less(t, relativeDistance(eye(cols), &gram), 1e-12, "UᵀU and the identity")

	var svd mat.SVD
	require.True(t, svd.Factorize(x, mat.SVDNone))
	want := svd.Values(nil)
	require.Len(t, values.Data, cols)
	require.InDeltaSlice(t, want, values.Data, 1e-12*float64(cols)*want[0])
}

func eye(n int) mat.Matrix {
	ones := make([]float64, n)
	for i := range ones {
		ones[i] = 1
	}
	return mat.NewDiagDense(n, ones)
}

func checkLargest(t *testing.T, args engine.Args, result any) {
	size, rank := args.Int("size"), args.Int("rank")
	d := matrix.Decaying{Size: size, Seed: uint64(args.Int("seed"))}
	want := d.Values(rank)
	if size <= 200 { // gonum takes 10 s for 1000
		var svd mat.SVD
		require.True(t, svd.Factorize(d.Block(0, 0, size, size).Dense(), mat.SVDNone))
		want = svd.Values(nil)[:rank]
	}
	got := result.([]float64)
	require.Len(t, got, rank)
	for i := range want {
		require.InEpsilon(t, want[i], got[i], 1e-2, "value %d", i)
	}
}

// wordPattern finds in a lower case text what package words describes.
var wordPattern = regexp.MustCompile(`[\p{L}\p{M}\p{Nd}]+(?:'[\p{L}\p{M}\p{Nd}]+)*`)

func sequentialCount(text []byte) map[string]int {
	counts := map[string]int{}
	for _, word := range wordPattern.FindAllString(strings.ToLower(string(text)), -1) {
		counts[word]++
	}
	return counts
}

func checkCounts(t *testing.T, args engine.Args, result any) {
	require.Equal(t, sequentialCount(args.File("input").Data), result)
}

func checkReport(t *testing.T, args engine.Args, result any) {
	text := args.File("input").Data
	counts := sequentialCount(text)
	total, letters, once, entropy, longest := 0, 0, 0, 0.0, ""
	vocabulary := slices.Sorted(maps.Keys(counts))
	for _, word := range vocabulary {
		n := counts[word]
		total, letters = total+n, letters+n*utf8.RuneCountInString(word)
		if n == 1 {
			once++
		}
		if utf8.RuneCountInString(word) > utf8.RuneCountInString(longest) {
			longest = word
		}
	}
	for _, n := range counts {
		entropy -= float64(n) / float64(total) * math.Log2(float64(n)/float64(total))
	}
	sentences := len(regexp.MustCompile(`[.!?](?:\s|$)`).FindAll(text, -1))
	want := map[string]float64{
		"words": float64(total), "distinct_words": float64(len(counts)), "words_used_once": float64(once),
		"word_length": over(letters, total), "sentence_length": over(total, sentences),
		"richness": over(len(counts), total), "entropy_bits": entropy,
	}
	slices.SortStableFunc(vocabulary, func(a, b string) int { return cmp.Compare(counts[b], counts[a]) })
	var common []string
	for _, word := range vocabulary[:min(10, len(vocabulary))] {
		common = append(common, fmt.Sprintf("%s (%d)", word, counts[word]))
	}
	got := result.(Report)
	require.InDeltaMapValues(t, want, got.Metrics, 1e-9)
	require.Equal(t, fmt.Sprintf("%d words, %d different, %d of them used once; the longest is %q; the most frequent are %s",
		total, len(counts), once, longest, strings.Join(common, ", ")), got.Summary)
}

func over(a, b int) float64 { return float64(a) / math.Max(float64(b), 1) }

func inputImage(t *testing.T, args engine.Args) raster.Image {
	m, err := raster.Decode(args.File("input").Data)
	require.NoError(t, err)
	return m
}

// encoded is a PNG of which no two neighbours are equal.
func encoded(width, height int) []byte {
	m := raster.New(width, height)
	for i := range m.Pixels {
		m.Pixels[i] = byte(i*i*31 + i*7)
	}
	data, err := m.PNG()
	if err != nil {
		panic(err) // the encoder has no reason to refuse it
	}
	return data
}

// checkStrips follows every pixel of the result back to its source.
func checkStrips(t *testing.T, args engine.Args, result any) {
	m, got, k := inputImage(t, args), result.(raster.Image), args.Int("strips")
	if k == -1 {
		k = max(1, min(m.Width/64, 10))
	}
	require.Equal(t, []int{m.Width*min(k, 1) + 8*k, m.Height + 8}, []int{got.Width, got.Height})
	want := raster.New(got.Width, got.Height)
	at := 0
	for i := range k {
		from, to := i*m.Width/k, (i+1)*m.Width/k
		for y := range m.Height {
			for x := from; x < to; x++ {
				gray := grayMean(m, x, y, from, to)
				copy(want.Row(y + 4)[3*(at+4+x-from):], []byte{gray, gray, gray})
			}
		}
		at += to - from + 8
	}
	require.True(t, slices.Equal(want.Pixels, got.Pixels), "the pixels differ from the sequential ones")
}

// grayMean is the brightness of the mean around (x, y) within the columns from to to.
func grayMean(m raster.Image, x, y, from, to int) byte {
	n, sum := 0, [3]int{}
	for j := max(0, y-3); j <= min(m.Height-1, y+3); j++ {
		for i := max(from, x-3); i <= min(to-1, x+3); i++ {
			n++
			for c := range 3 {
				sum[c] += int(m.Row(j)[3*i+c])
			}
		}
	}
	rounded := func(c int) float64 { return math.Floor(float64(sum[c])/float64(n) + 0.5) }
	return byte(math.Floor((299*rounded(0)+587*rounded(1)+114*rounded(2))/1000 + 0.5))
}

// checkTiles filters tile by tile, in place of the result, with the filters that package raster tests.
func checkTiles(t *testing.T, args engine.Args, result any) {
	m, g := inputImage(t, args), args.Int("grid")
	ctx := t.Context()
	must := func(m raster.Image, err error) raster.Image { require.NoError(t, err); return m }
	want := raster.New(m.Width, m.Height)
	for i := range g * g {
		left, right := i%g*m.Width/g, (i%g+1)*m.Width/g
		top, bottom := i/g*m.Height/g, (i/g+1)*m.Height/g
		cut := m.Crop(left, top, right-left, bottom-top)
		a := must(raster.Resize(ctx, cut, (cut.Width+1)/2, (cut.Height+1)/2))
		a = must(raster.Normalise(ctx, must(raster.Blur(ctx, a, 3))))
		a = must(raster.Resize(ctx, must(raster.Sepia(ctx, a)), cut.Width, cut.Height))
		b := must(raster.Sharpen(ctx, must(raster.Edges(ctx, cut))))
		raster.PasteTo(want, must(raster.Mean(ctx, a, b)), left, top)
	}
	require.Equal(t, want, result)
}

func checkMosaic(t *testing.T, args engine.Args, result any) {
	m, got := inputImage(t, args), result.(raster.Image)
	require.Equal(t, []int{m.Width, m.Height}, []int{got.Width, got.Height})
	exact := true
	for i := 0; i < len(m.Pixels); i += 3 {
		gray := raster.Luma(m.Pixels[i], m.Pixels[i+1], m.Pixels[i+2])
		exact = exact && gray == got.Pixels[i]
		if math.Abs(float64(gray)-float64(got.Pixels[i])) > 2.5 || got.Pixels[i] != got.Pixels[i+1] || got.Pixels[i] != got.Pixels[i+2] {
			require.Failf(t, "a pixel is too far off", "pixel %d: %v, want %d ± 2.5", i/3, got.Pixels[i:i+3], gray)
		}
	}
	require.True(t, !exact || len(m.Pixels) < 100, "no pixel differs, so no noise was there to be removed")
}

// checkLabels fits to all rows at once, by QR.
func checkLabels(t *testing.T, args engine.Args, result any) {
	rows := args.Int("rows")
	x := Rows{Count: rows}.data()
	truth := classify(x, matrix.Uniform{Cols: classes, Seed: hiddenSeed}.Block(0, 0, features, classes))
	require.Len(t, result, rows)
	if rows < features { // the least squares solution is not unique, but it fits what it saw
		require.Equal(t, truth, result)
		return
	}
	y := mat.NewDense(rows, classes, nil)
	for i, label := range truth {
		y.Set(i, label, 1)
	}
	var weights, scores mat.Dense
	require.NoError(t, weights.Solve(x.Dense(), y))
	scores.Mul(x.Dense(), &weights)
	right := 0
	for i, label := range result.([]int) {
		row := scores.RawRowView(i)
		require.Equal(t, slices.Index(row, slices.Max(row)), label, "row %d", i)
		if label == truth[i] {
			right++
		}
	}
	require.Greater(t, float64(right), 0.8*float64(rows), "the model hardly predicts")
}
