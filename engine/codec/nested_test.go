package codec

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type (
	ring  struct{ Next *ring }
	forks struct {
		Name string
		Sub  []*forks
		By   map[string]*forks
	}
	pair  struct{ Left, Right point }
	point struct{ X, Y float64 }
)

// TestValuesThatContainThemselves: encoding such a value is an error, and neither encoding nor sizing it overflows the
// stack.
func TestValuesThatContainThemselves(t *testing.T) {
	endless := &ring{}
	endless.Next = endless
	tree := &forks{Name: "root"}
	tree.Sub = []*forks{{Name: "leaf"}, tree}
	byName := &forks{By: map[string]*forks{}}
	byName.By["self"] = byName
	for _, encode := range []func() ([]byte, error){
		func() ([]byte, error) { return TypeOf[*ring]().Append(nil, endless) },
		func() ([]byte, error) { return TypeOf[ring]().Append(nil, *endless) },
		func() ([]byte, error) { return TypeOf[*forks]().Append(nil, tree) },
		func() ([]byte, error) { return TypeOf[*forks]().Append(nil, byName) },
	} {
		_, err := encode()
		require.ErrorContains(t, err, "it contains itself, or is nested more than 10000 levels deep")
	}
	assert.True(t, Exceeds(endless, 1<<20))
	assert.True(t, Exceeds(tree, 1<<20))
}

// TestDeepValues: a finite value can be encoded, however often it nests values of its own type.
func TestDeepValues(t *testing.T) {
	var deep *ring
	for range 4000 {
		deep = &ring{deep}
	}
	b, err := TypeOf[*ring]().Append(nil, deep)
	require.NoError(t, err)
	back, err := TypeOf[*ring]().Decode(b)
	require.NoError(t, err)
	assert.Equal(t, deep, back)
	b, err = TypeOf[pair]().Append(nil, pair{point{1, 2}, point{3, 4}})
	require.NoError(t, err)
	back, err = TypeOf[pair]().Decode(b)
	require.NoError(t, err)
	assert.Equal(t, pair{point{1, 2}, point{3, 4}}, back)
}
