package code

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// canonical encodes equal values as equal bytes.
var canonical = must(cbor.CanonicalEncOptions().EncMode())

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// signatureDomain precedes what is signed, so that no signature for another purpose fits.
const signatureDomain = "dagscope code 1\n"

// Sign signs a task, whose other fields are final, with the secret that the workers have.
func (t *Task) Sign(secret []byte) error {
	mac, err := t.mac(secret)
	t.Signature = mac
	return err
}

// verify reports whether a task was signed with the secret.
func (t *Task) verify(secret []byte) bool {
	mac, err := t.mac(secret)
	return err == nil && len(t.Signature) > 0 && hmac.Equal(mac, t.Signature)
}

// mac is the HMAC (RFC 2104) with SHA-256 of the task without its signature.
func (t *Task) mac(secret []byte) ([]byte, error) {
	unsigned := *t
	unsigned.Signature = nil
	data, err := canonical.Marshal(&unsigned)
	if err != nil {
		return nil, fmt.Errorf("code: a task cannot be encoded: %w", err)
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(signatureDomain))
	mac.Write(data)
	return mac.Sum(nil), nil
}
