package pipeline

// Fields are those that the parser knows, by the name of the definition in the schema.
var Fields = map[string][]string{"pipeline": pipelineFields, "step": stepFields, "param": paramFields, "environment": environmentFields}
