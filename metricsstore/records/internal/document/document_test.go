package document_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/internal/testkit/droptest"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/document"
)

func TestRead(t *testing.T) {
	for text, want := range map[string]string{
		`{"n":1}`:     "",
		`{"n":`:       "f: byte 5: expected a sum: unexpected end of JSON input",
		`{"n":1} {`:   "f: byte 9: expected a sum: invalid character '{' after top-level value",
		`{"n":"one"}`: "f: byte 10: expected a sum: cannot unmarshal string into Go struct field .n of type int",
		" \n":         "f: byte 2: expected a sum, and the file is empty",
	} {
		var got struct {
			N int `json:"n"`
		}
		f := droptest.File("f", records.Main, []byte(text))
		err := document.Read(&f, &got, "a sum")
		if want == "" {
			require.NoError(t, err)
			require.Equal(t, 1, got.N)
			continue
		}
		require.ErrorIs(t, err, records.ErrFormat)
		require.EqualError(t, err, want)
	}
}
