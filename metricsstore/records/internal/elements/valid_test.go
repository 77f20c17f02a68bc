package elements_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/metricsstore/records/internal/elements"
)

func TestValid(t *testing.T) {
	many := strings.Repeat
	for text, want := range map[string]bool{
		`{"a":[1,"]"]}`:                                 true,
		`{"a":tru}`:                                     false,
		many("[", 10_000) + many("]", 10_000):           true,
		many("[", 10_001) + many("]", 10_001):           false,
		"[" + many("[],", 20_000) + "[]]":               true,
		`["` + many(`[\"{`, 20_000) + `"]`:              true,
		many(`{"a":`, 20_000) + "1" + many("}", 20_000): false,
	} {
		require.Equal(t, want, elements.Valid([]byte(text)), "%.40s", text)
	}
}
