// Command goattestation judges attestation keys with google/go-attestation: one JSON object a line in (Public, CreateData,
// CreateAttestation, CreateSignature as base64), "accepted" or "refused" and the reason a line out.
package main

import (
	"bufio"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"log"
	"os"

	"github.com/google/go-attestation/attest"
)

func main() {
	ek, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		log.Fatal(err)
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var key attest.AttestationParameters
		if err := json.Unmarshal(lines.Bytes(), &key); err != nil {
			log.Fatal(err)
		}
		fmt.Println(judge(attest.ActivationParameters{EK: &ek.PublicKey, AK: key}))
	}
	if err := lines.Err(); err != nil {
		log.Fatal(err)
	}
}

func judge(parameters attest.ActivationParameters) (verdict string) {
	// Some malformed structures make the library panic; that is a refusal too.
	defer func() {
		if reason := recover(); reason != nil {
			verdict = fmt.Sprintf("refused %q", fmt.Sprint("panic: ", reason))
		}
	}()
	if _, _, err := parameters.Generate(); err != nil {
		return fmt.Sprintf("refused %q", err.Error())
	}
	return "accepted"
}
