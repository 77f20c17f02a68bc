// Package survey measures the shape of a Go source tree: lines by purpose, the widest types, the exported names of a
// package, which files use which, what a set of functions reaches, and how often comments use words that are to be
// avoided. The tests of e2e hold the tree to limits on these figures, and e2e/house prints them as a table.
//
// A tree is read from a folder, whose own packages are type-checked from source, or from sources in memory. Of packages
// outside the module only the export data of the build cache is read; what cannot be resolved is left out of the figures
// and is no error, so that a tree which does not compile can be measured, too.
package survey
