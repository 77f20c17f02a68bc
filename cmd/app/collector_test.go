package app

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCollectorFlags(t *testing.T) {
	t.Setenv(endpointVariable, "http://env.test")
	t.Setenv(headersVariable, "Authorization=Bearer%20x, X-Two = 2 ,,X-Two=3")
	off, err := collectorFlags{}.configure()
	require.NoError(t, err)
	assert.Empty(t, off.Endpoint, "variables alone have no effect")
	assert.Empty(t, off.Header)
	named, err := collectorFlags{"https://flag.test/otlp"}.configure()
	require.NoError(t, err)
	assert.Equal(t, "https://flag.test/otlp", named.Endpoint)
	assert.Equal(t, http.Header{"Authorization": {"Bearer x"}, "X-Two": {"2", "3"}}, named.Header)
	env, err := collectorFlags{"env"}.configure()
	require.NoError(t, err)
	assert.Equal(t, "http://env.test", env.Endpoint)

	_, err = collectorFlags{"collector:4318"}.configure()
	require.ErrorContains(t, err, "expected an address such as http://127.0.0.1:4318")
	t.Setenv(endpointVariable, "")
	_, err = collectorFlags{"env"}.configure()
	require.ErrorContains(t, err, endpointVariable+" is empty")
	for _, wrong := range []string{"Authorization", "=x", "A=%zz"} {
		t.Setenv(headersVariable, wrong)
		_, err = collectorFlags{"http://x"}.configure()
		require.ErrorContains(t, err, "expected NAME=VALUE", wrong)
		assert.NotContains(t, err.Error(), "zz", "it may be a secret")
	}
}
