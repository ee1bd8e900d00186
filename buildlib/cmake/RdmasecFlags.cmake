# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# One place for the flags every target is built with, and the functions that say what kind of target it is.
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
	set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()

add_compile_definitions(_GNU_SOURCE RDMASEC_VERSION="${PROJECT_VERSION}")
add_compile_options(-Wall -Wextra -Wstrict-prototypes -Wmissing-prototypes -Wshadow -Wvla -Wformat=2
	-fstack-protector-strong)
if(RDMASEC_WERROR)
	add_compile_options(-Werror)
endif()
if(CMAKE_BUILD_TYPE MATCHES "Rel")
	add_compile_definitions(_FORTIFY_SOURCE=2)
endif()
add_link_options(-Wl,-z,defs -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--as-needed)

# RDMASEC_SANITIZE: sanitizers of every target, in a build of its own (see CMakePresets.json). A library that a program
# preloads then works only in programs that are built the same way.
set(RDMASEC_SANITIZE "" CACHE STRING "Sanitizers for all targets, a list of: address undefined thread")
if(RDMASEC_SANITIZE)
	foreach(sanitizer ${RDMASEC_SANITIZE})
		if(NOT sanitizer MATCHES "^(address|undefined|thread)$")
			message(FATAL_ERROR "RDMASEC_SANITIZE: unknown sanitizer '${sanitizer}'")
		endif()
	endforeach()
	list(JOIN RDMASEC_SANITIZE "," sanitizers)
	add_compile_options(-fsanitize=${sanitizers} -fno-sanitize-recover=all -fno-omit-frame-pointer)
	# clang links its runtime to executables only
	add_link_options(-fsanitize=${sanitizers} $<$<C_COMPILER_ID:Clang>:-Wl,-z,undefs>)
	set(RDMASEC_SANITIZERS -O1)
else()
	# Libraries of the tests are compiled a second time; -O1 takes half the time of -O2.
	set(RDMASEC_SANITIZERS -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
endif()
if(RDMASEC_FUZZ)
	list(APPEND RDMASEC_SANITIZERS -fsanitize=fuzzer-no-link)
endif()
