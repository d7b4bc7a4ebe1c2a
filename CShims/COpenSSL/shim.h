// OpenSSL's EVP interface: SHA-1 and SHA-256 digests, Ed25519 signatures.
// The includes are the whole shim: every function that is used is a real function, not a macro.
#pragma once
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
