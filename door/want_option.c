// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "want_option.h"

#include <assert.h>
#include <errno.h>
#include <rdmasec/rdma_sec.h>
#include <string.h>

static_assert((int)RDMASEC_REQUIRE_ANY == (int)WANT_ANY && (int)RDMASEC_REQUIRE_MACSEC == (int)WANT_MACSEC &&
		      (int)RDMASEC_REQUIRE_IPSEC == (int)WANT_IPSEC,
	      "the values of the API are those of the protocol");
static_assert((int)RDMASEC_GRANULARITY_HOST == (int)WANT_HOST && (int)RDMASEC_GRANULARITY_QP == (int)WANT_QP,
	      "the values of the API are those of the protocol");
static_assert((int)RDMASEC_SETUP_TIMEOUT_MAX == (int)SETUP_TIMEOUT_MAX_MS, "one limit");

bool want_is_empty(const struct want *want)
{
	return !want->require && !want->granularity && !want->setup_timeout_ms;
}

static int require_set(struct want *want, uint32_t value)
{
	switch (value) {
	case RDMASEC_REQUIRE_ANY:
	case RDMASEC_REQUIRE_MACSEC:
	case RDMASEC_REQUIRE_IPSEC:
		want->require = value;
		return 0;
	case RDMASEC_REQUIRE_NONE:
		return -EPERM;
	default:
		return -EINVAL;
	}
}

static int granularity_set(struct want *want, uint32_t value)
{
	if (value != RDMASEC_GRANULARITY_HOST && value != RDMASEC_GRANULARITY_QP)
		return -EINVAL;
	want->granularity = value;
	return 0;
}

static int setup_timeout_set(struct want *want, uint32_t value)
{
	if (value > RDMASEC_SETUP_TIMEOUT_MAX)
		return -EINVAL;
	want->setup_timeout_ms = value;
	return 0;
}

int want_option_set(struct want *want, int option, const void *value, size_t size)
{
	uint32_t number;

	if (!value || size != sizeof(number))
		return -EINVAL;
	memcpy(&number, value, sizeof(number));
	switch (option) {
	case RDMASEC_REQUIRE:
		return require_set(want, number);
	case RDMASEC_GRANULARITY:
		return granularity_set(want, number);
	case RDMASEC_SETUP_TIMEOUT:
		return setup_timeout_set(want, number);
	default:
		return -EINVAL;
	}
}

int want_both(const struct want *a, const struct want *b, struct want *out)
{
	struct want both = {
		.require = a->require > b->require ? a->require : b->require,
		.granularity = a->granularity > b->granularity ? a->granularity : b->granularity,
	};

	/* MACsec and IPsec both satisfy ANY, but not each other */
	if ((a->require == WANT_MACSEC && b->require == WANT_IPSEC) ||
	    (a->require == WANT_IPSEC && b->require == WANT_MACSEC))
		return -EPERM;
	if (!a->setup_timeout_ms || !b->setup_timeout_ms)
		both.setup_timeout_ms = a->setup_timeout_ms + b->setup_timeout_ms;
	else
		both.setup_timeout_ms =
			a->setup_timeout_ms < b->setup_timeout_ms ? a->setup_timeout_ms : b->setup_timeout_ms;
	*out = both;
	return 0;
}
