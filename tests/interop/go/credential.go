package main

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"encoding/binary"
	"fmt"

	legacy "github.com/google/go-tpm/legacy/tpm2"
	"github.com/google/go-tpm/legacy/tpm2/credactivation"
	"github.com/google/go-tpm/tpm2"
)

type credentialRequest struct {
	// "tpm2": go-tpm's tpm2.CreateCredential. "credactivation": its older package, which go-attestation and Smallstep's clients use.
	Implementation string `json:"implementation"`
	// TPMT_PUBLIC, for "tpm2".
	EkPublic []byte `json:"ekPublic"`
	// SubjectPublicKeyInfo, for "credactivation".
	EkSpki []byte `json:"ekSpki"`
	AkName []byte `json:"akName"`
	Secret []byte `json:"secret"`
	// Every random byte is this one, so that the result is known.
	Fill byte `json:"fill"`
}

type credential struct {
	CredentialBlob  []byte `json:"credentialBlob"`
	EncryptedSecret []byte `json:"encryptedSecret"`
}

type filled byte

func (b filled) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(b)
	}
	return len(p), nil
}

func makeCredential(request credentialRequest) (credential, error) {
	switch request.Implementation {
	case "tpm2":
		public, err := tpm2.Unmarshal[tpm2.TPMTPublic](request.EkPublic)
		if err != nil {
			return credential{}, err
		}
		key, err := tpm2.ImportEncapsulationKey(public)
		if err != nil {
			return credential{}, refusal{err}
		}
		blob, secret, err := tpm2.CreateCredential(filled(request.Fill), key, request.AkName, request.Secret)
		if err != nil {
			return credential{}, refusal{err}
		}
		return credential{sized(blob), sized(secret)}, nil
	case "credactivation":
		ek, err := x509.ParsePKIXPublicKey(request.EkSpki)
		if err != nil {
			return credential{}, err
		}
		name, err := legacy.DecodeName(bytes.NewBuffer(sized(request.AkName)))
		if err != nil {
			return credential{}, err
		}
		rand.Reader = filled(request.Fill)
		blob, secret, err := credactivation.Generate(name.Digest, ek, 16, request.Secret)
		if err != nil {
			return credential{}, refusal{err}
		}
		return credential{blob, secret}, nil
	default:
		return credential{}, fmt.Errorf("no implementation %q", request.Implementation)
	}
}

func sized(value []byte) []byte {
	packed := binary.BigEndian.AppendUint16(nil, uint16(len(value)))
	return append(packed, value...)
}
