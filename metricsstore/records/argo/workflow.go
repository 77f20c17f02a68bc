package argo

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/manifest"
)

// workflow is an object of kind Workflow, as far as it is read.
type workflow struct {
	Metadata struct {
		Name         string            `json:"name"`
		GenerateName string            `json:"generateName"`
		Namespace    string            `json:"namespace"`
		UID          string            `json:"uid"`
		Labels       map[string]string `json:"labels"`
	} `json:"metadata"`
	Spec struct {
		Shutdown    string      `json:"shutdown"`
		Entrypoint  string      `json:"entrypoint"`
		Arguments   parameters  `json:"arguments"`
		Templates   []template  `json:"templates"`
		TemplateRef templateRef `json:"workflowTemplateRef"`
	} `json:"spec"`
	Status status `json:"status"`
}

type status struct {
	Phase           string              `json:"phase"`
	StartedAt       string              `json:"startedAt"`
	FinishedAt      string              `json:"finishedAt"`
	Message         string              `json:"message"`
	Nodes           map[string]*node    `json:"nodes"`
	CompressedNodes string              `json:"compressedNodes"`
	Offloaded       string              `json:"offloadNodeStatusVersion"`
	StoredTemplates map[string]template `json:"storedTemplates"`
	StoredSpec      struct {
		Templates []template `json:"templates"`
	} `json:"storedWorkflowTemplateSpec"`
}

// node is an entry of status.nodes.
type node struct {
	ID           string      `json:"id"`
	Name         string      `json:"name"`
	DisplayName  string      `json:"displayName"`
	Type         string      `json:"type"`
	TemplateName string      `json:"templateName"`
	TemplateRef  templateRef `json:"templateRef"`
	Phase        string      `json:"phase"`
	BoundaryID   string      `json:"boundaryID"`
	Message      string      `json:"message"`
	StartedAt    string      `json:"startedAt"`
	FinishedAt   string      `json:"finishedAt"`
	Host         string      `json:"hostNodeName"`
	Children     []string    `json:"children"`
	Outbound     []string    `json:"outboundNodes"`
	Daemoned     bool        `json:"daemoned"`
	Inputs       parameters  `json:"inputs"`
	Outputs      struct {
		ExitCode string `json:"exitCode"`
	} `json:"outputs"`
	Memoization struct {
		Hit bool   `json:"hit"`
		Key string `json:"key"`
	} `json:"memoizationStatus"`
	// Resources are requested amounts times seconds, by resource.
	Resources map[string]int64 `json:"resourcesDuration"`
}

type parameters struct {
	Parameters []struct {
		Name  string `json:"name"`
		Value any    `json:"value"`
	} `json:"parameters"`
}

type templateRef struct {
	Name     string `json:"name"`
	Template string `json:"template"`
}

type template struct {
	Name      string `json:"name"`
	Container struct {
		Command texts `json:"command"`
		Args    texts `json:"args"`
	} `json:"container"`
	Script struct {
		Source string `json:"source"`
	} `json:"script"`
}

// texts is a list of strings; what is something else in it counts as none.
type texts []string

func (l *texts) UnmarshalJSON(text []byte) error {
	if json.Unmarshal(text, (*[]string)(l)) != nil {
		*l = nil
	}
	return nil
}

// maxNodes is how large decompressed nodes may be.
const maxNodes = 1 << 30

// inflate decompresses the nodes of a workflow that has them so.
func (w *workflow) inflate(o *manifest.Object) error {
	if len(w.Status.Nodes) > 0 {
		return nil
	}
	if w.Status.CompressedNodes == "" {
		if w.Status.Offloaded != "" {
			return o.Fault("workflow %s has its nodes in the database of Argo, expected status.nodes; argo get -o json writes them", w.Metadata.Name)
		}
		return nil
	}
	packed, err := base64.StdEncoding.DecodeString(w.Status.CompressedNodes)
	if err != nil {
		return o.Fault("compressedNodes is not base64: %v", err)
	}
	r, err := decompressor(packed)
	if err != nil {
		return o.Fault("compressedNodes: %v", err)
	}
	defer r.Close()
	text, err := io.ReadAll(io.LimitReader(r, maxNodes+1))
	if err != nil {
		return o.Fault("compressedNodes cannot be decompressed (%v), expected gzip, zstd or brotli", err)
	}
	if len(text) > maxNodes {
		return records.ErrTooLarge
	}
	if err := json.Unmarshal(text, &w.Status.Nodes); err != nil {
		return o.Fault("compressedNodes contain no map of nodes: %v", err)
	}
	return nil
}

// decompressor recognises the compression by its first bytes, as Argo does: what is neither gzip nor zstd is brotli, which
// has no magic number.
func decompressor(packed []byte) (io.ReadCloser, error) {
	switch {
	case bytes.HasPrefix(packed, []byte{0x1f, 0x8b}):
		return gzip.NewReader(bytes.NewReader(packed))
	case bytes.HasPrefix(packed, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		d, err := zstd.NewReader(bytes.NewReader(packed), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxNodes))
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	}
	return io.NopCloser(brotli.NewReader(bytes.NewReader(packed))), nil
}

// commands has the commands of templates by name, without those whose name stands for several.
func (w *workflow) commands() map[string]string {
	all := append(append([]template{}, w.Spec.Templates...), w.Status.StoredSpec.Templates...)
	for _, t := range w.Status.StoredTemplates {
		all = append(all, t)
	}
	commands, ambiguous := map[string]string{}, map[string]bool{}
	for _, t := range all {
		text := t.Script.Source
		if text == "" {
			text = strings.Join(append(append([]string{}, t.Container.Command...), t.Container.Args...), " ")
		}
		if old, there := commands[t.Name]; there && old != text {
			ambiguous[t.Name] = true
		}
		commands[t.Name] = text
	}
	for name := range ambiguous {
		delete(commands, name)
	}
	return commands
}
