// muster-claim-key: the key that signs a Mac's claim. Built on a Mac only (native/macos/build.sh), signed with the app.
//
//   muster-claim-key public        prints {"protection":"secure-enclave"|"keychain","spki":"<base64>"}; makes the key when absent
//   muster-claim-key sign BASE64   prints {"signature":"<base64>"}: ECDSA P-256 over a 32-byte SHA-256 digest, DER
//   muster-claim-key remove        forgets the key
//
// The Secure Enclave needs an application-identifier or keychain-access-groups entitlement; without one, or without an
// enclave, the key is made in the login keychain, and the label says so.
import Foundation
import Security

let tag = "org.muster.Muster.claim".data(using: .utf8)!
let spkiHeader = Data([
  0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d,
  0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
])

func fail(_ message: String) -> Never {
  FileHandle.standardError.write((message + "\n").data(using: .utf8)!)
  exit(1)
}

func query(_ enclave: Bool) -> [String: Any] {
  var query: [String: Any] = [
    kSecClass as String: kSecClassKey,
    kSecAttrApplicationTag as String: tag,
    kSecAttrKeyType as String: kSecAttrKeyTypeECSECPrimeRandom,
    kSecReturnRef as String: true,
  ]
  if enclave { query[kSecAttrTokenID as String] = kSecAttrTokenIDSecureEnclave }
  return query
}

func find(_ enclave: Bool) -> SecKey? {
  var item: CFTypeRef?
  guard SecItemCopyMatching(query(enclave) as CFDictionary, &item) == errSecSuccess, let found = item else { return nil }
  return (found as! SecKey)
}

func make(_ enclave: Bool) -> SecKey? {
  var privateAttributes: [String: Any] = [
    kSecAttrIsPermanent as String: true,
    kSecAttrApplicationTag as String: tag,
    kSecAttrIsExtractable as String: false,
  ]
  var attributes: [String: Any] = [
    kSecAttrKeyType as String: kSecAttrKeyTypeECSECPrimeRandom,
    kSecAttrKeySizeInBits as String: 256,
  ]
  if enclave {
    guard
      let access = SecAccessControlCreateWithFlags(
        nil, kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly, .privateKeyUsage, nil)
    else { return nil }
    privateAttributes[kSecAttrAccessControl as String] = access
    attributes[kSecAttrTokenID as String] = kSecAttrTokenIDSecureEnclave
  }
  attributes[kSecPrivateKeyAttrs as String] = privateAttributes
  return SecKeyCreateRandomKey(attributes as CFDictionary, nil)
}

func key(create: Bool) -> (SecKey, String) {
  if let found = find(true) { return (found, "secure-enclave") }
  if let found = find(false) { return (found, "keychain") }
  guard create else { fail("There is no claim key on this Mac.") }
  if let made = make(true) { return (made, "secure-enclave") }
  if let made = make(false) { return (made, "keychain") }
  fail("Neither the Secure Enclave nor the keychain made a key.")
}

func print(json: [String: String]) {
  FileHandle.standardOutput.write(try! JSONSerialization.data(withJSONObject: json, options: [.sortedKeys]))
}

switch CommandLine.arguments.dropFirst().first {
case "public":
  let (privateKey, protection) = key(create: true)
  guard let publicKey = SecKeyCopyPublicKey(privateKey),
    let point = SecKeyCopyExternalRepresentation(publicKey, nil) as Data?
  else { fail("The public key cannot be read.") }
  print(json: ["protection": protection, "spki": (spkiHeader + point).base64EncodedString()])
case "sign":
  guard CommandLine.arguments.count == 3, let digest = Data(base64Encoded: CommandLine.arguments[2]), digest.count == 32
  else { fail("A SHA-256 digest in base64 is needed.") }
  let (privateKey, _) = key(create: false)
  var error: Unmanaged<CFError>?
  guard
    let signature = SecKeyCreateSignature(privateKey, .ecdsaSignatureDigestX962SHA256, digest as CFData, &error) as Data?
  else { fail("The key did not sign.") }
  print(json: ["signature": signature.base64EncodedString()])
case "remove":
  for enclave in [true, false] { SecItemDelete(query(enclave) as CFDictionary) }
default:
  fail("usage: muster-claim-key public | sign BASE64 | remove")
}
