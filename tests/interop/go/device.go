package main

import (
	"crypto"
	"fmt"
	"io"
	"net/url"

	"github.com/google/go-attestation/attest"
	legacy "github.com/google/go-tpm/legacy/tpm2"
	"go.step.sm/crypto/kms/apiv1"
	"go.step.sm/crypto/kms/tpmkms"
)

// The TPM of this program is a UNIX socket that it is told; the machine's own is never opened.
type channel struct{ io.ReadWriteCloser }

func (channel) MeasurementLog() ([]byte, error) { return nil, nil }

func open(device string) (*attest.TPM, error) {
	if device == "" {
		return nil, fmt.Errorf("no device given")
	}
	socket, err := legacy.OpenTPM(device)
	if err != nil {
		return nil, err
	}
	return attest.OpenTPM(&attest.OpenConfig{CommandChannel: channel{socket}})
}

type keyRequest struct {
	Device    string `json:"device"`
	Algorithm string `json:"algorithm"`
	Nonce     []byte `json:"nonce"`
	Pcrs      []int  `json:"pcrs"`
}

type keyAnswer struct {
	// What activate loads the key from.
	Wrapped []byte         `json:"wrapped"`
	Ak      attestationKey `json:"ak"`
	Certify struct {
		SubjectPublic []byte `json:"subjectPublic"`
		Attest        []byte `json:"attest"`
		Signature     []byte `json:"signature"`
	} `json:"certify"`
	Quote struct {
		Attest    []byte `json:"attest"`
		Signature []byte `json:"signature"`
	} `json:"quote"`
	Pcrs []pcr `json:"pcrs"`
}

// makeAttestationKey makes an attestation key as go-attestation does, a key that it certifies and a quote, both over the nonce.
func makeAttestationKey(request keyRequest) (made keyAnswer, err error) {
	tpm, err := open(request.Device)
	if err != nil {
		return made, err
	}
	ak, err := tpm.NewAK(&attest.AKConfig{Algorithm: attest.Algorithm(request.Algorithm)})
	if err != nil {
		return made, err
	}
	defer ak.Close(tpm)
	parameters := ak.AttestationParameters()
	made.Ak = attestationKey{parameters.Public, parameters.CreateData, parameters.CreateAttestation, parameters.CreateSignature}
	if made.Wrapped, err = ak.Marshal(); err != nil {
		return made, err
	}
	key, err := tpm.NewKey(ak, &attest.KeyConfig{Algorithm: attest.ECDSA, Size: 256, QualifyingData: request.Nonce})
	if err != nil {
		return made, err
	}
	defer key.Close()
	certified := key.CertificationParameters()
	made.Certify.SubjectPublic = certified.Public
	made.Certify.Attest = certified.CreateAttestation
	made.Certify.Signature = certified.CreateSignature
	quote, err := ak.QuotePCRs(tpm, request.Nonce, attest.HashSHA256, request.Pcrs)
	if err != nil {
		return made, err
	}
	made.Quote.Attest, made.Quote.Signature = quote.Quote, quote.Signature
	values, err := tpm.PCRs(attest.HashSHA256)
	if err != nil {
		return made, err
	}
	for _, index := range request.Pcrs {
		for _, value := range values {
			if value.Index == index && value.DigestAlg == crypto.SHA256 {
				made.Pcrs = append(made.Pcrs, pcr{index, value.Digest})
			}
		}
	}
	return made, nil
}

type activateRequest struct {
	Device          string `json:"device"`
	Wrapped         []byte `json:"wrapped"`
	CredentialBlob  []byte `json:"credentialBlob"`
	EncryptedSecret []byte `json:"encryptedSecret"`
}

type secretAnswer struct {
	Secret []byte `json:"secret"`
}

func activate(request activateRequest) (made secretAnswer, err error) {
	tpm, err := open(request.Device)
	if err != nil {
		return made, err
	}
	ak, err := tpm.LoadAK(request.Wrapped)
	if err != nil {
		return made, err
	}
	defer ak.Close(tpm)
	made.Secret, err = ak.ActivateCredential(tpm, attest.EncryptedCredential{
		Credential: request.CredentialBlob,
		Secret:     request.EncryptedSecret,
	})
	if err != nil {
		return made, refusal{err}
	}
	return made, nil
}

type tpmkmsRequest struct {
	Device              string `json:"device"`
	Storage             string `json:"storage"`
	CaUrl               string `json:"caUrl"`
	PermanentIdentifier string `json:"permanentIdentifier"`
}

type chainAnswer struct {
	Chain               [][]byte `json:"chain"`
	PermanentIdentifier string   `json:"permanentIdentifier"`
}

// enrolByTpmkms makes an attestation key and asks the attestation CA for its certificate, as everything built on Smallstep's tpmkms does.
func enrolByTpmkms(request tpmkmsRequest) (made chainAnswer, err error) {
	options := url.Values{}
	options.Set("device", request.Device)
	options.Set("storage-directory", request.Storage)
	options.Set("attestation-ca-url", request.CaUrl)
	options.Set("permanent-identifier", request.PermanentIdentifier)
	uri := "tpmkms:"
	for key, values := range options {
		uri += key + "=" + url.QueryEscape(values[0]) + ";"
	}
	kms, err := tpmkms.New(nil, apiv1.Options{Type: apiv1.TPMKMS, URI: uri})
	if err != nil {
		return made, err
	}
	defer kms.Close()
	const name = "tpmkms:name=muster-interop;ak=true"
	if _, err := kms.CreateKey(&apiv1.CreateKeyRequest{Name: name, SignatureAlgorithm: apiv1.SHA256WithRSA, Bits: 2048}); err != nil {
		return made, err
	}
	attested, err := kms.CreateAttestation(&apiv1.CreateAttestationRequest{Name: name})
	if err != nil {
		return made, refusal{err}
	}
	for _, certificate := range attested.CertificateChain {
		made.Chain = append(made.Chain, certificate.Raw)
	}
	made.PermanentIdentifier = attested.PermanentIdentifier
	return made, nil
}
