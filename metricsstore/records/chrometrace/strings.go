package chrometrace

import (
	"strings"
	"unicode/utf8"

	"github.com/dagscope/dagscope/metricsstore/records/internal/bounded"
)

// pool makes many small strings in few allocations. What is made of it stays in memory as long as one of its neighbours.
type pool struct{ block strings.Builder }

// poolBlock is the size of a block in bytes.
const poolBlock = 1 << 20

// text is the text in a string of at most records.MaxText bytes of valid UTF-8.
func (p *pool) text(text []byte) string {
	if len(text) == 0 {
		return ""
	}
	if len(text) > poolBlock/64 || !utf8.Valid(text) {
		return bounded.Text(string(text))
	}
	if p.block.Cap()-p.block.Len() < len(text) {
		p.block = strings.Builder{}
		p.block.Grow(poolBlock)
	}
	from := p.block.Len()
	p.block.Write(text)
	return p.block.String()[from:]
}
