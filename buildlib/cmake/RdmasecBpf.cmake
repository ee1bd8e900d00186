# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# BPF programs of rooms. Their loaders are linked to libbpf, as PkgConfig::BPF.
if(RDMASEC_BPF)
	pkg_check_modules(BPF REQUIRED IMPORTED_TARGET libbpf>=1.0)
	find_program(RDMASEC_CLANG NAMES clang clang-14 clang-16 clang-19 REQUIRED)
	find_program(RDMASEC_BPFTOOL bpftool PATHS /usr/sbin /sbin REQUIRED)
endif()

# rdmasec_bpf_skeleton(NAME OUT): builds NAME.bpf.c of the room NAME, and its skeleton "NAME/NAME.skel.h" below the room's
# build folder, with the prefix NAME_bpf. Returns the skeleton's file in OUT, a source of the loader.
function(rdmasec_bpf_skeleton name out)
	set(object "${CMAKE_CURRENT_BINARY_DIR}/${name}.bpf.o")
	set(skeleton "${CMAKE_CURRENT_BINARY_DIR}/${name}/${name}.skel.h")
	file(MAKE_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}/${name}")
	# The kernel's headers of BPF programs lie where those of the host do; asm/ is in the folder of its architecture.
	add_custom_command(OUTPUT "${object}"
		COMMAND "${RDMASEC_CLANG}" -g -O2 -target bpf -Wall -Wextra -Werror
			-iquote "${CMAKE_BINARY_DIR}/rooms/${name}" -idirafter "/usr/include/${CMAKE_LIBRARY_ARCHITECTURE}"
			-ffile-prefix-map=${PROJECT_SOURCE_DIR}/= -ffile-prefix-map=${CMAKE_BINARY_DIR}/=
			-c "${CMAKE_CURRENT_SOURCE_DIR}/${name}.bpf.c" -o "${object}"
		DEPENDS ${name}.bpf.c shared.h VERBATIM)
	add_custom_command(OUTPUT "${skeleton}"
		COMMAND sh -c "exec \"$0\" gen skeleton \"$1\" name \"$3\" >\"$2\"" "${RDMASEC_BPFTOOL}" "${object}" "${skeleton}"
			${name}_bpf
		DEPENDS "${object}" VERBATIM)
	set(${out} "${skeleton}" PARENT_SCOPE)
endfunction()
