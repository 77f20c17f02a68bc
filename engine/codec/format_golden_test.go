package codec_test

import (
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/codec"
)

// What is stored must stay readable: a change of one of these bytes has to raise the format's version, keep
// reading the old one, and be described on its page.
func TestFormatStaysAsItIs(t *testing.T) {
	value, err := codec.TypeOf[[]int32]().Append(nil, []int32{1, -2})
	require.NoError(t, err)
	require.Equal(t, "0101075b5d696e743332"+"0102"+"01000000feffffff", hex.EncodeToString(value))
	text, err := codec.TypeOf[pair]().Append(nil, pair{1, -2, "n"})
	require.NoError(t, err)
	require.Equal(t, "01030f"+hex.EncodeToString([]byte("codec_test.pair"))+"00"+"a3614101614221646e6f7465616e", hex.EncodeToString(text))
}
