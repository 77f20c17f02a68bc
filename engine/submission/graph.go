package submission

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"

	"github.com/dagscope/dagscope/engine/code"
	"github.com/dagscope/dagscope/engine/environment"
	"github.com/dagscope/dagscope/engine/python"
)

// Version is that of the format.
const Version = 1

// Bounds of a description.
const (
	maxNodes     = 1 << 20
	maxFunctions = 10_000
	maxDepth     = 32  // of fan-outs in fan-outs
	maxName      = 100 // bytes of the name of a run
)

// ErrMalformed: the bytes are not a description of a graph.
var ErrMalformed = errors.New("the description of the graph is malformed")

// Graph is what a client describes. Those of Decode are checked.
type Graph struct {
	Version int `cbor:"version"`
	// Name is what runs of the graph are listed under.
	Name string `cbor:"name"`
	// Archive is the SHA-256 of the zip archive with the project's files in hexadecimal, "" for none.
	Archive string `cbor:"archive"`
	// Environment has the packages of all tasks, nil for those of the worker's Python.
	Environment *environment.Spec `cbor:"environment"`

	Functions []Function `cbor:"functions"`
	Nodes     []node     `cbor:"nodes"`
	// Result is the node whose value, or list, the run returns.
	Result int `cbor:"result"`

	// What check finds out:

	decoded []code.Value // of each node, its Data
	lists   []bool       // nodes that are lists of values rather than values
	plain   []bool       // functions that are called where no fan-out runs over what they return
}

// Function is a Python function with the options of its tasks.
type Function struct {
	Module  string        `cbor:"module"` // as in an import
	Name    string        `cbor:"name"`   // as f or Class.f
	Retries int           `cbor:"retries"`
	Timeout time.Duration `cbor:"timeout_ns"` // of an attempt, 0 for none
	// CPUs and Memory are what a call needs, see engine.Options; 0 is not counted.
	CPUs   float64 `cbor:"cpus,omitempty"`
	Memory int64   `cbor:"memory_bytes,omitempty"`
	// Pickle has values that cannot be sent otherwise pickled.
	Pickle bool `cbor:"pickle"`
}

// kind says what a node is.
type kind uint8

const (
	value kind = iota // Data is an encoded value
	call              // of function Number, with Data as arguments, whose holes are filled by Nodes
	list              // of the values Nodes
	each              // begins a fan-out over Number, and is the element
	end               // ends the fan-out that began last, and is the list of the values that Number has for the elements
)

// node is one part of a graph. Its number is its position; it mentions nodes by theirs.
type node struct {
	_      struct{} `cbor:",toarray"`
	Kind   kind
	Number int
	Data   []byte // a codec, and what it encodes
	Nodes  []int
}

var decoding = func() cbor.DecMode {
	mode, err := cbor.DecOptions{
		DupMapKey: cbor.DupMapKeyEnforcedAPF, ExtraReturnErrors: cbor.ExtraDecErrorUnknownField, MaxNestedLevels: 8,
		MaxArrayElements: maxNodes, IndefLength: cbor.IndefLengthForbidden, TagsMd: cbor.TagsForbidden,
	}.DecMode()
	if err != nil {
		panic(err)
	}
	return mode
}()

// Decode reads a description. The error is ErrMalformed and says where. Values in it share memory with data.
func Decode(data []byte) (*Graph, error) {
	var g Graph
	err := decoding.Unmarshal(data, &g)
	if err == nil {
		err = g.check()
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return &g, nil
}

func (g *Graph) check() error {
	switch {
	case g.Version != Version:
		return fmt.Errorf("it has version %d, expected %d: the Python package and the service have to be of one version", g.Version, Version)
	case g.Name == "" || len(g.Name) > maxName || strings.ContainsFunc(g.Name, unprintable):
		return fmt.Errorf("the name is %.120q, expected 1 to %d printable bytes", g.Name, maxName)
	case len(g.Functions) > maxFunctions:
		return fmt.Errorf("%d functions, expected at most %d", len(g.Functions), maxFunctions)
	}
	if err := g.checkEnvironment(); err != nil {
		return err
	}
	for i := range g.Functions {
		if err := g.Functions[i].check(); err != nil {
			return fmt.Errorf("function %d: %w", i, err)
		}
	}
	return g.checkNodes()
}

func (g *Graph) checkEnvironment() error {
	if g.Environment == nil {
		return nil
	}
	if g.Environment.Kind == environment.NPM {
		return fmt.Errorf("the environment is of the kind %s, expected one of Python or a folder", environment.NPM)
	}
	return g.Environment.Check()
}

func unprintable(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }

func (f *Function) check() error {
	switch {
	case !isDotted(f.Module) || !isDotted(f.Name):
		return fmt.Errorf("it is %.80q of module %.80q, expected names as Python has them", f.Name, f.Module)
	case f.Retries < 0 || f.Timeout < 0:
		return fmt.Errorf("%s.%s has %d retries and a timeout of %s, expected at least 0", f.Module, f.Name, f.Retries, f.Timeout)
	}
	return nil
}

// isDotted reports whether a text is one or more names with dots between them, of at most 200 bytes.
func isDotted(s string) bool {
	for part := range strings.SplitSeq(s, ".") {
		if part == "" || len(s) > 200 || strings.ContainsFunc(part, func(r rune) bool {
			return r != '_' && (!unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) || r == utf8.RuneError)
		}) {
			return false
		}
	}
	return true
}

// checkNodes checks that each node mentions only what it can see, and finds out which are lists.
func (g *Graph) checkNodes() error {
	c := checker{Graph: g, scopes: make([]int, len(g.Nodes)), open: []int{top}, ended: make([]bool, len(g.Nodes))}
	g.decoded, g.lists, g.plain = make([]code.Value, len(g.Nodes)), make([]bool, len(g.Nodes)), make([]bool, len(g.Functions))
	for i := range g.Nodes {
		if err := c.node(i); err != nil {
			return fmt.Errorf("node %d: %w", i, err)
		}
	}
	if len(c.open) > 1 {
		return fmt.Errorf("the fan-out of node %d has no end", c.open[len(c.open)-1])
	}
	if err := c.sees(len(g.Nodes), g.Result); err != nil {
		return fmt.Errorf("the result: %w", err)
	}
	for i, n := range g.Nodes {
		if n.Kind == call && !g.lists[i] {
			g.plain[n.Number] = true
		}
	}
	return nil
}

// top is the scope of what is in no fan-out.
const top = -1

// checker is what is known after some of the nodes.
type checker struct {
	*Graph
	scopes []int  // of each node: the one that began the fan-out it is in, or top
	open   []int  // scopes that have not ended, the innermost last
	ended  []bool // fan-outs, by the node that began them
}

func (c *checker) node(i int) error {
	n := &c.Nodes[i]
	c.scopes[i] = c.open[len(c.open)-1]
	for _, of := range n.Nodes {
		if err := c.sees(i, of); err != nil {
			return err
		}
	}
	switch n.Kind {
	case value:
		return c.decoded[i].DecodeRaw(nil, n.Data)
	case call:
		if n.Number < 0 || n.Number >= len(c.Functions) {
			return fmt.Errorf("function %d, expected one below %d", n.Number, len(c.Functions))
		}
		err := c.decoded[i].DecodeRaw(nil, n.Data)
		if err == nil && c.decoded[i].Codec != python.CBOR {
			err = fmt.Errorf("its arguments are encoded as %s, expected cbor, with holes for arrays and pickles", c.decoded[i].Codec)
		}
		return err
	case list:
		c.lists[i] = true
		return nil
	case each:
		return c.begin(i, n.Number)
	case end:
		return c.end(i, n.Number)
	default:
		return fmt.Errorf("it is of kind %d, expected 0 to %d", n.Kind, end)
	}
}

// begin begins the fan-out over a source. A call as a source returns its elements one by one.
func (c *checker) begin(i, source int) error {
	if err := c.sees(i, source); err != nil {
		return err
	}
	if len(c.open) > maxDepth {
		return fmt.Errorf("fan-outs nest more than %d deep", maxDepth)
	}
	if c.Nodes[source].Kind == call {
		c.lists[source] = true
	}
	c.scopes[i], c.open = i, append(c.open, i)
	return nil
}

func (c *checker) end(i, result int) error {
	if len(c.open) == 1 {
		return errors.New("it ends a fan-out, and none is open")
	}
	if err := c.sees(i, result); err != nil {
		return err
	}
	inner := c.open[len(c.open)-1]
	c.open = c.open[:len(c.open)-1]
	c.ended[inner] = true
	c.scopes[i] = c.open[len(c.open)-1]
	c.lists[i] = true
	return nil
}

// sees reports as an error why node i cannot read another.
func (c *checker) sees(i, of int) error {
	switch {
	case of < 0 || of >= i:
		return fmt.Errorf("it mentions node %d, expected one that precedes it", of)
	case c.scopes[of] != top && c.ended[c.scopes[of]]:
		return fmt.Errorf("it mentions node %d, which is in a fan-out that has ended", of)
	default:
		return nil
	}
}
