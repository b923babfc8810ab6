import { readFileSync } from 'node:fs';
import { fromHex } from '../index.ts';

type Hex = string;
type Bank = { hash: number; values: { pcr: number; digest: Hex }[] };
export type Vectors = {
  madeAt: string;
  authority: { root: Hex; issuer: Hex };
  eks: { name: string; public: Hex; certificate: Hex }[];
  aks: {
    kind: string;
    public: Hex;
    creationData: Hex;
    attest: Hex;
    signature: Hex;
    certify: { subjectPublic: Hex; extraData: Hex; attest: Hex; signature: Hex };
    quotes: {
      name: string;
      selection: { hash: number; pcrs: number[] }[];
      nonce: Hex;
      attest: Hex;
      signature: Hex;
      pcrs: Bank[];
    }[];
    credentials: {
      ek: string;
      secret: Hex;
      seed?: Hex;
      oaep?: Hex;
      ephemeral?: Hex;
      credentialBlob: Hex;
      encryptedSecret: Hex;
    }[];
  }[];
};

export const vectors = JSON.parse(readFileSync(new URL('../vectors/tpm.json', import.meta.url), 'utf8')) as Vectors;
export const hex = fromHex;
export const banksOf = (banks: readonly Bank[]) =>
  banks.map(({ hash, values }) => ({
    hash,
    values: values.map(({ pcr, digest }) => ({ pcr, digest: fromHex(digest) })),
  }));
