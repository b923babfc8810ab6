// Command judge lets the Go implementations that deployed TPM clients are built on judge Muster's bytes, and makes bytes for Muster to judge.
//
//	judge VERB < request.json > answer.json
//
// Bytes are standard base64 (Go's encoding of []byte). A refusal by the library is an answer, {"refused": "…"}; anything that keeps a
// verb from asking the library ends the program with status 1.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

type verb func(request []byte) (any, error)

var verbs = map[string]verb{
	"make-credential": typed(makeCredential),
	"check-ak":        typed(checkAttestationKey),
	"verify-certify":  typed(verifyCertify),
	"verify-quote":    typed(verifyQuote),
	"event-log":       typed(eventLog),
	"make-ak":         typed(makeAttestationKey),
	"activate":        typed(activate),
	"tpmkms":          typed(enrolByTpmkms),
}

// A refusal is the library's verdict on what it was shown.
type refusal struct{ error }

type verdict struct {
	Refused string `json:"refused,omitempty"`
}

func typed[Request any, Answer any](run func(Request) (Answer, error)) verb {
	return func(text []byte) (any, error) {
		var request Request
		if err := json.Unmarshal(text, &request); err != nil {
			return nil, fmt.Errorf("request: %w", err)
		}
		return run(request)
	}
}

// judged turns what a library says of its input into a verdict.
func judged(err error) (verdict, error) {
	if err != nil {
		return verdict{}, refusal{err}
	}
	return verdict{}, nil
}

func answer() (any, error) {
	if len(os.Args) != 2 || verbs[os.Args[1]] == nil {
		return nil, errors.New("usage: judge VERB < request.json")
	}
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		return nil, err
	}
	made, err := verbs[os.Args[1]](text)
	if refused := (refusal{}); errors.As(err, &refused) {
		return verdict{Refused: refused.Error()}, nil
	}
	return made, err
}

func main() {
	made, err := answer()
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(made)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
