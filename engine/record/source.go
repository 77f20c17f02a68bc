package record

import "strings"

// MaxSource bounds the text that runs keep of the file of their workflow, in bytes.
const MaxSource = 64 << 10

// Source is the file that a workflow was made of, such as a pipeline.
type Source struct {
	File string `json:"file"` // its name without folders
	Text string `json:"text"`
	// Cut means that Text is only the beginning of the file, up to MaxSource bytes.
	Cut bool `json:"cut,omitempty"`
}

// Bounded returns what a run keeps of a source, which may be nil: the whole text, or its lines up to MaxSource bytes.
func (s *Source) Bounded() *Source {
	if s == nil || len(s.Text) <= MaxSource {
		return s
	}
	text := s.Text[:MaxSource]
	text = text[:strings.LastIndexByte(text, '\n')+1]
	return &Source{File: s.File, Text: text, Cut: true}
}
