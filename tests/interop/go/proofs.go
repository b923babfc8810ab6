package main

import (
	"crypto"
	"crypto/x509"

	"github.com/google/go-attestation/attest"
)

type attestationKey struct {
	// TPMT_PUBLIC.
	Public []byte `json:"public"`
	// TPMS_CREATION_DATA, TPMS_ATTEST, TPMT_SIGNATURE.
	CreationData []byte `json:"creationData"`
	Attest       []byte `json:"attest"`
	Signature    []byte `json:"signature"`
}

func checkAttestationKey(ak attestationKey) (verdict, error) {
	parameters := attest.ActivationParameters{AK: attest.AttestationParameters{
		Public:            ak.Public,
		CreateData:        ak.CreationData,
		CreateAttestation: ak.Attest,
		CreateSignature:   ak.Signature,
	}}
	return judged(parameters.CheckAKParameters())
}

type certifyRequest struct {
	Subject   []byte `json:"subjectPublic"`
	Attest    []byte `json:"attest"`
	Signature []byte `json:"signature"`
	AkSpki    []byte `json:"akSpki"`
}

func verifyCertify(request certifyRequest) (verdict, error) {
	ak, err := x509.ParsePKIXPublicKey(request.AkSpki)
	if err != nil {
		return verdict{}, err
	}
	parameters := attest.CertificationParameters{
		Public:            request.Subject,
		CreateAttestation: request.Attest,
		CreateSignature:   request.Signature,
	}
	return judged(parameters.Verify(attest.VerifyOpts{Public: ak, Hash: crypto.SHA256}))
}

type pcr struct {
	Index  int    `json:"index"`
	Digest []byte `json:"digest"`
}

type quoteRequest struct {
	AkPublic  []byte `json:"akPublic"`
	Attest    []byte `json:"attest"`
	Signature []byte `json:"signature"`
	Nonce     []byte `json:"nonce"`
	Pcrs      []pcr  `json:"pcrs"`
}

func verifyQuote(request quoteRequest) (verdict, error) {
	ak, err := attest.ParseAKPublic(request.AkPublic)
	if err != nil {
		return judged(err)
	}
	quote := attest.Quote{Quote: request.Attest, Signature: request.Signature}
	return judged(ak.Verify(quote, banks(request.Pcrs), request.Nonce))
}

func banks(values []pcr) []attest.PCR {
	pcrs := make([]attest.PCR, 0, len(values))
	for _, value := range values {
		pcrs = append(pcrs, attest.PCR{Index: value.Index, Digest: value.Digest, DigestAlg: crypto.SHA256})
	}
	return pcrs
}

type eventLogRequest struct {
	Log  []byte `json:"log"`
	Pcrs []pcr  `json:"pcrs"`
}

type eventLogAnswer struct {
	// How many events of the SHA-256 bank the quoted values prove.
	Events            int   `json:"events"`
	SecureBootEnabled *bool `json:"secureBootEnabled"`
	// Why go-attestation read no Secure Boot state, where it read none.
	SecureBootRefused string `json:"secureBootRefused,omitempty"`
}

func eventLog(request eventLogRequest) (eventLogAnswer, error) {
	log, err := attest.ParseEventLog(request.Log)
	if err != nil {
		return eventLogAnswer{}, refusal{err}
	}
	events, err := log.Verify(banks(request.Pcrs))
	if err != nil {
		return eventLogAnswer{}, refusal{err}
	}
	made := eventLogAnswer{Events: len(events)}
	state, err := attest.ParseSecurebootState(events)
	if err != nil {
		made.SecureBootRefused = err.Error()
	} else {
		made.SecureBootEnabled = &state.Enabled
	}
	return made, nil
}
