package client

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"mime/multipart"
	"slices"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/web/api"
)

// content is the body of a request. The zero value is none.
type content struct {
	mediaType string
	data      io.Reader
}

// contentOf returns a content as it is and anything else as JSON; nil is none.
func contentOf(body any) (content, error) {
	switch body := body.(type) {
	case nil:
		return content{}, nil
	case content:
		return body, nil
	}
	data, err := json.Marshal(body)
	return content{"application/json", bytes.NewReader(data)}, err
}

// newForm makes the form of POST /runs with a submission and its files.
func newForm(s api.Submission, files map[string]engine.File) (content, error) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	request, err := form.CreateFormField("request")
	if err == nil {
		err = json.NewEncoder(request).Encode(s)
	}
	for _, param := range slices.Sorted(maps.Keys(files)) {
		if err != nil {
			break
		}
		part, cannot := form.CreateFormFile(param, files[param].Name)
		if err = cannot; err == nil {
			_, err = part.Write(files[param].Data)
		}
	}
	if err == nil {
		err = form.Close()
	}
	return content{form.FormDataContentType(), &body}, err
}
