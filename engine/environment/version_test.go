package environment

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestVersions(t *testing.T) {
	for _, c := range []struct {
		wanted, yes, no string
	}{
		{"3.11", "3.11.0", "3.12.0"},
		{"3.11.2", "3.11.2", "3.11.3"},
		{"3", "3.6.0", "2.7.18"},
		{">=3.10", "3.10.0", "3.9.18"},
		{">=3.10,<3.13", "3.12.9", "3.13.0"},
		{" >= 3.10 , < 3.13 ", "3.10.1", "3.9.0"},
		{"<=3.11.2", "3.11.2", "3.11.3"},
		{">3.11.2", "3.11.3", "3.11.2"},
		{"<3.11", "3.10.99", "3.11.0"},
		{"==3.11.*", "3.11.7", "3.10.7"},
		{"==3.11", "3.11.0", "3.11.1"},
		{"!=3.11.*", "3.12.0", "3.11.4"},
		{"!=3.11", "3.11.1", "3.11.0"},
		{"~=3.10", "3.12.1", "4.0.0"},
		{"~=3.10.4", "3.10.9", "3.11.0"},
		{"~=3.10.4", "3.10.4", "3.10.3"},
	} {
		all, err := parseVersions(c.wanted)
		require.NoError(t, err, c.wanted)
		assert.True(t, all.accepts(parse(t, c.yes)), "%q accepts %s", c.wanted, c.yes)
		assert.False(t, all.accepts(parse(t, c.no)), "%q accepts %s", c.wanted, c.no)
	}
	none, err := parseVersions(" ")
	require.NoError(t, err)
	assert.True(t, none.accepts(version{2, 7, 18}))
}

// TestAcceptsSome compares it with every patch there may be.
func TestAcceptsSome(t *testing.T) {
	for _, wanted := range []string{"", "3.11", "3.11.2", "==3.11.2", "!=3.11.0,<3.11.1,>=3.11", "!=3.11.0,<3.11.2,>=3.11", ">3.10.99,<3.12", "~=3.11.4", "<3"} {
		all, err := parseVersions(wanted)
		require.NoError(t, err)
		for minor := 9; minor < 14; minor++ {
			some := false
			for patch := range 200 {
				some = some || all.accepts(version{3, minor, patch})
			}
			assert.Equal(t, some, all.acceptsSome(minor), "%q and 3.%d", wanted, minor)
		}
	}
}

func TestVersionsRefused(t *testing.T) {
	for _, text := range []string{"three", "3.11.2.1", ">=", "~=3", ">=3.*", "3.11,", "===3.11", "3.-1", "3..1", "3.99999999"} {
		_, err := parseVersions(text)
		assert.ErrorContains(t, err, "expected a version such as 3.11", text)
	}
}

func parse(t *testing.T, text string) version {
	t.Helper()
	c, ok := parseCondition(text)
	require.True(t, ok)
	return c.version
}
