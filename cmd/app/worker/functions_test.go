package worker

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
)

func identity(name string, version int) *engine.Function {
	return engine.Functions(engine.Func1(name, func(_ context.Context, n int) (int, error) { return n, nil }).
		With(engine.Options{Version: version}))[0]
}

func TestCatalogueFinds(t *testing.T) {
	blur, grey, made := identity("blur", 0), identity("grey", 2), identity("grey", 0)
	c, err := NewCatalogue([]*engine.Workflow{
		{Name: "images", Functions: []*engine.Function{blur, grey}},
		{Name: "again", Functions: []*engine.Function{blur}},
		{Name: "replay", Dynamic: func(s engine.Signature) *engine.Function {
			if s.Name == "grey" {
				return made
			}
			return nil
		}},
	})
	require.NoError(t, err)
	for _, f := range []struct {
		workflow, function string
		want               *engine.Function
	}{
		{"images", "blur", blur},
		{"images", "grey", grey},
		{"images", "none", nil},
		{"again", "grey", grey},  // of another workflow
		{"replay", "grey", made}, // its own comes first
		{"replay", "blur", blur},
		{"unknown", "grey", grey},
		{"", "none", nil},
	} {
		assert.Same(t, f.want, c.Find(f.workflow, engine.Signature{Name: f.function}), "%s of %q", f.function, f.workflow)
	}
	assert.Equal(t, []string{"blur", "grey@2"}, c.Names())
}

func TestCatalogueRefusesTwoOfOneName(t *testing.T) {
	_, err := NewCatalogue([]*engine.Workflow{
		{Name: "a", Functions: []*engine.Function{identity("f", 0)}},
		{Name: "b", Functions: []*engine.Function{identity("f", 0)}},
	})
	assert.ErrorContains(t, err, `two functions are named "f"`)
	_, err = NewCatalogue([]*engine.Workflow{{Name: "a"}, {Name: "a"}})
	assert.ErrorContains(t, err, `two workflows are named "a"`)
}
