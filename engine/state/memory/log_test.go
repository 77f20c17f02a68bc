package memory

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
)

// TestPages: each step has one place, the pages have room for at most twice the number of steps, and pages of pageLen
// steps begin at multiples of pageLen.
func TestPages(t *testing.T) {
	page, place := uint64(0), uint64(0)
	room := uint64(firstLen)
	for seq := uint64(1); seq <= 5*pageLen; seq++ {
		gotPage, gotPlace := pageOf(seq)
		require.Equal(t, page, gotPage, seq)
		require.Equal(t, place, gotPlace, seq)
		if seq <= pageLen {
			require.LessOrEqual(t, room, max(2*seq, firstLen), seq)
		}
		if place++; place == lenOf(page) {
			page, place = page+1, 0
			room += lenOf(page)
		}
		if seq%pageLen == 0 {
			require.Zero(t, place, seq)
			require.EqualValues(t, pageLen, lenOf(page), seq)
		}
	}
}

// TestCopyStepLeavesOutNothing sets each field of a step in turn.
func TestCopyStepLeavesOutNothing(t *testing.T) {
	for _, f := range reflect.VisibleFields(reflect.TypeFor[record.Step]()) {
		var src, dst record.Step
		v := reflect.ValueOf(&src).Elem().FieldByIndex(f.Index)
		switch v.Kind() {
		case reflect.Bool:
			v.SetBool(true)
		case reflect.Slice:
			v.Set(reflect.MakeSlice(f.Type, 1, 1))
		case reflect.Pointer:
			v.Set(reflect.New(f.Type.Elem()))
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
