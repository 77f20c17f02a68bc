// Package manifest reads files of objects as Kubernetes and tools like it write them: YAML or JSON, one object, several
// after each other, or lists of objects. YAML becomes JSON, so readers have one decoder for both.
//
// Guarantees: objects come in the order of the file, and lists of kind List, SomethingList and plain arrays are taken
// apart. What is no object is a records.Fault that names line or byte.
//
// Costs: a file is held in memory as a whole, YAML with its tokens, which are about a hundred times as large; hence
// YAML may have at most MaxYAML bytes, and at most about 30,000 keys in a mapping, which would take minutes otherwise.
//
// Caveats: anchors and aliases of YAML are refused, because a few lines of them can stand for any amount of text. The
// tools whose records are read here write none.
package manifest
