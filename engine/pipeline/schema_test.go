package pipeline_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/pipeline"
)

// pipelineSchema compiles the schema that editors get.
func pipelineSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(pipeline.Schema()))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("pipeline.json", document))
	schema, err := c.Compile("pipeline.json")
	require.NoError(t, err)
	return schema
}

// document is a YAML text as the validator takes it.
func document(t *testing.T, text []byte) any {
	t.Helper()
	asJSON, err := yaml.YAMLToJSON(text)
	require.NoError(t, err)
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	require.NoError(t, err)
	return v
}

// TestSchemaAccepts: pipelines that are run elsewhere are valid.
func TestSchemaAccepts(t *testing.T) {
	schema := pipelineSchema(t)
	for name, c := range runs {
		assert.NoError(t, schema.Validate(document(t, []byte(c.pipeline))), name)
	}
	examples, err := filepath.Glob("../../examples/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, examples)
	for _, file := range examples {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.NoError(t, schema.Validate(document(t, text)), file)
	}
}

// TestSchemaRefuses: mistakes of form are found by editors too.
func TestSchemaRefuses(t *testing.T) {
	schema := pipelineSchema(t)
	for _, text := range []string{
		"name: a", "steps:\n  a: {runn: x}", "steps:\n  a: {run: x, python: 'm:f'}", "steps:\n  a: {run: x, retries: -1}", "name: a b\nsteps:\n  a: {run: x}",
		"params: {n: {type: number}}\nsteps:\n  a: {run: x}", "steps:\n  a: {foreach: x, run: y}", "steps: {}",
	} {
		_, err := pipeline.Parse("test.yaml", []byte(text))
		assert.Error(t, err, text)
		assert.Error(t, schema.Validate(document(t, []byte(text))), text)
	}
}

// TestSchemaFields: the schema has the fields that the parser knows, and no others.
func TestSchemaFields(t *testing.T) {
	type object struct {
		Properties map[string]json.RawMessage `json:"properties"`
		OneOf      []struct {
			Properties map[string]json.RawMessage `json:"properties"`
		} `json:"oneOf"`
	}
	var schema struct {
		object
		Defs map[string]object `json:"$defs"`
	}
	require.NoError(t, json.Unmarshal(pipeline.Schema(), &schema))
	for name, properties := range map[string]map[string]json.RawMessage{
		"pipeline": schema.Properties, "step": schema.Defs["step"].Properties,
		"param": schema.Defs["param"].OneOf[1].Properties, "environment": schema.Defs["environment"].OneOf[1].Properties,
	} {
		assert.ElementsMatch(t, pipeline.Fields[name], slices.Collect(maps.Keys(properties)), name)
	}
}
