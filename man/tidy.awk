# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# Removes the paragraph macros of scdoc that begin no paragraph: mandoc warns of each. One before .RE belongs behind it; one
# before a table or a literal block becomes a blank line.

function begin_paragraph()
{
	if (held && !after_heading)
		print ".P"
	held = 0
}

/^\.P$/ { held = 1; next }
/^\.(SH|SS|TH) / { held = 0; print; after_heading = 1; next }
/^\.RE$/ { print; next }
/^\.(TS|nf|RS)/ {
	if (held && !after_heading)
		print ".sp"
	held = 0
	print
	after_heading = 0
	next
}
{ begin_paragraph(); print; after_heading = 0 }
