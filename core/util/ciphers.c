// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include <stddef.h>

#include "util/ciphers.h"

const struct policy_cipher_word policy_ciphers[POLICY_CIPHERS] = {
	{ CIPHER_MACSEC_GCM_AES_128, "gcm-aes-128" },
	{ CIPHER_MACSEC_GCM_AES_256, "gcm-aes-256" },
	{ CIPHER_MACSEC_GCM_AES_XPN_128, "gcm-aes-xpn-128" },
	{ CIPHER_MACSEC_GCM_AES_XPN_256, "gcm-aes-xpn-256" },
	{ CIPHER_ESP_AES_GCM_128, "aes-gcm-128" },
	{ CIPHER_ESP_AES_GCM_192, "aes-gcm-192" },
	{ CIPHER_ESP_AES_GCM_256, "aes-gcm-256" },
	{ CIPHER_ESP_CHACHA20_POLY1305, "chacha20-poly1305" },
	{ CIPHER_ESP_AES_CCM_128, "aes-ccm-128" },
	{ CIPHER_ESP_AES_CCM_256, "aes-ccm-256" },
};

const char *policy_cipher_name(uint32_t cipher)
{
	for (size_t i = 0; i < POLICY_CIPHERS; i++)
		if (policy_ciphers[i].cipher == cipher)
			return policy_ciphers[i].word;
	return NULL;
}
