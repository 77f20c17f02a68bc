// Package digest summarises many measurements in little memory: how long tasks took, how many bytes they moved.
//
// A [Sketch] is a histogram of exponential buckets together with exact totals. From it come quantiles with a proven
// bound on their error, mean and variance, and histogram and distribution function for charts. Sketches of parts merge
// into the sketch of the whole, and have a compact stored form that merges straight from its bytes (FORMAT.md).
//
// # Guarantees
//
//   - Up to 512 values, each one is kept, and every answer is exact.
//   - Beyond that, at the default scale, every quantile is within 1 % of the exact one (typically 0.25 %), and exact for
//     equal values and for whole numbers up to 91. Each [Estimate] says what is proven about it.
//   - Count, sum, minimum, maximum, mean and variance of whole numbers are exact at any size, except for the rounding of a
//     float64, and unless Saturated says that the sum of squares exceeded 128 bits.
//   - Sketches of whole numbers merge associatively and commutatively to the bit: the same values in any order, split in
//     any way and merged in any order, give the same bytes. This holds for sketches of different scales, too.
//   - The index of a value comes from whole-number arithmetic alone, exact at every boundary and equal on every machine.
//   - The decoder accepts any bytes: it returns an error, or a sketch that is safe to use, with memory of at most 512 bytes
//     for each byte of input.
//
// # The grid
//
// At scale s there are 2^s buckets an octave, each (lo, hi] with hi = lo * 2^(1/2^s): the grid of exponential histograms
// in OpenTelemetry and of native histograms in Prometheus. Zeros are counted separately. Buckets of a coarser scale are
// unions of finer ones, which is how sketches of two scales merge. No bucket is ever dropped at the low end.
//
// # Costs
//
// Add takes some 2.5 ns a value and AddSlice half of that; a merge takes 0.2 µs for a spread of ten octaves, five quantiles
// 0.3 µs. Memory is 512 bytes an octave between the smallest and the largest value, after 4 KiB for the first 512 values;
// all int64 together need 32 KiB, and floats over their whole range 1 MiB.
//
// # Caveats
//
//   - A Sketch is not safe for concurrent use while one goroutine changes it. Reading changes nothing, so any number may
//     read.
//   - Do not copy a Sketch by assignment: copies share counters. Use Clone.
//   - Negative durations count as zero and in Clamped; negative floats, NaN and infinities only count in Rejected. Check
//     both before trusting the rest.
//   - A p99 of seven values is the largest of them. Check Enough before showing it.
//   - Mean and variance of float sketches with more than 512 values depend, in their last digits, on the order of merges.
//   - IQR and MAD are differences: if the spread is a few percent of the median, their relative bound is wide.
package digest
