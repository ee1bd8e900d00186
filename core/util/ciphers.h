/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The ciphers of MACsec and ESP, and their words in policies and texts. */
#ifndef RDMASEC_UTIL_CIPHERS_H
#define RDMASEC_UTIL_CIPHERS_H

#include <stdint.h>

/* A set. The first four are MACsec's, the rest IPsec's. */
enum policy_cipher {
	CIPHER_MACSEC_GCM_AES_128 = 1 << 0,
	CIPHER_MACSEC_GCM_AES_256 = 1 << 1,
	CIPHER_MACSEC_GCM_AES_XPN_128 = 1 << 2,
	CIPHER_MACSEC_GCM_AES_XPN_256 = 1 << 3,
	CIPHER_ESP_AES_GCM_128 = 1 << 4, /* rfc4106(gcm(aes)), RFC 4106 with a 16-octet ICV */
	CIPHER_ESP_AES_GCM_192 = 1 << 5,
	CIPHER_ESP_AES_GCM_256 = 1 << 6,
	CIPHER_ESP_CHACHA20_POLY1305 = 1 << 7, /* rfc7539esp(chacha20,poly1305), RFC 7634 */
	CIPHER_ESP_AES_CCM_128 = 1 << 8,       /* rfc4309(ccm(aes)), RFC 4309 with a 16-octet ICV */
	CIPHER_ESP_AES_CCM_256 = 1 << 9,
	CIPHER_NONE = 0,
	CIPHERS_DEFAULT = (1 << 8) - 1, /* all but CCM */
};

/* Returns the word for one cipher ("gcm-aes-128", "aes-gcm-256"...), NULL for any other value. */
const char *policy_cipher_name(uint32_t cipher);

enum {
	CIPHERS_MACSEC = (1 << 4) - 1,
	CIPHERS_ESP = ((1 << 10) - 1) & ~CIPHERS_MACSEC,
};

/* Every cipher with its word. */
enum { POLICY_CIPHERS = 10 };
extern const struct policy_cipher_word {
	uint32_t cipher;
	const char *word;
} policy_ciphers[POLICY_CIPHERS];

#endif
