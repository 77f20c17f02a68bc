package process

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestEnvironmentHasWhatIsAllowed(t *testing.T) {
	own := []string{"PATH=/bin", "HOME=/home/a", "LC_ALL=C", "LC_TIME=de=x", "LCX=1", "SECRET=s", "=C:=C:\\", "EMPTY="}
	for _, c := range []struct {
		name  string
		allow []string
		add   map[string]string
		want  []string
	}{
		{"nothing", nil, nil, []string{}},
		{"names", []string{"PATH", "EMPTY", "ABSENT"}, nil, []string{"EMPTY=", "PATH=/bin"}},
		{"a prefix", []string{"LC_*"}, nil, []string{"LC_ALL=C", "LC_TIME=de=x"}},
		{"no part of a name", []string{"PAT", "ATH"}, nil, []string{}},
		{"added", []string{"PATH"}, map[string]string{"PATH": "/opt", "B": "2"}, []string{"B=2", "PATH=/opt"}},
	} {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, environment(own, c.allow, c.add)) })
	}
	t.Setenv("DAGSCOPE_TEST_ALLOWED", "yes")
	assert.Equal(t, []string{"DAGSCOPE_TEST_ALLOWED=yes"}, Environment([]string{"DAGSCOPE_TEST_*"}, nil))
}
