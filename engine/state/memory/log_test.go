package memory

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
)

// TestCopyStepLeavesOutNothing sets each field of a step in turn.
func TestCopyStepLeavesOutNothing(t *testing.T) {
	for _, f := range reflect.VisibleFields(reflect.TypeFor[engine.Step]()) {
		var src, dst engine.Step
		v := reflect.ValueOf(&src).Elem().FieldByIndex(f.Index)
		switch v.Kind() {
		case reflect.Bool:
			v.SetBool(true)
		case reflect.Slice:
			v.Set(reflect.MakeSlice(f.Type, 1, 1))
		case reflect.Int, reflect.Int64:
			v.SetInt(1)
		default:
			v.SetUint(1)
		}
		copyStep(&dst, &src)
		if f.Name == "Seq" {
			require.Zero(t, dst.Seq)
			continue
		}
		require.Equal(t, src, dst, f.Name)
	}
}
