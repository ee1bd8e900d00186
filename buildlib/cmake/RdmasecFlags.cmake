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

# What only tests run is compiled once more; -O1 takes half the time of -O2.
set(RDMASEC_SANITIZERS -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
if(RDMASEC_FUZZ)
	list(APPEND RDMASEC_SANITIZERS -fsanitize=fuzzer-no-link)
endif()
