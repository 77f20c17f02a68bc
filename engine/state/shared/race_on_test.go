//go:build race

package shared_test

// one of seedShare seeds is tried under the race detector, which is ten times slower and itself fails
// now and then after some millions of switches between goroutines ("ThreadSanitizer: CHECK failed").
const seedShare = 2
