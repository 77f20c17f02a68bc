package invoke

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Headers and limits of a request.
const (
	// TimeHeader is when the request was signed: whole seconds since 1970, in decimal.
	TimeHeader = "Dagscope-Time"
	// SignatureHeader is "sha256=" and, in hexadecimal, the HMAC (RFC 2104) with SHA-256, keyed with the secret, of the
	// value of TimeHeader, a line feed, and the body.
	SignatureHeader = "Dagscope-Signature"
	// MaxBody is the largest size of a body, in bytes.
	MaxBody = 1 << 20
	// MinSecret is the shortest length of a secret, in bytes: 128 bits cannot be guessed.
	MinSecret = 16
)

const signaturePrefix = "sha256="

// Sign returns the values of TimeHeader and SignatureHeader for a body.
func Sign(secret []byte, at time.Time, body []byte) (stamp, signature string) {
	stamp = strconv.FormatInt(at.Unix(), 10)
	return stamp, signaturePrefix + hex.EncodeToString(digest(secret, stamp, body))
}

func digest(secret []byte, stamp string, body []byte) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(stamp))
	mac.Write([]byte{'\n'})
	mac.Write(body)
	return mac.Sum(nil)
}

// signedHeaders are the time and the signature of a request.
type signedHeaders struct {
	stamp     string
	at        time.Time
	signature []byte
}

// readSignature parses the headers, before the body is read: a client without a signature cannot send one.
func readSignature(header func(string) string) (signedHeaders, error) {
	s := signedHeaders{stamp: header(TimeHeader)}
	seconds, err := strconv.ParseInt(s.stamp, 10, 64)
	if err != nil || strconv.FormatInt(seconds, 10) != s.stamp {
		return signedHeaders{}, fmt.Errorf("%s is %.40q, expected seconds since 1970", TimeHeader, s.stamp)
	}
	s.at = time.Unix(seconds, 0)
	digits, ok := strings.CutPrefix(header(SignatureHeader), signaturePrefix)
	s.signature, err = hex.DecodeString(digits)
	if !ok || err != nil || len(s.signature) != sha256.Size {
		return signedHeaders{}, fmt.Errorf("%s is not %s and %d hexadecimal digits", SignatureHeader, signaturePrefix, 2*sha256.Size)
	}
	return s, nil
}

// checkTime checks that the request was signed less than skew from now.
func (s signedHeaders) checkTime(now time.Time, skew time.Duration) error {
	if apart := now.Sub(s.at); apart > skew || apart < -skew {
		return fmt.Errorf("it was signed %s from now, expected at most %s", apart.Round(time.Second), skew)
	}
	return nil
}

var errForged = errors.New("the signature is not that of the secret, the time and the body")

// checkBody checks the signature, in a time that does not depend on where it differs.
func (s signedHeaders) checkBody(secret, body []byte) error {
	if !hmac.Equal(s.signature, digest(secret, s.stamp, body)) {
		return errForged
	}
	return nil
}
