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

// Headers of a request, and the most that its body may have.
const (
	// TimeHeader is when the request was signed: whole seconds since 1970, in decimal.
	TimeHeader = "Dagscope-Time"
	// SignatureHeader is "sha256=" and, in hexadecimal, the HMAC (RFC 2104) with SHA-256, by the secret, of the value of
	// TimeHeader, a line feed, and the body.
	SignatureHeader = "Dagscope-Signature"
	// MaxBody is in bytes.
	MaxBody = 1 << 20
	// MinSecret is how many bytes a secret has at least, so that nobody guesses it.
	MinSecret = 16
)

const signaturePrefix = "sha256="

// Sign gives the values of TimeHeader and SignatureHeader.
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

// seal is what a request says of who sent it and when.
type seal struct {
	stamp     string
	at        time.Time
	signature []byte
}

// readSeal reads the headers. It comes before the body is read, so that nobody without a signature is listened to.
func readSeal(header func(string) string) (seal, error) {
	s := seal{stamp: header(TimeHeader)}
	seconds, err := strconv.ParseInt(s.stamp, 10, 64)
	if err != nil || strconv.FormatInt(seconds, 10) != s.stamp {
		return seal{}, fmt.Errorf("%s is %.40q, expected seconds since 1970", TimeHeader, s.stamp)
	}
	s.at = time.Unix(seconds, 0)
	digits, ok := strings.CutPrefix(header(SignatureHeader), signaturePrefix)
	s.signature, err = hex.DecodeString(digits)
	if !ok || err != nil || len(s.signature) != sha256.Size {
		return seal{}, fmt.Errorf("%s is not %s and %d hexadecimal digits", SignatureHeader, signaturePrefix, 2*sha256.Size)
	}
	return s, nil
}

// timely checks that the request was signed less than skew from now.
func (s seal) timely(now time.Time, skew time.Duration) error {
	if apart := now.Sub(s.at); apart > skew || apart < -skew {
		return fmt.Errorf("it was signed %s from now, expected at most %s", apart.Round(time.Second), skew)
	}
	return nil
}

var errForged = errors.New("the signature is not that of the secret, the time and the body")

// covers checks the signature, in a time that does not depend on where it differs.
func (s seal) covers(secret, body []byte) error {
	if !hmac.Equal(s.signature, digest(secret, s.stamp, body)) {
		return errForged
	}
	return nil
}
