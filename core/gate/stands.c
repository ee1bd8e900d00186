// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "gate/stands.h"

#include "evidence/facts.h"
#include "gate/gate.h"
#include "gate/plan.h"

bool gate_stands(const struct evidence *ev, int ifindex)
{
	struct gate_standing standing;
	bool some = false;
	char error[128];

	for (size_t i = 0; i < ev->link_count; i++) {
		if (!gate_is_needed(ev, &ev->links[i], &ifindex, 1))
			continue;
		if (gate_standing(ev->links[i].ifindex, &standing, error, sizeof(error)) || standing.out != GATE_FIRST)
			return false;
		some = true;
	}
	return some;
}
